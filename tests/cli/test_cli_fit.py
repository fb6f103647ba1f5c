"""`fit` and `check` on real files."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg

Run = Callable[..., Any]

ROWS = ("--outcome", "y", "--actions", "a,b")
SHORT = ("--draws", "60", "--tune", "60", "--chains", "2", "--cores", "1", "--seed", "0")


def fits_the_screen(text: str) -> bool:
    return max(map(len, text.splitlines()), default=0) <= 80


def effect_of(path: Path) -> np.ndarray:
    return ivg.load(path).effect(do={"a": [0.5, 1.0], "b": 0.0}).draws.values


def suggested(out: str) -> list[str]:
    """The command in the last line, as words after the name of the program."""
    name, *words = shlex.split(out.strip().splitlines()[-1])
    assert name == "bayes-ivgen"
    return words


def test_a_fit_is_reported_saved_and_can_be_asked(workplace: Path, run: Run) -> None:
    result = run("fit", "rows.parquet", *ROWS, "--exclude", "do(a,b)", "--out", "new.zarr", *SHORT)
    assert result.code == 0
    assert fits_the_screen(result.out)
    flat = " ".join(result.out.split())
    assert "Fitted y given a, b:" in flat
    assert "2 chains of 60 draws" in flat
    assert re.search(r"obs +200 .*do\(a\) +100 .*do\(b\) +100 ", flat)
    assert "Graph (learned from the experiments): a -> b" in flat
    assert "joint effects" in flat
    assert "Saved in new.zarr." in flat
    np.testing.assert_array_equal(effect_of(workplace / "new.zarr"), effect_of(workplace / "fit.zarr"))
    next_step = suggested(result.out)
    assert next_step[:3] == ["effect", "new.zarr", "--do"]
    assert "--given" not in next_step
    assert run(*next_step).code == 0


@pytest.mark.parametrize("place", ["rows.csv", "copy.data", "folder", "folder/*.parquet", "two files"])
def test_every_place_of_the_same_rows_gives_the_same_fit(place: str, workplace: Path, run: Run) -> None:
    (workplace / "folder").mkdir()
    rows = pd.read_parquet(workplace / "rows.parquet")
    halves = [workplace / "folder" / f"{i}.parquet" for i in range(2)]
    rows.iloc[:150].to_parquet(halves[0], index=False)
    rows.iloc[150:].to_parquet(halves[1], index=False)
    (workplace / "rows.parquet").rename(workplace / "copy.data")
    paths = [str(half) for half in halves] if place == "two files" else [place]
    more = ["--format", "parquet"] if place == "copy.data" else []
    result = run("fit", *paths, *more, *ROWS, "--exclude", "do(a,b)", "--out", "new.zarr", *SHORT)
    assert result.code == 0, result.err
    np.testing.assert_allclose(effect_of(workplace / "new.zarr"), effect_of(workplace / "fit.zarr"), rtol=1e-6)


def test_labels_of_ones_own(workplace: Path, run: Run) -> None:
    rows = pd.read_parquet(workplace / "rows.parquet").query("regime != 'do(a,b)'")
    own = {"obs": "history", "do(a)": "spring test", "do(b)": "x=1 test"}
    rows.assign(phase=rows["regime"].map(own)).drop(columns="regime").to_csv("own.csv", index=False)
    labels = ("--regime", "phase", "--label", "history=", "--label", "spring test=a")
    unexplained = run("fit", "own.csv", *ROWS, *labels, "--out", "new.zarr", *SHORT)
    assert unexplained.code == 2
    assert 'pass --label "your label=action,action"' in unexplained.err
    result = run("fit", "own.csv", *ROWS, *labels, "--label", "x=1 test=b", "--out", "new.zarr", *SHORT)
    assert result.code == 0, result.err
    np.testing.assert_allclose(effect_of(workplace / "new.zarr"), effect_of(workplace / "fit.zarr"), rtol=1e-6)


def test_options_reach_the_model(workplace: Path, run: Run) -> None:
    words = ("--graph", "b:a", "--confounding", "separable", "--noise", "constant")
    result = run("fit", "rows.parquet", *ROWS, *words, "--out", "new.zarr", *SHORT)
    assert result.code == 0, result.err
    assert "Graph (given): a -> b" in result.out
    fitted = ivg.load(workplace / "new.zarr")
    settings = json.loads(fitted.datatree.attrs["bayes_ivgen_fit"])["settings"]
    assert settings == {"engine": "conjugate", "seed": 0, "tune": 60}
    assert fitted.datatree["posterior"].sizes["draw"] == 60
    assert fitted.model == ivg.InterventionModel(
        graph=ivg.ActionGraph({"b": ["a"]}), confounding="separable", noise="constant"
    )
    assert [regime.label for regime in fitted.regimes] == ["obs", "do(a)", "do(b)", "do(a,b)"]


def test_overwrite_replaces_a_fit(workplace: Path, run: Run) -> None:
    words = ("fit", "rows.parquet", *ROWS, "--out", "fit.zarr", *SHORT)
    refused = run(*words)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert run(*words, "--overwrite").code == 0
    assert len(ivg.load(workplace / "fit.zarr").regimes) == 4


def test_the_next_step_asks_what_the_regimes_identify(
    run: Run,
    linear_rows: Callable[..., pd.DataFrame],
) -> None:
    linear_rows({"obs": 150, "do(a)": 100}).to_parquet("few.parquet", index=False)
    result = run("fit", "few.parquet", *ROWS, "--out", "few.zarr", *SHORT)
    assert result.code == 0, result.err
    next_step = suggested(result.out)
    assert "--given" in next_step
    answer = run(*next_step)
    assert answer.code == 0, answer.err
    assert "yes" in answer.out


def test_a_warning_is_one_line_with_options(workplace: Path, run: Run) -> None:
    pd.read_parquet("rows.parquet").groupby("regime").head(15).to_parquet("thin.parquet", index=False)
    result = run("fit", "thin.parquet", *ROWS, "--graph", "full", "--out", "new.zarr", *SHORT)
    assert result.code == 0
    lines = result.err.splitlines()
    assert all(line.startswith("bayes-ivgen: warning: ") for line in lines), result.err
    assert any("the confounding component of 'b' has" in line for line in lines), result.err
    assert "BSpline" not in result.err


def test_check_says_what_can_be_answered(run: Run, workplace: Path) -> None:
    result = run("check", "rows.parquet", *ROWS, "--exclude", "do(a,b)")
    assert (result.code, result.err) == (0, "")
    assert fits_the_screen(result.out)
    flat = " ".join(result.out.split())
    assert "Rows: 400 in 3 regimes." in flat
    assert re.search(r"do\(a\) +100 ", flat)
    assert "Identified: the joint effect do(a,b)" in flat
    assert "Graph (learned): a -> b" in flat
    assert re.search(r"a -> b [\d.e-]+ [-\d.e ]*yes b -> a [\d.e-]+ [-\d.e ]*no", flat)
    assert "Too few rows for a part of the model: none" in flat


def test_check_names_the_missing_experiment_and_thin_parts(
    run: Run,
    linear_rows: Callable[..., pd.DataFrame],
) -> None:
    linear_rows({"obs": 12, "do(a)": 12}).to_csv("few.csv", index=False)
    result = run("check", "few.csv", *ROWS)
    assert (result.code, result.err) == (0, "")
    assert fits_the_screen(result.out)
    flat = " ".join(result.out.split())
    assert re.search(r"do\(a,b\) do\(b\)", flat)
    assert "Identified: obs, do(a)." in flat
    assert re.search("b -> a [- ]+ untested, kept", result.out)
    assert "- the confounding component of 'a' has" in flat
    assert "BSpline" not in flat
    given = run("check", "few.csv", *ROWS, "--graph", "b:a")
    assert "Graph (given): a -> b" in given.out


@pytest.mark.parametrize(
    ("actions", "graph", "advice"),
    [("a,b", "empty", "Pass --graph b:a or --graph learn;"), ("b,a", "full", "Pass --actions a,b --graph full or")],
)
def test_a_graph_against_the_data_is_named_with_options_that_help(
    workplace: Path, run: Run, actions: str, graph: str, advice: str
) -> None:
    rows = ("rows.parquet", "--outcome", "y", "--exclude", "do(a,b)")
    checked = run("check", *rows, "--actions", actions, "--graph", graph)
    assert checked.code == 0
    assert advice in " ".join(checked.out.split())
    result = run("fit", *rows, "--actions", actions, "--graph", graph, "--out", "new.zarr", *SHORT)
    assert result.code == 0
    (line,) = [line for line in result.err.splitlines() if "contradict" in line]
    assert line.startswith("bayes-ivgen: warning: the data contradict the graph: a drives b (p ")
    assert advice in line
    found = re.search(r"Pass (?:--actions (\S+) )?--graph (\S+) or", line)
    assert found is not None
    mended = ("--actions", found[1] or actions, "--graph", found[2])
    assert "contradict" not in run("check", *rows, *mended).out
    again = run("fit", *rows, *mended, "--out", "new.zarr", "--overwrite", *SHORT)
    assert again.code == 0
    assert "contradict" not in again.err


def test_notes_of_a_fit_are_kept_and_used(workplace: Path, run: Run) -> None:
    options = (*ROWS, "--exclude", "do(a,b)", *SHORT, "--checkpoint", "notes")
    assert run("fit", "rows.parquet", *options, "--out", "one.zarr").code == 0
    notes = {path: path.stat().st_mtime_ns for path in (workplace / "notes").iterdir()}
    assert len(notes) == 2  # what the rows are like, and their sums
    assert run("fit", "rows.parquet", *options, "--out", "two.zarr").code == 0
    assert {path: path.stat().st_mtime_ns for path in (workplace / "notes").iterdir()} == notes
    np.testing.assert_array_equal(effect_of(workplace / "one.zarr"), effect_of(workplace / "two.zarr"))
