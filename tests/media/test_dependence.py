"""Independent rows in series that remember."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.media.dependence import Fitted, independent_share, spread


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_share_is_that_of_an_autoregression(memory: float) -> None:
    rng = np.random.default_rng(0)
    units, weeks = 60, 200
    noise = rng.standard_normal((units, weeks))
    for t in range(1, weeks):
        noise[:, t] = memory * noise[:, t - 1] + np.sqrt(1 - memory**2) * noise[:, t]
    unit, week = np.meshgrid(np.arange(units), np.arange(weeks), indexing="ij")
    share = independent_share(noise.ravel(), unit.ravel(), week.ravel())
    assert share == pytest.approx((1 - memory) / (1 + memory), rel=0.15)
    kept = rng.random(units * weeks) < 0.7  # rows may be missing: a row then has 0.7 of its neighbours
    holed = independent_share(noise.ravel()[kept], unit.ravel()[kept], week.ravel()[kept])
    assert holed == pytest.approx(1 / (1 + 2 * 0.7 * memory / (1 - memory)), rel=0.2)


def test_differences_between_units_that_last_never_end() -> None:
    """The mean of 60 units with an intraclass correlation of 0.3 has the variance (0.3 + 0.7 / T) / 60."""
    units, weeks, shares = 60, 100, []
    unit, week = np.meshgrid(np.arange(units), np.arange(weeks), indexing="ij")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        noise = np.sqrt(0.3) * rng.standard_normal((units, 1)) + np.sqrt(0.7) * rng.standard_normal((units, weeks))
        shares.append(independent_share(noise.ravel() - noise.mean(), unit.ravel(), week.ravel()))
    exact = 1 / (0.3 * weeks + 0.7)
    # Late lags have few pairs and may be cut, so that it errs upwards; a limit of 26 lags would give twice as much.
    assert exact < np.mean(shares) < 1.35 * exact


MEMORY, UNITS, WEEKS = 0.7, 20, 100
UNIT, WEEK = (item.ravel() for item in np.meshgrid(np.arange(UNITS), np.arange(WEEKS), indexing="ij"))


def remembering(rng: np.random.Generator, memory: float = MEMORY) -> FloatArray:
    noise = rng.standard_normal((UNITS, WEEKS))
    for t in range(1, WEEKS):
        noise[:, t] = memory * noise[:, t - 1] + np.sqrt(1 - memory**2) * noise[:, t]
    return noise.ravel()


def share_of_slope(y: FloatArray, x: FloatArray, others: FloatArray) -> float:
    """Share for the slope of x, in a least squares fit with many other columns."""
    columns = np.column_stack([np.ones(len(y)), x, others])
    covariance = np.linalg.inv(columns.T @ columns)
    error = y - columns @ (covariance @ (columns.T @ y))
    size = error.std()
    fitted = Fitted(columns / size, covariance * size**2, np.eye(columns.shape[1])[[1]])
    return independent_share(error / size, UNIT, WEEK, fitted)


@pytest.mark.parametrize("hold", [1, 4, 20])
def test_a_slope_is_known_as_well_as_its_regressor_varies(hold: int) -> None:
    """Sixty columns as slow as the noise take a good part of its memory, and the share does not rise by that."""
    shares, exact = [], []
    distance = np.abs(np.subtract.outer(np.arange(WEEKS), np.arange(WEEKS)))
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = np.repeat(rng.standard_normal((UNITS, WEEKS // hold)), hold, axis=1).ravel()
        others = np.column_stack([remembering(rng, 0.9) for _ in range(60)])
        shares.append(share_of_slope(remembering(rng), x, others))
        residual = x - others @ np.linalg.lstsq(others, x, rcond=None)[0]
        table = (residual - residual.mean()).reshape(UNITS, WEEKS)
        exact.append(min(1.0, (table**2).sum() / np.einsum("us,st,ut->", table, MEMORY**distance, table)))
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    # Lags whose correlation is not clearly above zero are left out: a little above, by no more than a tenth.
    assert -3 * error - 1e-3 < np.mean(shares) - np.mean(exact) < 0.1 * np.mean(exact) + 3 * error
    assert {1: 0.95, 4: 0.3, 20: 0.15}[hold] < np.mean(exact) <= {1: 1.0, 4: 0.45, 20: 0.3}[hold]


def test_differences_between_units_do_not_matter_to_what_varies_within_them() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(UNITS * WEEKS)
    y = noise + rng.standard_normal(UNITS)[UNIT]
    assert independent_share(y - y.mean(), UNIT, WEEK) < 0.05
    within = rng.standard_normal(UNITS * WEEKS)
    assert share_of_slope(y, within, np.empty((len(y), 0))) > 0.6
    between = rng.standard_normal(UNITS)[UNIT]
    assert share_of_slope(y, between, np.empty((len(y), 0))) < 0.15


def test_draws_are_spread_about_their_mean() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, (2, 50, 4))
    moved = spread(draws, 0.25)
    np.testing.assert_allclose(moved.mean(axis=(0, 1)), draws.mean(axis=(0, 1)))
    np.testing.assert_allclose(moved.std(axis=(0, 1)), 2 * draws.std(axis=(0, 1)))
    np.testing.assert_allclose(spread(draws, 1.0), draws)
