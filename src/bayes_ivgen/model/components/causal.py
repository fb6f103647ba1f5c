"""What setting an action does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from bayes_ivgen.basis import FittedBasis, basis_from_dict
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType, line_and_wiggle


@dataclass(frozen=True, eq=False)
class CausalComponent:
    """m_k(a_k): what setting action k does; at work in every regime."""

    kind: ClassVar[str] = "causal"

    action: str
    basis: FittedBasis = field(repr=False)

    @property
    def members(self) -> tuple[str, ...]:
        """The action."""
        return (self.action,)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The linear and the penalised part."""
        return line_and_wiggle(f"causal[{self.action}]", self.basis, TermType.CAUSAL_LINEAR, TermType.CAUSAL_WIGGLE)

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the actions' values, each of shape (n,); returns (n, size)."""
        return self.basis.columns(values[self.action], out)

    def at_work(self, regime: Regime) -> float:  # noqa: ARG002
        """Return 1 in every regime."""
        return 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the component exactly."""
        return {"kind": self.kind, "action": self.action, "basis": self.basis.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(data["action"], basis_from_dict(data["basis"]))
