"""What the model leaves unexplained, regime by regime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.style import BLUE, FAINT, ORANGE, axes_for
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 250
SPREAD = 0.16


def plot_residuals(table: pd.DataFrame, *, label: str, ax: Axes | None = None) -> Axes:
    """Draw residuals of rows, one line a regime: points, the middle half as a bar, their mean as a diamond.

    Means away from zero say that the model misses the level of a regime.

    Parameters
    ----------
    table : DataFrame
        One row a row of the data: ``regime`` and ``residual``.
    label : str
        Name of the outcome.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    regimes = list(dict.fromkeys(table["regime"]))
    ax = axes_for(ax, (5.4, 1.1 + 0.5 * len(regimes)))
    rng = np.random.default_rng(0)
    ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=0)
    for y, regime in enumerate(regimes):
        values = table.loc[table["regime"] == regime, "residual"].to_numpy()
        shown = values[np.linspace(0, len(values) - 1, min(len(values), MOST_POINTS)).astype(int)]
        height = y + rng.uniform(-SPREAD, SPREAD, len(shown))
        ax.scatter(shown, height, s=6, color=BLUE, alpha=0.3, linewidths=0, zorder=1)
        first, third = np.quantile(values, [0.25, 0.75])
        ax.hlines(y, first, third, color=BLUE, linewidth=5, alpha=0.55, zorder=2)
        ax.scatter(values.mean(), y, marker="D", s=34, color=ORANGE, edgecolors="white", zorder=3)
    ax.set_yticks(range(len(regimes)), regimes)
    ax.set_ylim(len(regimes) - 0.5, -0.5)
    ax.set_xlabel(wrapped(f"{label} minus its posterior mean", ax))
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax
