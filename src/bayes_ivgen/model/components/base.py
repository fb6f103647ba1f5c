"""What every component offers, and the terms of which it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol, Self

from bayes_ivgen.basis import FittedBasis, FittedCategorical
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime


class TermType(StrEnum):
    """Kinds of terms; all terms of one kind share a hyper-scale."""

    CAUSAL_LINEAR = "causal_linear"
    CAUSAL_WIGGLE = "causal_wiggle"
    LEVEL = "level"
    CONFOUNDING_LINEAR = "confounding_linear"
    CONFOUNDING_WIGGLE = "confounding_wiggle"
    OTHER_LINEAR = "other_linear"
    OTHER_WIGGLE = "other_wiggle"
    TENSOR = "tensor"
    SYNERGY_LINEAR = "synergy_linear"
    SYNERGY_WIGGLE = "synergy_wiggle"
    CAUSAL_TENSOR = "causal_tensor"
    COVARIATE_LINEAR = "covariate_linear"
    COVARIATE_WIGGLE = "covariate_wiggle"
    DATASET = "dataset"


@dataclass(frozen=True)
class Term:
    """A block of columns with one scale: ``name``, ``type`` and number of columns."""

    name: str
    type: TermType
    size: int


class Component(Protocol):
    """One additive part of the mean outcome; every kind has a file of its own.

    Attributes
    ----------
    kind : str
        Its name in stored designs; `component_from_dict` finds the class by it.
    """

    kind: ClassVar[str]

    @property
    def members(self) -> tuple[str, ...]:
        """The actions whose component it is; empty if it belongs to none of them."""
        ...

    @property
    def terms(self) -> tuple[Term, ...]:
        """Blocks of columns in order."""
        ...

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the values of the variables, each of shape (n,); returns (n, size).

        With `out`, of that shape, the columns are written there, and it is returned.
        """
        ...

    def at_work(self, regime: Regime) -> float:
        """Factor of the columns in a regime: 0 where the component is switched off, mostly 1 elsewhere."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `component_from_dict` restores the component exactly."""
        ...

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        ...


def line_and_wiggle(prefix: str, basis: FittedBasis, linear: TermType, wiggle: TermType) -> tuple[Term, ...]:
    """Terms of a function of one variable: its linear and its penalised part."""
    part = "table" if isinstance(basis, FittedCategorical) else "linear"
    terms = (Term(f"{prefix}.{part}", linear, basis.n_linear), Term(f"{prefix}.wiggle", wiggle, basis.n_wiggle))
    return tuple(term for term in terms if term.size)


def size_of(terms: Sequence[Term]) -> int:
    """Total number of columns."""
    return sum(term.size for term in terms)
