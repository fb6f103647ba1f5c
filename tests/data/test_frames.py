"""Any data frame becomes the same float array, or is refused with a fix that works."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bayes_ivgen.data.frames import check_columns, label_column, numeric_columns, to_narwhals
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import DataError

COLUMNS: dict[str, list[Any]] = {"tv": [1.5, 2.5, -3.5], "y": [0.25, 0.5, 4.0], "regime": ["obs", "do(tv)", "obs"]}
NEEDED = ["tv", "y", "regime"]

libraries = pytest.mark.parametrize(
    "build",
    [
        pd.DataFrame,
        pl.DataFrame,
        pl.LazyFrame,
        pa.table,
        lambda columns: nw.from_native(pd.DataFrame(columns)),
        lambda columns: nw.from_native(pl.LazyFrame(columns)),
    ],
    ids=["pandas", "polars", "polars-lazy", "pyarrow", "narwhals", "narwhals-lazy"],
)
Build = Callable[[dict[str, list[Any]]], Any]


def read(frame: Any, names: list[str] | None = None) -> FloatArray:
    names = names or ["tv", "y"]
    return numeric_columns(to_narwhals(frame, names, "the frame"), names, "the frame")


def labels_of(frame: Any) -> list[str]:
    codes, labels = label_column(frame, "regime", "the frame")
    return [labels[code] for code in codes]


@libraries
def test_every_library_gives_the_same_arrays(build: Build) -> None:
    frame = to_narwhals(build(COLUMNS), NEEDED, "the frame")
    values = numeric_columns(frame, ["y", "tv"], "the frame")
    np.testing.assert_array_equal(values, np.column_stack([COLUMNS["y"], COLUMNS["tv"]]))
    assert values.dtype == np.float64
    assert labels_of(frame) == COLUMNS["regime"]


@libraries
def test_missing_column(build: Build) -> None:
    with pytest.raises(
        DataError, match=r"^here has no column 'web'\. Its columns are \['tv', 'y', 'regime'\]; correct the name"
    ):
        to_narwhals(build(COLUMNS), ["tv", "web"], "here")
    to_narwhals(build({**COLUMNS, "web": [1, 2, 3]}), ["tv", "web"], "here")


def doubled_pandas(name: str) -> pd.DataFrame:
    frame = pd.DataFrame({**COLUMNS, "other": 1.0, "another": 2.0})
    return frame.rename(columns={"other": name, "another": name})


def doubled_pyarrow(name: str) -> pa.Table:
    table = pa.table(COLUMNS)
    return table.append_column(name, pa.array([1.0, 1, 1])).append_column(name, pa.array([2.0, 2, 2]))


@pytest.mark.parametrize("doubled", [doubled_pandas, doubled_pyarrow])
def test_doubled_column(doubled: Callable[[str], Any]) -> None:
    with pytest.raises(DataError, match="the frame has 3 columns named 'y'; rename or drop all but one of them"):
        to_narwhals(doubled("y"), NEEDED, "the frame")
    renamed = doubled("z")  # renamed, and doubled columns that are not needed do no harm
    np.testing.assert_array_equal(read(renamed), np.column_stack([COLUMNS["tv"], COLUMNS["y"]]))


def test_check_columns_names_the_first_column_that_is_wrong() -> None:
    check_columns(["a", "b", "c", "c"], ["b", "a"], "x")
    with pytest.raises(DataError, match="x has 2 columns named 'c'"):
        check_columns(["a", "b", "c", "c"], ["b", "c", "d"], "x")


@pytest.mark.parametrize("name", ["column_names", "collect_schema", "columns", "select", "loc"])
def test_columns_may_be_called_like_methods(name: str) -> None:
    frame = pd.DataFrame({**COLUMNS, name: [7.0, 8.0, 9.0]})
    np.testing.assert_array_equal(read(frame), np.column_stack([COLUMNS["tv"], COLUMNS["y"]]))
    np.testing.assert_array_equal(read(frame, [name])[:, 0], [7.0, 8.0, 9.0])
    with pytest.raises(DataError, match=f"has no column 'web'. Its columns are .*'{name}'"):
        to_narwhals(frame, ["tv", "web"], "the frame")


def test_columns_called_by_numbers_are_not_found_by_text() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], "y": [3.0, 4.0]})
    with pytest.raises(DataError, match=r"has no column '0'. Its columns are \[0, 'y'\]; correct the name or rename"):
        read(frame, ["0", "y"])
    np.testing.assert_array_equal(read(frame.rename(columns=str), ["0", "y"]), [[1, 3], [2, 4]])


@pytest.mark.parametrize(
    "wrong",
    [None, "rows.csv", 3, np.ones((3, 2)), COLUMNS, [COLUMNS], pd.Series([1.0]), pl.Series([1.0]), pd.DataFrame],
    ids=lambda value: type(value).__name__,
)
def test_not_a_data_frame(wrong: Any) -> None:
    kind = type(wrong).__name__
    with pytest.raises(
        DataError, match=f"the frame is a {kind}, which is not a data frame. Pass a pandas, polars or pyarrow"
    ):
        to_narwhals(wrong, NEEDED, "the frame")


KINDS: list[tuple[str, pd.Series, str, Callable[[pd.Series], Any]]] = [
    ("strings", pd.Series(["1.5", "2", "3"]), "numbers, with .astype(float)", lambda x: x.astype(float)),
    ("booleans", pd.Series([True, False, True]), ".astype(float) in pandas", lambda x: x.astype(float)),
    ("booleans", pd.Series([True, False, True], dtype="boolean"), ".astype(float)", lambda x: x.astype(float)),
    ("categories", pd.Series(["1.5", "2", "1.5"], dtype="category"), ".astype(float)", lambda x: x.astype(float)),
    ("categories", pd.Series([1.5, 2, 1.5], dtype="category"), ".astype(float)", lambda x: x.astype(float)),
    (
        "dates or times",
        pd.Series(pd.date_range("2020-01-01", periods=3)),
        "number of days or seconds",
        lambda x: (x - x[0]).dt.days,
    ),
    ("dates or times", pd.Series(pd.to_timedelta([1, 2, 3], "D")), "number of days", lambda x: x.dt.total_seconds()),
    ("complex numbers", pd.Series([1 + 1j, 2, 3]), "real part or the modulus", lambda x: x.to_numpy().real),
    ("complex numbers", pd.Series([1 + 1j, 2, 3]), "real part or the modulus", np.abs),
    ("objects that are not numbers", pd.Series([1, 2.5, 3], dtype=object), ".astype(float)", lambda x: x.astype(float)),
]


@pytest.mark.parametrize("column", ["tv", "y"])
@pytest.mark.parametrize(("kind", "series", "advice", "fix"), KINDS, ids=[f"{k}-{s.dtype}" for k, s, _, _ in KINDS])
def test_pandas_column_that_is_not_made_of_numbers(
    kind: str, series: pd.Series, advice: str, fix: Callable[[pd.Series], Any], column: str
) -> None:
    frame = pd.DataFrame(COLUMNS).assign(**{column: series})
    message = rf"column '{column}' of the frame holds {kind} \(dtype {re.escape(str(series.dtype))}\).*must hold real"
    with pytest.raises(DataError, match=message) as caught:
        read(frame)
    assert advice in str(caught.value)
    values = read(frame.assign(**{column: fix(series)}))
    np.testing.assert_array_equal(values[:, ["tv", "y"].index(column)], np.asarray(fix(series), dtype=float))


POLARS_KINDS = [
    ("strings", pl.Series("tv", ["1.5", "2", "3"])),
    ("booleans", pl.Series("tv", [True, False, True])),
    ("dates or times", pl.Series("tv", [dt.date(2020, 1, 1 + i) for i in range(3)])),
    ("dates or times", pl.Series("tv", [dt.datetime(2020, 1, 1 + i) for i in range(3)])),
    ("dates or times", pl.Series("tv", [dt.timedelta(days=i) for i in range(3)])),
    ("dates or times", pl.Series("tv", [dt.time(i) for i in range(3)])),
    ("categories", pl.Series("tv", ["a", "b", "a"], dtype=pl.Categorical)),
    ("categories", pl.Series("tv", ["a", "b", "a"], dtype=pl.Enum(["a", "b"]))),
    ("objects that are not numbers", pl.Series("tv", [[1], [2], [3]])),
]


@pytest.mark.parametrize(("kind", "series"), POLARS_KINDS, ids=[str(s.dtype) for _, s in POLARS_KINDS])
@pytest.mark.parametrize("convert", [pl.DataFrame.lazy, pl.DataFrame.to_arrow], ids=["polars", "pyarrow"])
def test_polars_and_pyarrow_columns_that_are_not_made_of_numbers(
    kind: str, series: pl.Series, convert: Callable[[pl.DataFrame], Any]
) -> None:
    frame = pl.DataFrame(COLUMNS).with_columns(series)
    with pytest.raises(DataError, match=f"column 'tv' of the frame holds {kind} .dtype .*it must hold real numbers"):
        read(convert(frame))
    if kind in {"strings", "booleans"}:
        fixed = series.cast(float)  # as the message says
        np.testing.assert_array_equal(read(convert(frame.with_columns(fixed)))[:, 0], fixed.to_numpy())


@pytest.mark.parametrize(
    "dtype",
    ["int8", "uint64", "float16", "float32", "Int64", "Float32", "int64[pyarrow]", "double[pyarrow]"],
)
def test_pandas_number_types(dtype: str) -> None:
    frame = pd.DataFrame(COLUMNS).assign(tv=pd.Series([1, 2, 3], dtype=dtype))
    values = read(frame)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values[:, 0], [1, 2, 3])


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2)], ids=str)
def test_polars_and_pyarrow_number_types(dtype: Any) -> None:
    frame = pl.DataFrame(COLUMNS).with_columns(pl.Series("tv", [1, 2, 3]).cast(dtype))
    for build in (pl.DataFrame.lazy, pl.DataFrame.to_arrow):
        values = read(build(frame))
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values[:, 0], [1, 2, 3])


MISSING = [
    ("pandas NaN", pd.DataFrame({"tv": [1.0, np.nan, 2], "y": [1.0, 2, 3]}), "is missing (NaN) in row 1"),
    (
        "pandas Int64",
        pd.DataFrame({"tv": pd.array([1, None, 2], dtype="Int64"), "y": [1.0, 2, 3]}),
        "is missing (NaN) in row 1",
    ),
    (
        "pandas odd index",
        pd.DataFrame({"tv": [1.0, np.nan, 2], "y": [1.0, 2, 3]}, index=[9, 9, 9]),
        "is missing (NaN) in row 1",
    ),
    ("polars null", pl.DataFrame({"tv": [1.0, 3.0, None], "y": [1.0, 2, 3]}), "is missing (NaN) in row 2"),
    ("polars NaN", pl.DataFrame({"tv": [1.0, np.nan, 2], "y": [1.0, 2, 3]}), "is nan in row 1"),
    ("pyarrow null", pa.table({"tv": [None, 1.0, 2], "y": [1.0, 2, 3]}), "is missing (NaN) in row 0"),
    ("pyarrow NaN", pa.table({"tv": [1.0, 2, np.nan], "y": [1.0, 2, 3]}), "is nan in row 2"),
    ("pandas inf", pd.DataFrame({"tv": [1.0, np.inf, 2], "y": [1.0, 2, 3]}), "is inf in row 1"),
    ("polars -inf", pl.DataFrame({"tv": [1.0, -np.inf, 2], "y": [1.0, 2, 3]}), "is -inf in row 1"),
]


@pytest.mark.parametrize(("frame", "words"), [case[1:] for case in MISSING], ids=[case[0] for case in MISSING])
def test_missing_and_infinite_values(frame: Any, words: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"column 'tv' of the frame {words}; drop or fill the rows")):
        read(frame)
    wrapped = nw.from_native(frame)
    good = wrapped.filter(~nw.col("tv").is_null() & nw.col("tv").is_finite())
    assert len(read(good)) == 2  # dropped, as the message says


def test_row_numbers_count_from_the_first_row_of_the_file() -> None:
    frame = to_narwhals(pa.table({"tv": [1.0, None]}), ["tv"], "rows.csv")
    with pytest.raises(DataError, match=r"column 'tv' of rows.csv is missing \(NaN\) in row 101"):
        numeric_columns(frame, ["tv"], "rows.csv", first_row=100)
    infinite = to_narwhals(pa.table({"tv": [1.0, np.inf]}), ["tv"], "rows.csv")
    with pytest.raises(DataError, match=r"column 'tv' of rows\.csv is inf in row 101"):
        numeric_columns(infinite, ["tv"], "rows.csv", first_row=100)


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(["obs", "do(tv)", "obs"], dtype="category"),
        pd.Series(["obs", "do(tv)", "obs"], dtype=object),
        pd.Series(["obs", "do(tv)", "obs"], dtype="string"),
        pd.Series(["obs", "do(tv)", "obs"], dtype=pd.ArrowDtype(pa.string())),
    ],
    ids=lambda series: str(series.dtype),
)
def test_label_types(series: pd.Series) -> None:
    frame = pd.DataFrame(COLUMNS).assign(regime=series)
    for build in (lambda x: x, pl.from_pandas, pa.Table.from_pandas):
        table = to_narwhals(build(frame), NEEDED, "the frame")
        assert labels_of(table) == ["obs", "do(tv)", "obs"]


def test_whole_numbers_are_labels() -> None:
    table = to_narwhals(pd.DataFrame({"regime": [0, 1, 2]}), ["regime"], "the frame")
    assert labels_of(table) == ["0", "1", "2"]


@libraries
def test_missing_label(build: Build) -> None:
    frame = to_narwhals(build({**COLUMNS, "regime": ["obs", None, "obs"]}), NEEDED, "the frame")
    assert list(label_column(frame, "regime", "the frame").codes) == [0, -1, 0]
    filled = frame.with_columns(nw.col("regime").fill_null("obs"))
    assert labels_of(filled) == ["obs"] * 3


@pytest.mark.parametrize("wrong", [True, 1, ("tv",)], ids=str)
def test_label_that_is_not_text(wrong: Any) -> None:
    frame = pd.DataFrame({"regime": pd.Series(["obs", wrong], dtype=object)})
    table = to_narwhals(frame, ["regime"], "the frame")
    with pytest.raises(DataError, match=re.escape(f"'regime' of the frame holds {wrong!r}; labels must be text")):
        label_column(table, "regime", "the frame")


def test_the_array_is_a_copy() -> None:
    frame = pd.DataFrame({"tv": [1.0, 2.0, 3.0]})
    values = read(frame, ["tv"])
    values[:] = 0
    assert list(frame["tv"]) == [1, 2, 3]


def test_no_columns_keep_the_rows() -> None:
    assert numeric_columns(to_narwhals(pd.DataFrame(COLUMNS), NEEDED, "x"), [], "x").shape == (3, 0)
