"""Products of two bases equal brute force, are centred and scaled, and survive storage."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.basis import Basis, BSpline, FittedTensor, Polynomial, tensor_from_dict

bases = st.sampled_from([BSpline(5), BSpline(4, tail="linear"), Polynomial(1), Polynomial(3)])


def pair(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, 1.0, n)
    return x, 0.5 * x + rng.normal(size=n)


@given(first=bases, second=bases, seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_products_equal_brute_force(first: Basis, second: Basis, seed: int) -> None:
    placed, centred, new = pair(seed), pair(seed + 1, 90), pair(seed + 2, 25)
    left, right = first.fit(placed[0], centred[0]), second.fit(placed[1], centred[1])
    tensor = FittedTensor.fit(left, right, placed, centred)

    def brute(x: np.ndarray, other: np.ndarray) -> np.ndarray:
        a, b = left.columns(x), right.columns(other)
        return np.array(
            [[a[i, j] * b[i, k] for j in range(a.shape[1]) for k in range(b.shape[1])] for i in range(len(x))]
        )

    scale = 1.0 / np.sqrt(brute(*placed).var(axis=0).sum())
    expected = (brute(*new) - brute(*centred).mean(axis=0)) * scale
    assert tensor.n_columns == expected.shape[1]
    np.testing.assert_allclose(tensor.columns(*new), expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(tensor.columns(*centred).mean(axis=0), 0.0, atol=1e-10)
    np.testing.assert_allclose(tensor.columns(*placed).var(axis=0).sum(), 1.0, rtol=1e-10)


def test_an_action_at_one_level_has_no_products() -> None:
    x, other = pair(0)
    constant = np.full(len(other), 2.0)
    right = BSpline(5).fit(constant, constant, np.array([2.0]))
    tensor = FittedTensor.fit(BSpline(5).fit(x, x), right, (x, constant), (x, constant))
    assert tensor.n_columns == 0
    assert tensor.columns(x, constant).shape == (len(x), 0)


@pytest.mark.parametrize("margin", [BSpline(5), Polynomial(3)])
def test_json_gives_the_same_columns_bit_by_bit(margin: Basis) -> None:
    x, other = pair(0)
    tensor = FittedTensor.fit(margin.fit(x, x), margin.fit(other, other), (x, other), (x, other))
    restored = tensor_from_dict(json.loads(json.dumps(tensor.to_dict())))
    new = pair(5)
    np.testing.assert_array_equal(restored.columns(*new), tensor.columns(*new))
