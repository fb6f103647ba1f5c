"""Cells are run once, resumed after a kill, the same whoever runs them; failures are recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from benchmark_stubs import make_deadly, same

import bayes_ivgen as ivg
from bayes_ivgen.baselines import Experiment, Prediction
from bayes_ivgen.benchmark import Task, read_results, run, summarise
from bayes_ivgen.benchmark.metrics import METRICS
from bayes_ivgen.benchmark.summary import failures
from bayes_ivgen.errors import BenchmarkError, SpecError, StorageError


@pytest.fixture(scope="module")
def table(tiny: Task, guess: Any) -> pd.DataFrame:
    return run(tiny, methods={"guess": guess}, jobs=1)


def test_one_row_a_cell_and_method(table: pd.DataFrame, tiny: Task) -> None:
    assert len(table) == len(tiny.cells("own", range(2))) == 8
    assert not table["failed"].any()
    assert table[["excess", "rmse", "coverage_90", "crps", "seconds"]].notna().all().all()
    assert set(METRICS) <= set(table.columns)


def test_the_number_of_processes_does_not_matter(table: pd.DataFrame, tiny: Task, guess: Any) -> None:
    same(run(tiny, methods={"guess": guess}, jobs=2), table)


def test_finished_cells_are_not_run_again(table: pd.DataFrame, tiny: Task, guess: Any, tmp_path: Path) -> None:
    run(tiny, tmp_path / "r", methods={"guess": guess}, seeds=1, jobs=1)

    def fails(experiment: Experiment) -> Prediction:
        assert experiment.seed != 0, "run again"
        return guess(experiment)

    same(run(tiny, tmp_path / "r", methods={"guess": fails}, jobs=1), table)
    task, stored = read_results(tmp_path / "r")
    assert task == "own"
    same(stored, table)
    assert not list(tmp_path.rglob(".*"))


def test_a_method_can_be_added_later(table: pd.DataFrame, tiny: Task, guess: Any, tmp_path: Path) -> None:
    run(tiny, tmp_path, methods={"guess": guess}, jobs=1)
    both = run(tiny, tmp_path, methods={"other": guess}, jobs=1)
    same(both[both["method"] == "guess"].reset_index(drop=True), table)
    assert (both["method"] == "other").sum() == len(table)


def test_a_method_that_raises_is_recorded_and_the_rest_goes_on(tiny: Task, guess: Any, tmp_path: Path) -> None:
    def broken(experiment: Experiment) -> Prediction:
        if experiment.seed == 1:
            raise ZeroDivisionError("no rows of mine")
        return guess(experiment)

    found = run(tiny, tmp_path, methods={"broken": broken, "guess": guess}, jobs=2)
    failed = found[found["failed"]]
    assert set(failed["seed"]) == {1}
    assert set(failed["method"]) == {"broken"}
    assert set(failed["error"]) == {"ZeroDivisionError: no rows of mine"}
    assert failed[list(METRICS)].isna().all().all()
    summary = summarise(found)
    excess = summary[summary["metric"] == "excess"].groupby("method")[["worlds", "failed"]].sum()
    assert excess.loc["broken"].tolist() == [4, 4]
    assert excess.loc["guess"].tolist() == [8, 0]
    assert failures(found).to_dict("records") == [
        {"method": "broken", "cells": 4, "error": "ZeroDivisionError: no rows of mine"}
    ]
    same(run(tiny, tmp_path, methods={"broken": guess}, jobs=1), found)
    mended = run(tiny, tmp_path, methods={"broken": guess}, jobs=1, retry_failed=True)
    assert not mended["failed"].any()


def test_a_world_that_cannot_be_made_is_a_failure_of_its_cells(guess: Any) -> None:
    task = Task(about="", scm="media-mix", actions=(2, 9), rows=(40,), seeds=1, queries=20, fresh=10)
    found = run(task, methods={"guess": guess}, jobs=1).set_index("K")
    assert found["failed"].to_dict() == {2: False, 9: True}
    assert "n_channels must be an integer from 1 to 8. Got 9" in found.loc[9, "error"]


def test_a_summary_has_means_errors_and_medians(table: pd.DataFrame) -> None:
    summary = summarise(table).set_index(["metric", "K", "rows"]).sort_index()
    part = table[(table["K"] == 2) & (table["rows"] == 80)]["excess"]
    row = summary.loc["excess", 2, 80]
    assert [row["mean"], row["sem"], row["median"]] == pytest.approx([part.mean(), part.sem(), part.median()])


SLOW_RUN = """
import sys, time
from benchmark_stubs import make_guess
from bayes_ivgen.benchmark import Task, run
guess = make_guess()
def slow(experiment):
    time.sleep(0.3)
    return guess(experiment)
