"""One interval a row: an estimate at a few queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_ROWS = 40


def plot_forest(table: pd.DataFrame, *, labels: Sequence[str], title: str, prob: float, ax: Axes | None = None) -> Axes:
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
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Notes
    -----
    Only the first 40 rows are drawn; the title says so if there are more.
    """
    from matplotlib import pyplot as plt

    shown = table.iloc[:MAX_ROWS]
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 1.2 + 0.34 * len(shown)), layout="constrained")
    position = np.arange(len(shown))[::-1]
    mean = shown["mean"].to_numpy()
    ax.hlines(position, shown["lower"], shown["upper"], color="C0", linewidth=2)
    supported = shown["supported"].to_numpy(dtype=bool)
    ax.scatter(mean, position, s=36, zorder=3, edgecolors="C0", facecolors=np.where(supported, "C0", "white"))
    ax.set_yticks(position, list(labels[: len(shown)]))
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlabel(f"posterior mean and {100 * prob:.3g} % interval")
    ax.set_title(title if len(table) <= MAX_ROWS else f"{title} (first {MAX_ROWS} of {len(table)})")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
