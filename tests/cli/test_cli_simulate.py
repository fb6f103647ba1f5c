"""`simulate` writes what the worlds draw, and their exact effects."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import simulate as worlds

Run = Callable[..., Any]

WORLDS: dict[str, tuple[list[str], Any]] = {
    "polynomial": (["--actions", "3", "--seed", "2"], lambda: worlds.polynomial(3, 2)),
    "lognormal": (["--seed", "2"], lambda: worlds.linear_lognormal(seed=2)),
    "media-mix": (["--actions", "2"], lambda: worlds.media_mix(2)),
    "boolean": (["--seed", "1"], lambda: worlds.boolean_example("example1", 1)),
    "twins": ([], lambda: worlds.boolean_example("twins", 0)),
    "discrete": (["--actions", "2"], lambda: worlds.discrete(2)),
}


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_writes_its_rows_and_its_truth(world: str, run: Run, tmp_path: Path) -> None:
    words, make = WORLDS[world]
    result = run("simulate", world, *words, "--rows", "20", "--out", "r.parquet", "--truth", "t.csv", "--joint")
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    scm = make()
    everything = f"do({','.join(scm.actions)})"
    rows = pd.read_parquet(tmp_path / "r.parquet")
    expected = scm.sample_regimes(scm.standard_regimes(20) | {everything: 20})
    pd.testing.assert_frame_equal(rows, expected)
    truth = pd.read_csv(tmp_path / "t.csv")
    joint = rows.loc[rows["regime"] == everything, list(scm.actions)].reset_index(drop=True)
    pd.testing.assert_frame_equal(truth[list(scm.actions)], joint)
    np.testing.assert_allclose(truth["effect"], scm.effect(joint))


def test_regimes_seeds_and_csv(run: Run, tmp_path: Path) -> None:
    words = ("--rows", "5", "--regimes", "obs, do(a2,a1)", "--sample-seed", "3")
    assert run("simulate", "polynomial", *words, "--out", "r.csv").code == 0
    expected = worlds.polynomial().sample_regimes({"obs": 5, "do(a1,a2)": 5}, seed=3)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "r.csv"), expected)


def test_the_next_step_runs(run: Run) -> None:
    result = run("simulate", "media-mix", "--rows", "60", "--out", "r.parquet")
    name, *words = shlex.split(result.out.strip().splitlines()[-1])
    assert name == "bayes-ivgen"
    checked = run(*words)
    assert (checked.code, checked.err) == (0, "")
    assert max(map(len, checked.out.splitlines())) <= 80


def test_overwrite(run: Run) -> None:
    words = ("simulate", "twins", "--rows", "5", "--out", "r.csv", "--truth", "t.csv")
    assert run(*words).code == 0
    assert "r.csv exists already" in run(*words).err
    assert run(*words, "--overwrite").code == 0
