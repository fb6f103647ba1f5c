"""Draws of what each allowed value adds to the predictor: the items of the knapsack."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.decisions._grid import Grid
from bayes_ivgen.decisions.knapsack import IntArray
from bayes_ivgen.effects import EffectPosterior, Queries
from bayes_ivgen.errors import QueryError, SupportError

MOST_COMBINATIONS = 20_000
MOST_CELLS = 5_000
ENTRIES = 2e7  # of all tables: beyond that draws are thinned


class TooManyCombinationsError(Exception):
    """Actions that interact have more combinations of values than are tried."""

    def __init__(self, actions: tuple[str, ...], sizes: tuple[int, ...]) -> None:
        super().__init__(actions, sizes)
        self.actions, self.sizes = actions, sizes

    def for_user(self) -> QueryError:
        """Say what to do."""
        found = " x ".join(f"{size:,}" for size in self.sizes)
        return QueryError(
            f"{', '.join(self.actions)} interact, so that their values are tried together: {found} combinations, more "
            f"than {MOST_COMBINATIONS:,}. Give larger steps or narrower bounds to them; steps that are left out are "
            "chosen so that it fits, if it can."
        )


@dataclass(frozen=True, eq=False)
class Choices:
    """Groups of actions, the combinations of values of each, and draws of what they add.

    eta_s(a) = base_s + sum_g worths_g[i_g, s], and E[Y | do(a)] is an increasing function of eta (`link`).

    Attributes
    ----------
    grid : Grid
        The values.
    groups : tuple of tuple of int
        Positions of the actions of each group; actions that interact stand in one group.
    members : tuple of ndarray of int, shape (items, actions of the group)
        Position of the value of each action in each item.
    costs : tuple of ndarray of shape (items,)
        Cost of each item.
    worths : tuple of ndarray of shape (items, D)
        What each item adds to the predictor, against the first value of each action.
    base : ndarray of shape (D,)
        The predictor at the first value of each action.
    stride : int
        Every how many draws of each chain are used.
    """

    grid: Grid
    groups: tuple[tuple[int, ...], ...]
    members: tuple[IntArray, ...] = field(repr=False)
    costs: tuple[FloatArray, ...] = field(repr=False)
    worths: tuple[FloatArray, ...] = field(repr=False)
    base: FloatArray = field(repr=False)
    stride: int = 1

    @classmethod
    def of(cls, posterior: EffectPosterior, grid: Grid, fixed: Queries, *, extrapolate: bool) -> Choices:
        """Evaluate the components of the joint effect on the grid.

        Parameters
        ----------
        posterior : EffectPosterior
            The draws.
        grid : Grid
            Allowed values.
        fixed : Queries
            Any joint query with the covariates at the values, or averages, that hold for all.
        extrapolate : bool
            Allow combinations that were never seen together.

        Raises
        ------
        TooManyCombinationsError
            If actions that interact have more than 20,000 combinations.
        SupportError
            If no combination of theirs was seen.
        """
        groups = _groups(posterior)
        members = tuple(_combinations(grid, group) for group in groups)
        if not extrapolate:
            groups, members = _within_cells(posterior, grid, groups, members)
            members = tuple(_seen_together(posterior, grid, g, m) for g, m in zip(groups, members, strict=True))
        costs = tuple(
            np.sum([grid.costs[k][m[:, i]] for i, k in enumerate(g)], axis=0)
            for g, m in zip(groups, members, strict=True)
        )
        total = posterior.coefficients.shape[1]
        entries = sum(len(m) for m in members) * posterior.coefficients.shape[0]
        stride = min(max(1, int(np.ceil(entries * total / ENTRIES))), max(1, total // 50))
        values = _Predictor(posterior, grid, fixed, posterior.coefficients[:, ::stride])
        worths = tuple(values.of_group(g, m) for g, m in zip(groups, members, strict=True))
        return cls(grid, groups, members, costs, worths, values.base, stride)

    def values(self, items: IntArray) -> FloatArray:
        """Values of the actions, shape (n, K), of choices (n, G)."""
        found = np.empty((len(items), len(self.grid.actions)))
        for g, (group, members) in enumerate(zip(self.groups, self.members, strict=True)):
            for i, k in enumerate(group):
                found[:, k] = self.grid.values[k][members[items[:, g], i]]
        return found


class _Predictor:
    """Draws of the additive predictor on the grid."""

    def __init__(self, posterior: EffectPosterior, grid: Grid, fixed: Queries, coefficients: FloatArray) -> None:
        self._posterior, self._grid, self._fixed = posterior, grid, fixed
        self._coefficients = coefficients.reshape(-1, coefficients.shape[-1])
        self._start = self._rows(np.array([[found[0] for found in grid.values]]), fixed)
        centre, unit = posterior.design.outcome_mean, posterior.design.outcome_sd
        self.base = centre + unit * (self._coefficients @ self._start[0])

    def of_group(self, group: tuple[int, ...], members: IntArray) -> FloatArray:
        """Return what each item adds to the predictor at the start, shape (items, D)."""
        alone = [self._shift([k], np.arange(len(self._grid.values[k]))[:, None], self._fixed) for k in group]
        if len(group) == 1:
            return alone[0][members[:, 0]]
        # Covariates enter functions of one action only: the interaction of actions is the same wherever they stand.
        stated = self._somewhere()
        total = self._shift(group, members, stated)
        if stated is not self._fixed:
            for i, k in enumerate(group):
                here = self._shift([k], np.arange(len(self._grid.values[k]))[:, None], stated)
                total += (alone[i] - here)[members[:, i]]
        return total

    def _somewhere(self) -> Queries:
        """Return the question with one value for each covariate that is averaged over."""
        if not self._fixed.averaged:
            return self._fixed
        values, rows = self._fixed.values[:1].copy(), self._posterior.observed[:1]
        return replace(self._fixed, values=np.where(np.isnan(values), rows, values), averaged=())

    def _shift(self, group: tuple[int, ...] | list[int], members: IntArray, fixed: Queries) -> FloatArray:
        start = np.array([found[0] for found in self._grid.values])
        values = np.repeat(start[None], len(members), axis=0)
        for i, k in enumerate(group):
            values[:, k] = self._grid.values[k][members[:, i]]
        origin = self._start if fixed is self._fixed else self._rows(start[None], fixed)
        rows = self._rows(values, fixed) - origin
        moved = np.any(rows != 0, axis=0)
        unit = self._posterior.design.outcome_sd
        return unit * (rows[:, moved] @ self._coefficients[:, moved].T)

    def _rows(self, values: FloatArray, fixed: Queries) -> FloatArray:
        queries = _with_actions(fixed, values)
        return self._posterior.rows(queries, slice(0, len(values)))


def _with_actions(fixed: Queries, values: FloatArray) -> Queries:
    """Joint queries at values (n, K) of the actions."""
    whole = np.repeat(fixed.values[:1], len(values), axis=0)
    whole[:, : values.shape[1]] = values
    return replace(fixed, values=whole)


def _groups(posterior: EffectPosterior) -> tuple[tuple[int, ...], ...]:
    """Return connected sets of actions that interact."""
    structure, actions = posterior.design.structure, posterior.actions
    label = {action: k for k, action in enumerate(actions)}
    for linked in (*structure.synergy, *structure.units):
        joined = {label[action] for action in linked}
        label = {action: min(joined) if value in joined else value for action, value in label.items()}
    return tuple(
        tuple(k for k, action in enumerate(actions) if label[action] == value) for value in sorted({*label.values()})
    )


def _combinations(grid: Grid, group: tuple[int, ...]) -> IntArray:
    sizes = tuple(len(grid.values[k]) for k in group)
    if len(group) > 1 and prod(sizes) > MOST_COMBINATIONS:
        raise TooManyCombinationsError(tuple(grid.actions[k] for k in group), sizes)
    return np.array(list(product(*map(range, sizes))), dtype=np.intp)


def _seen_together(posterior: EffectPosterior, grid: Grid, group: tuple[int, ...], members: IntArray) -> IntArray:
    """Drop combinations of two actions near which no regime has rows, where their interaction is free."""
    keep: NDArray[np.bool_] = np.ones(len(members), dtype=bool)
    names = [grid.actions[k] for k in group]
    for (first, second), pair in posterior.support.pairs.items():
        if first in names and second in names:
            columns = [grid.values[group[i]][members[:, i]] for i in (names.index(first), names.index(second))]
            keep &= ~pair.never_together(*columns)
    if not keep.any():
        raise SupportError(
            f"no regime has rows near any allowed combination of {', '.join(names)}, where their interaction would "
            "have to be seen. Allow other values, add an experiment that sets them together, or pass extrapolate=True."
        )
    return members[keep]


def _within_cells(
    posterior: EffectPosterior, grid: Grid, groups: tuple[tuple[int, ...], ...], members: tuple[IntArray, ...]
) -> tuple[tuple[tuple[int, ...], ...], tuple[IntArray, ...]]:
    """Keep the combinations that those which occurred can tell, exactly or on bins; of many the table says so."""
    cells, bins = posterior.support.cells, posterior.support.bins
    if prod(len(m) for m in members) > MOST_CELLS:
        return groups, members
    everything = tuple(range(len(grid.actions)))
    whole, joint = _combinations(grid, everything), Regime(posterior.actions)
    values = np.column_stack([grid.values[k][whole[:, k]] for k in everything])
    if cells is not None:
        keep = np.array([cells.holds(row, joint) for row in values.tolist()])
    elif bins is not None:
        keep = bins.holds((bins.codes(values), joint))
    else:
        return groups, members
    if keep.all():
        return groups, members
    if not keep.any():
        raise SupportError(
            "the combinations of values that occurred do not tell the joint effect at any allowed allocation; add rows "
            "that set all actions, or pass extrapolate=True."
        )
    return (everything,), (whole[keep],)
