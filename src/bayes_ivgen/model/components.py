"""The additive components of the outcome mean and their columns (design 1.1).

E[Y | a, R] = alpha + sum_k m_k(a_k) + sum_k (1 - R_k) c_k(a_k, a_pa(k)), every function a sum of
terms: a block of columns whose coefficients share one scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes_ivgen.basis import (
    FittedBasis,
    FittedCategorical,
    FittedProduct,
    FittedTensor,
    basis_from_dict,
    product_from_dict,
    tensor_from_dict,
)
from bayes_ivgen.basis.base import FloatArray

if TYPE_CHECKING:
    from bayes_ivgen.model.components_offset import DatasetOffset

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
    DATASET = "dataset"


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
    tables : tuple of FittedProduct
        Interactions of several parents that hold labels, without and with the own action: where
        everything holds labels any c_k is within reach.
    projection : ndarray of shape (columns of parents and pairs, own and interaction columns)
        Regression of the own and interaction columns on the columns of the parents.
    """

    action: str
    has_level: bool
    own: FittedBasis = field(repr=False)
    others: Mapping[str, FittedBasis] = field(repr=False)
    tensors: Mapping[str, FittedTensor] = field(repr=False)
    pairs: Mapping[tuple[str, str], FittedTensor] = field(repr=False)
    projection: FloatArray = field(repr=False)
    tables: tuple[FittedProduct, ...] = field(default=(), repr=False)

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
        for table in self.tables:
            names = ",".join(table.variables)
            terms.append(Term(f"confounding[{self.action}|{names}].table", TermType.TENSOR, table.n_columns))
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
        blocks += [table.columns(values) for table in self.tables]
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
        """Return plain data from which `component_from_dict` restores the component exactly."""
        return {
            "kind": "confounding",
            "action": self.action,
            "has_level": self.has_level,
            "own": self.own.to_dict(),
            "others": {name: basis.to_dict() for name, basis in self.others.items()},
            "tensors": {name: tensor.to_dict() for name, tensor in self.tensors.items()},
            "pairs": [[*names, tensor.to_dict()] for names, tensor in self.pairs.items()],
            "projection": self.projection.tolist(),
            "tables": [table.to_dict() for table in self.tables],
        }


@dataclass(frozen=True)
class CommonLevel:
    """What confounding adds on average while nothing is set: one level shared by all actions.

    Its column is the share of `actions` that are not set. Beside the levels of single actions, which
    have mean zero in the prior, it lets all of them lean the same way: planners who follow demand in
    one channel follow it in all.
    """

    actions: tuple[str, ...]

    gate: str | None = field(default=None, init=False)
    action: str | None = field(default=None, init=False)

    @property
    def terms(self) -> tuple[Term, ...]:
        """One level."""
        return (Term("confounding.level", TermType.LEVEL, 1),)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `component_from_dict` restores the component exactly."""
        return {"kind": "common_level", "actions": list(self.actions)}


Component = CausalComponent | ConfoundingComponent | CommonLevel


def component_from_dict(data: dict[str, Any]) -> Component | DatasetOffset:
    """Restore a component written by its ``to_dict``."""
    if data["kind"] == "dataset_offset":
        from bayes_ivgen.model.components_offset import DatasetOffset

        return DatasetOffset.from_dict(data)
    if data["kind"] == "causal":
        return CausalComponent(data["action"], basis_from_dict(data["basis"]))
    if data["kind"] == "common_level":
        return CommonLevel(tuple(data["actions"]))
    return ConfoundingComponent(
        action=data["action"],
        has_level=data["has_level"],
        own=basis_from_dict(data["own"]),
        others={name: basis_from_dict(item) for name, item in data["others"].items()},
        tensors={name: tensor_from_dict(item) for name, item in data["tensors"].items()},
        pairs={(first, second): tensor_from_dict(item) for first, second, item in data["pairs"]},
        projection=np.array(data["projection"], dtype=float),
        tables=tuple(product_from_dict(item) for item in data.get("tables", ())),
    )


def _line_and_wiggle(prefix: str, basis: FittedBasis, linear: TermType, wiggle: TermType) -> tuple[Term, ...]:
    part = "table" if isinstance(basis, FittedCategorical) else "linear"
    terms = (Term(f"{prefix}.{part}", linear, basis.n_linear), Term(f"{prefix}.wiggle", wiggle, basis.n_wiggle))
    return tuple(term for term in terms if term.size)


def size_of(terms: Sequence[Term]) -> int:
    """Total number of columns."""
    return sum(term.size for term in terms)
