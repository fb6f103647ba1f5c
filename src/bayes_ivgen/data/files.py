"""The files that hold the rows: which ones they are, and whether they are still the same."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_HIDDEN = (".", "_")  # notes of other programs: _SUCCESS, .part-0.crc
_PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class DataFile:
    """A file as it was when the data were built: enough to read its rows, and to see that it has changed.

    Attributes
    ----------
    path : str
        Path in its file system.
    filesystem : FileSystem
        The file system, one of Arrow.
    size : int
        Bytes.
    modified : int or None
        Time of the last change in ns, where the file system knows it.
    rows : tuple of int or None
        Rows of each row group; None for a file that cannot be read in parts.
    chosen : tuple of int
        The row groups that are read.
    """

    path: str
    filesystem: FileSystem
    size: int
    modified: int | None
    rows: tuple[int, ...] | None = None
    chosen: tuple[int, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether it lies on a disk of this machine."""
        return bool(self.filesystem.type_name == "local")

    @property
    def pieces(self) -> list[DataFile]:
        """The file with one row group at a time."""
        return [self] if self.rows is None else [replace(self, chosen=(group,)) for group in self.chosen]

    @property
    def chosen_rows(self) -> int | None:
        """Rows that are read, where they are known."""
        return None if self.rows is None else sum(self.rows[group] for group in self.chosen)

    def first_row(self, group: int) -> int:
        """Return the number of the first row of a row group in the file."""
        return sum((self.rows or ())[:group])

    def check_unchanged(self) -> None:
        """Raise a `DataError` if the file is gone or was written again."""
        now = self.filesystem.get_file_info(self.path)
        if not now.is_file:
            raise DataError(
                f"{self.path} is gone; it was there when the data were built. Put it back, or build the data again "
                "from the files that are left."
            )
        if now.size != self.size:
            raise self.changed(f"{self.size:,} bytes then, {now.size:,} now")
        if now.mtime_ns != self.modified:
            raise self.changed("it was written again")

    def changed(self, how: str) -> DataError:
        """Error for a file that is not what it was."""
        return DataError(
            f"{self.path} has changed since the data were built: {how}. All passes must see the same rows; "
            "build the data again."
        )


def joined(pieces: list[DataFile]) -> list[DataFile]:
    """Pieces of files in order, those of one file put together again."""
    files: list[DataFile] = []
    for piece in pieces:
        if files and piece.rows is not None and replace(files[-1], chosen=()) == replace(piece, chosen=()):
            files[-1] = replace(piece, chosen=files[-1].chosen + piece.chosen)
        else:
            files.append(piece)
    return files


def listed(path: Any, file_format: str) -> list[tuple[FileSystem, FileInfo]]:
    """Files that a path, a pattern or a list of them stands for, those of a folder in the order of their names.

    Raises
    ------
    DataError
        If there is none.
    """
    import pyarrow as pa
    from pyarrow import fs

    found: list[tuple[FileSystem, FileInfo]] = []
    for text in _expand(path):
        try:
            system, inner = fs.FileSystem.from_uri(text) if "://" in text else (fs.LocalFileSystem(), text)
            info = system.get_file_info(inner)
            inside = (
                system.get_file_info(fs.FileSelector(inner, recursive=True))
                if info.type == fs.FileType.Directory
                else None
            )
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{text} cannot be opened: {reason(error)}. Check the path and the permissions.") from error
        if inside is None:
            found.append((system, info))
            continue
        found += [
            (system, file)
            for file in sorted(inside, key=lambda file: str(file.path))
            if file.is_file and _holds_rows(system, file, inner, file_format)
        ]
    if not found:
        where = f"{path}" if isinstance(path, str | Path) else "the folders that were named"
        raise DataError(f"there are no {file_format} files in {where}. Check the path, or name the files.")
    return found


def _holds_rows(system: FileSystem, file: FileInfo, folder: str, file_format: str) -> bool:
    """Whether a file found in a folder is one of rows; what bears the name of the format always is."""
    if any(name.startswith(_HIDDEN) for name in Path(file.path).relative_to(folder).parts):
        return False
    if file_format != "parquet" or Path(file.path).suffix in (".parquet", ".parq", ".pq"):
        return True
    return _starts_as_parquet(system, file.path)


def _starts_as_parquet(system: FileSystem, path: str) -> bool:
    try:
        with system.open_input_stream(path) as stream:
            return bool(stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC)
    except OSError:
        return False


def _expand(path: Any) -> list[str]:
    items = [path] if isinstance(path, str | Path) else list(path)
    found: list[str] = []
    for item in items:
        text = str(item)
        if "://" in text or Path(text).exists():
            found.append(text)
            continue
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - patterns may be absolute
        if not matches:
            raise DataError(
                f"there is no file {text!r}. Check the path; patterns such as 'rows/*.parquet' are allowed."
            )
        found.extend(matches)
    if not found:
        raise DataError("the list of files is empty; name at least one file, folder or pattern.")
    return found


@contextmanager
def readable(system: FileSystem, file: FileInfo, file_format: str) -> Iterator[None]:
    """Turn what Arrow raises when a file is opened into a `DataError` that names the file and what to do."""
    import pyarrow as pa

    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if file.size == 0:
            what, advice = "it is empty (0 bytes)", "Write it again, or leave it out"
        elif file_format == "parquet" and _starts_as_parquet(system, file.path):
            what = f"its end is lost ({reason(error)})"
            advice = f"It has {file.size:,} bytes: copy or write it again in full, or leave it out"
        elif isinstance(error, UnicodeDecodeError):
            what, advice = reason(error), "Its text is not in UTF-8: save it again as CSV UTF-8"
        else:
            what, advice = reason(error), "Check the file, or convert it to Parquet or CSV with a header line"
        raise DataError(f"{file.path} cannot be read as {file_format}: {what}. {advice}.") from error


def reason(error: Exception) -> str:
    """Return what Arrow says went wrong, without the path and the advice in front of it."""
    text = str(error).splitlines()[0]
    found = re.search(r"input source '(?P<file>[^']*)': (?:Invalid: )?(?P<reason>.*)", text)
    short = f"{Path(found['file']).name}: {found['reason']}" if found else text
    return short[:200].rstrip(".")
