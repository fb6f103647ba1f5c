"""From what the user asks to checked arrays: values of the actions and which of them are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.labels import Label, codes_of, listed
from bayes_ivgen.effects.query_labels import QueryLabels
from bayes_ivgen.errors import QueryError

Rest = Literal["hold", "respond"]
RESTS = ("hold", "respond")
Categories = Mapping[str, Sequence[Label]]


AVERAGED = ", averaged over "


@dataclass(frozen=True, eq=False)
class Queries:
    """Questions about one regime at one or many values of the actions.

    Attributes
    ----------
    regime : Regime
        The actions that are set, those held at their observed values included.
    values : ndarray of shape (q, V)
        Values in the order of the actions, then of the covariates; NaN where one is averaged over.
    averaged : tuple of str
        Actions that are held at their observed values, and covariates, that are averaged over.
    covariates : tuple of str
        Names of the covariates.
    responding : tuple of str
        Actions that are not set and follow their own causes.
    categories : mapping of str to tuple
        Labels of the variables whose values are codes.
    labels : QueryLabels
        The index and the categories of the frame that was asked with.
    """

    actions: tuple[str, ...]
    regime: Regime
    values: FloatArray = field(repr=False)
    averaged: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    responding: tuple[str, ...] = ()
    categories: Categories = field(default_factory=dict, repr=False)
    labels: QueryLabels = field(default_factory=QueryLabels, repr=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the actions, then of the covariates."""
        return (*self.actions, *self.covariates)

    @property
    def stated(self) -> tuple[str, ...]:
        """Actions and covariates with a value of their own in each query."""
        return tuple(name for name in self.variables if name not in (*self.averaged, *self.responding))

    def to_frame(self) -> pd.DataFrame:
        """One row a query, one column for each action and covariate that has a value."""
        columns = {name: self._shown(name) for name in self.variables if name in self.stated}
        return pd.DataFrame(columns, index=self.labels.index_of(len(self)))

    def _shown(self, action: str) -> Any:
        values = self.values[:, self.variables.index(action)]
        labels = self.categories.get(action)
        return values if labels is None else self.labels.column(action, [labels[int(code)] for code in values])

    def describe(self, query: int) -> str:
        """Return the conditions in words: ``do(tv=3, web=1), radio seen at 2``."""
        shown = {a: value_text(self.values[query, k], self.categories.get(a)) for k, a in enumerate(self.variables)}
        actions = [a for a in self.stated if a in self.actions]
        set_ = ", ".join(f"{a}={shown[a]}" for a in actions if self.regime.sets(a))
        seen = ", ".join(f"{a} seen at {shown[a]}" for a in actions if not self.regime.sets(a))
        fixed = ", ".join(f"{x}={shown[x]}" for x in self.stated if x in self.covariates)
        held = ", ".join(name for name in self.averaged if name in self.actions)
        mixed = ", ".join(name for name in self.averaged if name in self.covariates)
        parts = (
            f"do({set_})" if set_ else "",
            seen,
            f"{held} held at observed values" if held else "",
            f"{', '.join(self.responding)} left to respond" if self.responding else "",
            fixed,
            f"{AVERAGED[2:]}{mixed} in all rows" if mixed else "",
        )
        return ", ".join(part for part in parts if part)

    def describe_versus(self, other: Queries, query: int) -> str:
        """Write the conditions of a query on two sides, and what both are averaged over once."""
        one, two = self.describe(query), other.describe(query)
        start = one.rfind(AVERAGED)
        shared = start > 0 and two.endswith(one[start:])
        return f"{one[:start] if shared else one} versus {two}"


def value_text(value: Any, labels: Sequence[Label] | None = None) -> str:
    """Write a value, or the label that it is the code of, for a sentence or a picture."""
    if labels is not None:
        return "nan" if np.isnan(value) else str(labels[int(value)])
    return str(value) if isinstance(value, str | bool | np.bool_) else f"{value:.6g}"


