"""Rows with missing values: counted by column, then refused or left out."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.errors import DataError, DataWarning

Missing = Literal["refuse", "drop"]


def checked_missing(missing: Missing) -> Missing:
    """Return the argument, or raise a `DataError` if it is not known."""
    if missing not in ("refuse", "drop"):
        raise DataError(f"missing={missing!r} is not known; valid are 'refuse' and 'drop'.")
    return missing


class MissingRows:
    """Counts of rows with missing values, by column.

    Parameters
    ----------
    labels : str or None
        Name of the column of regime labels, for which the advice is another one.
    carried : sequence of str
        Columns in which nothing may be missing because the rows follow each other: spends and regimes of a week also
        tell of later ones. Empty where rows have no order.
    """

    def __init__(self, labels: str | None = None, carried: Sequence[str] = ()) -> None:
        self.labels = labels
        self.carried = tuple(carried)
        self.seen = 0
        self.rows = 0
        self.by_column: Counter[str] = Counter()
        self._first: dict[str, tuple[str, int]] = {}
        self._order: list[str] = []

    def find(
        self, missing: Mapping[str, NDArray[np.bool_] | None], n: int, where: str, first_row: int
    ) -> NDArray[np.bool_] | None:
        """Rows of a table in which a value is missing, shape (n,), or None.

        Parameters
        ----------
        missing : mapping of str to ndarray of shape (n,) or None
            For each column the rows in which it is missing, or None.
        n : int
            Number of rows.
        where : str
            What the table is called in messages.
        first_row : int
            Number of its first row in messages.
        """
        gone = None
        self._order = list(missing)
        for name, here in missing.items():
            if here is not None:
                self.by_column[name] += int(here.sum())
                self._first.setdefault(name, (where, first_row + int(np.argmax(here))))
                gone = here if gone is None else gone | here
        self.seen += n
        self.rows += 0 if gone is None else int(gone.sum())
        return gone

    def plus(self, other: MissingRows) -> MissingRows:
        """Return the counts of the rows of both."""
        total = MissingRows(self.labels, self.carried)
        total.seen, total.rows = self.seen + other.seen, self.rows + other.rows
        total.by_column = self.by_column + other.by_column
        total._first = {**other._first, **self._first}
        total._order = self._order or other._order
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the counts exactly."""
        return {
            "labels": self.labels,
            "seen": self.seen,
            "rows": self.rows,
            "by_column": dict(self.by_column),
            "first": {name: list(place) for name, place in self._first.items()},
            "order": list(self._order),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MissingRows:
        """Restore what `to_dict` wrote."""
        found = cls(data["labels"])
        found.seen, found.rows = data["seen"], data["rows"]
        found.by_column = Counter(data["by_column"])
        found._first = {name: (where, row) for name, (where, row) in data["first"].items()}
        found._order = list(data["order"])
        return found

    @property
    def counts(self) -> str:
        """Count in words, by column and of rows."""
        columns = ", ".join(f"{name!r} {self.by_column[name]:,}" for name in self._order if self.by_column[name])
        have = "has" if self.rows == 1 else "have"
        return f"{self.rows:,} of {self.seen:,} rows {have} missing values ({columns})"

    def settle(self, missing: Missing) -> None:
        """Refuse rows with missing values, or warn that they are left out."""
        if missing == "refuse" or any(name in self._first for name in self.carried):
            self.refuse()
        else:
            self.warn()

    def refuse(self) -> None:
        """Raise a `DataError` if a row has missing values."""
        if not self.rows:
            return
        if self.carried:
            raise self._hole_in_series()
        name = next(iter(self._first))
        where, row = self._first[name]
        advice = f"pass missing='drop' to leave such rows out: {self.counts}."
        if name == self.labels:
            raise DataError(
                f"the regime column {name!r} of {where} is missing in row {row}; "
                f"label every row, 'obs' where nothing was set, or {advice}"
            )
        raise DataError(
            f"column {name!r} of {where} is missing (NaN) in row {row}; "
            f"drop or fill the rows with missing values first, or {advice}"
        )

    def _hole_in_series(self) -> DataError:
        name = next((name for name in self.carried if name in self._first), next(iter(self._first)))
        where, row = self._first[name]
        at = f"is missing in row {row}; "
        if name == self.labels:
            return DataError(
                f"the regime column {name!r} of {where} {at}what was set in a week also tells of later ones: label "
                f"every row, 'obs' where nothing was set. {self.counts}."
            )
        if name in self.carried:
            return DataError(
                f"column {name!r} of {where} {at}what is spent in a week carries over into later ones and must be "
                f"known: write 0 where nothing was spent. {self.counts}."
            )
        return DataError(
            f"column {name!r} of {where} {at}fill it, or pass missing='drop' to leave such rows out of the fit, while "
            f"what was spent in them still carries over: {self.counts}."
        )

    def warn(self) -> None:
        """Issue a `DataWarning` if rows were left out."""
        if self.rows:
            how = " of the fit, while what was spent in them still carries over" if self.carried else ""
            warnings.warn(
                f"{self.counts} and are left out{how}. What is learned is about rows like those that are left: it is "
                "biased if the outcome decides what is missing.",
                DataWarning,
                stacklevel=5,
            )
