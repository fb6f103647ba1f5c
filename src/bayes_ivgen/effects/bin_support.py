"""Whether the rows that occurred hold a query, on bins of the actions (theory notes G, docs/theory/support.md).

The row-space check of `cell_support` on bins. Neighbouring bins of a continuous action differ by a step of
variance one and every row is a noisy reading, so that the check has no edges: what is left of the variance of a
query counts the steps between it and what the rows determine. Levels are bins without neighbours.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations_with_replacement, product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.effects.bin_columns import BinColumns, Codes
from bayes_ivgen.effects.bin_reasons import missing_near
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.model.structure import Structure

BINS = 8
MOST_LEVELS = 12
ROWS = 3000  # of a regime
MOST_WORK = 2e8  # products of two entries of a row, over all rows
BLOCK = 2e6  # entries of the covariance that are looked up at once
LEAST_ROWS = 3
FEW_ROWS = 100  # in which an action is set, or left alone, below which every row counts
ROW_VARIANCE = 0.01  # in squared steps: what a row tells is exact beside them, strays are dropped
MOST_LEFT = 0.2  # in squared steps; a step that two functions share in unknown parts leaves 1/2, four 1/4
SET_SHARE = 0.8  # of the weight of an action's bins, for the rows that set it

SPREAD = 64  # natural rows over which averaged queries are spread
FAR_SHARE = 0.05  # of them, above which a query is not supported

Side = tuple[Codes, Regime]


@dataclass(frozen=True, eq=False)
class BinSupport:
    """Binned rows of each regime.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions.
    edges : tuple of ndarray
        Inner edges of the bins of each action.
    discrete : tuple of bool
        Whether the bins are levels, of which one says nothing about the next.
    columns : BinColumns
        The functions of the model on these bins.
    rows : mapping of Regime to ndarray of uint8, shape (n, K)
        Bins of (a sample of) the rows; covariates are left out.
    lifts : tuple of (int, int, int)
        Action and two bins of each lift test.
    """

    actions: tuple[str, ...]
    edges: tuple[FloatArray, ...] = field(repr=False)
    discrete: tuple[bool, ...]
    columns: BinColumns = field(repr=False)
    rows: Mapping[Regime, NDArray[np.uint8]] = field(repr=False)
    lifts: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def of(cls, data: RegimeData, structure: Structure | None, graph: ActionGraph, *, separable: bool = False) -> Self:
        """Put the sampled rows of every regime into bins.

        Bins of a continuous action hold equal shares of the rows that set it and of those that do not, weighted 4:1.
        """
        found = [_bins(data, action) for action in data.actions]
        edges, discrete = tuple(edges for edges, _ in found), tuple(flag for _, flag in found)
        units = tuple((action,) for action in data.actions) if structure is None else structure.units
        synergy = () if structure is None else structure.synergy
        columns = BinColumns.of(
            data.actions, [len(e) + 1 for e in edges], discrete, units, synergy, graph, separable=separable
        )
        most = int(max(200, MOST_WORK / columns.width**2 / len(data.regimes)))
        rows = {
            regime: _codes(thinned(profile.sample, min(ROWS, most)), edges).astype(np.uint8)
            for regime, profile in data.profiles.items()
        }
        rows = _without_strays(data.actions, rows)
        return cls(data.actions, edges, discrete, columns, rows)

    def with_lift_tests(self, tests: LiftTests) -> Self:
        """Add that each test tells the difference of the causal component between two values."""
        ks = [self.actions.index(name) for name in tests.actions]
        ends = [np.searchsorted(self.edges[k], (x, x + d)) for k, x, d in zip(ks, tests.x, tests.delta_x, strict=True)]
        return replace(self, lifts=tuple((k, int(low), int(high)) for k, (low, high) in zip(ks, ends, strict=True)))

    @cached_property
    def covariance(self) -> FloatArray:
        """What the rows leave open: covariance of the columns' coefficients, in squared steps."""
        columns = self.columns
        precision = columns.precision() + columns.gram(self.rows) / ROW_VARIANCE
        for k, low, high in self.lifts:
            row = columns.causal_difference(k, low, high)
            precision += np.outer(row, row) / ROW_VARIANCE
        return np.asarray(np.linalg.inv(precision))

    def codes(self, values: FloatArray) -> Codes:
        """Bins of values of the actions, the first columns of `values`; shape (n, K)."""
        return _codes(values, self.edges)

    def spread(self, values: FloatArray) -> Codes:
        """Bins over which queries are averaged: NaN gets bins of natural rows; shape (q, m, K)."""
        k = len(self.actions)
        codes = self.codes(values)[:, None]
        unknown = np.isnan(values[:, None, :k])
        if not unknown.any():
            return codes
        return np.where(unknown, self._natural, codes)

    @cached_property
    def _natural(self) -> Codes:
        rows = self.rows.get(Regime())
        pool = np.concatenate(list(self.rows.values())) if rows is None or not len(rows) else rows
        return thinned(pool, SPREAD).astype(np.intp)

    def left(self, *sides: Side) -> FloatArray:
        """Variance left of E[Y | a, R] at each row of bins (n, K), or of its difference to a second side."""
        return self._left(_signed(sides))

    def _left(self, sides: Sequence[tuple[Codes, Regime, float]]) -> FloatArray:
        parts = [self.columns.index(codes, regime) for codes, regime, _ in sides]
        index = np.concatenate(parts, axis=1)
        signs = np.concatenate([np.full(part.shape[1], s) for part, (*_, s) in zip(parts, sides, strict=True)])
        found = np.empty(len(index))
        size = max(1, int(BLOCK / index.shape[1] ** 2))
        for start in range(0, len(index), size):
            part = index[start : start + size]
            among = self.covariance[part[:, :, None], part[:, None, :]]
            found[start : start + size] = (among @ signs) @ signs
        return found

    def holds(self, *sides: Side) -> NDArray[np.bool_]:
        """Whether the rows determine each query, or a neighbour of it.

        A bin is as wide as the distance over which functions are taken to be smooth: each action may move by one
        where that leaves less open.
        """
        signed = _signed(sides)
        left = self._left(signed)
        bad = np.flatnonzero(left >= MOST_LEFT)
        if len(bad):
            left[bad] = self._after_moving([(codes[bad], one, sign) for codes, one, sign in signed], left[bad])
        return left < MOST_LEFT

    def failing(self, values: FloatArray, regime: Regime, versus: tuple[FloatArray, Regime] | None = None) -> Codes:
        """First bins at which each query fails, -1 where it holds; shape (q, K).

        A query that is averaged over natural rows fails where one in twenty of them does.
        """
        spread = self.spread(values)
        q, m, k = spread.shape
        sides: list[Side] = [(spread.reshape(-1, k), regime)]
        if versus is not None:
            sides.append((np.broadcast_to(self.spread(versus[0]), spread.shape).reshape(-1, k), versus[1]))
        bad = ~self.holds(*sides).reshape(q, m)
        found = spread[np.arange(q), bad.argmax(axis=1)]
        return np.where((bad.mean(axis=1) > FAR_SHARE)[:, None], found, -1)

    def _after_moving(self, sides: list[tuple[Codes, Regime, float]], left: FloatArray) -> FloatArray:
        """Least variance with each continuous action moved by at most one bin, one after the other."""
        which = [(0,)] if len(sides) == 1 else [(0,), (1,), (0, 1)]
        for k in range(len(self.actions)):
            start = sides
            for chosen, step in product(which, () if self.discrete[k] else (-1, 1)):
                moved = [
                    (self._moved(codes, k, step) if i in chosen else codes, one, sign)
                    for i, (codes, one, sign) in enumerate(start)
                ]
                found = self._left(moved)
                better = found < left
                left = np.where(better, found, left)
                sides = [
                    (np.where(better[:, None], new[0], old[0]), *new[1:]) for new, old in zip(moved, sides, strict=True)
                ]
        return left

    def _moved(self, codes: Codes, k: int, step: int) -> Codes:
        found = codes.copy()
        found[:, k] = np.clip(codes[:, k] + step, 0, self.columns.sizes[k] - 1)
        return found

    def explain(self, codes: Codes, regime: Regime, shown: Mapping[str, str]) -> str:
        """Say what is missing near bins (K,), and what would supply it; `shown` writes the values as ``tv=0``."""
        return missing_near(self, codes, regime, shown)

    @cached_property
    def counts(self) -> Mapping[tuple[int, int], Mapping[Regime, NDArray[np.intp]]]:
        """Rows of each regime in each cell of two actions, or of one with itself."""
        sizes, found = self.columns.sizes, {}
        for j, k in combinations_with_replacement(range(len(self.actions)), 2):
            of_pair = {}
            for regime, rows in self.rows.items():
                cell = rows[:, j].astype(np.intp) * sizes[k] + rows[:, k]
                of_pair[regime] = np.bincount(cell, minlength=sizes[j] * sizes[k]).reshape(sizes[j], sizes[k])
            found[j, k] = of_pair
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return {
            "actions": list(self.actions),
            "edges": [edges.tolist() for edges in self.edges],
            "discrete": list(self.discrete),
            "columns": self.columns.to_dict(),
            "rows": [[list(regime.set_actions), _packed(rows)] for regime, rows in self.rows.items()],
            "lifts": [list(lift) for lift in self.lifts],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(
            tuple(data["actions"]),
            tuple(np.array(edges, dtype=float) for edges in data["edges"]),
            tuple(data["discrete"]),
            BinColumns.from_dict(data["columns"]),
            {Regime(tuple(names)): _unpacked(text, len(data["actions"])) for names, text in data["rows"]},
            tuple((k, low, high) for k, low, high in data["lifts"]),
        )


def _bins(data: RegimeData, action: str) -> tuple[FloatArray, bool]:
    """Inner edges of the bins, and whether they are levels."""
    k = data.index(action)
    levels = [profile.levels[k] for profile in data.profiles.values()]
    if all(found is not None for found in levels):
        known = np.unique(np.concatenate([found for found in levels if found is not None]))
        if len(known) <= MOST_LEVELS or action in data.categories:
            return np.asarray((known[1:] + known[:-1]) / 2), True
    parts, weights = [], []
    for share, regimes in ((SET_SHARE, data.regimes_setting(action)), (1 - SET_SHARE, data.regimes_leaving(action))):
        if regimes:
            parts.append(np.concatenate([thinned(data.profiles[r].sample[:, k], ROWS) for r in regimes]))
            weights.append(np.full(len(parts[-1]), share / len(parts[-1])))
    values, weight = np.concatenate(parts), np.concatenate(weights)
    order = np.argsort(values)
    below = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    edges = np.interp(np.arange(1, BINS) / BINS, below, values[order])
    return np.unique(edges), False


def _codes(values: FloatArray, edges: Sequence[FloatArray]) -> Codes:
    return np.column_stack([np.searchsorted(e, values[:, k]) for k, e in enumerate(edges)])


def _signed(sides: Sequence[Side]) -> list[tuple[Codes, Regime, float]]:
    return [(codes, regime, sign) for (codes, regime), sign in zip(sides, (1.0, -1.0), strict=False)]


def _without_strays(
    actions: Sequence[str], rows: Mapping[Regime, NDArray[np.uint8]]
) -> dict[Regime, NDArray[np.uint8]]:
    """Drop rows with an action in a bin that hardly any row reaches in which it is set, or left alone, as there."""
    kept = {regime: np.ones(len(codes), dtype=bool) for regime, codes in rows.items()}
    for k, action in enumerate(actions):
        for was_set in (True, False):
            group = [regime for regime in rows if regime.sets(action) == was_set]
            if sum(len(rows[regime]) for regime in group) < FEW_ROWS:
                continue
            counts = np.bincount(np.concatenate([rows[regime][:, k] for regime in group]), minlength=256)
            for regime in group:
                kept[regime] &= counts[rows[regime][:, k]] >= LEAST_ROWS
    return {regime: codes[kept[regime]] for regime, codes in rows.items()}


def _packed(rows: NDArray[np.uint8]) -> str:
    return b64encode(zlib.compress(np.ascontiguousarray(rows.T).tobytes(), 6)).decode("ascii")


def _unpacked(text: str, actions: int) -> NDArray[np.uint8]:
    return np.frombuffer(zlib.decompress(b64decode(text)), dtype=np.uint8).reshape(actions, -1).T
