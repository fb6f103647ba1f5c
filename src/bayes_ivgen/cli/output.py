"""What the commands print and write: sentences, tables of at most 80 columns, files."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bayes_ivgen.errors import StorageError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

WIDTH = 80
SHORTEST_TEXT = 8  # columns left to text beside numbers


def console(*, to_stderr: bool = False) -> Console:
    """Return a console for text that is not markup: names of columns may hold anything."""
    from rich.console import Console

    made = Console(stderr=to_stderr, markup=False, highlight=False, emoji=False)
    if made.width > WIDTH:
        made.width = WIDTH
    return made


def say(text: str = "") -> None:
    """Print prose, wrapped between words."""
    console().print(text)


def say_command(command: str) -> None:
    """Print a command on a line of its own, never wrapped, so that it can be copied."""
    sys.stdout.write(f"  {command}\n")
    sys.stdout.flush()


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    left: int = 1,
    last: Sequence[str] | None = None,
) -> None:
    """Print a table; the first `left` columns are text, the others numbers.

    Text is broken where the screen is narrow. Numbers never are: a table that cannot fit is wider than the screen.

    Parameters
    ----------
    headings : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        Cells.
    title : str, optional
        Line above the table.
    left : int
        Number of columns that are aligned to the left.
    last : sequence of str, optional
        A row below a rule.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="left" if i < left else "right", overflow="fold", no_wrap=i >= left)
    for i, row in enumerate(rows):
        table.add_row(*row, end_section=last is not None and i == len(rows) - 1)
    if last is not None:
        table.add_row(*last)
    if title is not None:
        say(title)
    screen = console()
    words = [max((*map(_width, heading.split()), SHORTEST_TEXT)) for heading in headings[:left]]
    numbers = [[_width(cell) for cell in column[left:]] for column in (headings, *rows, *([last] if last else []))]
    screen.width = max(screen.width, _table_width([*words, *map(max, zip(*numbers, strict=True))]))
    screen.print(table)


def table_width(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Columns of the screen that a table takes if nothing is wrapped."""
    return _table_width([max(map(_width, column)) for column in zip(headings, *rows, strict=True)])


def _table_width(columns: Sequence[int]) -> int:
    return sum(columns) + 3 * len(columns) - 1  # two blanks and a rule between neighbours, one blank at each end


def _width(text: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, text.splitlines()), default=0)


def number(value: float, digits: int = 4) -> str:
    """Write a number with `digits` significant digits, and thousands apart."""
    if not math.isfinite(value):
        return "-"
    size = abs(value)
    if 10**digits <= size < 1e9:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def fixed(value: float, decimals: int) -> str:
    """Write a number with a fixed number of decimals, and thousands apart."""
    return f"{value:,.{decimals}f}" if abs(value) < 1e9 else f"{value:.4g}"


def decimals_for(spreads: Sequence[float]) -> int:
    """Decimals that show two digits of the smallest spread."""
    least = min((spread for spread in spreads if spread > 0 and math.isfinite(spread)), default=1.0)
    return min(6, max(0, 1 - math.floor(math.log10(least))))


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show a spinner on standard error while something takes time, if someone is looking."""
    screen = console(to_stderr=True)
    if not screen.is_terminal:
        yield
        return
    with screen.status(what):
        yield


def check_target(path: Path, *, overwrite: bool, suffixes: Sequence[str] = ()) -> None:
    """Refuse a place that cannot be written, before any work starts.

    Raises
    ------
    StorageError
        If something is there already and `overwrite` is false, its folder does not exist, or its
        suffix is not one of `suffixes`.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise StorageError(f"{path} must end in {' or '.join(suffixes)}; choose another name.")
    if path.exists() and not overwrite:
        raise StorageError(f"{path} exists already; pass --overwrite to replace it, or choose another path.")
    if not path.parent.is_dir():
        raise StorageError(f"the folder {path.parent} does not exist; create it first or choose another path.")


TABLE_SUFFIXES = (".csv", ".parquet")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or Parquet, by the suffix of `path`.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    try:
        if path.suffix.lower() == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False, compression="zstd")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}. Check the free space and the permissions.") from error


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file, by the suffix of `path`.

    Raises
    ------
    StorageError
        If there is no such file, it has another suffix, or it cannot be read.
    """
    import pandas as pd

    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise StorageError(f"{path} must end in {' or '.join(TABLE_SUFFIXES)}; convert the file or rename it.")
    if not path.is_file():
        raise StorageError(f"there is no file {path}. Check the path.")
    try:
        return pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:  # parser and Arrow errors are ValueErrors
        raise StorageError(f"{path} cannot be read as {suffix[1:]}: {str(error).splitlines()[0]}") from error


def file_size(path: Path) -> str:
    """Size of a file in words."""
    size: float = path.stat().st_size
    unit: Literal["B", "kB", "MB"]
    for unit in ("B", "kB", "MB"):
        if size < 1000 or unit == "MB":
            break
        size /= 1000
    return f"{size:.3g} {unit}"
