"""Save and load fits as Zarr folders with a format number."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bayes_ivgen.errors import StorageError
from bayes_ivgen.interface.fit import FORMAT, Fit

ATTEMPTS = 20
_KEY = "bayes_ivgen_format"
_FINITE = ("posterior", "statistics", "log_prior", "log_likelihood")
_GROUPS = (*_FINITE, "sample_stats", "observed_data", "constant_data", "noise")
_NORMAL_ONLY = ("statistics", "noise")
_SINCE = {"natural_rows"}  # groups that fits of earlier versions lack
_DECODING_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError)


def save_datatree(tree: xr.DataTree, path: Path, *, overwrite: bool) -> Path:
    """Write a datatree next to its place and move it there when it is complete.

    Raises
    ------
    StorageError
        If `path` exists and `overwrite` is false or it is no Zarr folder, or it cannot be written.
    """
    if path.exists() and not overwrite:
        raise StorageError(f"{path} exists already; pass overwrite=True to replace it, or choose another path.")
    if path.exists() and not (path / "zarr.json").is_file():
        raise StorageError(
            f"{path} is not a Zarr folder, and overwrite=True replaces nothing else; remove it yourself or choose "
            "another path."
        )
    if not path.parent.is_dir():
        raise StorageError(f"the folder {path.parent} does not exist; create it first or choose another path.")
    try:
        with _scratch_folder(path) as scratch:
            fresh, replaced = Path(scratch) / "fit", Path(scratch) / "replaced"
            tree.to_zarr(fresh, consolidated=False)
            if path.exists():
                path.rename(replaced)  # goes away with the scratch folder
            try:
                fresh.rename(path)
            except OSError:
                if replaced.exists():
                    replaced.rename(path)
                raise
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}. Check the free space and the permissions.") from error
    return path


def write_row_blocks(posterior: xr.Dataset, trees: Iterator[xr.DataTree], path: Path) -> None:
    """Write `posterior`, then the groups of each tree along their dim ``row``; the folder appears when complete.

    Raises
    ------
    StorageError
        If `path` exists, or it cannot be written; nothing is left behind then.
    """
    if path.exists():
        raise StorageError(f"{path} exists already; choose another path, or remove it.")
    if not path.parent.is_dir():
        raise StorageError(f"the folder {path.parent} does not exist; create it first or choose another path.")
    try:
        with _scratch_folder(path) as scratch:
            store = Path(scratch) / "rows"
            xr.DataTree.from_dict({"posterior": posterior}).to_zarr(store, consolidated=False)
            for i, tree in enumerate(trees):
                for name, group in tree.children.items():
                    how: dict[str, Any] = {"mode": "a"} if i == 0 else {"append_dim": "row"}
                    group.dataset.to_zarr(store, group=name, consolidated=False, **how)
            store.rename(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}. Check the free space and the permissions.") from error


@contextmanager
def _scratch_folder(path: Path) -> Iterator[str]:
    """Make a folder next to `path`, and remove it."""
    scratch = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        yield scratch
    finally:
        # After an error threads of zarr may still be writing: what they leave behind goes too.
        for _ in range(ATTEMPTS):
            shutil.rmtree(scratch, ignore_errors=True)
            time.sleep(0.01)
            if not Path(scratch).exists():
                break


def load(path: str | Path) -> Fit:
    """Load a fit written by `Fit.save`.

    Parameters
    ----------
    path : path
        The Zarr folder.

    Returns
    -------
    Fit

    Raises
    ------
    StorageError
        If there is no such folder, it is not a fit of this package, its format is newer, or parts
        of it are lost.

    Examples
    --------
    >>> path = fit.save(folder / "again.zarr")
    >>> bool((ivg.load(path).effect(do=plan).draws == fit.effect(do=plan).draws).all())
    True
    """
    place = Path(path)
    if not place.exists():
        raise StorageError(f"there is no fit at {place}. Check the path; fits are written by fit.save(path).")
    foreign = f"{place} is not a fit of bayes_ivgen; load reads the folders that fit.save(path) writes."
    damaged = f"{place} is damaged or incomplete; restore it from a copy, or fit again and save."
    try:
        opened = xr.open_datatree(place, engine="zarr", consolidated=False)
    except _DECODING_ERRORS as error:
        raise StorageError(damaged if (place / "posterior").is_dir() else foreign) from error
    with opened:
        if _KEY not in opened.attrs:
            raise StorageError(foreign)
        found = opened.attrs[_KEY]
        if not isinstance(found, int):
            raise StorageError(damaged)
        if found > FORMAT:
            raise StorageError(
                f"{place} has format {found}, written by bayes_ivgen {opened.attrs.get('bayes_ivgen_version')}; this "
                f"version reads up to format {FORMAT}. Upgrade with: python -m pip install --upgrade bayes-ivgen"
            )
        try:
            tree = opened.load()
            fit = Fit(tree)
        except _DECODING_ERRORS as error:
            raise StorageError(damaged) from error
    # A lost chunk reads as missing values: these groups have none.
    optional = _NORMAL_ONLY if fit.model.family.rowwise else ()
    if any(name not in tree.children for name in _GROUPS if name not in optional) or not all(
        np.isfinite(values).all()
        for name in (*_FINITE, *(_SINCE & tree.children.keys()))
        if name not in optional
        for values in tree[name].dataset.data_vars.values()
    ):
        raise StorageError(damaged)
    return fit
