"""A curve with its band: an estimate along one action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.style import (
    BLUE,
    FAINT,
    axes_for,
    bare,
    legend_above,
    mark_tried,
    name_positions,
    only_levels,
    positions,
)
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curve(
    table: pd.DataFrame,
    *,
    x: str,
    label: str,
    prob: float,
    x_label: str | None = None,
    tried: Sequence[float] = (),
    neutral: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw mean and interval along one action; the unsupported part is dotted.

    Labels, and a few numbers each of which was tried, are points with bars: nothing is known between them.

    Parameters
    ----------
    table : DataFrame
        A summary with the columns ``mean``, ``lower``, ``upper``, ``supported`` and `x`: numbers, or labels.
    x : str
        Column for the horizontal axis.
    label : str
        Name of the quantity.
    prob : float
        Mass of the interval, for the legend.
    x_label : str, optional
        Text below the horizontal axis; by default the name of the column.
    tried : sequence of float
        Values at which the action was set, marked at the bottom; up to 200 of them.
    neutral : float, optional
        Value that means no effect, drawn as a thin line.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    ax = axes_for(ax, (6.4, 4.0))
    if neutral is not None:
        ax.axhline(neutral, color=FAINT, linewidth=0.8, zorder=0)
    ordered = table if positions(table[x])[1] is not None else table.sort_values(x)
    at, names = positions(ordered[x])
    mean, supported = ordered["mean"].to_numpy(), ordered["supported"].to_numpy(dtype=bool)
    interval = f"{100 * prob:.3g} % interval"
    if names is not None or only_levels(at, tried):
        ax.vlines(at, ordered["lower"], ordered["upper"], color=BLUE, linewidth=2, label=interval)
        faces = np.where(supported, BLUE, "white")
        ax.scatter(at, mean, s=36, zorder=3, edgecolors=BLUE, facecolors=faces, label="posterior mean")
        name_positions(ax, at, names)
    else:
        ax.fill_between(at, ordered["lower"], ordered["upper"], color=BLUE, alpha=0.22, linewidth=0, label=interval)
        beside = np.append(supported[1:], False) | np.append(False, supported[:-1])
        lone = np.flatnonzero(supported & ~beside)  # a line would not show them
        marker = "o" if len(lone) else "none"
        line = np.where(supported, mean, np.nan)
        ax.plot(at, line, color=BLUE, marker=marker, markevery=lone.tolist(), label="posterior mean")
        if not supported.all():
            ax.plot(at, mean, color=BLUE, linestyle=":", label="not supported by the data")
        if len(tried):
            mark_tried(ax, tried, "black", label="values that were set")
    ax.set_xlabel(wrapped(x_label or x, ax))
    ax.set_ylabel(wrapped(label, ax, vertical=True))
    legend_above(ax)
    bare(ax)
    return ax
