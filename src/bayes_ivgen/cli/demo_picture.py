"""The picture of the demonstration: the combinations, and the response curve of one channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bayes_ivgen.cli.demo import Readings

CHANNEL = "web"
GRID, SPREAD = 30, 60
DODGE = 0.17
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"
"""Colours of Okabe and Ito, which differ for all common kinds of colour vision; markers differ, too."""


def draw(readings: Readings, path: Path) -> None:
    """Draw both panels and write them; no display is needed."""
    figure = Figure(figsize=(11.0, 4.8), layout="constrained", dpi=130)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
    _combinations(readings.table, left)
    _curve(readings, right)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path)


def _combinations(table: pd.DataFrame, ax: Axes) -> None:
    position = np.arange(len(table))[::-1]
    for y in position:
        ax.axhline(y, color="0.92", linewidth=1, zorder=0)
    ax.hlines(position + DODGE, table["lower"], table["upper"], color=BLUE, linewidth=5, alpha=0.4, zorder=2)
    points = (
        ("mean", "bayes-ivgen (90 % interval)", BLUE, "o", DODGE),
        ("regression_on_history", "regression on history", ORANGE, "s", 0.0),
        ("naive_sum", "naive sum", GREEN, "^", -DODGE),
    )
    for name, label, colour, marker, dodge in points:
        ax.scatter(table[name], position + dodge, s=55, color=colour, marker=marker, label=label, zorder=4)
    ax.vlines(
        table["truth"],
        position - 2 * DODGE,
        position + 2 * DODGE,
        color=BLACK,
        linewidth=2,
        label="exact truth",
        zorder=3,
    )
    spends = table[["tv", "web", "radio", "social"]].map("{:.0f}".format).agg(", ".join, axis=1)
    ax.set_yticks(position, [f"{name}\n({spend})" for name, spend in zip(table["combination"], spends, strict=True)])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlabel("sales, thousand euro")
    ax.set_title("Combinations that nobody tried\n(spends on tv, web, radio, social)", fontsize="medium")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _curve(readings: Readings, ax: Axes) -> None:
    history = readings.rows[readings.rows["regime"] == "obs"][["tv", "web", "radio", "social"]]
    tested = readings.rows.loc[readings.rows["regime"] == f"do({CHANNEL})", CHANNEL]
    low = max(tested.min(), history[CHANNEL].quantile(0.01))
    high = min(tested.max(), history[CHANNEL].quantile(0.99))
    spends = np.linspace(low, high, GRID)
    ours = readings.fitted.response_curve(CHANNEL, spends).summary()
    sample = history.iloc[:: max(1, len(history) // SPREAD)]
    spread = pd.concat([sample.assign(**{CHANNEL: spend}) for spend in spends], ignore_index=True)
    seen = readings.history_fit.effect(given=spread).summary()["mean"].to_numpy().reshape(GRID, -1).mean(axis=1)
    everyone = pd.concat([history.assign(**{CHANNEL: spend}) for spend in spends], ignore_index=True)
    truth = readings.world.effect(everyone).reshape(GRID, -1).mean(axis=1)
    ax.fill_between(spends, ours["lower"], ours["upper"], color=BLUE, alpha=0.25, linewidth=0)
    ax.plot(spends, ours["mean"], color=BLUE, linewidth=2)
    ax.plot(spends, seen, color=ORANGE, linewidth=2, linestyle="--")
    ax.plot(spends, truth, color=BLACK, linewidth=1.6, linestyle=":")
    early, late = int(0.75 * GRID), GRID - 1
    upper = ours["upper"].to_numpy()
    for at, height, shift, text, colour in (
        (early, seen[early], (-6, 6), "as seen in the history", ORANGE),
        (late, upper[late], (0, 5), "bayes-ivgen", BLUE),
        (late, truth[late], (0, -16), "exact truth", BLACK),
    ):
        ax.annotate(text, (spends[at], height), shift, textcoords="offset points", color=colour, ha="right")
    ax.set_xlabel(f"spend on {CHANNEL}, thousand euro")
    ax.set_ylabel("sales, thousand euro")
    ax.set_title(f"What setting {CHANNEL} does\n(the other channels set as in the history)", fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
