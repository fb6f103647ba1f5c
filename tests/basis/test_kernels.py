"""Compiled loops against the formulas that they replace."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.interpolate import BSpline as SplineFunction

from bayes_ivgen.basis import BSpline
from bayes_ivgen.basis.bspline import FittedBSpline, Knots, SplineTail
from bayes_ivgen.basis.kernels import piecewise, products


def by_design_matrix(basis: FittedBSpline, x: np.ndarray) -> np.ndarray:
    """The columns by their definition: SciPy's B-splines, a line, changes of slope; centred and scaled."""
    unit = (x - basis.low) / (basis.high - basis.low)
    inside = np.clip(unit, 0.0, 1.0)
    blocks = [(inside if basis.tail == "clip" else unit)[:, None]]
    blocks.append(SplineFunction.design_matrix(inside, basis.knots, basis.degree).toarray() @ basis.transform)
    line, wiggle = basis.scales
    scales = [line, *[wiggle] * basis.transform.shape[1]]
    if basis.tail == "learned":
        blocks.append(np.column_stack([np.minimum(unit, 0.0), np.maximum(unit - 1.0, 0.0)]))
        scales += [line, line]
    return (np.concatenate(blocks, axis=1) - basis.centre) * scales


@settings(deadline=None)
@given(
    degree=st.integers(1, 4),
    tail=st.sampled_from(["learned", "linear", "clip"]),
    knots=st.sampled_from(["mixed", "equidistant", "quantile"]),
    seed=st.integers(0, 100),
)
def test_columns_are_those_of_scipys_splines(degree: int, tail: SplineTail, knots: Knots, seed: int) -> None:
    placed = np.random.default_rng(seed).normal(3.0, 2.0, 400)
    basis = BSpline(n_basis=8, degree=degree, tail=tail, knots=knots).fit(placed, placed)
    at_knots = basis.low + (basis.high - basis.low) * np.unique(basis.knots)
    x = np.concatenate([placed, at_knots, [basis.low - 3.0, basis.high + 3.0]])
    assert_allclose(basis.columns(x), by_design_matrix(basis, x), atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("n_levels", [2, 3, 6])
def test_columns_at_levels_are_those_of_broken_lines(n_levels: int) -> None:
    levels = np.cumsum(np.arange(1.0, n_levels + 1))
    placed = np.random.default_rng(0).choice(levels, 300)
    basis = BSpline(tail="linear").fit(placed, placed, levels)
    x = np.concatenate([levels, (levels[1:] + levels[:-1]) / 2, [levels[0] - 1, levels[-1] + 1]])
    assert_allclose(basis.columns(x), by_design_matrix(basis, x), atol=1e-12)


def test_pieces_begin_at_their_origins_and_the_first_holds_below() -> None:
    origins = np.array([0.0, 1.0, 3.0])
    coefficients = np.array([[[1.0], [0.0]], [[0.0], [5.0]], [[-2.0], [7.0]]])
    found, x = np.empty((6, 1)), np.array([-2.0, 0.5, 1.0, 2.9, 3.0, 4.0])
    piecewise(10.0 + 2.0 * x, 10.0, 2.0, origins, coefficients, found)
    assert_allclose(found[:, 0], [-2.0, 0.5, 5.0, 5.0, 7.0, 5.0])


def test_products_run_over_the_columns_of_the_second_first() -> None:
    rng = np.random.default_rng(0)
    left, right, centre = rng.normal(size=(9, 3)), rng.normal(size=(9, 4)), rng.normal(size=12)
    expected = (np.einsum("ni,nj->nij", left, right).reshape(9, 12) - centre) * 0.3
    found = np.empty((9, 12))
    products(left, right, centre, 0.3, found)
    assert_allclose(found, expected, atol=1e-14)
