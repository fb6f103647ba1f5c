"""B-splines: the space they span, the penalty, tails, few levels, and that knots never move."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline as SplineFunction

from bayes_ivgen.basis import BSpline, FittedBSpline, basis_from_dict
from bayes_ivgen.basis.bspline import _spread
from bayes_ivgen.errors import SpecError

KNOTS = ["mixed", "equidistant", "quantile"]
specs = st.builds(
    lambda degree, extra, knots, tail: BSpline(max(degree + 1, 3) + extra, degree, knots, tail),
    degree=st.integers(1, 4),
    extra=st.integers(0, 12),
    knots=st.sampled_from(KNOTS),
    tail=st.sampled_from(["clip", "linear", "learned"]),
)


def skewed(n: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 1.5, n)


def mostly_zero(n: int = 1000, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.9, 0.0, rng.gamma(2.0, 1.0, n))


def explained(columns: np.ndarray, target: np.ndarray) -> float:
    """Largest distance of the target from the span of the columns."""
    return float(np.max(np.abs(columns @ np.linalg.lstsq(columns, target, rcond=None)[0] - target)))


@given(spec=specs, seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_columns_are_centred_over_the_centring_rows_and_scaled_over_the_placed_rows(spec: BSpline, seed: int) -> None:
    placed, centred = skewed(seed=seed), skewed(150, seed=seed + 1) + 0.3
    fitted = spec.fit(placed, centred)
    np.testing.assert_allclose(fitted.columns(centred).mean(axis=0), 0.0, atol=1e-10)
    inside = fitted.columns(np.clip(placed, fitted.low, fitted.high))
    assert fitted.n_linear == 1
    n_spline = spec.n_basis - 1
    assert fitted.n_wiggle == n_spline - 1 + (2 if spec.tail == "learned" else 0)
    assert inside.shape == (len(placed), 1 + fitted.n_wiggle)
    np.testing.assert_allclose(inside[:, 0].var(), 1.0, rtol=1e-10)
    np.testing.assert_allclose(inside[:, 1:n_spline].var(axis=0).sum(), 1.0, rtol=1e-10)
    np.testing.assert_allclose(inside[:, n_spline:].var(axis=0), 0.0, atol=1e-20)  # changes of slope act beyond only


@given(
    spec=specs,
    seed=st.integers(0, 10**6),
    log_scale=st.floats(-12, 12),
    shift=st.floats(-50, 50),
    flip=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_units_of_the_action_do_not_matter(
    spec: BSpline, seed: int, log_scale: float, shift: float, flip: bool
) -> None:
    x, new = skewed(seed=seed), np.linspace(-3.0, 20.0, 50)
    scale = (-1.0 if flip else 1.0) * 10.0**log_scale
    before = spec.fit(x, x).columns(new)
    after = spec.fit(scale * (x + shift), scale * (x + shift)).columns(scale * (new + shift))
    if flip and spec.tail == "learned":  # what was below is above
        after[:, -2:] = after[:, [-1, -2]]
    np.testing.assert_allclose(after[:, 0], (-1.0 if flip else 1.0) * before[:, 0], rtol=1e-6, atol=1e-6)
    # The prior knows the penalised columns by their products: signs are a convention, and columns with
    # nearly the same penalty (equidistant knots, degree 4) may turn into one another.
    products = before[:, 1:] @ before[:, 1:].T
    np.testing.assert_allclose(after[:, 1:] @ after[:, 1:].T, products, rtol=1e-6, atol=1e-6 * np.abs(products).max())
    if spec.degree <= 3 and spec.knots != "quantile":
        signs = np.sign(np.sum(before * after, axis=0))
        np.testing.assert_allclose(after * signs, before, rtol=1e-6, atol=1e-6 * np.abs(before).max())
        if not flip:
            np.testing.assert_array_equal(signs, 1.0)


@pytest.mark.parametrize("knots", KNOTS)
@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_constant_line_and_wiggle_span_exactly_the_splines(degree: int, knots: Any) -> None:
    x = skewed()
    fitted = BSpline(11, degree, knots, tail="clip").fit(x, x)
    grid = np.linspace(fitted.low, fitted.high, 500)
    ours = np.column_stack([np.ones(500), fitted.columns(grid)])
    splines = SplineFunction.design_matrix(np.linspace(0.0, 1.0, 500).clip(0, 1), fitted.knots, degree).toarray()
    assert np.linalg.matrix_rank(ours) == np.linalg.matrix_rank(splines) == 11
    assert explained(ours, splines) < 1e-8
    assert explained(splines, ours) < 1e-8
    # Without the constant one dimension is missing, and it is not the line.
    assert np.linalg.matrix_rank(ours[:, 1:]) == 10
    assert explained(ours[:, 1:], grid[:, None] - x.clip(fitted.low, fitted.high).mean()) < 1e-8


@pytest.mark.parametrize("knots", KNOTS)
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_the_penalty_of_a_function_is_the_sum_of_squares_of_its_coefficients(degree: int, knots: Any) -> None:
    x = skewed()
    fitted = BSpline(9, degree, knots, tail="clip").fit(x, x)
    rng = np.random.default_rng(1)
    z = rng.normal(size=fitted.n_wiggle)
    curve = SplineFunction(fitted.knots, fitted.transform @ z, degree)
    # Brute force: a fine midpoint rule inside each piece, where the second derivative is smooth.
    breaks = np.unique(fitted.knots)
    total = 0.0
    for left, right in pairwise(breaks):
        points = left + (right - left) * (np.arange(4000) + 0.5) / 4000
        total += float(np.mean(curve(points, nu=2) ** 2)) * (right - left)
    assert total == pytest.approx(float(z @ z), rel=1e-5)


def test_the_penalty_of_broken_lines_is_the_sum_of_squared_bends() -> None:
    x = skewed()
    fitted = BSpline(9, degree=1, tail="clip").fit(x, x)
    z = np.random.default_rng(1).normal(size=fitted.n_wiggle)
    nodes = np.unique(fitted.knots)
    slopes = np.diff(fitted.transform @ z) / np.diff(nodes)
    assert float(np.sum(np.diff(slopes) ** 2)) == pytest.approx(float(z @ z), rel=1e-8)


@given(knots=st.sampled_from(KNOTS), n_basis=st.integers(4, 14), seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_clip_continues_constant(knots: Any, n_basis: int, seed: int) -> None:
    x = skewed(seed=seed)
    fitted = BSpline(n_basis, knots=knots, tail="clip").fit(x, x)
    for edge, beyond in ((fitted.low, fitted.low - 7.0), (fitted.high, fitted.high + 1e6)):
        np.testing.assert_array_equal(fitted.columns(np.array([edge])), fitted.columns(np.array([beyond])))


@given(spec=specs, seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_linear_continues_along_the_linear_part_alone(spec: BSpline, seed: int) -> None:
    x = skewed(seed=seed)
    fitted = BSpline(spec.n_basis, spec.degree, spec.knots, tail="linear").fit(x, x)
    slope = np.diff(fitted.columns(np.array([fitted.low, fitted.high]))[:, 0])[0] / (fitted.high - fitted.low)
    for edge, sign in ((fitted.low, -1.0), (fitted.high, 1.0)):
        at, outside = fitted.columns(np.array([edge]))[0], fitted.columns(edge + sign * np.array([0.0, 1.0, 2.0, 5.0]))
        np.testing.assert_allclose(outside[:, 0], at[0] + sign * slope * np.array([0.0, 1.0, 2.0, 5.0]), rtol=1e-9)
        np.testing.assert_array_equal(outside[:, 1:], np.broadcast_to(at[1:], outside[:, 1:].shape))


@given(spec=specs, seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_learned_is_linear_plus_a_change_of_slope_at_each_boundary(spec: BSpline, seed: int) -> None:
    x = skewed(seed=seed)
    linear, learned = (BSpline(spec.n_basis, spec.degree, spec.knots, tail).fit(x, x) for tail in ("linear", "learned"))
    assert learned.n_wiggle == linear.n_wiggle + 2
    points = np.linspace(linear.low - 9.0, linear.high + 9.0, 301)
    columns = learned.columns(points)
    np.testing.assert_allclose(columns[:, :-2], linear.columns(points), atol=1e-12)
    slope = np.diff(columns[:, 0])[0]  # in the same units as the linear column
    below, above = (columns[:, -2:] + learned.centre[-2:] * learned.scales[0]).T
    np.testing.assert_allclose(below[points >= linear.low], 0.0, atol=1e-12)
    np.testing.assert_allclose(above[points <= linear.high], 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diff(below[points < linear.low]), slope, rtol=1e-6)
    np.testing.assert_allclose(np.diff(above[points > linear.high]), slope, rtol=1e-6)


@pytest.mark.parametrize("levels", [None, np.array([0.0, 1.0, 4.0])])
def test_linear_tail_reproduces_a_straight_line_everywhere(levels: np.ndarray | None) -> None:
    x = skewed() if levels is None else np.random.default_rng(0).choice(levels, 300)
    fitted = BSpline(8, tail="linear").fit(x, x, levels)
    everywhere = np.linspace(-100.0, 100.0, 41)
    line = fitted.columns(everywhere)[:, 0]
    np.testing.assert_allclose(np.diff(line, 2), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.diff(line)[0] / 5.0, 1.0 / x.clip(fitted.low, fitted.high).std(), rtol=1e-9)


@pytest.mark.parametrize("n_levels", [1, 2, 3, 12])
def test_as_many_free_values_as_levels(n_levels: int) -> None:
    rng = np.random.default_rng(3)
    levels = np.sort(rng.gamma(2.0, 2.0, n_levels))
    x = np.concatenate([levels, rng.choice(levels, 200)])
    fitted = BSpline(12, tail="clip").fit(x, x, levels)
    columns = fitted.columns(levels)
    assert (fitted.n_linear, fitted.n_wiggle) == (min(n_levels - 1, 1), max(n_levels - 2, 0))
    free = np.column_stack([np.ones(n_levels), columns])
    assert free.shape == (n_levels, n_levels)
    assert np.linalg.matrix_rank(free) == n_levels
    if n_levels == 1:
        assert fitted.columns(rng.normal(size=5)).shape == (5, 0)
        return
    # Linear in between, constant beyond.
    weight = rng.random(n_levels - 1)
    between = fitted.columns(levels[:-1] + weight * np.diff(levels))
    expected = columns[:-1] + weight[:, None] * np.diff(columns, axis=0)
    np.testing.assert_allclose(between, expected, atol=1e-9)
    np.testing.assert_allclose(fitted.columns(x).mean(axis=0), 0.0, atol=1e-10)
    np.testing.assert_array_equal(fitted.columns(levels[[0, -1]] + np.array([-1.0, 1.0])), columns[[0, -1]])


def test_more_levels_than_basis_functions_give_a_spline() -> None:
    levels = np.arange(13.0)
    x = np.tile(levels, 5)
    assert BSpline(12).fit(x, x, levels).degree == 3
    assert BSpline(13).fit(x, x, levels).degree == 1


def test_new_data_never_move_the_knots() -> None:
    x, new = skewed(), skewed(seed=9) * 3
    fitted = BSpline().fit(x, x)
    alone, together = fitted.columns(new[:1]), fitted.columns(new)
    np.testing.assert_array_equal(alone[0], together[0])
    np.testing.assert_array_equal(fitted.columns(new[::-1]), together[::-1])
    assert fitted.low == np.quantile(x, 0.001)
    assert fitted.high == np.quantile(x, 0.999)


@given(spec=specs, seed=st.integers(0, 10**6), n_levels=st.sampled_from([None, 1, 2, 3]))
@settings(max_examples=40, deadline=None)
def test_json_gives_the_same_columns_bit_by_bit(spec: BSpline, seed: int, n_levels: int | None) -> None:
    x = skewed(seed=seed)
    levels = None if n_levels is None else np.unique(x[:n_levels])
    fitted = spec.fit(x if levels is None else np.resize(levels, 50), x, levels)
    restored = basis_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert isinstance(restored, FittedBSpline)
    assert (restored.n_linear, restored.n_wiggle) == (fitted.n_linear, fitted.n_wiggle)
    new = np.random.default_rng(seed).normal(3.0, 4.0, 60)
    np.testing.assert_array_equal(restored.columns(new), fitted.columns(new))


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("knots", KNOTS)
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_ninety_per_cent_zeros(flip: float, knots: Any, degree: int) -> None:
    x = flip * mostly_zero()
    fitted = BSpline(12, degree, knots, tail="linear").fit(x, x)
    columns = fitted.columns(x)
    assert fitted.n_wiggle == 10
    assert np.isfinite(columns).all()
    assert np.abs(columns).max() < 50.0  # a column with hardly any penalty would be enormous
    assert np.all(np.diff(fitted.knots[degree:-degree]) > 0)
    np.testing.assert_allclose(columns.mean(axis=0), 0.0, atol=1e-10)
    if knots != "quantile":  # quantile knots pile up at the tie: flat columns, but no harm
        assert np.linalg.matrix_rank(columns) == 11


def test_nearly_all_rows_equal_fall_back_to_the_full_range() -> None:
    x = np.concatenate([np.zeros(99_999), [4.0]])
    fitted = BSpline().fit(x, x)
    assert (fitted.low, fitted.high) == (0.0, 4.0)
    assert np.isfinite(fitted.columns(x)).all()


@given(inner=st.lists(st.floats(0, 1), min_size=0, max_size=30))
def test_spread_keeps_inner_knots_apart_and_inside(inner: list[float]) -> None:
    distance = 1e-3 / 30
    spread = _spread(np.sort(np.array(inner)), distance)
    gaps = np.diff(np.concatenate([[0.0], spread, [1.0]]))
    assert gaps.min() >= distance * (1 - 1e-6)
    np.testing.assert_allclose(spread, np.sort(inner), atol=31 * distance)
    np.testing.assert_array_equal(
        _spread(spread * 0 + np.linspace(0, 1, len(inner) + 2)[1:-1], distance), np.linspace(0, 1, len(inner) + 2)[1:-1]
    )


def test_margin_is_a_line_and_three_more_columns() -> None:
    assert BSpline(12, knots="quantile", tail="linear").margin() == BSpline(5, knots="quantile", tail="clip")
    assert BSpline(4).margin() == BSpline(4, tail="clip")
    assert BSpline(12, degree=6).margin().n_basis == 7


@pytest.mark.parametrize(
    ("wrong", "message", "fix"),
    [
        ({"degree": 0}, "BSpline(degree=0): the degree must be at least 1; cubic is 3.", {"degree": 3}),
        ({"n_basis": 3}, "a spline of degree 3 needs at least 4 basis functions; raise n_basis.", {"n_basis": 4}),
        ({"n_basis": 2, "degree": 1}, "needs at least 3 basis functions", {"n_basis": 3, "degree": 1}),
        (
            {"knots": "even"},
            "BSpline(knots='even'): valid are 'mixed', 'equidistant' and 'quantile'.",
            {"knots": "equidistant"},
        ),
        ({"tail": "zero"}, "BSpline(tail='zero'): valid are 'learned', 'linear' and 'clip'.", {"tail": "clip"}),
    ],
)
def test_wrong_specs_name_the_fix(wrong: dict[str, Any], message: str, fix: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        BSpline(**wrong)
    x = skewed()
    assert np.isfinite(BSpline(**fix).fit(x, x).columns(x)).all()
