"""Rows from several regimes, validated once and read in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from bayes_ivgen.data.file_readers import FileReaders
from bayes_ivgen.data.frame_readers import FrameReaders
from bayes_ivgen.data.identified import identified_table
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.tables import summary_table


@dataclass(frozen=True, eq=False, repr=False)
class RegimeData(FrameReaders, FileReaders):
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
