"""Interactions of two variables that are the same in every regime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from bayes_ivgen.basis import FittedTensor, tensor_from_dict
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType

Role = Literal["synergy", "block", "covariate"]


@dataclass(frozen=True, eq=False)
class InteractionComponent:
    """A function of two variables beside their own functions; at work in every regime.

    Attributes
    ----------
    role : {"synergy", "block", "covariate"}
        s_jk(a_j, a_k) of two actions; the interaction of two members inside m_B(a_B) of a block;
        that of an action with a covariate inside m_k(a_k, x). Synergy has two terms, the product of
        the two lines and the rest, because a plain product is what is met most often.
    first, second : str
        The variables; `second` may be a covariate.
    tensor : FittedTensor
        Products of the columns of both.
    """

    kind: ClassVar[str] = "interaction"

    role: Role
    first: str
    second: str
    tensor: FittedTensor = field(repr=False)

    @property
    def members(self) -> tuple[str, ...]:
        """The actions among the two variables."""
        return (self.first,) if self.role == "covariate" else (self.first, self.second)

    @property
    def terms(self) -> tuple[Term, ...]:
        """One term, or two for synergy."""
        size = self.tensor.n_columns
        if self.role == "synergy":
            name = f"synergy[{self.first},{self.second}]"
            line = self.tensor.first.n_linear * self.tensor.second.n_linear
            terms: tuple[Term, ...] = (
                Term(f"{name}.linear", TermType.SYNERGY_LINEAR, line),
                Term(f"{name}.wiggle", TermType.SYNERGY_WIGGLE, size - line),
            )
        else:
            sign = "," if self.role == "block" else "|"
            terms = (Term(f"causal[{self.first}{sign}{self.second}].tensor", TermType.CAUSAL_TENSOR, size),)
        return tuple(term for term in terms if term.size)

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the variables' values, each of shape (n,); returns (n, size)."""
        return self.tensor.columns(values[self.first], values[self.second], out)

    def at_work(self, regime: Regime) -> float:  # noqa: ARG002
        """Return 1 in every regime."""
        return 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the component exactly."""
        return {
            "kind": self.kind,
            "role": self.role,
            "first": self.first,
            "second": self.second,
            "tensor": self.tensor.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(data["role"], data["first"], data["second"], tensor_from_dict(data["tensor"]))