def parse_queries(
    actions: Sequence[str],
    do: Any = None,
    given: Any = None,
    rest: str | None = None,
    categories: Categories | None = None,
    *,
    covariates: Any = None,
    covariate_names: Sequence[str] = (),
) -> Queries:
    """Check a question and broadcast its values.

    Parameters
    ----------
    actions : sequence of str
        All actions of the model.
    do, given : mapping or data frame, optional
        Values of the actions that are set, and of those that are seen; scalars, arrays of one
        common length, or the columns of a frame.
    rest : {"hold", "respond"}, optional
        What the actions in neither of them do: ``"hold"`` sets them to their observed values,
        ``"respond"`` lets them follow their own causes.
    categories : mapping of str to sequence of labels, optional
        Variables whose values are given by labels.
    covariates : mapping or data frame, optional
        Values of the covariates; those left out are averaged over.
    covariate_names : sequence of str
        All covariates of the model.

    Raises
    ------
    QueryError
        If an action is unknown, stands in both, or is left open; if lengths or indexes differ; if a
        value is not a finite number, or not one of the labels.
    """
    categories = categories or {}
    set_values, seen_values = (
        _columns(source, where, actions, categories) for source, where in ((do, "do"), (given, "given"))
    )
    both = [name for name in set_values if name in seen_values]
    if both:
        raise QueryError(
            f"the action {both[0]!r} stands in do and in given; it is either set or seen. Take it out of one of them."
        )
    if rest is not None and rest not in RESTS:
        raise QueryError(
            f"rest={rest!r} is not known; valid are 'hold' (the others are set to their observed values) and "
            "'respond' (the others follow their own causes)."
        )
    open_ = tuple(name for name in actions if name not in set_values and name not in seen_values)
    if open_ and rest is None:
        raise QueryError(
            f"the action {open_[0]!r} stands neither in do nor in given. Every action must be set (do), "
            "seen (given), or covered by rest='hold' (set to its observed values) or rest='respond' (left to follow "
            "its causes)."
        )
    fixed = _columns(covariates, "covariates", covariate_names, categories, "a covariate")
    merged = {**set_values, **seen_values, **fixed}
    length = _common_length(merged)
    variables = [*actions, *covariate_names]
    values = np.full((length, len(variables)), np.nan)
    for name, column in merged.items():
        values[:, variables.index(name)] = column
    labels = QueryLabels.of({"do": do, "given": given, "covariates": covariates}, length)
    unfixed = tuple(name for name in covariate_names if name not in fixed)
    if rest == "respond":
        regime = Regime.of(set_values, actions)
        return Queries(tuple(actions), regime, values, unfixed, tuple(covariate_names), open_, categories, labels)
    regime = Regime.of([*set_values, *open_], actions)
    averaged = (*open_, *unfixed)
    return Queries(tuple(actions), regime, values, averaged, tuple(covariate_names), (), categories, labels)


def _columns(
    source: Any, where: str, actions: Sequence[str], categories: Categories, what: str = "an action"
) -> dict[str, FloatArray]:
    if source is None:
        return {}
    if not actions:
        raise QueryError(
            f"{where} is given, but the model has none. Leave {where} out, or name the columns where the data are "
            f"read: RegimeData.from_frame(..., {where}=[...])."
        )
    if not isinstance(source, Mapping):
        try:
            frame = nw.from_native(source, eager_only=True)
        except TypeError as error:
            raise QueryError(
                f"{where} is a {type(source).__name__}; pass a mapping such as "
                f"{where}={{{actions[0]!r}: 1.0}} or a data frame with one column an action."
            ) from error
        except nw.exceptions.DuplicateError as error:
            raise QueryError(f"{where} has two columns of one name; drop or rename all but one of them.") from error
        source = {
            name: frame[name].to_list() if name in categories else frame[name].to_numpy() for name in frame.columns
        }
    unknown = [name for name in source if name not in actions]
    if unknown:
        names = f"The {what.split()[-1]}s are {list(actions)}."
        raise QueryError(f"{where} names {unknown[0]!r}, which is not {what}. {names}")
    return {
        name: _codes(value, f"{where}[{name!r}]", categories[name])
        if name in categories
        else _numbers(value, f"{where}[{name!r}]")
        for name, value in source.items()
    }


def _codes(value: Any, where: str, labels: Sequence[Label]) -> FloatArray:
    codes, unknown = codes_of(value, labels)
    if unknown is not None:
        raise QueryError(f"{where} is {unknown!r}, which is not one of its levels. They are {listed(labels)}.")
    return codes


def _numbers(value: Any, where: str) -> FloatArray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise QueryError(f"{where} is {value!r}; pass a number or a flat array, one entry a query.") from error
    if array.dtype.kind not in "iuf":
        raise QueryError(f"{where} is {value!r}; it must be a number or an array of numbers.")
    if array.ndim > 1:
        raise QueryError(f"{where} has {array.ndim} dimensions; pass a number or a flat array, one entry a query.")
    array = array.astype(float)
    if np.ma.is_masked(value) or not np.isfinite(array).all():
        raise QueryError(f"{where} holds a missing or infinite value; every value must be a finite number.")
    return np.atleast_1d(array)


def _common_length(columns: Mapping[str, FloatArray]) -> int:
    lengths = {name: len(column) for name, column in columns.items() if len(column) != 1}
    if len(set(lengths.values())) > 1:
        raise QueryError(f"the values have different lengths {lengths}; give one number, or arrays of one length.")
    length = next(iter(lengths.values()), 1)
    if length == 0:
        raise QueryError("there are no queries: the arrays are empty. Give at least one value.")
    return length
