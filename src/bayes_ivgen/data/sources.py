"""Where rows come from, in memory or in files, read in batches of one regime each."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.frames import check_columns, checked_values, label_column, to_narwhals
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.dataset import Dataset

BATCH_ROWS = 65_536


class Batch(NamedTuple):
    """Rows of one regime: actions and covariates of shape (n, V); outcome, weights and exposure of shape (n,)."""

    regime: Regime
    variables: FloatArray
    outcome: FloatArray
    weights: FloatArray | None = None
    exposure: FloatArray | None = None

    @classmethod
    def of(cls, regime: Regime, values: FloatArray, columns: ColumnNames) -> Batch:
        """Take the columns of `columns.numeric` apart."""
        v = len(columns.variables)
        extra = {
            part: values[:, columns.numeric.index(name)]
            for part, name in (("weights", columns.weights), ("exposure", columns.exposure))
            if name is not None
        }
        return cls(regime, values[:, :v], values[:, v], **extra)


class LabelledBatch(NamedTuple):
    """Rows that carry one label: the columns of `ColumnNames.numeric`."""

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
class FileSource:
    """Rows of Parquet or CSV files, streamed: memory is set by the batch, not by the file."""

    dataset: Dataset = field(repr=False)
    columns: ColumnNames
    regime_column: str
    where: str

    @classmethod
    def open(cls, path: Any, columns: ColumnNames, regime_column: str, file_format: str) -> FileSource:
        """Open files, a folder or a glob pattern without reading the rows.

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
            check_columns(opened.schema.names, [*columns.numeric, regime_column], where)
            schema = _widened(opened.schema, columns.numeric, regime_column, file_format)
            opened = dataset.dataset(files, format=file_format, schema=schema)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{where} cannot be read as {file_format}: {_reason(error)}. "
                "Check the file, or convert it to Parquet or CSV with a header line."
            ) from error
        return cls(opened, columns, regime_column, where)

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows, at most `batch_rows` at a time."""
        import pyarrow as pa

        needed = [*self.columns.numeric, self.regime_column]
        first_row = 0
        try:
            for record_batch in self.dataset.to_batches(columns=needed, batch_size=batch_rows):
                if record_batch.num_rows == 0:
                    continue
                frame = to_narwhals(pa.table(record_batch), needed, self.where)
                values = checked_values(frame, self.columns, self.where, first_row)
                labels = label_column(frame, self.regime_column, self.where, first_row)
                first_row += len(values)
                yield from (LabelledBatch(*item) for item in split_by_label(values, labels).items())
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{self.where} cannot be read after row {first_row}: {_reason(error)}. "
                "Every row must have the same columns and number format."
            ) from error


def _reason(error: Exception) -> str:
    # Arrow puts the path and advice in front of the reason, which would be cut off.
    text = str(error).splitlines()[0]
    found = re.search(r"input source '(?P<file>[^']*)': (?:Invalid: )?(?P<reason>.*)", text)
    short = f"{Path(found['file']).name}: {found['reason']}" if found else text
    return short[:200].rstrip(".")


def _widened(schema: Schema, columns: Sequence[str], regime_column: str, file_format: str) -> Schema:
    """Types for all files, not only the first: whole numbers at the top may go on as fractions, labels are text."""
    import pyarrow as pa

    for name in columns:
        position = schema.get_field_index(name)
        kind = schema.field(position).type
        if pa.types.is_integer(kind) or pa.types.is_null(kind):
            schema = schema.set(position, pa.field(name, pa.float64()))
    position = schema.get_field_index(regime_column)
    if file_format == "csv" or pa.types.is_null(schema.field(position).type):
        schema = schema.set(position, pa.field(regime_column, pa.string()))
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
