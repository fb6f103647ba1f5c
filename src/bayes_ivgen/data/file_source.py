"""Rows of Parquet or CSV files, streamed file by file and row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bayes_ivgen.data.files import DataFile, joined, listed, readable, reason
from bayes_ivgen.data.frames import RowLabels, check_columns
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.sources import BATCH_ROWS, LabelledBatch, grouped, split_by_label
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    from pyarrow import DataType, RecordBatch, Schema, Table
    from pyarrow.dataset import FileFragment
    from pyarrow.fs import FileInfo, FileSystem

# Bytes read at a time from each column. With whole chunks or row groups the file would set the memory, not the batch
# (benchmarks/reading.py); over a network each request takes long.
LOCAL_BUFFER = 2**16
REMOTE_BUFFER = 2**23
_OPENERS = 8  # files opened at a time: most of it is waiting


@dataclass(frozen=True, eq=False)
class FileSource:
    """Rows of Parquet or CSV files, streamed: memory is set by the batch, not by the file.

    It holds no open file, so that it can be sent to another process.

    Attributes
    ----------
    files : tuple of DataFile
        The files and what is read of them.
    file_format : {"parquet", "csv"}
        Their format.
    schema : Schema
        Types as which the columns of CSV files are read.
    reader : RowReader
        From tables to arrays.
    """

    files: tuple[DataFile, ...]
    file_format: str
    schema: Schema = field(repr=False)
    reader: RowReader

    @classmethod
    def open(cls, path: Any, reader: RowReader, file_format: str) -> FileSource:
        """Open files, a folder or a glob pattern without reading the rows; the reader names the columns.

        Raises
        ------
        DataError
            If there is no such file, or one of them cannot be read, lacks a column or has one of another type.
        """
        inspect = _inspected_parquet if file_format == "parquet" else _inspected_csv
        systems, infos = zip(*listed(path, file_format), strict=True)
        with ThreadPoolExecutor(min(_OPENERS, len(infos))) as pool:
            inspected = list(pool.map(inspect, systems, infos, [reader.needed] * len(infos)))
        schema = _common_schema(inspected, reader, file_format)
        return cls(tuple(file for file, _ in inspected), file_format, schema, reader)

    def read(self, batch_rows: int = BATCH_ROWS, found: MissingRows | None = None) -> Iterator[LabelledBatch]:
        """Yield all rows without missing values, at most `batch_rows` at a time, all of one row group.

        Raises
        ------
        DataError
            If the rows cannot be used, or a file is not what it was when it was opened. Missing values are
            refused after the last row, when all are counted, unless the count is `found`, which the caller settles.
        """
        reader, settle_here = self.reader, found is None
        found = reader.count() if found is None else found
        for file in self.files:
            for values, labels, _ in self._tables(file, batch_rows, found):
                if labels is not None and not (found.rows and reader.missing == "refuse"):
                    yield from (LabelledBatch(*item) for item in split_by_label(values, labels).items())
        if settle_here and reader.missing == "refuse":
            found.refuse()

    def tables(self, found: MissingRows) -> Iterator[tuple[FloatArray, RowLabels | None, Table]]:
        """Yield all rows with the tables that they were read from; rows with missing values are counted in `found`."""
        for file in self.files:
            yield from self._tables(file, BATCH_ROWS, found)

    def parts(self, rows: int) -> list[FileSource]:
        """Cut into sources of up to `rows` rows, or one row group or CSV file; in this order they are all rows."""
        pieces = [piece for file in self.files for piece in file.pieces]
        cut = grouped(pieces, [piece.chosen_rows for piece in pieces], rows)
        return [replace(self, files=tuple(joined(group))) for group in cut]

    def _tables(
        self, file: DataFile, batch_rows: int, found: MissingRows
    ) -> Iterator[tuple[FloatArray, RowLabels | None, Table]]:
        import pyarrow as pa

        file.check_unchanged()
        batches = self._parquet_batches if self.file_format == "parquet" else self._csv_batches
        rows = file.first_row(file.chosen[0]) if file.chosen else 0
        try:
            for batch in batches(file, batch_rows):
                if batch.num_rows:
                    table = pa.table(batch)
                    yield *self.reader.read(table, file.path, found, first_row=rows), table
                rows += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            file.check_unchanged()
            advice = (
                "It is damaged or was cut short: copy or write it again, or leave it out"
                if self.file_format == "parquet"
                else "Every row must have the same columns and number format"
            )
            raise DataError(f"{file.path} cannot be read after row {rows}: {reason(error)}. {advice}.") from error
        file.check_unchanged()  # while it was read

    def _parquet_batches(self, file: DataFile, batch_rows: int) -> Iterator[RecordBatch]:
        from pyarrow import parquet

        options: dict[str, Any] = {
            "buffer_size": LOCAL_BUFFER if file.is_local else REMOTE_BUFFER,
            "pre_buffer": False,
            "read_dictionary": [] if self.reader.regime is None else [self.reader.regime],
            "page_checksum_verification": True,  # where the writer stored them
        }
        with (
            file.filesystem.open_input_file(file.path) as handle,
            parquet.ParquetFile(handle, **options) as opened,
        ):
            if _row_groups(opened.metadata) != file.rows:
                raise file.changed(f"{sum(file.rows or ()):,} rows then, {opened.metadata.num_rows:,} now")
            for group in file.chosen:
                # One thread: two cores gained little here, and parts are read side by side.
                yield from opened.iter_batches(
                    batch_rows, row_groups=[group], columns=self.reader.needed, use_threads=False
                )

    def _csv_batches(self, file: DataFile, batch_rows: int) -> Iterator[RecordBatch]:
        return _csv(file).to_batches(
            schema=self.schema,
            columns=self.reader.needed,
            batch_size=batch_rows,
            batch_readahead=1,
            fragment_readahead=1,
        )


def _csv(file: DataFile) -> FileFragment:
    from pyarrow import dataset

    return dataset.CsvFileFormat().make_fragment(file.path, file.filesystem)


def _inspected_parquet(filesystem: FileSystem, info: FileInfo, needed: Sequence[str]) -> tuple[DataFile, Schema]:
    from pyarrow import parquet

    with (
        readable(filesystem, info, "parquet"),
        filesystem.open_input_file(info.path) as handle,
        parquet.ParquetFile(handle) as opened,
    ):
        schema, rows = opened.schema_arrow, _row_groups(opened.metadata)
        check_columns(schema.names, needed, info.path)
    return DataFile(info.path, filesystem, info.size, info.mtime_ns, rows, tuple(range(len(rows)))), schema


def _inspected_csv(filesystem: FileSystem, info: FileInfo, needed: Sequence[str]) -> tuple[DataFile, Schema]:
    file = DataFile(info.path, filesystem, info.size, info.mtime_ns)
    with readable(filesystem, info, "csv"):
        schema = _csv(file).physical_schema
        check_columns(schema.names, needed, info.path)
    return file, schema


def _row_groups(metadata: Any) -> tuple[int, ...]:
    return tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))


def _common_schema(inspected: Sequence[tuple[DataFile, Schema]], reader: RowReader, file_format: str) -> Schema:
    """Types of the needed columns that hold for all files, not only the first: whole numbers may go on as fractions."""
    import pyarrow as pa

    as_text = {reader.regime, reader.columns.dataset} if file_format == "csv" else {reader.regime}
    fields = []
    for name in reader.needed:
        if name in as_text:
            fields.append(pa.field(name, pa.string()))
            continue
        known, of = None, _kind_of_key if name in reader.also else _kind
        for file, schema in inspected:
            kind = schema.field(name).type
            if pa.types.is_null(kind):  # no rows, or nothing but missing values
                continue
            if known is not None and of(kind) != of(known[1]):
                raise DataError(
                    f"column {name!r} holds {of(known[1])} in {known[0]} and {of(kind)} in {file.path}; "
                    "write it with one type in all files, or leave one of them out."
                )
            known = known or (file.path, kind)
        if known is not None and name in reader.also:
            fields.append(pa.field(name, _plain_type([schema.field(name).type for _, schema in inspected])))
            continue
        numbers = known is None or _kind(known[1]) == _NUMBERS
        fields.append(pa.field(name, pa.float64() if numbers or known is None else known[1]))
    return pa.schema(fields)


_NUMBERS, _DATES = "numbers", "dates"


def _plain_type(kinds: Sequence[DataType]) -> DataType:
    """One type for a column of times or units in all files: a geo 7 is not called 7.0."""
    import pyarrow as pa

    known = [kind for kind in kinds if not pa.types.is_null(kind)]
    if _kind(known[0]) == _NUMBERS:
        return pa.int64() if all(map(pa.types.is_integer, known)) else pa.float64()
    return pa.timestamp("us") if _kind_of_key(known[0]) == _DATES else known[0]


def _kind_of_key(kind: DataType) -> str:
    """As `_kind`; dates are dates, whatever their precision."""
    from pyarrow import types

    dates = types.is_date(kind) or (types.is_timestamp(kind) and kind.tz is None)
    return _DATES if dates else _kind(kind)


def _kind(kind: DataType) -> str:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _NUMBERS
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    return "booleans" if types.is_boolean(kind) else f"entries of type {kind}"
