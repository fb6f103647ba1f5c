"""Interactions of two actions: products of the columns of two bases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from bayes_ivgen.basis.base import FittedBasis, FloatArray, unit_scale


@dataclass(frozen=True, eq=False)
class FittedTensor:
    """All products of a column of `first` with a column of `second`, centred and scaled.

    Attributes
    ----------
    first, second : FittedBasis
        The two margins.
    centre : ndarray of shape (p,)
        Means of the products over the centring rows.
    scale : float
        Scale that makes the variances of the columns add up to one.
    """

    first: FittedBasis
    second: FittedBasis
    centre: FloatArray = field(repr=False)
    scale: float

    @classmethod
    def fit(
        cls,
        first: FittedBasis,
        second: FittedBasis,
        placed: tuple[FloatArray, FloatArray],
        centred: tuple[FloatArray, FloatArray],
    ) -> Self:
        """Scale the products over the rows `placed` and centre them over the rows `centred`."""
        raw = _products(first, second, *placed)
        return cls(first, second, _products(first, second, *centred).mean(axis=0), unit_scale(raw))

    @property
    def n_columns(self) -> int:
        """Number of products."""
        return len(self.centre)

    def columns(self, x: FloatArray, other: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the pairs (x, other), each of shape (n,); returns (n, n_columns)."""
        from bayes_ivgen.basis.kernels import products

        found = np.empty((len(x), self.n_columns)) if out is None else out
        products(self.first.columns(x), self.second.columns(other), self.centre, self.scale, found)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `basis.from_dict` restores the margins exactly."""
        return {
            "kind": "tensor",
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "centre": self.centre.tolist(),
            "scale": self.scale,
        }


def _products(first: FittedBasis, second: FittedBasis, x: FloatArray, other: FloatArray) -> FloatArray:
    left, right = first.columns(x), second.columns(other)
    return (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)
