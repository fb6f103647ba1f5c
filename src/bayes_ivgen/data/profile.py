"""What one pass over the rows of a regime leaves behind: counts, ranges, levels and a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_LEVELS = 64
SAMPLE_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class RegimeProfile:
    """Summary of the rows of one regime; with weights, of as many rows as the weights say.

    Attributes
    ----------
    rows : int
        Number of rows of the table.
    mean, sd, low, high : ndarray of shape (V + 1,)
        Moments and range of the V variables (actions, then covariates) followed by the outcome, in their own units.
        Moments of labels are NaN.
    levels : tuple of ndarray or None, length V
        The distinct values of each variable, sorted, or None above `MAX_LEVELS` of them.
    sample : ndarray of shape (min(weight, SAMPLE_ROWS), V + 1)
        All rows, each as often as its weight says, or above `SAMPLE_ROWS` a sample drawn with a
        fixed seed: quantiles, knots and centring come from it.
    weight : float
        Sum of the weights; the number of rows where there are none.
    sample_dataset : ndarray of shape (rows of the sample,), optional
        Data set of each row of the sample, as codes.
    dataset_weight : ndarray, optional
        Sum of the weights in each data set, by code.
    """

    rows: int
    mean: FloatArray
    sd: FloatArray
    low: FloatArray
    high: FloatArray
    levels: tuple[FloatArray | None, ...]
    sample: FloatArray = field(repr=False)
    weight: float
    sample_dataset: FloatArray | None = field(default=None, repr=False)
    dataset_weight: FloatArray | None = field(default=None, repr=False)

    def recoded(self, variables: Mapping[int, FloatArray], dataset: FloatArray | None) -> RegimeProfile:
        """Return the profile with final codes of labels; maps as in `labels.Codebook.label_set`."""
        mean, sd, low, high = (values.copy() for values in (self.mean, self.sd, self.low, self.high))
        levels, sample = list(self.levels), self.sample.copy()
        for k, final in variables.items():
            known = levels[k]
            codes = np.sort(final[np.asarray(known).astype(int)])
            levels[k], low[k], high[k], mean[k], sd[k] = codes, codes[0], codes[-1], np.nan, np.nan
            sample[:, k] = final[sample[:, k].astype(int)]
        by_code, of_sample = self.dataset_weight, self.sample_dataset
        if dataset is not None and by_code is not None and of_sample is not None:
            of_sample = dataset[of_sample.astype(int)]
            final_weight = np.zeros(int(np.nanmax(dataset)) + 1)
            used = ~np.isnan(dataset[: len(by_code)])
            final_weight[dataset[: len(by_code)][used].astype(int)] = by_code[used]
            by_code = final_weight
        return replace(
            self,
            mean=mean,
            sd=sd,
            low=low,
            high=high,
            levels=tuple(levels),
            sample=sample,
            sample_dataset=of_sample,
            dataset_weight=by_code,
        )


def thinned[Rows: np.ndarray](rows: Rows, most: int) -> Rows:
    """Return `rows`, or evenly spaced ones where there are more than `most`."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(int)]


class ProfileBuilder:
    """Accumulates a `RegimeProfile` over batches of rows in one pass.

    The sample keeps the rows with the smallest of independent uniform keys, which is a uniform
    sample without replacement whatever the sizes of the batches. Weighted rows are then repeated
    as often as their weights say, so that whole weights give the sample of the repeated rows.
    """

    def __init__(self, n_columns: int, seed: int = 0, sample_rows: int = SAMPLE_ROWS) -> None:
        self._rows = 0
        self._weight = 0.0
        self._mean = np.zeros(n_columns)
        self._sum_squares = np.zeros(n_columns)
        self._low = np.full(n_columns, np.inf)
        self._high = np.full(n_columns, -np.inf)
        self._levels: list[FloatArray | None] = [np.empty(0)] * (n_columns - 1)
        self._sample = np.empty((0, n_columns + 2))  # the last two: weight, data set
        self._keys = np.empty(0)
        self._rng = np.random.default_rng(seed)
        self._sample_rows = sample_rows
        self._weighted = False
        self._datasets: FloatArray | None = None

    def add(self, values: FloatArray, weights: FloatArray | None = None, dataset: FloatArray | None = None) -> None:
        """Add a batch of shape (n, V + 1), the variables followed by the outcome; weights and data sets (n,)."""
        n = len(values)
        if n == 0:
            return
        self._weighted |= weights is not None
        w = np.ones(n) if weights is None else weights
        self._add_moments(values, w)
        self._rows += n
        self._low = np.minimum(self._low, values.min(axis=0))
        self._high = np.maximum(self._high, values.max(axis=0))
        for k, known in enumerate(self._levels):
            if known is not None:
                merged = np.union1d(known, values[:, k])
                self._levels[k] = merged if len(merged) <= MAX_LEVELS else None
        if dataset is not None:
            counts = np.bincount(dataset.astype(int), w)
            before = np.zeros(0) if self._datasets is None else self._datasets
            size = max(len(counts), len(before))
            self._datasets = np.pad(counts, (0, size - len(counts))) + np.pad(before, (0, size - len(before)))
        self._add_to_sample(np.column_stack([values, w, np.zeros(n) if dataset is None else dataset]))

    def _add_moments(self, values: FloatArray, w: FloatArray) -> None:
        # Chan's update of mean and sum of squares: exact merging, no cancellation for far-off means.
        weight = float(w.sum())
        mean = w @ values / weight
        shift = mean - self._mean
        total = self._weight + weight
        self._sum_squares += w @ (values - mean) ** 2 + shift**2 * (self._weight * weight / total)
        self._mean += shift * (weight / total)
        self._weight = total

    def _add_to_sample(self, values: FloatArray) -> None:
        keys = np.concatenate([self._keys, self._rng.random(len(values))])
        rows = np.concatenate([self._sample, values])
        if len(rows) > self._sample_rows:
            keep = np.sort(np.argpartition(keys, self._sample_rows)[: self._sample_rows])
            keys, rows = keys[keep], rows[keep]
        self._keys, self._sample = keys, rows

    def build(self) -> RegimeProfile:
        """Return the profile of the rows added so far."""
        sample = self._sample
        if self._weighted:
            size = int(min(max(1, round(self._weight)), self._sample_rows))
            sample = sample[_repeated(sample[:, -2], size)]
        return RegimeProfile(
            rows=self._rows,
            mean=self._mean.copy(),
            sd=np.sqrt(self._sum_squares / max(self._weight, np.finfo(float).tiny)),
            low=self._low.copy(),
            high=self._high.copy(),
            levels=tuple(self._levels),
            sample=np.ascontiguousarray(sample[:, :-2]),
            weight=self._weight,
            sample_dataset=None if self._datasets is None else sample[:, -1].copy(),
            dataset_weight=self._datasets,
        )


def _repeated(weights: FloatArray, size: int) -> NDArray[np.intp]:
    """Positions of rows, each as often as its share of the weights: systematic sampling, exact for whole weights."""
    ends = np.cumsum(weights)
    points = (np.arange(size) + 0.5) * (ends[-1] / size)
    return np.minimum(np.searchsorted(ends, points, side="right"), len(weights) - 1)
