"""Slice updates leave known densities invariant, and reach them from afar."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bayes_ivgen.inference.slices import scalar_slice_update, slice_update
from bayes_ivgen.model.priors import PositivePrior

SIZE = 4000
LAWS: dict[str, tuple[PositivePrior, stats.rv_continuous]] = {
    "gamma": (PositivePrior("Gamma", (("alpha", 0.7), ("beta", 2.0))), stats.gamma(0.7, scale=0.5)),
    "half-t": (PositivePrior("HalfStudentT", (("nu", 2.0), ("sigma", 0.3))), stats.foldcauchy(0.0)),
    "log-normal": (PositivePrior("LogNormal", (("mu", 3.0), ("sigma", 0.1))), stats.lognorm(0.1, scale=np.exp(3.0))),
}


def exact(name: str) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """Log density of log x, distribution function of log x, and independent exact draws of log x."""
    prior, law = LAWS[name]
    rng = np.random.default_rng(11)
    if name == "half-t":
        half_t = stats.t(2.0, scale=0.3)
        draws = np.abs(half_t.rvs(SIZE, random_state=rng))
        cdf = lambda z: 2 * half_t.cdf(np.exp(z)) - 1  # noqa: E731
    else:
        draws = law.rvs(SIZE, random_state=rng)
        cdf = lambda z: law.cdf(np.exp(z))  # noqa: E731
    return lambda z: prior.log_density(np.exp(z)) + z, cdf, np.log(draws)


@pytest.mark.parametrize("width", [0.3, 2.0])
@pytest.mark.parametrize("name", LAWS)
def test_exact_draws_stay_exact(name: str, width: float) -> None:
    log_density, cdf, start = exact(name)
    rng = np.random.default_rng(1)
    x = start
    for _ in range(3):
        x = slice_update(log_density, x, rng, width)
    assert np.mean(x == start) < 0.01
    assert stats.kstest(start, cdf).pvalue > 1e-3
    assert stats.kstest(x, cdf).pvalue > 1e-3
    # A slice update is reversible: the pair (before, after) is exchangeable.
    after = slice_update(log_density, start, rng, width)
    assert stats.kstest(after - start, start - after).pvalue > 1e-3


@pytest.mark.parametrize("one_by_one", [False, True])
def test_two_modes_keep_their_shares(*, one_by_one: bool) -> None:
    # Here, unlike with one mode, the random place of the first bracket matters.
    rng = np.random.default_rng(6)
    low, high, share = stats.norm(-2.0, 0.4), stats.norm(1.0, 0.8), 0.3

    def log_density(z: np.ndarray) -> np.ndarray:
        return np.logaddexp(np.log(share) + low.logpdf(z), np.log(1 - share) + high.logpdf(z))

    def of_number(z: float) -> float:
        first, second = -0.5 * ((z + 2.0) / 0.4) ** 2, -0.5 * ((z - 1.0) / 0.8) ** 2
        return math.log(share / 0.4 * math.exp(first) + (1 - share) / 0.8 * math.exp(second) + 1e-300)

    size = 40_000
    start = np.where(rng.random(size) < share, low.rvs(size, random_state=rng), high.rvs(size, random_state=rng))
    x = start
    for _ in range(6):
        if one_by_one:
            x = np.array([scalar_slice_update(of_number, float(v), rng, 1.0) for v in x])
        else:
            x = slice_update(log_density, x, rng, 1.0)
    assert np.mean((x < -0.9) != (start < -0.9)) > 0.01
    cdf = lambda z: share * low.cdf(z) + (1 - share) * high.cdf(z)  # noqa: E731
    assert stats.kstest(x, cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", LAWS)
def test_a_far_start_is_forgotten(name: str) -> None:
    log_density, cdf, _ = exact(name)
    rng = np.random.default_rng(2)
    x = np.full(SIZE, 8.0)
    for _ in range(40):
        x = slice_update(log_density, x, rng)
    assert stats.kstest(x, cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", LAWS)
def test_one_number_at_a_time(name: str) -> None:
    log_density, cdf, start = exact(name)
    rng = np.random.default_rng(3)
    scalar = lambda z: float(log_density(np.float64(z)))  # noqa: E731
    kept = [scalar_slice_update(scalar, float(x), rng) for x in start[:2500]]
    assert stats.kstest(kept, cdf).pvalue > 1e-3
    assert np.mean(np.array(kept) == start[:2500]) < 0.01


def test_coordinates_do_not_touch_one_another() -> None:
    rng = np.random.default_rng(4)
    scale = np.array([1e-3, 1.0, 1e3])
    x = np.zeros((2000, 3))
    for _ in range(25):
        x = slice_update(lambda z: -0.5 * (z / np.tile(scale, 2000)) ** 2, x.ravel(), rng, 5.0).reshape(-1, 3)
    # 20 steps of width 5 reach 100 on either side: the widest coordinate is still on its way out.
    for k in (0, 1):
        assert stats.kstest(x[:, k] / scale[k], "norm").pvalue > 1e-3
    assert np.abs(np.corrcoef(x[:, :2].T)[0, 1]) < 0.1


def test_a_flat_density_stays_within_reach() -> None:
    rng = np.random.default_rng(5)
    x = 0.0
    for _ in range(200):
        x = scalar_slice_update(lambda _: 0.0, x, rng)
        assert np.isfinite(np.exp(2 * x))
    array = np.zeros(50)
    for _ in range(200):
        array = slice_update(np.zeros_like, array, rng)
    assert np.isfinite(np.exp(2 * array)).all()
