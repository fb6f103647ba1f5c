"""Rows of a series repeat each other: effects are less certain by what they are worth, and nothing else changes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import BSpline, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, SpecError
from bayes_ivgen.media import Adstock
from bayes_ivgen.simulate import media_series

ACTIONS = ["tv", "web"]
CARRY = {"tv": Adstock(alpha=0.5, l_max=4), "web": Adstock(alpha=0.2, l_max=4)}
DO = {"tv": [25.0, 40.0], "web": [12.0, 20.0]}
QUICK: dict[str, Any] = {"draws": 150, "chains": 2, "tune": 150, "seed": 0, "cores": 1, "progressbar": False}


def rows(memory: float, weeks: int = 80) -> pd.DataFrame:
    world = media_series(2, seed=3, alpha=[0.5, 0.2], l_max=4, memory=memory)
    return world.sample(12, weeks, test_weeks=12, rest_weeks=8, hold=3, seed=1)


def read(table: pd.DataFrame, **options: Any) -> RegimeData:
    return RegimeData.from_frame(table, outcome="sales", actions=ACTIONS, **({"time": "week", "unit": "geo"} | options))


def fitted(data: RegimeData, *, independent_rows: bool = False, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        given = {"graph": "empty", "transforms": CARRY} | options
        return InterventionModel(**given).fit(data, **QUICK, independent_rows=independent_rows)


@pytest.fixture(scope="module")
def data() -> RegimeData:
    return read(rows(0.8))


@pytest.fixture(scope="module")
def fit(data: RegimeData) -> Fit:
    return fitted(data)


@pytest.fixture(scope="module")
def plain(data: RegimeData) -> Fit:
    return fitted(data, independent_rows=True)


def test_intervals_are_longer_and_means_the_same(fit: Fit, plain: Fit, data: RegimeData) -> None:
    assert plain.row_worth == 1.0
    assert 0.2 < fit.row_worth < 0.7
    assert fit.row_worth == fit.independent_share(data) == plain.independent_share(data)
    spread, short = (item.effect(do=DO, extrapolate=True).summary() for item in (fit, plain))
    np.testing.assert_allclose(spread["mean"], short["mean"])
    np.testing.assert_allclose(spread["sd"], short["sd"] / np.sqrt(fit.row_worth))
    assert (spread["prior_share"] > short["prior_share"]).all()
    even = {"tv": [30.0] * 6, "web": 15.0}
    plan, before = (item.plan(even, extrapolate=True).summary()["sd"] for item in (fit, plain))
    np.testing.assert_allclose(plan, before / np.sqrt(fit.row_worth))


def test_the_posterior_of_the_model_stays(fit: Fit, plain: Fit) -> None:
    for name in ("alpha", "beta", "tau", "sigma"):
        np.testing.assert_array_equal(fit.datatree["posterior"][name], plain.datatree["posterior"][name])
    np.testing.assert_array_equal(fit.datatree["posterior"]["alpha"], plain.effects.coefficients[..., 0])
    pd.testing.assert_frame_equal(fit.diagnostics, plain.diagnostics, rtol=1e-6)


def test_rows_without_memory_are_independent() -> None:
    assert fitted(read(rows(0.0, weeks=120))).row_worth > 0.85


def test_rows_without_a_time_are_independent() -> None:
    assert fitted(read(rows(0.8), time=None, unit=None), transforms=None).row_worth == 1.0


def test_series_need_no_carry_over_for_it() -> None:
    assert fitted(read(rows(0.8)), transforms=None).row_worth < 0.7


def test_the_worth_survives_storage(fit: Fit, tmp_path: Path) -> None:
    again = load(fit.save(tmp_path / "fit.zarr"))
    assert again.row_worth == fit.row_worth == again.settings["row_worth"]
    np.testing.assert_array_equal(again.effects.coefficients, fit.effects.coefficients)


def test_the_worth_survives_an_update() -> None:
    table = rows(0.8)
    early, late = table[table["week"] < 60], table[table["week"] >= 60]
    first = fitted(read(early), transforms=None)
    assert first.update(read(late), **QUICK).row_worth == first.row_worth < 1.0


def test_curves_that_rise_still_do(data: RegimeData) -> None:
    rising = fitted(data, causal=BSpline(monotone=True))
    assert rising.row_worth < 1.0
    grid = np.linspace(20.0, 60.0, 9)
    draws = rising.response_curve("tv", values=grid).draws.values
    assert np.diff(draws, axis=-1).min() > -1e-6 * np.abs(draws).max()


def test_rows_of_little_weight_say_little_of_memory() -> None:
    """Noise on half of the rows hides how the others resemble each other, unless their weight is small."""
    table = rows(0.8)
    noisy = np.random.default_rng(0).random(len(table)) < 0.5
    table["sales"] += 150.0 * noisy * np.random.default_rng(1).standard_normal(len(table))
    weighted = fitted(read(table.assign(weight=np.where(noisy, 0.02, 1.0)), weights="weight"))
    assert weighted.row_worth < 0.85 < fitted(read(table)).row_worth


def test_the_next_experiment_knows_it(fit: Fit, plain: Fit) -> None:
    question = [{"do": {"tv": 40.0, "web": 15.0}}]
    spread, short = (item.next_experiment(rows=100, questions=question).table for item in (fit, plain))
    np.testing.assert_allclose(spread["variance_before"], short["variance_before"] / fit.row_worth)
    np.testing.assert_allclose(spread["variance_after"], short["variance_after"] / fit.row_worth)


def test_what_is_not_a_share_is_refused(data: RegimeData, fit: Fit) -> None:
    with pytest.raises(SpecError, match=r"worth=0 must be above 0 and at most 1, for example"):
        fit.with_row_worth(0)
    assert fit.with_row_worth(fit.independent_share(data)).row_worth == fit.row_worth
    with pytest.raises(SpecError, match="independent_rows='yes' must be True or False"):
        InterventionModel().fit(data, independent_rows="yes")  # type: ignore[arg-type]
