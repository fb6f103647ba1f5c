"""Bases of functions of one action, and their products; each remembers its knots."""

from typing import Any

import numpy as np

from bayes_ivgen.basis.base import Basis, FittedBasis, Tail
from bayes_ivgen.basis.bspline import BSpline, FittedBSpline
from bayes_ivgen.basis.categorical import Categorical, FittedCategorical
from bayes_ivgen.basis.polynomial import FittedPolynomial, Polynomial
from bayes_ivgen.basis.product import FittedProduct
from bayes_ivgen.basis.saturated import FittedSaturated, Saturated
from bayes_ivgen.basis.tensor import FittedTensor

__all__ = [
    "BSpline",
    "Basis",
    "Categorical",
    "FittedBSpline",
    "FittedBasis",
    "FittedCategorical",
    "FittedPolynomial",
    "FittedProduct",
    "FittedSaturated",
    "FittedTensor",
    "Polynomial",
    "Saturated",
    "Tail",
    "basis_from_dict",
    "product_from_dict",
    "tensor_from_dict",
]

_KINDS: dict[str, Any] = {"bspline": FittedBSpline, "polynomial": FittedPolynomial, "categorical": FittedCategorical}


def basis_from_dict(data: dict[str, Any]) -> FittedBasis:
    """Restore a basis of one action written by its ``to_dict``."""
    if data["kind"] == "saturated":
        return FittedSaturated.from_dict(data, basis_from_dict)
    basis: FittedBasis = _KINDS[data["kind"]].from_dict(data)
    return basis


def tensor_from_dict(data: dict[str, Any]) -> FittedTensor:
    """Restore a product of two bases written by its ``to_dict``."""
    return FittedTensor(
        basis_from_dict(data["first"]),
        basis_from_dict(data["second"]),
        np.array(data["centre"], dtype=float),
        data["scale"],
    )


def product_from_dict(data: dict[str, Any]) -> FittedProduct:
    """Restore a product of several bases written by its ``to_dict``."""
    return FittedProduct(
        {name: basis_from_dict(item) for name, item in data["margins"].items()},
        np.array(data["centre"], dtype=float),
        data["scale"],
    )
