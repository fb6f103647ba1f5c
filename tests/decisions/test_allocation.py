"""Allocations against enumeration by `fit.effect`, against known truth, and on input that cannot be meant."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.decisions import Allocation, allocate
from bayes_ivgen.decisions.risk import worst_mean
from bayes_ivgen.effects import EffectPosterior, parse_queries
from bayes_ivgen.errors import ConvergenceWarning, SupportWarning
from bayes_ivgen.model.links import Link
from bayes_ivgen.simulate import media_mix, structured

CHANNELS = ("tv", "web", "radio")
BOUNDS = {"tv": (20, 60), "web": (10, 40), "radio": (4, 20)}
STEPS = {"tv": 10, "web": 5, "radio": 4}
COSTS = {"tv": 1.0, "web": 1.5, "radio": 0.7}
NOW = {"tv": 40, "web": 20, "radio": 10}


def fitted(rows: pd.DataFrame, actions: Sequence[str], outcome: str = "y", **options: Any) -> Fit:
    covariates = options.pop("columns", [])
    data = RegimeData.from_frame(rows, outcome=outcome, actions=list(actions), covariates=covariates)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return InterventionModel(**options).fit(data, draws=100, chains=2, tune=150, cores=1, seed=0)


@pytest.fixture(scope="module")
def media() -> Fit:
    world = media_mix(3, seed=1)
    rows = world.sample_regimes(world.standard_regimes(700), seed=1)
    return fitted(rows, CHANNELS, "sales", graph=ActionGraph(world.parents))


@pytest.fixture(scope="module")
def interacting() -> Fit:
    """a1 and a2 interact, x changes the effect of a1; a3 stands alone."""
    world = structured(3, seed=2, synergy=1.0, covariate=1.0, predicts=0.5)
    rows = world.sample_regimes(world.standard_regimes(400), seed=1)
    return fitted(rows, world.actions, synergy=[("a1", "a2")], covariates={"x": "causal"}, columns=["x"], graph="full")


@pytest.fixture(scope="module")
def labelled() -> Fit:
    """Offer B brings 10 more than A, and C, which was never set, 10 more again."""
    rng, frames = np.random.default_rng(0), []
    for regime in ("obs", "do(offer)", "do(price)"):
        offer = rng.choice(["A", "B"] if regime == "do(offer)" else ["A", "B", "C"], 300)
        frames.append(pd.DataFrame({"offer": offer, "price": rng.uniform(1, 3, 300), "regime": regime}))
    rows = pd.concat(frames, ignore_index=True)
    mean = rows["offer"].map({"A": 10.0, "B": 20.0, "C": 30.0}) - 2 * rows["price"]
    return fitted(rows.assign(y=mean + rng.normal(0, 0.5, len(rows))), ["offer", "price"], graph="empty")


def within(values: dict[str, Sequence[Any]], costs: dict[str, Any], budget: float) -> pd.DataFrame:
    """All allocations within the budget, with their cost."""
    table = pd.DataFrame(list(product(*values.values())), columns=list(values))
    spent = sum(table[a].map(c) if isinstance(c, dict) else c * table[a].astype(float) for a, c in costs.items())
    return table.assign(cost=spent)[spent <= budget + 1e-9].reset_index(drop=True)


def effects(posterior: EffectPosterior, table: pd.DataFrame, **covariates: Any) -> np.ndarray:
    """Draws of the joint effect of each row, shape (n, D), by the ordinary query."""
    queries = parse_queries(
        posterior.actions, table[list(posterior.actions)], None, None, posterior.support.categories,
        covariates=covariates or None, covariate_names=posterior.design.structure.covariates,
    )  # fmt: skip
    draws = posterior.effect(queries, extrapolate=True).draws.values
    return draws.reshape(-1, len(table)).T


def grid(bounds: dict[str, tuple[float, float]], steps: dict[str, float]) -> dict[str, Sequence[Any]]:
    return {a: np.arange(low, high + 1e-9, steps[a]).tolist() for a, (low, high) in bounds.items()}


@pytest.mark.parametrize("budget", [55, 80.5, 1000])
@pytest.mark.parametrize(("risk", "aversion"), [(None, 1.0), (0.1, 1.0), (0.25, 0.4)])
def test_the_table_is_that_of_enumeration(media: Fit, budget: float, risk: float | None, aversion: float) -> None:
    options: dict[str, Any] = {"costs": COSTS, "bounds": BOUNDS, "steps": STEPS}
    found = media.allocate(budget, risk=risk, aversion=aversion, status_quo=NOW, **options)
    allowed = within(grid(BOUNDS, STEPS), COSTS, budget)
    draws = effects(media.effects, allowed)
    worst = np.array([worst_mean(row, risk or 0.1) for row in draws])
    objective = draws.mean(axis=1) if risk is None else (1 - aversion) * draws.mean(axis=1) + aversion * worst
    order = np.argsort(-objective)[:10]
    table = found.table
    assert found.exact
    assert found.best == allowed.loc[order[0], list(CHANNELS)].to_dict()
    assert found.cost == pytest.approx(allowed["cost"][order[0]])
    np.testing.assert_allclose(table[[*CHANNELS, "cost"]], allowed.loc[order, [*CHANNELS, "cost"]], rtol=1e-9)
    np.testing.assert_allclose(table["objective"], objective[order], rtol=1e-9)
    np.testing.assert_allclose(table["mean"], draws[order].mean(axis=1), rtol=1e-9)
    np.testing.assert_allclose(table["worst"], worst[order], rtol=1e-9)
    np.testing.assert_allclose(table["upper"], np.quantile(draws[order], 0.95, axis=1), rtol=1e-9)
    assert table["supported"].all()
    top = draws.max(axis=0)
    np.testing.assert_allclose(table["regret"], (top - draws[order]).mean(axis=1), atol=1e-8)
    np.testing.assert_allclose(table["probability_best"], (draws[order] >= top - 1e-9).mean(axis=1), atol=1e-12)
    picked = allowed.loc[draws.argmax(axis=0), list(CHANNELS)].to_numpy()
    np.testing.assert_allclose(found.draws["optimal"].values.reshape(-1, 3), picked)
    now = effects(media.effects, pd.DataFrame([NOW]))[0]
    np.testing.assert_allclose(found.regret.draws.values.ravel(), top - now, rtol=1e-7)
    np.testing.assert_allclose(found.gain.draws.values.ravel(), draws[order[0]] - now, rtol=1e-7)
    np.testing.assert_allclose(found.effect.draws.values.ravel(), draws[order[0]], rtol=1e-9)


def test_the_frontier_is_the_best_of_each_budget(media: Fit) -> None:
    found = media.allocate(80, costs=COSTS, bounds=BOUNDS, steps=STEPS, risk=0.2)
    frontier = found.frontier
    for row in frontier.to_dict("records"):
        allowed = within(grid(BOUNDS, STEPS), COSTS, row["budget"])
        draws = effects(media.effects, allowed)
        worst = np.array([worst_mean(values, 0.2) for values in draws])
        assert row["worst"] == pytest.approx(worst.max())
        assert row["mean"] == pytest.approx(draws[worst.argmax()].mean())
        assert row["cost"] <= row["budget"] + 1e-9
        assert row["gap"] == 0
    assert frontier["worst"].is_monotonic_increasing
    at = frontier[frontier["budget"] == 80]
    assert at["worst"].tolist() == pytest.approx([found.table["worst"][0]])
    assert frontier["budget"].iloc[0] == pytest.approx(20 + 15 + 2.8)


def test_the_choice_is_good_in_the_world(media: Fit) -> None:
    """The true effect of the choice falls short of the true best by no more than the posterior says."""
    world = media_mix(3, seed=1)
    options: dict[str, Any] = {"bounds": BOUNDS, "steps": STEPS, "status_quo": NOW}
    for budget in (50, 80, 110):
        found = media.allocate(budget, **options)
        allowed = within(grid(BOUNDS, STEPS), dict.fromkeys(CHANNELS, 1.0), budget)
        truth = world.effect(allowed[list(CHANNELS)], do=CHANNELS)
        chosen = world.effect(pd.DataFrame([found.best]), do=CHANNELS)[0]
        assert truth.max() - chosen <= np.quantile(found.draws["regret"].values, 0.99)
        assert truth.max() - truth.min() > 5 * (truth.max() - chosen)
        gain = chosen - world.effect(pd.DataFrame([NOW]), do=CHANNELS)[0]
        assert abs(found.gain.draws.values.mean() - gain) < 3.5 * found.gain.draws.values.std()


def test_actions_that_interact_and_a_covariate(interacting: Fit) -> None:
    bounds = {"a1": (0, 1.0), "a2": (0, 1.0), "a3": (0, 1.0)}
    steps = dict.fromkeys(bounds, 0.25)
    allowed = within(grid(bounds, steps), dict.fromkeys(bounds, 1.0), 1.5)
    for fixed in ({}, {"x": 1.2}):
        draws = effects(interacting.effects, allowed, **fixed)
        for risk in (None, 0.1):
            found = interacting.allocate(1.5, bounds=bounds, steps=steps, risk=risk, covariates=fixed or None)
            objective = draws.mean(axis=1) if risk is None else np.array([worst_mean(row, risk) for row in draws])
            assert found.table["objective"][0] == pytest.approx(objective.max(), rel=1e-9)
            assert found.exact
            assert allowed.loc[objective.argmax(), list(bounds)].to_dict() == pytest.approx(found.best)
        optimum = found.draws["optimum"].values.ravel()
        np.testing.assert_allclose(optimum, draws.max(axis=0), rtol=1e-8, atol=1e-8)


def test_combinations_that_were_never_seen_together_are_left_out(interacting: Fit) -> None:
    support = interacting.effects.support
    pair = support.pairs["a1", "a2"]
    high = [float(edges[-2]) + 1e-3 for edges in pair.edges]  # in the last but one of eight bins
    hidden = pair.seen.copy()
    hidden[-2, -2] = False
    pairs = {("a1", "a2"): replace(pair, seen=hidden)}
    posterior = replace(interacting.effects, support=replace(support, pairs=pairs))
    costs = {"a1": {0.0: 0, high[0]: 1}, "a2": {0.0: 0, high[1]: 1}, "a3": {0.0: 0, 0.5: 1}}
    options: dict[str, Any] = {"budget": 3, "costs": costs}
    allowed = {tuple(row) for row in allocate(posterior, **options).table[["a1", "a2", "a3"]].to_numpy().tolist()}
    everything = set(product([0.0, high[0]], [0.0, high[1]], [0.0, 0.5]))
    assert allowed == {row for row in everything if row[:2] != (high[0], high[1])}
    assert len(allocate(posterior, **options, extrapolate=True).table) == 8


def test_labels_and_price_lists(labelled: Fit) -> None:
    costs = {"offer": {"A": 0.0, "B": 5.0}, "price": {1.5: 1.0, 2.0: 0.5, 2.5: 0.0}}
    rich, poor = labelled.allocate(6.0, costs=costs), labelled.allocate(4.0, costs=costs)
    assert rich.best == {"offer": "B", "price": 1.5}
    assert poor.best == {"offer": "A", "price": 1.5}
    assert (rich.cost, poor.cost) == (6.0, 1.0)
    assert "offer=B, price=1.5, which costs 6" in rich.sentence()
    assert set(rich.draws["optimal"].sel(action="offer").values.ravel()) == {"B"}
    now = labelled.allocate(4.0, costs=costs, status_quo={"offer": "B", "price": 2.0})
    assert now.gain.draws.values.mean() < -5  # more than the budget allows
    assert "(offer=B, price=2, cost 5.5)" in now.sentence()
    assert now.regret.summary()["mean"].iloc[0] == pytest.approx(-9.0, abs=0.5)


def test_levels_that_only_occurred_without_the_others_are_left_out() -> None:
    """a1 = 0 was tried with a2 left alone only: the joint effect there is not known, however good it looks."""
    rng, frames = np.random.default_rng(0), []
    for regime in ("obs", "do(a1)", "do(a2)"):
        a1 = rng.integers(0 if regime == "do(a1)" else 1, 3, 300)
        a2 = rng.integers(0, 2, 300) if regime == "do(a2)" else (rng.random(300) < 0.3 + 0.2 * a1).astype(int)
        frames.append(pd.DataFrame({"a1": a1, "a2": a2, "regime": regime}))
    rows = pd.concat(frames, ignore_index=True)
    rows["y"] = 5.0 * (rows["a1"] == 0) + rows["a1"] + rows["a2"] + rng.normal(0, 0.3, len(rows))
    fit = fitted(rows, ["a1", "a2"], graph=ActionGraph({"a2": ["a1"]}))
    found = fit.allocate(3)
    assert found.best == {"a1": 2, "a2": 1}
    assert set(found.table["a1"]) == {1, 2}
    beyond = fit.allocate(3, steps={"a1": 1, "a2": 1}, extrapolate=True)
    assert 0 in set(beyond.table["a1"])
    assert not beyond.table["supported"].all()


def log_posterior(fit: Fit) -> EffectPosterior:
    """The same coefficients as a model of log E[Y]."""
    design = replace(fit.effects.design, outcome_mean=1.0, outcome_sd=0.5)
    return replace(fit.effects, design=design, link=Link("log"))


def test_a_log_link_is_no_sum_but_enumerated(media: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = log_posterior(media)
    options: dict[str, Any] = {"budget": 80, "costs": COSTS, "bounds": BOUNDS, "steps": STEPS}
    allowed = within(grid(BOUNDS, STEPS), COSTS, 80)
    draws = effects(posterior, allowed)
    for risk in (None, 0.1):
        found = allocate(posterior, risk=risk, **options)
        objective = draws.mean(axis=1) if risk is None else np.array([worst_mean(row, risk) for row in draws])
        assert found.exact
        assert "all within the budget" in found.method
        assert found.table["objective"][0] == pytest.approx(objective.max())
        assert found.best == allowed.loc[objective.argmax(), list(CHANNELS)].to_dict()
    np.testing.assert_allclose(found.draws["optimum"].values.ravel(), draws.max(axis=0), rtol=1e-9)
    monkeypatch.setattr("bayes_ivgen.decisions.allocation.MOST_VALUES", 2000)
    some = allocate(posterior, **options)
    assert not some.exact
    assert "This is not proved to be the best" in some.sentence()
    best = draws.mean(axis=1).max()
    assert some.table["objective"][0] <= best <= some.table["objective"][0] + some.ranking.gap


def test_a_flat_objective_is_said_and_not_split_evenly(media: Fit) -> None:
    """With no effect of tv and web every allocation of them is as good: the cheapest is named, all are listed."""
    posterior = media.effects
    coefficients = posterior.coefficients.copy()
    for action in ("tv", "web"):
        columns = [i + 1 for i, name in enumerate(posterior.design.coefficient_names) if f"causal[{action}]" in name]
        coefficients[..., columns] = 0.0
    flat = replace(posterior, coefficients=coefficients)
    found = allocate(flat, budget=80, bounds=BOUNDS, steps=STEPS)
    radio = found.best["radio"]
    assert found.best == {"tv": 20, "web": 10, "radio": radio}
    allowed = within(grid(BOUNDS, STEPS), dict.fromkeys(CHANNELS, 1.0), 80)
    assert len(found.ties) == (allowed["radio"] == radio).sum()
    assert found.table["tied"].all()
    assert found.sentence().count("The objective is flat: ") == 1
    assert "tv from 20 to 50; web from 10 to 40" in found.sentence()
    assert "tv stands at its least allowed value" in found.sentence()
    both = allocate(flat, budget=1000, bounds=BOUNDS, steps=STEPS, risk=0.1)
    assert (both.best["tv"], both.best["web"]) == (20, 10)


def test_a_clear_best_has_no_ties(labelled: Fit) -> None:
    found = labelled.allocate(6.0, costs={"offer": {"A": 0.0, "B": 5.0}, "price": {1.5: 0.0, 2.5: 1.0}})
    assert len(found.ties) == 1
    assert "No other allowed allocation is as good within Monte-Carlo error; it is the very best in 100 %" in str(found)
    assert found.table["probability_best"].tolist()[0] == 1.0
    assert found.draws["regret"].values.max() == 0.0
    assert "short of the best" not in str(found)


def test_rounding_is_no_regret(labelled: Fit) -> None:
    found = labelled.allocate(6.0, costs={"offer": {"A": 0.0, "B": 5.0}, "price": {1.5: 0.0, 2.5: 1.0}})
    for regret, said in ((2.84e-15, False), (0.25, True)):
        found.table["regret"] = regret
        assert ("0.25 short of the best on average" in found.sentence()) == said
        assert ("short of the best" in found.sentence()) == said


def test_steps_are_chosen_with_one_amount_of_money(media: Fit) -> None:
    found = media.allocate(90)
    values = found.choices.grid.values
    for name, allowed in zip(CHANNELS, values, strict=True):
        tried = media.effects.support.tested[name]
        assert tried is not None
        assert allowed.min() >= tried.low
        assert allowed.max() <= tried.high
        assert len(allowed) >= 8
    assert len(found.amounts.spent[-1]) < 200
    stated = media.allocate(90, bounds={"tv": (21.7, 43.21)})
    allowed = stated.choices.grid.values[0]
    assert (allowed[0], allowed[-1]) == (21.7, 43.21)


def test_nothing_of_what_is_passed_or_held_changes(media: Fit) -> None:
    options = {"costs": dict(COSTS), "bounds": dict(BOUNDS), "steps": dict(STEPS), "status_quo": dict(NOW)}
    before = media.effects.coefficients.copy()
    first, second = (media.allocate(70, **options) for _ in range(2))
    assert options == {"costs": COSTS, "bounds": BOUNDS, "steps": STEPS, "status_quo": NOW}
    assert isinstance(first, Allocation)
    pd.testing.assert_frame_equal(first.table, second.table)
    np.testing.assert_array_equal(before, media.effects.coefficients)


def test_draws_are_thinned_where_there_are_too_many(media: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.decisions._choices.ENTRIES", 1500)
    found = media.allocate(80, bounds=BOUNDS, steps=STEPS, status_quo=NOW)
    assert found.choices.stride == 2
    assert "every 2th draw" not in found.method
    assert found.method.endswith("; one draw in 2 was used")
    assert found.draws["draw"].values.tolist() == list(range(0, 100, 2))
    now = effects(media.effects, pd.DataFrame([NOW]))[0].reshape(2, 100)[:, ::2]
    np.testing.assert_allclose(found.draws["status_quo"].values, now)


def test_beyond_the_support_only_on_request(media: Fit) -> None:
    tried = media.effects.support.tested["tv"]
    assert tried is not None
    wide = {"tv": (20, 2 * tried.high)}
    with warnings.catch_warnings():
        warnings.simplefilter("error", SupportWarning)
        found = media.allocate(400, bounds=wide, extrapolate=True)
    assert found.choices.grid.values[0].max() == pytest.approx(2 * tried.high)
