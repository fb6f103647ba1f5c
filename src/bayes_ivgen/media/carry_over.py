"""From rows in order of time to rows of carried-over spends, with the regime of each (docs/theory/carry_over.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.assembly import described_rows
from bayes_ivgen.data.checks import ordered
from bayes_ivgen.data.memory import Memory
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.series import Carried, RowSeries
from bayes_ivgen.data.sources import MemorySource
from bayes_ivgen.errors import DataError, SpecError
from bayes_ivgen.media.transforms import Transforms, adstock_of, saturation_of

ROUNDING = 1e-12
NO_HISTORY, WASH = "left out: first weeks", "left out: wash-in or wash-out"
THINNED = "left out: weeks in between"
EMPTY = pd.DataFrame(columns=["action", "transform", "log_evidence", "chosen"])


def carry_over(
    data: RegimeData,
    transforms: Transforms,
    choice: pd.DataFrame = EMPTY,
    every: int = 1,
    judged: Transforms | None = None,
) -> RegimeData:
    """Return rows whose spends are carried over, each in the regime that its spends belong to.

    Parameters
    ----------
    data : RegimeData
        The rows, with a column of times if an action has an `Adstock`.
    transforms : dict of str to tuple
        Transforms whose parameters are numbers.
    choice : DataFrame, optional
        How they were chosen, kept beside them.
    every : int
        Keep the rows of each so many weeks only.
    judged : dict of str to tuple, optional
        Transforms by whose weights rows count as set or natural; by default `transforms`.

    Raises
    ------
    DataError
        If the rows have no order, every series is too short, an action holds labels, or no row is left.
    """
    check_fits(data, transforms)
    if not any(adstock_of(items) for items in transforms.values()):
        return replace(data, carried=_record(data, None, transforms, choice))
    series = data.series
    assert series is not None  # check_fits
    weekly = set_by_week(data, series)
    values, regime_of, fate = carried_rows(data, series, transforms, weekly, judged)
    fate[(fate == "") & (series.step_of % every != 0)] = THINNED
    kept = fate == ""
    regimes = [regime_of[i] for i in np.flatnonzero(kept)]
    found = _rebuilt(data, values[kept], regimes)
    memory = Memory.of(values[kept], regimes, series.unit_of[kept], series.step_of[kept])
    return replace(found, memory=memory, carried=_record(data, (series, weekly, regime_of, fate), transforms, choice))


def check_fits(data: RegimeData, transforms: Transforms) -> None:
    """Raise an error unless transforms name actions of numbers, and rows have an order where they need one."""
    for action, items in transforms.items():
        if action not in data.actions:
            raise SpecError(
                f"transforms names {action!r}, which is not an action. The actions are {list(data.actions)}."
            )
        if action in data.categories:
            raise SpecError(
                f"the action {action!r} holds labels, which cannot be carried over or saturated; leave it out of "
                "transforms, or read it as numbers."
            )
        adstock, saturation = adstock_of(items), saturation_of(items)
        if saturation is not None and data.pooled_range(data.regimes)[0][data.index(action)] < 0:
            raise SpecError(
                f"the action {action!r} has values below zero, which do not saturate; leave its Saturation out of "
                "transforms, or shift the column."
            )
        if adstock is None:
            continue
        if data.series is None:
            raise SpecError(
                f"transforms carry {action!r} over from week to week, but the data say nothing of time; read them with "
                "RegimeData.from_frame(frame, ..., time='week'), and unit='geo' if there are several series."
            )
        longest = int(data.series.rank.max()) + 1
        if longest < adstock.l_max and adstock.initial is None:
            raise DataError(
                f"the longest series has {longest} rows, but {action!r} is carried over {adstock.l_max} weeks "
                "(l_max): no row has a whole history. Pass a smaller l_max, or initial=, the spend before that."
            )


def rows_as_read(data: RegimeData) -> tuple[FloatArray, list[Regime]]:
    """Return all rows of data in whatever order, shape (n, columns), and the regime of each."""
    batches = list(data._source.read())
    regimes = [data._regime_of_label[batch.label] for batch in batches for _ in range(len(batch.values))]
    return np.concatenate([batch.values for batch in batches]), regimes


def lags(series: RowSeries, column: FloatArray, n_lags: int, before: float = np.nan) -> FloatArray:
    """Values of this row and the rows before it in its series, shape (n, n_lags); `before` where there are none."""
    found = np.full((len(column), n_lags), before)
    rank = series.rank
    for lag in range(n_lags):
        known = rank >= lag
        found[known, lag] = column[np.flatnonzero(known) - lag]
    return found


def carried_rows(
    data: RegimeData, series: RowSeries, transforms: Transforms, weekly: FloatArray, judged: Transforms | None = None
) -> tuple[FloatArray, list[Regime], NDArray[np.object_]]:
    """Rows with carried-over spends, the regime of each, and why it is left out (empty if it is not).

    An action counts as set (natural) if a share of at least `pure` of its weights lies on weeks in which it was set
    (was not set). Those weights are the ones of `judged`, where it is given.
    """
    values = series.values.copy()
    was_set = weekly == 1.0
    unknown, mixed = np.zeros(len(series), bool), np.zeros(len(series), bool)
    for action, items in transforms.items():
        adstock, k = adstock_of(items), data.index(action)
        if adstock is None:
            continue
        weights = adstock.weights
        before = np.nan if adstock.initial is None else adstock.initial
        values[:, k] = lags(series, series.values[:, k], len(weights), before) @ weights
        judge = adstock if judged is None else adstock_of(judged[action]) or adstock
        share = lags(series, weekly[:, k], len(weights), 0.0) @ judge.weights
        unknown |= np.isnan(values[:, k])
        if adstock.wash == "drop":
            # Weights sum to one up to rounding, also for pure=1. NaN, where it is not known, is neither.
            is_set, is_natural = share >= adstock.pure - ROUNDING, share <= 1 - adstock.pure + ROUNDING
            was_set[:, k] = is_set
            mixed |= ~(is_set | is_natural)
    regimes = {flags: Regime.of([a for a, flag in zip(data.actions, flags, strict=True) if flag], data.actions)
               for flags in set(map(tuple, was_set.tolist()))}  # fmt: skip
    unread = ~np.isin(series.labels.codes, _codes_in(data, series))
    fate = np.where(unknown, NO_HISTORY, np.where(mixed, WASH, "")).astype(object)
    fate[unread] = "left out by exclude"
    for k, name in reversed(list(enumerate(data.columns.read))):  # the first of several names it
        fate[series.incomplete & np.isnan(series.values[:, k])] = f"left out: {name} missing"
    return values, [regimes[tuple(flags)] for flags in was_set.tolist()], fate


def _codes_in(data: RegimeData, series: RowSeries) -> list[int]:
    known = {label for label, regime in data._regime_of_label.items() if regime in data.profiles}
    return [code for code, label in enumerate(series.labels.labels) if label in known]


def set_by_week(data: RegimeData, series: RowSeries) -> FloatArray:
    """R_k of each row by its own label, shape (n, K); NaN for rows that are left out and whose label says nothing."""
    table = []
    for label in series.labels.labels:
        regime = data._regime_of_label.get(label)
        if regime is None:
            try:
                regime = Regime.parse(label, data.actions)
            except DataError:  # the label of rows that are left out
                table.append([np.nan] * len(data.actions))
                continue
        table.append([float(regime.sets(action)) for action in data.actions])
    return np.array(table, dtype=float)[series.labels.codes]


def _rebuilt(data: RegimeData, values: FloatArray, regimes: list[Regime]) -> RegimeData:
    if not regimes:
        raise DataError(
            "no row is left after carry-over: each lies in the first weeks of its series or in a wash-in or wash-out. "
            "Pass a smaller l_max, initial=, or a smaller pure to Adstock."
        )
    by_label: dict[str, list[int]] = {}
    for i, regime in enumerate(regimes):
        by_label.setdefault(regime.label, []).append(i)
    source = MemorySource({label: np.asfortranarray(values[rows]) for label, rows in by_label.items()})
    profiles = described_rows(source.read(), RowReader(data.columns), None, {})
    codes = {k: np.arange(len(data.categories[name]), dtype=float)
             for k, name in enumerate(data.variables) if name in data.categories}  # fmt: skip
    of = {regime.label: regime for regime in regimes}
    read = {of[label]: profile.recoded(codes, None) for label, profile in profiles.items()}
    return replace(data, profiles=ordered(read, data.actions), _source=source, _regime_of_label=of, series=None)


def _record(
    data: RegimeData,
    moved: tuple[RowSeries, FloatArray, list[Regime], NDArray[np.object_]] | None,
    transforms: Transforms,
    choice: pd.DataFrame,
) -> Carried:
    k = len(data.actions)
    if moved is None:
        rows = pd.DataFrame({"week": [r.label for r in data.regimes], "became": [r.label for r in data.regimes],
                             "rows": [p.rows for p in data.profiles.values()]})  # fmt: skip
        nothing = np.empty((0, 0, k))
        return Carried(dict(transforms), rows, choice, nothing, nothing.astype(bool), np.empty(0, dtype=np.int64))
    series, weekly, regimes, fate = moved
    became = [why or regime.label for regime, why in zip(regimes, fate, strict=True)]
    week = [series.labels.labels[code] for code in series.labels.codes]
    rows = pd.DataFrame({"week": week, "became": became}).value_counts(sort=False).rename("rows").reset_index()
    depth = max(item.l_max for items in transforms.values() if (item := adstock_of(items)) is not None) - 1
    ends = np.flatnonzero(np.diff(series.unit_of, append=-1))
    spends = np.full((len(ends), depth, k), np.nan)
    was_set = np.zeros((len(ends), depth, k), dtype=bool)
    for j in range(k):
        before = adstock_of(transforms.get(data.actions[j], ()))
        initial = np.nan if before is None or before.initial is None else before.initial
        spends[:, :, j] = lags(series, series.values[:, j], max(depth, 1), initial)[ends, :depth][:, ::-1]
        was_set[:, :, j] = lags(series, weekly[:, j], max(depth, 1), 0.0)[ends, :depth][:, ::-1] > 0
    return Carried(dict(transforms), rows, choice, spends, was_set, series.step_of[ends], series.names)


def typical_spends(data: RegimeData) -> Mapping[str, float]:
    """Mean of the spends above zero of each action, in all rows."""
    found: dict[str, float] = {}
    for k, action in enumerate(data.actions):
        rows = np.concatenate([profile.sample[:, k] for profile in data.profiles.values()])
        found[action] = float(rows[rows > 0].mean()) if (rows > 0).any() else 1.0
    return found
