"""Text that fits beside the axes it stands at."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTERS_PER_INCH = 11
LEAST_LETTERS = 20


def wrapped(text: str, ax: Axes, *, vertical: bool = False) -> str:
    """Break `text` into lines no longer than the axes is wide, or high."""
    box = ax.get_window_extent()
    inches = (box.height if vertical else box.width) / ax.figure.dpi
    return textwrap.fill(text, max(LEAST_LETTERS, int(LETTERS_PER_INCH * inches)))
