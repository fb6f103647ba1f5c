"""A disk that is full while a fit is saved: a clear error, nothing half-written, and the fit before it untouched."""

from __future__ import annotations

import errno
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayes_ivgen.errors import StorageError
from bayes_ivgen.storage import save_datatree


def tree(size: int) -> xr.DataTree:
    rng = np.random.default_rng(size)
    groups = {name: xr.Dataset({"b": (("x",), rng.normal(size=size))}) for name in ("posterior", "noise", "statistics")}
    return xr.DataTree.from_dict(groups)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(folder: Path, message: str) -> None:
    """Neither a new folder nor one in place of another is left half-written."""
    before = content(folder)
    for name, overwrite in (("old.zarr", True), ("new.zarr", False)):
        expected = rf"{re.escape(str(folder / name))} cannot be written: .*{message}.*\. Check the free space"
        with pytest.raises(StorageError, match=expected):
            save_datatree(tree(100_000), folder / name, overwrite=overwrite)
    assert content(folder) == before
    assert [path.name for path in folder.iterdir()] == ["old.zarr"]


@pytest.mark.parametrize("room", [0, 1, 7, 15])
def test_writes_that_fail_for_want_of_space(room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th file that is opened for writing cannot be written."""
    save_datatree(tree(100), tmp_path / "old.zarr", overwrite=False)
    opened, left = Path.open, room

    def full(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        nonlocal left
        if "r" not in mode:
            left -= 1
            if left < 0:
                opened(self, mode, *args, **options).close()  # the name is there, its content is not
                raise OSError(errno.ENOSPC, "No space left on device")
        return opened(self, mode, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        left = room
        with pytest.raises(StorageError, match=r"old.zarr cannot be written: .*No space left on device"):
            save_datatree(tree(100_000), tmp_path / "old.zarr", overwrite=True)
        assert left < 0
    assert [path.name for path in tmp_path.iterdir()] == ["old.zarr"]
    xr.testing.assert_identical(xr.open_datatree(tmp_path / "old.zarr", engine="zarr", consolidated=False), tree(100))
    save_datatree(tree(100_000), tmp_path / "old.zarr", overwrite=True)
    xr.testing.assert_identical(
        xr.open_datatree(tmp_path / "old.zarr", engine="zarr", consolidated=False), tree(100_000)
    )


LIMITED = """
import resource, sys, pathlib
sys.path.insert(0, sys.argv[1])
from test_full_disk import assert_refused, save_datatree, tree
folder = pathlib.Path(sys.argv[2])
save_datatree(tree(100), folder / "old.zarr", overwrite=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
assert_refused(folder, "File too large")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
save_datatree(tree(100_000), folder / "old.zarr", overwrite=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are those of POSIX")
def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """The operating system refuses, in the middle of a file."""
    code = [sys.executable, "-c", LIMITED, str(Path(__file__).parent), str(tmp_path)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte in memory, where it may be mounted."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("there is no mount here")
    folder = tmp_path / "disk"
    folder.mkdir()
    options = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    save_datatree(tree(100), small_disk / "old.zarr", overwrite=False)
    assert_refused(small_disk, "No space left on device")
    save_datatree(tree(10_000), small_disk / "old.zarr", overwrite=True)
