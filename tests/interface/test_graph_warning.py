"""A given graph that the data contradict: one warning at the fit, what happens without the edge, and with it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, Polynomial, RegimeData, load
from bayes_ivgen.errors import GraphWarning, IvgenWarning

QuickFit = Callable[..., Fit]
FEW: dict[str, Any] = {"draws": 3, "chains": 1, "tune": 0, "cores": 1, "seed": 0}
EDGE = ActionGraph({"web": ["tv"]})
MISSING = (
    r"tv drives web \(p = \de-\d\d in the 300 rows of do\(tv\)\).*Pass graph=ActionGraph\(\{\"web\": \[\"tv\"\]\}\) or"
)


@pytest.mark.parametrize("graph", ["empty", ActionGraph.empty(), ActionGraph({"tv": ["web"]})])
def test_a_fit_warns_once_and_the_advice_works(data: RegimeData, graph: Any) -> None:
    with pytest.warns(GraphWarning, match=MISSING) as caught:
        InterventionModel(graph=graph).fit(data, **FEW)
    assert len(caught) == 1
    assert caught[0].filename == __file__  # it points at the user's line
    assert issubclass(GraphWarning, IvgenWarning)
    for mended in (ActionGraph({"web": ["tv"]}), "learn"):
        assert InterventionModel(graph=mended).fit(data, **FEW).graph == EDGE  # warnings are errors here


def test_full_warns_where_the_order_is_against_the_data(rows: pd.DataFrame) -> None:
    data = RegimeData.from_frame(rows, outcome="sales", actions=["web", "tv"])
    with pytest.warns(GraphWarning, match=r'Pass graph=ActionGraph\.full\(\["tv", "web"\]\) or graph="learn"'):
        InterventionModel(graph="full").fit(data, **FEW)
    InterventionModel(graph=ActionGraph.full(["tv", "web"])).fit(data, **FEW)
    InterventionModel(graph="full").fit(RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"]), **FEW)


def test_only_the_fit_warns(data: RegimeData) -> None:
    model = InterventionModel(graph="empty")
    model.design(data)
    model.action_graph(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GraphWarning)
        fit = model.fit(data, **FEW)
    fit.effect(do={"tv": 40.0, "web": 20.0}).summary()


@pytest.mark.parametrize("graph", [EDGE, "full"])
def test_a_given_graph_keeps_its_evidence_in_storage(data: RegimeData, graph: Any, tmp_path: Path) -> None:
    fit = InterventionModel(graph=graph).fit(data, **FEW)
    for graph_ in (fit.graph, load(fit.save(tmp_path / "fit.zarr")).graph):
        assert graph_ == EDGE
        assert graph_.evidence is not None
        assert graph_.evidence["edge"].to_dict() == {("tv", "web"): True, ("web", "tv"): False}
        learned = InterventionModel().action_graph(data).evidence
        assert learned is not None
        pd.testing.assert_frame_equal(graph_.evidence, learned.drop(columns="p_conditional"))
    assert fit.model.graph == graph
    assert InterventionModel(graph=EDGE).action_graph(data) == EDGE
    assert EDGE.evidence is None


def test_a_missing_parent_biases_the_slope(linear_rows: Callable[..., pd.DataFrame], quick_fit: QuickFit) -> None:
    """T11: A = C1 + V1, B = A + C2 + V2, Y = A + B + C1 + C2 + U: without the edge the slope of A is .60, not 1."""
    counts = {"obs": 2000, "do(a)": 2000, "do(b)": 2000}
    rows = linear_rows(counts, effect=(1.0, 1.0), confounding=(1.0, 1.0), drive=1.0)
    line = {"causal": Polynomial(1), "confounding": Polynomial(1)}

    def slope(fit: Fit) -> tuple[float, float]:
        table = fit.contrast(do={"a": 1.0, "b": 0.0}, versus={"a": -1.0, "b": 0.0}).summary()
        return table["mean"].iloc[0] / 2, table["sd"].iloc[0] / 2

    with pytest.warns(GraphWarning, match=r"a drives b \(p < 1e-16 in the 2,000 rows of do\(a\)\)"):
        biased, _ = slope(quick_fit(rows, ["a", "b"], graph="empty", **line))
    assert abs(biased - 0.6) < 0.05
    for graph in (ActionGraph({"b": ["a"]}), "learn"):
        mean, sd = slope(quick_fit(rows, ["a", "b"], graph=graph, **line))
        assert abs(mean - 1.0) < 3.5 * sd
        assert sd < 0.05


def _xor_rows(n: int, seed: int) -> pd.DataFrame:
    """Draw from A2 = A1 xor C2 with a fair C2: A2 is a fair coin whatever A1 is."""
    rng = np.random.default_rng(seed)
    tables = []
    for regime in ("obs", "do(a1)", "do(a2)"):
        c1, c2, coin = rng.integers(0, 2, (3, n))
        a1 = coin if regime == "do(a1)" else np.where(rng.random(n) < 0.8, c1, 1 - c1)
        a2 = coin if regime == "do(a2)" else a1 ^ c2
        y = 1.7 + a1 + 0.5 * a2 + 0.6 * (c1 - 0.5) + 1.6 * (c2 - 0.5) + 0.5 * rng.normal(size=n)
        tables.append(pd.DataFrame({"regime": regime, "a1": a1, "a2": a2, "y": y}, dtype=object))
    return pd.concat(tables, ignore_index=True).astype({"a1": float, "a2": float, "y": float})


def test_an_unfaithful_edge_cannot_be_seen_and_the_joint_effect_does_not_need_it(quick_fit: QuickFit) -> None:
    """T11: the joint effect is right without the edge; what is seen beside a set action needs it."""
    rows = _xor_rows(1500, seed=0)
    grid = pd.DataFrame({"a1": [0.0, 0.0, 1.0, 1.0], "a2": [0.0, 1.0, 0.0, 1.0]})
    joint = 1.7 + grid["a1"] + 0.5 * grid["a2"]
    seen = joint + 0.8 * np.array([-1, 1, 1, -1])  # a2 seen: C2 = a1 xor a2
    off = {}
    for name, graph in (("learn", "learn"), ("empty", "empty"), ("true", ActionGraph({"a2": ["a1"]}))):
        fit = quick_fit(rows, ["a1", "a2"], graph=graph)  # no warning either
        assert fit.graph.evidence is not None
        assert fit.graph.evidence.loc[("a1", "a2"), "p_value"] > 0.01
        assert fit.graph.edges == ((("a1", "a2"),) if name == "true" else ())
        table = fit.effect(do=grid).summary()
        assert ((table["mean"] - joint).abs() < 3.5 * table["sd"]).all()
        assert table["sd"].max() < 0.1
        off[name] = fit.effect(do={"a1": grid["a1"]}, given={"a2": grid["a2"]}).summary()["mean"] - seen
    assert off["true"].abs().max() < 0.1
    np.testing.assert_allclose(off["empty"], [0.8, -0.8, -0.8, 0.8], atol=0.12)


def test_the_warning_is_not_about_what_the_test_did_not_randomise(data: RegimeData) -> None:
    with pytest.warns(GraphWarning, match=re.escape("keep the graph only if tv was not set independently")):
        InterventionModel(graph="empty").fit(data, **FEW)
