"""Bases of functions of one action, and their products; each remembers its knots."""

from typing import Any

import numpy as np

from bayes_ivgen.basis.base import Basis, FittedBasis, Tail
from bayes_ivgen.basis.bspline import BSpline, FittedBSpline
from bayes_ivgen.basis.polynomial import FittedPolynomial, Polynomial
from bayes_ivgen.basis.tensor import FittedTensor

__all__ = [
    "BSpline",
    "Basis",
    "FittedBSpline",
    "FittedBasis",
    "FittedPolynomial",
    "FittedTensor",
    "Polynomial",
    "Tail",
    "basis_from_dict",
    "tensor_from_dict",
]

_KINDS: dict[str, Any] = {"bspline": FittedBSpline, "polynomial": FittedPolynomial}


def basis_from_dict(data: dict[str, Any]) -> FittedBasis:
    """Restore a basis of one action written by its ``to_dict``."""
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
