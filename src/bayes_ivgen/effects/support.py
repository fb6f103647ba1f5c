"""Where the data support a query: the ranges and levels at which each action was set or seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Self

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.labels import Label, listed
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.effects.bin_support import BinSupport
from bayes_ivgen.effects.cell_support import CellSupport
from bayes_ivgen.effects.pair_support import PairTried
from bayes_ivgen.effects.queries import Categories, Queries, value_text
from bayes_ivgen.errors import SupportError
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.model.structure import Structure

FEW_LEVELS = 12


@dataclass(frozen=True, eq=False)
class Tried:
    """Values at which an action was tried: a range, and its levels where they are few."""

    low: float
    high: float
    levels: tuple[float, ...] | None = None

    @classmethod
    def of(cls, data: RegimeData, action: str, regimes: tuple[Regime, ...]) -> Self | None:
        """Pool the given regimes; None if there are none."""
        if not regimes:
            return None
        k = data.index(action)
        low, high = data.pooled_range(regimes)
        found = [data.profiles[regime].levels[k] for regime in regimes]
        levels = None
        if all(item is not None for item in found):
            merged = np.unique(np.concatenate([item for item in found if item is not None]))
            levels = tuple(merged.tolist()) if len(merged) <= FEW_LEVELS or action in data.categories else None
        return cls(float(low[k]), float(high[k]), levels)

    def why_not(self, action: str, value: float, verb: str) -> str:
        """Reason why a value is outside, or an empty string."""
        if value < self.low or value > self.high:
            side = "below" if value < self.low else "above"
            return (
                f"{action}={value:.6g} is {side} the values at which it was {verb} ({self.low:.6g} to {self.high:.6g})"
            )
        if self.levels is not None and value not in self.levels:
            below = max(level for level in self.levels if level < value)
            above = min(level for level in self.levels if level > value)
            return f"{action}={value:.6g} is between the levels at which it was {verb} ({below:.6g} and {above:.6g})"
        return ""

    def why_not_label(self, action: str, code: float, verb: str, labels: Sequence[Label]) -> str:
        """Reason why a level was never tried."""
        tried = listed(labels[int(level)] for level in self.levels or ())
        did = "set" if verb == "set" else "seen while it was left alone"
        return f"{action}={labels[int(code)]!r} was never {did} (levels {did.split()[0]}: {tried})"


@dataclass(frozen=True, eq=False)
class Support:
    """For each action the values at which it was set, and at which it was left alone.

    Attributes
    ----------
    tested : dict of str to Tried or None
        Values at which the experimenter set the action; None if no regime sets it.
    natural : dict of str to Tried or None
        Values it took where it was left alone; for a covariate, in all rows.
    pairs : dict of (str, str) to PairTried
        Where two actions with a free interaction were seen together.
    categories : mapping of str to tuple
        Labels of the variables whose values are codes.
    cells : CellSupport or None
        Combinations that occurred, where all actions have few levels.
    bins : BinSupport or None
        Binned rows, for what `cells` do not answer.
    """

    tested: dict[str, Tried | None] = field(repr=False)
    natural: dict[str, Tried | None] = field(repr=False)
    pairs: dict[tuple[str, str], PairTried] = field(default_factory=dict, repr=False)
    categories: Categories = field(default_factory=dict, repr=False)
    cells: CellSupport | None = field(default=None, repr=False)
    bins: BinSupport | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        data: RegimeData,
        structure: Structure | None = None,
        graph: ActionGraph | None = None,
        *,
        separable: bool = False,
    ) -> Self:
        """Read the support from the data.

        Parameters
        ----------
        data : RegimeData
            The rows.
        structure : Structure, optional
            Says which pairs of actions have a free interaction.
        graph : ActionGraph, optional
            Arguments of the confounding components: with it combinations of values are checked as a whole, exactly
            for few levels without interactions, blocks and covariates (`CellSupport`), else on bins (`BinSupport`).
        separable : bool
            Whether the confounding levels are known to be zero.
        """
        plain = structure is None or (
            not structure.synergy and not structure.covariates and len(structure.units) == len(data.actions)
        )
        return cls(
            {action: Tried.of(data, action, data.regimes_setting(action)) for action in data.actions},
            # Covariates are never set: their natural values are those of all rows.
            {name: Tried.of(data, name, data.regimes_leaving(name)) for name in data.variables},
            {} if structure is None else _pairs(data, structure),
            dict(data.categories),
            CellSupport.of(data, graph) if plain and graph is not None and not separable else None,
            None if graph is None else BinSupport.of(data, structure, graph, separable=separable),
        )

    def with_lift_tests(self, tests: LiftTests | None) -> Self:
        """Add the values that lift tests reached.

        Where regimes set the action, its range grows by the tests that overlap it; an action that no regime sets
        was tried at the ends of its tests only, and values between them count as interpolation.
        """
        if tests is None:
            return self
        tested = dict(self.tested)
        for action in dict.fromkeys(tests.actions):
            known = tested[action]
            ends = np.unique(tests.ends(action))
            if known is None:
                levels = tuple(ends.tolist()) if len(ends) <= FEW_LEVELS else None
                tested[action] = Tried(float(ends[0]), float(ends[-1]), levels)
                continue
            touching = [(a, b) for a, b in tests.ranges(action) if a <= known.high and b >= known.low]
            low = min([known.low, *(start for start, _ in touching)])
            high = max([known.high, *(stop for _, stop in touching)])
            levels = known.levels
            if levels is not None:
                levels = tuple(np.union1d(levels, ends[(ends >= low) & (ends <= high)]).tolist())
            tested[action] = Tried(low, high, levels)
        bins = None if self.bins is None else self.bins.with_lift_tests(tests)
        return replace(self, tested=tested, cells=None, bins=bins)

    def width(self, action: str) -> float:
        """Width of the overall range of an action."""
        known = [tried for tried in (self.tested.get(action), self.natural.get(action)) if tried is not None]
        return max(tried.high for tried in known) - min(tried.low for tried in known)

    def check(self, queries: Queries, *, extrapolate: bool, versus: Queries | None = None) -> pd.DataFrame:
        """Flag each query; with `versus` as one side of a contrast, of which only the difference has to be told.

        Returns
        -------
        DataFrame
            ``supported`` (bool) and ``reason`` (empty where supported), one row a query.

        Raises
        ------
        SupportError
            If a value lies more than one width of the action's overall range beyond the values at
            which it was tried, unless `extrapolate` is true.
        """
        reasons: list[list[str]] = [[] for _ in range(len(queries))]
        for k, action in enumerate(queries.variables):
            if action not in queries.stated:
                continue
            was_set = queries.regime.sets(action)
            tried = (self.tested if was_set else self.natural)[action]
            if tried is None:  # the identification check has its own message
                continue
            verb = "set" if was_set else "left alone" if action in queries.actions else "observed"
            values = queries.values[:, k]
            if (labels := self.categories.get(action)) is not None:
                for i in np.flatnonzero(~np.isin(values, tried.levels or ())):
                    reasons[i].append(tried.why_not_label(action, float(values[i]), verb, labels))
                continue
            if not extrapolate:
                self._refuse_far(action, values, tried, verb)
            for i in np.flatnonzero(_outside(values, tried)):
                reasons[i].append(tried.why_not(action, float(values[i]), verb))
        for pair, seen in self.pairs.items():
            if seen.gate is not None and not queries.regime.sets(seen.gate):
                continue
            columns = [queries.values[:, queries.variables.index(name)] for name in pair]
            for i in np.flatnonzero(seen.never_together(*columns)):
                reasons[i].append(seen.why_not(pair, float(columns[0][i]), float(columns[1][i])))
        self._check_together(queries, versus, reasons)
        text = ["; ".join(items) for items in reasons]
        return pd.DataFrame({"supported": [not item for item in text], "reason": text})

    def _check_together(self, queries: Queries, versus: Queries | None, reasons: list[list[str]]) -> None:
        """Add reasons to queries that have none, from combinations of values."""
        sides = [side for side in (queries, versus) if side is not None]
        open_ = np.flatnonzero([not items for items in reasons])
        if any(side.responding for side in sides) or not len(open_):
            return
        if self.cells is not None and not any(set(side.averaged) & set(side.actions) for side in sides):
            for i in open_:
                other = None if versus is None else (versus.values[i].tolist(), versus.regime)
                if not self.cells.holds(queries.values[i].tolist(), queries.regime, other):
                    reasons[i].append(self._why_not_together(self.cells, queries, int(i)))
        elif self.bins is not None:
            second = None if versus is None else (versus.values[open_], versus.regime)
            for i, codes in zip(open_, self.bins.failing(queries.values[open_], queries.regime, second), strict=True):
                if codes[0] >= 0:
                    reasons[i].append(self.bins.explain(codes, queries.regime, self.shown(queries, int(i))))

    def shown(self, queries: Queries, i: int) -> dict[str, str]:
        """Write the value of each action for a sentence: ``tv=0``."""
        return {
            action: f"{action}={value_text(value, self.categories.get(action))}"
            if action in queries.stated
            else f"{action} at an observed value"
            for action, value in zip(queries.actions, queries.values[i], strict=False)
        }

    def _why_not_together(self, cells: CellSupport, queries: Queries, i: int) -> str:
        """Say which combination is missing, and what would supply it."""
        values = queries.values[i]
        shown = self.shown(queries, i)
        pair = cells.apart(values.tolist(), queries.regime)
        if pair is not None:
            action, other = pair
            return (
                f"{shown[action]} was never seen while {other} was set, and never occurred by itself, but rows "
                f"of do({action},{other}) at {shown[action]} would tell"
            )
        return (
            f"the combinations that occurred do not tell the contributions at {', '.join(shown.values())} apart, "
            f"but rows of {queries.regime.label} there would"
        )

    def _refuse_far(self, action: str, values: FloatArray, tried: Tried, verb: str) -> None:
        width = self.width(action)
        far = (values < tried.low - width) | (values > tried.high + width)
        if far.any():
            value = float(values[np.argmax(far)])
            raise SupportError(
                f"{action}={value:.6g} lies far outside the values at which it was {verb} "
                f"({tried.low:.6g} to {tried.high:.6g}): more than one further width of its range. Ask nearer to "
                "them, add an experiment there, or pass extrapolate=True to accept the continuation of the curve."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""

        def plain(tried: Tried | None) -> list[Any] | None:
            if tried is None:
                return None
            return [tried.low, tried.high, None if tried.levels is None else list(tried.levels)]

        return {
            "tested": {action: plain(tried) for action, tried in self.tested.items()},
            "natural": {action: plain(tried) for action, tried in self.natural.items()},
            "pairs": [[*pair, seen.to_dict()] for pair, seen in self.pairs.items()],
            "categories": {action: list(labels) for action, labels in self.categories.items()},
            "cells": None if self.cells is None else self.cells.to_dict(),
            "bins": None if self.bins is None else self.bins.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""

        def restore(item: list[Any] | None) -> Tried | None:
            return None if item is None else Tried(item[0], item[1], None if item[2] is None else tuple(item[2]))

        return cls(
            {action: restore(item) for action, item in data["tested"].items()},
            {action: restore(item) for action, item in data["natural"].items()},
            {(first, second): PairTried.from_dict(item) for first, second, item in data.get("pairs", [])},
            {action: tuple(labels) for action, labels in data.get("categories", {}).items()},
            None if data.get("cells") is None else CellSupport.from_dict(data["cells"]),
            None if data.get("bins") is None else BinSupport.from_dict(data["bins"]),
        )


def _pairs(data: RegimeData, structure: Structure) -> dict[tuple[str, str], PairTried]:
    synergy = {pair: PairTried.of(data, pair) for pair in structure.synergy}
    inside = {pair: PairTried.of(data, pair, unit[0]) for unit in structure.units for pair in combinations(unit, 2)}
    return synergy | inside


def _outside(values: FloatArray, tried: Tried) -> np.ndarray[Any, np.dtype[np.bool_]]:
    outside = (values < tried.low) | (values > tried.high)
    return outside if tried.levels is None else outside | ~np.isin(values, tried.levels)
