"""Rows of files in order of time: what `from_frame` gives on the same table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import InterventionModel, RegimeData
from bayes_ivgen.data import in_order
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.in_order import Order, RowsInOrder
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.errors import ConvergenceWarning, DataError, DataWarning
from bayes_ivgen.media import Adstock, seasonality
from bayes_ivgen.simulate import media_series

NAMES: dict[str, Any] = {"outcome": "sales", "actions": ["tv", "web"]}
BY_WEEK = {"time": "week", "unit": "geo"}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Rows of eight geos in random order, with dates, numbers of geos and a column of labels."""
    world = media_series(2, seed=3, alpha=[0.6, 0.3], l_max=4)
    rows = world.sample(8, 50, test_weeks=8, rest_weeks=6, seed=1).sample(frac=1.0, random_state=0, ignore_index=True)
    rows["day"] = pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * rows["week"], unit="D")
    rows["number"] = rows["geo"].str[1:].astype(int)
    return rows.assign(holiday=np.where(rows["week"] % 9 == 0, "yes", "no"))


def write(rows: pd.DataFrame, folder: Path, kind: str) -> Any:
    """Write one file, or two with row groups of their own."""
    if kind.endswith("csv"):
        cut = [rows] if kind == "csv" else [rows.iloc[:150], rows.iloc[150:]]
        for i, part in enumerate(cut):
            part.to_csv(folder / f"rows{i}.csv", index=False)
        return [folder / f"rows{i}.csv" for i in range(len(cut))]
    if kind == "parquet":
        rows.to_parquet(folder / "rows.parquet", row_group_size=37, index=False)
        return folder / "rows.parquet"
    rows.iloc[:150].astype({"geo": "category", "holiday": "category"}).to_parquet(folder / "a.parquet", index=False)
    rows.iloc[150:].astype({"geo": "category", "holiday": "category"}).to_parquet(folder / "b.parquet", index=False)
    return str(folder / "*.parquet")


def read(path: Any, kind: str, **options: Any) -> RegimeData:
    reader = RegimeData.from_csv if kind.endswith("csv") else RegimeData.from_parquet
    return reader(path, **NAMES | BY_WEEK | options)


def assert_same(found: RegimeData, expected: RegimeData) -> None:
    assert found.series is not None
    assert expected.series is not None
    assert found.label_sets == expected.label_sets
    for name in ("clock", "units", "names"):
        assert getattr(found.series, name) == getattr(expected.series, name)
    assert list(map(str, found.series.units)) == list(map(str, expected.series.units))  # 7 is not 7.0
    for name in ("step_of", "unit_of", "values"):
        np.testing.assert_array_equal(getattr(found.series, name), getattr(expected.series, name))
    labels = [np.array(series.labels.labels)[series.labels.codes] for series in (found.series, expected.series)]
    np.testing.assert_array_equal(*labels)
    pd.testing.assert_frame_equal(found.summary(), expected.summary())
    assert found.memory is not None
    assert expected.memory is not None
    for regime in expected.regimes:
        np.testing.assert_array_equal(found.profiles[regime].sample, expected.profiles[regime].sample)
        np.testing.assert_array_equal(found.memory.correlation[regime], expected.memory.correlation[regime])
    for one, two in zip(found.batches(), expected.batches(), strict=True):
        assert one.regime == two.regime
        np.testing.assert_array_equal(one.variables, two.variables)
        np.testing.assert_array_equal(one.outcome, two.outcome)


