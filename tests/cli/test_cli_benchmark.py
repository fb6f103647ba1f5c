"""`benchmark` runs tasks, goes on with them, lists and draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

Run = Callable[..., Any]

mpl.use("Agg")
SMALL = ("--methods", "constant,observational", "--seeds", "2", "--rows", "60,300", "--jobs", "1")


def test_run_again_and_draw(run: Run, tmp_path: Path) -> None:
    first = run("benchmark", "smoke", "--out", "r", *SMALL)
    assert (first.code, first.err) == (0, "")
    assert max(map(len, first.out.splitlines())) <= 80
    assert "rows 60, 2 worlds, sd of the truth" in first.out
    table = pd.read_parquet(tmp_path / "r" / "results.parquet")
    assert len(table) == 8
    again = run("benchmark", "smoke", "--out", "r", *SMALL)
    assert again.out == first.out
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "r" / "results.parquet"), table)
    command = first.out.strip().splitlines()[-1].split()
    drawn = run(*command[1:])
    assert (drawn.code, drawn.err) == (0, "")
    assert (tmp_path / "r" / "smoke-excess.png").is_file()
    assert not list(tmp_path.glob("r/*coverage*"))


def test_failures_are_told(run: Run) -> None:
    told = run("benchmark", "smoke", "--out", "r", "--methods", "constant,plug_in", "--rows", "9", "--jobs", "1")
    assert told.code == 0
    assert "Failed: plug_in in 2 of 2 cells, first with DataError: " in told.out


def test_one_action(run: Run) -> None:
    told = run("benchmark", "fig2a", "--out", "r", *SMALL, "--actions", "1")
    assert (told.code, told.err) == (0, "")
    assert "Failed" not in told.out


def test_example1(run: Run) -> None:
    told = run("benchmark", "example1", "--out", "r")
    assert (told.code, told.err) == (0, "")
    assert max(map(len, told.out.splitlines())) <= 80
    assert "twins; by its regimes the joint is identified" in told.out
    assert "0.5625" in told.out


def test_list(run: Run) -> None:
    told = run("benchmark", "list")
    assert max(map(len, told.out.splitlines())) <= 80
    for word in ("fig2a", "violations", "example1", "ours_nuts", "coverage_90", "media-mix"):
        assert word in told.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fig9", "--out", "r"), "there is no task 'fig9'. The tasks are fig2a, "),
        (("smoke", "--out", "r", "--methods", "best"), "there is no method 'best'. The methods are ours, "),
        (("smoke", "--out", "r", "--seeds", "0"), "the number of seeds must be a whole number, 1 or more. Got 0"),
        (("smoke", "--out", "r", "--rows", "many"), "--rows 'many' is not a list of numbers; write"),
        (("smoke",), "--out is missing"),
        (("plot", "nowhere"), "nowhere holds no results; make some with: bayes-ivgen benchmark smoke"),
    ],
)
def test_bad_input(run: Run, words: tuple[str, ...], message: str) -> None:
    told = run("benchmark", *words)
    assert told.code == 2
    assert message in told.err
    assert len(told.err.splitlines()) == 1


def test_a_folder_of_another_run(run: Run) -> None:
    run("benchmark", "smoke", "--out", "r", *SMALL)
    told = run("benchmark", "smoke", "--out", "r", *SMALL, "--scm", "lognormal")
    assert told.code == 2
    assert "holds results of other options (scm: 'polynomial' there, 'lognormal' now)" in told.err
    assert run("benchmark", "smoke", "--out", "r2", *SMALL, "--scm", "lognormal").code == 0
