"""The layout of the columns, the gates, and that names and orders are all there is to permute."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.components import CausalComponent, ConfoundingComponent, TermType
from bayes_ivgen.model.components.dataset_offset import with_dataset
from bayes_ivgen.model.design import indicators

ACTIONS = ["a", "b", "c"]
GRAPH = ActionGraph({"b": ["a"], "c": ["a", "b"]})
LABELS = ["obs", "do(a)", "do(b)", "do(c)", "do(a,c)"]


def rows(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n * len(LABELS), 3)), columns=ACTIONS)
    frame["b"] = rng.integers(0, 3, len(frame)) / 2
    return frame.assign(y=frame.sum(axis=1) + rng.normal(size=len(frame)), regime=np.repeat(LABELS, n))


def design_of(actions: list[str], **model: object) -> Design:
    data = RegimeData.from_frame(rows(), outcome="y", actions=actions)
    chosen = {"causal": BSpline(6), "confounding": BSpline(6), "graph": GRAPH} | model
    return InterventionModel(**chosen).design(data)


@pytest.fixture(scope="module")
def design() -> Design:
    return design_of(ACTIONS)


def test_slices_cover_every_column_once(design: Design) -> None:
    covered = [i for term in design.terms for i in range(*design.slices[term.name].indices(design.n_coefficients))]
    assert covered == list(range(1, design.n_coefficients))
    assert len(design.slices) == len(design.terms)  # names are unique
    by_component = [i for s in design.component_slices for i in range(s.start, s.stop)]
    assert by_component == covered
    assert len(set(design.coefficient_names)) == design.n_coefficients - 1
    for name, index in zip(design.coefficient_names, design.term_index, strict=True):
        assert name.startswith(design.terms[index].name)
    assert [design.types[i] for i in design.type_index] == [term.type for term in design.terms]
    extra = ("synergy", "covariate", "causal_tensor", "dataset")
    assert design.types == tuple(kind for kind in TermType if not kind.startswith(extra))


def test_terms_are_named_after_their_component(design: Design) -> None:
    names = [term.name for term in design.terms]
    assert names[:5] == [
        "causal[a].linear",
        "causal[a].wiggle",
        "causal[b].linear",
        "causal[b].wiggle",
        "causal[c].linear",
    ]
    assert design.coefficient_names[:3] == ("causal[a].linear", "causal[a].wiggle.0", "causal[a].wiggle.1")
    assert [name for name in names if name.startswith("confounding[c")] == [
        "confounding[c].level",
        "confounding[c].linear",
        "confounding[c].wiggle",
        "confounding[c|a].linear",
        "confounding[c|a].wiggle",
        "confounding[c|a].tensor",
        "confounding[c|b].linear",
        "confounding[c|b].wiggle",
        "confounding[c|b].tensor",
    ]
    # b has three levels: a line and one column; own margin of c: a line and three columns.
    sizes = {term.name: term.size for term in design.terms}
    assert sizes["causal[b].wiggle"] == 1
    assert sizes["confounding[c|b].tensor"] == (1 + 3) * (1 + 1)
    assert sizes["confounding[c|a].tensor"] == (1 + 3) * (1 + 3)


@pytest.mark.parametrize("label", LABELS)
def test_rows_equal_regime_rows_and_gated_columns_are_zero(design: Design, label: str) -> None:
    regime = Regime.parse(label, ACTIONS)
    values = rows(7, seed=1)[ACTIONS].to_numpy()
    was_set = np.tile(indicators([regime], ACTIONS), (len(values), 1))
    full = design.rows(values, was_set)
    active = design.active_columns(regime)
    np.testing.assert_array_equal(full[:, active], design.regime_rows(values, regime))
    gated = np.setdiff1d(np.arange(design.n_coefficients), active)
    np.testing.assert_array_equal(full[:, gated], 0.0)
    common = design.slices["confounding.level"].start
    expected = [i for action in regime.set_actions for i in design.columns_of(action, ConfoundingComponent)]
    assert sorted(set(expected) - {common}) == gated.tolist()
    np.testing.assert_allclose(full[:, common], 1 - len(regime.set_actions) / 3)
    np.testing.assert_array_equal(full[:, 0], 1.0)
    for action in ACTIONS:
        assert np.any(full[:, design.columns_of(action, CausalComponent)] != 0)


def test_rows_of_mixed_regimes_are_the_rows_of_each(design: Design) -> None:
    values = rows(2, seed=1)[ACTIONS].to_numpy()
    regimes = [Regime.parse(label, ACTIONS) for label in np.repeat(LABELS, 2)]
    mixed = design.rows(values, indicators(regimes, ACTIONS))
    for i, regime in enumerate(regimes):
        alone = design.rows(values[i : i + 1], indicators([regime], ACTIONS))
        np.testing.assert_allclose(mixed[i : i + 1], alone, rtol=1e-12, atol=1e-14)


def test_the_level_is_one_exactly_where_the_action_was_not_set(design: Design) -> None:
    values = np.zeros((2, 3))
    column = design.slices["confounding[b].level"].start
    was_set = np.array([[True, False, True], [False, True, False]])
    np.testing.assert_array_equal(design.rows(values, was_set)[:, column], [1.0, 0.0])


@pytest.mark.parametrize("order", [["c", "a", "b"], ["b", "a", "c"]])
def test_permuting_actions_permutes_columns_only(design: Design, order: list[str]) -> None:
    permuted = design_of(order)
    table = rows(5, seed=2)
    first = design.rows(table[ACTIONS].to_numpy(), np.zeros((len(table), 3), dtype=bool))
    second = permuted.rows(table[order].to_numpy(), np.zeros((len(table), 3), dtype=bool))
    assert set(permuted.coefficient_names) == set(design.coefficient_names)
    where = [1 + permuted.coefficient_names.index(name) for name in design.coefficient_names]
    np.testing.assert_allclose(second[:, where], first[:, 1:], rtol=1e-9, atol=1e-9)


def test_separable_has_no_levels() -> None:
    names = [term.name for term in design_of(ACTIONS, confounding="separable").terms]
    assert not any(name.endswith(".level") for name in names)
    assert any(name.startswith("confounding[a]") for name in names)


def test_storage_is_exact(design: Design) -> None:
    restored = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    values = rows(4, seed=3)[ACTIONS].to_numpy()
    was_set = np.random.default_rng(0).random(values.shape) < 0.5
    np.testing.assert_array_equal(restored.rows(values, was_set), design.rows(values, was_set))
    assert restored.terms == design.terms
    assert (restored.outcome_mean, restored.outcome_sd) == (design.outcome_mean, design.outcome_sd)
    assert restored.actions == design.actions


def structured(kind: str) -> Design:
    """Designs with every kind of component."""
    frame = rows()
    frame["label"] = np.where(frame["a"] > 0, "warm", "cold")
    frame["place"] = np.resize(["x", "y", "z"], len(frame))
    frame["run"] = np.resize(["one", "two"], len(frame))
    options: dict[str, object] = {"actions": ACTIONS, "outcome": "y"}
    model: dict[str, object] = {"causal": BSpline(6), "confounding": BSpline(6), "graph": GRAPH}
    if kind == "labels":
        options["actions"] = ["label", "b", "place"]
        frame["regime"] = frame["regime"].str.replace("a", "label").str.replace("c)", "place)", regex=False)
        model["graph"] = ActionGraph({"b": ["label"], "place": ["label", "b"]})
    if kind == "covariates":
        options |= {"covariates": ["place"], "dataset": "run"}
        model["covariates"] = {"place": "causal"}
    if kind == "block":
        frame = frame[frame["regime"].isin(["obs", "do(b)", "do(a,c)"])]
        model |= {"blocks": [["a", "c"], ["b"]], "graph": ActionGraph({"b": ["a"]})}
    if kind == "polynomial":
        model |= {"causal": Polynomial(3), "confounding": Polynomial(2), "synergy": True}
    return InterventionModel(**model).design(RegimeData.from_frame(frame, **options))


@pytest.mark.parametrize("kind", ["labels", "covariates", "block", "polynomial"])
def test_columns_written_in_place_are_those_of_the_components(kind: str) -> None:
    design = structured(kind)
    rng = np.random.default_rng(1)
    values = np.column_stack([rng.integers(0, 2, 50), rng.normal(size=(50, 1)), rng.integers(0, 2, (50, 2))])
    values = values[:, : len(design.variables)].astype(float)
    dataset = rng.integers(0, 2, 50).astype(float) if kind == "covariates" else None
    by_name = with_dataset({name: values[:, k] for k, name in enumerate(design.variables)}, dataset)
    for regime in (Regime(), Regime((design.actions[1],)), Regime(design.actions)):
        active = design.active_columns(regime)
        blocks = [np.ones((50, 1))]
        blocks += [c.at_work(regime) * c.columns(by_name) for c in design.components if c.at_work(regime)]
        expected = np.concatenate(blocks, axis=1)
        out = np.full((50, len(active)), np.nan)
        assert design.regime_rows(values, regime, dataset, out) is out
        np.testing.assert_array_equal(out, expected)
        was_set = np.array([regime.sets(action) for action in design.actions])
        np.testing.assert_array_equal(design.rows(values, was_set, dataset)[:, active], expected)
