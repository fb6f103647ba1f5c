"""Graphs that the data contradict: found, rarely by chance, and said with an advice that works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.data import RegimeData
from bayes_ivgen.model import ActionGraph, graph_check
from bayes_ivgen.model.graph_check import contradiction, missing_edges, with_evidence
from bayes_ivgen.simulate import linear_lognormal

COUNTS = {"obs": 300, "do(a)": 300, "do(b)": 300}
EMPTY = ActionGraph.empty()


def _chain(order: str = "abc", seed: int = 0) -> RegimeData:
    """Each action drives the next one in `order`, 300 rows a regime."""
    rng = np.random.default_rng(seed)
    tables = []
    for regime in ("obs", *(f"do({name})" for name in order)):
        values: dict[str, np.ndarray] = {}
        for k, name in enumerate(order):
            driven = values[order[k - 1]] if k and regime != f"do({name})" else 0.0
            values[name] = driven + rng.normal(size=300)
        tables.append(pd.DataFrame(values).assign(regime=regime, y=rng.normal(size=300)))
    return RegimeData.from_frame(pd.concat(tables), outcome="y", actions=sorted(order))


def _advised(message: str) -> ActionGraph:
    """The graph whose source the message suggests."""
    found = re.search(r"graph=ActionGraph(\.full)?\((.*?)\) or graph=", message)
    assert found is not None
    value = json.loads(found[2])
    return ActionGraph.full(value) if found[1] else ActionGraph(value)


def test_a_missing_edge_is_named_with_its_evidence_and_the_advice_works(linear_data: Callable[..., RegimeData]) -> None:
    data = linear_data(COUNTS)
    message = contradiction(data, with_evidence(data, EMPTY))
    assert message is not None
    assert re.match(r"the data contradict the graph: a drives b \(p < 1e-16 in the 300 rows of do\(a\)\), but", message)
    assert "The causal effect of a would absorb the confounding that goes through the missing edge" in message
    assert 'Pass graph=ActionGraph({"b": ["a"]}) or graph="learn"; keep the graph only if a was not set' in message
    assert contradiction(data, with_evidence(data, _advised(message))) is None
    assert contradiction(linear_data(COUNTS, drive=0.0), EMPTY) is None


def test_a_path_is_enough_and_superfluous_edges_are_no_matter() -> None:
    data = _chain()
    assert list(missing_edges(data, ActionGraph({"b": ["a"]}))) == [("b", "c"), ("a", "c")]
    for parents in ({"b": ["a"], "c": ["b"]}, {"b": ["a"], "c": ["a", "b"]}):
        assert contradiction(data, ActionGraph(parents)) is None
    assert contradiction(_chain("cab"), ActionGraph({"a": ["c"], "b": ["a"]})) is None


@pytest.mark.parametrize("given", [{}, {"a": ["b"]}, {"b": ["a"]}, {"a": ["b"], "b": ["c"]}])
def test_wrong_edges_are_turned_round(given: dict[str, list[str]]) -> None:
    data = _chain()
    message = contradiction(data, with_evidence(data, ActionGraph(given)))
    assert message is not None
    assert contradiction(data, with_evidence(data, _advised(message))) is None


def test_where_no_small_change_helps_only_learning_is_advised() -> None:
    """c -> b -> a is given, a drives c alone: with the edge a -> c the given ones close a cycle."""
    data = _chain("ac")
    rng = np.random.default_rng(0)
    tables = [
        pd.DataFrame(profile.sample, columns=["a", "c", "y"]).assign(b=rng.normal(size=300), regime=regime.label)
        for regime, profile in data.profiles.items()
    ]
    data = RegimeData.from_frame(pd.concat(tables), outcome="y", actions=["a", "b", "c"])
    message = contradiction(data, ActionGraph({"b": ["c"], "a": ["b"]}))
    assert message is not None
    assert 'Pass graph="learn"; keep' in message


@pytest.mark.parametrize("order", ["cab", "cba", "bca", "acb"])
def test_an_order_against_the_data_is_put_right(order: str) -> None:
    data = _chain(order)
    full = with_evidence(data, ActionGraph.full(["a", "b", "c"]))
    message = contradiction(data, full, ordered=True)
    assert message is not None
    assert f"graph=ActionGraph.full({json.dumps(list(order))}) or" in message
    assert contradiction(data, with_evidence(data, _advised(message)), ordered=True) is None
    assert contradiction(data, ActionGraph.full(list(order)), ordered=True) is None


def test_many_missing_edges_are_counted_and_all_advised() -> None:
    rng = np.random.default_rng(0)
    names = list("abcde")
    tables = []
    for regime in ("obs", *(f"do({name})" for name in names)):
        values = np.cumsum(rng.normal(size=(300, 5)), axis=1)
        for k in range(5):
            if regime == f"do({names[k]})":
                values[:, k:] += rng.normal(size=(300, 1)) - values[:, [k]]
                values[:, :k] = np.cumsum(rng.normal(size=(300, k)), axis=1)
        tables.append(pd.DataFrame(values, columns=names).assign(regime=regime, y=rng.normal(size=300)))
    data = RegimeData.from_frame(pd.concat(tables), outcome="y", actions=names)
    message = contradiction(data, with_evidence(data, EMPTY))
    assert message is not None
    assert ", and 4 more, but" in message
    assert _advised(message) == ActionGraph.full(names)


def test_a_single_level_is_compared_with_the_natural_rows(linear_rows: Callable[..., pd.DataFrame]) -> None:
    for drive, found in ((0.7, True), (0.0, False)):
        rows = linear_rows({"obs": 400, "do(a)": 400, "do(b)": 400}, drive=drive)
        switched = rows["regime"] == "do(a)"
        rows.loc[switched, "b"] += drive * (2.0 - rows.loc[switched, "a"])
        rows.loc[switched, "a"] = 2.0
        data = RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])
        message = contradiction(data, EMPTY)
        assert (message is not None and "a drives b" in message) == found
        assert contradiction(data, ActionGraph({"b": ["a"]})) is None


def test_untested_pairs_and_a_single_action_are_no_contradiction(linear_rows: Callable[..., pd.DataFrame]) -> None:
    rows = linear_rows({"obs": 300, "do(b)": 300})
    assert contradiction(RegimeData.from_frame(rows, outcome="y", actions=["a", "b"]), EMPTY) is None
    alone = RegimeData.from_frame(rows.drop(columns="a"), outcome="y", actions=["b"])
    assert contradiction(alone, with_evidence(alone, EMPTY)) is None


def test_false_alarms_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in a hundred by design; more than 4 of 100 would happen once in 300 runs."""
    cases = []
    for seed in range(100):
        world = linear_lognormal(4, seed=seed)
        rows = world.sample_regimes(world.standard_regimes(100), seed=seed)
        data = RegimeData.from_frame(rows, outcome="y", actions=list(world.actions))
        cases.append((data, with_evidence(data, ActionGraph(world.parents))))
    assert sum(len(missing_edges(*case)) > 0 for case in cases) <= 4
    monkeypatch.setattr(graph_check, "FALSE_ALARMS", 0.3)
    assert sum(len(missing_edges(*case)) > 0 for case in cases) > 8


