"""`effect` against the same questions in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg

Run = Callable[..., Any]


def fits_the_screen(text: str) -> bool:
    return max(map(len, text.splitlines()), default=0) <= 80


@pytest.fixture
def fitted(workplace: Path) -> ivg.Fit:
    return ivg.load(workplace / "fit.zarr")


def test_one_question_gives_the_sentence_and_a_table(run: Run, fitted: ivg.Fit) -> None:
    result = run("effect", "fit.zarr", "--do", "a=0.5", "--do", "b=-1", "--prob", "0.8")
    assert (result.code, result.err) == (0, "")
    assert fits_the_screen(result.out)
    flat = " ".join(result.out.split())
    assert fitted.effect(do={"a": 0.5, "b": -1.0}).sentence(0.8) in flat
    assert "10 % 90 % prior supported" in flat
    assert flat.endswith("yes")


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["--do", "a=0.5", "--given", "b=1"], {"do": {"a": 0.5}, "given": {"b": 1.0}}),
        (["--do", "a=0.5", "--rest", "hold"], {"do": {"a": 0.5}, "rest": "hold"}),
        (["--do", "a=0.5", "--rest", "respond"], {"do": {"a": 0.5}, "rest": "respond"}),
        (["--given", "a=0.5,b=1"], {"given": {"a": 0.5, "b": 1.0}}),
        (["--do", "a=60,b=0", "--extrapolate"], {"do": {"a": 60.0, "b": 0.0}, "extrapolate": True}),
    ],
)
def test_sides_and_rest(words: list[str], question: dict, run: Run, fitted: ivg.Fit) -> None:
    result = run("effect", "fit.zarr", *words)
    assert result.code == 0, result.err
    assert fitted.effect(**question).sentence() in " ".join(result.out.split())


def test_contrasts_keep_what_is_not_named(run: Run, fitted: ivg.Fit) -> None:
    both = {"a": 1.0, "b": 0.5}
    result = run("effect", "fit.zarr", "--do", "a=1,b=0.5", "--versus", "a=-1")
    assert fitted.contrast(do=both, versus=both | {"a": -1.0}).sentence() in " ".join(result.out.split())
    assert run("effect", "fit.zarr", "--do", "a=1,b=0.5", "--against", "a=-1").out == result.out
    ratio = run("effect", "fit.zarr", "--do", "a=1,b=0.5", "--versus", "a=-1", "--ratio")
    expected = fitted.contrast(do=both, versus=both | {"a": -1.0}, kind="ratio").sentence()
    assert expected in " ".join(ratio.out.split())
    seen = run("effect", "fit.zarr", "--do", "a=1", "--given", "b=0.5", "--versus-given", "b=0")
    wanted = fitted.contrast(do={"a": 1.0}, versus={"a": 1.0}, given={"b": 0.5}, versus_given={"b": 0.0})
    assert wanted.sentence() in " ".join(seen.out.split())


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_of_questions_carries_columns_along(suffix: str, run: Run, fitted: ivg.Fit, tmp_path: Path) -> None:
    queries = pd.DataFrame({"name": ["x", "y", "z"], "b": [0.0, 0.5, 1.0], "a": [1.0, 2.0, 3.0], "mean": [7, 8, 9]})
    queries.to_csv("q.csv", index=False)
    queries.to_parquet("q.parquet", index=False)
    result = run("effect", "fit.zarr", "--queries", f"q.{suffix}", "--set", "a", "--out", f"t.{suffix}")
    assert result.code == 0, result.err
    assert fits_the_screen(result.out)
    assert "only carried along: name, mean." in result.out
    assert "E[y | do(a), b], 3 queries" in result.out
    table = pd.read_csv(tmp_path / "t.csv") if suffix == "csv" else pd.read_parquet(tmp_path / "t.parquet")
    expected = fitted.effect(do={"a": [1.0, 2.0, 3.0]}, given={"b": [0.0, 0.5, 1.0]}, extrapolate=True).summary()
    assert table["name"].tolist() == ["x", "y", "z"]
    assert table["mean_given"].tolist() == [7, 8, 9]
    np.testing.assert_allclose(table["mean"], expected["mean"])
    np.testing.assert_allclose(table["upper"], expected["upper"])
    shown = re.findall(r"^ +(\d) +([\d.]+) +(-?[\d.]+) ", result.out, flags=re.M)
    assert [float(row[0]) for row in shown] == [1.0, 2.0, 3.0]
    np.testing.assert_allclose([float(row[2]) for row in shown], expected["mean"], atol=0.006)


def test_a_file_may_be_joined_with_fixed_values(run: Run, fitted: ivg.Fit) -> None:
    pd.DataFrame({"a": [0.0, 1.0]}).to_csv("q.csv", index=False)
    result = run("effect", "fit.zarr", "--queries", "q.csv", "--do", "b=1", "--out", "t.csv")
    assert result.code == 0, result.err
    assert "at b=1, 2 queries" in result.out
    expected = fitted.effect(do={"a": [0.0, 1.0], "b": 1.0}).summary()
    np.testing.assert_allclose(pd.read_csv("t.csv")["mean"], expected["mean"])


def test_long_tables_are_cut_and_say_so(run: Run, fitted: ivg.Fit) -> None:
    pd.DataFrame({"a": np.linspace(-1, 1, 50), "b": 12.0}).to_csv("q.csv", index=False)
    result = run("effect", "fit.zarr", "--queries", "q.csv")
    assert result.code == 0, result.err
    assert "The first 20 of 50; --out table.csv writes all." in result.out
    assert "Not supported by the data: 50, the first because b=12 is above" in " ".join(result.out.split())
    assert result.out.count(" no ") >= 19


def test_an_existing_table_is_replaced_only_on_request(run: Run, fitted: ivg.Fit) -> None:
    words = ("effect", "fit.zarr", "--do", "a=0,b=0", "--out", "t.csv")
    assert run(*words).code == 0
    assert run(*words).code == 2
    assert run(*words, "--overwrite").code == 0


def test_many_actions_still_fit_the_screen(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    from bayes_ivgen.cli.effect import show_estimate
    from bayes_ivgen.effects import Estimate

    names = [f"channel_{i}" for i in range(8)]
    queries = pd.DataFrame(np.arange(24.0).reshape(3, 8) * 1234.5678, columns=names)
    queries.index.name = "query"
    draws = np.random.default_rng(0).normal(1e6, 5e3, (2, 50, 3))
    support = pd.DataFrame({"prior_share": [0.01, 1.0, np.nan], "supported": True, "reason": [""] * 3})
    estimate = Estimate("effect", "E[y | do(...)]", queries, support, str, 2, 50, lambda block: draws[..., block])
    run("--version")
    show_estimate(estimate, estimate.summary(), 0.9)
    out = capsys.readouterr().out
    assert fits_the_screen(out)
    assert "channel_7" in out
    assert "1,000," in out or "999," in out
