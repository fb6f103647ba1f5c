"""A band that widens with the strength of an assumption's violation, and the decision that it has to clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_band(
    table: pd.DataFrame, *, threshold: float, tip: float, title: str, prob: float, ax: Axes | None = None
) -> Axes:
    """Draw a band over ``strength``, the threshold, and where the one reaches the other.

    Parameters
    ----------
    table : DataFrame
        With the columns ``strength``, ``lower`` and ``upper``.
    threshold, tip : float
        The decision, and the strength at which it is open; none is drawn if that is infinite.
    title : str
        Name of the quantity.
    prob : float
        Mass of the band, for the axis label.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    ax.fill_between(table["strength"], table["lower"], table["upper"], alpha=0.25, linewidth=0)
    ax.axhline(threshold, color="0.4", linewidth=1)
    if np.isfinite(tip):
        ax.axvline(tip, color="C3", linestyle="--", linewidth=1)
    ax.set_xlim(table["strength"].iloc[0], table["strength"].iloc[-1])
    ax.set_xlabel("strength of the interaction of confounders")
    ax.set_ylabel(f"{100 * prob:.3g} % interval, whatever its sign")
    ax.set_title(wrapped(title, ax), fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
