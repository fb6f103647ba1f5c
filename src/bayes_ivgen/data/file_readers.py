"""Readers of files, as class methods of `RegimeData`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from bayes_ivgen.data.checks import RegimeLabels
from bayes_ivgen.data.missing import Missing
from bayes_ivgen.data.read_options import ReadOptions
from bayes_ivgen.data.regime_rows import RegimeRows
from bayes_ivgen.data.row_reading import read_files


class FileReaders(RegimeRows):
    """Readers of files. Arguments have the same names in all readers, by which `ReadOptions` takes them."""

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
    ) -> Self:
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
        return cls._of(read_files(path, "parquet", ReadOptions.of(locals()), checkpoint))

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
    ) -> Self:
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
        return cls._of(read_files(path, "csv", ReadOptions.of(locals()), checkpoint))
