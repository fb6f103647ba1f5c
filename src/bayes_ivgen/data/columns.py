"""Which columns of a table play which part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from bayes_ivgen.data.regime import OBSERVATIONAL_LABEL
from bayes_ivgen.errors import DataError


@dataclass(frozen=True)
class ColumnNames:
    """Names of the columns that are read.

    Attributes
    ----------
    outcome : str
        The outcome.
    actions : tuple of str
        The actions.
    covariates : tuple of str
        What is known of a row beside its actions, and not caused by them.
    weights : str or None
        How many times each row counts.
    exposure : str or None
        The size of each row (days, people, visits), for outcomes on a log scale.
    dataset : str or None
        Label of the data set that a row belongs to.
    """

    outcome: str
    actions: tuple[str, ...]
    covariates: tuple[str, ...] = ()
    weights: str | None = None
    exposure: str | None = None
    dataset: str | None = None

    @classmethod
    def checked(
        cls,
        *,
        outcome: str,
        actions: Sequence[str],
        covariates: Sequence[str] = (),
        weights: str | None = None,
        exposure: str | None = None,
        dataset: str | None = None,
        regime: str | None = None,
    ) -> Self:
        """Check that names are text, different, and fit into regime labels.

        Raises
        ------
        DataError
            If they do not.
        """
        for what, names in (("actions", actions), ("covariates", covariates)):
            if isinstance(names, str):
                raise DataError(f"{what} is the string {names!r}; pass a list of names such as [{names!r}].")
        columns = cls(outcome, tuple(actions), tuple(covariates), weights, exposure, dataset)
        if not columns.actions:
            raise DataError("actions is empty; name at least one action column.")
        _check_text([*columns.read, *([] if regime is None else [regime])])
        _check_once(columns, regime)
        unreadable = next((name for name in columns.actions if not _fits_a_label(name)), None)
        if unreadable is not None:
            raise DataError(
                f"the action name {unreadable!r} cannot stand in a regime label; "
                "rename the column so that it is not empty, has no brackets, commas or spaces around it and is not "
                "'obs'."
            )
        return columns

    @property
    def variables(self) -> tuple[str, ...]:
        """Actions followed by covariates: the arguments of the components."""
        return (*self.actions, *self.covariates)

    @property
    def described(self) -> tuple[str, ...]:
        """Variables followed by the outcome: the columns of a profile."""
        return (*self.variables, self.outcome)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns of numbers (or codes of labels): variables, outcome, weights, exposure."""
        return (*self.described, *(name for name in (self.weights, self.exposure) if name is not None))

    @property
    def read(self) -> tuple[str, ...]:
        """All columns in the order in which they are read: those of `numeric`, then the data set."""
        return (*self.numeric, *(() if self.dataset is None else (self.dataset,)))


def _check_text(names: Sequence[Any]) -> None:
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        raise DataError(f"the column name {wrong!r} is not text; rename the column and pass its name.")


def _check_once(columns: ColumnNames, regime: str | None) -> None:
    names = columns.read
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        parts = {
            "actions": doubled in columns.actions,
            "covariates": doubled in columns.covariates,
            "outcome": doubled == columns.outcome,
            "weights": doubled == columns.weights,
            "exposure": doubled == columns.exposure,
            "dataset": doubled == columns.dataset,
        }
        where = " and ".join(part for part, inside in parts.items() if inside)
        raise DataError(f"{doubled!r} is named twice among {where}; name each column once.")
    if regime in names:
        raise DataError(
            f"the regime column {regime!r} is also an action, the outcome or another column that is read; "
            "name different columns."
        )


def _fits_a_label(name: str) -> bool:
    return bool(name) and name == name.strip() and not set(name) & set("(),") and name != OBSERVATIONAL_LABEL