@pytest.mark.parametrize("keys", [("week", "geo"), ("day", "geo"), ("day", "number")], ids="-".join)
@pytest.mark.parametrize("kind", ["csv", "two csv", "parquet", "two parquet"])
def test_files_give_what_a_frame_gives(table: pd.DataFrame, tmp_path: Path, kind: str, keys: tuple[str, str]) -> None:
    options: dict[str, Any] = {"time": keys[0], "unit": keys[1], "covariates": ["holiday"], "exclude": ["do(web)"]}
    found = read(write(table, tmp_path, kind), kind, **options)
    assert_same(found, RegimeData.from_frame(table, **NAMES, **options))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_fits_have_the_same_statistics(table: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    transforms = {"tv": Adstock(alpha=[0.3, 0.6], l_max=4), "web": Adstock(alpha=0.3, l_max=4)}
    model = InterventionModel(graph="empty", transforms=transforms)
    fits = []
    for data in (read(write(table, tmp_path, kind), kind), RegimeData.from_frame(table, **NAMES, **BY_WEEK)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fits.append(model.fit(data, draws=20, chains=1, tune=20, seed=0, cores=1, progressbar=False))
    one, two = fits
    assert one.carried is not None
    assert two.carried is not None
    pd.testing.assert_frame_equal(one.carried.choice, two.carried.choice)
    pd.testing.assert_frame_equal(one.carried.rows, two.carried.rows)
    assert one.statistics.regimes == two.statistics.regimes
    for name in ("rows", "gram", "cross", "squares"):
        np.testing.assert_array_equal(getattr(one.statistics, name), getattr(two.statistics, name))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_more_rows_than_memory_should_hold(
    table: pd.DataFrame, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(table, tmp_path, kind)
    monkeypatch.setattr(in_order, "MOST_ROWS", 399)
    with pytest.raises(DataError, match=r"at most 399\. Sum them up to one row a week and unit first"):
        read(path, kind)
    assert read(path, kind, time=None, unit=None).n_rows == 400  # what else it says
    short = write(table[table["geo"] < "g04"], tmp_path, kind)
    assert read(short, kind).n_rows == 200


def test_text_is_no_date(table: pd.DataFrame, tmp_path: Path) -> None:
    german = table.assign(day=table["day"].dt.strftime("%d.%m.%Y"))
    with pytest.raises(DataError, match=r"'day' of .*rows0.csv holds text \('.*2023'\); write dates as 2024-01-29"):
        read(write(german, tmp_path, "csv"), "csv", time="day")
    assert read(write(table, tmp_path, "csv"), "csv", time="day").series is not None
    with pytest.raises(DataError, match=r"write it again with dates\. .*\(frame\['day'\], format=\"%d.%m.%Y\"\)"):
        read(write(german, tmp_path, "parquet"), "parquet", time="day")
    german["day"] = pd.to_datetime(german["day"], format="%d.%m.%Y")
    assert read(write(german, tmp_path, "parquet"), "parquet", time="day").series is not None


def test_dates_of_several_precisions_are_one_column(table: pd.DataFrame, tmp_path: Path) -> None:
    table.iloc[:200].assign(day=table["day"].iloc[:200].dt.date).to_parquet(tmp_path / "a.parquet")
    table.iloc[200:].astype({"day": "datetime64[ms]"}).to_parquet(tmp_path / "b.parquet")
    found = read(tmp_path / "*.parquet", "parquet", time="day")
    assert_same(found, RegimeData.from_frame(table, **NAMES, time="day", unit="geo"))
    lines = table.assign(day=table["day"].dt.strftime("%Y-%m-%d"))
    lines.iloc[:200].to_csv(tmp_path / "a.csv", index=False)
    lines.iloc[200:].assign(day=lines["day"] + " 00:00:00").to_csv(tmp_path / "b.csv", index=False)
    found = read(tmp_path / "*.csv", "csv", time="day")
    assert_same(found, RegimeData.from_frame(table, **NAMES, time="day", unit="geo"))
    table.iloc[:200].to_parquet(tmp_path / "a.parquet")
    table.iloc[200:].assign(day=7).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"'day' holds dates in .* and numbers in"):
        read(tmp_path / "*.parquet", "parquet", time="day")


def test_a_missing_value_is_named_with_its_file_and_row(table: pd.DataFrame, tmp_path: Path) -> None:
    holes = table.copy()
    holes.loc[160, "tv"] = np.nan
    spend = r"column 'tv' of .*rows1.csv is missing in row 10; what is spent .* write 0 where nothing was spent\. 1 of"
    for missing in ("refuse", "drop"):
        with pytest.raises(DataError, match=spend):
            read(write(holes, tmp_path, "two csv"), "two csv", missing=missing)
    assert read(write(holes.fillna({"tv": 0.0}), tmp_path, "two csv"), "two csv").n_rows == 400
    holes = table.astype({"week": float})
    holes.loc[160, "week"] = np.nan
    with pytest.raises(DataError, match="time column 'week' has 1 missing entries"):
        read(write(holes, tmp_path, "two csv"), "two csv")


@pytest.mark.parametrize("kind", ["csv", "parquet", "two parquet"])
def test_rows_without_outcome_stay_in_the_series(table: pd.DataFrame, tmp_path: Path, kind: str) -> None:
    """From files as from a frame; labels of covariates may be missing, too."""
    holes = table.assign(share=0.5)
    holes.loc[[3, 160], "sales"] = np.nan
    holes.loc[7, "share"] = np.nan
    if kind != "csv":  # an empty text there
        holes.loc[[8, 160], "holiday"] = None
    options: dict[str, Any] = {"covariates": ["holiday"], "weights": "share"}
    path = write(holes, tmp_path, kind)
    message = (
        r"column '(sales|holiday)' of .* is missing in row \d+; fill it, or pass missing='drop' to leave such rows out"
    )
    with pytest.raises(DataError, match=message):
        read(path, kind, **options)
    with pytest.warns(DataWarning, match=r"of 400 rows .* left out of the fit, while what was spent in them still"):
        found = read(path, kind, missing="drop", **options)
    with pytest.warns(DataWarning):
        expected = RegimeData.from_frame(holes, **NAMES, **BY_WEEK, **options, missing="drop")
    assert_same(found, expected)
    gone = holes[["sales", "share", "holiday"]].isna().any(axis=1)
    assert found.n_rows == 400 - gone.sum()
    assert found.series is not None
    assert len(found.series) == 400
    assert found.series.incomplete.sum() == gone.sum()
    labels = holes.copy()
    labels.loc[5, "regime"] = None
    if kind == "parquet":
        with pytest.raises(DataError, match=r"'regime' of .* is missing in row 5; what was set .* label every row"):
            read(write(labels, tmp_path, kind), kind, missing="drop", **options)


def test_what_does_not_go_with_a_time(table: pd.DataFrame, tmp_path: Path) -> None:
    path = write(table, tmp_path, "parquet")
    with pytest.raises(DataError, match=r"no time= says how rows follow; pass both"):
        read(path, "parquet", time=None)
    with pytest.raises(DataError, match=r"checkpoint= is for rows that are streamed; .* Leave checkpoint= out"):
        read(path, "parquet", checkpoint=tmp_path / "notes")
    assert not (tmp_path / "notes").exists()
    with pytest.raises(DataError, match="has no column 'month'"):
        read(path, "parquet", time="month")
    table.iloc[:0].to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match=r"empty\.parquet has no rows"):
        read(tmp_path / "empty.parquet", "parquet")
    assert read(path, "parquet").series is not None


def test_columns_derived_from_times_become_covariates(table: pd.DataFrame, tmp_path: Path) -> None:
    reader = RowReader(ColumnNames("sales", ("tv", "web"), ("holiday",), weights="number"), "regime")
    path = write(table.assign(number=table["number"] + 1), tmp_path, "parquet")
    order = Order("day", "geo", lambda times: seasonality(times, order=1))
    source = FileSource.open(path, RowReader(reader.columns, "regime", also=order.names), "parquet")
    rows, columns = RowsInOrder.read(source, order, reader.count()).with_derived(order, reader.columns)
    assert columns.read == ("tv", "web", "holiday", "season_sin_1", "season_cos_1", "sales", "number")
    season = seasonality(table["day"], order=1)
    np.testing.assert_allclose(rows.values[:, 3:5], season.to_numpy())
    np.testing.assert_array_equal(rows.values[:, [0, 1, 5]], table[["tv", "web", "sales"]].to_numpy())
    np.testing.assert_array_equal(rows.values[:, 6], table["number"] + 1)


def test_rows_on_dask_have_no_order(table: pd.DataFrame) -> None:
    dd = pytest.importorskip("dask.dataframe")
    columns = ["geo", "week", "regime", "tv", "web", "sales"]
    frame = dd.from_pandas(table[columns], npartitions=3)
    with pytest.raises(DataError, match=r"rows on Dask have no order: .*frame.groupby\(\['week', 'geo', 'regime'\]\)"):
        RegimeData.from_dask(frame, **NAMES, **BY_WEEK)
    with pytest.raises(DataError, match="rows on Dask have no order"):
        RegimeData.from_dask(frame, **NAMES, unit="geo")
    weekly = frame.groupby(["week", "geo", "regime"]).sum().reset_index().compute()
    assert RegimeData.from_frame(weekly, **NAMES, **BY_WEEK).n_rows == 400
    assert RegimeData.from_dask(frame, **NAMES).n_rows == 400
