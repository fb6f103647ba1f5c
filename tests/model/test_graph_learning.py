"""The graph from the regimes that randomise one action: calibrated tests, found edges, no cycles."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_ivgen.data import RegimeData
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.model.graph_learning import graph_evidence, independence_test, learn_graph, rank_scores

CONTINUOUS = "continuous"
LAWS = {
    CONTINUOUS: lambda rng, n: rng.lognormal(size=n),
    "on or off": lambda rng, n: (rng.random(n) < 0.3).astype(float),
    "three budgets": lambda rng, n: rng.choice([0.0, 1.0, 5.0], n),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.normal(size=n)),
}
RANK = {CONTINUOUS: 3, "on or off": 1, "three budgets": 2, "mostly zero": 3}


@pytest.mark.parametrize("law", LAWS)
def test_scores_are_orthonormal_centred_and_only_see_ranks(law: str) -> None:
    x = LAWS[law](np.random.default_rng(0), 300)
    scores = rank_scores(x)
    assert scores.shape == (300, RANK[law])
    np.testing.assert_allclose(scores.T @ scores, np.eye(RANK[law]), atol=1e-10)
    np.testing.assert_allclose(scores.sum(axis=0), 0.0, atol=1e-10)
    np.testing.assert_allclose(np.abs(rank_scores(np.exp(3 * x + 1)).T @ scores), np.eye(RANK[law]), atol=1e-8)
    assert rank_scores(np.full(50, 2.0)).shape == (50, 0)


@pytest.mark.parametrize(("left", "right"), [(a, b) for a in LAWS for b in LAWS if a <= b])
def test_p_values_are_uniform_under_independence(left: str, right: str) -> None:
    rng = np.random.default_rng(7)
    tests = [independence_test(LAWS[left](rng, 300), LAWS[right](rng, 300)) for _ in range(400)]
    assert {test.df for test in tests} == {RANK[left] * RANK[right]}
    p_values = np.array([test.p_value for test in tests])
    statistics = np.array([test.statistic for test in tests])
    np.testing.assert_allclose(p_values, stats.chi2.sf(statistics, RANK[left] * RANK[right]))
    # A 2 x 2 table has few values: allow for its atoms by jittering within ties.
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3 or RANK[left] * RANK[right] == 1
    assert abs(np.mean(p_values < 0.1) - 0.1) < 4 * np.sqrt(0.09 / 400)


def test_dependence_without_correlation_is_seen() -> None:
    x = np.random.default_rng(0).normal(size=400)
    assert independence_test(x, x**2 + 0.3 * np.random.default_rng(1).normal(size=400)).p_value < 1e-10
    assert independence_test(x, np.zeros(400)) == (0.0, 0, 1.0, 1.0)


def test_the_linear_world_is_found(linear_data: Callable[..., RegimeData]) -> None:
    graph = learn_graph(linear_data({"obs": 300, "do(a)": 300, "do(b)": 300}))
    assert graph == ActionGraph({"b": ["a"]})
    table = graph.evidence
    assert table is not None
    assert table.loc[("a", "b"), "edge"]
    assert not table.loc[("b", "a"), "edge"]
    assert (table["df"] == 9).all()
    # Seeing is not setting: a and b are just as dependent in the observational rows.
    assert learn_graph(linear_data({"obs": 300, "do(a)": 300, "do(b)": 300}, drive=0.0)) == ActionGraph.empty()


def test_permuting_actions_does_not_matter_where_all_pairs_are_tested(linear_rows: Callable[..., pd.DataFrame]) -> None:
    rows = linear_rows({"obs": 300, "do(a)": 300, "do(b)": 300})
    swapped = RegimeData.from_frame(rows, outcome="y", actions=["b", "a"])
    assert learn_graph(swapped) == ActionGraph({"b": ["a"]})


def test_discrete_actions_have_their_own_degrees_of_freedom(linear_rows: Callable[..., pd.DataFrame]) -> None:
    rows = linear_rows({"obs": 200, "do(a)": 200, "do(b)": 200})
    is_a, is_b = rows["regime"] == "do(a)", rows["regime"] == "do(b)"
    rows.loc[is_a, "a"] = np.resize([0.0, 1.0], 200)
    rows.loc[is_b, "b"] = np.resize([0.0, 1.0, 2.0], 200)
    rows["a"] = rows["a"].where(is_a, (rows["a"] > 0).astype(float))
    table = graph_evidence(RegimeData.from_frame(rows, outcome="y", actions=["a", "b"]))
    assert table.loc[("a", "b"), "df"] == 1 * 3
    assert table.loc[("b", "a"), "df"] == 2 * 1


@pytest.mark.parametrize(("drive", "found"), [(0.7, True), (0.0, False)])
def test_an_action_switched_off_is_compared_with_the_natural_rows(
    linear_rows: Callable[..., pd.DataFrame], drive: float, *, found: bool
) -> None:
    rows = linear_rows({"obs": 400, "do(a)": 400, "do(b)": 400}, drive=drive)
    rows.loc[rows["regime"] == "do(a)", "a"] = 0.0  # the mean of a: only the spread of b changes
    switched = rows["regime"] == "do(a)"
    rng = np.random.default_rng(5)
    rows.loc[switched, "b"] = rng.normal(size=(2, 400)).sum(axis=0)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])
    table = graph_evidence(data)
    assert table.loc[("a", "b"), "df"] == 3
    assert (table.loc[("a", "b"), "p_value"] < 0.05) == found
    assert learn_graph(data) == (ActionGraph({"b": ["a"]}) if found else ActionGraph.empty())


def test_one_level_p_values_are_uniform_under_the_same_law() -> None:
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(200):
        a, b = rng.normal(size=160), rng.normal(size=160)
        a[:80] = 1.0
        table = pd.DataFrame({"a": a, "b": b, "y": rng.normal(size=160), "regime": np.repeat(["do(a)", "obs"], 80)})
        data = RegimeData.from_frame(table, outcome="y", actions=["a", "b"])
        p_values.append(graph_evidence(data).loc[("a", "b"), "p_value"])
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_untested_pairs_are_kept_along_the_order_of_the_actions(linear_rows: Callable[..., pd.DataFrame]) -> None:
    rows = linear_rows({"obs": 300})
    for order in (["a", "b"], ["b", "a"]):
        graph = learn_graph(RegimeData.from_frame(rows, outcome="y", actions=order))
        assert graph == ActionGraph.full(order)
        assert graph.evidence is not None
        assert graph.evidence["p_value"].isna().all()


def test_an_untested_pair_turns_round_where_the_opposite_edge_was_tested_and_absent(
    linear_rows: Callable[..., pd.DataFrame],
) -> None:
    # b was randomised and does not move a; whether a moves b is not tested: keep a -> b, in both orders.
    rows = linear_rows({"obs": 400, "do(b)": 400})
    for order in (["a", "b"], ["b", "a"]):
        data = RegimeData.from_frame(rows, outcome="y", actions=order)
        assert learn_graph(data) == ActionGraph({"b": ["a"]})


def test_an_untested_pair_is_dropped_where_the_opposite_edge_was_found(
    linear_rows: Callable[..., pd.DataFrame],
) -> None:
    rows = linear_rows({"obs": 300, "do(a)": 300})
    for order in (["a", "b"], ["b", "a"]):
        data = RegimeData.from_frame(rows, outcome="y", actions=order)
        assert learn_graph(data) == ActionGraph({"b": ["a"]})


@given(regimes=st.sets(st.sampled_from(["do(a)", "do(b)", "do(c)", "do(d)", "do(a,b)"])), seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_learned_graphs_are_acyclic_and_leave_no_untested_pair_open(regimes: set[str], seed: int) -> None:
    # Feedback on purpose: in each test every other action moves, so that all accepted edges form cycles.
    rng = np.random.default_rng(seed)
    tables = []
    for label in ["obs", *sorted(regimes)]:
        strength = rng.choice([0.0, 1.0], 4)
        base = rng.normal(size=(60, 1))
        values = base * strength + rng.normal(size=(60, 4))
        values[:, [k for k, name in enumerate("abcd") if name in label[2:]]] = base
        tables.append(pd.DataFrame(values, columns=list("abcd")).assign(y=rng.normal(size=60), regime=label))
    data = RegimeData.from_frame(pd.concat(tables), outcome="y", actions=list("abcd"))
    graph = learn_graph(data)  # the constructor refuses cycles
    table = graph.evidence
    assert table is not None
    assert set(graph.edges) == set(table.index[table["edge"]])
    for first, second in permutations("abcd", 2):
        if table.loc[(first, second), "df"] == 0 and table.loc[(second, first), "df"] == 0:
            linked = first in graph.ancestors_of(second) or second in graph.ancestors_of(first)
            assert linked


def test_a_weak_edge_is_found_on_all_rows_that_leave_the_effect_unset() -> None:
    """The single test alone misses it; the regimes together, given the direction, do not."""
    found_alone = found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        tables = []
        for label in ("obs", "do(a)", "do(b)", "do(c)", "do(d)"):
            values = {name: rng.normal(size=150) for name in "acd"}
            values["b"] = rng.normal(size=150) + (0.0 if label == "do(b)" else 0.22 * values["a"])
            tables.append(pd.DataFrame(values).assign(regime=label, y=rng.normal(size=150)))
        data = RegimeData.from_frame(pd.concat(tables), outcome="y", actions=["a", "b", "c", "d"])
        alone = graph_evidence(data)["p_value"]
        found_alone += bool((stats.false_discovery_control(alone) <= 0.1)[alone.index.get_loc(("a", "b"))])
        graph = learn_graph(data)
        found += ("a", "b") in graph.edges or ("b", "a") in graph.edges
    assert found >= 17
    assert found_alone <= found - 5


def _chain(seed: int, direct: float) -> RegimeData:
    rng = np.random.default_rng(seed)
    tables = []
    for label in ("obs", "do(a)", "do(b)", "do(c)"):
        a = rng.normal(size=300)
        b = rng.normal(size=300) if label == "do(b)" else a + rng.normal(size=300)
        c = rng.normal(size=300) if label == "do(c)" else b + direct * a + rng.normal(size=300)
        tables.append(pd.DataFrame({"a": a, "b": b, "c": c, "regime": label, "y": rng.normal(size=300)}))
    return RegimeData.from_frame(pd.concat(tables), outcome="y", actions=["a", "b", "c"])


def test_an_indirect_edge_is_dropped_given_the_action_between() -> None:
    """Dropped if p > 0.2, so mostly; a direct edge beside the path always stays."""
    chains = [learn_graph(_chain(seed, direct=0.0)) for seed in range(20)]
    assert sum(graph == ActionGraph({"b": ["a"], "c": ["b"]}) for graph in chains) >= 10
    assert all(graph.evidence is not None and graph.evidence.loc[("a", "c"), "p_value"] < 1e-4 for graph in chains)
    both = ActionGraph({"b": ["a"], "c": ["a", "b"]})
    assert all(learn_graph(_chain(seed, direct=0.7)) == both for seed in range(20))


def labelled(codes: np.ndarray, seed: int, labels: str = "pqrs") -> np.ndarray:
    """Labels whose order says nothing about the codes."""
    shuffled = np.random.default_rng(seed).permutation(list(labels))
    return shuffled[codes.astype(int)]


def test_labels_are_compared_level_by_level() -> None:
    """Degrees of freedom are the product of the ranks, and no name of a level matters."""
    rng = np.random.default_rng(3)
    n = 600
    a, b, x = rng.integers(0, 4, n), rng.integers(0, 3, n), rng.normal(size=n)
    frame = pd.DataFrame({"x": x, "y": rng.normal(size=n), "regime": np.resize(["obs", "do(a)", "do(b)"], n)})
    tables = []
    for seed in (0, 1):
        rows = frame.assign(a=labelled(a, seed), b=labelled(b, seed, "uvw"))
        tables.append(graph_evidence(RegimeData.from_frame(rows, outcome="y", actions=["a", "b", "x"])))
    assert tables[0].loc[("a", "b"), "df"] == 6
    assert tables[0].loc[("a", "x"), "df"] == 9
    assert tables[0]["p_monotone"].isna().all()
    np.testing.assert_allclose(tables[0]["statistic"], tables[1]["statistic"])
    single = frame["regime"] == "do(a)"
    pearson = stats.chi2_contingency(pd.crosstab(a[single], b[single])).statistic
    np.testing.assert_allclose(tables[0].loc[("a", "b"), "statistic"], pearson)


def test_dependence_of_labels_is_found_where_ranks_show_little() -> None:
    """Level 2 of six follows the cause, the others do not; the codes of the levels are in no order."""
    rng = np.random.default_rng(4)
    n = 3000
    cause = rng.integers(0, 2, n)
    effect = np.where((cause == 1) & (rng.random(n) < 0.15), 2, rng.integers(0, 6, n))
    rows = pd.DataFrame({"cause": np.array(["off", "on"])[cause], "effect": labelled(effect, 0, "abcdef")})
    rows = rows.assign(y=rng.normal(size=n), regime=np.resize(["obs", "do(cause)", "do(effect)"], n))
    rows.loc[rows["regime"] == "do(effect)", "effect"] = labelled(rng.integers(0, 6, n // 3), 0, "abcdef")
    graph = learn_graph(RegimeData.from_frame(rows, outcome="y", actions=["cause", "effect"]))
    assert graph.edges == (("cause", "effect"),)
    assert graph.evidence is not None
    assert graph.evidence.loc[("cause", "effect"), "df"] == 5


def test_a_cause_that_was_set_to_one_label() -> None:
    """Then the law of the other is compared with the observational one."""
    rng = np.random.default_rng(5)
    n = 2000
    cause = rng.integers(0, 3, n)
    regime = np.resize(["obs", "do(cause)"], n)
    cause[regime == "do(cause)"] = 1
    effect = np.where(rng.random(n) < 0.3, cause, rng.integers(0, 3, n))
    rows = pd.DataFrame({"cause": labelled(cause, 0), "effect": labelled(effect, 1), "y": rng.normal(size=n)})
    data = RegimeData.from_frame(rows.assign(regime=regime), outcome="y", actions=["cause", "effect"])
    evidence = graph_evidence(data)
    assert evidence.loc[("cause", "effect"), "df"] == 2
    assert evidence.loc[("cause", "effect"), "p_value"] < 1e-6
