"""Rows in the partitions of a dask DataFrame, on threads: no cluster is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.dask_rows import tree_sum
from bayes_ivgen.errors import DataError, DataWarning

dd = pytest.importorskip("dask.dataframe")
NAMES: dict[str, Any] = {"outcome": "y", "actions": ["a", "b"]}


def table(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"regime": rng.choice(["obs", "do(a)", "do(b)"], n), "a": rng.normal(size=n)})
    return frame.assign(b=rng.normal(size=n), place=rng.choice(["x", "yy", "z"], n), y=rng.normal(size=n))


def cut(frame: pd.DataFrame, ends: Sequence[int] = (40, 41, 200)) -> Any:
    """Partitions of these sizes, one of them with a single row."""
    from dask import delayed

    pieces = np.split(np.arange(len(frame)), list(ends))
    return dd.from_delayed([delayed(frame.iloc[piece]) for piece in pieces], meta=frame.iloc[:0])


def assert_same(found: RegimeData, expected: RegimeData) -> None:
    assert found.regimes == expected.regimes
    assert found.label_sets == expected.label_sets
    pd.testing.assert_frame_equal(found.summary(), expected.summary())
    for regime, profile in expected.profiles.items():
        other = found.profiles[regime]
        assert (other.rows, other.weight) == (profile.rows, profile.weight)
        np.testing.assert_array_equal(np.sort(other.sample, axis=0), np.sort(profile.sample, axis=0))
        for one, two in zip(other.levels, profile.levels, strict=True):
            assert (one is None) == (two is None)
            assert one is None or np.array_equal(one, two)


@settings(deadline=None, max_examples=10)
@given(ends=st.lists(st.integers(1, 239), max_size=5, unique=True), seed=st.integers(0, 99))
def test_partitions_give_what_one_frame_gives(ends: list[int], seed: int) -> None:
    frame = table(seed=seed)
    options = NAMES | {"covariates": ["place"]}
    assert_same(RegimeData.from_dask(cut(frame, sorted(ends)), **options), RegimeData.from_frame(frame, **options))


def test_rows_come_back_in_final_codes() -> None:
    frame = table().sort_values("place", ascending=False)  # the first partitions know one label only
    options = NAMES | {"covariates": ["place"]}
    found = RegimeData.from_dask(cut(frame), **options)
    expected = RegimeData.from_frame(frame, **options)

    def rows(data: RegimeData) -> np.ndarray:
        parts = [np.column_stack([batch.variables, batch.outcome]) for batch in data.batches()]
        values = np.concatenate(parts)
        return values[np.lexsort(values.T)]

    np.testing.assert_array_equal(rows(found), rows(expected))
    assert len(found.parts()) == 4


def test_data_sets_weights_and_exclusion() -> None:
    frame = table().assign(run=lambda t: np.where(t["a"] > 0, "north", "south"), n=2.0)
    options = NAMES | {"dataset": "run", "weights": "n", "exclude": ["do(b)"]}
    assert_same(RegimeData.from_dask(cut(frame), **options), RegimeData.from_frame(frame, **options))


def test_missing_values_are_counted_over_all_partitions() -> None:
    frame = table()
    frame.loc[[3, 50, 230], "y"] = np.nan
    with pytest.raises(DataError, match=r"'y' of partition 0 is missing \(NaN\) in row 3.*3 of 240 rows"):
        RegimeData.from_dask(cut(frame), **NAMES)
    with pytest.warns(DataWarning, match="3 of 240 rows have missing values"):
        data = RegimeData.from_dask(cut(frame), **NAMES, missing="drop")
    assert data.n_rows == 237
    assert sum(len(batch.outcome) for batch in data.batches()) == 237


def test_what_is_wrong_is_said_where_it_is() -> None:
    frame = table()
    with pytest.raises(DataError, match=r"frame is a DataFrame; from_dask takes a dask DataFrame.*from_frame"):
        RegimeData.from_dask(frame, **NAMES)
    with pytest.raises(DataError, match="the dask DataFrame has no column 'z'"):
        RegimeData.from_dask(cut(frame), outcome="z", actions=["a", "b"])
    frame.loc[230, "regime"] = "do(c)"
    with pytest.raises(DataError, match="sets 'c', which is not an action"):
        RegimeData.from_dask(cut(frame), **NAMES)


def test_too_many_labels_are_refused_whichever_partition_has_them() -> None:
    frame = table(400).assign(place=lambda t: [f"id{i}" if i > 200 else "x" for i in range(len(t))])
    for ends in ([100], [300]):
        with pytest.raises(DataError, match="'place' holds more than 64 different labels"):
            RegimeData.from_dask(cut(frame, ends), **NAMES, covariates=["place"])


@given(st.integers(1, 20))
def test_the_tree_adds_neighbours_in_order(n: int) -> None:
    assert tree_sum([str(i) for i in range(n)], lambda one, two: f"{one},{two}") == ",".join(map(str, range(n)))
