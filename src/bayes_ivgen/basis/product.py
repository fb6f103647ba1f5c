"""Interactions of three actions and more: products of the columns of several bases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from bayes_ivgen.basis.base import FittedBasis, FloatArray, unit_scale, written


@dataclass(frozen=True, eq=False)
class FittedProduct:
    """All products of one column of each margin, centred and scaled.

    Attributes
    ----------
    margins : mapping of str to FittedBasis
        The basis of each variable.
    centre : ndarray of shape (p,)
        Means of the products over the centring rows.
    scale : float
        Scale that makes the variances of the columns add up to one.
    """

    margins: Mapping[str, FittedBasis] = field(repr=False)
    centre: FloatArray = field(repr=False)
    scale: float

    @classmethod
    def fit(
        cls,
        margins: Mapping[str, FittedBasis],
        placed: Mapping[str, FloatArray],
        centred: Mapping[str, FloatArray],
    ) -> Self:
        """Scale the products over the rows `placed` and centre them over the rows `centred`."""
        raw = _products(margins, placed)
        return cls(margins, _products(margins, centred).mean(axis=0), unit_scale(raw))

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the arguments."""
        return tuple(self.margins)

    @property
    def n_columns(self) -> int:
        """Number of products."""
        return len(self.centre)

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the variables' values, each of shape (n,); returns (n, n_columns)."""
        return written((_products(self.margins, values) - self.centre) * self.scale, out)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `basis.product_from_dict` restores the product exactly."""
        return {
            "margins": {name: margin.to_dict() for name, margin in self.margins.items()},
            "centre": self.centre.tolist(),
            "scale": self.scale,
        }


def product_columns(blocks: list[FloatArray]) -> FloatArray:
    """All products of one column of each block; shape (n, product of the numbers of columns)."""
    product = blocks[0]
    for block in blocks[1:]:
        product = (product[:, :, None] * block[:, None, :]).reshape(len(block), -1)
    return product


def _products(margins: Mapping[str, FittedBasis], values: Mapping[str, FloatArray]) -> FloatArray:
    return product_columns([margin.columns(values[name]) for name, margin in margins.items()])
