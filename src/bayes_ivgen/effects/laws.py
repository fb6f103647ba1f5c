r"""Conditional laws p(a_l | a_pa(l), x) of actions that are left alone, with bootstrap replicates.

Causes are the parents among the actions and the covariates x; they are treated alike here. Every law is fitted
once by regression on spline columns w of the causes, with the Gram matrices of the bootstrap blocks kept: a
replicate is a weighted sum of them and one solve. Three kinds of actions:

- few levels, or labels: P(a_l = v | w) is proportional to max(w' b_v, 0); where all causes have few levels, too,
  the table of counts, shrunk towards this: (n_cell,v + L p_v) / (n_cell + L) with L levels;
- continuous: a_l = w'b + exp(w'g) z with z resampled from the residuals, kept inside the values seen;
- continuous with a frequent value (no spend): whether it takes the value, then the law of the others.

Beyond the values of the causes that were seen all columns stay constant (`supported` says so).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis import BSpline, Categorical, FittedBasis, FittedTensor
from bayes_ivgen.basis.base import FloatArray

FEW_LEVELS = 12
FREQUENT = 0.05  # share of the rows above which a single value gets a probability of its own
FULL_PRODUCTS = 3  # causes, above which only products of straight lines enter
LEAST_ERROR = 1e-3  # of the sd of the residuals, in the regression of their logarithm
PENALTIES = np.logspace(-4, 4, 17)
IntArray = NDArray[np.intp]


class Law(Protocol):
    """A conditional law with as many replicates as the bootstrap has."""

    def draw(self, causes: FloatArray, uniform: FloatArray) -> FloatArray:
        """Draw one value for each row of `causes` (replicate, m, causes) from `uniform` (replicate, m)."""
        ...


@dataclass(frozen=True, eq=False)
class CauseColumns:
    """Intercept, a spline of each cause, and products of two causes; causes with many labels get a table instead."""

    bases: tuple[FittedBasis, ...]
    tensors: tuple[tuple[int, int, FittedTensor], ...]
    penalised: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def fit(cls, causes: FloatArray, labels: Sequence[int] = ()) -> Self:
        """Place knots by the rows `causes`, shape (n, d); `labels` as in `Rows`."""
        full = causes.shape[1] <= FULL_PRODUCTS
        basis = BSpline(n_basis=8, tail="clip")
        levels = [_few_levels(column) for column in causes.T]
        tables = [k for k, n in enumerate(labels) if n > FEW_LEVELS]
        bases = tuple(
            Categorical(labels[k]).fit(x, x) if k in tables else basis.fit(x, x, levels[k])
            for k, x in enumerate(causes.T)
        )
        # two levels leave a straight line: products of lines where there are many causes
        small = basis.margin() if full else None
        margins = [
            small.fit(x, x, known) if small is not None else basis.fit(x, x, np.unique(x[[x.argmin(), x.argmax()]]))
            for x, known in zip(causes.T, levels, strict=True)
        ]
        pairs = list(combinations([k for k in range(causes.shape[1]) if k not in tables], 2))
        tensors = []
        for i, j in pairs:
            values = causes[:, i], causes[:, j]
            tensors.append((i, j, FittedTensor.fit(margins[i], margins[j], values, values)))
        penalised = [False]
        for k, fitted in enumerate(bases):
            n_free = 0 if k in tables else fitted.n_linear
            penalised += [False] * n_free + [True] * (fitted.columns(causes[:1, k]).shape[1] - n_free)
        penalised += [True] * sum(tensor.n_columns for *_, tensor in tensors)
        return cls(bases, tuple(tensors), np.array(penalised))

    def of(self, causes: FloatArray) -> FloatArray:
        """Columns at rows of shape (n, d); returns (n, p)."""
        blocks = [np.ones((len(causes), 1))]
        blocks += [basis.columns(causes[:, i]) for i, basis in enumerate(self.bases)]
        blocks += [tensor.columns(causes[:, i], causes[:, j]) for i, j, tensor in self.tensors]
        return np.concatenate(blocks, axis=1)


@dataclass(frozen=True, eq=False)
class Rows:
    """What a law is learned from: causes (n, d), values (n,), block of each row (n,), weights (replicate, block).

    `labels` holds the number of labels of each cause, 0 for numbers; empty if no cause holds labels.
    """

    causes: FloatArray = field(repr=False)
    values: FloatArray = field(repr=False)
    group: IntArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    labels: tuple[int, ...] = ()

    def only(self, keep: NDArray[np.bool_], values: FloatArray | None = None) -> Rows:
        """Return some of the rows, with other values if stated."""
        values = self.values if values is None else values
        return Rows(self.causes[keep], values[keep], self.group[keep], self.weights, self.labels)


def fit_law(rows: Rows, *, labelled: bool = False) -> Law:
    """Choose the kind of law by the values, which are codes of labels if `labelled`, and fit it."""
    levels, counts = np.unique(rows.values, return_counts=True)
    if labelled or len(levels) <= FEW_LEVELS:
        return DiscreteLaw.fit(rows, levels)
    if counts.max() > FREQUENT * len(rows.values):
        return MixedLaw.fit(rows, float(levels[counts.argmax()]))
    return LocationScaleLaw.fit(rows)


@dataclass(frozen=True, eq=False)
class DiscreteLaw:
    """An action with few levels.

    Attributes
    ----------
    levels : ndarray of shape (L,)
        Its values.
    coefficients : ndarray of shape (replicate, p, L)
        Of the linear model of the probabilities.
    cause_levels : tuple of ndarray, or None
        Levels of the causes, if all have few: then the counts are used.
    cells : ndarray of int, shape (C,)
        Combinations of the levels of the causes that occur, sorted.
    counts : ndarray of shape (replicate, C, L)
        Weighted numbers of rows.
    """

    levels: FloatArray
    columns: CauseColumns = field(repr=False)
    coefficients: FloatArray = field(repr=False)
    cause_levels: tuple[FloatArray, ...] | None = field(repr=False)
    cells: IntArray = field(repr=False)
    counts: FloatArray = field(repr=False)

    @classmethod
    def fit(cls, rows: Rows, levels: FloatArray) -> Self:
        """Learn the table and the linear model."""
        columns = CauseColumns.fit(rows.causes, rows.labels)
        which = np.searchsorted(levels, rows.values)
        coefficients = _replicates(columns, rows, np.eye(len(levels))[which])
        found = [_few_levels(column) for column in rows.causes.T]
        known = tuple(item for item in found if item is not None)
        if len(known) < len(found):
            empty = np.empty((len(rows.weights), 0, len(levels)))
            return cls(levels, columns, coefficients, None, np.empty(0, dtype=np.intp), empty)
        cells, cell = np.unique(_codes(rows.causes, known), return_inverse=True)
        shape = (rows.weights.shape[1], len(cells), len(levels))
        table = np.zeros(shape)
        np.add.at(table, (rows.group, cell, which), 1.0)
        counts = np.tensordot(rows.weights, table, axes=1)
        return cls(levels, columns, coefficients, known, cells, counts)

    def probabilities(self, causes: FloatArray) -> FloatArray:
        """Probability of each level at `causes` (replicate, m, d); shape (replicate, m, L)."""
        columns = _columns_at(self.columns, causes)
        smooth = np.maximum(columns @ self.coefficients[: len(causes)], 1e-9)
        smooth /= smooth.sum(axis=-1, keepdims=True)
        if self.cause_levels is None:
            return smooth
        codes = _codes(causes.reshape(causes.shape[0] * causes.shape[1], causes.shape[2]), self.cause_levels)
        place = np.minimum(np.searchsorted(self.cells, codes), len(self.cells) - 1)
        seen = (self.cells[place] == codes).reshape(causes.shape[:2])
        replicate = np.arange(len(causes))[:, None]
        counts = self.counts[replicate, place.reshape(causes.shape[:2])] * seen[..., None]
        prior = float(len(self.levels))
        return np.asarray((counts + prior * smooth) / (counts.sum(axis=-1, keepdims=True) + prior))

    def draw(self, causes: FloatArray, uniform: FloatArray) -> FloatArray:
        """Draw levels by their cumulative probabilities."""
        cumulative = np.cumsum(self.probabilities(causes), axis=-1)
        return self.levels[np.minimum((uniform[..., None] > cumulative).sum(axis=-1), len(self.levels) - 1)]


@dataclass(frozen=True, eq=False)
class LocationScaleLaw:
    """A continuous action: a_l = w'b + exp(w'g) z.

    Attributes
    ----------
    location, log_scale : ndarray of shape (replicate, p)
        Coefficients.
    errors : ndarray of shape (n,)
        Standardised residuals, sorted.
    cumulative : ndarray of shape (replicate, n)
        Their cumulative weights.
    centre : ndarray of shape (replicate,)
        Their weighted means, taken out so that w'b is the mean.
    low, high : float
        Range of the values that were seen.
    """

    columns: CauseColumns = field(repr=False)
    location: FloatArray = field(repr=False)
    log_scale: FloatArray = field(repr=False)
    errors: FloatArray = field(repr=False)
    cumulative: FloatArray = field(repr=False)
    centre: FloatArray = field(repr=False)
    low: float
    high: float

    @classmethod
    def fit(cls, rows: Rows) -> Self:
        """Regress the values, then the logarithm of the residuals, then the values with weights."""
        columns = CauseColumns.fit(rows.causes, rows.labels)
        x = columns.of(rows.causes)
        residual = rows.values - x @ _ridge(x, rows.values[:, None], columns.penalised)[0][:, 0]
        spread = _log_errors(residual)
        weight = np.exp(-2 * (x @ _ridge(x, spread[:, None], columns.penalised)[0][:, 0]))
        weight /= weight.mean()
        location = _replicates(columns, rows, rows.values[:, None], weight)[..., 0]
        centre, _ = _ridge(x, rows.values[:, None], columns.penalised, weight)
        spread = _log_errors(rows.values - x @ centre[:, 0])
        log_scale = _replicates(columns, rows, spread[:, None])[..., 0]
        middle, _ = _ridge(x, spread[:, None], columns.penalised)
        errors = (rows.values - x @ centre[:, 0]) / np.exp(x @ middle[:, 0])
        order = np.argsort(errors)
        weights = rows.weights[:, rows.group[order]]
        cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
        mean = np.asarray((weights @ errors[order]) / weights.sum(axis=1))
        low, high = float(rows.values.min()), float(rows.values.max())
        return cls(columns, location, log_scale, errors[order], cumulative, mean, low, high)

    def draw(self, causes: FloatArray, uniform: FloatArray) -> FloatArray:
        """Location plus scale times a resampled error, inside the values seen."""
        x = _columns_at(self.columns, causes)
        drawn = np.empty(uniform.shape)
        for b, u in enumerate(uniform):
            place = np.minimum(np.searchsorted(self.cumulative[b], u), len(self.errors) - 1)
            drawn[b] = x[b] @ self.location[b] + np.exp(x[b] @ self.log_scale[b]) * (
                self.errors[place] - self.centre[b]
            )
        return np.clip(drawn, self.low, self.high)


@dataclass(frozen=True, eq=False)
class MixedLaw:
    """A continuous action with one frequent value, such as no spend."""

    value: float
    others: DiscreteLaw = field(repr=False)
    rest: Law = field(repr=False)

    @classmethod
    def fit(cls, rows: Rows, value: float) -> Self:
        """Learn whether the value is taken, then the law of the other values."""
        other = rows.values != value
        everything = np.ones(len(other), dtype=bool)
        indicator = DiscreteLaw.fit(rows.only(everything, other.astype(float)), np.array([0.0, 1.0]))
        return cls(value, indicator, fit_law(rows.only(other)))

    def draw(self, causes: FloatArray, uniform: FloatArray) -> FloatArray:
        """One uniform number decides both: what is left of it after the first decision is uniform again."""
        stay = self.others.probabilities(causes)[..., 0]
        left = np.clip((uniform - stay) / np.maximum(1 - stay, 1e-12), 0.0, 1.0)
        return np.where(uniform <= stay, self.value, self.rest.draw(causes, left))


def _few_levels(x: FloatArray) -> FloatArray | None:
    levels = np.unique(x)
    return levels if len(levels) <= FEW_LEVELS else None


def _codes(causes: FloatArray, levels: Sequence[FloatArray]) -> IntArray:
    """Return the number of the combination of the nearest levels of each cause."""
    code = np.zeros(len(causes), dtype=np.intp)
    for column, known in zip(causes.T, levels, strict=True):
        code = code * len(known) + np.searchsorted((known[1:] + known[:-1]) / 2, column)
    return code


def _columns_at(columns: CauseColumns, causes: FloatArray) -> FloatArray:
    replicates, m, d = causes.shape
    return columns.of(causes.reshape(replicates * m, d)).reshape(replicates, m, -1)


def _log_errors(residual: FloatArray) -> FloatArray:
    size = float(residual.std())
    return np.log(np.maximum(np.abs(residual), max(LEAST_ERROR * size, np.finfo(float).tiny)))


def _ridge(
    x: FloatArray, targets: FloatArray, penalised: NDArray[np.bool_], weight: FloatArray | None = None
) -> tuple[FloatArray, float]:
    """Penalised least squares, the penalty chosen by generalised cross-validation; coefficients and penalty."""
    root = np.ones(len(x)) if weight is None else np.sqrt(weight)
    x, targets = x * root[:, None], targets * root[:, None]
    gram, cross, squares = x.T @ x, x.T @ targets, float(np.sum(targets**2))
    n = len(x)
    found: list[tuple[float, float, FloatArray]] = []
    for penalty in PENALTIES.tolist():
        solved = np.linalg.solve(gram + _diagonal(penalised, penalty, n), np.column_stack([cross, gram]))
        coefficients, smoother = solved[:, : targets.shape[1]], solved[:, targets.shape[1] :]
        error = squares - 2 * float(np.sum(cross * coefficients)) + float(np.sum(coefficients * (gram @ coefficients)))
        found.append((max(error, 0.0) / max(n - float(np.trace(smoother)), 1.0) ** 2, penalty, coefficients))
    _, penalty, coefficients = min(found, key=lambda item: item[:2])
    return coefficients, penalty


def _diagonal(penalised: NDArray[np.bool_], penalty: float, n: int) -> FloatArray:
    # a trace of the penalty everywhere keeps columns that hardly vary solvable; the intercept stays free
    diagonal = np.where(penalised, penalty, 1e-6) * n * 1e-2
    diagonal[0] = 0.0
    return np.diag(diagonal)


def _replicates(columns: CauseColumns, rows: Rows, targets: FloatArray, weight: FloatArray | None = None) -> FloatArray:
    """Coefficients under the weights of each replicate, at the penalty of the full sample; (replicate, p, targets)."""
    x = columns.of(rows.causes)
    _, penalty = _ridge(x, targets, columns.penalised, weight)
    weighted = x if weight is None else x * weight[:, None]
    n_groups, p = rows.weights.shape[1], x.shape[1]
    gram, cross = np.zeros((n_groups, p, p)), np.zeros((n_groups, p, targets.shape[1]))
    order = np.argsort(rows.group, kind="stable")
    starts = np.searchsorted(rows.group[order], np.arange(n_groups + 1))
    for g in range(n_groups):
        members = order[starts[g] : starts[g + 1]]
        gram[g] = weighted[members].T @ x[members]
        cross[g] = weighted[members].T @ targets[members]
    total = np.tensordot(rows.weights, gram, axes=1) + _diagonal(columns.penalised, penalty, len(x))
    return np.linalg.solve(total, np.tensordot(rows.weights, cross, axes=1))
