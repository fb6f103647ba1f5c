"""Errors of the means of bins: right for normal rows, and not fooled by skewed ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_ivgen.diagnostics.bin_errors import errors_of_means

BINS, ROWS, WORLDS = 6, 60, 1500


def test_variances_that_differ_clearly_are_kept() -> None:
    rng = np.random.default_rng(0)
    sds = np.array([0.2, 1.0, 1.0, 1.0, 5.0, 5.0])
    found = errors_of_means([sd * rng.standard_normal(2000) for sd in sds])
    # 2,000 rows give a standard deviation to within 1.6 %; what is left of the pooling adds little.
    np.testing.assert_allclose(found, sds / np.sqrt(2000), rtol=0.1)


def test_equal_variances_are_pooled() -> None:
    rng = np.random.default_rng(1)
    bins = [rng.standard_normal(n) for n in (40, 80, 160)]
    pooled = np.sqrt(sum((len(y) - 1) * y.var(ddof=1) for y in bins) / (280 - 3))
    np.testing.assert_allclose(errors_of_means(bins), pooled / np.sqrt([40, 80, 160]), rtol=1e-12)


@pytest.mark.parametrize("law", ["normal", "lognormal"])
def test_means_of_a_skewed_outcome_do_not_look_further_off_than_they_are(law: str) -> None:
    rng = np.random.default_rng(2)
    shape = (WORLDS, BINS, ROWS)
    y = rng.standard_normal(shape) if law == "normal" else np.exp(rng.standard_normal(shape)) - np.exp(0.5)
    squares = [np.sum((world.mean(axis=1) / errors_of_means(list(world))) ** 2) for world in y]
    share = float(np.mean(stats.chi2.sf(squares, BINS) < 0.01))
    own = np.sum((y.mean(axis=2) / (y.std(axis=2, ddof=1) / np.sqrt(ROWS))) ** 2, axis=1)
    # Nominal 0.01, binomial error 0.0026. Skewness that is left in six means of 60 rows explains the rest.
    assert share < (0.02 if law == "normal" else 0.04)
    if law == "lognormal":
        assert float(np.mean(stats.chi2.sf(own, BINS) < 0.01)) > 0.08


def test_bins_without_spread_or_alone() -> None:
    assert errors_of_means([np.array([1.0, 3.0])]) == pytest.approx([1.0])
    np.testing.assert_allclose(
        errors_of_means([np.ones(4), np.array([0.0, 2.0])]), np.sqrt(0.5 / np.array([4, 2])) * [1, 2]
    )
    np.testing.assert_array_equal(errors_of_means([np.ones(4), np.zeros(3)]), [0, 0])
