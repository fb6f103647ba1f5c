"""The rows at hand: how many each regime has, and where each action moved in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.style import BLUE, ORANGE, axes_for
from bayes_ivgen.plots.text import LETTERS_PER_INCH

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 0.08
COLUMN = 1.0  # inches, into which a range fits


def plot_regimes(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw one row a regime and one column an action: the range that the action had there.

    A thick bar is a range that the experimenter set, a thin one a range that came about by itself. Bars of one
    column share a scale, so that those below each other show where the regimes overlap; the grey field is the range of
    the tests.

    Parameters
    ----------
    table : DataFrame
        One row for each regime and action with the columns ``regime``, ``variable``, ``rows``, ``was_set``, ``low``,
        ``high`` and ``mean``; of labels ``low`` and ``high`` are codes and ``mean`` is missing.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib.lines import Line2D

    regimes, names = list(dict.fromkeys(table["regime"])), list(dict.fromkeys(table["variable"]))
    ax = axes_for(ax, (max(4.2, 1.6 + 1.05 * len(names)), 1.5 + 0.32 * len(regimes)))
    ends = table.groupby("variable", sort=False).agg(low=("low", "min"), high=("high", "max"))
    for k, name in enumerate(names):
        low, high = float(ends.loc[name, "low"]), float(ends.loc[name, "high"])

        def at(value: np.ndarray, k: int = k, low: float = low, high: float = high) -> np.ndarray:
            return k + MARGIN + (1 - 2 * MARGIN) * (np.asarray(value, dtype=float) - low) / (high - low)

        own = table[table["variable"] == name]
        tests = own[own["was_set"]]
        if len(tests):
            left, right = at(tests["low"].min()), at(tests["high"].max())
            ax.axvspan(float(left), float(right), color="0.92", zorder=0)
        for was_set, colour, width in ((False, ORANGE, 2.0), (True, BLUE, 6.0)):
            rows = own[own["was_set"] == was_set]
            y = np.array([regimes.index(label) for label in rows["regime"]], dtype=float)
            ax.hlines(y, at(rows["low"]), at(rows["high"]), color=colour, linewidth=width, zorder=2, label=name)
            ax.scatter(at(rows["mean"]), y, s=14, color="white", edgecolors=colour, linewidths=1.0, zorder=3)
    rows_of = table.drop_duplicates("regime").set_index("regime")["rows"]
    ax.set_yticks(range(len(regimes)), [f"{label}  ({rows_of[label]:,})" for label in regimes])
    ax.set_ylim(len(regimes) - 0.5, -0.5)
    ax.set_ylabel("regime (rows)")
    inches = ax.get_window_extent().width / ax.figure.dpi
    few = inches / len(names) > COLUMN
    turned = not few and max(map(len, names)) > LETTERS_PER_INCH * inches / len(names)
    labelled = set(table.loc[table["mean"].isna(), "variable"])
    texts = [
        f"{name}\n{_extent(ends.loc[name, 'low'], ends.loc[name, 'high'], labelled=name in labelled)}" if few else name
        for name in names
    ]
    ax.set_xticks(np.arange(len(names)) + 0.5, texts, rotation=40 if turned else 0, ha="right" if turned else "center")
    ax.set_xlim(0, len(names))
    for k in range(1, len(names)):
        ax.axvline(k, color="0.8", linewidth=0.8, zorder=1)
    ax.tick_params(length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    handles = [
        Line2D([], [], color=BLUE, linewidth=6, label="set by the experimenter"),
        Line2D([], [], color=ORANGE, linewidth=2, label="left alone"),
    ]
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=2 if inches > 4 * COLUMN else 1,
        frameon=False,
        fontsize="small",
    )
    return ax


def _extent(low: float, high: float, *, labelled: bool) -> str:
    return f"{high - low + 1:.0f} levels" if labelled else f"{low:.3g} to {high:.3g}"
