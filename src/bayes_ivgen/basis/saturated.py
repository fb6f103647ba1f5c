"""A basis of a saturated spend: knots and lines are those of s(x), values come in units of x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from bayes_ivgen.basis.base import Basis, FittedBasis, FloatArray
from bayes_ivgen.media.saturation import Saturation

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Saturated:
    """Another basis that sees s(x) instead of x.

    Parameters
    ----------
    basis : Basis
        Of s(x).
    saturation : Saturation
        With numbers as parameters.
    """

    basis: Basis
    saturation: Saturation

    def margin(self) -> Saturated:
        """Return the smaller basis that enters products of two actions."""
        return Saturated(self.basis.margin(), self.saturation)

    def fit(self, placed: FloatArray, centred: FloatArray, levels: FloatArray | None = None) -> FittedSaturated:
        """Fix knots, centre and scale; parameters are those of `BSpline.fit`, in units of x."""
        s = self.saturation
        inner = self.basis.fit(s(placed), s(centred), None if levels is None else s(levels))
        return FittedSaturated(inner, s)


@dataclass(frozen=True, eq=False)
class FittedSaturated:
    """A fitted basis of s(x)."""

    basis: FittedBasis
    saturation: Saturation

    @property
    def n_wiggle(self) -> int:
        """Number of penalised columns."""
        return self.basis.n_wiggle

    @property
    def n_linear(self) -> int:
        """Number of columns of main effects."""
        return self.basis.n_linear

    def columns(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Evaluate at `x`, shape (n,); returns (n, n_linear + n_wiggle), the linear column of s(x) first."""
        return self.basis.columns(self.saturation(x), out)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the basis exactly."""
        return {"kind": "saturated", "basis": self.basis.to_dict(), "saturation": self.saturation.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any], restore: Callable[[dict[str, Any]], FittedBasis]) -> Self:
        """Restore what `to_dict` wrote; `restore` reads the inner basis."""
        parameters = {key: value for key, value in data["saturation"].items() if key != "transform"}
        return cls(restore(data["basis"]), Saturation(**parameters))
