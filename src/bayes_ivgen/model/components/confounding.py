"""The bias of the observational reading of an action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from bayes_ivgen.basis import FittedBasis, FittedTensor, basis_from_dict, tensor_from_dict
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType, line_and_wiggle

RIDGE = 1e-4  # of the mean square, in the regression on the columns of the parents


class RawColumns(NamedTuple):
    """Columns before the projection: own action, each parent, own action x parent, pairs of parents."""

    own: FloatArray
    parents: list[FloatArray]
    tensors: list[FloatArray]
    pairs: list[FloatArray]

    @property
    def targets(self) -> FloatArray:
        """Own action and its interactions: they get residualised ..."""
        return np.concatenate([self.own, *self.tensors], axis=1)

    @property
    def given(self) -> FloatArray:
        """... on functions of the parents."""
        return np.concatenate([*self.parents, *self.pairs], axis=1)


@dataclass(frozen=True, eq=False)
class ConfoundingComponent:
    """c_k(a_k, a_pa(k)): the bias of the observational reading; at work where k was not set.

    A level, a function of the own action, and for each parent a function and an interaction. The
    columns of the own action and of the interactions are residuals: `projection` takes their
    conditional mean given the parents out. With f_k(a, c) = m(a) + l(c) the mean of c_k given the
    parents is zero (theory notes, A), so what is left to the functions of the parents is small and
    shrinking it is harmless; without the projection shrinking them would bias the parents' own
    causal components.

    Attributes
    ----------
    pairs : mapping of (str, str) to FittedTensor
        Interactions of two parents. They serve the projection only: as terms of their own they
        brought more coefficients and no accuracy.
    projection : ndarray of shape (columns of parents and pairs, own and interaction columns)
        Regression of the own and interaction columns on the columns of the parents.
    """

    kind: ClassVar[str] = "confounding"

    action: str
    has_level: bool
    own: FittedBasis = field(repr=False)
    others: Mapping[str, FittedBasis] = field(repr=False)
    tensors: Mapping[str, FittedTensor] = field(repr=False)
    pairs: Mapping[tuple[str, str], FittedTensor] = field(repr=False)
    projection: FloatArray = field(repr=False)

    @property
    def members(self) -> tuple[str, ...]:
        """The action."""
        return (self.action,)

    def at_work(self, regime: Regime) -> float:
        """Return 0 where the action is set, else 1."""
        return 0.0 if regime.sets(self.action) else 1.0

    @property
    def terms(self) -> tuple[Term, ...]:
        """Level, own function, and a function and an interaction for each parent."""
        prefix = f"confounding[{self.action}]"
        terms = [Term(f"{prefix}.level", TermType.LEVEL, 1)] if self.has_level else []
        terms += line_and_wiggle(prefix, self.own, TermType.CONFOUNDING_LINEAR, TermType.CONFOUNDING_WIGGLE)
        for other, basis in self.others.items():
            name = f"confounding[{self.action}|{other}]"
            terms += line_and_wiggle(name, basis, TermType.OTHER_LINEAR, TermType.OTHER_WIGGLE)
            if self.tensors[other].n_columns:
                terms.append(Term(f"{name}.tensor", TermType.TENSOR, self.tensors[other].n_columns))
        return tuple(terms)

    def columns(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """Evaluate at the actions' values, each of shape (n,); returns (n, size)."""
        raw = self.raw_columns(values)
        level = [np.ones((len(raw.own), 1))] if self.has_level else []
        if not self.others:
            return np.concatenate([*level, raw.own], axis=1)
        stops = np.cumsum([block.shape[1] for block in (raw.own, *raw.tensors)])
        own, *tensors = np.split(raw.targets - raw.given @ self.projection, stops[:-1], axis=1)
        blocks = [block for pair in zip(raw.parents, tensors, strict=True) for block in pair]
        return np.concatenate([*level, own, *blocks], axis=1)

    def raw_columns(self, values: Mapping[str, FloatArray]) -> RawColumns:
        """Columns before the conditional means given the parents are taken out."""
        own = values[self.action]
        return RawColumns(
            own=self.own.columns(own),
            parents=[basis.columns(values[other]) for other, basis in self.others.items()],
            tensors=[tensor.columns(own, values[other]) for other, tensor in self.tensors.items()],
            pairs=[tensor.columns(values[first], values[second]) for (first, second), tensor in self.pairs.items()],
        )

    def with_projection(self, values: Mapping[str, FloatArray]) -> ConfoundingComponent:
        """Return the component with the projection estimated from rows that leave the action unset.

        p(a_k | parents) is the same in all regimes that leave k unset, so rows of all of them serve.
        """
        if not self.others:
            return self
        raw = self.raw_columns(values)
        given, targets = raw.given, raw.targets
        centred = given - given.mean(axis=0)
        gram = centred.T @ centred
        gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / max(len(gram), 1)
        return replace(self, projection=np.linalg.solve(gram, centred.T @ (targets - targets.mean(axis=0))))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the component exactly."""
        return {
            "kind": self.kind,
            "action": self.action,
            "has_level": self.has_level,
            "own": self.own.to_dict(),
            "others": {name: basis.to_dict() for name, basis in self.others.items()},
            "tensors": {name: tensor.to_dict() for name, tensor in self.tensors.items()},
            "pairs": [[*names, tensor.to_dict()] for names, tensor in self.pairs.items()],
            "projection": self.projection.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(
            action=data["action"],
            has_level=data["has_level"],
            own=basis_from_dict(data["own"]),
            others={name: basis_from_dict(item) for name, item in data["others"].items()},
            tensors={name: tensor_from_dict(item) for name, item in data["tensors"].items()},
            pairs={(first, second): tensor_from_dict(item) for first, second, item in data["pairs"]},
            projection=np.array(data["projection"], dtype=float),
        )