def test_actions_that_hardly_ever_move_raise_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chi-square is far too light where one row is expected in which both are on."""

    def share_of_alarms() -> float:
        rng = np.random.default_rng(0)
        alarms = 0
        for _ in range(150):
            values = (rng.random((1000, 5)) < 0.02).astype(float)
            rows = pd.DataFrame(values, columns=list("abcde")).assign(y=rng.normal(size=1000), regime="do(a)")
            alarms += len(missing_edges(RegimeData.from_frame(rows, outcome="y", actions=list("abcde")), EMPTY)) > 0
        return alarms / 150

    assert share_of_alarms() == 0.0
    monkeypatch.setattr(graph_check, "LEAST_EXPECTED", 0.0)
    assert share_of_alarms() > 0.02


def test_the_evidence_does_not_change_the_graph(linear_data: Callable[..., RegimeData]) -> None:
    data = linear_data(COUNTS)
    graph = ActionGraph({"b": ["a"]})
    attached = with_evidence(data, graph)
    assert attached == graph
    assert hash(attached) == hash(graph)
    assert attached.parents == graph.parents
    assert graph.evidence is None
    table = attached.evidence
    assert table is not None
    assert table["edge"].to_dict() == {("a", "b"): True, ("b", "a"): False}
    assert missing_edges(data, EMPTY) == missing_edges(data, with_evidence(data, EMPTY))
