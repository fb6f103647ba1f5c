"""What setting an action does, beside what rows in which it was left alone seem to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.style import (
    BLUE,
    ORANGE,
    SMALL,
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

DODGE = 0.12


def plot_readings(
    interventional: pd.DataFrame,
    observational: pd.DataFrame,
    *,
    x: str,
    label: str,
    prob: float,
    x_label: str | None = None,
    tried: Sequence[float] = (),
    seen: Sequence[float] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw two curves along one action: the outcome if it is set, and as it is read where it was seen.

    Their distance is the confounding bias of the action.

    Parameters
    ----------
    interventional, observational : DataFrame
        Summaries with the columns ``mean``, ``lower``, ``upper`` and `x`: numbers, or the same labels in both.
    x : str
        Column for the horizontal axis.
    label : str
        Name of the outcome.
    prob : float
        Mass of the bands, for the legend.
    x_label : str, optional
        Text below the horizontal axis; by default the name of the column.
    tried, seen : sequence of float
        Values at which the action was set, and at which it was left alone, marked at the bottom.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    ax = axes_for(ax, SMALL)
    sides = (
        (interventional, BLUE, "-", "o", f"if it is set ({100 * prob:.3g} % band)", -DODGE),
        (observational, ORANGE, "--", "s", "as it is read where seen", DODGE),
    )
    everywhere, names = positions(interventional[x])
    levels = names is not None or only_levels(everywhere, tried)
    for table, colour, style, marker, text, dodge in sides:
        at, _ = positions(table[x])
        if levels:
            beside = at + dodge * (float(np.diff(np.unique(at)).min()) if len(at) > 1 else 1.0)
            ax.vlines(beside, table["lower"], table["upper"], color=colour, linewidth=2)
            ax.plot(beside, table["mean"], color=colour, linestyle="none", marker=marker, label=text)
            continue
        order = np.argsort(at)
        lower, upper, mean = (table[name].to_numpy()[order] for name in ("lower", "upper", "mean"))
        ax.fill_between(at[order], lower, upper, color=colour, alpha=0.2, linewidth=0)
        ax.plot(at[order], mean, color=colour, linestyle=style, linewidth=1.8, label=text)
    if levels:
        name_positions(ax, everywhere, names)
    else:
        ax.set_xlim(*ax.get_xlim())  # of the curves: single far rows do not stretch the picture
        if len(seen):
            mark_tried(ax, seen, ORANGE, label="_seen", row=1)
        if len(tried):
            mark_tried(ax, tried, BLUE, label="_set")
    ax.set_xlabel(wrapped(x_label or x, ax))
    ax.set_ylabel(wrapped(label, ax, vertical=True))
    legend_above(ax, columns=1)
    bare(ax)
    return ax
