"""Where the data support a query: the ranges and levels at which each action was set or seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.labels import Label, listed
from bayes_ivgen.effects.queries import Categories, Queries
from bayes_ivgen.errors import SupportError

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
        return f"{action}={labels[int(code)]!r} was never {did}; levels {did.split()[0]}: {tried}"


@dataclass(frozen=True, eq=False)
class Support:
    """For each action the values at which it was set, and at which it was left alone.

    Attributes
    ----------
    tested : dict of str to Tried or None
        Values at which the experimenter set the action; None if no regime sets it.
    natural : dict of str to Tried or None
        Values it took where it was left alone.
    categories : mapping of str to tuple
        Labels of the actions whose values are codes.
    """

    tested: dict[str, Tried | None] = field(repr=False)
    natural: dict[str, Tried | None] = field(repr=False)
    categories: Categories = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: RegimeData) -> Self:
        """Read the support from the data."""
        return cls(
            {action: Tried.of(data, action, data.regimes_setting(action)) for action in data.actions},
            {action: Tried.of(data, action, data.regimes_leaving(action)) for action in data.actions},
            {action: labels for action, labels in data.categories.items() if action in data.actions},
        )

    def width(self, action: str) -> float:
        """Width of the overall range of an action."""
        known = [tried for tried in (self.tested[action], self.natural[action]) if tried is not None]
        return max(tried.high for tried in known) - min(tried.low for tried in known)

    def check(self, queries: Queries, *, extrapolate: bool) -> pd.DataFrame:
        """Flag each query.

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
        for k, action in enumerate(queries.actions):
            if action in queries.averaged:
                continue
            was_set = queries.regime.sets(action)
            tried = (self.tested if was_set else self.natural)[action]
            if tried is None:  # the identification check has its own message
                continue
            verb = "set" if was_set else "left alone"
            values = queries.values[:, k]
            if (labels := self.categories.get(action)) is not None:
                for i in np.flatnonzero(~np.isin(values, tried.levels or ())):
                    reasons[i].append(tried.why_not_label(action, float(values[i]), verb, labels))
                continue
            if not extrapolate:
                self._refuse_far(action, values, tried, verb)
            for i in np.flatnonzero(_outside(values, tried)):
                reasons[i].append(tried.why_not(action, float(values[i]), verb))
        text = ["; ".join(items) for items in reasons]
        return pd.DataFrame({"supported": [not item for item in text], "reason": text})

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
            "categories": {action: list(labels) for action, labels in self.categories.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""

        def restore(item: list[Any] | None) -> Tried | None:
            return None if item is None else Tried(item[0], item[1], None if item[2] is None else tuple(item[2]))

        return cls(
            {action: restore(item) for action, item in data["tested"].items()},
            {action: restore(item) for action, item in data["natural"].items()},
            {action: tuple(labels) for action, labels in data.get("categories", {}).items()},
        )


def _outside(values: FloatArray, tried: Tried) -> np.ndarray[Any, np.dtype[np.bool_]]:
    outside = (values < tried.low) | (values > tried.high)
    return outside if tried.levels is None else outside | ~np.isin(values, tried.levels)