task = Task(about="tests", actions=(1, 2), rows=(40, 80), seeds=2, queries=30, fresh=20)
run(task, sys.argv[1], methods={"guess": slow}, jobs=1)
"""


def test_a_killed_run_goes_on_where_it_stopped(table: pd.DataFrame, tiny: Task, guess: Any, tmp_path: Path) -> None:
    out = tmp_path / "results"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen([sys.executable, "-c", SLOW_RUN, str(out)], env=environment)
    deadline = time.monotonic() + 60
    while len(list(out.glob("parts/*.json"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in out.glob("parts/*.json")}
    assert 2 <= len(done) < 8
    with pytest.raises(StorageError, match=r"holds no results.parquet: its run did not end. Go on with"):
        read_results(out)
    same(run(tiny, out, methods={"guess": guess}, jobs=1), table)
    assert {path: path.stat().st_mtime_ns for path in done} == done


@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
def test_a_killed_process_loses_nothing(table: pd.DataFrame, tiny: Task, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    found = run(tiny, tmp_path / "r", methods={"guess": make_deadly(str(marker), os.getpid())}, jobs=2)
    assert marker.exists()
    same(found, table)


@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")
def test_processes_that_always_die_are_an_error(tiny: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.benchmark.executors.RESTARTS", 0)
    parent = os.getpid()

    def dies(experiment: Experiment) -> Prediction:
        assert os.getpid() != parent
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    with pytest.raises(BenchmarkError, match=r"processes were killed 1 times in a row, .* fewer --jobs"):
        run(tiny, tmp_path, methods={"dies": dies}, jobs=2)


def test_a_folder_of_something_else(tiny: Task, guess: Any, tmp_path: Path) -> None:
    methods = {"guess": guess}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(StorageError, match="holds no results of a benchmark; choose another place with --out"):
        run(tiny, tmp_path / "full", methods=methods, jobs=1)
    out = tmp_path / "r"
    run(tiny, out, methods=methods, seeds=1, jobs=1)
    with pytest.raises(
        StorageError, match=r"other options \(rows: \[40, 80\] there, \[50\] now\). Choose another folder"
    ):
        run(tiny, out, methods=methods, rows=[50], jobs=1)
    with pytest.raises(StorageError, match="holds results of task 'own', and this run is of 'smoke'"):
        run("smoke", out, methods=methods, jobs=1)
    manifest = out / "benchmark.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(content | {"version": "0.0.1"}))
    with pytest.raises(StorageError, match=r"results of version '0.0.1', and this run is of .* Choose another folder"):
        run(tiny, out, methods=methods, jobs=1)
    manifest.write_text("{")
    with pytest.raises(StorageError, match=r"benchmark.json cannot be read"):
        run(tiny, out, methods=methods, jobs=1)


def test_a_part_that_was_cut_off_is_run_again(table: pd.DataFrame, tiny: Task, guess: Any, tmp_path: Path) -> None:
    run(tiny, tmp_path, methods={"guess": guess}, jobs=1)
    part = next((tmp_path / "parts").iterdir())
    part.write_text(part.read_text()[:40])
    same(run(tiny, tmp_path, methods={"guess": guess}, jobs=1), table)


def test_wrong_numbers(tiny: Task, guess: Any) -> None:
    with pytest.raises(SpecError, match=r"number of seeds must be a whole number, 1 or more. Got 0"):
        run(tiny, methods={"guess": guess}, seeds=0)
    with pytest.raises(SpecError, match=r"number of jobs must be 1 or more. Got 0"):
        run(tiny, methods={"guess": guess}, jobs=0)
    with pytest.raises(SpecError, match="there is no task 'fig3'"):
        ivg.benchmark.run("fig3")
