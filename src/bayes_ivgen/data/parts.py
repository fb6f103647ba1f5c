"""Parts of the rows that can be sent to other processes and read there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.sources import BATCH_ROWS, Batch, RowSource
from bayes_ivgen.errors import DataError

PART_ROWS = 4 * BATCH_ROWS


@dataclass(frozen=True, eq=False)
class RowsPart:
    """Some of the rows of a `RegimeData`; it can be pickled, and holds paths, not rows, where these are in files.

    Attributes
    ----------
    columns : ColumnNames
        Names of the columns that are read.
    source : RowSource
        Where the rows come from, with the final codes of labels.
    regime_of_label : mapping of str to Regime
        Regimes by the labels of the source.
    """

    columns: ColumnNames
    source: RowSource = field(repr=False)
    regime_of_label: Mapping[str, Regime] = field(repr=False)

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """Yield the rows in batches of one regime each, at most `batch_rows` at a time.

        Raises
        ------
        DataError
            If `batch_rows` is not positive, or a file is gone or not what it was when the data were built.
        """
        if batch_rows < 1:
            raise DataError(f"batch_rows is {batch_rows}; a batch must hold at least 1 row.")
        for label, values in self.source.read(batch_rows):
            yield Batch.of(self.regime_of_label[label], values, self.columns)

    def cut(self, rows: int) -> tuple[RowsPart, ...]:
        """Cut it into parts of about `rows` rows each; see `RegimeData.parts`."""
        if rows < 1:
            raise DataError(f"rows is {rows}; a part must hold at least 1 row.")
        return tuple(RowsPart(self.columns, source, self.regime_of_label) for source in self.source.parts(rows))
