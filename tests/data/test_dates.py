"""Dates as text and as whole numbers: ISO dates are read, for others the message has code that helps."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from bayes_ivgen import RegimeData
from bayes_ivgen.data.dates import date_advice, iso_days
from bayes_ivgen.errors import DataError
from bayes_ivgen.media import seasonality, trend

DAYS = pd.date_range("2024-01-01", periods=9, freq="7D")


def table(weeks: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"week": weeks, "tv": rng.uniform(1, 2, 9), "y": rng.normal(size=9), "regime": "obs"})


def read(frame: Any) -> RegimeData:
    return RegimeData.from_frame(frame, outcome="y", actions=["tv"], time="week")


def told(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


def run_fix(message: str, frame: pd.DataFrame) -> None:
    """Run the assignment that a message proposes."""
    found = re.search(
        r"frame\['week'\] = (pandas\.to_datetime\(frame\['week'\](?:\.astype\(str\))?, format=\"[^\"]+\"\))", message
    )
    assert found is not None, message
    frame["week"] = eval(found[1], {"pandas": pd, "frame": frame})  # the code of the message


@pytest.mark.parametrize("of", [pd.DataFrame, pl.from_pandas])
@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00"])
def test_iso_text_is_read(of: Any, pattern: str) -> None:
    found = read(of(table(DAYS.strftime(pattern)))).series
    want = read(table(DAYS)).series
    assert found is not None
    assert want is not None
    assert found.clock == want.clock
    np.testing.assert_array_equal(found.step_of, want.step_of)


@pytest.mark.parametrize("pattern", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y"])
def test_the_advice_for_other_text_helps(pattern: str) -> None:
    frame = table(DAYS.strftime(pattern))
    message = told(lambda: read(frame))
    assert "the time column 'week' holds" in message
    assert "written as 2024-01-29" in message
    run_fix(message, frame)
    series = read(frame).series
    assert series is not None
    assert series.clock.text(1) == "2024-01-08"


def test_where_day_and_month_are_open_the_message_says_so() -> None:
    message = told(lambda: read(table([f"{month:02}/01/2024" for month in range(1, 10)])))
    assert (
        "whether the day comes first, frame['week'] = pandas.to_datetime(frame['week'], format=\"%d/%m/%Y\")" in message
    )
    assert 'or the month, format="%m/%d/%Y"' in message


@pytest.mark.parametrize("entries", [["2024-01-01", "15/01/2024"], ["2024-02-30", "2024-01-01"], ["x", "y"]])
def test_texts_of_no_common_format_are_named(entries: list[str]) -> None:
    odd = next(text for text in entries if text != "2024-01-01")
    message = told(lambda: read(table(np.resize(entries, 9))))
    assert repr(odd) in message
    assert "pandas.to_datetime" not in message  # nothing that would raise
    assert "Write dates as 2024-01-29" in message
    assert date_advice(entries, "x").startswith("Write dates")
    assert iso_days(["2024-01-01"]) is not None


def test_days_as_whole_numbers_are_asked_about() -> None:
    frame = table(DAYS.strftime("%Y%m%d").astype(int))
    message = told(lambda: read(frame))
    assert "such as 20240101, which look like days" in message
    assert "write them as 2024-01-01" in message
    assert "Add the missing rows" not in message
    run_fix(message, frame)
    series = read(frame).series
    assert series is not None
    assert series.clock.step == 7
    apart = table([20240101 + 13 * i for i in range(9)])  # 20240140 is no day
    assert read(apart).series is not None
    assert "Add the missing rows" in told(lambda: read(table([20240140, *range(20240142, 20240150)])))


def test_season_and_trend_read_iso_text_and_name_the_column() -> None:
    text = pd.Series(DAYS.strftime("%Y-%m-%d"), name="day")
    pd.testing.assert_frame_equal(seasonality(text), seasonality(pd.Series(DAYS)))
    assert trend(text.tolist())["trend"].iloc[-1] == 1.0
    message = told(lambda: seasonality(pd.Series(DAYS.strftime("%d/%m/%Y"), name="day")))
    assert "frame['day'] = pandas.to_datetime(frame['day'], format=\"%d/%m/%Y\")" in message
    assert "times = pandas.to_datetime(times" in told(lambda: trend(DAYS.strftime("%d/%m/%Y").tolist()))
    assert "'day'" in told(lambda: seasonality(pl.Series("day", ["a"])))
