"""Readers of tables, as class methods of `RegimeData`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from bayes_ivgen.data.checks import RegimeLabels
from bayes_ivgen.data.datasets import DATASET, dataset_of_frames
from bayes_ivgen.data.labels import Label
from bayes_ivgen.data.missing import Missing
from bayes_ivgen.data.read_options import ReadOptions
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.regime_rows import RegimeRows
from bayes_ivgen.data.row_reading import ReadRows, read_frame, read_frames
from bayes_ivgen.errors import DataError


class FrameReaders(RegimeRows):
    """Readers of tables. Arguments have the same names in all readers, by which `ReadOptions` takes them."""

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
    ) -> Self:
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
            What happens to rows with a missing value: an error, or they are left out with a warning. With `time` what
            was spent in them still carries over, and actions and regimes must be known in every row.
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
        return cls._of(read_frame(frame, ReadOptions.of(locals())))

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
    ) -> Self:
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
        column = dataset if isinstance(dataset, str) or dataset is None else DATASET
        return cls._of(read_frames(frames, dataset_of, ReadOptions.of({**locals(), "dataset": column})))

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
    ) -> Self:
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
        options = ReadOptions.of(locals())
        return cls._of(ReadRows(assemble_dask(frame, options.reader(), options.regime_labels, options.exclude)))
