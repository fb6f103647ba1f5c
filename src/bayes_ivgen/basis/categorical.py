"""Tables of levels with partial pooling: the basis of actions that hold labels instead of numbers.

The value of the function at level l is b_l = sum_j T_lj z_j with independent coefficients z_j of one
scale. Unordered labels: the columns of T are orthonormal contrasts, T T' = I - 11'/L, so that the levels
are exchangeable and |b - mean(b)|^2 = |z|^2. Ordered labels: T turns the sum of squared steps between
neighbours into a sum of squares, sum_l (b_(l+1) - b_l)^2 = |z|^2, which is a random walk over the levels:
neighbours are alike, whatever the distance of their labels would be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from bayes_ivgen.basis.base import FloatArray, penalised_transform, unit_scale, written
from bayes_ivgen.errors import SpecError


@dataclass(frozen=True)
class Categorical:
    """One free value at each of `n_levels` levels, coded 0 to n_levels - 1, shrunk towards each other.

    Parameters
    ----------
    n_levels : int
        Number of levels.
    ordered : bool
        Whether neighbouring levels are alike.
    """

    n_levels: int
    ordered: bool = False

    def __post_init__(self) -> None:
        if self.n_levels < 1:
            raise SpecError(f"Categorical(n_levels={self.n_levels}): there must be at least 1 level.")

    def margin(self) -> Categorical:
        """Return the same table: products with other bases keep all levels."""
        return self

    def fit(self, placed: FloatArray, centred: FloatArray, levels: FloatArray | None = None) -> FittedCategorical:  # noqa: ARG002
        """Centre every column over `centred` and scale them over `placed`; parameters as in `BSpline.fit`.

        Levels that no row has keep a column: what is said about them is the prior.
        """
        table = (_random_walk if self.ordered else level_contrasts)(self.n_levels)
        raw = FittedCategorical(table, np.zeros(table.shape[1]), 1.0)
        scale = unit_scale(raw.columns(placed))
        return FittedCategorical(table, raw.columns(centred).mean(axis=0), scale)


@dataclass(frozen=True, eq=False)
class FittedCategorical:
    """A table of levels with its contrasts, centre and scale fixed.

    Attributes
    ----------
    table : ndarray of shape (L, L - 1)
        Contrasts T.
    centre : ndarray of shape (L - 1,)
        Means of the columns of T over the centring rows.
    scale : float
        Scale of all columns.
    """

    table: FloatArray = field(repr=False)
    centre: FloatArray = field(repr=False)
    scale: float

    @property
    def n_linear(self) -> int:
        """Number of columns: all of them are main effects and share one scale."""
        return self.table.shape[1]

    @property
    def n_wiggle(self) -> int:
        """0: there is nothing beyond the table."""
        return 0

    def columns(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Evaluate at codes `x`, shape (n,); returns (n, L - 1)."""
        return written((self.table[np.asarray(x).astype(int)] - self.centre) * self.scale, out)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the basis exactly."""
        return {
            "kind": "categorical",
            "levels": len(self.table),
            "table": self.table.tolist(),
            "centre": self.centre.tolist(),
            "scale": self.scale,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore a basis written by `to_dict`."""
        table = np.array(data["table"], dtype=float).reshape(data["levels"], -1 if data["levels"] > 1 else 0)
        return cls(table, np.array(data["centre"], dtype=float), data["scale"])


def level_contrasts(n_levels: int) -> FloatArray:
    """Orthonormal contrasts T of unordered levels, T T' = I - 11'/L; shape (L, L - 1)."""
    if n_levels == 1:
        return np.empty((1, 0))
    # Helmert contrasts: column j compares level j + 1 with the mean of those before it.
    columns = [np.r_[np.full(j, -1.0), j, np.zeros(n_levels - j - 1)] for j in range(1, n_levels)]
    return np.column_stack([column / np.linalg.norm(column) for column in columns])


def _random_walk(n_levels: int) -> FloatArray:
    if n_levels == 1:
        return np.empty((1, 0))
    steps = np.diff(np.eye(n_levels), axis=0)
    return penalised_transform(steps.T @ steps, null_dimension=1)
