"""Components as functions of spends that are random: tensors of PyTensor, equal to `Component.columns` @ beta.

A column of a basis is a piecewise polynomial c(x), so that a component b'c(x) of one spend is a single piecewise
polynomial whose coefficients are linear in b: a row costs as much as one column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
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
        return _horner(pt.as_tensor(self.coefficients)[piece], offset[:, None], self.coefficients.shape[1])

    def dot(self, x: Any, beta: Any) -> Any:
        """Evaluate columns @ beta at `x`; shape (n,)."""
        import pytensor.tensor as pt

        piece, offset = self._place(x)
        return _horner(pt.dot(pt.as_tensor(self.coefficients), beta)[piece], offset, self.coefficients.shape[1])

    def _place(self, x: Any) -> tuple[Any, Any]:
        import pytensor.tensor as pt

        value = ((pt.as_tensor(x) if self.curve is None else self.curve(x)) - self.shift) / self.width
        # Sums of comparisons have no gradient, as the number of a piece should have none.
        piece = pt.sum(pt.ge(value[:, None], self.origins[None, 1:]), axis=1, dtype="int64")
        return piece, value - pt.as_tensor(self.origins)[piece]


def _horner(coefficients: Any, offset: Any, n_powers: int) -> Any:
    found = coefficients[:, 0]
    for power in range(1, n_powers):
        found = found * offset + coefficients[:, power]
    return found


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

    spend = pt.maximum(x, 0.0)
    if kind == "logistic":
        return pt.tanh(parameters["lam"] * spend / 2)
    if kind == "michaelis_menten":
        return spend / (parameters["lam"] + spend)
    # The gradient of a power of zero with respect to its exponent would be 0 times infinity.
    log_ratio = pt.log(pt.maximum(spend, TINY)) - pt.log(parameters["kappa"])
    return pt.sigmoid(parameters["slope"] * log_ratio)


def contribution(component: Component, values: Values, beta: Any, free: Values = MappingProxyType({})) -> Any:
    """Return columns @ beta of a component where it is at work; `values` of its variables and beta may be random.

    `free` are random parameters of the saturation of a causal component.
    """
    if isinstance(component, CausalComponent):
        return Pieces.of(component.basis, free).dot(values[component.action], beta)
    if isinstance(component, InteractionComponent):
        return _tensor_dot(component.tensor, values[component.first], values[component.second], beta)
    assert isinstance(component, ConfoundingComponent)  # no other component has an action as argument
    return _confounding_dot(component, values, beta)


def _columns(basis: FittedBasis, x: Any) -> Any:
    return basis.columns(x) if isinstance(x, np.ndarray) else Pieces.of(basis).columns(x)


def _tensor_dot(tensor: FittedTensor, x: Any, other: Any, beta: Any) -> Any:
    import pytensor.tensor as pt

    left, right = _columns(tensor.first, x), _columns(tensor.second, other)
    first, second = (margin.n_linear + margin.n_wiggle for margin in (tensor.first, tensor.second))
    products = pt.sum(pt.dot(left, beta.reshape((first, second))) * right, axis=1)
    return tensor.scale * (products - pt.dot(tensor.centre, beta))


def _product_dot(product: FittedProduct, values: Values, beta: Any) -> Any:
    import pytensor.tensor as pt

    found: Any = None
    for name, margin in product.margins.items():
        block = _columns(margin, values[name])
        pairs = block if found is None else found[:, :, None] * block[:, None, :]
        found = pairs if found is None else pairs.reshape((pairs.shape[0], -1))
    return product.scale * pt.dot(found - product.centre, beta)


def _confounding_dot(component: ConfoundingComponent, values: Values, beta: Any) -> Any:
    """Level, functions and products, less the conditional means given the parents (see the component)."""
    import pytensor.tensor as pt

    layout = component.layout
    total: Any = beta[0] if component.has_level else 0.0
    functions = [*component.own.items(), *component.others.items()]
    for (name, basis), place in zip(functions, layout.functions, strict=True):
        part = beta[place]
        x = values[name]
        known = isinstance(x, np.ndarray)
        total = total + (pt.dot(basis.columns(x), part) if known else Pieces.of(basis).dot(x, part))
    pairs = [*component.inside.items(), *component.tensors.items()]
    for ((first, second), tensor), place in zip(pairs, layout.products, strict=True):
        if tensor.n_columns:
            total = total + _tensor_dot(tensor, values[first], values[second], beta[place])
    for table, place in zip(component.tables, layout.tables, strict=True):
        total = total + _product_dot(table, values, beta[place])
    if not component.others:
        return total
    means = pt.dot(component.projection, pt.concatenate([beta[place] for place in layout.targets]))
    start = 0
    for name, basis in component.others.items():
        stop = start + basis.n_linear + basis.n_wiggle
        x, part = values[name], means[start:stop]
        known = isinstance(x, np.ndarray)
        total = total - (pt.dot(basis.columns(x), part) if known else Pieces.of(basis).dot(x, part))
        start = stop
    for (first, second), tensor in component.pairs.items():
        stop = start + tensor.n_columns
        if tensor.n_columns:
            total = total - _tensor_dot(tensor, values[first], values[second], means[start:stop])
        start = stop
    return total
