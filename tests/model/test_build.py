"""From data to a design: where columns are centred, levels, thin components, hopeless outcomes."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataWarning, SpecError
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import Design
from bayes_ivgen.model.components import CausalComponent, ConfoundingComponent

MODEL = InterventionModel(causal=BSpline(6), confounding=BSpline(6), graph="full")


def frame(labels: list[str], n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    m = n * len(labels)
    a = rng.gamma(2.0, 1.0, m)
    b = 0.5 * a + rng.normal(size=m)
    return pd.DataFrame({"regime": np.repeat(labels, n), "a": a, "b": b, "y": 3.0 + a - b + rng.normal(size=m)})


def design_of(table: pd.DataFrame, model: InterventionModel = MODEL) -> Design:
    return model.design(RegimeData.from_frame(table, outcome="y", actions=["a", "b"]))


def natural_rows(design: Design, table: pd.DataFrame) -> np.ndarray:
    return design.rows(table[["a", "b"]].to_numpy(), np.zeros((len(table), 2), dtype=bool))


def test_columns_are_centred_on_the_observational_rows() -> None:
    table = frame(["obs", "do(a)", "do(b)"])
    design = design_of(table)
    means = natural_rows(design, table[table["regime"] == "obs"]).mean(axis=0)
    levels = [design.slices[f"confounding[{k}].level"].start for k in "ab"]
    levels.append(design.slices["confounding.level"].start)
    others = np.setdiff1d(np.arange(1, design.n_coefficients), levels)
    np.testing.assert_allclose(means[others], 0.0, atol=1e-10)
    np.testing.assert_array_equal(means[levels], 1.0)


def test_without_observational_rows_each_component_has_its_own_reference() -> None:
    table = frame(["do(a)", "do(b)", "do(a,b)"])
    design = design_of(table)
    assert not any(
        regime.is_observational for regime in RegimeData.from_frame(table, outcome="y", actions=["a", "b"]).regimes
    )
    for action, leaving in (("a", ["do(b)"]), ("b", ["do(a)"])):
        causal = design.columns_of(action, CausalComponent)
        np.testing.assert_allclose(natural_rows(design, table).mean(axis=0)[causal], 0.0, atol=1e-10)
        own = design.columns_of(action, ConfoundingComponent)[1:-1]  # without the levels
        unset = table[table["regime"].isin(leaving)]
        np.testing.assert_allclose(natural_rows(design, unset).mean(axis=0)[own], 0.0, atol=1e-10)


def test_an_action_that_was_never_set_keeps_its_causal_component() -> None:
    design = design_of(frame(["obs", "do(a)"]))
    assert len(design.columns_of("b", CausalComponent)) == 7
    assert len(design.columns_of("b", ConfoundingComponent)) > 0


def test_an_action_that_is_always_set_has_no_confounding_component() -> None:
    design = design_of(frame(["do(a)", "do(a,b)"]))
    assert [(type(c).__name__, c.action) for c in design.components] == [
        ("CausalComponent", "a"),
        ("CausalComponent", "b"),
        ("ConfoundingComponent", "b"),
    ]


def test_an_action_set_at_one_level_has_a_level_but_no_causal_columns() -> None:
    table = frame(["obs", "do(a)", "do(b)"])
    table.loc[table["regime"] == "do(a)", "a"] = 0.0
    design = design_of(table)
    names = [term.name for term in design.terms]
    assert not any(name.startswith("causal[a]") for name in names)
    assert "confounding[a].level" in names
    assert "confounding[a].linear" in names
    assert np.isfinite(natural_rows(design, table)).all()


def test_a_parent_that_does_not_vary_where_the_child_is_free_adds_nothing() -> None:
    table = frame(["do(a)", "do(b)"])
    table.loc[table["regime"] == "do(a)", "a"] = 2.0
    design = design_of(table)
    assert not any(name.startswith("confounding[b|a]") for name in design.coefficient_names)
    assert np.isfinite(natural_rows(design, table)).all()


def test_levels_give_one_free_value_each() -> None:
    table = frame(["obs", "do(a)", "do(b)"])
    table.loc[table["regime"] == "do(a)", "a"] = np.resize([0.0, 1.0, 2.5], 60)
    design = design_of(table)
    assert len(design.columns_of("a", CausalComponent)) == 2
    assert len(design_of(table, InterventionModel(causal=Polynomial(5))).columns_of("a", CausalComponent)) == 2


@given(log_scale=st.floats(-10, 10), shift=st.floats(-100, 100))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(log_scale: float, shift: float) -> None:
    table = frame(["obs", "do(a)", "do(b)"])
    scale = 10.0**log_scale
    scaled = table.assign(a=scale * (table["a"] + shift), y=scale * (table["y"] + shift))
    before, after = design_of(table), design_of(scaled)
    first, second = natural_rows(before, table), natural_rows(after, scaled)
    np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-6 * np.abs(first).max())
    assert after.outcome_sd == pytest.approx(scale * before.outcome_sd, rel=1e-9)
    assert after.outcome_mean == pytest.approx(scale * (before.outcome_mean + shift), rel=1e-9, abs=1e-9 * scale)


def test_the_outcome_is_scaled_by_all_rows() -> None:
    table = pd.concat([frame(["obs"], 30), frame(["do(a)"], 70), frame(["do(b)"], 50)])
    design = design_of(table)
    assert design.outcome_mean == pytest.approx(table["y"].mean())
    assert design.outcome_sd == pytest.approx(table["y"].std(ddof=0))


def test_more_coefficients_than_rows_are_warned_about() -> None:
    many = pd.concat([frame(["obs", "do(b)"], 72), frame(["do(a)"], 66)])
    many["b"] = np.random.default_rng(0).normal(size=len(many))
    message = (
        "the causal component of 'a' has 71 coefficients but only 66 rows that set it; the prior will decide most "
        "of it. Add rows, or choose a smaller basis such as BSpline(n_basis=6)."
    )
    model = InterventionModel(causal=BSpline(70), confounding=BSpline(6), graph="empty")
    with pytest.warns(DataWarning, match=re.escape(message)) as caught:
        design_of(many, model)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design_of(many, MODEL)


@pytest.mark.parametrize("constant", [["do(a)"], ["obs", "do(a)", "do(b)"]])
def test_an_outcome_that_is_constant_inside_a_regime_is_refused(constant: list[str]) -> None:
    table = frame(["obs", "do(a)", "do(b)"])
    dead = table["regime"].isin(constant)
    broken = table.assign(y=table["y"].where(~dead, table["regime"].map({"obs": 1.0, "do(a)": 2.0, "do(b)": 3.0})))
    value = broken.loc[broken["regime"] == constant[0], "y"].iloc[0]
    message = f"the outcome 'y' is {value:g} in all 60 rows of regime {constant[0]!r}; its noise cannot be learned."
    with pytest.raises(SpecError, match=re.escape(message)):
        design_of(broken)
    assert design_of(table).outcome_sd > 0  # check the column,
    left = [label for label in ("do(b)", "obs") if label not in constant]
    if left:
        assert design_of(broken[broken["regime"].isin(left)]).outcome_sd > 0  # or leave these rows out


def test_a_regime_of_five_rows_is_warned_about() -> None:
    table = pd.concat([frame(["obs", "do(b)"], 80), frame(["do(a)"], 5)])
    options = {"outcome": "y", "actions": ["a", "b"]}
    message = (
        "too few rows in some regimes ('do(a)' with 5): fewer than 10 say next to nothing about noise and effects, and "
        "what they alone identify rests on the prior. Add rows, or leave the regime out with exclude=['do(a)'] where "
        "the data are read."
    )
    with pytest.warns(DataWarning, match=re.escape(message)):
        MODEL.design(RegimeData.from_frame(table, **options))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design = MODEL.design(RegimeData.from_frame(table, **options, exclude=["do(a)"]))
    assert design.columns_of("a", CausalComponent).size
