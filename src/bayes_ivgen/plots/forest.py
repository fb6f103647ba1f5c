"""One interval a row: an estimate at a few queries."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.style import BLUE, FAINT, axes_for
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ROWS = 40
WIDTH = 7.2  # inches
LABEL_LETTERS = 5.5  # an inch of the figure: labels take up to half of it


def plot_forest(
    table: pd.DataFrame,
    *,
    labels: Sequence[str],
    title: str,
    prob: float,
    neutral: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one interval a row; unsupported rows have open markers.

    Parameters
    ----------
    table : DataFrame
        A summary with the columns ``mean``, ``lower``, ``upper`` and ``supported``.
    labels : sequence of str
        One label a row.
    title : str
        Name of the quantity.
    prob : float
        Mass of the interval, for the axis label.
    neutral : float, optional
        Value that means no effect, drawn as a thin line.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Notes
    -----
    Only the first 40 rows are drawn; the title says so if there are more.
    """
    shown = table.iloc[:MAX_ROWS]
    width = WIDTH if ax is None else float(ax.figure.get_figure(root=True).get_figwidth())
    rows = [textwrap.fill(label, int(LABEL_LETTERS * width)) for label in labels[: len(shown)]]
    lines = max(row.count("\n") for row in rows)
    ax = axes_for(ax, (WIDTH, 1.4 + (0.34 + 0.16 * lines) * len(shown)))
    if neutral is not None:
        ax.axvline(neutral, color=FAINT, linewidth=0.8, zorder=0)
    position = np.arange(len(shown))[::-1]
    mean = shown["mean"].to_numpy()
    ax.hlines(position, shown["lower"], shown["upper"], color=BLUE, linewidth=2)
    supported = shown["supported"].to_numpy(dtype=bool)
    ax.scatter(mean, position, s=36, zorder=3, edgecolors=BLUE, facecolors=np.where(supported, BLUE, "white"))
    ax.set_yticks(position, rows)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    space = " " if width > 0.6 * WIDTH else "\n"
    ax.set_xlabel(f"posterior mean and{space}{100 * prob:.3g} % interval")
    text = title if len(table) <= MAX_ROWS else f"{title} (first {MAX_ROWS} of {len(table)})"
    ax.set_title(wrapped(text, ax), fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
