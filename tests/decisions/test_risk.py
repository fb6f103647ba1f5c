"""The mean of the worst draws: exact against enumeration and against the mixed integer programme."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from bayes_ivgen.decisions.knapsack import Amounts
from bayes_ivgen.decisions.risk import Objective, _feasible, draws_of, monte_carlo_errors, rank, search, worst_mean

DRAWS = 40


def made(
    seed: int, groups: int, items: int, draws: int = DRAWS
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    costs = [np.arange(items) * float(rng.integers(1, 4)) for _ in range(groups)]
    worths = [
        np.sqrt(np.arange(items))[:, None] * rng.lognormal(0, 0.6, draws) + rng.normal(0, 0.1, (items, draws))
        for _ in range(groups)
    ]
    return costs, worths, rng.normal(size=draws)


def by_hand(values: np.ndarray, share: float, aversion: float) -> float:
    """Sort, and take the mean of the worst share; the last of them counts in part."""
    left, total = share * len(values), 0.0
    for value in np.sort(values):
        total += min(1.0, left) * value
        left -= min(1.0, left)
        if left <= 1e-12:
            break
    return (1 - aversion) * values.mean() + aversion * total / (share * len(values))


@given(st.integers(0, 10_000), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_the_objective_is_the_mean_of_the_worst(seed: int, share: float, aversion: float) -> None:
    values = np.random.default_rng(seed).normal(size=(3, 37))
    objective = Objective(share, aversion)
    wanted = [by_hand(row, share, aversion) for row in values]
    np.testing.assert_allclose(objective.of(values), wanted, atol=1e-10)
    assert worst_mean(values[0], share) == pytest.approx(by_hand(values[0], share, 1.0), abs=1e-10)
    # t - (t - V)_+ / p at the quantile t has this mean (Rockafellar and Uryasev 2000)
    assert objective.scores(values[0]).mean() == pytest.approx(wanted[0], abs=1e-10)
    q = objective.weights(values[0])
    assert q.sum() == pytest.approx(1.0)
    assert q.min() >= 0


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    groups=st.integers(1, 4),
    items=st.integers(2, 5),
    part=st.floats(0.1, 0.9),
    share=st.sampled_from([None, 0.03, 0.1, 0.5, 1.0]),
    aversion=st.sampled_from([0.3, 1.0]),
)
def test_the_ranking_is_that_of_enumeration(
    seed: int, groups: int, items: int, part: float, share: float | None, aversion: float
) -> None:
    costs, worths, base = made(seed, groups, items)
    budget = part * sum(float(cost.max()) for cost in costs)
    objective = Objective() if share is None else Objective(share, aversion)
    found = rank(Amounts.of(costs, budget, 10_000), worths, base, objective, 5)
    every = np.array(list(product(*(range(items) for _ in range(groups)))))
    spent = np.sum([cost[every[:, g]] for g, cost in enumerate(costs)], axis=0)
    every = every[spent <= budget + 1e-9]
    values = np.sort(objective.of(draws_of(every, worths, base)))[::-1]
    assert found.gap == 0.0
    np.testing.assert_allclose(found.objective, values[:5], atol=1e-9)
    np.testing.assert_allclose(objective.of(draws_of(found.items, worths, base)), found.objective, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_mixed_integer_programme_of_rockafellar_and_uryasev_agrees(seed: int) -> None:
    costs, worths, base = made(seed, groups=4, items=8, draws=60)
    share, budget = 0.2, 20.0
    found = rank(Amounts.of(costs, budget, 10_000), worths, base, Objective(share), 1)
    n, draws = sum(map(len, costs)), len(base)
    # maximise t - sum_s u_s / (p D), u_s >= t - base_s - sum worth x, one item a group, within the budget
    target = np.concatenate([np.zeros(n), [-1.0], np.full(draws, 1 / (share * draws))])
    shortfall = np.hstack([np.concatenate(worths).T, -np.ones((draws, 1)), np.eye(draws)])
    one = np.zeros((len(costs), n + 1 + draws))
    for g, start in enumerate(np.cumsum([0, *map(len, costs[:-1])])):
        one[g, start : start + len(costs[g])] = 1
    spent = np.concatenate([*costs, np.zeros(1 + draws)])
    solved = milp(
        target,
        constraints=[
            LinearConstraint(shortfall, -base, np.inf),
            LinearConstraint(one, 1, 1),
            LinearConstraint(spent[None], -np.inf, budget),
        ],
        integrality=np.concatenate([np.ones(n), np.zeros(1 + draws)]),
        bounds=Bounds(
            np.concatenate([np.zeros(n), [-np.inf], np.zeros(draws)]),
            np.concatenate([np.ones(n), np.full(1 + draws, np.inf)]),
        ),
        options={"mip_rel_gap": 0.0},
    )
    assert solved.success
    assert found.objective[0] == pytest.approx(-solved.fun, abs=1e-6)
    assert found.gap == 0.0


def test_a_ranking_that_is_cut_short_says_by_how_much_it_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)  # worths without order, where the bound is loose
    costs = [rng.integers(0, 9, 8).astype(float) for _ in range(3)]
    worths, base = [rng.normal(size=(8, 60)) for _ in range(3)], np.zeros(60)
    amounts, objective = Amounts.of(costs, 12.0, 1000), Objective(0.1)
    best = rank(amounts, worths, base, objective, 1)
    assert best.gap == 0.0
    monkeypatch.setattr("bayes_ivgen.decisions.risk.MOST_RANKED", 1)
    cut = rank(amounts, worths, base, objective, 1)
    assert cut.examined < 40 < best.examined
    assert cut.gap > 0
    assert cut.objective[0] <= best.objective[0] <= cut.objective[0] + cut.gap + 1e-12


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), share=st.sampled_from([None, 0.1]))
def test_a_search_over_all_choices_is_enumeration_and_a_short_one_is_bounded(seed: int, share: float | None) -> None:
    costs, worths, base = made(seed, groups=3, items=4)
    worths = [0.2 * worth for worth in worths]
    amounts, objective = Amounts.of(costs, 9.0, 1000), Objective(share)
    _, start = amounts.best(worths)
    every = np.array(list(product(range(4), repeat=3)))
    every = every[np.sum([cost[every[:, g]] for g, cost in enumerate(costs)], axis=0) <= 9.0 + 1e-9]
    top = objective.of(np.exp(draws_of(every, worths, base))).max()
    whole = search(amounts, worths, base, np.exp, objective, start=start, most=1000, wanted=1)
    assert whole.gap == 0.0
    assert whole.examined == len(every)
    assert whole.objective[0] == pytest.approx(top)
    short = search(amounts, worths, base, np.exp, objective, start=start, most=1, wanted=1)
    assert short.objective[0] <= top + 1e-12
    assert top <= short.objective[0] + short.gap + 1e-12


def test_repaired_weights_are_feasible() -> None:
    for q in (np.array([0.5, 0.5, 0.1]), np.array([0.2, -1e-9, 0.3]), np.array([0.6, 0.4, 0.0])):
        fixed = _feasible(q, 0.5)
        assert fixed.sum() == pytest.approx(1.0, abs=1e-15)
        assert fixed.min() >= 0
        assert fixed.max() <= 0.5


def test_the_monte_carlo_error_is_that_of_independent_draws_and_zero_without_spread() -> None:
    rng = np.random.default_rng(0)
    values = np.array([rng.normal(size=4000), np.zeros(4000), np.full(4000, 3.0)])
    errors = monte_carlo_errors(values, 4)
    assert errors[0] == pytest.approx(1 / np.sqrt(4000), rel=0.1)
    assert errors[1:].tolist() == [0.0, 0.0]
    walk = 0.1 * np.cumsum(rng.normal(size=4000))
    assert monte_carlo_errors(walk[None], 4)[0] > 5 * walk.std() / np.sqrt(4000)


@pytest.mark.parametrize("seed", range(4))
def test_a_ranking_that_stops_early_has_missed_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.decisions.risk.BLOCK", 1)
    rng = np.random.default_rng(seed)
    costs = [rng.integers(0, 9, 10).astype(float) for _ in range(4)]
    worths, base = [rng.normal(size=(10, 1)) + 0.5 * rng.normal(size=(10, 50)) for _ in range(4)], rng.normal(size=50)
    objective = Objective(0.1, 0.8)
    found = rank(Amounts.of(costs, 18.0, 1000), worths, base, objective, 20)
    every = np.array(list(product(range(10), repeat=4)))
    every = every[np.sum([cost[every[:, g]] for g, cost in enumerate(costs)], axis=0) <= 18.0 + 1e-9]
    values = np.sort(objective.of(draws_of(every, worths, base)))[::-1]
    np.testing.assert_allclose(found.objective, values[:20], atol=1e-9)
    assert found.gap == 0.0
    assert found.examined < len(every) / 2
