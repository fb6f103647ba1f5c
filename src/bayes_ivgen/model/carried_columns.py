"""Columns of components at spends that are random: tensors of PyTensor, equal to `Component.columns`.

A column of a basis is a polynomial between breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from math import comb
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.polynomial import legendre

from bayes_ivgen.basis import (
    FittedBasis,
    FittedBSpline,
    FittedPolynomial,
    FittedProduct,
    FittedSaturated,
    FittedTensor,
)
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.model.components import CausalComponent, Component, ConfoundingComponent, InteractionComponent

Values = Mapping[str, Any]  # arrays for what is known, tensors for what is random; shape (n,) each
TINY = 1e-300  # spend in the place of zero


@dataclass(frozen=True, eq=False)
class Pieces:
    """Columns of a basis as polynomials between breaks, centred and scaled.

    Attributes
    ----------
    shift, width : float
        Pieces are in units of ``(s(x) - shift) / width``.
    origins : ndarray of shape (m,)
        Piece i is at work from ``origins[i]`` on, piece 0 also below.
    coefficients : ndarray of shape (m, degree + 1, p)
        Of powers of the distance from the origin, the highest first.
    curve : callable, optional
        s; by default x itself.
    """

    shift: float
    width: float
    origins: FloatArray = field(repr=False)
    coefficients: FloatArray = field(repr=False)
    curve: Callable[[Any], Any] | None = None

    @classmethod
    def of(cls, basis: FittedBasis, free: Values = MappingProxyType({})) -> Self:
        """Read a basis of numbers; one without columns has none here, too. `free` are random saturation parameters."""
        if isinstance(basis, FittedSaturated):
            s = basis.saturation
            return replace(cls.of(basis.basis), curve=partial(saturated, s.kind, {**s.parameters, **free}))
        if basis.n_linear + basis.n_wiggle == 0:
            return cls(0.0, 1.0, np.zeros(1), np.empty((1, 1, 0)))
        if isinstance(basis, FittedPolynomial):
            return cls(basis.low, basis.high - basis.low, np.array([0.0, 0.0, 1.0]), _legendre_pieces(basis))
        assert isinstance(basis, FittedBSpline)  # tables of labels hold no numbers
        return cls(basis.low, basis.high - basis.low, *basis.pieces)

    def columns(self, x: Any) -> Any:
        """Evaluate all columns at `x`, shape (n,); returns (n, p)."""
        import pytensor.tensor as pt

        piece, offset = self._place(x)
        powers = pt.as_tensor(self.coefficients)[piece]
        found = powers[:, 0]
        for power in range(1, self.coefficients.shape[1]):
            found = found * offset[:, None] + powers[:, power]
        return found

    def _place(self, x: Any) -> tuple[Any, Any]:
        import pytensor.tensor as pt

        value = ((pt.as_tensor(x) if self.curve is None else self.curve(x)) - self.shift) / self.width
        # Sums of comparisons have no gradient, as the number of a piece should have none.
        piece = pt.sum(pt.ge(value[:, None], self.origins[None, 1:]), axis=1, dtype="int64")
        return piece, value - pt.as_tensor(self.origins)[piece]


def _legendre_pieces(basis: FittedPolynomial) -> FloatArray:
    """Return columns below, inside and above [0, 1]: powers of u of P_j(2 u - 1); beyond, constants and the line."""
    degree = basis.degree
    found = np.zeros((3, degree + 1, degree))
    for j in range(1, degree + 1):
        powers = legendre.leg2poly(np.eye(degree + 1)[j])
        for i, value in enumerate(powers):  # (2 u - 1)^i
            for m in range(i + 1):
                found[1, degree - m, j - 1] += value * comb(i, m) * 2.0**m * (-1.0) ** (i - m)
        found[0, -1, j - 1], found[2, -1, j - 1] = (-1.0) ** j, 1.0
    if basis.tail == "linear":
        found[[0, 2], -2, 0] = 2.0
    found[:, -1] -= basis.centre
    return found * np.append(basis.scales[0], np.full(degree - 1, basis.scales[1]))


def saturated(kind: str, parameters: Values, x: Any) -> Any:
    """Evaluate a saturation at tensors; see `media.saturation.saturation_values`."""
    import pytensor.tensor as pt

    # PyTensor would take the logarithm of a plain number such as 20.0 in single precision.
    parameters = {name: pt.as_tensor(value, dtype="float64") for name, value in parameters.items()}
    spend = pt.maximum(x, 0.0)
    if kind == "logistic":
        return pt.tanh(parameters["lam"] * spend / 2)
    if kind == "michaelis_menten":
        return spend / (parameters["lam"] + spend)
    # The gradient of a power of zero with respect to its exponent would be 0 times infinity.
    log_ratio = pt.log(pt.maximum(spend, TINY)) - pt.log(parameters["kappa"])
    return pt.sigmoid(parameters["slope"] * log_ratio)


def random_columns(component: Component, values: Values, free: Values = MappingProxyType({})) -> Any:
    """Return the columns of a component where it is at work; `values` of its variables may be random.

    `free` are random parameters of the saturation of a causal component.
    """
    if isinstance(component, CausalComponent):
        return Pieces.of(component.basis, free).columns(values[component.action])
    if isinstance(component, InteractionComponent):
        return _tensor_columns(component.tensor, values[component.first], values[component.second])
    assert isinstance(component, ConfoundingComponent)  # no other component has an action as argument
    return _confounding_columns(component, values)


def _columns(basis: FittedBasis, x: Any) -> Any:
    return basis.columns(x) if isinstance(x, np.ndarray) else Pieces.of(basis).columns(x)


def _products(left: Any, right: Any) -> Any:
    return (left[:, :, None] * right[:, None, :]).reshape((left.shape[0], -1))


def _tensor_columns(tensor: FittedTensor, x: Any, other: Any) -> Any:
    return tensor.scale * (_products(_columns(tensor.first, x), _columns(tensor.second, other)) - tensor.centre)


def _product_columns(product: FittedProduct, values: Values) -> Any:
    blocks = [_columns(margin, values[name]) for name, margin in product.margins.items()]
    return product.scale * (reduce(_products, blocks) - product.centre)


def _confounding_columns(component: ConfoundingComponent, values: Values) -> Any:
    """Level, functions and products, less their conditional means given the parents (see the component)."""
    import pytensor.tensor as pt

    layout = component.layout
    n = values[component.members[0]].shape[0]
    blocks: dict[int, Any] = {0: pt.ones((n, 1))} if component.has_level else {}
    functions = [*component.own.items(), *component.others.items()]
    for (name, basis), place in zip(functions, layout.functions, strict=True):
        blocks[place.start] = _columns(basis, values[name])
    pairs = [*component.inside.items(), *component.tensors.items()]
    for ((first, second), tensor), place in zip(pairs, layout.products, strict=True):
        if tensor.n_columns:
            blocks[place.start] = _tensor_columns(tensor, values[first], values[second])
    for table, place in zip(component.tables, layout.tables, strict=True):
        blocks[place.start] = _product_columns(table, values)
    if component.others:
        given = [blocks[place.start] for place in layout.functions[len(component.own) :]]
        given += [
            _tensor_columns(tensor, values[first], values[second])
            for (first, second), tensor in component.pairs.items()
            if tensor.n_columns
        ]
        means, start = pt.dot(pt.concatenate(given, axis=1), component.projection), 0
        for place in layout.targets:
            stop = start + place.stop - place.start
            if stop > start:
                blocks[place.start] = blocks[place.start] - means[:, start:stop]
            start = stop
    return pt.concatenate([blocks[start] for start in sorted(blocks)], axis=1)
