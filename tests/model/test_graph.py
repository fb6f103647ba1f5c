"""ActionGraph: parents, ancestors, order, equality, and what is refused."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen.errors import SpecError
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.model.graph import p_value_text

ACTIONS = ("tv", "web", "radio", "mail")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[ActionGraph, tuple[str, ...]]:
    """A random acyclic graph and an order of the actions that need not be causal."""
    causal = draw(st.permutations(ACTIONS))
    parents = {a: [b for b in causal[:k] if draw(st.booleans())] for k, a in enumerate(causal)}
    return ActionGraph(parents), tuple(draw(st.permutations(ACTIONS)))


def test_parents_ancestors_edges() -> None:
    graph = ActionGraph({"web": ["tv"], "radio": ["web", "web"]})
    assert graph.parents_of("radio") == ("web",)
    assert graph.parents_of("tv") == ()
    assert set(graph.ancestors_of("radio")) == {"web", "tv"}
    assert graph.edges == (("tv", "web"), ("web", "radio"))
    assert graph.order(["radio", "web", "tv"]) == ("tv", "web", "radio")
    assert str(graph) == "ActionGraph: tv -> web, web -> radio"
    assert str(ActionGraph.empty()) == "ActionGraph: no action drives another one"


def test_full_and_empty() -> None:
    assert ActionGraph.full(["a", "b", "c"]) == ActionGraph({"b": ["a"], "c": ["a", "b"]})
    assert ActionGraph.empty() == ActionGraph({"a": [], "b": ()})
    assert ActionGraph.full(["a", "b"]) != ActionGraph.empty()
    assert ActionGraph.empty() != {}


@given(graphs())
def test_ancestors_are_the_closure_and_every_parent_comes_first(case: tuple[ActionGraph, tuple[str, ...]]) -> None:
    graph, actions = case
    for action in actions:
        expected: set[str] = set()
        while True:
            found = {p for child in (action, *expected) for p in graph.parents_of(child)}
            if found == expected:
                break
            expected = found
        assert set(graph.ancestors_of(action)) == expected
        assert action not in expected
    order = graph.order(actions)
    assert sorted(order) == sorted(actions)
    assert all(order.index(parent) < order.index(child) for parent, child in graph.edges)


@given(graphs())
def test_equality_ignores_order_and_storage_is_exact(case: tuple[ActionGraph, tuple[str, ...]]) -> None:
    graph, _ = case
    shuffled = ActionGraph({child: tuple(reversed(graph.parents_of(child))) for child in reversed(ACTIONS)})
    assert shuffled == graph
    assert hash(shuffled) == hash(graph)
    assert ActionGraph(graph.to_dict()) == graph
    if graph.edges:
        parent, child = graph.edges[0]
        fewer = {c: [p for p in ps if (p, c) != (parent, child)] for c, ps in graph.parents.items()}
        assert ActionGraph(fewer) != graph


def test_ties_in_the_order_follow_the_actions() -> None:
    assert ActionGraph.empty().order(["b", "c", "a"]) == ("b", "c", "a")
    assert ActionGraph({"b": ["a"]}).order(["b", "c", "a"]) == ("c", "a", "b")


@pytest.mark.parametrize(
    "loop", [{"tv": ["tv"]}, {"web": ["tv"], "tv": ["web"]}, {"web": ["tv"], "radio": ["web"], "tv": ["radio"]}]
)
def test_a_cycle_is_refused_and_its_edges_are_named_as_they_run(loop: dict[str, list[str]]) -> None:
    with pytest.raises(SpecError, match=r"form a cycle .*no action can drive itself\. Remove one of these") as caught:
        ActionGraph(loop)
    named = re.search(r"\((.*)\)", str(caught.value))
    assert named is not None
    path = named[1].split(" -> ")
    assert path[0] == path[-1]
    assert len(path) == len(loop) + 1
    for parent, child in zip(path[:-1], path[1:], strict=True):  # noqa: RUF007
        assert parent in loop[child]
    del loop[path[1]]  # remove one of these edges
    assert ActionGraph(loop)


def test_a_string_of_parents_is_refused() -> None:
    message = "the parents of 'web' are the string 'tv'; pass a list such as ['tv']."
    with pytest.raises(SpecError, match=re.escape(message)):
        ActionGraph({"web": "tv"})
    assert ActionGraph({"web": ["tv"]}).edges == (("tv", "web"),)


@pytest.mark.parametrize("parents", [{"web": ["tele"]}, {"tele": ["web"]}])
def test_unknown_actions_are_named(parents: dict[str, list[str]]) -> None:
    message = "the graph names 'tele', which is not an action. The actions are ['tv', 'web']; correct the name"
    with pytest.raises(SpecError, match=re.escape(message)):
        ActionGraph(parents).check_actions(["tv", "web"])
    ActionGraph({"web": ["tv"]}).check_actions(["tv", "web"])


def _evidence(**p_values: tuple[float, float, float]) -> pd.DataFrame:
    """Build a table like that of the learner from ``a_b=(p_value, p_monotone, p_conditional)``."""
    index = pd.MultiIndex.from_tuples([tuple(name.split("_")) for name in p_values], names=["cause", "effect"])
    return pd.DataFrame(p_values.values(), index=index, columns=["p_value", "p_monotone", "p_conditional"])


def test_an_edge_is_printed_with_its_evidence() -> None:
    nan = float("nan")
    table = _evidence(
        tv_web=(1e-40, 0.3, nan), web_mail=(0.2, 0.0015, 0.2), tv_mail=(0.9, 0.6, 4e-6), radio_tv=(nan, nan, nan)
    )
    parents = {"tv": ["radio"], "web": ["tv"], "mail": ["web", "tv"]}
    graph = ActionGraph(parents, evidence=table)
    assert str(graph).splitlines() == [
        "ActionGraph: 4 edges",
        "  radio -> tv  not tested",
        "  tv -> web    p < 1e-16 in do(tv)",
        "  web -> mail  p = 0.003 in do(web)",
        "  tv -> mail   p = 4e-06 on all rows, given its other causes",
    ]
    assert repr(graph) == f"ActionGraph(parents={graph.parents!r})"
    single = ActionGraph({"web": ["tv"]}, evidence=table.drop(columns="p_conditional"))
    assert str(single) == "ActionGraph: 1 edge\n  tv -> web  p < 1e-16 in do(tv)"
    assert str(ActionGraph({}, evidence=table)) == "ActionGraph: no action drives another one"
    assert str(ActionGraph({"ünï x": ["9"]}, evidence=table)) == "ActionGraph: 1 edge\n  9 -> ünï x  not tested"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0, "p < 1e-16"), (3.2e-7, "p = 3e-07"), (0.00123, "p = 0.0012"), (0.5, "p = 0.5"), (1.0, "p = 1")],
)
def test_p_values_are_short(p: float, text: str) -> None:
    assert p_value_text(p) == text
