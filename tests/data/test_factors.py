"""Labels as whole numbers: the same from every library, whatever lies in the column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen.data.factors import factorized

VALUES = ["b", None, "a", "b", "c", None]
SERIES: dict[str, Callable[[list[Any]], Any]] = {
    "pandas": lambda values: pd.Series(values, dtype="str"),
    "pandas objects": lambda values: pd.Series(values, dtype=object),
    "pandas categories": lambda values: pd.Series(pd.Categorical(values, [*"zcba"])),
    "polars": lambda values: pl.Series(values, dtype=pl.String),
    "polars categories": lambda values: pl.Series(values, dtype=pl.Categorical),
    "polars enum": lambda values: pl.Series(values, dtype=pl.Enum([*"zcba"])),
    "arrow": lambda values: pa.chunked_array([values], pa.string()),
    "large arrow": lambda values: pa.chunked_array([values], pa.large_string()),
    "arrow categories": lambda values: pa.chunked_array([values], pa.string()).dictionary_encode(),
    "arrow in chunks": lambda values: pa.chunked_array(
        [pa.array(values[:2], pa.string()).dictionary_encode(), pa.array(values[2:], pa.string()).dictionary_encode()]
    ),
    "arrow text in chunks": lambda values: pa.chunked_array([values[:2], values[2:]], pa.string()),
}
every = pytest.mark.parametrize("kind", SERIES)


def decoded(native: Any) -> list[Any]:
    positions, labels, _ = factorized(nw.from_native(native, series_only=True))
    assert len({*labels, None}) == len(labels) + 1
    assert set(positions) - {-1} == set(range(len(labels)))  # none that no row has
    return [None if position < 0 else labels[position] for position in positions]


@every
@given(st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=12))
def test_labels_come_back(kind: str, values: list[Any]) -> None:
    assert decoded(SERIES[kind](values)) == values


@every
def test_declared_orders(kind: str) -> None:
    declared = factorized(nw.from_native(SERIES[kind](VALUES), series_only=True)).declared
    assert declared == (("z", "c", "b", "a") if kind == "polars enum" else None)


def test_ordered_categories() -> None:
    for native in (
        pd.Series(pd.Categorical(VALUES, [*"zcba"], ordered=True)),
        pa.chunked_array([pa.DictionaryArray.from_arrays([2, None, 3, 2, 1, None], [*"zcba"], ordered=True)]),
    ):
        assert decoded(native) == VALUES
        assert factorized(nw.from_native(native, series_only=True)).declared == ("z", "c", "b", "a")


@pytest.mark.parametrize(
    ("indices", "dictionary", "values"),
    [
        ([0, 1, 2, None], ["a", None, "b"], ["a", None, "b", None]),
        ([0, 1, 2, 1], ["a", "b", "a"], ["a", "b", "a", "b"]),
    ],
    ids=["missing value", "doubled value"],
)
def test_odd_dictionaries_of_arrow(indices: list[Any], dictionary: list[Any], values: list[Any]) -> None:
    array = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(dictionary, pa.string()))
    assert decoded(pa.chunked_array([array])) == values


def test_booleans_and_numbers() -> None:
    assert decoded(pa.chunked_array([[True, None, False]])) == [True, None, False]
    assert decoded(pd.Series([True, False, True])) == [True, False, True]
    assert decoded(pd.Series([3, 1, 3])) == [3, 1, 3]
    assert all(type(label) is int for label in decoded(pd.Series([3, 1, 3])))


def test_labels_that_are_not_hashable_stand_for_themselves() -> None:
    native = pd.Series([["a"], ["a"]], dtype=object)
    positions, labels, _ = factorized(nw.from_native(native, series_only=True))
    np.testing.assert_array_equal(positions, [0, 1])
    assert labels == [["a"], ["a"]]
