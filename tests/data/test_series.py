"""Rows in order of time."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

from bayes_ivgen import RegimeData
from bayes_ivgen.errors import DataError, DataWarning


def table(n: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "geo": ["a"] * n + ["b"] * n,
            "week": [*range(n), *range(2, n + 2)],
            "tv": rng.uniform(1, 2, 2 * n),
            "y": rng.normal(size=2 * n),
            "regime": ["obs"] * n + ["do(tv)"] * n,
        }
    )


def read(frame: object, **options: object) -> RegimeData:
    return RegimeData.from_frame(frame, outcome="y", actions=["tv"], **{"time": "week", "unit": "geo", **options})


def test_rows_are_sorted_by_unit_and_time_whatever_their_order() -> None:
    frame = table()
    first, second = read(frame).series, read(frame.sample(frac=1.0, random_state=1)).series
    assert first is not None
    assert second is not None
    for series in (first, second):
        assert (np.diff(series.step_of)[np.diff(series.unit_of) == 0] == 1).all()
        assert series.rank.tolist() == [*range(6), *range(6)]
    order = [second.units.index(unit) for unit in first.units]
    blocks = [second.values[second.unit_of == unit] for unit in order]
    np.testing.assert_array_equal(np.concatenate(blocks), first.values)


def test_dates_of_any_frame_are_steps() -> None:
    frame = table()
    frame["week"] = [date(2024, 1, 1 + 7 * w) if w < 5 else date(2024, 2, 7 * w - 30) for w in frame["week"]]
    dates = read(frame.assign(week=pd.to_datetime(frame["week"]))).series
    polars = read(pl.from_pandas(frame)).series
    assert dates is not None
    assert polars is not None
    assert dates.clock.step == 7
    assert dates.clock.kind == polars.clock.kind == "date"
    np.testing.assert_array_equal(dates.step_of, polars.step_of)
    assert dates.clock.text(1) == "2024-01-08"
    assert dates.clock.steps_of([date(2024, 1, 22)], "start").tolist() == [3]
    with pytest.raises(DataError, match=r"between two steps .*2024-01-01, 2024-01-08"):
        dates.clock.steps_of([date(2024, 1, 23)], "start")
    with pytest.raises(DataError, match="holds numbers, but the times of the fit are dates"):
        dates.clock.steps_of([3], "start")


def test_a_gap_is_refused_and_filling_it_helps() -> None:
    frame = table()
    holed = frame.drop(index=3)
    with pytest.raises(DataError, match=r"after week=2 of geo=a the next row .* 2 steps later.*Add the missing rows"):
        read(holed)
    filled = pd.concat([holed, frame.loc[[3]].assign(tv=0.0)])
    assert read(filled).series is not None
    with pytest.warns(DataWarning, match=r"1 of 12 rows has missing values \('y' 1\) and are left out of the fit"):
        unknown = read(filled.assign(y=filled["y"].where(filled["tv"] > 0)), missing="drop")
    assert unknown.n_rows == 11
    assert unknown.series is not None
    assert len(unknown.series) == 12


def test_two_rows_at_one_time_are_refused() -> None:
    frame = table()
    with pytest.raises(DataError, match=r"two rows at week=2; .*unit="):
        read(frame, unit=None)
    doubled = pd.concat([frame, frame.loc[[0]]])
    with pytest.raises(DataError, match=r"two rows at week=0 of geo=a; .*sum or average them first\."):
        read(doubled)
    assert read(doubled.groupby(["geo", "week", "regime"], as_index=False).mean()).series is not None


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"week": ["x"] * 12}, "pass whole numbers or dates"),
        ({"week": np.arange(12) / 2}, "not whole"),
        ({"week": [None, *range(1, 6), *range(2, 8)]}, "1 missing entries"),
        ({"geo": [None] + ["a"] * 5 + ["b"] * 6}, "unit column 'geo' has 1 missing"),
        ({"week": pd.date_range("2024-01-01", periods=12, freq="h")}, "times of day"),
    ],
)
def test_times_that_cannot_be_read(change: dict[str, object], match: str) -> None:
    with pytest.raises(DataError, match=match):
        read(table().assign(**change))


def test_units_need_times() -> None:
    with pytest.raises(DataError, match="pass both"):
        read(table(), time=None)
    assert read(table(), time=None, unit=None).series is None


def test_series_must_share_their_steps() -> None:
    """A frame of a plan could not name the weeks of a series that lies between those of the others."""
    frame = table()
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * frame["week"], unit="D")
    shifted = frame.assign(week=days + pd.to_timedelta(np.where(frame["geo"] == "b", 2, 0), unit="D"))
    with pytest.raises(DataError, match=r"times of geo=b lie between .*, 2 days after them \(one step is 7\)"):
        read(shifted)
    assert read(frame.assign(week=days)).series is not None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_change_of_clocks_is_no_gap(zone: str) -> None:
    frame = table(40)
    local = (pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * frame["week"], unit="D")).dt.tz_localize(zone)
    series = read(frame.assign(week=local)).series
    assert series is not None
    assert series.clock.step == 7


def test_units_are_text_or_numbers() -> None:
    frame = table().assign(geo=lambda t: [date(2024, 1, 1 + (g == "b")) for g in t["geo"]])
    with pytest.raises(DataError, match=r"holds datetime.date\(2024, 1, 1\) \(date\); units are text or numbers"):
        read(frame)
    series = read(frame.assign(geo=frame["geo"].map(str))).series
    assert series is not None
    assert series.units == ("2024-01-01", "2024-01-02")
