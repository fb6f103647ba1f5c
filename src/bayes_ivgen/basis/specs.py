"""Specifications of bases as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bayes_ivgen.basis.base import Basis
from bayes_ivgen.basis.bspline import BSpline
from bayes_ivgen.basis.polynomial import Polynomial


def spec_to_dict(basis: Basis) -> dict[str, Any]:
    """Return plain data for storage."""
    return {"kind": type(basis).__name__, **asdict(basis)}  # type: ignore[call-overload]


def spec_from_dict(data: Mapping[str, Any]) -> Basis:
    """Restore what `spec_to_dict` wrote."""
    kinds: dict[str, Any] = {"BSpline": BSpline, "Polynomial": Polynomial}
    basis: Basis = kinds[data["kind"]](**{key: value for key, value in data.items() if key != "kind"})
    return basis
