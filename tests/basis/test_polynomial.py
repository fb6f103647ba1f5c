"""Polynomials: the space they span, scale and centre, tails, few levels, storage."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.basis import FittedPolynomial, Polynomial, basis_from_dict
from bayes_ivgen.errors import SpecError

specs = st.builds(Polynomial, degree=st.integers(1, 6), tail=st.sampled_from(["clip", "linear"]))


def skewed(n: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 1.5, n)


@given(spec=specs, seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_columns_are_centred_and_scaled(spec: Polynomial, seed: int) -> None:
    placed, centred = skewed(seed=seed), skewed(150, seed=seed + 1) + 0.3
    fitted = spec.fit(placed, centred)
    np.testing.assert_allclose(fitted.columns(centred).mean(axis=0), 0.0, atol=1e-10)
    inside = fitted.columns(np.clip(placed, fitted.low, fitted.high))
    assert inside.shape == (len(placed), fitted.n_linear + fitted.n_wiggle) == (len(placed), spec.degree)
    np.testing.assert_allclose(inside[:, 0].var(), 1.0, rtol=1e-10)
    if spec.degree > 1:
        np.testing.assert_allclose(inside[:, 1:].var(axis=0).sum(), 1.0, rtol=1e-10)


@given(
    spec=specs, seed=st.integers(0, 10**6), log_scale=st.floats(-12, 12), shift=st.floats(-50, 50), flip=st.booleans()
)
@settings(max_examples=30, deadline=None)
def test_units_of_the_action_do_not_matter(
    spec: Polynomial, seed: int, log_scale: float, shift: float, flip: bool
) -> None:
    x, new = skewed(seed=seed), np.linspace(-3.0, 20.0, 50)
    scale = (-1.0 if flip else 1.0) * 10.0**log_scale
    before = spec.fit(x, x).columns(new)
    after = spec.fit(scale * (x + shift), scale * (x + shift)).columns(scale * (new + shift))
    signs = (-1.0) ** np.arange(1, spec.degree + 1) if flip else 1.0  # Legendre polynomials are odd and even
    np.testing.assert_allclose(after * signs, before, rtol=1e-6, atol=1e-6 * np.abs(before).max())


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
def test_constant_and_columns_span_exactly_the_polynomials(degree: int) -> None:
    x = skewed()
    fitted = Polynomial(degree).fit(x, x)
    grid = np.linspace(fitted.low, fitted.high, 200)
    ours = np.column_stack([np.ones(200), fitted.columns(grid)])
    powers = np.vander((grid - grid.mean()) / np.ptp(grid), degree + 1)
    assert np.linalg.matrix_rank(ours) == degree + 1
    fit = powers @ np.linalg.lstsq(powers, ours, rcond=None)[0]
    np.testing.assert_allclose(fit, ours, atol=1e-9)


@given(degree=st.integers(1, 6), seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_tails(degree: int, seed: int) -> None:
    x = skewed(seed=seed)
    clip, linear = (Polynomial(degree, tail).fit(x, x) for tail in ("clip", "linear"))
    slope = np.diff(linear.columns(np.array([clip.low, clip.high]))[:, 0])[0] / (clip.high - clip.low)
    for edge, sign in ((clip.low, -1.0), (clip.high, 1.0)):
        np.testing.assert_array_equal(clip.columns(np.array([edge])), clip.columns(np.array([edge + sign * 9])))
        at, outside = linear.columns(np.array([edge]))[0], linear.columns(edge + sign * np.array([0.0, 1.0, 3.0]))
        np.testing.assert_allclose(outside[:, 0], at[0] + sign * slope * np.array([0.0, 1.0, 3.0]), rtol=1e-9)
        np.testing.assert_array_equal(outside[:, 1:], np.broadcast_to(at[1:], outside[:, 1:].shape))
    everywhere = linear.columns(np.linspace(-100, 100, 41))[:, 0]
    np.testing.assert_allclose(np.diff(everywhere, 2), 0.0, atol=1e-9)


@pytest.mark.parametrize("n_levels", [1, 2, 3, 12])
def test_the_degree_is_below_the_number_of_levels(n_levels: int) -> None:
    rng = np.random.default_rng(3)
    levels = np.sort(rng.gamma(2.0, 2.0, n_levels))
    x = np.concatenate([levels, rng.choice(levels, 200)])
    fitted = Polynomial(4).fit(x, x, levels)
    free = np.column_stack([np.ones(n_levels), fitted.columns(levels)])
    assert free.shape[1] == min(n_levels, 5)
    assert np.linalg.matrix_rank(free) == min(n_levels, 5)
    assert (fitted.n_linear, fitted.n_wiggle) == (min(n_levels - 1, 1), min(max(n_levels - 2, 0), 3))
    assert (fitted.low, fitted.high) == (levels[0], levels[-1])


@given(spec=specs, seed=st.integers(0, 10**6), n_levels=st.sampled_from([None, 1, 2, 3]))
@settings(max_examples=30, deadline=None)
def test_json_gives_the_same_columns_bit_by_bit(spec: Polynomial, seed: int, n_levels: int | None) -> None:
    x = skewed(seed=seed)
    levels = None if n_levels is None else np.unique(x[:n_levels])
    fitted = spec.fit(x if levels is None else np.resize(levels, 50), x, levels)
    restored = basis_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert isinstance(restored, FittedPolynomial)
    new = np.random.default_rng(seed).normal(3.0, 4.0, 60)
    np.testing.assert_array_equal(restored.columns(new), fitted.columns(new))


def test_many_ties_are_fine() -> None:
    x = np.concatenate([np.zeros(99_999), [4.0]])
    fitted = Polynomial().fit(x, x)
    assert (fitted.low, fitted.high) == (0.0, 4.0)
    assert np.isfinite(fitted.columns(x)).all()


def test_margin_is_at_most_cubic() -> None:
    assert Polynomial(6, "linear").margin() == Polynomial(3, "clip")
    assert Polynomial(2).margin() == Polynomial(2, "clip")


@pytest.mark.parametrize(
    ("wrong", "message", "fix"),
    [
        ({"degree": 0}, "Polynomial(degree=0): the degree must be at least 1.", {"degree": 1}),
        ({"tail": "zero"}, "Polynomial(tail='zero'): valid are 'linear' and 'clip'.", {"tail": "linear"}),
    ],
)
def test_wrong_specs_name_the_fix(wrong: dict[str, Any], message: str, fix: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        Polynomial(**wrong)
    x = skewed()
    assert np.isfinite(Polynomial(**fix).fit(x, x).columns(x)).all()
