"""Slice updates leave known densities invariant, and reach them from afar."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy import stats

from bayes_ivgen.inference import slices
from bayes_ivgen.inference.scale_kernels import log_law, slice_update
from bayes_ivgen.model.priors import PositivePrior

SIZE = 4000
LAWS: dict[str, tuple[PositivePrior, stats.rv_continuous]] = {
    "gamma": (PositivePrior("Gamma", (("alpha", 0.7), ("beta", 2.0))), stats.gamma(0.7, scale=0.5)),
    "half-t": (PositivePrior("HalfStudentT", (("nu", 2.0), ("sigma", 0.3))), stats.foldcauchy(0.0)),
    "log-normal": (PositivePrior("LogNormal", (("mu", 3.0), ("sigma", 0.1))), stats.lognorm(0.1, scale=np.exp(3.0))),
}
SHARE = 0.3


@njit
def law_density(x: float, law: np.ndarray) -> float:
    return log_law(law, math.exp(x)) + x


@njit
def two_modes(x: float, _: Any) -> float:
    first, second = -0.5 * ((x + 2.0) / 0.4) ** 2, -0.5 * ((x - 1.0) / 0.8) ** 2
    return math.log(SHARE / 0.4 * math.exp(first) + (1 - SHARE) / 0.8 * math.exp(second) + 1e-300)


@njit
def update_law(x: np.ndarray, law: np.ndarray, rng: Any, width: float) -> np.ndarray:
    new = np.empty_like(x)
    for i in range(len(x)):
        new[i] = slice_update(law_density, law, x[i], rng, width)
    return new


@njit
def update_modes(x: np.ndarray, rng: Any, width: float) -> np.ndarray:
    new = np.empty_like(x)
    for i in range(len(x)):
        new[i] = slice_update(two_modes, 0.0, x[i], rng, width)
    return new


def exact(name: str) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """The law of x as the kernels read it, distribution function of log x, and independent exact draws of log x."""
    prior, law = LAWS[name]
    rng = np.random.default_rng(11)
    if name == "half-t":
        half_t = stats.t(2.0, scale=0.3)
        draws = np.abs(half_t.rvs(SIZE, random_state=rng))
        cdf = lambda z: 2 * half_t.cdf(np.exp(z)) - 1  # noqa: E731
    else:
        draws = law.rvs(SIZE, random_state=rng)
        cdf = lambda z: law.cdf(np.exp(z))  # noqa: E731
    return np.array(prior.code), cdf, np.log(draws)


@pytest.mark.parametrize("width", [0.3, 2.0])
@pytest.mark.parametrize("name", LAWS)
def test_exact_draws_stay_exact(name: str, width: float) -> None:
    law, cdf, start = exact(name)
    rng = np.random.default_rng(1)
    x = start
    for _ in range(3):
        x = update_law(x, law, rng, width)
    assert np.mean(x == start) < 0.01
    assert stats.kstest(start, cdf).pvalue > 1e-3
    assert stats.kstest(x, cdf).pvalue > 1e-3
    # A slice update is reversible: the pair (before, after) is exchangeable, its difference symmetric.
    assert stats.wilcoxon(update_law(start, law, rng, width) - start).pvalue > 1e-3


def test_two_modes_keep_their_shares() -> None:
    # Here, unlike with one mode, the random place of the first bracket matters.
    rng = np.random.default_rng(6)
    low, high = stats.norm(-2.0, 0.4), stats.norm(1.0, 0.8)
    size = 40_000
    start = np.where(rng.random(size) < SHARE, low.rvs(size, random_state=rng), high.rvs(size, random_state=rng))
    x = start
    for _ in range(6):
        x = update_modes(x, rng, 1.0)
    assert np.mean((x < -0.9) != (start < -0.9)) > 0.01
    cdf = lambda z: SHARE * low.cdf(z) + (1 - SHARE) * high.cdf(z)  # noqa: E731
    assert stats.kstest(x, cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", LAWS)
def test_a_far_start_is_forgotten(name: str) -> None:
    law, cdf, _ = exact(name)
    rng = np.random.default_rng(2)
    x = np.full(SIZE, 8.0)
    for _ in range(40):
        x = update_law(x, law, rng, 2.0)
    assert stats.kstest(x, cdf).pvalue > 1e-3


def test_the_compiled_update_is_the_plain_one() -> None:
    law, _, start = exact("gamma")
    compiled = update_law(start[:300], law, np.random.default_rng(3), 2.0)
    rng = np.random.default_rng(3)
    plain = [slices.slice_update(law_density, law, float(x), rng, 2.0) for x in start[:300]]
    np.testing.assert_allclose(compiled, plain, rtol=1e-10)


def test_a_flat_density_stays_within_reach() -> None:
    rng = np.random.default_rng(5)
    x = 0.0
    for _ in range(200):
        x = slices.slice_update(lambda _, __: 0.0, None, x, rng, 2.0)
        assert np.isfinite(np.exp(2 * x))
