"""Rows from several regimes: their description, and the rows themselves in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.labels import Label, LabelSet
from bayes_ivgen.data.memory import Memory
from bayes_ivgen.data.parts import PART_ROWS, RowsPart
from bayes_ivgen.data.profile import FloatArray, RegimeProfile
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.row_reading import ReadRows
from bayes_ivgen.data.series import Carried, RowSeries
from bayes_ivgen.data.sources import BATCH_ROWS, Batch, RowSource
from bayes_ivgen.errors import DataError
from bayes_ivgen.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class RegimeRows(Shown):
    """What `RegimeData` holds; its docstring has the attributes."""

    columns: ColumnNames
    profiles: Mapping[Regime, RegimeProfile] = field(repr=False)
    _source: RowSource = field(repr=False)
    _regime_of_label: Mapping[str, Regime] = field(repr=False)
    label_sets: Mapping[str, LabelSet] = field(default_factory=dict, repr=False)
    series: RowSeries | None = field(default=None, repr=False)
    carried: Carried | None = field(default=None, repr=False)
    memory: Memory | None = field(default=None, repr=False)

    @classmethod
    def _of(cls, read: ReadRows) -> Self:
        series = read.series
        data = cls(*read.parts, series)
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
