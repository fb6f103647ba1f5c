"""The additive components of the outcome mean and their columns (design 1.1).

E[Y | a, R] = alpha + sum_k m_k(a_k) + sum_k (1 - R_k) c_k(a_k, a_pa(k)), every function a sum of
terms: a block of columns whose coefficients share one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from bayes_ivgen.basis import FittedBasis, FittedTensor, basis_from_dict, tensor_from_dict
from bayes_ivgen.basis.base import FloatArray

RIDGE = 1e-4  # of the mean square, in the regression on the columns of the parents


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


@dataclass(frozen=True)
class Term:
    """A block of columns with one scale: ``name``, ``type`` and number of columns."""

    name: str
    type: TermType
    size: int


@dataclass(frozen=True, eq=False)
class CausalComponent:
    """m_k(a_k): what setting action k does; at work in every regime."""

    action: str
    basis: FittedBasis = field(repr=False)

    gate: str | None = field(default=None, init=False)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The linear and the penalised part."""
        return _line_and_wiggle(f"causal[{self.action}]", self.basis, TermType.CAUSAL_LINEAR, TermType.CAUSAL_WIGGLE)

    def columns(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """Evaluate at the actions' values, each of shape (n,); returns (n, size)."""
        return self.basis.columns(values[self.action])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `component_from_dict` restores the component exactly."""
        return {"kind": "causal", "action": self.action, "basis": self.basis.to_dict()}


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
    projection : ndarray of shape (columns of the parents, own and interaction columns)
        Regression of the own and interaction columns on the columns of the parents.
    """

    action: str
    has_level: bool
    own: FittedBasis = field(repr=False)
    others: Mapping[str, FittedBasis] = field(repr=False)
    tensors: Mapping[str, FittedTensor] = field(repr=False)
    projection: FloatArray = field(repr=False)

    @property
    def gate(self) -> str:
        """The action that, when set, switches this component off."""
        return self.action

    @property
    def terms(self) -> tuple[Term, ...]:
        """Level, own function, and a function and an interaction for each parent."""
        prefix = f"confounding[{self.action}]"
        terms = [Term(f"{prefix}.level", TermType.LEVEL, 1)] if self.has_level else []
        terms += _line_and_wiggle(prefix, self.own, TermType.CONFOUNDING_LINEAR, TermType.CONFOUNDING_WIGGLE)
        for other, basis in self.others.items():
            name = f"confounding[{self.action}|{other}]"
            terms += _line_and_wiggle(name, basis, TermType.OTHER_LINEAR, TermType.OTHER_WIGGLE)
            if self.tensors[other].n_columns:
                terms.append(Term(f"{name}.tensor", TermType.TENSOR, self.tensors[other].n_columns))
        return tuple(terms)

    def columns(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """Evaluate at the actions' values, each of shape (n,); returns (n, size)."""
        own, *others = self.raw_columns(values)
        blocks = [np.ones((len(own), 1))] if self.has_level else []
        if not others:
            return np.concatenate([*blocks, own], axis=1)
        parents, tensors = others[::2], others[1::2]
        explained = np.concatenate(parents, axis=1) @ self.projection
        start = own.shape[1]
        blocks.append(own - explained[:, :start])
        for parent, tensor in zip(parents, tensors, strict=True):
            stop = start + tensor.shape[1]
            blocks += [parent, tensor - explained[:, start:stop]]
            start = stop
        return np.concatenate(blocks, axis=1)

    def raw_columns(self, values: Mapping[str, FloatArray]) -> list[FloatArray]:
        """Columns of the own action, then for each parent its columns and those of the interaction."""
        own = values[self.action]
        blocks = [self.own.columns(own)]
        for other, basis in self.others.items():
            blocks += [basis.columns(values[other]), self.tensors[other].columns(own, values[other])]
        return blocks

    def with_projection(self, values: Mapping[str, FloatArray]) -> ConfoundingComponent:
        """Return the component with the projection estimated from rows that leave the action unset.

        p(a_k | parents) is the same in all regimes that leave k unset, so rows of all of them serve.
        """
        own, *others = self.raw_columns(values)
        if not others:
            return self
        parents, targets = np.concatenate(others[::2], axis=1), np.concatenate([own, *others[1::2]], axis=1)
        centred = parents - parents.mean(axis=0)
        gram = centred.T @ centred
        gram[np.diag_indices_from(gram)] += RIDGE * np.trace(gram) / max(len(gram), 1)
        return replace(self, projection=np.linalg.solve(gram, centred.T @ (targets - targets.mean(axis=0))))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `component_from_dict` restores the component exactly."""
        return {
            "kind": "confounding",
            "action": self.action,
            "has_level": self.has_level,
            "own": self.own.to_dict(),
            "others": {name: basis.to_dict() for name, basis in self.others.items()},
            "tensors": {name: tensor.to_dict() for name, tensor in self.tensors.items()},
            "projection": self.projection.tolist(),
        }


Component = CausalComponent | ConfoundingComponent


def component_from_dict(data: dict[str, Any]) -> Component:
    """Restore a component written by its ``to_dict``."""
    if data["kind"] == "causal":
        return CausalComponent(data["action"], basis_from_dict(data["basis"]))
    return ConfoundingComponent(
        action=data["action"],
        has_level=data["has_level"],
        own=basis_from_dict(data["own"]),
        others={name: basis_from_dict(item) for name, item in data["others"].items()},
        tensors={name: tensor_from_dict(item) for name, item in data["tensors"].items()},
        projection=np.array(data["projection"], dtype=float),
    )


def _line_and_wiggle(prefix: str, basis: FittedBasis, linear: TermType, wiggle: TermType) -> tuple[Term, ...]:
    terms = (Term(f"{prefix}.linear", linear, basis.n_linear), Term(f"{prefix}.wiggle", wiggle, basis.n_wiggle))
    return tuple(term for term in terms if term.size)


def size_of(terms: Sequence[Term]) -> int:
    """Total number of columns."""
    return sum(term.size for term in terms)
