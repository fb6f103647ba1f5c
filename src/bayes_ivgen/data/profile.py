"""What one pass over the rows of a regime leaves behind: counts, ranges, levels and a sample."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_LEVELS = 64
SAMPLE_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class RegimeProfile:
    """Summary of the rows of one regime.

    Attributes
    ----------
    rows : int
        Number of rows.
    mean, sd, low, high : ndarray of shape (V + 1,)
        Moments and range of the V variables (actions, then covariates) followed by the outcome, in their own units.
    levels : tuple of ndarray or None, length V
        The distinct values of each variable, sorted, or None above `MAX_LEVELS` of them.
    sample : ndarray of shape (min(rows, SAMPLE_ROWS), V + 1)
        All rows, or above `SAMPLE_ROWS` a uniform sample drawn with a fixed seed: quantiles, knots
        and centring come from it.
    """

    rows: int
    mean: FloatArray
    sd: FloatArray
    low: FloatArray
    high: FloatArray
    levels: tuple[FloatArray | None, ...]
    sample: FloatArray = field(repr=False)


class ProfileBuilder:
    """Accumulates a `RegimeProfile` over batches of rows in one pass.

    The sample keeps the rows with the smallest of independent uniform keys, which is a uniform
    sample without replacement whatever the sizes of the batches.
    """

    def __init__(self, n_columns: int, seed: int = 0, sample_rows: int = SAMPLE_ROWS) -> None:
        self._rows = 0
        self._mean = np.zeros(n_columns)
        self._sum_squares = np.zeros(n_columns)
        self._low = np.full(n_columns, np.inf)
        self._high = np.full(n_columns, -np.inf)
        self._levels: list[FloatArray | None] = [np.empty(0)] * (n_columns - 1)
        self._sample = np.empty((0, n_columns))
        self._keys = np.empty(0)
        self._rng = np.random.default_rng(seed)
        self._sample_rows = sample_rows

    def add(self, values: FloatArray) -> None:
        """Add a batch of shape (n, V + 1): the variables followed by the outcome."""
        n = len(values)
        if n == 0:
            return
        # Chan's update of mean and sum of squares: exact merging, no cancellation for far-off means.
        mean = values.mean(axis=0)
        shift = mean - self._mean
        total = self._rows + n
        self._sum_squares += ((values - mean) ** 2).sum(axis=0) + shift**2 * (self._rows * n / total)
        self._mean += shift * (n / total)
        self._rows = total
        self._low = np.minimum(self._low, values.min(axis=0))
        self._high = np.maximum(self._high, values.max(axis=0))
        for k, known in enumerate(self._levels):
            if known is not None:
                merged = np.union1d(known, values[:, k])
                self._levels[k] = merged if len(merged) <= MAX_LEVELS else None
        self._add_to_sample(values)

    def _add_to_sample(self, values: FloatArray) -> None:
        keys = np.concatenate([self._keys, self._rng.random(len(values))])
        rows = np.concatenate([self._sample, values])
        if len(rows) > self._sample_rows:
            keep = np.sort(np.argpartition(keys, self._sample_rows)[: self._sample_rows])
            keys, rows = keys[keep], rows[keep]
        self._keys, self._sample = keys, rows

    def build(self) -> RegimeProfile:
        """Return the profile of the rows added so far."""
        return RegimeProfile(
            rows=self._rows,
            mean=self._mean.copy(),
            sd=np.sqrt(self._sum_squares / max(self._rows, 1)),
            low=self._low.copy(),
            high=self._high.copy(),
            levels=tuple(self._levels),
            sample=self._sample,
        )
