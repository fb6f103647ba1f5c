"""From tables and files to the parts of a `RegimeData`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bayes_ivgen.data.assembly import Parts, assemble
from bayes_ivgen.data.datasets import label_of
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.in_order import RowsInOrder
from bayes_ivgen.data.labels import Label
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.read_options import ReadOptions
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.series import RowSeries, complete_rows, series_of
from bayes_ivgen.data.sources import MemorySource, split_by_label
from bayes_ivgen.errors import DataError


class ReadRows(NamedTuple):
    """Rows as one pass over them describes them, and in order of time where they have one."""

    parts: Parts
    series: RowSeries | None = None


def read_frame(frame: Any, options: ReadOptions) -> ReadRows:
    """Read one table with a column of regime labels.

    Raises
    ------
    DataError
        If it cannot be used.
    """
    reader, order = replace(options.reader(), also=()), options.order
    found = reader.count()
    values, labels = reader.read(frame, "the frame", found)
    if not found.seen:
        raise DataError("the frame has no rows; pass at least the rows of one regime.")
    found.settle(options.missing)
    source = MemorySource({} if labels is None else split_by_label(*complete_rows(values, labels)))
    parts = assemble(source, reader, found, options.regime_labels, options.exclude)
    return ReadRows(parts, series_of(frame, order.time, order.unit, values, labels, parts.source))


def read_frames(frames: Mapping[str | Regime, Any], dataset_of: Mapping[str, Label], options: ReadOptions) -> ReadRows:
    """Read one table for each regime, perhaps each of a data set of its own.

    Raises
    ------
    DataError
        If they cannot be used.
    """
    reader = options.reader()
    found = reader.count()
    values: dict[str, FloatArray] = {}
    for key, frame in frames.items():
        label = label_of(key)
        where = f"the frame of regime {label!r}"
        before = found.seen
        read, _ = reader.read(frame, where, found, dataset=dataset_of.get(label))
        if found.seen == before:
            raise DataError(f"{where} has no rows; leave the regime out or add its rows.")
        if label in values:
            raise DataError(f"regime {label!r} is given twice; put its rows into one frame.")
        if len(read):
            values[label] = read
    found.settle(options.missing)
    return ReadRows(assemble(MemorySource(values), reader, found, options.regime_labels))


def read_files(path: Any, file_format: str, options: ReadOptions, checkpoint: str | Path | None = None) -> ReadRows:
    """Read files: streamed, or into memory where rows have an order in time.

    Raises
    ------
    DataError
        If they cannot be used.
    """
    if options.order.time is not None:
        if checkpoint is not None:
            raise DataError(
                "checkpoint= is for rows that are streamed; with time= they are read into memory at once. Leave "
                "checkpoint= out."
            )
        reader = options.reader()
        found = reader.count()
        rows = RowsInOrder.read(FileSource.open(path, reader, file_format), options.order, found)
        found.settle(options.missing)
        return _in_order(rows, reader, found, options)
    reader = options.reader()
    source = FileSource.open(path, reader, file_format)
    if checkpoint is not None:
        from bayes_ivgen.data.checkpoint import assemble_noted

        return ReadRows(assemble_noted(source, options.regime_labels, options.exclude, checkpoint))
    found = reader.count()
    parts = assemble(source, reader, found, options.regime_labels, options.exclude)
    found.settle(options.missing)
    return ReadRows(parts)


def _in_order(rows: RowsInOrder, reader: RowReader, found: MissingRows, options: ReadOptions) -> ReadRows:
    order = options.order
    rows, columns = rows.with_derived(order, options.columns)
    memory = MemorySource(split_by_label(*complete_rows(rows.values, rows.labels)))
    parts = assemble(memory, replace(reader, columns=columns), found, options.regime_labels, options.exclude)
    return ReadRows(parts, series_of(rows.keys, order.time, order.unit, rows.values, rows.labels, parts.source))
