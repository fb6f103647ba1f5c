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
    kept = rng.random(units * weeks) < 0.7  # rows may be missing
    holed = independent_share(noise.ravel()[kept], unit.ravel()[kept], week.ravel()[kept])
    assert holed == pytest.approx((1 - memory) / (1 + memory), rel=0.2)
