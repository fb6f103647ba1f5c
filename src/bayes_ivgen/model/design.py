"""The design matrix: named terms, their columns, and rows for any regime or query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    CovariateComponent,
    Term,
    TermType,
    component_from_dict,
)
from bayes_ivgen.model.components.dataset_offset import with_dataset
from bayes_ivgen.model.structure import Structure

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Design:
    """Components in order, the coefficient layout they imply, and the scale of the outcome.

    Column 0 is the intercept alpha; the terms of the components follow, each with a named slice.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions, the first columns of `values`.
    components : tuple of Component
        The additive parts of the mean.
    outcome_mean, outcome_sd : float
        Centre and scale of the outcome; inside the model the outcome is (y - mean) / sd.
    structure : Structure
        Synergy, covariates and blocks.
    """

    actions: tuple[str, ...]
    components: tuple[Component, ...] = field(repr=False)
    outcome_mean: float
    outcome_sd: float
    structure: Structure

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the actions, then of the covariates: the columns of `values`."""
        return (*self.actions, *self.structure.covariates)

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
            if component.at_work(regime):
                parts.append(np.arange(columns.start, columns.stop))
        return np.concatenate(parts)

    def regime_rows(
        self, values: FloatArray, regime: Regime, dataset: FloatArray | None = None, out: FloatArray | None = None
    ) -> FloatArray:
        """Rows of the active columns for `values` of the variables, shape (n, V); data sets as codes (n,).

        With `out`, of shape (n, active columns), they are written there: no memory has to be found for them.
        """
        by_name = with_dataset({name: values[:, k] for k, name in enumerate(self.variables)}, dataset)
        at_work = [
            (component, factor, columns.stop - columns.start)
            for component, columns in zip(self.components, self.component_slices, strict=True)
            if (factor := component.at_work(regime))
        ]
        found = np.empty((len(values), 1 + sum(size for *_, size in at_work))) if out is None else out
        found[:, 0] = 1.0
        start = 1
        for component, factor, size in at_work:
            place = found[:, start : start + size]
            component.columns(by_name, place)
            if factor != 1.0:
                place *= factor
            start += size
        return found

    def rows(self, values: FloatArray, was_set: BoolArray, dataset: FloatArray | None = None) -> FloatArray:
        """Rows of all columns when each row has its own regime.

        Parameters
        ----------
        values : ndarray of shape (n, V)
            Values of the variables.
        was_set : ndarray of bool, shape (n, K) or (K,)
            R_k: whether the action is set in this row; one row of flags holds for all.
        dataset : ndarray of shape (n,), optional
            Code of the data set of each row; without it their offsets are zero, as in every query.

        Returns
        -------
        ndarray of shape (n, P)
        """
        by_name = with_dataset({name: values[:, k] for k, name in enumerate(self.variables)}, dataset)
        patterns, which = was_set[None], np.zeros(1, dtype=np.intp)
        if was_set.ndim > 1:
            flags = np.broadcast_to(was_set, (len(values), len(self.actions)))
            patterns, which = np.unique(flags, axis=0, return_inverse=True)
        regimes = [Regime(tuple(a for a, flag in zip(self.actions, row, strict=True) if flag)) for row in patterns]
        rows = np.empty((len(values), self.n_coefficients))
        rows[:, 0] = 1.0
        for component, columns in zip(self.components, self.component_slices, strict=True):
            factors = np.array([component.at_work(regime) for regime in regimes])
            if not factors.any():
                rows[:, columns] = 0.0
                continue
            component.columns(by_name, rows[:, columns])
            if np.any(factors != 1.0):
                rows[:, columns] *= factors[which.ravel()][:, None]
        return rows

    def columns_of(self, action: str, *kinds: type) -> NDArray[np.intp]:
        """Columns of the components of an action, for example ``columns_of("tv", CausalComponent)``.

        Those of a confounding component include the common level, of which the action has a share.
        """
        return self._columns_where(
            lambda c: (
                (isinstance(c, kinds) and action in c.members)
                or (isinstance(c, CommonLevel) and ConfoundingComponent in kinds)
            )
        )

    def columns_of_covariate(self, name: str) -> NDArray[np.intp]:
        """Columns of q(x) of one covariate."""
        return self._columns_where(lambda c: isinstance(c, CovariateComponent) and c.covariate == name)

    def _columns_where(self, wanted: Callable[[Component], bool]) -> NDArray[np.intp]:
        pairs = zip(self.components, self.component_slices, strict=True)
        found = [np.arange(columns.start, columns.stop) for component, columns in pairs if wanted(component)]
        return np.concatenate([np.empty(0, dtype=np.intp), *found])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the design exactly."""
        return {
            "actions": list(self.actions),
            "components": [component.to_dict() for component in self.components],
            "outcome_mean": self.outcome_mean,
            "outcome_sd": self.outcome_sd,
            "structure": self.structure.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore a design written by `to_dict`."""
        return cls(
            tuple(data["actions"]),
            tuple(component_from_dict(item) for item in data["components"]),
            data["outcome_mean"],
            data["outcome_sd"],
            Structure.from_dict(data["structure"]),
        )


def indicators(regimes: Sequence[Regime], actions: Sequence[str]) -> BoolArray:
    """R as a table of bools, shape (number of regimes, K)."""
    return np.array([[regime.sets(action) for action in actions] for regime in regimes], dtype=bool)
