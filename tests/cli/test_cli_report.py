"""`report` writes the page of `Fit.report`."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bayes_ivgen as ivg

Run = Callable[..., Any]


@pytest.fixture
def fitted(workplace: Path) -> ivg.Fit:
    return ivg.load(workplace / "fit.zarr")


def test_a_page_is_written_and_not_replaced(run: Run, fitted: ivg.Fit, tmp_path: Path) -> None:
    result = run("report", "fit.zarr", "--out", "page.html", "--unit", "y=euro")
    assert (result.code, result.err) == (0, "")
    assert "Wrote page.html" in result.out
    written = (tmp_path / "page.html").read_text(encoding="utf-8")
    fitted.report("same.html", units={"y": "euro"})
    assert (tmp_path / "same.html").read_text(encoding="utf-8") == written
    again = run("report", "fit.zarr", "--out", "page.html")
    assert again.code == 2
    assert "pass --overwrite to replace it" in again.err
    assert run("report", "fit.zarr", "--out", "page.html", "--overwrite", "--do", "a=1,b=0").code == 0
    asked = unescape((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert fitted.effect(do={"a": 1.0, "b": 0.0}).sentence() in asked


def test_questions_come_from_a_file(run: Run, fitted: ivg.Fit, tmp_path: Path) -> None:
    pd.DataFrame({"a": [0.0, 1.0], "b": [0.5, -0.5]}).to_csv("q.csv", index=False)
    assert run("report", "fit.zarr", "--out", "page.html", "--queries", "q.csv").code == 0
    asked = unescape((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "do(a=0, b=0.5)" in asked
    assert "do(a=1, b=-0.5)" in asked


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "page.txt"], "must end in .html or .htm"),
        (["--out", "page.html", "--do", "c=1"], "do names 'c', which is not an action"),
        (["--out", "page.html", "--unit", "y"], "--unit 'y' is not column=unit"),
        (["--out", "page.html", "--unit", "y=euro", "--unit", "y=cent"], "--unit names 'y' twice"),
        (["--out", "page.html", "--unit", "c=euro"], "units names 'c'"),
        ([], "--out is missing"),
    ],
)
def test_bad_words_are_refused_in_one_line(words: list[str], message: str, run: Run, fitted: ivg.Fit) -> None:
    result = run("report", "fit.zarr", *words)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not Path("page.html").exists()
