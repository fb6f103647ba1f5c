"""The calibration check: silent where the model holds, loud where it does not, clear about what it needs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.diagnostics import CheckResult
from bayes_ivgen.diagnostics.calibration import _covariance
from bayes_ivgen.errors import ConvergenceWarning, NotTestableError, QueryError
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


def media(n: int, seed: int) -> RegimeData:
    world = media_mix(2, seed=1)
    return RegimeData.from_frame(
        world.sample_regimes(world.standard_regimes(n), seed=seed), outcome="sales", actions=["tv", "web"]
    )


@pytest.fixture(scope="module")
def continuous() -> tuple[Fit, RegimeData]:
    data = media(300, 1)
    return fitted(data, graph=ActionGraph(media_mix(2, seed=1).parents)), data


def test_continuous_actions_fall_into_bins(continuous: tuple[Fit, RegimeData]) -> None:
    fit, data = continuous
    result = fit.check_calibration(data, "tv")
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


@pytest.mark.parametrize(("rows", "groups", "most"), [(7, 7, 1), (20, 6, 4)])
def test_too_few_rows_for_any_mean(continuous: tuple[Fit, RegimeData], rows: int, groups: int, most: int) -> None:
    fit, _ = continuous
    few = media(rows, 3)
    message = (
        rf"calibration of do\(tv\) cannot be tested: its {rows} rows fall into {groups} groups of {most} rows? at most"
        r", and a mean needs 5 or more\. Add rows of do\(tv\): 5 at each value, or 30 in all if values differ\."
    )
    with pytest.raises(NotTestableError, match=message):
        fit.check_calibration(few, "tv", held_out=True)
    report = fit.falsify(few, ["calibration"], held_out=True)
    assert list(report) == []
    assert list(report.not_tested) == ["calibration[tv]", "calibration[web]"]
    enough = fit.check_calibration(media(30, 3), "tv", held_out=True)
    assert enough.table["rows"].tolist() == [5] * 6


def test_five_rows_at_each_value_are_enough(valid: tuple[Fit, RegimeData]) -> None:
    fit, _ = valid
    world = discrete(3, 3, seed=200, edge_probability=1.0)
    rows = world.sample_regimes({"do(a1)": 100}, 0)
    groups = rows.groupby("a1")
    few = RegimeData.from_frame(groups.head(4), outcome="y", actions=ACTIONS)
    with pytest.raises(NotTestableError, match=r"its 12 rows fall into 3 groups of 4 rows at most.*5 at each value"):
        fit.check_calibration(few, "a1", held_out=True)
    enough = RegimeData.from_frame(groups.head(5), outcome="y", actions=ACTIONS)
    assert fit.check_calibration(enough, "a1", held_out=True).table["rows"].tolist() == [5] * 3


def test_means_without_an_error_are_not_tested(valid: tuple[Fit, RegimeData]) -> None:
    fit, _ = valid
    rows = discrete(3, 3, seed=200, edge_probability=1.0).sample_regimes({"do(a1)": 100, "obs": 10}, 0)
    tested = rows["regime"] == "do(a1)"
    same = RegimeData.from_frame(rows.assign(y=rows["y"].mask(tested, 1.0)), outcome="y", actions=ACTIONS)
    with pytest.raises(NotTestableError, match=r"the outcome does not vary at all .* Add rows of do\(a1\) until"):
        fit.check_calibration(same, "a1", held_out=True)
    rows["y"] = np.arange(len(rows)) == np.argmax(tested)
    one = RegimeData.from_frame(rows.astype({"y": float}), outcome="y", actions=ACTIONS)
    assert not fit.check_calibration(one, "a1", held_out=True).passed
