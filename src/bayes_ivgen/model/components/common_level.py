"""What the levels of all confounding components have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from bayes_ivgen.basis.base import FloatArray, written
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType


@dataclass(frozen=True)
class CommonLevel:
    """What confounding adds on average while nothing is set: one level shared by all actions.

    It counts by the share of `actions` that are not set. Beside the levels of single actions, which
    have mean zero in the prior, it lets all of them lean the same way: planners who follow demand in
    one channel follow it in all.
    """

    kind: ClassVar[str] = "common_level"

    actions: tuple[str, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """The actions that are counted."""
        return self.actions

    @property
    def terms(self) -> tuple[Term, ...]:
        """One level."""
        return (Term("confounding.level", TermType.LEVEL, 1),)

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Return ones for values of shape (n,) each; returns (n, 1)."""
        return written(np.ones((len(next(iter(values.values()))), 1)), out)

    def at_work(self, regime: Regime) -> float:
        """Share of the actions that are not set."""
        return float(np.mean([not regime.sets(action) for action in self.actions]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the component exactly."""
        return {"kind": self.kind, "actions": list(self.actions)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(tuple(data["actions"]))
