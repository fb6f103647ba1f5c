"""A folder of results: one small file a finished cell, so that a run that was killed can go on."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_ivgen.benchmark.cells import Cell
from bayes_ivgen.errors import StorageError

FORMAT = 1
MANIFEST, PARTS, TABLE = "benchmark.json", "parts", "results.parquet"

Record = dict[str, Any]
"""One row of the table: a cell, a method and its scores."""


@dataclass(frozen=True)
class Store:
    """The results of one task with one grid; made by `open_store`.

    ``benchmark.json`` says which task, grid and version; ``parts/CELL.json`` holds the records of a cell, one
    a method; ``results.parquet`` all of them.
    """

    folder: Path

    def read_part(self, cell: Cell) -> dict[str, Record]:
        """Return the records of a cell by method; empty if there are none that can be read."""
        return _read_part(self._part(cell))

    def write_part(self, cell: Cell, records: Mapping[str, Record]) -> None:
        """Write the records of a cell; whoever reads sees the old file or the new one, whole."""
        write_text(self._part(cell), json.dumps(dict(records)))

    def write_table(self) -> pd.DataFrame:
        """Put all parts into one tidy table, in an order that does not depend on who ran them."""
        parts = sorted((self.folder / PARTS).glob("*.json"))
        records = [record for part in parts for record in _read_part(part).values()]
        table = tidy(pd.DataFrame.from_records(records))
        write_parquet(table, self.folder / TABLE)
        return table

    def _part(self, cell: Cell) -> Path:
        return self.folder / PARTS / f"{cell.name}.json"


def _read_part(path: Path) -> dict[str, Record]:
    try:
        found: dict[str, Record] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or cut off by a broken disk: the cell is run again
        return {}
    return found


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by cell and method."""
    order = ["task", "scm", "K", "rows", "ratio", "dial", "dial_value", "seed", "method"]
    return table.sort_values(order, ignore_index=True) if len(table) else table


def open_store(folder: Path, task: str, settings: Mapping[str, Any]) -> Store:
    """Make a folder of results, or go on in one of the same task, grid and version.

    Raises
    ------
    StorageError
        If the folder holds something else, or results of another version, task or grid.
    """
    content = {"format": FORMAT, "version": version("bayes-ivgen"), "task": task, "settings": dict(settings)}
    content = json.loads(json.dumps(content))
    manifest = folder / MANIFEST
    if manifest.is_file():
        _compare(folder, _read_json(manifest), content)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(f"{folder} exists and holds no results of a benchmark; choose another place with --out.")
    try:
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
        if not manifest.is_file():
            write_text(manifest, json.dumps(content, indent=1))
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error}. Check the free space and the permissions.") from error
    return Store(folder)


def _compare(folder: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    fix = f"Choose another folder with --out, or remove {folder} if its results are not needed any more."
    for name, what in (("format", "format"), ("version", "version"), ("task", "task")):
        if found.get(name) != wanted[name]:
            raise StorageError(
                f"{folder} holds results of {what} {found.get(name)!r}, and this run is of {wanted[name]!r}. {fix}"
            )
    old, new = found.get("settings", {}), wanted["settings"]
    changed = [name for name in new if old.get(name) != new[name]]
    if changed:
        details = "; ".join(f"{name}: {old.get(name)!r} there, {new[name]!r} now" for name in changed)
        raise StorageError(f"{folder} holds results of other options ({details}). {fix}")


def read_results(folder: str | Path) -> tuple[str, pd.DataFrame]:
    """Name of the task and table of a folder of results.

    Parameters
    ----------
    folder : path
        Folder of results.

    Returns
    -------
    task : str
    table : pandas.DataFrame
        As `run` returns it.

    Raises
    ------
    StorageError
        If it holds none, or no table yet.

    Examples
    --------
    >>> table = ivg.benchmark.run("smoke", folder / "results", methods=["constant"], seeds=1, jobs=1)
    >>> ivg.benchmark.read_results(folder / "results")[0]
    'smoke'
    """
    place = Path(folder)
    manifest, table = place / MANIFEST, place / TABLE
    if not manifest.is_file():
        raise StorageError(f"{place} holds no results; make some with: bayes-ivgen benchmark smoke --out {place}")
    content = _read_json(manifest)
    if content.get("format") != FORMAT:
        raise StorageError(
            f"{place} holds results of format {content.get('format')!r}; this version reads {FORMAT}. Run the "
            "task again."
        )
    if not table.is_file():
        raise StorageError(
            f"{place} holds no {TABLE}: its run did not end. Go on with: "
            f"bayes-ivgen benchmark {content.get('task')} --out {place}"
        )
    return str(content["task"]), pd.read_parquet(table)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read ({error}); choose another folder with --out.") from error
    return content if isinstance(content, dict) else {}


def write_text(path: Path, text: str) -> None:
    """Write a file at once: a reader, or a crash, never sees a part of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table at once, as in `write_text`."""
    temporary = path.with_name(f".{path.name}.new")
    table.to_parquet(temporary, index=False, compression="zstd")
    temporary.replace(path)
