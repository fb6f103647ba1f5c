"""The design matrix: named terms, their columns, and rows for any regime or query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components import (
    CommonLevel,
    Component,
    ConfoundingComponent,
    Term,
    TermType,
    component_from_dict,
)
from bayes_ivgen.model.components_offset import DatasetOffset, with_dataset

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Design:
    """Components in order, the coefficient layout they imply, and the scale of the outcome.

    Column 0 is the intercept alpha; the terms of the components follow, each with a named slice.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions, in the order of the columns of `values`.
    components : tuple of Component
        The causal and confounding components.
    outcome_mean, outcome_sd : float
        Centre and scale of the outcome; inside the model the outcome is (y - mean) / sd.
    """

    actions: tuple[str, ...]
    components: tuple[Component | DatasetOffset, ...] = field(repr=False)
    outcome_mean: float
    outcome_sd: float

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """All terms in the order of their columns, without the intercept."""
        return tuple(term for component in self.components for term in component.terms)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Columns of each term, by its name; the intercept is column 0."""
        ends = 1 + np.cumsum([term.size for term in self.terms], dtype=int)
        return {term.name: slice(int(end) - term.size, int(end)) for term, end in zip(self.terms, ends, strict=True)}

    @cached_property
    def component_slices(self) -> tuple[slice, ...]:
        """Columns of each component."""
        found, start = [], 1
        for component in self.components:
            stop = start + sum(term.size for term in component.terms)
            found.append(slice(start, stop))
            start = stop
        return tuple(found)

    @property
    def n_coefficients(self) -> int:
        """Number of columns P, the intercept included."""
        return 1 + sum(term.size for term in self.terms)

    @cached_property
    def coefficient_names(self) -> tuple[str, ...]:
        """Names of the columns after the intercept, such as ``causal[tv].wiggle.0``."""
        return tuple(
            term.name if term.size == 1 else f"{term.name}.{i}" for term in self.terms for i in range(term.size)
        )

    @cached_property
    def term_index(self) -> NDArray[np.intp]:
        """Position of the term of each column after the intercept; shape (P - 1,)."""
        return np.repeat(np.arange(len(self.terms)), [term.size for term in self.terms])

    @cached_property
    def types(self) -> tuple[TermType, ...]:
        """The kinds of terms that occur."""
        present = {term.type for term in self.terms}
        return tuple(kind for kind in TermType if kind in present)

    @cached_property
    def type_index(self) -> NDArray[np.intp]:
        """Position of the kind of each term among `types`; shape (number of terms,)."""
        return np.array([self.types.index(term.type) for term in self.terms], dtype=np.intp)

    def active_columns(self, regime: Regime) -> NDArray[np.intp]:
        """Columns that are not switched off in a regime."""
        parts = [np.arange(0, 1)]
        for component, columns in zip(self.components, self.component_slices, strict=True):
            if _at_work(component, regime):
                parts.append(np.arange(columns.start, columns.stop))
        return np.concatenate(parts)

    def regime_rows(self, values: FloatArray, regime: Regime, dataset: FloatArray | None = None) -> FloatArray:
        """Rows of the active columns for actions `values` of shape (n, K) in one regime; data sets as codes (n,)."""
        by_name = with_dataset({action: values[:, k] for k, action in enumerate(self.actions)}, dataset)
        blocks = [np.ones((len(values), 1))]
        for component in self.components:
            if isinstance(component, CommonLevel):
                share = np.mean([not regime.sets(action) for action in component.actions])
                blocks += [np.full((len(values), 1), share)] if share else []
            elif _at_work(component, regime):
                blocks.append(component.columns(by_name))
        return np.concatenate(blocks, axis=1)

    def rows(self, values: FloatArray, was_set: BoolArray, dataset: FloatArray | None = None) -> FloatArray:
        """Rows of all columns when each row has its own regime.

        Parameters
        ----------
        values : ndarray of shape (n, K)
            Values of the actions.
        was_set : ndarray of bool, shape (n, K)
            R_k: whether the action is set in this row.
        dataset : ndarray of shape (n,), optional
            Code of the data set of each row; without it their offsets are zero, as in every query.

        Returns
        -------
        ndarray of shape (n, P)
        """
        by_name = with_dataset({action: values[:, k] for k, action in enumerate(self.actions)}, dataset)
        rows = np.zeros((len(values), self.n_coefficients))
        rows[:, 0] = 1.0
        for component, columns in zip(self.components, self.component_slices, strict=True):
            if isinstance(component, CommonLevel):
                counted = [self.actions.index(action) for action in component.actions]
                rows[:, columns] = np.mean(~was_set[:, counted], axis=1, keepdims=True)
                continue
            rows[:, columns] = component.columns(by_name)
            if component.gate is not None:
                rows[was_set[:, self.actions.index(component.gate)], columns] = 0.0
        return rows

    def columns_of(self, action: str, kind: type[Component]) -> NDArray[np.intp]:
        """Columns of one component, for example ``columns_of("tv", CausalComponent)``.

        Those of a confounding component include the common level, of which the action has a share.
        """
        return np.concatenate(
            [
                np.arange(columns.start, columns.stop)
                for component, columns in zip(self.components, self.component_slices, strict=True)
                if (isinstance(component, kind) and component.action == action)
                or (isinstance(component, CommonLevel) and kind is ConfoundingComponent)
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the design exactly."""
        return {
            "actions": list(self.actions),
            "components": [component.to_dict() for component in self.components],
            "outcome_mean": self.outcome_mean,
            "outcome_sd": self.outcome_sd,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore a design written by `to_dict`."""
        return cls(
            tuple(data["actions"]),
            tuple(component_from_dict(item) for item in data["components"]),
            data["outcome_mean"],
            data["outcome_sd"],
        )


def _at_work(component: Component | DatasetOffset, regime: Regime) -> bool:
    if isinstance(component, CommonLevel):
        return not all(regime.sets(action) for action in component.actions)
    return component.gate is None or not regime.sets(component.gate)


def indicators(regimes: Sequence[Regime], actions: Sequence[str]) -> BoolArray:
    """R as a table of bools, shape (number of regimes, K)."""
    return np.array([[regime.sets(action) for action in actions] for regime in regimes], dtype=bool)
