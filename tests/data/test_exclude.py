"""Rows that are left out by their label: the same data as if they had never been there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataError

COUNTS = {"obs": 40, "do(a)": 30, "do(b)": 30, "do(a,b)": 20}
COLUMNS: dict[str, Any] = {"outcome": "y", "actions": ["a", "b"]}


@pytest.fixture
def rows(linear_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return linear_rows(COUNTS).sample(frac=1, random_state=0)


def read(rows: pd.DataFrame, how: str, folder: Path, **options: Any) -> RegimeData:
    if how == "frame":
        return RegimeData.from_frame(rows, **COLUMNS, **options)
    path = folder / f"rows.{how}"
    if how == "csv":
        rows.to_csv(path, index=False)
        return RegimeData.from_csv(path, **COLUMNS, **options)
    rows.to_parquet(path, index=False)
    return RegimeData.from_parquet(path, **COLUMNS, **options)


everywhere = pytest.mark.parametrize("how", ["frame", "parquet", "csv"])


@everywhere
def test_the_rows_are_gone_from_profiles_and_from_every_pass(how: str, rows: pd.DataFrame, tmp_path: Path) -> None:
    data = read(rows, how, tmp_path, exclude=["do(a,b)"])
    (tmp_path / "never").mkdir()
    never = read(rows[rows["regime"] != "do(a,b)"], how, tmp_path / "never")
    assert [regime.label for regime in data.regimes] == ["obs", "do(a)", "do(b)"]
    pd.testing.assert_frame_equal(data.summary(), never.summary())
    for _ in range(2):
        batches = list(data.batches(16))
        assert sum(len(batch.outcome) for batch in batches) == 100
        assert {batch.regime.label for batch in batches} == {"obs", "do(a)", "do(b)"}
    found = np.sort(np.concatenate([batch.outcome for batch in data.batches()]))
    np.testing.assert_array_equal(found, np.sort(np.concatenate([batch.outcome for batch in never.batches()])))


@everywhere
def test_an_unknown_label_is_an_error_that_lists_the_others(how: str, rows: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"exclude names 'do\(c\)', but no row has this label.*'do\(a,b\)'"):
        read(rows, how, tmp_path, exclude=["do(c)"])


def test_a_label_that_is_left_out_needs_no_meaning(rows: pd.DataFrame) -> None:
    odd = rows.replace({"regime": {"do(a,b)": "pilot phase, unclear"}})
    with pytest.raises(DataError, match="cannot be read"):
        RegimeData.from_frame(odd, **COLUMNS)
    data = RegimeData.from_frame(odd, **COLUMNS, exclude=["pilot phase, unclear"])
    assert data.n_rows == 100


def test_a_string_instead_of_a_list_is_an_error_and_its_fix_works(rows: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"pass a list of labels such as \['do\(a\)'\]"):
        RegimeData.from_frame(rows, **COLUMNS, exclude="do(a)")
    assert RegimeData.from_frame(rows, **COLUMNS, exclude=["do(a)"]).n_rows == 90


def test_a_label_cannot_be_explained_and_left_out(rows: pd.DataFrame) -> None:
    with pytest.raises(DataError, match=r"'do\(a\)' stands in exclude and in regime_labels"):
        RegimeData.from_frame(rows, **COLUMNS, exclude=["do(a)"], regime_labels={"do(a)": ["a"]})


def test_something_must_be_left(rows: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="no row is left"):
        RegimeData.from_frame(rows, **COLUMNS, exclude=list(COUNTS))
