"""Score tests that hold whatever the variance of the residuals (docs/theory/falsification.md): the engine of checks.

Under the null hypothesis a residual e, given everything that a direction g is made of, has mean zero. Then
S = sum_i e_i g_i has mean zero and its variance is estimated by V = sum_i e_i^2 g_i g_i', whatever the variance of e.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.basis.product import product_columns
from bayes_ivgen.data import RegimeData
from bayes_ivgen.model.graph_learning import level_scores, rank_scores

FEW_LEVELS = 8
IN_SPAN = 1e-6  # share of a direction's square that must be left for it to be tested
TINY = 1e-10
DEGREES = ((6, 3), (5, 2), (4, 2), (4, 1), (3, 1), (3, 0), (2, 0), (1, 0))  # of one variable, of products of two
ROWS_A_COLUMN = 10  # of a regression; with fewer, tests of residuals that differ in variance come out too small
LEAST_ROWS = 20  # beyond the columns of a test


class ScoreTest(NamedTuple):
    """Statistic, degrees of freedom and p-value; df is 0 where there was nothing to test."""

    statistic: float
    df: int
    p_value: float


@dataclass(frozen=True, eq=False)
class Projection:
    """Least-squares projection on the span of some columns.

    Attributes
    ----------
    basis : ndarray of shape (n, rank)
        Orthonormal columns of the span.
    """

    basis: FloatArray

    @classmethod
    def on(cls, columns: FloatArray) -> Projection:
        """Take the span of the columns, shape (n, P); their rank may be lower than P."""
        size = np.linalg.norm(columns, axis=0)
        scaled = columns[:, size > 0] / size[size > 0]
        values, vectors = np.linalg.eigh(scaled.T @ scaled)
        kept = values > TINY * max(float(values.max(initial=0.0)), 1.0)
        return cls(np.asarray(scaled @ (vectors[:, kept] / np.sqrt(values[kept]))))

    @property
    def rank(self) -> int:
        """Dimension of the span."""
        return self.basis.shape[1]

    @property
    def left(self) -> FloatArray:
        """1 - h_i, what a row keeps of its own residual; shape (n,)."""
        return np.maximum(1.0 - np.einsum("np,np->n", self.basis, self.basis), 0.05)

    def residual(self, columns: FloatArray) -> FloatArray:
        """Take the span out of columns of shape (n,) or (n, q)."""
        return np.asarray(columns - self.basis @ (self.basis.T @ columns))


def score_test(residuals: FloatArray, directions: FloatArray, known: Projection) -> ScoreTest:
    """Test E[e g'] = 0 for residuals e, shape (n, d), and raw directions g, shape (n, q), given known columns.

    The residuals are those of a regression on `known`; the directions are residualised here, so that
    the errors of that regression drop out to first order. Residuals are divided by sqrt(1 - h_i). The
    statistic S' V^-1 S lies between 0 and n - rank, and its share of it is compared with a beta law: chi-squared with
    many rows, Hotelling's T with few.
    """
    own = known.residual(directions)
    before, after = np.sum(directions**2, axis=0), np.sum(own**2, axis=0)
    own = own[:, after > IN_SPAN * np.maximum(before, 1e-300)]
    inflated = residuals / np.sqrt(known.left)[:, None]
    products = (inflated[:, :, None] * own[:, None, :]).reshape(len(own), -1)
    size = np.linalg.norm(products, axis=0)
    products = products[:, size > 0] / size[size > 0]
    n = len(own) - known.rank
    if products.shape[1] == 0 or n < products.shape[1] + LEAST_ROWS:
        return ScoreTest(0.0, 0, np.nan)
    values, vectors = np.linalg.eigh(products.T @ products)
    kept = values > 1e-8 * values.max()
    statistic = float(np.sum((vectors[:, kept].T @ products.sum(axis=0)) ** 2 / values[kept]))
    df = int(kept.sum())
    return ScoreTest(statistic, df, float(stats.beta.sf(min(statistic / n, 1.0), df / 2, (n - df) / 2)))


def holm(p_values: Sequence[float]) -> FloatArray:
    """P-values adjusted for their number after Holm (1979): the smallest stays valid for all together."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def variable_scores(data: RegimeData, name: str, values: FloatArray, degree: int) -> FloatArray:
    """Scores of a variable: indicators of few levels or of labels, else Legendre polynomials of its ranks."""
    labels = data.label_sets.get(name)
    if labels is not None and not labels.ordered:
        return level_scores(values)
    return (
        level_scores(values) if len(np.unique(values)) <= min(degree + 1, FEW_LEVELS) else rank_scores(values, degree)
    )


def adjustment(data: RegimeData, names: Sequence[str], rows: FloatArray) -> FloatArray:
    """Columns of a flexible regression on some variables of `rows`, shape (n, V): cells, or scores and products.

    Where the variables have so few levels that cells hold rows enough there is one column a cell, which is exact.
    Else the degree is the highest with ten rows a column.
    """
    n = len(rows)
    if not names:
        return np.ones((n, 1))
    values = {name: rows[:, data.index(name)] for name in names}
    if all(len(np.unique(column)) <= FEW_LEVELS for column in values.values()):
        _, cell = np.unique(np.column_stack(list(values.values())), axis=0, return_inverse=True)
        if (cell.max() + 1) * ROWS_A_COLUMN <= n:
            return np.asarray((cell.ravel()[:, None] == np.arange(cell.max() + 1)).astype(float))
    for degree, crossed in DEGREES:
        found = _regression(data, values, degree, crossed)
        if found.shape[1] * ROWS_A_COLUMN <= n:
            break
    return found


def _regression(data: RegimeData, values: Mapping[str, FloatArray], degree: int, crossed: int) -> FloatArray:
    """Return a constant, scores of each variable, and products of those of two."""
    ones = np.ones((len(next(iter(values.values()))), 1))
    scores = {name: variable_scores(data, name, column, degree) for name, column in values.items()}
    first = {name: score[:, :crossed] for name, score in scores.items()}
    return np.concatenate(
        [ones, *scores.values(), *(products(first, combinations(values, 2)) if crossed else [])], axis=1
    )


def products(scores: Mapping[str, FloatArray], sets: Iterable[Sequence[str]]) -> list[FloatArray]:
    """Products of the scores of each set of names."""
    return [product_columns([scores[name] for name in names]) for names in sets]
