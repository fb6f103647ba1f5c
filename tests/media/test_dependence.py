"""Independent rows in series that remember."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_ivgen.media.dependence import independent_share


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
