"""Passes over files that go on where they were interrupted: what is known of each part is kept in a folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from bayes_ivgen.data.assembly import Parts
from bayes_ivgen.data.checks import RegimeLabels, checked_exclude
from bayes_ivgen.data.described import Described, described, settled_description
from bayes_ivgen.data.file_source import FileSource
from bayes_ivgen.data.labels import Codebook
from bayes_ivgen.data.missing import MissingRows
from bayes_ivgen.data.parts import RowsPart
from bayes_ivgen.data.profile import FloatArray, RegimeProfile
from bayes_ivgen.data.regime import own_labels
from bayes_ivgen.errors import DataError, StorageError

CHECKPOINT_ROWS = 2_000_000
"""Rows after which a note is made; at least a row group of a Parquet file, or a CSV file."""
_MOMENTS = ("mean", "sd", "low", "high", "sample")


class Checkpoint:
    """Notes in a folder, one file for each part and purpose.

    Parameters
    ----------
    folder : path
        Made if it is not there. Notes of other files, columns or versions are left alone.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the checkpoint folder {folder} cannot be made: {error}. Choose another place."
            ) from error

    def place(self, purpose: str, *keys: Any) -> Path:
        """File of a note; the keys say of what."""
        digest = hashlib.sha256(repr(keys).encode()).hexdigest()[:32]
        return self.folder / f"{purpose}-{digest}.npz"

    def read(self, place: Path) -> tuple[Mapping[str, Any], dict[str, FloatArray]] | None:
        """Return what was noted, as plain data and arrays, or None; a damaged note counts as none."""
        try:
            with place.open("rb") as handle, np.load(handle, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return json.loads(str(arrays.pop("plain"))), arrays
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None

    def write(self, place: Path, plain: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> None:
        """Make a note; it appears when it is complete."""
        scratch = place.with_name(f".{place.stem}.{os.getpid()}.npz")
        try:
            named: dict[str, Any] = {"plain": np.array(json.dumps(plain)), **arrays}
            np.savez(scratch, **named)
            scratch.replace(place)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise StorageError(
                f"the checkpoint {place} cannot be written: {error}. Check the free space and call again: the notes "
                "made before are kept."
            ) from error


def file_keys(source: FileSource) -> tuple[Any, ...]:
    """Tell the rows of a source from those of others: files as they were, row groups, and how they are read."""
    files = tuple((file.path, file.size, file.modified, file.chosen) for file in source.files)
    return files, source.reader.columns, source.reader.regime, source.reader.missing


def part_keys(part: RowsPart) -> tuple[Any, ...]:
    """Tell a part of rows in files from others, with the labels that it leaves out."""
    left_out, source = [], part.source
    while hasattr(source, "source"):
        left_out += sorted(getattr(source, "exclude", ()))
        source = source.source
    return (*file_keys(checked_files(source)), tuple(left_out), tuple(sorted(part.regime_of_label.items(), key=str)))


def checked_files(source: Any, what: str = "checkpoint") -> FileSource:
    """Return the files below a source, or raise a `DataError` where rows are not in files."""
    while hasattr(source, "source"):
        source = source.source
    if not isinstance(source, FileSource):
        raise DataError(
            f"{what} is for rows in files, which take long to read; these are in memory or on Dask. Leave it out, or "
            "use RegimeData.from_parquet."
        )
    return source


def described_to_note(found: Described) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Plain data and arrays from which `described_from_note` restores it exactly."""
    plain: dict[str, Any] = {
        "codebook": found.codebook.to_dict(),
        "missing": found.found.to_dict(),
        "left_out": sorted(found.left_out),
        "profiles": [
            {
                "label": label,
                "rows": profile.rows,
                "weight": profile.weight,
                "levels": [None if known is None else known.tolist() for known in profile.levels],
            }
            for label, profile in found.profiles.items()
        ],
    }
    arrays: dict[str, FloatArray] = {}
    for i, profile in enumerate(found.profiles.values()):
        for name in (*_MOMENTS, "sample_dataset", "dataset_weight"):
            values = getattr(profile, name)
            if values is not None:
                arrays[f"{name}_{i}"] = values
    return plain, arrays


def described_from_note(plain: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Described:
    """Restore what `described_to_note` wrote."""
    profiles = {
        item["label"]: RegimeProfile(
            rows=item["rows"],
            weight=item["weight"],
            levels=tuple(None if known is None else np.array(known, dtype=float) for known in item["levels"]),
            **{name: arrays[f"{name}_{i}"] for name in _MOMENTS},
            sample_dataset=arrays.get(f"sample_dataset_{i}"),
            dataset_weight=arrays.get(f"dataset_weight_{i}"),
        )
        for i, item in enumerate(plain["profiles"])
    }
    codebook, missing = Codebook.from_dict(plain["codebook"]), MissingRows.from_dict(plain["missing"])
    return Described(profiles, codebook, missing, frozenset(plain["left_out"]))


def assemble_noted(
    source: FileSource, regime_labels: RegimeLabels | None, exclude: Sequence[str], folder: str | Path
) -> Parts:
    """As `assemble`, part by part; parts that an earlier call has noted are not read again.

    Raises
    ------
    DataError
        As `assemble`.
    StorageError
        If a note cannot be written.
    """
    notes, labels = Checkpoint(folder), own_labels(regime_labels)
    out = checked_exclude(exclude, labels)
    total: Described | None = None
    for part in source.parts(CHECKPOINT_ROWS):
        place = notes.place("rows", *file_keys(part), labels, sorted(out))
        noted = notes.read(place)
        if noted is None:
            found = described(part, labels, tuple(out))
            notes.write(place, *described_to_note(found))
        else:
            found = described_from_note(*noted)
        total = found if total is None else total.and_of(found, source.reader)
    if total is None:
        total = described(source, labels, tuple(out))
    final = replace(source.reader, codebook=total.codebook)
    return settled_description(replace(source, reader=final), final, total, labels, out)
