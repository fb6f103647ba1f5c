"""The linear suite with lognormal noise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_ivgen.errors import SpecError
from bayes_ivgen.simulate import linear_lognormal


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 1000))
def test_parameters_and_effect(n: int, seed: int) -> None:
    world = linear_lognormal(n, seed)
    for name in ("alpha", "beta", "gamma", "sigma_w", "sigma_v", "sigma_u", "sigma_int"):
        value = np.atleast_1d(getattr(world, name))
        assert ((value >= 0.5) & (value <= 1.5)).all()
    assert np.abs(world.delta).max() <= 0.5
    for k, child in enumerate(world.actions):
        causes = {world.actions[j] for j in np.flatnonzero(world.delta[k])}
        assert causes == set(world.parents[child])
    queries = np.vstack([np.zeros(n), np.eye(n)])
    effects = world.effect(queries)
    np.testing.assert_allclose(effects[1:] - effects[0], world.alpha)
    level = sum(b * np.exp(s**2 / 2) for b, s in zip(world.beta, world.sigma_w, strict=True))
    assert effects[0] == pytest.approx(level + np.exp(world.sigma_u**2 / 2))


def test_set_values_are_lognormal() -> None:
    world = linear_lognormal(3, seed=2)
    rows = world.sample(20_000, "do(a1,a3)", seed=1)
    for action in ("a1", "a3"):
        assert stats.kstest(rows[action], stats.lognorm(world.sigma_int).cdf).pvalue > 1e-4


def test_means_of_the_observed_actions_solve_the_linear_system() -> None:
    world = linear_lognormal(4, seed=5, edge_probability=1.0)
    noise = world.gamma * np.exp(world.sigma_w**2 / 2) + np.exp(world.sigma_v**2 / 2)
    expected = np.linalg.solve(np.eye(4) - world.delta, noise)
    rows = world.sample(200_000, seed=1)[list(world.actions)]
    z = (rows.mean() - expected) / (rows.std() / np.sqrt(len(rows)))
    assert np.abs(z).max() < 4.5


def test_noise_does_not_have_mean_zero() -> None:
    world = linear_lognormal(1, seed=0)
    assert world.sample(1000).min().min() > 0
    assert world.effect([[0.0]])[0] > 1.5


def test_strength_of_the_edges() -> None:
    world = linear_lognormal(6, seed=3, edge_probability=1.0, edge_range=(0.5, 1.5))
    edges = world.delta[np.tril_indices(6, -1)]
    assert 0.5 <= edges.min() < edges.max() <= 1.5
    message = (
        r"edge_range must be two numbers, the lower first. Got \(1, 0\); pass for example edge_range=\(-0.5, 0.5\)"
    )
    with pytest.raises(SpecError, match=message):
        linear_lognormal(edge_range=(1, 0))
    assert np.abs(linear_lognormal(seed=3, edge_range=(-0.5, 0.5)).delta).max() <= 0.5
