"""Progress of the stages of a fit, shown where somebody looks: in a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Task

Stage = Callable[[str, int], Callable[[int], None]]
"""Names a stage and its size; what it returns is told of progress."""


@contextmanager
def stages(show: bool) -> Iterator[Stage]:
    """Name stages on a progress bar with amounts a second; silent where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(speed(task.finished_speed or task.speed))

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), SpeedColumn(), TimeElapsedColumn())
    visible = show and (console.is_terminal or console.is_jupyter)
    with Progress(*columns, console=console, disable=not visible, transient=True) as progress:

        def stage(description: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(description, total=total)
            return lambda amount: progress.advance(task, amount)

        yield stage


def speed(per_second: float | None) -> str:
    """Amount a second in short: ``840k/s``; empty where it says nothing."""
    if per_second is None or per_second < 1:
        return ""
    if per_second >= 1e6:
        return f"{per_second / 1e6:.1f}M/s"
    return f"{per_second / 1e3:.0f}k/s" if per_second >= 1e3 else f"{per_second:.0f}/s"
