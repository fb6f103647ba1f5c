"""Confounding components are residuals given the parents: shrinking them leaves the parents' effects alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import RegimeData
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.components import ConfoundingComponent

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
