"""Columns of season and trend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bayes_ivgen.errors import DataError
from bayes_ivgen.media import seasonality, trend


def test_the_season_comes_back_after_a_period() -> None:
    found = seasonality(np.arange(30), period=10, order=2)
    assert list(found) == ["season_sin_1", "season_cos_1", "season_sin_2", "season_cos_2"]
    np.testing.assert_allclose(found[:20].to_numpy(), found[10:].to_numpy(), atol=1e-12)
    np.testing.assert_allclose(found["season_sin_2"], np.sin(2 * np.pi * 2 * np.arange(30) / 10), atol=1e-12)
    np.testing.assert_allclose(found[:10].sum(), 0.0, atol=1e-12)


def test_dates_have_a_year_of_days_and_keep_the_index() -> None:
    days = pd.Series(pd.to_datetime(["2023-03-01", "2024-03-01"]), index=[5, 9])
    found = seasonality(days)
    assert list(found.index) == [5, 9]
    np.testing.assert_allclose(found.iloc[0], found.iloc[1], atol=0.03)
    assert trend(days)["trend"].tolist() == [0.0, 1.0]
    np.testing.assert_allclose(seasonality(pl.Series(days.tolist())), found)


@pytest.mark.parametrize("of", [list, np.array, pl.Series, pa.array, lambda weeks: pa.chunked_array([weeks])])
def test_times_may_be_any_array(of: Any) -> None:
    weeks = [10, 11, 12]
    assert trend(of(weeks))["trend"].tolist() == [0.0, 0.5, 1.0]
    pd.testing.assert_frame_equal(seasonality(of(weeks)), seasonality(pd.Series(weeks)))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: seasonality([1, 2], period=0), "positive number of steps"),
        (lambda: seasonality([1, 2], order=0), "1 or more"),
        (lambda: seasonality(["a"]), "whole numbers or dates"),
        (lambda: trend([3, 3]), "no trend"),
    ],
)
def test_wrong_arguments_are_refused(call: object, match: str) -> None:
    with pytest.raises(DataError, match=match):
        call()  # type: ignore[operator]
