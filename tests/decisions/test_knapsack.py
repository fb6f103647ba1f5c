"""Choices under a budget against plain enumeration, exactly."""

from __future__ import annotations

from itertools import islice, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.decisions.knapsack import Amounts, TooManyAmountsError

Problem = tuple[list[np.ndarray], list[np.ndarray], float]


@st.composite
def problems(draw: st.DrawFn, draws: int = 5) -> Problem:
    """Costs (whole, thirds or arbitrary) and worths of each item of one to four groups, and a budget that some meet."""
    groups = draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["whole", "thirds", "any", "flat"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    costs, worths = [], []
    for _ in range(groups):
        n = draw(st.integers(1, 5))
        cost = rng.integers(0, 7, n) / {"thirds": 3.0}.get(kind, 1.0)
        costs.append(rng.uniform(0, 5, n) if kind == "any" else cost.astype(float))
        worth = rng.normal(size=(n, draws))
        worths.append(np.round(worth) if kind == "flat" else worth)
    least, most = sum(c.min() for c in costs), sum(c.max() for c in costs)
    return costs, worths, float(least + draw(st.floats(0, 1.1)) * (most - least))


def enumerated(costs: list[np.ndarray], budget: float) -> list[tuple[int, ...]]:
    """All choices within the budget."""
    every = product(*(range(len(cost)) for cost in costs))
    return [items for items in every if sum(c[i] for c, i in zip(costs, items, strict=True)) <= budget + 1e-9]


def total(tables: list[np.ndarray], items: tuple[int, ...]) -> np.ndarray:
    return np.sum([table[i] for table, i in zip(tables, items, strict=True)], axis=0)


@settings(deadline=None, max_examples=150)
@given(problems())
def test_the_best_sum_of_each_draw_is_that_of_enumeration(problem: Problem) -> None:
    costs, worths, budget = problem
    amounts = Amounts.of(costs, budget, 10_000)
    best, items = amounts.best(worths)
    allowed = enumerated(costs, budget)
    sums = np.array([total(worths, choice) for choice in allowed])
    np.testing.assert_allclose(best, sums.max(axis=0), rtol=0, atol=1e-12)
    spent = {choice: total(costs, choice) for choice in allowed}
    for s, choice in enumerate(map(tuple, items.tolist())):
        assert total(worths, choice)[s] == pytest.approx(best[s], abs=1e-12)
        as_good = [spent[c] for c, row in zip(allowed, sums, strict=True) if row[s] >= best[s] - 1e-12]
        assert spent[choice] == pytest.approx(min(as_good), abs=1e-9)  # among equals the cheapest


@settings(deadline=None, max_examples=100)
@given(problems(draws=1))
def test_the_ranking_holds_every_choice_once_in_falling_order(problem: Problem) -> None:
    costs, worths, budget = problem
    flat = [worth[:, 0] for worth in worths]
    ranked = list(Amounts.of(costs, budget, 10_000).ranked(flat))
    values = [value for value, _ in ranked]
    assert sorted(items for _, items in ranked) == sorted(enumerated(costs, budget))
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values))
    for value, items in ranked:
        assert value == pytest.approx(total(flat, items), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(problems(draws=1))
def test_the_largest_sum_at_each_amount(problem: Problem) -> None:
    costs, worths, budget = problem
    amounts = Amounts.of(costs, budget, 10_000)
    *_, last = amounts.by_amount([worth[:, 0] for worth in worths])
    allowed = enumerated(costs, budget)
    for amount, value in zip(amounts.spent[-1], last, strict=True):
        at = [total(worths, items)[0] for items in allowed if abs(total(costs, items) - amount) < 1e-8]
        assert value == pytest.approx(max(at), abs=1e-12)


def test_a_sum_of_tenths_meets_its_budget() -> None:
    costs = [np.array([0.0, 0.1]), np.array([0.0, 0.2])]
    best, items = Amounts.of(costs, 0.3, 10).best([np.array([[0.0], [1.0]])] * 2)
    assert best.tolist() == [2.0]
    assert items.tolist() == [[1, 1]]
    best, _ = Amounts.of(costs, 0.2999, 10).best([np.array([[0.0], [1.0]])] * 2)
    assert best.tolist() == [1.0]


def test_amounts_that_merge_on_the_way_lose_nothing() -> None:
    """Two sums closer than rounding become one amount; the better of both ways to it is kept."""
    costs = [np.array([1.0, 1.0 + 2.5e-9]), np.array([0.0, 1.25e-9]), np.array([0.0])]  # of a budget of 2
    worths = [np.array([[5.0], [0.0]]), np.array([[0.0], [1.0]]), np.array([[0.0]])]
    amounts = Amounts.of(costs, 2.0, 100)
    assert [len(spent) for spent in amounts.spent] == [1, 2, 1, 1]
    for first in worths[0], worths[0][::-1]:
        best, items = amounts.best([first, *worths[1:]])
        assert best.tolist() == [6.0]
        assert items.tolist() == [[int(first[1, 0] == 5), 1, 0]]
        assert next(amounts.ranked([first[:, 0], *(worth[:, 0] for worth in worths[1:])]))[0] == 6.0


def test_too_many_amounts_are_counted_before_anything_is_computed() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(TooManyAmountsError):
        Amounts.of([rng.uniform(size=20) for _ in range(3)], 3.0, 300)


def test_a_long_ranking_needs_only_its_beginning() -> None:
    rng = np.random.default_rng(0)
    costs = [np.arange(40.0)] * 6  # four thousand million choices
    worths = [np.sqrt(np.arange(40.0)) * w for w in rng.uniform(1, 2, 6)]
    first = [value for value, _ in islice(Amounts.of(costs, 100.0, 1000).ranked(worths), 50)]
    assert first == sorted(first, reverse=True)
