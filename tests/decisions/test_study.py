"""Study plans: exact prices of world T13, splits, rounding, and what is refused."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_ivgen as ivg
from bayes_ivgen.decisions import StudyPlan, optimal_split, study_plan
from bayes_ivgen.errors import IdentificationError, QueryError, SpecError


def names(k: int) -> list[str]:
    return [f"a{i}" for i in range(1, k + 1)]


@pytest.mark.parametrize(("k", "price"), [(2, 3.0), (3, 5.0), (4, 7.0), (5, 9.0)])
def test_obs_and_singles_cost_what_theory_says(k: int, price: float) -> None:
    plan = study_plan(names(k), budget=1000, largest=1)
    assert plan.price == pytest.approx(price, rel=1e-9)
    weights = plan.table["weight"]
    assert weights["obs"] == pytest.approx(1.0 - k)
    assert weights.drop("obs").tolist() == pytest.approx([1.0] * k)


@pytest.mark.parametrize(("k", "price", "factor"), [(3, 2.0, 25 / 4), (4, 3.0, 49 / 9), (5, 4.0, 81 / 16)])
def test_pairs_beat_singles_by_a_factor_of_five_to_six(k: int, price: float, factor: float) -> None:
    plan = study_plan(names(k), budget=1000)
    assert plan.price == pytest.approx(price, rel=1e-9)
    assert plan.factor_over_singles == pytest.approx(factor, rel=1e-9)
    assert f"Obs and singles alone would have {factor:.3g} times this variance." in plan.sentence()


def test_with_two_actions_the_pair_is_the_target_itself() -> None:
    assert "do(a1,a2)" not in study_plan(names(2), budget=100).table.index
    direct = study_plan(names(2), budget=100, regimes=["obs", "do(a1)", "do(a2)", "do(a1,a2)"])
    assert direct.table.index.tolist() == ["do(a1,a2)"]
    assert direct.price == pytest.approx(1.0)
    assert direct.variance == pytest.approx(1 / 100)


@settings(max_examples=40, deadline=None)
@given(
    k=st.integers(2, 4),
    seed=st.integers(0, 10_000),
    budget=st.floats(300.0, 1e6),
)
def test_the_plan_reaches_the_target_within_the_budget_and_near_the_bound(k: int, seed: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    labels = ["obs", *(f"do({','.join(c)})" for size in (1, 2) for c in combinations(names(k), size) if size < k)]
    costs = {label: float(rng.uniform(0.5, 5.0)) for label in labels}
    noise = {label: float(rng.uniform(0.5, 2.0)) for label in labels}
    plan = study_plan(names(k), costs, budget=budget, noise=noise)
    total = np.zeros(k + 1)
    for label, row in plan.table.iterrows():
        total += row["weight"] * np.array([1.0, *(name in str(label)[3:-1].split(",") for name in names(k))])
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    assert plan.table["cost"].sum() <= budget * (1 + 1e-9)
    assert budget - plan.table["cost"].sum() < max(costs[str(label)] for label in plan.table.index) + 1e-6
    n = plan.table["rows"].to_numpy()
    sd = np.array([noise[str(label)] for label in plan.table.index])
    assert plan.variance == pytest.approx(float((plan.table["weight"] ** 2 * sd**2 / n).sum()))
    bound = plan.price**2 / budget
    assert bound * (1 - 1e-9) <= plan.variance
    if n.min() > 30:
        assert plan.variance <= bound * 1.01


def test_no_other_weights_are_cheaper() -> None:
    rng = np.random.default_rng(3)
    labels = ["obs", "do(a1)", "do(a2)", "do(a3)", "do(a1,a2)", "do(a1,a3)", "do(a2,a3)"]
    rows = np.array([[1.0, *(name in label for name in names(3))] for label in labels])
    particular = np.linalg.lstsq(rows.T, np.ones(4), rcond=None)[0]
    kernel = np.linalg.svd(rows.T)[2][4:]
    np.testing.assert_allclose(kernel @ rows, 0.0, atol=1e-12)
    best = study_plan(names(3), budget=100, regimes=labels).price
    others = np.abs(particular + rng.normal(size=(20_000, 3)) @ kernel).sum(axis=1)
    assert others.min() >= best - 1e-9
    assert others.min() < 1.3 * best  # the search comes near enough to notice a price that is too high


def test_permuting_the_actions_permutes_the_plan() -> None:
    costs = {"obs": 1.0, "do(a1)": 2.0, "do(a2)": 3.0, "do(a3)": 5.0, "do(a1,a2)": 7.0}
    plan = study_plan(names(3), costs, budget=1000)
    other = study_plan(names(3)[::-1], costs, budget=1000)
    assert other.price == pytest.approx(plan.price)
    same = {frozenset(label[3:-1].split(",")): n for label, n in other.table["rows"].items()}
    assert {frozenset(label[3:-1].split(",")): n for label, n in plan.table["rows"].items()} == same


def test_dear_rows_are_few_and_the_budget_is_spent() -> None:
    plan = study_plan(["tv", "web"], {"obs": 1.0, "do(tv)": 1.0, "do(web)": 1e5}, budget=350_000)
    assert plan.table["rows"]["do(web)"] == 3
    assert plan.table["cost"].sum() == 350_000
    least = study_plan(["tv", "web"], {"obs": 1.0, "do(tv)": 1.0, "do(web)": 1e5}, budget=100_002)
    assert least.table["rows"].tolist() == [1, 1, 1]


def test_another_target_and_blocks() -> None:
    mixed = study_plan(names(3), budget=300, target="do(a1,a2)", largest=1)
    assert mixed.price == pytest.approx(3.0)  # 2q - 1 with q = 2
    assert sorted(mixed.table.index) == ["do(a1)", "do(a2)", "obs"]
    blocks = study_plan(names(3), budget=300, blocks=[["a1", "a2"]], largest=1)
    assert blocks.price == pytest.approx(3.0)
    assert sorted(blocks.table.index) == ["do(a1,a2)", "do(a3)", "obs"]


@pytest.mark.parametrize("k", [2, 3, 5, 9])
@pytest.mark.parametrize(("noise", "cost"), [(1.0, 1.0), (0.5, 4.0)])
def test_the_split_is_that_of_the_programme(k: int, noise: float, cost: float) -> None:
    split = optimal_split(k, noise=noise, cost=cost)
    costs = {"obs": 1.0} | {f"do({name})": cost for name in names(k)}
    sd = {"obs": 1.0} | {f"do({name})": noise for name in names(k)}
    plan = study_plan(names(k), costs, noise=sd, budget=1e7)
    assert plan.price == pytest.approx(split.price, rel=1e-9)
    assert plan.table["share"]["obs"] == pytest.approx(split.observational, rel=1e-5)
    assert plan.table["share"]["do(a1)"] == pytest.approx(split.single, rel=1e-5)
    assert split.observational + k * split.single == pytest.approx(1.0)
    assert split.ratio == pytest.approx(split.single / split.observational)


def test_equal_costs_give_the_ratio_of_the_paper() -> None:
    assert [optimal_split(k).ratio for k in (2, 3, 5)] == pytest.approx([1.0, 1 / 2, 1 / 4])
    assert [optimal_split(k).price for k in (2, 3, 5)] == pytest.approx([3.0, 5.0, 9.0])


def test_a_plan_speaks() -> None:
    plan = ivg.decisions.study_plan(["tv", "web", "radio"], budget=1000)
    assert isinstance(plan, StudyPlan)
    assert str(plan) == (
        "For the level of do(tv,web,radio) collect rows: 250 of obs, 250 of do(tv,web), 250 of do(tv,radio), 250 of "
        "do(web,radio); cost 1,000, standard error 0.0632. Obs and singles alone would have 6.25 times this variance."
    )
    assert study_plan(["a", "b"], budget=10, regimes=["do(a,b)"]).factor_over_singles is None


@pytest.mark.parametrize("cost", [0, -1.0, float("nan"), float("inf"), "1", True, None])
def test_costs_and_budgets_must_be_positive(cost: object) -> None:
    with pytest.raises(QueryError, match=r"costs=.* must be a positive number, for example 1.0"):
        study_plan(["a", "b"], cost, budget=10)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"costs\['obs'\]=.* must be a positive number"):
        study_plan(["a", "b"], {"obs": cost, "do(a)": 1, "do(b)": 1}, budget=10)  # type: ignore[dict-item]
    with pytest.raises(QueryError, match=r"budget=.* must be a positive number"):
        study_plan(["a", "b"], budget=cost)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"noise=.* must be a positive number"):
        study_plan(["a", "b"], budget=10, noise=cost)  # type: ignore[arg-type]
    study_plan(["a", "b"], 1.0, budget=10)


def test_a_budget_that_is_too_small_says_what_is_needed() -> None:
    with pytest.raises(QueryError, match=r"budget=2 does not pay for one row of each .* which costs 3\. Raise"):
        study_plan(["a", "b"], budget=2)
    assert study_plan(["a", "b"], budget=3).table["rows"].tolist() == [1, 1, 1]


def test_regimes_that_do_not_reach_the_target_name_what_is_missing() -> None:
    with pytest.raises(IdentificationError, match=r"do not identify the level of do\(a,b\). Missing: do\(b\)"):
        study_plan(["a", "b"], budget=10, regimes=["obs", "do(a)"])
    study_plan(["a", "b"], budget=10, regimes=["obs", "do(a)", "do(b)"])
    with pytest.raises(IdentificationError, match=r"Missing: obs. Add it to regimes=\[...\] and costs={...}."):
        study_plan(["a", "b"], {"do(a)": 1, "do(b)": 1}, budget=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regimes": ["obs", "do(c)"]}, r"do\(c\)' sets 'c', which is not an action"),
        ({"target": "do(c)"}, "which is not an action"),
        ({"target": "both"}, "cannot be read"),
        ({"regimes": "obs"}, "is not a list of labels"),
        ({"regimes": []}, "regimes is empty"),
        ({"costs": {"obs": 1, "do(a)": 1}, "regimes": ["obs", "do(a)", "do(b)"]}, r"costs has no entry for 'do\(b\)'"),
        ({"costs": {"obs": 1, "do(a)": 1}, "regimes": ["obs"]}, r"costs names 'do\(a\)', which is not among"),
        ({"noise": {"obs": 1.0}}, r"noise has no entry for 'do\(a\)'"),
        ({"blocks": [["a", "c"]]}, "blocks names 'c', which is not an action"),
        ({"blocks": [["a", "b"]], "regimes": ["obs", "do(a)"]}, r"'do\(a\)' sets only part of the block"),
        ({"largest": 0}, "largest=0 must be a whole number"),
        ({"actions": "ab"}, "must be a list of different names"),
        ({"actions": ["a", "a"]}, "must be a list of different names"),
    ],
)
def test_what_cannot_be_read_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        study_plan(**{"actions": ["a", "b"], "budget": 10.0, **options})  # type: ignore[arg-type]


def test_a_split_needs_two_actions() -> None:
    for wrong in (1, 2.5, True):
        with pytest.raises(SpecError, match="must be a whole number, 2 or more"):
            optimal_split(wrong)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="cost=0 must be a positive number"):
        optimal_split(3, cost=0)
