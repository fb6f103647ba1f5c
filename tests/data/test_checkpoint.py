"""Readings that are interrupted go on where they were."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen.data.checkpoint as checkpoint
from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.errors import DataError, SpecError, StorageError
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.statistics import accumulate

NAMES: dict[str, Any] = {"outcome": "y", "actions": ["a", "b"]}
MODEL = InterventionModel(causal=BSpline(5), confounding=BSpline(5), graph=ActionGraph({}))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("bayes_ivgen.data.checkpoint", "bayes_ivgen.statistics.accumulate"):
        monkeypatch.setattr(sys.modules[module], "CHECKPOINT_ROWS", 100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    place = tmp_path / "rows"
    place.mkdir()
    for i in range(4):
        frame = pd.DataFrame({"regime": rng.choice(["obs", "do(a)", "do(b)"], 100), "a": rng.normal(size=100)})
        frame["b"], frame["label"] = rng.normal(size=100), rng.choice([f"x{i}", "y"], 100)
        frame.assign(y=frame["a"] + rng.normal(size=100)).to_parquet(place / f"{i}.parquet")
    return place


class InterruptedReadingError(Exception):
    """What stops a reading in these tests."""


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that were read, by name; reading stops at the third unless the list is longer."""
    seen: list[str] = []
    original = FileSource._tables

    def tables(self: FileSource, file: Any, batch_rows: int, found: Any) -> Any:
        if len(seen) == 2:
            seen.append("stop")
            raise InterruptedReadingError
        seen.append(Path(file.path).name)
        return original(self, file, batch_rows, found)

    monkeypatch.setattr(FileSource, "_tables", tables)
    return seen


def test_a_reading_goes_on_where_it_was(folder: Path, tmp_path: Path, stops: list[str]) -> None:
    options = NAMES | {"covariates": ["label"], "checkpoint": tmp_path / "notes"}
    with pytest.raises(InterruptedReadingError):
        RegimeData.from_parquet(folder, **options)
    found = RegimeData.from_parquet(folder, **options)
    assert stops == ["0.parquet", "1.parquet", "stop", "2.parquet", "3.parquet"]
    del stops[:]
    stops += ["never"] * 5
    whole = RegimeData.from_parquet(folder, **NAMES, covariates=["label"])
    assert found.label_sets == whole.label_sets
    pd.testing.assert_frame_equal(found.summary(), whole.summary())
    del stops[5:]
    RegimeData.from_parquet(folder, **options)
    assert stops == ["never"] * 5  # nothing was read again


def test_sums_go_on_where_they_were(folder: Path, tmp_path: Path, stops: list[str]) -> None:
    stops += ["before"] * 3
    data = RegimeData.from_parquet(folder, **NAMES)
    design = MODEL.design(data)
    expected = accumulate(data, design)
    del stops[:]
    with pytest.raises(InterruptedReadingError):
        accumulate(data, design, checkpoint=tmp_path / "notes")
    told: list[int] = []
    found = accumulate(data, design, told.append, checkpoint=tmp_path / "notes")
    assert stops == ["0.parquet", "1.parquet", "stop", "2.parquet", "3.parquet"]
    assert sum(told) == 400
    for name in ("rows", "gram", "cross", "squares"):
        one, two = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(one, two, rtol=1e-11, atol=1e-11 * np.abs(two).max())
    other = InterventionModel(causal=BSpline(6), confounding=BSpline(5), graph=ActionGraph({})).design(data)
    np.testing.assert_array_equal(  # other columns: no note fits
        accumulate(data, other, checkpoint=tmp_path / "notes").rows, expected.rows
    )


def test_a_fit_uses_the_notes(folder: Path, tmp_path: Path, stops: list[str]) -> None:
    stops += ["before"] * 3
    data = RegimeData.from_parquet(folder, **NAMES)
    settings: dict[str, Any] = {"draws": 100, "chains": 2, "tune": 200, "cores": 1, "seed": 0, "progressbar": False}
    first = MODEL.fit(data, checkpoint=tmp_path / "notes", **settings)
    del stops[:]
    second = MODEL.fit(data, checkpoint=tmp_path / "notes", **settings)
    assert stops == []
    np.testing.assert_array_equal(first.datatree["posterior"]["beta"], second.datatree["posterior"]["beta"])


def test_a_changed_file_and_a_damaged_note_are_read_again(folder: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    before = RegimeData.from_parquet(folder, **NAMES, checkpoint=notes)
    changed = pd.read_parquet(folder / "2.parquet")
    changed["a"] += 100.0
    changed.to_parquet(folder / "2.parquet")
    after = RegimeData.from_parquet(folder, **NAMES, checkpoint=notes)
    assert after.pooled_range(after.regimes)[1][0] > before.pooled_range(before.regimes)[1][0] + 50
    for note in notes.iterdir():
        note.write_bytes(note.read_bytes()[:100])
    again = RegimeData.from_parquet(folder, **NAMES, checkpoint=notes)
    pd.testing.assert_frame_equal(again.summary(), after.summary())


def test_missing_values_are_refused_with_the_counts_of_all_parts(folder: Path, tmp_path: Path) -> None:
    for i in (1, 3):
        frame = pd.read_parquet(folder / f"{i}.parquet")
        frame.loc[5, "y"] = np.nan
        frame.to_parquet(folder / f"{i}.parquet")
    for _ in range(2):  # the second time from the notes
        with pytest.raises(DataError, match=r"'y' of .*1.parquet is missing \(NaN\) in row 5.*2 of 400 rows"):
            RegimeData.from_parquet(folder, **NAMES, checkpoint=tmp_path / "notes")


def test_a_full_disk_leaves_the_notes_before(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes, original, count = tmp_path / "notes", np.savez, 0

    def savez(place: Any, **arrays: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            Path(place).write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(place, **arrays)

    monkeypatch.setattr(checkpoint.np, "savez", savez)
    with pytest.raises(StorageError, match=r"cannot be written: .*No space left.*call again: the notes made before"):
        RegimeData.from_parquet(folder, **NAMES, checkpoint=notes)
    assert len(list(notes.iterdir())) == 2
    assert RegimeData.from_parquet(folder, **NAMES, checkpoint=notes).n_rows == 400


def test_where_there_is_nothing_to_resume(folder: Path, tmp_path: Path) -> None:
    data = RegimeData.from_frame(pd.read_parquet(folder), **NAMES)
    with pytest.raises(DataError, match=r"checkpoint is for rows in files.*from_parquet"):
        MODEL.fit(data, checkpoint=tmp_path / "notes")
    with pytest.raises(SpecError, match="client and checkpoint do not go together"):
        MODEL.fit(data, checkpoint=tmp_path, client=object())
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"checkpoint folder .* cannot be made"):
        RegimeData.from_parquet(folder, **NAMES, checkpoint=tmp_path / "file" / "notes")
