"""Curves with saturations of their own, written in common columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_ivgen import BSpline, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.effects.drawn_saturations import in_common_columns
from bayes_ivgen.media import Saturation
from bayes_ivgen.model import Design
from bayes_ivgen.model.components import CausalComponent

HALF = 20.0
DRAWS = (2, 3)


def designs(data: RegimeData, causal: Any, **numbers: float) -> Design:
    transforms = {"a": Saturation("hill", **({"kappa": HALF, "slope": 1.5} | numbers))}
    return InterventionModel(causal=causal, graph="empty", transforms=transforms).design(data)


@pytest.fixture(scope="module")
def spends() -> RegimeData:
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.lognormal(3.0, 0.6, 600), "b": rng.normal(size=600), "y": rng.normal(size=600)})
    frame["regime"] = np.repeat(["obs", "do(a)", "do(b)"], 200)
    return RegimeData.from_frame(frame, outcome="y", actions=["a", "b"])


@pytest.mark.parametrize(
    ("causal", "near", "below"), [(Polynomial(1), 3e-5, 1e-3), (BSpline(), 0.1, 0.1)], ids=["classic", "spline"]
)
@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0, 8.0])
def test_curves_are_those_of_their_own_columns(
    spends: RegimeData, causal: Any, near: float, below: float, slope: float
) -> None:
    rng = np.random.default_rng(1)
    design = designs(spends, causal)
    place = next(s for c, s in zip(design.components, design.component_slices, strict=True)
                 if isinstance(c, CausalComponent) and c.action == "a")  # fmt: skip
    kappa = np.array([[5.0, 10.0, 20.0], [40.0, 60.0, 80.0]])
    drawn = {"a": {"kappa": kappa, "slope": np.full(DRAWS, slope)}}
    coefficients = rng.normal(size=(*DRAWS, design.n_coefficients))
    observed = np.column_stack([rng.lognormal(3.0, 0.6, 300), rng.normal(size=300)])
    common, found = in_common_columns(design, coefficients, drawn, observed)
    x = np.append(np.linspace(0.0, 1.0, 101), np.linspace(1.0, 200.0, 2000))
    points = np.column_stack([x, np.zeros(len(x))])
    both = np.array([True, True])
    rows = common.rows(points, both)
    component = design.components[0]
    assert isinstance(component, CausalComponent)
    for i in np.ndindex(DRAWS):
        own = type(component.basis)(component.basis.basis, Saturation("hill", kappa=kappa[i], slope=slope))
        expected = design.rows(points, both)
        expected[:, place] = own.columns(x)
        expected = expected @ coefficients[i]
        error = np.abs(rows @ found[i] - expected) / np.ptp(expected)
        assert error[101:].max() < near
        assert error.max() < below
    # Columns have mean zero over the natural rows: the intercept is the mean of the curve there.
    np.testing.assert_allclose(common.rows(observed, both)[:, place.start : -1].mean(axis=0)[:20], 0.0, atol=1e-12)


@pytest.mark.parametrize("slope", [0.1, 0.3])
def test_no_spend_is_met_exactly_where_curves_jump(spends: RegimeData, slope: float) -> None:
    design = designs(spends, Polynomial(1))
    coefficients = np.random.default_rng(3).normal(size=(*DRAWS, design.n_coefficients))
    observed = np.array([[20.0, 0.0], [30.0, 0.0]])
    drawn = {"a": {"slope": np.full(DRAWS, slope)}}
    common, found = in_common_columns(design, coefficients, drawn, observed)
    points, both = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([True, True])
    component = design.components[0]
    assert isinstance(component, CausalComponent)
    own = replace(component, basis=type(component.basis)(component.basis.basis, Saturation("hill", HALF, slope)))
    expected = coefficients @ replace(design, components=(own, *design.components[1:])).rows(points, both).T
    np.testing.assert_allclose(found @ common.rows(points, both).T, expected, atol=1e-4)


def test_other_coefficients_stay(spends: RegimeData) -> None:
    design = designs(spends, Polynomial(1))
    coefficients = np.random.default_rng(2).normal(size=(*DRAWS, design.n_coefficients))
    common, found = in_common_columns(design, coefficients, {"a": {"kappa": np.full(DRAWS, 9.0)}}, np.ones((5, 2)))
    for name, place in design.slices.items():
        if "causal[a]" not in name:
            np.testing.assert_array_equal(found[..., common.slices[name]], coefficients[..., place])
