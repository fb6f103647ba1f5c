"""Parts of the rows: together they are all rows, they survive a pickle, and they hold paths, not rows of files."""

from __future__ import annotations

import atexit
import itertools
import pickle
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.sources import BATCH_ROWS, Batch, grouped
from bayes_ivgen.errors import DataError

OPTIONS: Any = {
    "outcome": "y",
    "actions": ["tv", "offer"],
    "weights": "n",
    "exposure": "days",
    "dataset": "wave",
    "exclude": ["do(offer)"],
    "missing": "drop",
}


def table(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Every kind of column; the labels of the first rows are not the first in their order."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["tv", "y"])
    frame["offer"] = np.array(["C", "B", "A"])[np.minimum(np.arange(n) // 7, rng.integers(0, 3, n))]
    frame["wave"] = np.array(["spring", "autumn"])[rng.integers(0, 2, n)]
    frame["n"], frame["days"] = rng.integers(1, 4, n), rng.uniform(1, 9, n)
    frame["regime"] = rng.choice(["obs", "do(tv)", "do(offer)", "do(tv,offer)"], n)
    frame.loc[[5, 70], "tv"] = np.nan
    return frame


@cache
def folder() -> Path:
    path = Path(mkdtemp())
    atexit.register(shutil.rmtree, path)
    table().to_parquet(path / "one.parquet", row_group_size=17)
    table().to_csv(path / "one.csv", index=False)
    (path / "many").mkdir()
    for i, (start, stop) in enumerate([(0, 40), (40, 40), (40, 41), (41, 120)]):
        table()[start:stop].to_parquet(path / "many" / f"{i}.parquet", row_group_size=13)
        table()[start:stop].to_csv(path / f"many{i}.csv", index=False)
    return path


@cache
@pytest.mark.filterwarnings("ignore")
def data_of(source: str) -> RegimeData:
    if source == "frame":
        return RegimeData.from_frame(table(), **OPTIONS)
    if source.endswith("csv"):
        return RegimeData.from_csv(f"{folder()}/{source}", **OPTIONS)
    return RegimeData.from_parquet(folder() / source, **OPTIONS)


SOURCES = ["frame", "one.parquet", "many", "one.csv", "many?.csv"]


def assert_same_batches(found: list[Batch], expected: list[Batch]) -> None:
    assert [batch.regime for batch in found] == [batch.regime for batch in expected]
    for one, two in zip(found, expected, strict=True):
        for field in ("variables", "outcome", "weights", "exposure", "dataset"):
            np.testing.assert_array_equal(getattr(one, field), getattr(two, field))


def joined(batches: list[Batch]) -> dict[str, np.ndarray]:
    rows: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        rows.setdefault(batch.regime.label, []).append(np.column_stack(list(batch[1:])))
    return {label: np.concatenate(blocks) for label, blocks in rows.items()}


@pytest.mark.filterwarnings("ignore:.*missing values")
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SOURCES), st.integers(1, 150), st.integers(1, 150))
def test_the_parts_are_all_rows_in_order(source: str, rows: int, batch_rows: int) -> None:
    data = data_of(source)
    parts = pickle.loads(pickle.dumps(data.parts(rows)))
    found = [batch for part in parts for batch in part.batches(batch_rows)]
    whole = list(data.batches(batch_rows))
    assert max(len(batch.outcome) for batch in found) <= batch_rows
    if source != "frame" or rows % batch_rows == 0:
        assert_same_batches(found, [batch for batch in whole if len(batch.outcome)])
    one, all_ = joined(found), joined(whole)
    assert one.keys() == all_.keys() == {"obs", "do(tv)", "do(tv,offer)"}
    for label, values in all_.items():
        np.testing.assert_array_equal(one[label], values)
    assert sum(map(len, all_.values())) == data.n_rows


@pytest.mark.filterwarnings("ignore:.*missing values")
@pytest.mark.parametrize("source", SOURCES)
def test_parts_are_of_the_size_that_was_asked_for(source: str) -> None:
    smallest = {"frame": 1, "one.parquet": 17, "many": 13, "one.csv": 120, "many?.csv": 79}[source]
    for rows in (1, 20, 50, 1000):
        counts = [sum(len(batch.outcome) for batch in part.batches()) for part in data_of(source).parts(rows)]
        assert max(counts) <= max(rows, smallest)
        if not source.endswith("csv"):
            assert all(a + b > rows - 30 for a, b in itertools.pairwise(counts))  # 30: more than a part leaves out
    assert len(data_of(source).parts()) == (4 if source == "many?.csv" else 1)


@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=30), st.integers(1, 12))
def test_neighbours_are_put_together(sizes: list[int | None], most: int) -> None:
    groups = grouped(list(range(len(sizes))), sizes, most)
    assert [piece for group in groups for piece in group] == list(range(len(sizes)))
    for group in groups:
        of_group = [sizes[piece] for piece in group]
        if None in of_group:
            assert of_group == [None]
        elif len(group) > 1:
            assert sum(of_group) <= most  # type: ignore[arg-type]
    for group, after in itertools.pairwise(groups):
        if None not in (sizes[group[0]], sizes[after[0]]):
            assert sum(sizes[piece] for piece in group) + sizes[after[0]] > most  # type: ignore[misc, operator]


