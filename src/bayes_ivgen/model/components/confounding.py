"""The bias of the observational reading of an action, or of a block of actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from bayes_ivgen.basis import (
    FittedBasis,
    FittedProduct,
    FittedTensor,
    basis_from_dict,
    product_from_dict,
    tensor_from_dict,
)
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType, line_and_wiggle

RIDGE = 1e-4  # of the mean square, in the regression on the columns of the parents

Pair = tuple[str, str]


class RawColumns(NamedTuple):
    """Columns before the projection: members, pairs of members, parents, member x parent, pairs of parents."""

    own: FloatArray
    inside: list[FloatArray]
    parents: list[FloatArray]
    tensors: list[FloatArray]
    pairs: list[FloatArray]

    @property
    def targets(self) -> FloatArray:
        """Own actions and their interactions: they get residualised ..."""
        return np.concatenate([self.own, *self.inside, *self.tensors], axis=1)

    @property
    def given(self) -> FloatArray:
        """... on functions of the parents."""
        return np.concatenate([*self.parents, *self.pairs], axis=1)


class Layout(NamedTuple):
    """Places of the blocks among the columns; `targets` are those of which conditional means are taken out."""

    size: int
    functions: tuple[slice, ...]
    products: tuple[slice, ...]
    tables: tuple[slice, ...]
    targets: tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class ConfoundingComponent:
    """c_k(a_k, a_pa(k), x): the bias of the observational reading; at work where k was not set.

    A level, a function of the own action, and for each parent a function and an interaction. The
    columns of the own action and of the interactions are residuals: `projection` takes their
    conditional mean given the parents out. With f_k(a, c) = m(a) + l(c) the mean of c_k given the
    parents is zero (theory notes, A), so what is left to the functions of the parents is small and
    shrinking it is harmless; without the projection shrinking them would bias the parents' own
    causal components.

    A block c_B(a_B, a_pa(B)) has a function of each member, an interaction of each pair of them, and
    the parents of the members outside the block. Covariates are arguments like parents.

    Attributes
    ----------
    members : tuple of str
        The action, or the actions of the block.
    own : mapping of str to FittedBasis
        Function of each member.
    inside : mapping of (str, str) to FittedTensor
        Interactions of two members.
    others : mapping of str to FittedBasis
        Functions of the parents and of the covariates.
    tensors : mapping of (str, str) to FittedTensor
        Interactions of a member with a parent or a covariate.
    pairs : mapping of (str, str) to FittedTensor
        Interactions of two parents. They serve the projection only: as terms of their own they
        brought more coefficients and no accuracy.
    tables : tuple of FittedProduct
        Interactions of several parents that hold labels, without and with the own action: where
        everything holds labels any c_k is within reach.
    projection : ndarray of shape (columns of parents and pairs, own and interaction columns)
        Regression of the own and interaction columns on the columns of the parents.
    """

    kind: ClassVar[str] = "confounding"

    members: tuple[str, ...]
    has_level: bool
    own: Mapping[str, FittedBasis] = field(repr=False)
    inside: Mapping[Pair, FittedTensor] = field(repr=False)
    others: Mapping[str, FittedBasis] = field(repr=False)
    tensors: Mapping[Pair, FittedTensor] = field(repr=False)
    pairs: Mapping[Pair, FittedTensor] = field(repr=False)
    projection: FloatArray = field(repr=False)
    tables: tuple[FittedProduct, ...] = field(default=(), repr=False)

    @property
    def action(self) -> str:
        """Name in terms: the action, or the members of the block with a plus sign between them."""
        return "+".join(self.members)

    def at_work(self, regime: Regime) -> float:
        """Return 0 where all members are set, else 1; regimes that split a block are refused earlier."""
        return 0.0 if all(regime.sets(action) for action in self.members) else 1.0

    @property
    def terms(self) -> tuple[Term, ...]:
        """Level, own functions and interactions, then a function and interactions for each parent."""
        prefix = f"confounding[{self.action}]"
        terms = [Term(f"{prefix}.level", TermType.LEVEL, 1)] if self.has_level else []
        for member, basis in self.own.items():
            name = self._named(prefix, member)
            terms += line_and_wiggle(name, basis, TermType.CONFOUNDING_LINEAR, TermType.CONFOUNDING_WIGGLE)
        for (first, second), tensor in self.inside.items():
            terms.append(Term(f"{prefix}.{first},{second}.tensor", TermType.TENSOR, tensor.n_columns))
        for other, basis in self.others.items():
            name = f"confounding[{self.action}|{other}]"
            terms += line_and_wiggle(name, basis, TermType.OTHER_LINEAR, TermType.OTHER_WIGGLE)
            for member in self.members:
                size = self.tensors[member, other].n_columns
                terms.append(Term(f"{self._named(name, member)}.tensor", TermType.TENSOR, size))
        for table in self.tables:
            names = ",".join(table.variables)
            terms.append(Term(f"confounding[{self.action}|{names}].table", TermType.TENSOR, table.n_columns))
        return tuple(term for term in terms if term.size)

    def _named(self, prefix: str, member: str) -> str:
        return prefix if len(self.members) == 1 else f"{prefix}.{member}"

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Evaluate at the variables' values, each of shape (n,); returns (n, size)."""
        layout = self.layout
        n = len(values[self.members[0]])
        found = np.empty((n, layout.size)) if out is None else out
        if self.has_level:
            found[:, 0] = 1.0
        for (name, basis), place in zip([*self.own.items(), *self.others.items()], layout.functions, strict=True):
            basis.columns(values[name], found[:, place])
        pairs = [*self.inside.items(), *self.tensors.items()]
        for ((first, second), tensor), place in zip(pairs, layout.products, strict=True):
            tensor.columns(values[first], values[second], found[:, place])
        for table, place in zip(self.tables, layout.tables, strict=True):
            table.columns(values, found[:, place])
        if self.others:
            self._take_out_means(values, found)
        return found

    def _take_out_means(self, values: Mapping[str, FloatArray], found: FloatArray) -> None:
        """Subtract from own and interaction columns their conditional means given the parents."""
        layout = self.layout
        given = np.empty((len(found), len(self.projection)))
        start = 0
        for place in layout.functions[len(self.own) :]:
            stop = start + place.stop - place.start
            given[:, start:stop] = found[:, place]
            start = stop
        for (first, second), tensor in self.pairs.items():
            stop = start + tensor.n_columns
            tensor.columns(values[first], values[second], given[:, start:stop])
            start = stop
        means, start = given @ self.projection, 0
        for place in layout.targets:
            stop = start + place.stop - place.start
            found[:, place] -= means[:, start:stop]
            start = stop

    @cached_property
    def layout(self) -> Layout:
        """Where the blocks stand: level, own, inside, each parent with its interactions, tables."""
        position = int(self.has_level)

        def take(size: int) -> slice:
            nonlocal position
            position += size
            return slice(position - size, position)

        own = [take(basis.n_linear + basis.n_wiggle) for basis in self.own.values()]
        products = [take(tensor.n_columns) for tensor in self.inside.values()]
        parents = []
        for other, basis in self.others.items():
            parents.append(take(basis.n_linear + basis.n_wiggle))
            products += [take(self.tensors[member, other].n_columns) for member in self.members]
        tables = [take(table.n_columns) for table in self.tables]
        return Layout(position, (*own, *parents), tuple(products), tuple(tables), (*own, *products))

    def raw_columns(self, values: Mapping[str, FloatArray]) -> RawColumns:
        """Columns before the conditional means given the parents are taken out."""
        return RawColumns(
            own=np.concatenate([basis.columns(values[member]) for member, basis in self.own.items()], axis=1),
            inside=_products(self.inside, values),
            parents=[basis.columns(values[other]) for other, basis in self.others.items()],
            tensors=_products(self.tensors, values),
            pairs=_products(self.pairs, values),
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
            "members": list(self.members),
            "has_level": self.has_level,
            "own": {name: basis.to_dict() for name, basis in self.own.items()},
            "inside": _plain(self.inside),
            "others": {name: basis.to_dict() for name, basis in self.others.items()},
            "tensors": _plain(self.tensors),
            "pairs": _plain(self.pairs),
            "projection": self.projection.tolist(),
            "tables": [table.to_dict() for table in self.tables],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(
            members=tuple(data["members"]),
            has_level=data["has_level"],
            own={name: basis_from_dict(item) for name, item in data["own"].items()},
            inside=_restored(data["inside"]),
            others={name: basis_from_dict(item) for name, item in data["others"].items()},
            tensors=_restored(data["tensors"]),
            pairs=_restored(data["pairs"]),
            projection=np.array(data["projection"], dtype=float),
            tables=tuple(product_from_dict(item) for item in data["tables"]),
        )


def _products(tensors: Mapping[Pair, FittedTensor], values: Mapping[str, FloatArray]) -> list[FloatArray]:
    return [tensor.columns(values[first], values[second]) for (first, second), tensor in tensors.items()]


def _plain(tensors: Mapping[Pair, FittedTensor]) -> list[list[Any]]:
    return [[*names, tensor.to_dict()] for names, tensor in tensors.items()]


def _restored(items: list[list[Any]]) -> dict[Pair, FittedTensor]:
    return {(first, second): tensor_from_dict(item) for first, second, item in items}
