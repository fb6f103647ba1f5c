"""Rows from memory and from files: the same rows, in batches of any size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.frames import RowLabels
from bayes_ivgen.data.reading import RowReader
from bayes_ivgen.data.sources import MemorySource, RowSource, split_by_label
from bayes_ivgen.errors import DataError

COLUMNS = ("tv", "web", "y")


def table(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=list(COLUMNS))
    return frame.assign(regime=rng.choice(["obs", "do(tv)", "do(web)"], n), day=pd.date_range("2020-01-01", periods=n))


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=13)
    else:
        frame.to_csv(path, index=False)
    return path


def open_source(path: Any, file_format: str) -> FileSource:
    return FileSource.open(path, RowReader(ColumnNames("y", ("tv", "web")), "regime"), file_format)


def read_rows(source: RowSource, **options: int) -> dict[str, np.ndarray]:
    parts: dict[str, list[np.ndarray]] = {}
    for label, values in source.read(**options):
        parts.setdefault(label, []).append(values)
    return {label: np.concatenate(blocks) for label, blocks in parts.items()}


def expected_rows(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {label: rows[list(COLUMNS)].to_numpy() for label, rows in frame.groupby("regime")}


def assert_same_rows(found: dict[str, np.ndarray], frame: pd.DataFrame) -> None:
    expected = expected_rows(frame)
    assert found.keys() == expected.keys()
    for label, values in expected.items():
        np.testing.assert_array_equal(found[label], values)


formats = pytest.mark.parametrize("file_format", ["parquet", "csv"])


@formats
@pytest.mark.parametrize("batch_rows", [1, 7, 13, 59, 60, 1000])
def test_batches_of_any_size_give_all_rows_in_order(tmp_path: Path, file_format: str, batch_rows: int) -> None:
    frame = table()
    source = open_source(write(frame, tmp_path / f"rows.{file_format}"), file_format)
    for _ in range(2):  # it can be read again
        assert_same_rows(read_rows(source, batch_rows=batch_rows), frame)
    sizes = [len(values) for _, values in source.read(batch_rows)]
    assert min(sizes) > 0
    assert max(sizes) <= batch_rows


@pytest.mark.parametrize("batch_rows", [1, 7, 60, 1000])
def test_memory_batches(batch_rows: int) -> None:
    frame = table()
    source = MemorySource(expected_rows(frame))
    assert_same_rows(read_rows(source, batch_rows=batch_rows), frame)
    assert max(len(values) for _, values in source.read(batch_rows)) <= batch_rows


@formats
@pytest.mark.parametrize("way", ["list", "folder", "glob", "recursive glob", "path objects", "brackets in the name"])
def test_many_files_are_one_table(tmp_path: Path, file_format: str, way: str) -> None:
    name = {"brackets in the name": "rows[1]", "recursive glob": "rows/2024/may"}.get(way, "rows")
    folder = tmp_path / name
    folder.mkdir(parents=True)
    frames = [table(20, seed) for seed in range(3)]
    files = [write(frame, folder / f"part{i}.{file_format}") for i, frame in enumerate(frames)]
    path: Any = {
        "list": [str(file) for file in files],
        "folder": str(folder),
        "glob": f"{tmp_path}/rows/*.{file_format}",
        "recursive glob": f"{tmp_path}/**/*.{file_format}",
        "path objects": files,
        "brackets in the name": folder,
    }[way]
    assert_same_rows(read_rows(open_source(path, file_format)), pd.concat(frames))


@formats
def test_files_are_read_in_the_order_in_which_they_are_named(tmp_path: Path, file_format: str) -> None:
    frames = [table(20, seed) for seed in range(3)]
    files = [write(frame, tmp_path / f"part{i}.{file_format}") for i, frame in enumerate(frames)]
    found = read_rows(open_source(files[::-1], file_format))
    assert_same_rows(found, pd.concat(frames[::-1]))


@formats
@pytest.mark.parametrize("whole_first", [True, False])
def test_whole_numbers_in_one_file_and_fractions_in_another(
    tmp_path: Path, file_format: str, whole_first: bool
) -> None:
    """The first file must not fix the number format of all."""
    frames = [table(20, 0), table(20, 1)]
    frames[0] = frames[0].assign(tv=np.arange(20) % 2, y=np.arange(20))
    if not whole_first:
        frames.reverse()
    files = [write(frame, tmp_path / f"part{i}.{file_format}") for i, frame in enumerate(frames)]
    assert_same_rows(read_rows(open_source(files, file_format)), pd.concat(frames))


def test_whole_numbers_at_the_top_of_a_long_csv_file(tmp_path: Path) -> None:
    """Arrow guesses the type from the first megabyte."""
    path = tmp_path / "rows.csv"
    path.write_text("tv,web,y,regime\n" + "1,2,3,obs\n0,1,4,obs\n" * 60_000 + "0.5,3,2,obs\n")
    assert path.stat().st_size > 2**20
    values = read_rows(open_source(path, "csv"))["obs"]
    assert len(values) == 120_001
    np.testing.assert_array_equal(values[-1], [0.5, 3, 2])


def test_numbers_as_labels_in_one_csv_file_and_text_in_another(tmp_path: Path) -> None:
    files = [write(table().assign(regime=1), tmp_path / "a.csv"), write(table(), tmp_path / "b.csv")]
    assert read_rows(open_source(files, "csv")).keys() == {"1", "obs", "do(tv)", "do(web)"}


@formats
def test_first_file_without_rows(tmp_path: Path, file_format: str) -> None:
    files = [write(table()[:0], tmp_path / f"a.{file_format}"), write(table(), tmp_path / f"b.{file_format}")]
    assert_same_rows(read_rows(open_source(files, file_format)), table())


def test_first_parquet_file_without_rows_and_without_types(tmp_path: Path) -> None:
    empty = pa.table({name: pa.nulls(0) for name in (*COLUMNS, "regime")})
    pq.write_table(empty, tmp_path / "a.parquet")
    files = [tmp_path / "a.parquet", write(table(), tmp_path / "b.parquet")]
    assert_same_rows(read_rows(open_source(files, "parquet")), table())


@formats
def test_missing_file(tmp_path: Path, file_format: str) -> None:
    missing = tmp_path / f"rows.{file_format}"
    message = f"there is no file '{missing}'. Check the path; patterns such as 'rows/*.parquet' are allowed."
    with pytest.raises(DataError, match=re.escape(message)):
        open_source(missing, file_format)
    with pytest.raises(DataError, match=re.escape("there is no file 'nowhere/*.x'")):
        open_source([write(table(), missing), "nowhere/*.x"], file_format)
    assert_same_rows(read_rows(open_source(f"{tmp_path}/*.{file_format}", file_format)), table())


def test_empty_list_of_files() -> None:
    with pytest.raises(DataError, match="the list of files is empty; name at least one file, folder or pattern"):
        open_source([], "parquet")


@formats
def test_folder_without_files(tmp_path: Path, file_format: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"there are no {file_format} files in {tmp_path}. Check the path")):
        open_source(tmp_path, file_format)
    write(table(), tmp_path / f"rows.{file_format}")
    assert_same_rows(read_rows(open_source(tmp_path, file_format)), table())


def test_text_called_parquet(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table().to_csv(path, index=False)
    message = (
        r"rows.parquet cannot be read as parquet: .*magic bytes.*\. Check the file, or convert it to Parquet or CSV"
    )
    with pytest.raises(DataError, match=message):
        open_source(path, "parquet")
    assert_same_rows(read_rows(open_source(path, "csv")), table())


def test_parquet_called_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    table().to_parquet(path)
    with pytest.raises(DataError, match=r"rows.csv cannot be read as csv: .*\. Check the file"):
        open_source(path, "csv")
    assert_same_rows(read_rows(open_source(path, "parquet")), table())


def test_ragged_csv(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("tv,web,y,regime\n1,2,3,obs\n2,3,obs\n")
    with pytest.raises(
        DataError, match=r"cannot be read as csv: rows.csv: CSV parse error: Row #3: Expected 4 columns, got 3"
    ):
        open_source(path, "csv")
    path.write_text("tv,web,y,regime\n1,2,3,obs\n2,3,4,obs\n")
    np.testing.assert_array_equal(read_rows(open_source(path, "csv"))["obs"], [[1, 2, 3], [2, 3, 4]])


def test_csv_that_is_ragged_far_down(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("tv,web,y,regime\n" + "1,2,3,obs\n" * 120_000 + "2,3,obs\n")
    source = open_source(path, "csv")
    message = (
        r"rows.csv cannot be read after row \d+: .*Row #120002: Expected 4 columns, got 3.*Every row must have the same"
    )
    with pytest.raises(DataError, match=message):
        read_rows(source)


def test_csv_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("tv,web,yä,regime\n1,2,3,obs\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"rows\.csv cannot be read as csv: 'utf-8' codec can't decode"):
        open_source(path, "csv")
    path.write_bytes("tv,web,y,regime\n1,2,3,spät\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"rows\.csv cannot be read after row 0: .*invalid UTF8"):
        read_rows(open_source(path, "csv"))
    path.write_text("tv,web,y,regime\n1,2,3,spät\n", encoding="utf-8")
    assert read_rows(open_source(path, "csv")).keys() == {"spät"}


def test_empty_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("")
    with pytest.raises(DataError, match=r"rows.csv cannot be read as csv: it is empty \(0 bytes\). Write it again"):
        open_source(path, "csv")
    table().to_csv(path, index=False)
    assert_same_rows(read_rows(open_source(path, "csv")), table())


def test_doubled_column_in_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("tv,web,y,y,regime\n1,2,3,4,obs\n")
    with pytest.raises(DataError, match=r"cannot be read as csv: .*multiple columns named y"):
        open_source(path, "csv")


@formats
def test_missing_column_in_a_file(tmp_path: Path, file_format: str) -> None:
    path = write(table().drop(columns="web"), tmp_path / f"rows.{file_format}")
    with pytest.raises(
        DataError, match=rf"rows.{file_format} has no column 'web'. Its columns are \['tv', 'y', 'regime', 'day'\]"
    ):
        open_source(path, file_format)
    later = [write(table(), tmp_path / f"a.{file_format}"), path]
    with pytest.raises(DataError, match=rf"/rows.{file_format} has no column 'web'. Its columns are"):
        open_source(later, file_format)
    write(table(seed=1), path)
    assert_same_rows(read_rows(open_source(later, file_format)), pd.concat([table(), table(seed=1)]))


@formats
def test_text_among_the_numbers_of_a_later_file(tmp_path: Path, file_format: str) -> None:
    bad = table().assign(tv="much")
    files = [write(table(), tmp_path / f"a.{file_format}"), write(bad, tmp_path / f"b.{file_format}")]
    for order in (files, files[::-1]):
        with pytest.raises(DataError, match=r"column 'tv' holds .* in .*[ab]\.\w+ and .* in .*[ab]\.\w+; write it"):
            open_source(order, file_format)
    message = (
        rf"column 'tv' holds numbers in \S*/a.{file_format} and text in \S*/b.{file_format}; write it with one type"
    )
    with pytest.raises(DataError, match=message):
        open_source(files, file_format)
    write(table(seed=1), files[1])
    assert_same_rows(read_rows(open_source(files, file_format)), pd.concat([table(), table(seed=1)]))


def test_dates_among_the_numbers_of_a_later_parquet_file(tmp_path: Path) -> None:
    bad = table().assign(tv=pd.date_range("2020-01-01", periods=60))
    files = [write(table(), tmp_path / "a.parquet"), write(bad, tmp_path / "b.parquet")]
    with pytest.raises(DataError, match=r"column 'tv' holds numbers in \S*/a.parquet and entries of type timestamp"):
        open_source(files, "parquet")


@formats
def test_bad_value_is_found_by_its_row_in_the_file(tmp_path: Path, file_format: str) -> None:
    frame = table()
    frame.loc[47, "web"] = np.nan
    source = open_source(write(frame, tmp_path / f"rows.{file_format}"), file_format)
    for batch_rows in (1, 10, 1000):
        with pytest.raises(DataError, match=rf"column 'web' of .*rows.{file_format} is missing \(NaN\) in row 47;"):
            read_rows(source, batch_rows=batch_rows)
    fixed = frame.dropna()
    assert_same_rows(read_rows(open_source(write(fixed, tmp_path / f"b.{file_format}"), file_format)), fixed)


def test_missing_label_is_found_by_its_row_in_the_file(tmp_path: Path) -> None:
    frame = table()
    frame.loc[47, "regime"] = None
    source = open_source(write(frame, tmp_path / "rows.parquet"), "parquet")
    for batch_rows in (10, 1000):
        with pytest.raises(DataError, match=r"the regime column 'regime' of .*rows.parquet is missing in row 47;"):
            read_rows(source, batch_rows=batch_rows)


def test_categorical_labels_in_a_parquet_file(tmp_path: Path) -> None:
    frame = table()
    frame["regime"] = frame["regime"].astype("category")
    path = write(frame, tmp_path / "rows.parquet")
    assert_same_rows(read_rows(open_source(path, "parquet")), table())


def test_opening_does_not_read_the_rows(tmp_path: Path) -> None:
    frame = table()
    frame.loc[3, "tv"] = np.inf
    source = open_source(write(frame, tmp_path / "rows.parquet"), "parquet")
    with pytest.raises(DataError, match="is inf in row 3"):
        read_rows(source)


def test_split_by_label_keeps_the_order_of_rows_and_of_first_appearance() -> None:
    values = np.arange(8.0).reshape(4, 2)
    parts = split_by_label(values, RowLabels(np.array([2, 0, 2, 1]), ["a", "m", "z", "not there"]))
    assert list(parts) == ["z", "a", "m"]
    np.testing.assert_array_equal(parts["z"], values[[0, 2]])
    np.testing.assert_array_equal(parts["m"], values[[3]])


@formats
def test_batch_size_must_be_positive(tmp_path: Path, file_format: str) -> None:
    from_file = RegimeData.from_parquet if file_format == "parquet" else RegimeData.from_csv
    path = write(table(), tmp_path / f"rows.{file_format}")
    options: Any = {"outcome": "y", "actions": ["tv", "web"]}
    for data in (from_file(path, **options), RegimeData.from_frame(table(), **options)):
        for wrong in (0, -3):
            with pytest.raises(DataError, match=f"batch_rows is {wrong}; a batch must hold at least 1 row"):
                list(data.batches(wrong))
        assert sum(len(batch.outcome) for batch in data.batches(1)) == 60


@pytest.mark.parametrize("row_group_size", [100_000, 1_000_000])
def test_memory_is_set_by_the_batch(row_group_size: int, tmp_path: Path) -> None:
    """Of 24 MB in one row group or ten Arrow holds a few pages and buffers at a time."""
    table(1_000_000).drop(columns="day").to_parquet(tmp_path / "rows.parquet", row_group_size=row_group_size)
    source, before, most = open_source(tmp_path, "parquet"), pa.total_allocated_bytes(), 0
    for _ in source.read(4096):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 10e6
