"""From a table to arrays of numbers: codes for labels, rows with missing values refused or left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.frames import RowLabels, label_column, numeric_column, to_narwhals
from bayes_ivgen.data.labels import Codebook, Label, holds_labels
from bayes_ivgen.data.missing import Missing, MissingRows, checked_missing
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import DataError


@dataclass(frozen=True, eq=False)
class RowReader:
    """Which columns are read, and what is done with labels and missing values.

    Attributes
    ----------
    columns : ColumnNames
        Names of the columns.
    regime : str or None
        Column of regime labels.
    missing : {"refuse", "drop"}
        What is done with rows in which a value is missing.
    codebook : Codebook
        Codes of the labels met so far; later reads only add to it.
    also : tuple of str
        Columns that are read from files and passed on as they are: times, units.
    in_order : bool
        Whether rows follow each other: rows with missing values are then counted and returned, with NaN.
    """

    columns: ColumnNames
    regime: str | None = None
    missing: Missing = "refuse"
    codebook: Codebook = field(default_factory=Codebook, repr=False)
    also: tuple[str, ...] = ()
    in_order: bool = False

    def __post_init__(self) -> None:
        checked_missing(self.missing)

    @property
    def needed(self) -> list[str]:
        """All columns that are read."""
        return list(dict.fromkeys([*self.columns.read, *([] if self.regime is None else [self.regime]), *self.also]))

    def count(self) -> MissingRows:
        """Return an empty count of missing rows."""
        needed = [*self.columns.actions, *([] if self.regime is None else [self.regime])]
        return MissingRows(self.regime, needed if self.in_order else ())

    def read(
        self,
        frame: Any,
        where: str,
        found: MissingRows,
        *,
        first_row: int = 0,
        dataset: Label | None = None,
    ) -> tuple[FloatArray, RowLabels | None]:
        """Return the columns of `ColumnNames.read` and the regime labels of the rows without missing values, or of all.

        Each column of the array lies in one piece (Fortran order): profiles and designs go by columns.

        Parameters
        ----------
        frame : data frame
            Any that `to_narwhals` knows.
        where : str
            What it is called in messages.
        found : MissingRows
            Rows with missing values are counted here.
        first_row : int
            Number of its first row in messages.
        dataset : label, optional
            Data set of all rows, where no column says so.

        Raises
        ------
        DataError
            If a column is missing or cannot be read, or a weight or an exposure is not positive.
        """
        names = [name for name in self.needed if dataset is None or name != self.columns.dataset]
        table = to_narwhals(frame, names, where)
        columns = np.empty((len(self.columns.read), len(table)))
        for k, name in enumerate(self.columns.read):
            columns[k] = self._column(table, name, where, first_row, dataset)
        labels = None if self.regime is None else label_column(table, self.regime, where)
        # Row numbers in messages are those of the file: rows are left out after everything was read.
        gone = found.find(self._missing(columns, labels, names), len(table), where, first_row)
        self._check_positive(columns, gone, where, first_row)
        if gone is not None and not self.in_order:
            columns = np.compress(~gone, columns, axis=1)
            labels = None if labels is None else RowLabels(labels.codes[~gone], labels.labels)
        return columns.T, labels

    def _missing(
        self, columns: FloatArray, labels: RowLabels | None, names: list[str]
    ) -> dict[str, NDArray[np.bool_] | None]:
        missing: dict[str, NDArray[np.bool_] | None] = dict.fromkeys(names)
        if not np.isfinite(columns).all():
            for k, name in enumerate(self.columns.read):
                if (here := np.isnan(columns[k])).any():
                    missing[name] = here
        if labels is not None and self.regime is not None and (labels.codes < 0).any():
            missing[self.regime] = labels.codes < 0
        return missing

    def _column(
        self, table: nw.DataFrame[Any], name: str, where: str, first_row: int, dataset: Label | None
    ) -> FloatArray:
        columns = self.columns
        if name == columns.dataset:
            if dataset is not None:
                return np.full(len(table), self.codebook.code(dataset, name))
            return self.codebook.encode(table[name], name, where)
        if name in columns.variables and holds_labels(table[name]):
            return self.codebook.encode(table[name], name, where)
        if table[name].null_count() == len(table):
            return np.full(len(table), np.nan)
        values = numeric_column(table[name], name, where, first_row, missing_ok=True)
        if name in columns.variables:
            self.codebook.saw_numbers(name, where)
        return values

    def _check_positive(self, columns: FloatArray, gone: NDArray[np.bool_] | None, where: str, first_row: int) -> None:
        for part, name in (("weights", self.columns.weights), ("exposure", self.columns.exposure)):
            if name is None:
                continue
            column = columns[self.columns.read.index(name)]
            wrong = column <= 0 if gone is None else (column <= 0) & ~gone
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(
                    f"the {part} column {name!r} of {where} is {column[row]:g} in row {first_row + row}; every entry "
                    f"must be above zero. Leave out the {int(wrong.sum())} rows where it is not."
                )
