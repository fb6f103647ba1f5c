"""Rows from several regimes, validated once and read in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_ivgen.data.assembly import Parts, assemble
from bayes_ivgen.data.checks import RegimeLabels
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.datasets import DATASET, dataset_of_frames, label_of
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.identified import identified_table
from bayes_ivgen.data.in_order import Order, RowsInOrder
from bayes_ivgen.data.labels import Label, LabelSet
from bayes_ivgen.data.memory import Memory
from bayes_ivgen.data.missing import Missing
from bayes_ivgen.data.parts import PART_ROWS, RowsPart
from bayes_ivgen.data.profile import FloatArray, RegimeProfile
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.series import Carried, RowSeries, series_of
from bayes_ivgen.data.sources import BATCH_ROWS, Batch, MemorySource, RowSource, split_by_label
from bayes_ivgen.data.tables import summary_table
from bayes_ivgen.errors import DataError
from bayes_ivgen.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class RegimeData(Shown):
    """Observational rows and rows in which some actions were set, ready to be fitted.

    Build it with `from_frame`, `from_frames`, `from_parquet`, `from_csv` or `from_dask`. All rows are read once
    and checked on the way; rows from files are not kept.

    Attributes
    ----------
    columns : ColumnNames
        Names of the columns that are read.
    profiles : dict of Regime to RegimeProfile
        Counts, ranges, levels and a sample of the rows for each regime.
    label_sets : dict of str to LabelSet
        Labels of the columns that do not hold numbers; everywhere else they are codes 0..L-1.
    series : RowSeries or None
        All rows in order of time, where a column of times was named.
    carried : Carried or None
        How spends were carried over, in data that `InterventionModel.carry_over` returns.
    memory : Memory or None
        How much rows resemble those before them, where there is an order of time.

    Examples
    --------
    >>> print(data)
    RegimeData of 'sales' given ['tv', 'web']; rows obs: 300, do(tv): 300, do(web): 300
    >>> data.outcome, data.actions, data.covariates, data.variables, data.n_rows
    ('sales', ('tv', 'web'), (), ('tv', 'web'), 900)
    >>> data.regimes
    (Regime('obs'), Regime('do(tv)'), Regime('do(web)'))
    >>> data.categories, data.datasets
    ({}, ())
    """

    columns: ColumnNames
    profiles: Mapping[Regime, RegimeProfile] = field(repr=False)
    _source: RowSource = field(repr=False)
    _regime_of_label: Mapping[str, Regime] = field(repr=False)
    label_sets: Mapping[str, LabelSet] = field(default_factory=dict, repr=False)
    series: RowSeries | None = field(default=None, repr=False)
    carried: Carried | None = field(default=None, repr=False)
    memory: Memory | None = field(default=None, repr=False)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        covariates: Sequence[str] = (),
        weights: str | None = None,
        exposure: str | None = None,
        dataset: str | None = None,
        missing: Missing = "refuse",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
        time: str | None = None,
        unit: str | None = None,
    ) -> RegimeData:
        """Read one long table (pandas, polars or pyarrow) with a column of regime labels.

        Parameters
        ----------
        frame : data frame
            One row an observation.
        outcome : str
            Name of the outcome column.
        actions : sequence of str
            Names of the action columns: numbers, or categories, text and booleans, which keep their labels.
        regime : str
            Name of the column of regime labels: ``obs``, ``do(tv)``, ``do(tv,web)``.
        covariates : sequence of str
            Names of columns that are known of a row and not caused by its actions: season, region,
            price. What moves two actions or more must be among them (docs/theory/covariates.md).
        weights : str, optional
            Name of the column that says how many rows like this one there are; positive, fractions allowed.
        exposure : str, optional
            Name of the column with the size of each row, for outcomes on a log scale; positive.
        dataset : str, optional
            Name of the column of labels of the data set, where rows of one regime come from several: runs at
            other times, places. Each gets an offset of its own, shrunk to zero.
        missing : {"refuse", "drop"}
            What happens to rows with a missing value: an error, or they are left out with a warning.
        regime_labels : mapping of str to list of str, optional
            Your own labels and the actions that each one sets, for example
            ``{"spring test": ["tv"], "history": []}``.
        exclude : sequence of str
            Labels, as they stand in the column, whose rows are left out: to validate on them, say.
        time, unit : str, optional
            Columns of times (whole numbers or dates in equal steps) and of units (geos) whose rows are series of their
            own; needed by transforms such as `media.Adstock`. Rows need not be sorted.

        Returns
        -------
        RegimeData

        Raises
        ------
        DataError
            If a column is missing, doubled or cannot be read, a regime label cannot be read, two of them name
            one regime, an action never varies, or no row has a label of `exclude`.

        Warns
        -----
        DataWarning
            If rows are left out for missing values.

        Examples
        --------
        >>> ivg.RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"]).n_rows
        900
        >>> own = rows.replace({"regime": {"obs": "history", "do(tv)": "spring test", "do(web)": "autumn test"}})
        >>> labels = {"history": [], "spring test": ["tv"], "autumn test": ["web"]}
        >>> ivg.RegimeData.from_frame(own, outcome="sales", actions=["tv", "web"], regime_labels=labels).regimes
        (Regime('obs'), Regime('do(tv)'), Regime('do(web)'))
        """
        columns = ColumnNames.checked(
            outcome=outcome,
            actions=actions,
            covariates=covariates,
            weights=weights,
            exposure=exposure,
            dataset=dataset,
            regime=regime,
        )
        Order(time, unit).check(missing)
        reader = RowReader(columns, regime, missing)
        found = reader.count()
        values, labels = reader.read(frame, "the frame", found)
        if not found.seen:
            raise DataError("the frame has no rows; pass at least the rows of one regime.")
        found.settle(missing)
        source = MemorySource({} if labels is None else split_by_label(values, labels))
        parts = assemble(source, reader, found, regime_labels, exclude)
        return cls._of(parts, series_of(frame, time, unit, values, labels, parts.source))

    @classmethod
    def from_frames(
        cls,
        frames: Mapping[str | Regime, Any],
        *,
        outcome: str,
        actions: Sequence[str],
        covariates: Sequence[str] = (),
        weights: str | None = None,
        exposure: str | None = None,
        dataset: str | Mapping[str | Regime, Label] | None = None,
        missing: Missing = "refuse",
        regime_labels: RegimeLabels | None = None,
    ) -> RegimeData:
        """Read one table for each regime, given as a mapping of regime label to data frame.

        Parameters
        ----------
        frames : mapping of (str or Regime) to data frame
            Rows of each regime.
        outcome, actions, covariates, weights, exposure, missing, regime_labels
            As in `from_frame`.
        dataset : str or mapping, optional
            As in `from_frame`, or a mapping of regime label to the label of the data set of its table.

        Returns
        -------
        RegimeData

        Raises
        ------
        DataError
            As in `from_frame`; also if a table has no rows or a regime is given twice.

        Examples
        --------
        >>> frames = {label: part for label, part in rows.groupby("regime", sort=False)}
        >>> print(ivg.RegimeData.from_frames(frames, outcome="sales", actions=["tv", "web"]))
        RegimeData of 'sales' given ['tv', 'web']; rows obs: 300, do(tv): 300, do(web): 300
        """
        if not isinstance(frames, Mapping):
            raise DataError(
                f"frames is a {type(frames).__name__}; pass a mapping such as {{'obs': frame, 'do(a)': frame}}, "
                "or use RegimeData.from_frame for one table with a column of labels."
            )
        if not frames:
            raise DataError("the mapping of frames is empty; pass at least {'obs': frame}.")
        dataset_of = dataset_of_frames(dataset, frames)
        columns = ColumnNames.checked(
            outcome=outcome,
            actions=actions,
            covariates=covariates,
            weights=weights,
            exposure=exposure,
            dataset=dataset if isinstance(dataset, str) or dataset is None else DATASET,
        )
        reader = RowReader(columns, missing=missing)
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
        found.settle(missing)
        return cls._of(assemble(MemorySource(values), reader, found, regime_labels))

    @classmethod
    def from_parquet(
        cls,
        path: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        covariates: Sequence[str] = (),
        weights: str | None = None,
        exposure: str | None = None,
        dataset: str | None = None,
        missing: Missing = "refuse",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
        checkpoint: str | Path | None = None,
        time: str | None = None,
        unit: str | None = None,
    ) -> RegimeData:
        """Read Parquet files in batches: a file, a folder, a glob pattern or a list of them.

        The rows are streamed once here to check them and again by each fit; memory is set by the batch, not by the
        files, unless they have a time.

        Parameters
        ----------
        path : path or list of paths
            What to read.
        outcome, actions, regime, covariates, weights, exposure, dataset, missing, regime_labels, exclude
            As in `from_frame`.
        checkpoint : path, optional
            Folder in which the description of every two million rows is kept: a reading that is interrupted goes on
            from there when it is called again.
        time, unit : str, optional
            As in `from_frame`. Rows in order of time are read into memory, at most five million; dates in CSV files
            are written as 2024-01-29.

        Returns
        -------
        RegimeData

        Raises
        ------
        DataError
            As in `from_frame`; also if a file cannot be read, is damaged, unlike the others, or changes while
            it is read, or if more than five million rows have a time.

        Examples
        --------
        >>> rows.to_parquet(folder / "rows.parquet")
        >>> ivg.RegimeData.from_parquet(folder / "rows.parquet", outcome="sales", actions=["tv", "web"]).n_rows
        900
        """
        columns = ColumnNames.checked(
            outcome=outcome,
            actions=actions,
            covariates=covariates,
            weights=weights,
            exposure=exposure,
            dataset=dataset,
            regime=regime,
        )
        reader = RowReader(columns, regime, missing)
        return cls._from_files(path, reader, "parquet", regime_labels, exclude, checkpoint, Order(time, unit))

    @classmethod
    def from_csv(
        cls,
        path: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        covariates: Sequence[str] = (),
        weights: str | None = None,
        exposure: str | None = None,
        dataset: str | None = None,
        missing: Missing = "refuse",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
        checkpoint: str | Path | None = None,
        time: str | None = None,
        unit: str | None = None,
    ) -> RegimeData:
        """Read CSV files with a header line in batches; otherwise like `from_parquet`.

        Parameters
        ----------
        path : path or list of paths
            What to read.
        outcome, actions, regime, covariates, weights, exposure, dataset, missing, regime_labels, exclude
            As in `from_frame`.
        checkpoint : path, optional
            Folder in which the description of every two million rows is kept: a reading that is interrupted goes on
            from there when it is called again.
        time, unit : str, optional
            As in `from_frame`. Rows in order of time are read into memory, at most five million; dates in CSV files
            are written as 2024-01-29.

        Returns
        -------
        RegimeData

        Raises
        ------
        DataError
            As in `from_frame`; also if a file cannot be read, is damaged, unlike the others, or changes while
            it is read, or if more than five million rows have a time.

        Examples
        --------
        >>> rows.to_csv(folder / "rows.csv", index=False)
        >>> kept = ivg.RegimeData.from_csv(
        ...     folder / "rows.csv", outcome="sales", actions=["tv", "web"], exclude=["do(web)"]
        ... )
        >>> kept.regimes
        (Regime('obs'), Regime('do(tv)'))
        """
        columns = ColumnNames.checked(
            outcome=outcome,
            actions=actions,
            covariates=covariates,
            weights=weights,
            exposure=exposure,
            dataset=dataset,
            regime=regime,
        )
        reader = RowReader(columns, regime, missing)
        return cls._from_files(path, reader, "csv", regime_labels, exclude, checkpoint, Order(time, unit))

    @classmethod
    def from_dask(
        cls,
        frame: Any,
        *,
        outcome: str,
        actions: Sequence[str],
        regime: str = "regime",
        covariates: Sequence[str] = (),
        weights: str | None = None,
        exposure: str | None = None,
        dataset: str | None = None,
        missing: Missing = "refuse",
        regime_labels: RegimeLabels | None = None,
        exclude: Sequence[str] = (),
        time: str | None = None,
        unit: str | None = None,
    ) -> RegimeData:
        """Read a dask DataFrame where its partitions are; otherwise like `from_frame`.

        Rows are described here, and summed by each fit, as a tree of tasks over the partitions: on the
        cluster if there is a ``distributed.Client``, else on threads. Summaries travel, rows do not.

        Parameters
        ----------
        frame : dask DataFrame
            One row an observation.
        outcome, actions, regime, covariates, weights, exposure, dataset, missing, regime_labels, exclude
            As in `from_frame`.
        time, unit : str, optional
            Not for rows on Dask, which stay where they are: an error says what to do.

        Returns
        -------
        RegimeData

        Raises
        ------
        DataError
            As in `from_frame`; also if `time` or `unit` is given.

        Examples
        --------
        >>> import dask.dataframe as dd
        >>> frame = dd.from_pandas(rows, npartitions=3)
        >>> ivg.RegimeData.from_dask(frame, outcome="sales", actions=["tv", "web"]).n_rows
        900
        """
        from bayes_ivgen.data.dask_rows import assemble_dask

        if time is not None or unit is not None:
            keys = [name for name in (time, unit, regime) if name is not None]
            raise DataError(
                f"rows on Dask have no order: time={time!r}, unit={unit!r} need the weeks before a row, which may lie "
                "in another partition. Sum them up to one row a week and unit, with weekly = "
                f"frame.groupby({keys}).sum().reset_index().compute(), and pass RegimeData.from_frame(weekly, ..., "
                "time=...); or leave both out if nothing carries over."
            )
        columns = ColumnNames.checked(
            outcome=outcome,
            actions=actions,
            covariates=covariates,
            weights=weights,
            exposure=exposure,
            dataset=dataset,
            regime=regime,
        )
        return cls._of(assemble_dask(frame, RowReader(columns, regime, missing), regime_labels, exclude))

    @classmethod
    def _from_files(
        cls,
        path: Any,
        reader: RowReader,
        file_format: str,
        regime_labels: RegimeLabels | None,
        exclude: Sequence[str],
        checkpoint: str | Path | None,
        order: Order,
    ) -> RegimeData:
        order.check(reader.missing)
        if order.time is not None:
            if checkpoint is not None:
                raise DataError(
                    "checkpoint= is for rows that are streamed; with time= they are read into memory at once. Leave "
                    "checkpoint= out."
                )
            return cls._in_order(path, reader, file_format, regime_labels, exclude, order)
        source = FileSource.open(path, reader, file_format)
        if checkpoint is not None:
            from bayes_ivgen.data.checkpoint import assemble_noted

            return cls._of(assemble_noted(source, regime_labels, exclude, checkpoint))
        found = reader.count()
        parts = assemble(source, reader, found, regime_labels, exclude)
        found.settle(reader.missing)
        return cls._of(parts)

    @classmethod
    def _in_order(
        cls,
        path: Any,
        reader: RowReader,
        file_format: str,
        regime_labels: RegimeLabels | None,
        exclude: Sequence[str],
        order: Order,
    ) -> RegimeData:
        """Read all rows of files into memory, in order of time."""
        source = FileSource.open(path, replace(reader, also=order.names), file_format)
        found = reader.count()
        rows, columns = RowsInOrder.read(source, order, found).with_derived(order, reader.columns)
        reader = replace(reader, columns=columns)
        parts = assemble(MemorySource(split_by_label(rows.values, rows.labels)), reader, found, regime_labels, exclude)
        series = series_of(rows.keys, order.time, order.unit, rows.values, rows.labels, parts.source)
        return cls._of(parts, series)

    @classmethod
    def _of(cls, parts: Parts, series: RowSeries | None = None) -> RegimeData:
        data = cls(*parts, series)
        data._check_variation()
        return data if series is None else replace(data, memory=series.memory(data._regime_of_label))

    def _check_variation(self) -> None:
        pooled = self.pooled_range(self.regimes)
        for k, name in enumerate(self.columns.described):
            if pooled[0][k] == pooled[1][k]:
                what = "the outcome" if name == self.outcome else "action" if name in self.actions else "covariate"
                labels = self.categories.get(name)
                shown = f"{pooled[0][k]:g}" if labels is None else repr(labels[0])
                raise DataError(
                    f"{what} {name!r} is {shown} in every row of every regime; "
                    "nothing can be learned about it. Leave it out or check the column."
                )

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return self.columns.outcome

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions."""
        return self.columns.actions

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return self.columns.covariates

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the actions followed by those of the covariates: the columns of a batch."""
        return self.columns.variables

    @property
    def categories(self) -> dict[str, tuple[Label, ...]]:
        """Labels of the actions and covariates that do not hold numbers, in the order of their codes."""
        return {name: self.label_sets[name].labels for name in self.variables if name in self.label_sets}

    @property
    def datasets(self) -> tuple[Label, ...]:
        """Labels of the data sets, in the order of their codes; empty where none are told apart."""
        name = self.columns.dataset
        return () if name is None else self.label_sets[name].labels

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """The regimes at hand: observational first, then by the actions that were set."""
        return tuple(self.profiles)

    @property
    def n_rows(self) -> int:
        """Number of rows in all regimes."""
        return sum(profile.rows for profile in self.profiles.values())

    def index(self, variable: str) -> int:
        """Position of an action or a covariate among the variables.

        Parameters
        ----------
        variable : str
            Name of an action or a covariate.

        Returns
        -------
        int

        Examples
        --------
        >>> data.index("web")
        1
        """
        return self.variables.index(variable)

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """Yield all rows in batches of one regime each, at most `batch_rows` at a time.

        Parameters
        ----------
        batch_rows : int
            The most rows of a batch.

        Returns
        -------
        iterator of Batch
            With ``regime``, ``actions`` of shape (n, V) and ``outcome`` of shape (n,).

        Examples
        --------
        >>> [(batch.regime.label, len(batch.outcome)) for batch in data.batches(200)]
        [('obs', 200), ('obs', 100), ('do(tv)', 200), ('do(tv)', 100), ('do(web)', 200), ('do(web)', 100)]
        """
        return self._rows.batches(batch_rows)

    def parts(self, rows: int = PART_ROWS) -> tuple[RowsPart, ...]:
        """Cut the rows into parts of about `rows` rows each that can be pickled, to read them in other processes.

        Together, in this order, the parts hold all rows in the order of `batches`; where `rows` is a multiple of
        `batch_rows` also the same batches. Parts of files are paths and row groups: a part is at least one row
        group of a Parquet file, or one CSV file.

        Parameters
        ----------
        rows : int
            About how many rows a part has.

        Returns
        -------
        tuple of RowsPart

        Examples
        --------
        >>> [sum(len(batch.outcome) for batch in part.batches()) for part in data.parts(300)]
        [300, 300, 300]
        """
        return self._rows.cut(rows)

    @property
    def _rows(self) -> RowsPart:
        return RowsPart(self.columns, self._source, self._regime_of_label)

    def pooled_range(self, regimes: Iterable[Regime]) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest value of the variables and the outcome over `regimes`, shape (V + 1,).

        Parameters
        ----------
        regimes : iterable of Regime
            Some of the regimes at hand.

        Returns
        -------
        low, high : ndarray, shape (V + 1,)

        Examples
        --------
        >>> low, high = data.pooled_range(data.regimes)
        >>> low.shape, bool((low < high).all())
        ((3,), True)
        """
        profiles = [self.profiles[regime] for regime in regimes]
        return (
            np.stack([profile.low for profile in profiles]).min(axis=0),
            np.stack([profile.high for profile in profiles]).max(axis=0),
        )

    def regimes_setting(self, action: str) -> tuple[Regime, ...]:
        """Regimes in which `action` was set.

        Parameters
        ----------
        action : str
            Name of an action.

        Returns
        -------
        tuple of Regime

        Examples
        --------
        >>> data.regimes_setting("tv")
        (Regime('do(tv)'),)
        """
        return tuple(regime for regime in self.regimes if regime.sets(action))

    def regimes_leaving(self, action: str) -> tuple[Regime, ...]:
        """Regimes in which `action` followed its own causes.

        Parameters
        ----------
        action : str
            Name of an action.

        Returns
        -------
        tuple of Regime

        Examples
        --------
        >>> data.regimes_leaving("tv")
        (Regime('obs'), Regime('do(web)'))
        """
        return tuple(regime for regime in self.regimes if not regime.sets(action))

    def without(self, regimes: Iterable[Regime | str]) -> RegimeData:
        """Return the data without the rows of some regimes, given as regimes or labels; nothing is read again.

        Parameters
        ----------
        regimes : iterable of (Regime or str)
            What to leave out.

        Returns
        -------
        RegimeData

        Raises
        ------
        DataError
            If a label cannot be read, no row has it, no regime is left, or an action never varies in the rest.

        Examples
        --------
        >>> data.without(["do(web)"]).regimes
        (Regime('obs'), Regime('do(tv)'))
        """
        from bayes_ivgen.data.selecting import without_regimes

        kept = without_regimes(self, regimes)
        kept._check_variation()
        return kept

    def summary(self) -> pd.DataFrame:
        """Rows and ranges of every variable in every regime, and what is identified.

        Returns
        -------
        DataFrame
            One row for each regime and variable: ``rows``, ``was_set``, ``mean``, ``sd``, ``low``,
            ``high`` and ``levels`` (number of distinct values, <NA> above 64); with weights also
            ``weight``, their sum. Columns of labels have no moments and no range.

        Examples
        --------
        >>> data.summary().loc["obs", ["rows", "was_set"]]
                  rows  was_set
        variable
        tv         300    False
        web        300    False
        sales      300    False
        """
        return summary_table(self.profiles, self.columns, self.categories)

    def identified(self, blocks: Sequence[Sequence[str]] = ()) -> pd.DataFrame:
        """Which effects the regimes identify (docs/theory/identification.md).

        Parameters
        ----------
        blocks : sequence of sequences of str
            Actions that are always set together, as in ``InterventionModel(blocks=...)``.

        Returns
        -------
        DataFrame
            One row for the joint effect, each single and (up to six actions or blocks) every other
            regime: ``identified`` and, where it is not, ``missing``: a smallest set of further
            experiments that would identify it, pairs and the joint one among the candidates; of
            equally many, those that set least. The effect itself is proposed only if it sets one
            action (block) or none.

        Raises
        ------
        DataError
            If a block names something else than actions, or a regime sets only part of a block.

        Examples
        --------
        >>> print(data.identified())
                    identified missing
        effect
        obs               True
        do(tv)            True
        do(web)           True
        do(tv,web)        True
        >>> print(data.without(["do(web)"]).identified().loc[["do(tv,web)"]])
                    identified  missing
        effect
        do(tv,web)       False  do(web)
        """
        return identified_table(self.regimes, self.actions, blocks)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"rows": self.summary()}

    def __str__(self) -> str:
        rows = ", ".join(f"{regime.label}: {profile.rows}" for regime, profile in self.profiles.items())
        return f"RegimeData of {self.outcome!r} given {list(self.actions)}; rows {rows}"
