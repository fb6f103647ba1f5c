"""One p-value a row, on a logarithmic axis, with the threshold of each check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 1e-12


def plot_p_values(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw p-values against their thresholds; checks that failed are red.

    Parameters
    ----------
    table : DataFrame
        Indexed by the name of the check, with the columns ``p_value``, ``threshold`` and ``passed``.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 1.2 + 0.34 * len(table)), layout="constrained")
    position = np.arange(len(table))[::-1]
    p = np.maximum(table["p_value"].to_numpy(dtype=float), LEAST)
    passed = table["passed"].to_numpy(dtype=bool)
    ax.scatter(p, position, s=40, zorder=3, c=np.where(passed, "C0", "C3"))
    for place, threshold in zip(position, table["threshold"], strict=True):
        ax.vlines(threshold, place - 0.4, place + 0.4, color="0.5", linestyle="--", linewidth=1)
    ax.set_xscale("log")
    ax.set_xlim(min(1e-3, p.min() / 2), 1.5)
    ax.set_yticks(position, [str(name) for name in table.index])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlabel("p-value (left of the dashed line the check fails)")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
