"""Rows of experiments that were never run: set actions as stated, the others by their natural laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import Fit, Regime
from bayes_ivgen.data.identification import units_of
from bayes_ivgen.decisions.experiments import POINTS, REPLICATES, default_regimes, draw_rows, read_candidates
from bayes_ivgen.simulate import media_mix

CHANNELS = ["tv", "web", "radio"]
WORLD = media_mix(3, seed=1)


@pytest.fixture(scope="module")
def full_fit(quick_fit: Callable[..., Fit]) -> Fit:
    """All edges, 1000 rows in each standard regime."""
    rows = WORLD.sample_regimes(WORLD.standard_regimes(1000), seed=1)
    return quick_fit(rows, CHANNELS, "sales", graph="full", draws=20, tune=20)


def drawn(fit: Fit, candidate: Any) -> np.ndarray:
    (parsed,) = read_candidates([candidate], fit.effects)
    return draw_rows(parsed, fit.effects, fit.profiles)


def test_the_world_has_something_to_react() -> None:
    assert "tv" in WORLD.parents["web"]


@pytest.mark.parametrize("label", ["obs", "do(tv)", "do(web)", "do(tv,radio)"])
def test_rows_follow_the_laws_of_the_world(full_fit: Fit, label: str) -> None:
    found = drawn(full_fit, label)
    assert found.shape == (REPLICATES * POINTS, 3)
    truth = WORLD.sample(200_000, label, seed=9)[CHANNELS].to_numpy()
    sd = truth.std(axis=0)
    # The laws are learned from a few thousand rows, the set values from a thousand: an error of 0.03 sd each.
    np.testing.assert_allclose(found.mean(axis=0) / sd, truth.mean(axis=0) / sd, atol=0.12)
    np.testing.assert_allclose(found.std(axis=0) / sd, 1.0, atol=0.12)
    np.testing.assert_allclose(np.corrcoef(found.T), np.corrcoef(truth.T), atol=0.12)


def test_a_set_value_moves_what_reacts_to_it(full_fit: Fit) -> None:
    low, high = (drawn(full_fit, {"tv": level}) for level in (30.0, 80.0))
    assert (low[:, 0] == 30.0).all()
    seen = WORLD.sample(200_000, "do(tv)", seed=9)
    near = [seen["web"][(seen["tv"] - level).abs() < 3].mean() for level in (30.0, 80.0)]
    np.testing.assert_allclose([low[:, 1].mean(), high[:, 1].mean()], near, rtol=0.05)
    assert abs(near[1] - near[0]) > 0.2 * near[0]


def test_levels_come_equally_often_and_independently(full_fit: Fit) -> None:
    found = drawn(full_fit, {"tv": [20.0, 60.0], "web": [10.0, 20.0, 30.0]})
    table = pd.crosstab(found[:, 0], found[:, 1]).to_numpy() / len(found)
    np.testing.assert_allclose(table, 1 / 6, atol=0.01)


def test_a_law_and_a_frame_give_their_values(full_fit: Fit) -> None:
    found = drawn(full_fit, {"tv": stats.uniform(10.0, 40.0), "web": None})
    assert stats.kstest(found[:, 0], "uniform", (10.0, 40.0)).statistic < 0.01
    before = full_fit.profiles.profiles[Regime(("web",))].sample[:, 1]
    assert set(found[:, 1]) <= set(before)
    assert found[:, 1].mean() == pytest.approx(before.mean(), abs=0.05 * before.std())
    frame = pd.DataFrame({"radio": [1.0, 2.0], "tv": [10.0, 20.0]})
    joint = drawn(full_fit, frame)
    assert {tuple(row) for row in joint[:, [0, 2]]} == {(10.0, 1.0), (20.0, 2.0)}
    import polars as pl
    import pyarrow as pa

    np.testing.assert_array_equal(drawn(full_fit, pl.from_pandas(frame)), joint)
    np.testing.assert_array_equal(drawn(full_fit, pa.table(frame)), joint)


def test_default_regimes_treat_blocks_as_one() -> None:
    units = units_of([["a", "c"]], ["a", "b", "c"])
    assert [regime.label for regime in default_regimes(units, ["a", "b", "c"])] == [
        "obs",
        "do(a,c)",
        "do(b)",
        "do(a,b,c)",
    ]


def test_covariates_follow_their_law_in_all_rows(rows: pd.DataFrame, quick_fit: Callable[..., Fit]) -> None:
    season = np.where(rows["regime"] == "obs", 2.0, -1.0)
    fit = quick_fit(
        rows.assign(season=season), CHANNELS, "sales", covariates=["season"], graph="empty", draws=20, tune=20
    )
    found = drawn(fit, "do(tv,web)")
    assert np.mean(found[:, 3] == 2.0) == pytest.approx(0.25, abs=0.02)
