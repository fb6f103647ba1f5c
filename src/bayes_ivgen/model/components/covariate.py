"""What a covariate adds to the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from bayes_ivgen.basis import FittedBasis, basis_from_dict
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType, line_and_wiggle


@dataclass(frozen=True, eq=False)
class CovariateComponent:
    """q(x): a function of one covariate; at work in every regime, with mean zero over all rows."""

    kind: ClassVar[str] = "covariate"

    covariate: str
    basis: FittedBasis = field(repr=False)

    @property
    def members(self) -> tuple[str, ...]:
        """No action."""
        return ()

    @property
    def terms(self) -> tuple[Term, ...]:
        """The linear and the penalised part."""
        name = f"covariate[{self.covariate}]"
        return line_and_wiggle(name, self.basis, TermType.COVARIATE_LINEAR, TermType.COVARIATE_WIGGLE)

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the covariate's values, shape (n,); returns (n, size)."""
        return self.basis.columns(values[self.covariate], out)

    def at_work(self, regime: Regime) -> float:  # noqa: ARG002
        """Return 1 in every regime."""
        return 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the component exactly."""
        return {"kind": self.kind, "covariate": self.covariate, "basis": self.basis.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(data["covariate"], basis_from_dict(data["basis"]))
