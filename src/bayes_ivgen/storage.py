"""Save and load fits as Zarr folders with a format number."""

from __future__ import annotations

import tempfile
from pathlib import Path

import xarray as xr

from bayes_ivgen.errors import StorageError
from bayes_ivgen.interface.fit import FORMAT, Fit

_KEY = "bayes_ivgen_format"


def save_datatree(tree: xr.DataTree, path: Path, *, overwrite: bool) -> Path:
    """Write a datatree next to its place and move it there when it is complete.

    Raises
    ------
    StorageError
        If `path` exists and `overwrite` is false, or the folder cannot be written.
    """
    if path.exists() and not overwrite:
        raise StorageError(f"{path} exists already; pass overwrite=True to replace it, or choose another path.")
    if not path.parent.is_dir():
        raise StorageError(f"the folder {path.parent} does not exist; create it first or choose another path.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
            fresh = Path(scratch) / "fit"
            tree.to_zarr(fresh, consolidated=False)
            if path.exists():
                path.rename(Path(scratch) / "replaced")  # goes away with the scratch folder
            fresh.rename(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}. Check the free space and the permissions.") from error
    return path


def load(path: str | Path) -> Fit:
    """Load a fit written by `Fit.save`.

    Parameters
    ----------
    path : path
        The Zarr folder.

    Raises
    ------
    StorageError
        If there is no such folder, it is not a fit of this package, or its format is newer.
    """
    place = Path(path)
    if not place.exists():
        raise StorageError(f"there is no fit at {place}. Check the path; fits are written by fit.save(path).")
    foreign = f"{place} is not a fit of bayes_ivgen; load reads the folders that fit.save(path) writes."
    try:
        with xr.open_datatree(place, engine="zarr", consolidated=False) as opened:
            tree = opened.load()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(foreign) from error
    if _KEY not in tree.attrs:
        raise StorageError(foreign)
    found = int(tree.attrs[_KEY])
    if found > FORMAT:
        raise StorageError(
            f"{place} has format {found}, written by bayes_ivgen {tree.attrs.get('bayes_ivgen_version')}; this version "
            f"reads up to format {FORMAT}. Upgrade with: python -m pip install --upgrade bayes-ivgen"
        )
    return Fit(tree)
