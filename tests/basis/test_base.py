"""The penalised transform and the common scale."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.basis.base import penalised_transform, unit_scale


@given(size=st.integers(3, 12), null=st.integers(1, 2), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_transform_turns_the_penalty_into_a_sum_of_squares(size: int, null: int, seed: int) -> None:
    root = np.random.default_rng(seed).normal(size=(size, size - null))
    penalty = root @ root.T
    transform = penalised_transform(penalty, null)
    assert transform.shape == (size, size - null)
    np.testing.assert_allclose(transform.T @ penalty @ transform, np.eye(size - null), atol=1e-8)
    norms = np.linalg.norm(transform, axis=0)
    assert np.all(np.diff(norms) <= 1e-9 * norms[0])  # smoothest first
    largest = np.argmax(np.abs(transform), axis=0)
    assert np.all(transform[largest, np.arange(size - null)] > 0)


def test_unit_scale_makes_the_variances_add_up_to_one() -> None:
    columns = np.random.default_rng(0).normal(3.0, [0.1, 20.0], (50, 2))
    assert np.isclose(np.var(columns * unit_scale(columns), axis=0).sum(), 1.0)
    assert unit_scale(np.ones((5, 2))) == 1.0
    assert unit_scale(np.empty((5, 0))) == 1.0
