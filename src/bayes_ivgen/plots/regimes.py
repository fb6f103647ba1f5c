"""The rows at hand: how many each regime has, and where each action moved in it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.style import BLUE, ORANGE, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARGIN = 0.08
COLUMN = 1.0  # inches
GAP = 0.05  # inches between labels


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
    ax.set_xlim(0, len(names))
    for k in range(1, len(names)):
        ax.axvline(k, color="0.8", linewidth=0.8, zorder=1)
    ax.tick_params(length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    labelled = set(table.loc[table["mean"].isna(), "variable"])
    wide = inches > 4 * COLUMN
    handles = [
        Line2D([], [], color=BLUE, linewidth=6, label="set by the experimenter"),
        Line2D([], [], color=ORANGE, linewidth=2, label="left alone"),
    ]
    ax.legend(
        handles=handles,
        loc="lower left" if wide else "lower right",
        bbox_to_anchor=(-0.02 if wide else 1.0, 1.0),
        ncols=2 if wide else 1,
        frameon=False,
        fontsize="small",
    )
    _name_columns(ax, {name: _extent(*ends.loc[name], labelled=name in labelled) for name in names})
    return ax


def _name_columns(ax: Axes, extents: dict[str, tuple[str, ...]]) -> None:
    """Write names and ranges below the columns: in two lines, in three, or names alone, as they fit."""
    places, whole = np.arange(len(extents)) + 0.5, ax.get_figure(root=True)
    assert whole is not None  # axes have a figure
    for form in (" ", "\n", None):
        texts = [name if form is None else f"{name}\n{form.join(words)}" for name, words in extents.items()]
        ax.set_xticks(places, texts)
        whole.draw_without_rendering()  # only a layout says how wide columns are
        boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
        if all(left.x1 + GAP * whole.dpi < right.x0 for left, right in pairwise(boxes)):
            return
    ax.set_xticks(places, list(extents), rotation=40, ha="right")


def _extent(low: float, high: float, *, labelled: bool) -> tuple[str, ...]:
    return (f"{high - low + 1:.0f} levels",) if labelled else (_short(low), f"to {_short(high)}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.3g}"
