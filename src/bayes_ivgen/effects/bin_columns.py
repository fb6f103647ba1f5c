"""The functions of the model as indicators of bins, for the row-space check (`bin_support`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.model import ActionGraph

COARSE = 4  # bins of either action in an interaction
MOST_COLUMNS = 2500
LOOSE = 1e-2  # precision of what the rows have to tell: constants
KNOWN = 1e4  # precision of what is known to be zero
LEVEL_VARIANCE = 2.0  # of a level, in squared steps

Family = tuple[tuple[int, ...], tuple[int, ...]]
Codes = NDArray[np.intp]


class _Function(NamedTuple):
    """Bins of one or two actions; `unit` is the family that it belongs to, -1 for what is always at work."""

    variables: tuple[int, ...]
    unit: int


@dataclass(frozen=True)
class BinColumns:
    """Columns: intercept, levels, functions that are always at work, then those of confounding.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions.
    sizes : tuple of int
        Number of bins of each action.
    discrete : tuple of bool
        Whether its bins are levels.
    families : tuple of (members, outside parents)
        Arguments of each confounding component, by position.
    always : tuple of (int, int)
        Pairs with an interaction in every regime: synergy, and members of a block.
    separable : bool
        Whether the levels of confounding are known to be zero.
    pairs : bool
        Whether confounding components have interactions; False where they would be too many columns.
    """

    actions: tuple[str, ...]
    sizes: tuple[int, ...]
    discrete: tuple[bool, ...]
    families: tuple[Family, ...]
    always: tuple[tuple[int, int], ...]
    separable: bool
    pairs: bool = True

    @classmethod
    def of(
        cls,
        actions: tuple[str, ...],
        sizes: Sequence[int],
        discrete: Sequence[bool],
        units: Sequence[Sequence[str]],
        synergy: Sequence[tuple[str, str]],
        graph: ActionGraph,
        *,
        separable: bool,
    ) -> Self:
        """Lay out the columns; interactions are dropped where there would be more than 2,500."""
        place = {action: k for k, action in enumerate(actions)}
        families = []
        for unit in units:
            parents = dict.fromkeys(place[p] for a in unit for p in graph.parents_of(a) if p not in unit)
            families.append((tuple(place[a] for a in unit), tuple(parents)))
        inside = [pair for unit in units for pair in combinations(unit, 2)]
        always = tuple((place[a], place[b]) for a, b in [*synergy, *inside])
        fixed = (actions, tuple(sizes), tuple(discrete), tuple(families), always, separable)
        found = cls(*fixed)
        return found if found.n_columns <= MOST_COLUMNS else cls(*fixed, pairs=False)

    @cached_property
    def functions(self) -> tuple[_Function, ...]:
        """All functions in the order of their columns."""
        found = [_Function((k,), -1) for k in range(len(self.actions))]
        found += [_Function(pair, -1) for pair in self.always]
        for u, (members, others) in enumerate(self.families):
            found += [_Function((k,), u) for k in (*members, *others)]
            if self.pairs:
                found += [_Function(pair, u) for pair in (*combinations(members, 2), *product(members, others))]
        return tuple(found)

    def _bins(self, function: _Function) -> tuple[int, ...]:
        """Bins of each variable of a function: fewer of continuous ones in an interaction."""
        if len(function.variables) == 1:
            return (self.sizes[function.variables[0]],)
        return tuple(self.sizes[k] if self.discrete[k] else min(COARSE, self.sizes[k]) for k in function.variables)

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """First column of each function, and the number of columns at the end."""
        first = 1 + (0 if self.separable else len(self.families))
        return first + np.cumsum([0, *(int(np.prod(self._bins(f))) for f in self.functions)])

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return int(self.starts[-1])

    @property
    def width(self) -> int:
        """Most entries of a row."""
        return len(self.functions) + 1 + len(self.families)

    def _leaves(self, regime: Regime) -> list[int]:
        """Families whose confounding is at work."""
        return [u for u, (members, _) in enumerate(self.families) if not regime.sets(self.actions[members[0]])]

    def index(self, codes: Codes, regime: Regime) -> Codes:
        """Columns that are one in each row; shape (n, entries)."""
        work = self._leaves(regime)
        found = [np.zeros(len(codes), dtype=np.intp)]
        if not self.separable:
            found += [np.full(len(codes), 1 + u) for u in work]
        for function, start in zip(self.functions, self.starts, strict=False):
            if function.unit in (-1, *work):
                found.append(start + self._cell(codes, function))
        return np.column_stack(found)

    def _cell(self, codes: Codes, function: _Function) -> Codes:
        cell = np.zeros(len(codes), dtype=np.intp)
        for k, bins in zip(function.variables, self._bins(function), strict=True):
            cell = cell * bins + codes[:, k] * bins // self.sizes[k]
        return cell

    def gram(self, rows: Mapping[Regime, NDArray[np.uint8]]) -> FloatArray:
        """X'X of the rows, and where levels are known to be zero, the means of confounding components, squared."""
        total = np.zeros((self.n_columns, self.n_columns))
        means, count = np.zeros((len(self.families), self.n_columns)), np.zeros(len(self.families))
        for regime, codes in rows.items():
            distinct, weight = np.unique(codes, axis=0, return_counts=True)
            index = self.index(distinct.astype(np.intp), regime)
            ends = np.arange(0, index.size + 1, index.shape[1])
            x = sparse.csr_matrix((np.ones(index.size), index.ravel(), ends), shape=(len(index), self.n_columns))
            total += (x.T @ x.multiply(weight[:, None]).tocsr()).toarray()
            for u in self._leaves(regime):
                means[u] += weight @ x
                count[u] += weight.sum()
        if self.separable:
            for u in range(len(self.families)):
                own = means[u] * self._columns_of(u) / max(count[u], 1.0)
                total += KNOWN * np.outer(own, own)
        return total

    def _columns_of(self, unit: int) -> FloatArray:
        found = np.zeros(self.n_columns)
        for function, start, stop in zip(self.functions, self.starts, self.starts[1:], strict=False):
            found[start:stop] = function.unit == unit
        return found

    def precision(self) -> FloatArray:
        """Return the prior precision: steps of variance one between neighbouring bins, levels on their own."""
        found = np.eye(self.n_columns) * LOOSE
        for function, start, stop in zip(self.functions, self.starts, self.starts[1:], strict=False):
            place = slice(int(start), int(stop))
            if len(function.variables) > 1:
                found[place, place] = np.eye(stop - start)
            elif self.discrete[function.variables[0]]:
                found[place, place] = np.eye(stop - start) / LEVEL_VARIANCE
            else:
                steps = np.diff(np.eye(stop - start), axis=0)
                found[place, place] += steps.T @ steps
        return found

    def causal_difference(self, k: int, low: int, high: int) -> FloatArray:
        """Row of m_k at one bin less m_k at another."""
        row = np.zeros(self.n_columns)
        row[self.starts[k] + high] += 1.0
        row[self.starts[k] + low] -= 1.0
        return row

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return {
            "actions": list(self.actions),
            "sizes": list(self.sizes),
            "discrete": list(self.discrete),
            "families": [[list(members), list(others)] for members, others in self.families],
            "always": [list(pair) for pair in self.always],
            "separable": self.separable,
            "pairs": self.pairs,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(
            tuple(data["actions"]),
            tuple(data["sizes"]),
            tuple(data["discrete"]),
            tuple((tuple(members), tuple(others)) for members, others in data["families"]),
            tuple((first, second) for first, second in data["always"]),
            data["separable"],
            data["pairs"],
        )
