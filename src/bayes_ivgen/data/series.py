"""Rows in order of time: which rows of a table follow each other, and in which series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.data.dates import date_advice, iso_days, look_like_dates, odd_one, question_of_dates
from bayes_ivgen.data.frames import RowLabels, to_narwhals
from bayes_ivgen.data.memory import Memory
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.sources import CodedSource, RowSource
from bayes_ivgen.errors import DataError

Steps = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowSeries:
    """The rows of a table as series of equal steps, one a unit, sorted by unit and time.

    Attributes
    ----------
    time, unit : str, str or None
        Names of the columns of times and of units (geos, shops).
    step_of : ndarray of int, shape (n,)
        Time of each row as a number of steps since the first time of the table.
    unit_of : ndarray of int, shape (n,)
        Unit of each row, as a position among `units`.
    units : tuple
        Labels of the units; one None where the table is a single series.
    clock : Clock
        From steps to times.
    values : ndarray of shape (n, columns)
        The columns of `ColumnNames.read`; NaN where an outcome, a covariate or a weight is missing. Actions never are.
    labels : RowLabels
        Regime label of each row.
    incomplete : ndarray of bool, shape (n,)
        Rows with a missing value, which are history for the weeks after them and no rows of a fit.
    """

    time: str
    unit: str | None
    step_of: Steps = field(repr=False)
    unit_of: Steps = field(repr=False)
    units: tuple[Any, ...] = field(repr=False)
    clock: Clock
    values: FloatArray = field(repr=False)
    labels: RowLabels = field(repr=False)
    incomplete: NDArray[np.bool_] = field(repr=False)

    @classmethod
    def of(cls, frame: Any, time: str, unit: str | None, values: FloatArray, labels: RowLabels | None) -> RowSeries:
        """Read times and units of the rows of a frame, and check that each series has no gap and no double row.

        Raises
        ------
        DataError
            If a time or a unit is missing or cannot be read, a series has two rows at one time, or a time without a
            row between its first and its last.
        """
        assert labels is not None  # frames with a time have a column of labels
        names = [time] if unit is None else [time, unit]
        table = to_narwhals(frame, names, "the frame")
        codes, units = _units(table, unit)
        moments, kind = time_axis(table[time], *in_frame(time))
        order = np.lexsort((moments, codes))
        moments, codes = moments[order], codes[order]
        step = _step(moments, codes)
        clock = Clock(kind, int(moments.min()), step)
        _check_steps(moments, codes, units, clock, names)
        steps = (moments - clock.origin) // step
        values, labels = values[order], RowLabels(labels.codes[order], labels.labels)
        return cls(time, unit, steps, codes, units, clock, values, labels, np.isnan(values).any(axis=1))

    @property
    def names(self) -> SeriesNames:
        """What is kept of the series when its rows are gone."""
        return SeriesNames(self.time, self.unit, self.units, self.clock)

    def __len__(self) -> int:
        return len(self.step_of)

    @property
    def rank(self) -> Steps:
        """Position of each row in its series, from 0."""
        first = np.flatnonzero(np.diff(self.unit_of, prepend=-1))
        return np.arange(len(self)) - np.repeat(first, np.diff(np.append(first, len(self))))

    def memory(self, regime_of_label: Mapping[str, Regime]) -> Memory:
        """Return how much rows resemble those before them, in each regime."""
        regime_of = [regime_of_label.get(label) for label in self.labels.labels]
        regimes = [regime_of[code] for code in self.labels.codes]
        kept = np.array([regime is not None for regime in regimes]) & np.isfinite(self.values).all(axis=1)
        known = [regime for regime, keep in zip(regimes, kept, strict=True) if keep and regime is not None]
        return Memory.of(self.values[kept], known, self.unit_of[kept], self.step_of[kept])

    def recoded(self, recode: Mapping[int, FloatArray]) -> RowSeries:
        """Return the series with final codes of labels; NaN for labels of rows that are left out."""
        values = self.values.copy()
        for k, final in recode.items():
            known = np.nan_to_num(values[:, k], nan=len(final)).astype(int)  # beyond the last: not known
            values[:, k] = np.append(final, np.nan)[np.minimum(known, len(final))]
        return replace(self, values=values)

    def where(self, row: int) -> str:
        """Say in words which row this is."""
        when = f"{self.time}={self.clock.text(int(self.step_of[row]))}"
        return when if self.unit is None else f"{when}, {self.unit}={self.units[self.unit_of[row]]}"


def complete_rows(values: FloatArray, labels: RowLabels) -> tuple[FloatArray, RowLabels]:
    """Return the rows without missing values."""
    if not (gone := np.isnan(values).any(axis=1)).any():
        return values, labels
    return np.asfortranarray(values[~gone]), RowLabels(labels.codes[~gone], labels.labels)


def series_of(
    frame: Any,
    time: str | None,
    unit: str | None,
    values: FloatArray,
    labels: RowLabels | None,
    source: RowSource,
) -> RowSeries | None:
    """Return the rows of a frame in order of time; None if no column of times is named.

    Raises
    ------
    DataError
        As `RowSeries.of`.
    """
    if time is None:
        return None
    series = RowSeries.of(frame, time, unit, values, labels)
    return series.recoded(source.recode) if isinstance(source, CodedSource) else series


@dataclass(frozen=True)
class Clock:
    """Times as whole numbers of steps.

    Attributes
    ----------
    kind : {"number", "date"}
        What the column of times holds.
    origin : int
        The first time; dates as days since 1970.
    step : int
        Length of a step, in units of the column or days.
    """

    kind: str
    origin: int
    step: int

    def times(self, steps: Steps) -> NDArray[Any]:
        """Return the times of some steps, as the column holds them."""
        moments = self.origin + np.asarray(steps, dtype=np.int64) * self.step
        return moments if self.kind == "number" else moments.astype("datetime64[D]")

    def text(self, step: int) -> str:
        """Write the time of a step."""
        return str(self.times(np.array([step]))[0])

    def steps_of(self, times: Any, where: str, code: str = "times") -> Steps:
        """Return times as steps; `where` and `code` are what they are called in messages and in code.

        Raises
        ------
        DataError
            If they are of another kind, or lie between two steps.
        """
        series = nw.from_native(pd.Series(times), series_only=True)
        moments, kind = time_axis(series, where, code)
        if kind != self.kind:
            raise DataError(f"{where} holds {kind}s, but the times of the fit are {self.kind}s; pass {self.kind}s.")
        away = (moments - self.origin) % self.step
        if away.any():
            shown = str(series.to_list()[int(np.argmax(away != 0))])
            raise DataError(
                f"{where} holds {shown}, which is between two steps of the fitted rows ({self.text(0)}, {self.text(1)} "
                "and so on); pass times of these steps."
            )
        return np.asarray((moments - self.origin) // self.step)


def _units(table: nw.DataFrame[Any], unit: str | None) -> tuple[Steps, tuple[Any, ...]]:
    if unit is None:
        return np.zeros(len(table), dtype=np.int64), (None,)
    if table[unit].null_count():
        raise DataError(
            f"the unit column {unit!r} has {table[unit].null_count()} missing entries; every row needs one."
        )
    entries = table[unit].to_list()
    wrong = next((item for item in entries if not isinstance(item, str | int | float | np.number)), None)
    if wrong is not None:
        raise DataError(
            f"the unit column {unit!r} holds {wrong!r} ({type(wrong).__name__}); units are text or numbers. Convert "
            f"them, for example frame[{unit!r}] = frame[{unit!r}].map(str)."
        )
    codes, labels = pd.factorize(np.array(entries, dtype=object), sort=False)
    plain = [item.item() if isinstance(item, np.generic) else item for item in labels]
    return codes.astype(np.int64), tuple(plain)


def in_frame(name: str) -> tuple[str, str]:
    """Return what the column of times of a frame is called in messages and in code."""
    return f"the time column {name!r}", f"frame[{name!r}]"


def time_axis(series: nw.Series[Any], what: str, code: str) -> tuple[Steps, str]:
    """Return times as whole numbers: those of the column, or days since 1970.

    Parameters
    ----------
    series : Series
        Whole numbers, dates, or dates as text, written as 2024-01-29.
    what, code : str
        What it is called in messages, and in code that a message proposes.

    Raises
    ------
    DataError
        If a time is missing or cannot be read.
    """
    if series.null_count():
        raise DataError(f"{what} has {series.null_count()} missing entries; every row needs a time.")
    # Narwhals calls dates without a type Object, and some time zones (America/New_York) Unknown.
    if series.dtype in (nw.Object, nw.Unknown) and all(isinstance(item, date) for item in series.to_list()):
        local = pd.to_datetime(pd.Series(series.to_list())).dt.tz_localize(None)
        series = nw.from_native(local, series_only=True)
    if series.dtype.is_temporal() and series.dtype != nw.Duration:
        days = pd.to_datetime(pd.Series(series.to_list())).dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        whole = days.astype("datetime64[D]")
        if (days != whole).any():
            raise DataError(
                f"{what} holds times of day ({series.to_list()[0]}); steps shorter than a day must be given as whole "
                "numbers: 0, 1, 2, ..."
            )
        return whole.astype(np.int64), "date"
    if not series.dtype.is_numeric():
        return _days_of_text(series, what, code), "date"
    values = np.asarray(series.to_numpy(), dtype=float)
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise DataError(f"{what} holds numbers that are not whole; count the weeks: 0, 1, 2, ...")
    return values.astype(np.int64), "number"


def _days_of_text(series: nw.Series[Any], what: str, code: str) -> Steps:
    entries = series.to_list()
    if not any(isinstance(entry, str) for entry in entries):
        raise DataError(
            f"{what} holds {series.dtype}; pass whole numbers or dates, for example {code} = "
            f"pandas.to_datetime({code}), or .dt.to_timestamp() of periods."
        )
    days = iso_days(entries)
    if days is None:
        raise DataError(
            f"{what} holds {odd_one(entries)!r}; pass whole numbers or dates, as text written as 2024-01-29. "
            f"{date_advice(entries, code)}"
        )
    return days.astype(np.int64)


def _step(moments: Steps, codes: Steps) -> int:
    """Return the smallest difference between neighbours of a series; 1 if no series has two times."""
    apart = np.diff(moments)[np.diff(codes) == 0]
    positive = apart[apart > 0]
    return int(positive.min()) if len(positive) else 1


def _check_steps(moments: Steps, codes: Steps, units: Sequence[Any], clock: Clock, names: Sequence[str]) -> None:
    apart, same = np.diff(moments), np.diff(codes) == 0

    def shown(row: int) -> str:
        of_unit = "" if len(names) == 1 else f" of {names[1]}={units[codes[row]]}"
        return f"{clock.times(np.array([(moments[row] - clock.origin) // clock.step]))[0]}{of_unit}"

    double = np.flatnonzero(same & (apart == 0))
    if len(double):
        hint = ", or name the column that tells series apart with unit=." if len(names) == 1 else "."
        raise DataError(
            f"there are two rows at {names[0]}={shown(int(double[0]))}; a series has one row a step: sum or average "
            f"them first{hint}"
        )
    gap = np.flatnonzero(same & (apart != clock.step))
    between = np.flatnonzero((moments - clock.origin) % clock.step)
    if (len(gap) or len(between)) and clock.kind == "number" and look_like_dates(moments):
        raise DataError(question_of_dates(names[0], int(moments[0])))
    if len(gap):
        row = int(gap[0])
        raise DataError(
            f"after {names[0]}={shown(row)} the next row of the series is {apart[row] / clock.step:g} steps later, "
            f"where one step is {clock.step}{' days' if clock.kind == 'date' else ''}: what was spent in between "
            "carries over and must be known. Add the missing rows (with a spend of 0 if nothing was spent; where the "
            "outcome is not known leave it empty and pass missing='drop'), or number the steps with whole numbers if "
            "they are of unequal length, such as months."
        )
    if len(between):
        row = int(between[0])
        off = int((moments[row] - clock.origin) % clock.step)
        raise DataError(
            f"times of {names[1]}={units[codes[row]]} lie between the steps of the other series, {off}"
            f"{' days' if clock.kind == 'date' else ''} after them (one step is {clock.step}); shift them, so that all "
            "series share their steps."
        )


@dataclass(frozen=True, eq=False)
class Carried:
    """How spends were carried over from week to week, and what is needed to go on after the last week.

    Attributes
    ----------
    transforms : dict of str to tuple
        Transforms of the actions, all parameters numbers.
    rows : DataFrame
        Number of rows by the label of their week and what became of them.
    choice : DataFrame
        Log evidence of every candidate that was compared; empty if nothing was chosen.
    spends, was_set : ndarray of shape (units, weeks, K)
        Spends of the last weeks of each series, the latest last, NaN before it began; whether they were set.
    last_step : ndarray of shape (units,)
        The last step of each series.
    series : RowSeries or None
        Names of the columns and the clock; None where the rows have no order.
    """

    transforms: Mapping[str, tuple[Any, ...]]
    rows: pd.DataFrame = field(repr=False)
    choice: pd.DataFrame = field(repr=False)
    spends: FloatArray = field(repr=False)
    was_set: NDArray[np.bool_] = field(repr=False)
    last_step: Steps = field(repr=False)
    series: SeriesNames | None = None


@dataclass(frozen=True)
class SeriesNames:
    """Names of time and unit, the units and the clock of rows in order."""

    time: str
    unit: str | None
    units: tuple[Any, ...]
    clock: Clock