def test_parts_of_files_hold_no_rows(tmp_path: Path) -> None:
    n = 20_000
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(n, 2)), columns=["tv", "y"])
    frame.assign(regime=np.resize(["obs", "do(tv)"], n)).to_parquet(tmp_path / "rows.parquet", row_group_size=1000)
    data = RegimeData.from_parquet(tmp_path, outcome="y", actions=["tv"])
    parts = data.parts(2000)
    assert len(parts) == 10
    assert all(len(pickle.dumps(part)) < 4000 for part in parts)
    slices = RegimeData.from_frame(frame.assign(regime="obs"), outcome="y", actions=["tv"]).parts(2000)
    assert all(2000 * 16 < len(pickle.dumps(part)) < 2000 * 16 + 4000 for part in slices)


@pytest.mark.filterwarnings("ignore:.*missing values")
def test_a_part_is_read_in_another_process(tmp_path: Path) -> None:
    part = data_of("many").parts(30)[2]
    (tmp_path / "part").write_bytes(pickle.dumps(part))
    code = (
        "import pickle, sys, pathlib\n"
        "part = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())\n"
        "print(sum(batch.outcome.sum() for batch in part.batches()))"
    )
    out = subprocess.run([sys.executable, "-c", code, tmp_path / "part"], capture_output=True, text=True, check=True)
    assert float(out.stdout) == sum(batch.outcome.sum() for batch in part.batches())


def test_parts_of_the_default_size_give_the_batches_of_the_whole() -> None:
    n = 10 * BATCH_ROWS + 7
    frame = pd.DataFrame({"tv": np.arange(n) % 5, "y": np.arange(n), "regime": np.resize(["obs", "do(tv)"], n)})
    data = RegimeData.from_frame(frame, outcome="y", actions=["tv"])
    assert len(data.parts()) == 4
    found = [batch for part in data.parts() for batch in part.batches()]
    assert_same_batches(found, list(data.batches()))


def test_a_part_has_at_least_one_row() -> None:
    data = RegimeData.from_frame(
        table()[["tv", "y", "regime"]].dropna(), outcome="y", actions=["tv"], exclude=["do(offer)", "do(tv,offer)"]
    )
    with pytest.raises(DataError, match="rows is 0; a part must hold at least 1 row"):
        data.parts(0)
    with pytest.raises(DataError, match="batch_rows is 0; a batch must hold at least 1 row"):
        list(data.parts(1)[0].batches(0))
    assert len(data.parts(1)) == data.n_rows
    assert [len(batch.outcome) for batch in data.parts(1)[0].batches(1)] == [1]
