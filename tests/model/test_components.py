"""Confounding components are residuals given the parents: shrinking them leaves the parents' effects alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.components import CommonLevel, ConfoundingComponent

COUNTS = {"obs": 600, "do(a)": 600, "do(b)": 600}


@pytest.fixture(scope="module")
def data(linear_data: Callable[..., RegimeData]) -> RegimeData:
    return linear_data(COUNTS)


@pytest.fixture(scope="module")
def design(data: RegimeData) -> Design:
    model = InterventionModel(causal=BSpline(6), confounding=BSpline(6), graph=ActionGraph({"b": ["a"]}))
    return model.design(data)


def _component(design: Design) -> ConfoundingComponent:
    found = [c for c in design.components if isinstance(c, ConfoundingComponent) and c.action == "b"]
    return found[0]


def _values(data: RegimeData) -> dict[str, np.ndarray]:
    rows = np.concatenate([data.profiles[regime].sample for regime in data.regimes_leaving("b")])
    return {"a": rows[:, 0], "b": rows[:, 1]}


def _split(component: ConfoundingComponent, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the parent, and those of the own action and the interaction."""
    kinds = np.concatenate([np.full(term.size, term.type.value.startswith("other")) for term in component.terms])
    level = np.concatenate([np.full(term.size, term.type.value == "level") for term in component.terms])
    return columns[:, kinds], columns[:, ~kinds & ~level]


def test_own_and_interaction_columns_have_no_mean_given_the_parents(data: RegimeData, design: Design) -> None:
    component = _component(design)
    parents, rest = _split(component, component.columns(_values(data)))
    raw = component.raw_columns(_values(data))
    parents = parents[:, :-2]  # without the changes of slope beyond the boundary: a row or two
    assert np.abs(np.corrcoef(parents.T, raw.own.T)[: parents.shape[1], parents.shape[1] :]).max() > 0.3
    correlation = np.corrcoef(parents.T, rest.T)[: parents.shape[1], parents.shape[1] :]
    assert np.abs(correlation).max() < 0.02


def test_the_projection_changes_the_prior_not_the_model(data: RegimeData, design: Design) -> None:
    component, values = _component(design), _values(data)
    raw = component.raw_columns(values)
    columns, plain = (
        component.columns(values),
        np.concatenate([np.ones((1200, 1)), raw.targets, raw.given], axis=1),
    )
    assert (
        np.linalg.matrix_rank(columns)
        == np.linalg.matrix_rank(plain)
        == np.linalg.matrix_rank(np.hstack([columns, plain]))
    )


def test_columns_keep_mean_zero_over_the_observational_rows(data: RegimeData, design: Design) -> None:
    observational = next(iter(data.profiles.values())).sample
    columns = _component(design).columns({"a": observational[:, 0], "b": observational[:, 1]})
    np.testing.assert_allclose(columns[:, 1:].mean(axis=0), 0.0, atol=1e-10)


def test_the_effect_of_a_parent_is_not_shrunk_by_its_child(linear_data: Callable[..., RegimeData]) -> None:
    """T11: with the edge a -> b the slope of a is its own 1.0, averaged over data sets; flattening would show."""
    model = InterventionModel(graph=ActionGraph({"b": ["a"]}))
    slopes, sds = [], []
    for seed in range(6):
        fit = model.fit(linear_data(COUNTS, seed), draws=150, chains=2, tune=100, cores=1, seed=0, progressbar=False)
        table = fit.contrast(do={"a": 1.0, "b": 0.0}, versus={"a": -1.0, "b": 0.0}).summary()
        slopes.append(table["mean"].iloc[0] / 2)
        sds.append(table["sd"].iloc[0] / 2)
    assert abs(np.mean(slopes) - 1.0) < 3.5 * np.mean(sds) / np.sqrt(len(slopes))


def test_two_parents_are_taken_out_with_their_product() -> None:
    """E[own | parents] = a1 a2 here: without the product in the projection it would stay in the columns."""
    rng = np.random.default_rng(0)
    a1, a2 = rng.uniform(-1, 1, (2, 4000))
    rows = pd.DataFrame({"a1": a1, "a2": a2, "a3": 2 * a1 * a2 + 0.1 * rng.normal(size=4000)})
    rows = rows.assign(y=rng.normal(size=4000), regime="obs")
    data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2", "a3"])
    design = InterventionModel(graph=ActionGraph({"a3": ["a1", "a2"]})).design(data)
    component = next(c for c in design.components if isinstance(c, ConfoundingComponent) and c.action == "a3")
    values = {name: rows[name].to_numpy() for name in data.actions}
    names = [term.name for term in component.terms for _ in range(term.size)]
    line = component.columns(values)[:, names.index("confounding[a3].linear")]
    raw = component.raw_columns(values).own[:, 0]
    assert abs(np.corrcoef(raw, a1 * a2)[0, 1]) > 0.95
    assert abs(np.corrcoef(line, a1 * a2)[0, 1]) < 0.05
    assert not any("a1,a2" in name for name in names)


def test_the_common_level_is_the_share_of_actions_that_are_not_set(data: RegimeData, design: Design) -> None:
    column = design.slices["confounding.level"].start
    was_set = np.array([[False, False], [True, False], [True, True]])
    np.testing.assert_array_equal(design.rows(np.zeros((3, 2)), was_set)[:, column], [1.0, 0.5, 0.0])
    for label, share in (("obs", 1.0), ("do(a)", 0.5)):
        regime = Regime.parse(label, data.actions)
        found = design.regime_rows(np.zeros((1, 2)), regime)[0, design.active_columns(regime) == column]
        np.testing.assert_array_equal(found, [share])
    assert column not in design.active_columns(Regime.parse("do(a,b)", data.actions))
    restored = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    assert restored.components[-1] == CommonLevel(("a", "b"))


def test_there_is_no_common_level_of_one_or_no_level(data: RegimeData, linear_data: Callable[..., RegimeData]) -> None:
    separable = InterventionModel(confounding="separable", graph="empty").design(data)
    always_set = InterventionModel(graph="empty").design(linear_data({"do(a)": 200, "do(a,b)": 200}))
    for design in (separable, always_set):
        assert not any(isinstance(component, CommonLevel) for component in design.components)
