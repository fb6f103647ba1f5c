"""What comes with the values of a question: the index of its rows, and the categories of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd

from bayes_ivgen.data.factors import factorized
from bayes_ivgen.errors import QueryError


@dataclass(frozen=True, eq=False)
class QueryLabels:
    """Labels of queries that answers carry on.

    Attributes
    ----------
    index : Index or None
        Labels of the queries, where a frame or series of pandas had some; else they are counted from 0.
    dtypes : mapping of str to CategoricalDtype
        Columns that were given as categories, with their levels in their order.
    """

    index: pd.Index | None = field(default=None, repr=False)
    dtypes: Mapping[str, pd.CategoricalDtype] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, sources: Mapping[str, Any], length: int) -> Self:
        """Collect the labels of all parts of a question with `length` queries.

        Parameters
        ----------
        sources : mapping of str to mapping, data frame or None
            What was passed, by the name of the argument.
        length : int
            Number of queries; the index of a single row that stands for all of them is none of theirs.

        Raises
        ------
        QueryError
            If two parts have different indexes: values go together by position.
        """
        index: pd.Index | None = None
        first = ""
        dtypes: dict[str, pd.CategoricalDtype] = {}
        for where, source in sources.items():
            for name, part in _parts(where, source):
                found = part.index if isinstance(part, pd.DataFrame | pd.Series) else None
                if found is None or len(found) != length or is_plain(found):
                    continue
                if index is None:
                    index, first = found, name
                elif not index.equals(found):
                    raise _different(first, index, name, found)
            dtypes |= _categories(source)
        return cls(index, dtypes)

    def beside(self, other: QueryLabels) -> pd.Index | None:
        """Return the index of the two sides of a contrast.

        Raises
        ------
        QueryError
            If both have one and they differ.
        """
        if self.index is None or other.index is None:
            return other.index if self.index is None else self.index
        if not self.index.equals(other.index):
            raise _different("do", self.index, "versus", other.index)
        return self.index

    def stretched(self, length: int) -> Self:
        """Return the labels of one query that stands for `length`: its index is not theirs."""
        return self if self.index is None or len(self.index) == length else replace(self, index=None)

    def index_of(self, length: int) -> pd.Index:
        """Return the labels of `length` queries, counted from 0 unless they have their own."""
        return pd.RangeIndex(length, name="query") if self.index is None else named(self.index)

    def column(self, name: str, labels: Sequence[Any]) -> Any:
        """Labels of a column, as categories if that is what was asked with."""
        return pd.Categorical(list(labels), dtype=self.dtypes[name]) if name in self.dtypes else list(labels)


def is_plain(index: pd.Index) -> bool:
    """Whether an index only counts rows from 0."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def named(index: pd.Index) -> pd.Index:
    """Return the index with a name, ``query`` unless it has one."""
    return index.rename("query") if index.nlevels == 1 and index.name is None else index


def coordinates(index: pd.Index, taken: Sequence[str]) -> dict[str, Any]:
    """Coordinates of the dim ``query``: its labels, or positions and one coordinate for each level of the index.

    Raises
    ------
    QueryError
        If a level has no name, or that of an action or a dim.
    """
    if index.nlevels == 1:
        name = {} if index.name in (None, "query") else {"long_name": str(index.name)}
        return {"query": ("query", index.to_numpy(), name)}
    clash = next((name for name in index.names if name is None or name in (*taken, "chain", "draw", "query")), "")
    if clash != "":
        raise QueryError(
            f"the index of the queries has a level named {clash!r}, "
            + ("and every level needs a name" if clash is None else "which is the name of a coordinate of the draws")
            + f". Name its {index.nlevels} levels otherwise, with frame.rename_axis([...]), or pass "
            "frame.reset_index(drop=True)."
        )
    levels = {str(name): ("query", index.get_level_values(i).to_numpy()) for i, name in enumerate(index.names)}
    return {"query": np.arange(len(index)), **levels}


def _parts(where: str, source: Any) -> list[tuple[str, Any]]:
    if isinstance(source, Mapping):
        return [(f"{where}[{name!r}]", value) for name, value in source.items()]
    return [(where, source)]


def _categories(source: Any) -> dict[str, pd.CategoricalDtype]:
    """Return the columns of categories with their levels in their order."""
    if source is None:
        return {}
    if isinstance(source, Mapping):
        columns = {name: _as_series(value) for name, value in source.items()}
    else:
        frame = nw.from_native(source, eager_only=True)
        columns = {name: frame[name] for name in frame.columns}
    return {name: _dtype(column) for name, column in columns.items() if column is not None and _is_category(column)}


def _as_series(value: Any) -> Any:
    if isinstance(value, pd.Categorical | pd.CategoricalIndex):
        value = pd.Series(value)
    return nw.from_native(value, series_only=True, pass_through=True) if hasattr(value, "dtype") else None


def _is_category(column: Any) -> bool:
    return isinstance(column, nw.Series) and column.dtype in (nw.Categorical, nw.Enum)


def _dtype(column: nw.Series[Any]) -> pd.CategoricalDtype:
    native = column.to_native()
    if isinstance(native, pd.Series):
        return native.dtype  # type: ignore[return-value]
    found = factorized(column)
    # Levels that no query has are known only where they are declared.
    return pd.CategoricalDtype(list(found.declared or found.labels), ordered=found.declared is not None)


def _different(first: str, index: pd.Index, second: str, other: pd.Index) -> QueryError:
    at = int(np.argmax(np.asarray(index != other))) if len(index) == len(other) else 0
    return QueryError(
        f"{first} and {second} have different indexes: query {at} is {index[at]!r} in one and {other[at]!r} in the "
        "other. Values go together by position: sort both alike, for example with "
        ".loc[...] by one index, or pass one of them with .reset_index(drop=True)."
    )
