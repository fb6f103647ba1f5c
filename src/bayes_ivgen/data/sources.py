"""Where rows come from, in memory or in files, read in batches of one regime each."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.frames import check_columns
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.dataset import Dataset

BATCH_ROWS = 65_536


class Batch(NamedTuple):
    """Rows of one regime: actions and covariates of shape (n, V); all else of shape (n,), data sets as codes."""

    regime: Regime
    variables: FloatArray
    outcome: FloatArray
    weights: FloatArray | None = None
    exposure: FloatArray | None = None
    dataset: FloatArray | None = None

    @classmethod
    def of(cls, regime: Regime, values: FloatArray, columns: ColumnNames) -> Batch:
        """Take the columns of `columns.read` apart."""
        v = len(columns.variables)
        extra = {
            part: values[:, columns.read.index(name)]
            for part in ("weights", "exposure", "dataset")
            if (name := getattr(columns, part)) is not None
        }
        return cls(regime, values[:, :v], values[:, v], **extra)


class LabelledBatch(NamedTuple):
    """Rows that carry one label: the columns of `ColumnNames.read`."""

    label: str
    values: FloatArray


class RowSource(Protocol):
    """Anything that can be read again and again in batches of one label."""

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows, at most `batch_rows` at a time."""
        ...


@dataclass(frozen=True, eq=False)
class MemorySource:
    """Rows held in memory, one array for each label."""

    values: Mapping[str, FloatArray] = field(repr=False)

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows, at most `batch_rows` at a time."""
        for label, values in self.values.items():
            for start in range(0, max(len(values), 1), batch_rows):
                yield LabelledBatch(label, values[start : start + batch_rows])


def split_by_label(values: FloatArray, labels: np.ndarray[Any, Any]) -> dict[str, FloatArray]:
    """Split rows by their label; labels in order of first appearance."""
    distinct, first, codes = np.unique(labels.astype(str), return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    return {str(distinct[code]): values[codes == code] for code in order}


@dataclass(frozen=True, eq=False)
class SelectedSource:
    """The rows of another source without those of some labels."""

    source: RowSource = field(repr=False)
    exclude: frozenset[str]

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows that are left, at most `batch_rows` at a time."""
        return (batch for batch in self.source.read(batch_rows) if batch.label not in self.exclude)


@dataclass(frozen=True, eq=False)
class CodedSource:
    """The rows of another source with the codes of labels in their final order.

    Attributes
    ----------
    recode : dict of int to ndarray
        For a column: the final code of each code so far, NaN for labels that no row had.
    """

    source: RowSource = field(repr=False)
    recode: Mapping[int, FloatArray] = field(repr=False)

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows, at most `batch_rows` at a time."""
        for label, values in self.source.read(batch_rows):
            coded = values.copy()
            for k, final in self.recode.items():
                codes = values[:, k].astype(int)
                known = codes < len(final)
                coded[:, k] = np.where(known, final[np.where(known, codes, 0)], np.nan)
                if np.isnan(coded[:, k]).any():
                    raise DataError(
                        "the files have labels that they did not have before; they were changed since they were "
                        "read first. Build the data again."
                    )
            yield LabelledBatch(label, coded)


@dataclass(frozen=True, eq=False)
class FileSource:
    """Rows of Parquet or CSV files, streamed: memory is set by the batch, not by the file."""

    dataset: Dataset = field(repr=False)
    reader: RowReader
    where: str

    @classmethod
    def open(cls, path: Any, reader: RowReader, file_format: str) -> FileSource:
        """Open files, a folder or a glob pattern without reading the rows; the reader names the columns.

        Raises
        ------
        DataError
            If there is no such file, the files cannot be read, or a column is missing.
        """
        import pyarrow as pa
        from pyarrow import dataset

        paths = _expand(path)
        where = f"{path}" if isinstance(path, str | Path) else f"{len(paths)} files"
        try:
            files = paths if len(paths) > 1 else paths[0]
            opened = dataset.dataset(files, format=file_format)
            if not opened.files:
                raise DataError(f"there are no files in {where}. Check the path, or name the files.")
            check_columns(opened.schema.names, reader.needed, where)
            schema = _widened(opened.schema, reader, file_format)
            opened = dataset.dataset(files, format=file_format, schema=schema)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{where} cannot be read as {file_format}: {_reason(error)}. "
                "Check the file, or convert it to Parquet or CSV with a header line."
            ) from error
        return cls(opened, reader, where)

    def read(self, batch_rows: int = BATCH_ROWS, found: MissingRows | None = None) -> Iterator[LabelledBatch]:
        """Yield all rows without missing values, at most `batch_rows` at a time.

        Raises
        ------
        DataError
            If the rows cannot be used. Missing values are refused after the last row, when all are counted.
        """
        import pyarrow as pa

        reader, found = self.reader, self.reader.count() if found is None else found
        first_row = 0
        try:
            for record_batch in self.dataset.to_batches(columns=reader.needed, batch_size=batch_rows):
                if record_batch.num_rows == 0:
                    continue
                table = pa.table(record_batch)
                values, labels = reader.read(table, self.where, found, first_row=first_row)
                first_row += record_batch.num_rows
                if found.rows and reader.missing == "refuse":
                    continue
                if labels is not None:
                    yield from (LabelledBatch(*item) for item in split_by_label(values, labels).items())
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{self.where} cannot be read after row {first_row}: {_reason(error)}. "
                "Every row must have the same columns and number format."
            ) from error
        if reader.missing == "refuse":
            found.refuse()


def _reason(error: Exception) -> str:
    # Arrow puts the path and advice in front of the reason, which would be cut off.
    text = str(error).splitlines()[0]
    found = re.search(r"input source '(?P<file>[^']*)': (?:Invalid: )?(?P<reason>.*)", text)
    short = f"{Path(found['file']).name}: {found['reason']}" if found else text
    return short[:200].rstrip(".")


def _widened(schema: Schema, reader: RowReader, file_format: str) -> Schema:
    """Types for all files, not only the first: whole numbers at the top may go on as fractions, labels are text."""
    import pyarrow as pa

    for name in reader.columns.numeric:
        position = schema.get_field_index(name)
        kind = schema.field(position).type
        if pa.types.is_integer(kind) or pa.types.is_null(kind):
            schema = schema.set(position, pa.field(name, pa.float64()))
    for name in (part for part in (reader.regime, reader.columns.dataset) if part is not None):
        position = schema.get_field_index(name)
        if file_format == "csv" or pa.types.is_null(schema.field(position).type):
            schema = schema.set(position, pa.field(name, pa.string()))
    return schema


def _expand(path: Any) -> list[str]:
    items = [path] if isinstance(path, str | Path) else list(path)
    found: list[str] = []
    for item in items:
        text = str(item)
        if "://" in text or Path(text).exists():
            found.append(text)
            continue
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - patterns may be absolute
        if not matches:
            raise DataError(
                f"there is no file {text!r}. Check the path; patterns such as 'rows/*.parquet' are allowed."
            )
        found.extend(matches)
    if not found:
        raise DataError("the list of files is empty; name at least one file, folder or pattern.")
    return found
