"""A fit does not depend on units, on the order of rows, or on the order of the actions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import ConvergenceWarning

QuickFit = Callable[..., Fit]
ACTIONS = ["tv", "web"]
GRAPH = ActionGraph({"web": ["tv"]})
JOINT = {"tv": np.array([20.0, 40.0, 60.0]), "web": np.array([10.0, 20.0, 30.0])}
# The same seed gives the same decisions of the sampler unless rounding flips one of them; at these seeds it does not,
# and 300 iterations blow rounding up by less than 1e4 (1e-12 to 1e-16 relative were seen).
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(scope="module")
def base(rows: pd.DataFrame, quick_fit: QuickFit) -> Fit:
    return quick_fit(rows, ACTIONS, "sales", graph=GRAPH)


def refit(rows: pd.DataFrame, quick_fit: QuickFit, **options: Any) -> Fit:
    return quick_fit(rows, ACTIONS, "sales", **({"graph": GRAPH} | options))


def standardised(draws: np.ndarray, of: np.ndarray) -> np.ndarray:
    return (draws - of.mean()) / of.std()


@pytest.mark.parametrize("factor", [2.0**10, 2.0**-30])
def test_powers_of_two_as_units_of_the_outcome_change_no_bit(
    base: Fit, rows: pd.DataFrame, quick_fit: QuickFit, factor: float
) -> None:
    fit = refit(rows.assign(sales=rows["sales"] * factor), quick_fit)
    np.testing.assert_array_equal(fit.effect(do=JOINT).draws, factor * base.effect(do=JOINT).draws)
    np.testing.assert_array_equal(fit.datatree["posterior"]["beta"], base.datatree["posterior"]["beta"])


@pytest.mark.parametrize(("factor", "shift"), [(1e-3, 0.0), (1.0, 500.0), (1e12, -7e13), (3.7, 100.0)])
def test_units_of_the_outcome(base: Fit, rows: pd.DataFrame, quick_fit: QuickFit, factor: float, shift: float) -> None:
    fit = refit(rows.assign(sales=factor * rows["sales"] + shift), quick_fit)
    for question in ({"do": JOINT}, {"do": {"web": JOINT["web"]}, "given": {"tv": JOINT["tv"]}}, {"given": JOINT}):
        expected = factor * base.effect(**question).draws.values + shift
        np.testing.assert_allclose(
            standardised(fit.effect(**question).draws.values, expected), standardised(expected, expected), **CLOSE
        )
    one = fit.contrast(do=JOINT, versus={"tv": 30, "web": 20}).draws
    two = base.contrast(do=JOINT, versus={"tv": 30, "web": 20}).draws
    np.testing.assert_allclose(one / factor, two, rtol=1e-6, atol=1e-8 * float(two.std()))


def test_turning_the_outcome_over_turns_the_effects_over(base: Fit, rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    fit = refit(rows.assign(sales=-rows["sales"]), quick_fit)
    compare_posteriors(
        fit.effect(do=JOINT).summary().assign(mean=lambda table: -table["mean"]), base.effect(do=JOINT).summary()
    )


@pytest.mark.parametrize(("factor", "shift"), [(2.0**40, 0.0), (1e12, 0.0), (1e-9, 0.0), (1.0, 1000.0), (0.3, -5.0)])
def test_units_of_an_action(base: Fit, rows: pd.DataFrame, quick_fit: QuickFit, factor: float, shift: float) -> None:
    fit = refit(rows.assign(tv=factor * rows["tv"] + shift), quick_fit)
    there = {**JOINT, "tv": factor * JOINT["tv"] + shift}
    np.testing.assert_allclose(fit.effect(do=there).draws, base.effect(do=JOINT).draws, **CLOSE)
    seen = fit.effect(do={"web": there["web"]}, given={"tv": there["tv"]}).draws
    np.testing.assert_allclose(seen, base.effect(do={"web": JOINT["web"]}, given={"tv": JOINT["tv"]}).draws, **CLOSE)
    curve, expected = fit.response_curve("tv"), base.response_curve("tv")
    np.testing.assert_allclose(curve.queries["tv"], factor * expected.queries["tv"] + shift, rtol=1e-9)
    np.testing.assert_allclose(curve.draws, expected.draws, **CLOSE)
    assert curve.summary()["supported"].equals(expected.summary()["supported"])


def test_the_order_of_the_rows(base: Fit, rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    for order in (rows.sample(frac=1.0, random_state=1), rows.iloc[::-1]):
        np.testing.assert_allclose(refit(order, quick_fit).effect(do=JOINT).draws, base.effect(do=JOINT).draws, **CLOSE)


def test_the_source_of_the_rows(base: Fit, rows: pd.DataFrame) -> None:
    frames = {str(label): part for label, part in rows.groupby("regime")}
    data = RegimeData.from_frames(frames, outcome="sales", actions=ACTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = InterventionModel(graph=GRAPH).fit(data, draws=150, chains=2, tune=150, cores=1, seed=0)
    np.testing.assert_allclose(fit.effect(do=JOINT).draws, base.effect(do=JOINT).draws, **CLOSE)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_batches_of_rows(
    base: Fit, rows: pd.DataFrame, quick_fit: QuickFit, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    real = RegimeData.batches
    monkeypatch.setattr(RegimeData, "batches", lambda self, size=batch: real(self, min(size, batch)))
    np.testing.assert_allclose(refit(rows, quick_fit).effect(do=JOINT).draws, base.effect(do=JOINT).draws, **CLOSE)


def compare_posteriors(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """Two independent runs: means differ by Monte-Carlo error, sds by its share.

    300 draws of effects have some 150 effective ones or more, so a mean has an error of sd / 12 and a difference of
    sd / 8.7, four of which are 0.46 sd; a log sd has an error of 0.058, a difference of 0.082, four are 0.33.
    """
    assert (np.abs(one["mean"] - two["mean"]) < 0.46 * two["sd"]).all()
    assert (np.abs(np.log(one["sd"] / two["sd"])) < 0.33).all()


def test_the_order_of_the_actions(base: Fit, rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    fit = quick_fit(rows, ACTIONS[::-1], "sales", graph=GRAPH, seed=1)
    assert fit.actions == ("web", "tv")
    for question in ({"do": JOINT}, {"do": {"web": JOINT["web"]}, "given": {"tv": JOINT["tv"]}}, {"given": JOINT}):
        compare_posteriors(fit.effect(**question).summary(), base.effect(**question).summary())
    for action in ACTIONS:
        grid = JOINT[action]
        compare_posteriors(fit.confounding_bias(action, grid).summary(), base.confounding_bias(action, grid).summary())


def test_the_labels_of_actions_and_outcome(base: Fit, rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    names = {"tv": "ünï x", "web": "9", "sales": "%"}
    renamed = rows.rename(columns=names).assign(
        regime=rows["regime"].replace({"do(tv)": "do(ünï x)", "do(web)": "do(9)"})
    )
    fit = quick_fit(renamed, ["ünï x", "9"], "%", graph=ActionGraph({"9": ["ünï x"]}))
    draws = fit.effect(do={names[action]: values for action, values in JOINT.items()}).draws
    np.testing.assert_array_equal(draws, base.effect(do=JOINT).draws)
    assert fit.effect(do={"ünï x": 20}, rest="hold").sentence().startswith("E[% | do(ünï x, 9)] at do(ünï x=20)")


@given(st.floats(-3, 3), st.floats(0.1, 10))
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])  # shrinking would take minutes
def test_units_of_everything_at_once(
    base: Fit, rows: pd.DataFrame, quick_fit: QuickFit, shift: float, factor: float
) -> None:
    fit = refit(
        rows.assign(
            tv=factor * rows["tv"], web=rows["web"] + shift, sales=shift - rows["sales"].mean() + factor * rows["sales"]
        ),
        quick_fit,
    )
    draws = fit.effect(do={"tv": factor * JOINT["tv"], "web": JOINT["web"] + shift}).draws
    expected = factor * base.effect(do=JOINT).draws + shift - rows["sales"].mean()
    np.testing.assert_allclose(draws, expected, rtol=1e-7, atol=1e-7 * float(expected.std()))
