"""Observed means against predicted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_predicted(table: pd.DataFrame, *, title: str, prob: float, ax: Axes | None = None) -> Axes:
    """Draw the intervals of predicted means at the observed ones, with the line on which they agree.

    Parameters
    ----------
    table : DataFrame
        With the columns ``observed``, ``fit``, ``lower`` and ``upper``.
    title : str
        What was predicted.
    prob : float
        Mass of the intervals, for the axis label.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(5.2, 4.4), layout="constrained")
    observed = table["observed"].to_numpy()
    inside = (table["lower"] <= observed) & (observed <= table["upper"])
    color = np.where(inside, "C0", "C3")
    ax.vlines(observed, table["lower"], table["upper"], color=color, linewidth=2)
    ax.scatter(observed, table["fit"], s=30, zorder=3, c=color)
    ends = [min(table["lower"].min(), observed.min()), max(table["upper"].max(), observed.max())]
    ax.plot(ends, ends, color="0.5", linestyle="--", linewidth=1)
    ax.set_xlabel("mean of the rows")
    ax.set_ylabel(f"predicted mean and {100 * prob:.3g} % interval")
    ax.set_title(wrapped(title, ax), fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
