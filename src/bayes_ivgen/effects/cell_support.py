"""Whether the combinations that occurred hold a query, where all actions have few levels (theory notes, G).

A range for each action is not enough: where tv = 0 was tested only with web left alone, m_tv(0) and c_web(., 0)
occur as a sum alone. Write each combination that occurred in a regime as a row with ones at the intercept, at
m_k(a_k) for all k and at c_k(a_k, a_pa(k)) for those that were not set: a query is supported if and only if its own
row is a combination of these, that is orthogonal to their null space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.model import ActionGraph

MOST_LEVELS = 12
MOST_COLUMNS = 1500
TOLERANCE = 1e-6

Key = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class CellSupport:
    """Combinations of levels that occurred in each regime.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions.
    families : mapping of str to tuple of str
        Each action and its parents: the arguments of its confounding component.
    cells : mapping of Regime to ndarray of shape (cells, K)
        Distinct combinations of each regime.
    """

    actions: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]] = field(repr=False)
    cells: Mapping[Regime, FloatArray] = field(repr=False)

    @classmethod
    def of(cls, data: RegimeData, graph: ActionGraph) -> Self | None:
        """Collect the combinations; None if an action has many levels, or there are too many combinations."""
        profiles = data.profiles.values()
        levels = [profile.levels[: len(data.actions)] for profile in profiles]
        if any(found is None or len(found) > MOST_LEVELS for row in levels for found in row):
            return None
        cells = {
            regime: np.unique(profile.sample[:, : len(data.actions)], axis=0)
            for regime, profile in data.profiles.items()
        }
        families = {action: (action, *graph.parents_of(action)) for action in data.actions}
        found = cls(data.actions, families, cells)
        return found if len(found._columns) <= MOST_COLUMNS else None

    def _keys(self, values: Sequence[float], regime: Regime) -> list[Key]:
        by_name = dict(zip(self.actions, values, strict=True))
        keys: list[Key] = [("intercept",)]
        keys += [("m", action, by_name[action]) for action in self.actions]
        for action, family in self.families.items():
            if not regime.sets(action):
                keys.append(("c", action, *(by_name[name] for name in family)))
        return keys

    @cached_property
    def _columns(self) -> dict[Key, int]:
        keys = (key for regime, rows in self.cells.items() for row in rows.tolist() for key in self._keys(row, regime))
        return {key: i for i, key in enumerate(dict.fromkeys(keys))}

    @cached_property
    def _null(self) -> FloatArray:
        """Orthonormal columns: what no combination that occurred tells."""
        rows = [
            self._row(dict.fromkeys(self._keys(row, regime), 1.0))
            for regime, cells in self.cells.items()
            for row in cells.tolist()
        ]
        design = np.array([row for row in rows if row is not None])
        values, vectors = np.linalg.eigh(design.T @ design)
        return np.asarray(vectors[:, values < 1e-9 * values[-1]])

    def _row(self, keys: Mapping[Key, float]) -> FloatArray | None:
        if any(key not in self._columns for key in keys):
            return None
        row = np.zeros(len(self._columns))
        row[[self._columns[key] for key in keys]] = list(keys.values())
        return row

    def holds(
        self, values: Sequence[float], regime: Regime, versus: tuple[Sequence[float], Regime] | None = None
    ) -> bool:
        """Whether E[Y | a, R], or its difference to another one, follows from the combinations that occurred."""
        keys = dict.fromkeys(self._keys(values, regime), 1.0)
        if versus is not None:  # what both sides share cancels, known or not
            other = dict.fromkeys(self._keys(*versus), -1.0)
            keys = {key: sign for key, sign in (keys | other).items() if (key in keys) != (key in other)}
        row = self._row(keys)
        return row is not None and float(np.abs(row @ self._null).max(initial=0.0)) < TOLERANCE

    def apart(self, values: Sequence[float], regime: Regime) -> tuple[str, str] | None:
        """Find an action whose value never occurred by itself, nor with its child set, which the query sets, too."""
        for k, action in enumerate(self.actions):
            if not regime.sets(action):
                continue
            where = [one for one, cells in self.cells.items() if np.any(cells[:, k] == values[k])]
            if not all(one.sets(action) for one in where):
                continue
            for other, family in self.families.items():
                if (
                    other != action
                    and action in family
                    and regime.sets(other)
                    and not any(o.sets(other) for o in where)
                ):
                    return action, other
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return {
            "actions": list(self.actions),
            "families": {action: list(family) for action, family in self.families.items()},
            "cells": [[list(regime.set_actions), rows.tolist()] for regime, rows in self.cells.items()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(
            tuple(data["actions"]),
            {action: tuple(family) for action, family in data["families"].items()},
            {Regime(tuple(names)): np.array(rows, dtype=float) for names, rows in data["cells"]},
        )
