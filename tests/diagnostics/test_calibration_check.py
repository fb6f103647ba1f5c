"""The calibration check: silent where the model holds, loud where it does not, clear about what it needs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.diagnostics import CheckResult
from bayes_ivgen.diagnostics.calibration import _covariance
from bayes_ivgen.errors import ConvergenceWarning, QueryError
from bayes_ivgen.simulate import discrete, media_mix

ACTIONS = ("a1", "a2", "a3")


def fitted(data: RegimeData, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return InterventionModel(**options).fit(data, draws=100, chains=2, tune=100, cores=1, seed=0)


def finite(n: int, seed: int, world_seed: int, **violation: float) -> tuple[RegimeData, ActionGraph]:
    world = discrete(3, 3, seed=world_seed, edge_probability=1.0, **violation)
    rows = world.sample_regimes(world.standard_regimes(n), seed=seed)
    return RegimeData.from_frame(rows, outcome="y", actions=world.actions), ActionGraph(world.parents)


@pytest.fixture(scope="module")
def valid() -> tuple[Fit, RegimeData]:
    data, graph = finite(1000, 0, 200)
    return fitted(data, graph=graph), data


def test_a_fit_of_a_world_that_keeps_the_assumptions_passes(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    for action in ACTIONS:
        result = fit.check_calibration(data, action)
        assert isinstance(result, CheckResult)
        assert result.passed
        assert result.sentence().startswith(f"Calibration of do({action}) passed (p = ")
        assert str(result) == result.sentence()


def test_the_table_is_the_plain_mean_of_the_rows(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    table = fit.check_calibration(data, "a2").table
    rows = next(profile for regime, profile in data.profiles.items() if regime.label == "do(a2)").sample
    assert table["low"].tolist() == table["high"].tolist() == [0, 1, 2]
    for i in range(3):
        y = rows[rows[:, 1] == i][:, -1]
        assert table["rows"][i] == len(y)
        assert table["observed"][i] == pytest.approx(y.mean())
    effect = fit.effect(do={"a2": [0, 1, 2]}, rest="respond").summary()
    np.testing.assert_allclose(table["fit"], effect["mean"], rtol=1e-9)


def test_a_fit_of_other_rows_fails(valid: tuple[Fit, RegimeData]) -> None:
    fit, _ = valid
    elsewhere, _ = finite(1000, 0, 201)
    result = fit.check_calibration(elsewhere, "a1", held_out=True)
    assert not result.passed
    assert result.p_value < result.threshold
    assert "failed" in result.sentence()
    assert result.sentence().endswith("do not trust joint effects before it passes.")


def test_new_rows_of_the_same_world_pass(valid: tuple[Fit, RegimeData]) -> None:
    fit, _ = valid
    new, _ = finite(1000, 5, 200)
    assert all(fit.check_calibration(new, action, held_out=True).passed for action in ACTIONS)


def test_continuous_actions_fall_into_bins() -> None:
    world = media_mix(2, seed=1)
    rows = world.sample_regimes(world.standard_regimes(300), seed=1)
    data = RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"])
    result = fitted(data, graph=ActionGraph(world.parents)).check_calibration(data, "tv")
    assert result.passed
    assert result.table["rows"].tolist() == [50] * 6
    assert (result.table["low"].to_numpy()[1:] > result.table["high"].to_numpy()[:-1]).all()


def test_the_covariance_of_seen_rows_keeps_half() -> None:
    error = np.array([1.0, 2.0])
    np.testing.assert_allclose(_covariance(error, np.diag([0.3, 0.0]), held_out=False), np.diag([0.7, 4.0]))
    np.testing.assert_allclose(_covariance(error, np.diag([9.0, 1.0]), held_out=False), np.diag([0.5, 3.0]))
    np.testing.assert_allclose(_covariance(error, np.diag([9.0, 1.0]), held_out=True), np.diag([10.0, 5.0]))


def test_what_it_needs(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    with pytest.raises(QueryError, match=r"'a4' is not an action. The actions are \['a1', 'a2', 'a3'\]"):
        fit.check_calibration(data, "a4")
    world = discrete(3, 3, seed=200, edge_probability=1.0)
    some = RegimeData.from_frame(world.sample_regimes({"obs": 50, "do(a1)": 50}, 0), outcome="y", actions=world.actions)
    with pytest.raises(QueryError, match=r"5 rows or more of do\(a2\); the data hold obs \(50 rows\), do\(a1\)"):
        fit.check_calibration(some, "a2")
    assert fit.check_calibration(some, "a1", held_out=True).table["rows"].sum() == 50
    turned = RegimeData.from_frame(
        world.sample_regimes({"obs": 50, "do(a1)": 50}, 0), outcome="y", actions=world.actions[::-1]
    )
    with pytest.raises(QueryError, match=r"the data hold 'y' given \['a3', 'a2', 'a1'\], but the fit is of 'y'"):
        fit.check_calibration(turned, "a1")
