"""What one pass over the rows of a regime leaves behind: counts, ranges, levels and a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
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


class _Keyed(NamedTuple):
    """Rows with their random keys (n,), values (n, V + 1), weights and data sets (n,)."""

    keys: FloatArray
    values: FloatArray
    weights: FloatArray | None
    dataset: FloatArray | None

    def take(self, rows: NDArray[np.intp]) -> _Keyed:
        """Return some of the rows, columns of values in one piece."""
        return _Keyed(
            self.keys[rows],
            np.take(self.values.T, rows, axis=1).T,
            None if self.weights is None else self.weights[rows],
            None if self.dataset is None else self.dataset[rows],
        )

    @classmethod
    def joined(cls, chunks: Sequence[_Keyed]) -> _Keyed:
        """Put chunks together; all of them have weights or none has, and so for data sets."""
        if len(chunks) == 1:
            return chunks[0]
        keys, values, weights, dataset = zip(*chunks, strict=True)
        return cls(
            np.concatenate(keys),
            np.concatenate([part.T for part in values], axis=1).T,
            None if weights[0] is None else np.concatenate(weights),
            None if dataset[0] is None else np.concatenate(dataset),
        )


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
        self._chunks: list[_Keyed] = []  # more rows than are kept in the end
        self._pending = 0  # rows in them
        self._largest_key = np.inf  # of the rows that may still be kept
        self._rng = np.random.default_rng(seed)
        self._sample_rows = sample_rows
        self._datasets: FloatArray | None = None

    def add(self, values: FloatArray, weights: FloatArray | None = None, dataset: FloatArray | None = None) -> None:
        """Add a batch of shape (n, V + 1), the variables followed by the outcome; weights and data sets (n,)."""
        n = len(values)
        if n == 0:
            return
        self._add_moments(values, weights)
        self._rows += n
        self._low = np.minimum(self._low, values.min(axis=0))
        self._high = np.maximum(self._high, values.max(axis=0))
        for k, known in enumerate(self._levels):
            if known is not None:
                self._levels[k] = _merged_levels(known, values[:, k])
        if dataset is not None:
            counts = np.bincount(dataset.astype(int), weights).astype(float)
            before = np.zeros(0) if self._datasets is None else self._datasets
            size = max(len(counts), len(before))
            self._datasets = np.pad(counts, (0, size - len(counts))) + np.pad(before, (0, size - len(before)))
        self._add_to_sample(values, weights, dataset)

    def _add_moments(self, values: FloatArray, weights: FloatArray | None) -> None:
        # Chan's update of mean and sum of squares: exact merging, no cancellation for far-off means.
        weight = float(len(values) if weights is None else weights.sum())
        mean = values.mean(axis=0) if weights is None else weights @ values / weight
        apart = values - mean
        squares = np.einsum("ij,ij->j", apart, apart if weights is None else apart * weights[:, None])
        shift = mean - self._mean
        total = self._weight + weight
        self._sum_squares += squares + shift**2 * (self._weight * weight / total)
        self._mean += shift * (weight / total)
        self._weight = total

    def _add_to_sample(self, values: FloatArray, weights: FloatArray | None, dataset: FloatArray | None) -> None:
        keys = self._rng.random(len(values))
        near = np.flatnonzero(keys < self._largest_key)
        if not len(near):
            return
        self._chunks.append(_Keyed(keys, values, weights, dataset).take(near))
        self._pending += len(near)
        if self._pending > 1.5 * self._sample_rows:
            self._largest_key = float(self._thin().keys.max())

    def _thin(self) -> _Keyed:
        """Keep the rows of the smallest keys, in the order in which they came."""
        if not self._chunks:
            return _Keyed(np.empty(0), np.empty((0, len(self._mean))), None, None)
        rows = _Keyed.joined(self._chunks)
        if len(rows.keys) > self._sample_rows:
            rows = rows.take(np.sort(np.argpartition(rows.keys, self._sample_rows)[: self._sample_rows]))
        self._chunks, self._pending = [rows], len(rows.keys)
        return rows

    def build(self) -> RegimeProfile:
        """Return the profile of the rows added so far."""
        kept = self._thin()
        if kept.weights is not None:
            size = int(min(max(1, round(self._weight)), self._sample_rows))
            kept = kept.take(_repeated(kept.weights, size))
        return RegimeProfile(
            rows=self._rows,
            mean=self._mean.copy(),
            sd=np.sqrt(self._sum_squares / max(self._weight, np.finfo(float).tiny)),
            low=self._low.copy(),
            high=self._high.copy(),
            levels=tuple(self._levels),
            sample=kept.values,
            weight=self._weight,
            sample_dataset=kept.dataset,
            dataset_weight=self._datasets,
        )


def _merged_levels(known: FloatArray, values: FloatArray) -> FloatArray | None:
    """Return the distinct values of both, sorted, or None if there are more than `MAX_LEVELS`."""
    for some in (values[: 4 * MAX_LEVELS], values):  # most columns of many levels show it at once
        found = pd.unique(some)
        if len(found) > MAX_LEVELS:
            return None
    merged = np.union1d(known, found)
    return merged if len(merged) <= MAX_LEVELS else None


def _repeated(weights: FloatArray, size: int) -> NDArray[np.intp]:
    """Positions of rows, each as often as its share of the weights: systematic sampling, exact for whole weights."""
    ends = np.cumsum(weights)
    points = (np.arange(size) + 0.5) * (ends[-1] / size)
    return np.minimum(np.searchsorted(ends, points, side="right"), len(weights) - 1)
