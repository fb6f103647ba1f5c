"""Progress of the stages of a fit: in the log, and on a bar where somebody looks, in a terminal or a notebook."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Task

Stage = Callable[[str, int], Callable[[int], None]]
"""Names a stage and its size; what it returns is told of progress."""

LOG = logging.getLogger("bayes_ivgen")


@contextmanager
def stages(show: bool) -> Iterator[Stage]:
    """Name stages in the log (INFO) and on a progress bar with amounts a second; no bar where nobody looks."""
    begun: list[_Begun] = []
    with _bar(show) as bar:

        def stage(description: str, total: int) -> Callable[[int], None]:
            begun.append(_Begun(description, total, None if bar is None else bar(description, total)))
            return begun[-1].advance

        yield stage
    # Not reached after an error: what did not end is not logged as if it had.
    for item in begun:
        item.end()


@contextmanager
def _bar(show: bool) -> Iterator[Stage | None]:
    """Stages on a bar; None where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(speed(task.finished_speed or task.speed))

    console = Console(stderr=True)
    if not (show and (console.is_terminal or console.is_jupyter)):
        yield None  # older versions of rich print an empty line even for a bar that is disabled
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), SpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def stage(description: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(description, total=total)
            return lambda amount: progress.advance(task, amount)

        yield stage


@contextmanager
def timed(description: str) -> Iterator[None]:
    """Log a stage whose progress cannot be told; nothing is logged if it fails."""
    start = perf_counter()
    yield
    log_stage(description, perf_counter() - start)


class _Begun:
    """A stage under way: how much of it is done, and its message when it ends."""

    def __init__(self, description: str, total: int, move: Callable[[int], None] | None) -> None:
        self.description, self.total, self.move = description, total, move
        self.start, self.done, self.ended = perf_counter(), 0, False

    def advance(self, amount: int) -> None:
        self.done += amount
        if self.move is not None:
            self.move(amount)
        if self.done >= self.total:
            self.end()

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            log_stage(self.description, perf_counter() - self.start)


def log_stage(description: str, seconds: float) -> None:
    """Write that a stage has ended into the log of the package, at level INFO."""
    LOG.info("%s: %.2f s", description, seconds)


def speed(per_second: float | None) -> str:
    """Amount a second in short: ``840k/s``; empty where it says nothing."""
    if per_second is None or per_second < 1:
        return ""
    if per_second >= 1e6:
        return f"{per_second / 1e6:.1f}M/s"
    return f"{per_second / 1e3:.0f}k/s" if per_second >= 1e3 else f"{per_second:.0f}/s"
