"""A curve with its band: an estimate along one action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_curve(table: pd.DataFrame, *, x: str, label: str, prob: float, ax: Axes | None = None) -> Axes:
    """Draw mean and interval along one action; the unsupported part is dotted.

    Parameters
    ----------
    table : DataFrame
        A summary with the columns ``mean``, ``lower``, ``upper``, ``supported`` and `x`.
    x : str
        Column for the horizontal axis.
    label : str
        Name of the quantity.
    prob : float
        Mass of the interval, for the legend.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    ordered = table.sort_values(x)
    at, mean = ordered[x].to_numpy(), ordered["mean"].to_numpy()
    supported = ordered["supported"].to_numpy(dtype=bool)
    ax.fill_between(
        at, ordered["lower"], ordered["upper"], alpha=0.25, linewidth=0, label=f"{100 * prob:.3g} % interval"
    )
    beside = np.convolve(supported, [1, 0, 1], mode="same") > 0
    lone = np.flatnonzero(supported & ~beside)  # a line would not show them
    marker = "o" if len(lone) else "none"
    line = np.where(supported, mean, np.nan)
    ax.plot(at, line, color="C0", marker=marker, markevery=lone.tolist(), label="posterior mean")
    if not supported.all():
        ax.plot(at, mean, color="C0", linestyle=":", label="not supported by the data")
    ax.set_xlabel(x)
    ax.set_ylabel(wrapped(label, ax, vertical=True))
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
