"""Where rows come from, read in batches of one regime each; those in memory here, those in files in `file_source`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.frames import RowLabels
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError

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

    def parts(self, rows: int) -> Sequence[RowSource]:
        """Cut into sources of about `rows` rows each that can be pickled; in this order they are all rows."""
        ...


def grouped[Piece](pieces: Sequence[Piece], sizes: Sequence[int | None], most: int) -> list[list[Piece]]:
    """Put neighbours together while their sizes add up to `most` at most; one of unknown size (None) stays alone."""
    groups: list[list[Piece]] = []
    room = 0
    for piece, size in zip(pieces, sizes, strict=True):
        if not groups or size is None or size > room:
            groups.append([])
            room = most
        groups[-1].append(piece)
        room = -1 if size is None else room - size
    return groups


@dataclass(frozen=True, eq=False)
class MemorySource:
    """Rows held in memory, one array for each label."""

    values: Mapping[str, FloatArray] = field(repr=False)

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows, at most `batch_rows` at a time."""
        for label, values in self.values.items():
            for start in range(0, max(len(values), 1), batch_rows):
                yield LabelledBatch(label, values[start : start + batch_rows])

    def without(self, labels: Container[str]) -> MemorySource:
        """Leave out the rows of some labels."""
        return MemorySource({label: values for label, values in self.values.items() if label not in labels})

    def parts(self, rows: int) -> list[MemorySource]:
        """Cut into sources of up to `rows` rows each; in this order they are all rows."""
        pieces = [
            (label, values[start : start + rows])
            for label, values in self.values.items()
            for start in range(0, len(values), rows)
        ]
        return [MemorySource(dict(group)) for group in grouped(pieces, [len(values) for _, values in pieces], rows)]


def split_by_label(values: FloatArray, labels: RowLabels) -> dict[str, FloatArray]:
    """Split rows by their label; labels in order of first appearance."""
    if len(labels.labels) == 1 and len(values):
        return {labels.labels[0]: values}
    counts = np.bincount(labels.codes, minlength=len(labels.labels))
    narrow = labels.codes.astype(np.int16) if len(counts) < 2**15 else labels.codes  # sorted by radix
    order = np.argsort(narrow, kind="stable")
    ends = np.cumsum(counts)
    sorted_values = np.take(values.T, order, axis=1).T  # keeps columns in one piece, as indexing does not
    first = {code: order[ends[code] - counts[code]] for code in np.flatnonzero(counts)}
    return {
        labels.labels[code]: sorted_values[ends[code] - counts[code] : ends[code]]
        for code in sorted(first, key=first.__getitem__)
    }


@dataclass(frozen=True, eq=False)
class SelectedSource:
    """The rows of another source without those of some labels."""

    source: RowSource = field(repr=False)
    exclude: frozenset[str]

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows that are left, at most `batch_rows` at a time."""
        return (batch for batch in self.source.read(batch_rows) if batch.label not in self.exclude)

    def parts(self, rows: int) -> list[SelectedSource]:
        """Cut the source, with the same labels left out."""
        return [replace(self, source=part) for part in self.source.parts(rows)]


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
            coded = values.copy(order="K")
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

    def parts(self, rows: int) -> list[CodedSource]:
        """Cut the source, with the same codes."""
        return [replace(self, source=part) for part in self.source.parts(rows)]
