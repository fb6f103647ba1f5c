"""Rows of files in order of time: read into memory, since a row needs those before it, wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.dates import WRITE_ISO, date_advice, iso_days, odd_one
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.frames import RowLabels
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import ChunkedArray, Table

MOST_ROWS = 5_000_000
"""Most rows in order of time that are read from files: with four columns of numbers about 2 GB at the peak."""

Derived = Callable[["pd.Series[Any]"], "pd.DataFrame"]


@dataclass(frozen=True)
class Order:
    """Which columns say how rows follow each other.

    Attributes
    ----------
    time, unit : str or None
        Columns of times and of units.
    derived : callable, optional
        From the times of all rows to columns that become covariates: season, trend.
    """

    time: str | None = None
    unit: str | None = None
    derived: Derived | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are named."""
        return tuple(name for name in (self.time, self.unit) if name is not None)

    def check(self) -> None:
        """Raise a `DataError` if units are named without times."""
        if self.time is None and self.unit is not None:
            raise DataError(f"unit={self.unit!r} tells series apart, but no time= says how rows follow; pass both.")


@dataclass(frozen=True, eq=False)
class RowsInOrder:
    """All rows of files.

    Attributes
    ----------
    values : ndarray of shape (n, columns)
        The columns of `ColumnNames.read`.
    labels : RowLabels
        Their regime labels.
    keys : Table
        Their times and units.
    """

    values: FloatArray = field(repr=False)
    labels: RowLabels = field(repr=False)
    keys: Table = field(repr=False)

    @classmethod
    def read(cls, source: FileSource, order: Order, found: MissingRows) -> RowsInOrder:
        """Read them, with `Order.names` among the columns of the source's reader.

        Raises
        ------
        DataError
            If they cannot be used, they are more than `MOST_ROWS`, or times are text. Missing values are counted in
            `found`, which the caller settles.
        """
        import pyarrow as pa

        _check_number(sum(file.chosen_rows or 0 for file in source.files), source)
        blocks: list[FloatArray] = []
        codes: list[Any] = []
        keys: list[Any] = []
        code_of: dict[str, int] = {}
        n = 0
        for values, labels, table in source.tables(found):
            assert labels is not None  # readers of files have a column of labels
            blocks.append(values)
            known = np.array([code_of.setdefault(label, len(code_of)) for label in labels.labels] + [-1])
            codes.append(known[labels.codes])
            keys.append(pa.table({name: _plain(table[name]) for name in order.names}))
            _check_number(n := n + len(table), source)
        if not blocks:
            raise DataError(f"{_named(source)} has no rows; pass at least the rows of one regime.")
        joined = pa.concat_tables(keys, promote_options="permissive")
        assert order.time is not None
        _check_times(joined[order.time], order.time, source)
        labels = RowLabels(np.concatenate(codes), list(code_of))
        return cls(np.asfortranarray(np.concatenate(blocks)), labels, joined)

    def with_derived(self, order: Order, columns: ColumnNames) -> tuple[RowsInOrder, ColumnNames]:
        """Add columns that are derived from the times as the last covariates."""
        if order.derived is None:
            return self, columns
        assert order.time is not None
        added = order.derived(self.keys[order.time].to_pandas())
        place = len(columns.variables)
        names = ColumnNames.checked(
            outcome=columns.outcome,
            actions=columns.actions,
            covariates=[*columns.covariates, *map(str, added.columns)],
            weights=columns.weights,
            exposure=columns.exposure,
            dataset=columns.dataset,
        )
        parts = (self.values[:, :place], added.to_numpy(dtype=float), self.values[:, place:])
        return replace(self, values=np.asfortranarray(np.column_stack(parts))), names


def _plain(column: ChunkedArray) -> ChunkedArray:
    """Without dictionaries, and with dates of one precision, so that files can be joined."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return column.cast(kind.value_type)
    dates = pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)
    return column.cast(pa.timestamp("us"), safe=False) if dates else column


def _check_number(n: int, source: FileSource) -> None:
    if n > MOST_ROWS:
        raise DataError(
            f"{_named(source)} has {'more than ' if source.file_format == 'csv' else ''}"
            f"{MOST_ROWS if source.file_format == 'csv' else n:,} rows; with time= rows are read into memory, at most "
            f"{MOST_ROWS:,}. Sum them up to one row a week and unit first, or leave out time= if nothing carries over."
        )


def _check_times(times: ChunkedArray, name: str, source: FileSource) -> None:
    from pyarrow import types

    kind = times.type
    if not (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)):
        return
    entries = [text for text in times.to_pylist() if text is not None]
    if entries and iso_days(entries) is None:
        how = WRITE_ISO
        if source.file_format != "csv":
            how = f"write it again with dates. {date_advice(entries, f'frame[{name!r}]')}"
        raise DataError(f"the time column {name!r} of {_named(source)} holds text ({odd_one(entries)!r}); {how}")


def _named(source: FileSource) -> str:
    first = source.files[0].path
    return first if len(source.files) == 1 else f"{first} with {len(source.files) - 1} other files"
