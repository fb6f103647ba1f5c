"""Example 1 and the twins by enumeration: what the three regimes say, and what they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.benchmark import example1, read_results, run
from bayes_ivgen.benchmark.example1 import CONFOUNDER_PROBABILITIES, JOINT, STANDARD


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return example1()


def test_the_pairs_agree_in_the_standard_regimes_alone(table: pd.DataFrame) -> None:
    standard = table[table["regime"].isin(STANDARD)]
    np.testing.assert_allclose(standard["mean_0"], standard["mean_1"], atol=1e-15)
    for _, joint in table[table["regime"] == JOINT].groupby(["example", "p"], dropna=False):
        assert np.abs(joint["mean_0"] - joint["mean_1"]).max() > 0.04
    np.testing.assert_allclose(table.groupby(["example", "p", "regime"], dropna=False)["probability"].sum(), 1.0)


@pytest.mark.parametrize("p", CONFOUNDER_PROBABILITIES)
def test_the_joint_probability_is_p_squared(table: pd.DataFrame, p: float) -> None:
    joint = table[(table["p"] == p) & (table["regime"] == JOINT)].set_index(["a1", "a2"])
    np.testing.assert_allclose(joint["mean_0"], [0, 0, 0, p], atol=1e-15)
    np.testing.assert_allclose(joint["mean_1"], [0, p**2, 0, p], atol=1e-15)
    off = table[(table["p"] == p) & (table["regime"] == "do(a2)") & (table["a2"] == 0)]
    np.testing.assert_allclose(off["mean_0"], 0, atol=1e-15)


def test_what_the_checks_say(table: pd.DataFrame) -> None:
    joint = table[table["regime"] == JOINT]
    assert joint["identified"].all()
    assert joint["supported"].all()
    unseen = joint[~joint["seen"]]
    assert set(unseen["example"]) == {"example1"}
    assert set(zip(unseen["a1"], unseen["a2"], strict=True)) == {(0, 1)}
    assert unseen["plug_in"].isna().all()
    seen = joint[joint["seen"]]
    np.testing.assert_allclose(seen["plug_in"], seen["mean_0"], atol=1e-12)


def test_it_is_a_task_without_seeds(table: pd.DataFrame, tmp_path: Path) -> None:
    pd.testing.assert_frame_equal(run("example1", tmp_path / "r"), table)
    task, stored = read_results(tmp_path / "r")
    assert task == "example1"
    assert len(stored) == len(table) == 64
    pd.testing.assert_frame_equal(run("example1", tmp_path / "r"), table)
