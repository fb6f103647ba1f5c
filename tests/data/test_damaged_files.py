"""Files that are damaged, unlike each other, or not what they were: each is named, and the advice works."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataError, DataWarning

OPTIONS: Any = {"outcome": "y", "actions": ["tv", "web"]}


def table(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["tv", "web", "y"])
    return frame.assign(regime=rng.choice(["obs", "do(tv)", "do(web)"], n))


def write(frame: pd.DataFrame, path: Path, **options: Any) -> Path:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, **options)
    return path


def files(folder: Path, n: int = 3, **options: Any) -> list[Path]:
    return [write(table(seed=i), folder / f"part{i}.parquet", **options) for i in range(n)]


def rows_of(data: RegimeData) -> np.ndarray:
    blocks = [
        np.column_stack([batch.variables, batch.outcome, np.full(len(batch.outcome), len(batch.regime.label))])
        for batch in data.batches()
    ]
    rows = np.concatenate(blocks)
    return rows[np.lexsort(rows.T)]


def assert_same_rows(data: RegimeData, *frames: pd.DataFrame) -> None:
    expected = RegimeData.from_frame(pd.concat(frames), **OPTIONS)
    np.testing.assert_array_equal(rows_of(data), rows_of(expected))
    assert {regime: profile.rows for regime, profile in data.profiles.items()} == {
        regime: profile.rows for regime, profile in expected.profiles.items()
    }


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"its end is lost \(.*magic bytes.*\)\. It has [\d,]+ bytes: copy or write it again in full, or leave"),
        (lambda data: data[:-1], r"its end is lost .*copy or write it again in full, or leave it out"),
        (lambda data: data[:2], r"\. Check the file, or convert it"),
        (lambda _: b"", r"it is empty \(0 bytes\)\. Write it again, or leave it out"),
        (lambda _: b"notes\n" * 99, r"magic bytes.*\. Check the file, or convert it"),
    ],
    ids=["half", "last byte", "two bytes", "no bytes", "text"],
)
@pytest.mark.parametrize("way", ["folder", "list"])
def test_a_file_without_its_end(damage: Callable[[bytes], bytes], message: str, way: str, tmp_path: Path) -> None:
    paths = files(tmp_path)
    whole = paths[1].read_bytes()
    paths[1].write_bytes(damage(whole))
    with pytest.raises(DataError, match=rf"{re.escape(str(paths[1]))} cannot be read as parquet: .*{message}"):
        RegimeData.from_parquet(tmp_path if way == "folder" else paths, **OPTIONS)
    assert_same_rows(RegimeData.from_parquet([paths[0], paths[2]], **OPTIONS), table(), table(seed=2))
    paths[1].write_bytes(whole)
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), *(table(seed=i) for i in range(3)))


def noise(data: bytes, start: int, size: int) -> bytes:
    return data[:start] + np.random.default_rng(0).bytes(size) + data[start + size :]


@pytest.mark.parametrize(
    ("damage", "options"),
    [
        (lambda data: data[:1000] + data[3000:], {}),  # too short
        (lambda data: noise(data, 4, 500), {}),  # the header of a page
        (lambda data: noise(data, 6000, 1), {"write_page_checksum": True, "compression": "none"}),  # one byte
    ],
    ids=["short", "noise", "one byte"],
)
def test_a_column_that_is_damaged_inside(damage: Callable[[bytes], bytes], options: Any, tmp_path: Path) -> None:
    """The footer is intact, so that nothing shows before the rows are read."""
    paths = files(tmp_path)
    write(table(2000), paths[1], row_group_size=500, **options)
    whole = paths[1].read_bytes()
    paths[1].write_bytes(damage(whole))
    message = rf"{re.escape(str(paths[1]))} cannot be read after row \d+: .*\. It is damaged or was cut short: copy or "
    with pytest.raises(DataError, match=message):
        RegimeData.from_parquet(tmp_path, **OPTIONS)
    assert_same_rows(RegimeData.from_parquet([paths[0], paths[2]], **OPTIONS), table(), table(seed=2))
    paths[1].write_bytes(whole)
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), table(), table(2000), table(seed=2))


def test_damage_is_placed_by_its_row_group(tmp_path: Path) -> None:
    path = write(table(2000), tmp_path / "rows.parquet", row_group_size=500, write_page_checksum=True)
    chunk = pq.read_metadata(path).row_group(2).column(1)
    path.write_bytes(noise(path.read_bytes(), chunk.data_page_offset + 50, 100))
    with pytest.raises(
        DataError, match=r"rows.parquet cannot be read after row 1000: .* It is damaged or was cut short"
    ):
        RegimeData.from_parquet(path, **OPTIONS)


def test_labels_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    labels = table()["regime"].to_numpy().astype("S")
    broken = pa.array([b"\xff\xfe", *labels[1:]], pa.binary()).view(pa.binary())
    columns = {name: table()[name] for name in ("tv", "web", "y")}
    text = pa.StringArray.from_buffers(60, *broken.buffers()[1:])
    pq.write_table(pa.table({**columns, "regime": text}), path)
    with pytest.raises(DataError, match=r"rows.parquet cannot be read after row 0: 'utf-8' codec can't decode"):
        RegimeData.from_parquet(path, **OPTIONS)
    assert_same_rows(RegimeData.from_parquet(write(table(), path), **OPTIONS), table())


NUMBERS = ["int8", "int32", "int64", "uint16", "float16", "float32", "float64", "decimal"]


@pytest.mark.parametrize("order", [NUMBERS, NUMBERS[::-1]], ids=["whole first", "fractions first"])
def test_numbers_of_any_type_go_together(order: list[str], tmp_path: Path) -> None:
    frame = table().assign(tv=np.arange(60) % 7)
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    for i, kind in enumerate(order):
        target = pa.decimal128(25, 2) if kind == "decimal" else pa.type_for_alias(kind)
        values = pa.array(frame["tv"]).cast(target)
        pq.write_table(whole.set_column(0, "tv", values), tmp_path / f"{i}.parquet")
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), *[frame] * len(order))


@pytest.mark.parametrize("first", [0, 1, 2])
def test_categories_and_text_go_together(first: int, tmp_path: Path) -> None:
    frame = table().assign(web=np.resize(["some", "much", "none"], 60))
    kinds = [pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.large_string()]
    for i, kind in enumerate(kinds[first:] + kinds[:first]):
        one = pa.Table.from_pandas(frame, preserve_index=False)
        for name in ("web", "regime"):
            one = one.set_column(one.column_names.index(name), name, one[name].cast(kind))
        pq.write_table(one, tmp_path / f"{i}.parquet", row_group_size=17)
    data = RegimeData.from_parquet(tmp_path, **OPTIONS)
    assert data.categories == {"web": ("much", "none", "some")}
    assert_same_rows(data, frame, frame, frame)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["much"] * 60, "text"),
        ([True, False] * 30, "booleans"),
        (pd.date_range("2020-01-01", periods=60), "entries of type timestamp"),
    ],
    ids=["text", "booleans", "dates"],
)
@pytest.mark.parametrize("column", ["tv", "y"])
def test_a_column_of_another_type(column: str, values: Any, kind: str, tmp_path: Path) -> None:
    paths = files(tmp_path)
    write(table().assign(**{column: values}), paths[1])
    message = (
        rf"column '{column}' holds numbers in \S*part0.parquet and {kind}.* in \S*part1.parquet; write it with one"
    )
    with pytest.raises(DataError, match=message):
        RegimeData.from_parquet(tmp_path, **OPTIONS)
    assert_same_rows(RegimeData.from_parquet([paths[0], paths[2]], **OPTIONS), table(), table(seed=2))
    write(table(seed=1).astype({column: "float32"}), paths[1])
    assert RegimeData.from_parquet(tmp_path, **OPTIONS).n_rows == 180


def test_a_column_that_one_of_many_files_lacks(tmp_path: Path) -> None:
    paths = files(tmp_path)
    write(table().drop(columns="web"), paths[1])
    message = r"/part1.parquet has no column 'web'. Its columns are \['tv', 'y', 'regime'\]; correct the name or rename"
    with pytest.raises(DataError, match=message):
        RegimeData.from_parquet(tmp_path, **OPTIONS)
    assert_same_rows(RegimeData.from_parquet([paths[0], paths[2]], **OPTIONS), table(), table(seed=2))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_files_without_rows_among_others(place: int, tmp_path: Path) -> None:
    paths = files(tmp_path)
    write(table()[:0], paths[place])
    kept = [table(seed=i) for i in range(3) if i != place]
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), *kept)


def test_only_files_without_rows(tmp_path: Path) -> None:
    write(table()[:0], tmp_path / "a.parquet")
    write(table()[:0], tmp_path / "b.parquet")
    with pytest.raises(DataError, match="there are no rows; pass at least the rows of one regime"):
        RegimeData.from_parquet(tmp_path, **OPTIONS)
    write(table(), tmp_path / "b.parquet")
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), table())


@pytest.mark.parametrize(
    "stray",
    ["_SUCCESS", ".part0.parquet.crc", "part0.parquet.crc", "notes.txt", "_temporary/0/part9.parquet", "done"],
)
@pytest.mark.parametrize("content", [b"", b"something else"])
def test_files_of_other_programs_in_the_folder(stray: str, content: bytes, tmp_path: Path) -> None:
    files(tmp_path)
    place = tmp_path / stray
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), *(table(seed=i) for i in range(3)))
    with pytest.raises(DataError, match=rf"{re.escape(str(place))} cannot be read as parquet"):
        RegimeData.from_parquet([*tmp_path.glob("*.parquet"), place], **OPTIONS)  # who names it, means it


def test_files_without_an_ending_are_rows_too(tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    write(table(), tmp_path / "day=1" / "part-0")
    write(table(seed=1), tmp_path / "part-1.pq")
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), table(), table(seed=1))


def of_same_size(path: Path, frame: pd.DataFrame, size: int) -> None:
    """Write other rows into a file of the same size: notes in the footer fill it up."""
    whole = pa.Table.from_pandas(frame, preserve_index=False)
    for length in range(5000):
        pq.write_table(whole.replace_schema_metadata({"notes": "x" * length}), path, compression="none")
        if path.stat().st_size == size:
            return
    raise AssertionError("no such size")


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "gone": (Path.unlink, "is gone; it was there when the data were built. Put it back, or build the data again"),
    "fewer rows": (
        lambda path: write(table(seed=1)[:50], path),
        r"has changed since the data were built: [\d,]+ bytes then, [\d,]+ now. All passes must see the same rows",
    ),
    "touched": (lambda path: os.utime(path, ns=(1, 1)), r"has changed since .*: it was written again\. All passes"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is gone; it was there when the data were built"),
}


@pytest.mark.parametrize("way", ["a pass", "a part", "a part that was sent"])
@pytest.mark.parametrize("change", CHANGES)
def test_files_that_change_between_the_passes(change: str, way: str, tmp_path: Path) -> None:
    paths = files(tmp_path)
    data = RegimeData.from_parquet(tmp_path, **OPTIONS)
    assert_same_rows(data, *(table(seed=i) for i in range(3)))
    part = data.parts(60)[1]
    source = {"a pass": data, "a part": part, "a part that was sent": pickle.loads(pickle.dumps(part))}[way]
    what, message = CHANGES[change]
    what(paths[1])
    with pytest.raises(DataError, match=rf"{re.escape(str(paths[1]))} {message}"):
        list(source.batches())
    assert sum(len(batch.outcome) for batch in data.parts(60)[0].batches()) == 60  # the others are as they were
    if paths[1].is_dir():
        paths[1].rmdir()
    again = [table(), table(seed=1), table(seed=2)]
    if not paths[1].exists():
        del again[1]
    elif change == "fewer rows":
        again[1] = table(seed=1)[:50]
    assert_same_rows(RegimeData.from_parquet(tmp_path, **OPTIONS), *again)


def test_other_rows_in_a_file_of_the_same_size_and_time(tmp_path: Path) -> None:
    path = write(table(), tmp_path / "rows.parquet", compression="none")
    before = path.stat()
    data = RegimeData.from_parquet(path, **OPTIONS)
    of_same_size(path, table()[:50], before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataError, match=r"rows.parquet has changed since the data were built: 60 rows then, 50 now"):
        list(data.batches())
    assert_same_rows(RegimeData.from_parquet(path, **OPTIONS), table()[:50])


def test_a_file_that_is_replaced_while_it_is_read(tmp_path: Path) -> None:
    """On the first pass too: the open file still holds the old rows, the next pass would read the new ones."""
    path = write(table(), tmp_path / "rows.parquet")
    data = RegimeData.from_parquet(path, **OPTIONS)
    batches = data.batches(10)
    next(batches)
    write(table(50, seed=1), tmp_path / "new")
    (tmp_path / "new").replace(path)
    with pytest.raises(DataError, match=r"rows.parquet has changed since the data were built: .* build the data again"):
        list(batches)
    assert_same_rows(RegimeData.from_parquet(path, **OPTIONS), table(50, seed=1))


def test_missing_values_are_placed_in_their_file(tmp_path: Path) -> None:
    paths = files(tmp_path)
    gaps = table(seed=1).astype({"tv": "Int64"}, errors="ignore")
    gaps["tv"] = pd.array(np.arange(60), dtype="Int64")
    gaps.loc[[7, 9], "tv"] = pd.NA
    write(gaps, paths[1], row_group_size=5)
    message = r"column 'tv' of \S*/part1.parquet is missing \(NaN\) in row 7; .*: 2 of 180 rows have missing values"
    with pytest.raises(DataError, match=message):
        RegimeData.from_parquet(tmp_path, **OPTIONS)
    with pytest.warns(DataWarning, match="2 of 180 rows have missing values"):
        data = RegimeData.from_parquet(tmp_path, **OPTIONS, missing="drop")
    assert_same_rows(data, table(), gaps.drop(index=[7, 9]).astype({"tv": float}), table(seed=2))
