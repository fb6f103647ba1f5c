"""Rows in the partitions of a dask DataFrame: they are checked and described where they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bayes_ivgen.data.assembly import Parts
from bayes_ivgen.data.checks import RegimeLabels, checked_exclude
from bayes_ivgen.data.described import Described, described, settled_description
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.regime import own_labels
from bayes_ivgen.data.sources import BATCH_ROWS, LabelledBatch, split_by_label
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    from dask.delayed import Delayed

    from bayes_ivgen.data.regime_data import RegimeData


@dataclass(frozen=True, eq=False)
class PartitionSource:
    """One partition. Dask replaces `frame` by the rows themselves where a task takes the source as an argument."""

    frame: Any = field(repr=False)
    reader: RowReader
    where: str

    def read(self, batch_rows: int = BATCH_ROWS, found: MissingRows | None = None) -> Iterator[LabelledBatch]:
        """Yield all rows without missing values, at most `batch_rows` at a time."""
        frame = self.frame.compute() if hasattr(self.frame, "compute") else self.frame
        counted = self.reader.count() if found is None else found
        values, labels = self.reader.read(frame, self.where, counted)
        if found is None and self.reader.missing == "refuse":
            counted.refuse()
        if labels is None:
            return
        for label, rows in split_by_label(values, labels).items():
            for start in range(0, len(rows), batch_rows):
                yield LabelledBatch(label, rows[start : start + batch_rows])

    def parts(self, rows: int) -> list[PartitionSource]:  # noqa: ARG002
        """Return itself: partitions are not cut."""
        return [self]


@dataclass(frozen=True, eq=False)
class DaskSource:
    """All partitions."""

    partitions: tuple[PartitionSource, ...] = field(repr=False)

    @classmethod
    def of(cls, frame: Any, reader: RowReader) -> DaskSource:
        """Take the partitions of a dask DataFrame.

        Raises
        ------
        DataError
            If it is something else, or columns are missing.
        """
        if not hasattr(frame, "to_delayed") or not hasattr(frame, "columns"):
            raise DataError(
                f"frame is a {type(frame).__name__}; from_dask takes a dask DataFrame such as that of "
                "dask.dataframe.read_parquet. For tables in memory use RegimeData.from_frame."
            )
        from bayes_ivgen.data.frames import check_columns

        check_columns(list(frame.columns), reader.needed, "the dask DataFrame")
        needed = frame[reader.needed]
        delayed = needed.to_delayed()
        return cls(tuple(PartitionSource(item, reader, f"partition {i}") for i, item in enumerate(delayed)))

    def read(self, batch_rows: int = BATCH_ROWS) -> Iterator[LabelledBatch]:
        """Yield all rows, one partition in memory at a time."""
        for partition in self.partitions:
            yield from partition.read(batch_rows)

    def parts(self, rows: int) -> list[PartitionSource]:  # noqa: ARG002
        """Return the partitions, whatever their size."""
        return list(self.partitions)

    def with_reader(self, reader: RowReader) -> DaskSource:
        """Return the same rows, read in another way."""
        return DaskSource(tuple(replace(item, reader=reader) for item in self.partitions))


def assemble_dask(frame: Any, reader: RowReader, regime_labels: RegimeLabels | None, exclude: Sequence[str]) -> Parts:
    """Check and describe all partitions by a tree of tasks, on the scheduler that dask uses at present.

    Raises
    ------
    DataError
        As `assemble`.
    """
    source = DaskSource.of(frame, reader)
    labels = own_labels(regime_labels)
    out = checked_exclude(exclude, labels)
    found: Described = computed(
        tree_sum(
            [task(described, item, labels, tuple(out)) for item in source.partitions],
            lambda one, two: task(_both, one, two, reader),
        )
    )
    final = replace(reader, codebook=found.codebook)
    return settled_description(source.with_reader(final), final, found, labels, out)


def task(function: Callable[..., Any], *arguments: Any) -> Delayed:
    """Delay a call of one of this package's functions."""
    from dask.delayed import delayed

    return delayed(function, pure=False)(*arguments)


def tree_sum(items: Sequence[Any], add: Callable[[Any, Any], Any]) -> Any:
    """Add neighbours, then neighbours of the sums: the same order whatever the number of workers."""
    level = list(items)
    while len(level) > 1:
        pairs = [add(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]


def computed(delayed: Any, client: Any = None) -> Any:
    """Compute with a client, or on the scheduler that dask uses at present: a cluster's, or threads."""
    return delayed.compute() if client is None else client.compute(delayed).result()


def is_on_dask(data: RegimeData) -> bool:
    """Whether the rows come from a dask DataFrame, perhaps with labels left out or recoded."""
    source: Any = data._source
    while hasattr(source, "source"):
        source = source.source
    return isinstance(source, DaskSource)


def _both(one: Described, two: Described, reader: RowReader) -> Described:
    return one.and_of(two, reader)
