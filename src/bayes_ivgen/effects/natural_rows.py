"""A bounded sample of the rows of every regime: what actions do while they are left alone is learned from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData

ROWS_PER_REGIME = 5_000
REPLICATES = 32
MAX_GROUPS = 400


@dataclass(frozen=True, eq=False)
class NaturalRows:
    """Values of actions and covariates in up to `ROWS_PER_REGIME` rows of each regime that leaves an action alone.

    Attributes
    ----------
    actions : tuple of str
        Names of the K actions.
    values : ndarray of shape (n, V)
        Their values, then those of the covariates.
    was_set : ndarray of bool, shape (n, K)
        Which of the actions the experimenter set.
    covariates : tuple of str
        Names of the V - K covariates.
    """

    actions: tuple[str, ...]
    values: FloatArray = field(repr=False)
    was_set: NDArray[np.bool_] = field(repr=False)
    covariates: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the actions, then of the covariates."""
        return (*self.actions, *self.covariates)

    @classmethod
    def of(cls, data: RegimeData, rows_per_regime: int = ROWS_PER_REGIME) -> Self:
        """Sample the rows uniformly, with a fixed seed; all of them where there are no more than the bound."""
        rng = np.random.default_rng(0)
        values, flags = [np.empty((0, len(data.variables)))], [np.empty((0, len(data.actions)), dtype=bool)]
        for regime, profile in data.profiles.items():
            was_set = np.array([regime.sets(action) for action in data.actions])
            if was_set.all():
                continue
            rows = profile.sample[:, :-1]
            if len(rows) > rows_per_regime:
                rows = rows[np.sort(rng.choice(len(rows), rows_per_regime, replace=False))]
            values.append(rows)
            flags.append(np.broadcast_to(was_set, (len(rows), len(was_set))))
        return cls(data.actions, np.concatenate(values), np.concatenate(flags), data.covariates)

    def leaving(self, names: Collection[str]) -> NDArray[np.intp]:
        """Positions of the rows in which none of the named actions was set."""
        columns = [self.actions.index(name) for name in names]
        return np.flatnonzero(~self.was_set[:, columns].any(axis=1))

    def columns(self, names: Collection[str], index: NDArray[np.intp]) -> FloatArray:
        """Values of the named variables in some rows, shape (rows, names)."""
        return self.values[np.ix_(index, [self.variables.index(name) for name in names])]

    @cached_property
    def group(self) -> NDArray[np.intp]:
        """Which block of the bootstrap each row belongs to: every row its own, or above `MAX_GROUPS` random ones."""
        n = len(self.values)
        if n <= MAX_GROUPS:
            return np.arange(n)
        return np.random.default_rng(1).permutation(n) % MAX_GROUPS

    @cached_property
    def weights(self) -> FloatArray:
        """Bayesian bootstrap (Rubin 1981): Exp(1) weights of the blocks, shape (replicate, block)."""
        return np.random.default_rng(2).exponential(size=(REPLICATES, min(len(self.values), MAX_GROUPS)))

    def row_weights(self, index: NDArray[np.intp]) -> FloatArray:
        """Weights of some rows in each replicate, summing to one; shape (replicate, rows)."""
        weights = self.weights[:, self.group[index]]
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def to_dataset(self) -> xr.Dataset:
        """Return a labelled dataset for storage."""
        return xr.Dataset(
            {
                "values": (("row", "input"), self.values),
                "was_set": (("row", "action"), self.was_set.astype(np.float32)),
            },
            coords={"input": list(self.variables), "action": list(self.actions)},
        )

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> Self:
        """Restore what `to_dataset` wrote."""
        actions, variables = (tuple(str(name) for name in data[dim].values) for dim in ("action", "input"))
        values, was_set = data["values"].values.astype(float), data["was_set"].values.astype(bool)
        return cls(actions, values, was_set, variables[len(actions) :])
