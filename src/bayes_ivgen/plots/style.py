"""What all pictures share: colours, axes, legends, marks at the values that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Colours of Okabe and Ito, which differ for all common kinds of colour vision; lines and markers differ, too."""

FAINT = "#8c8c8c"
MOST_MARKS = 200
FEW_LEVELS = 12
SMALL = (4.2, 3.1)


def axes_for(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes to draw on, by default those of a new figure of `size` inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    _, made = plt.subplots(figsize=size, layout="constrained")
    return made


def bare(ax: Axes) -> None:
    """Take the lines above and to the right away."""
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax: Axes, columns: int = 2) -> None:
    """Put the legend above the axes, where it covers nothing."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        frameon=False,
        fontsize="small",
        handlelength=1.6,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def thinned(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Sort values and, where there are more than 200, keep evenly spaced ones with the first and the last."""
    ordered = np.unique(np.asarray(values, dtype=float))
    if len(ordered) <= MOST_MARKS:
        return ordered
    return ordered[np.linspace(0, len(ordered) - 1, MOST_MARKS).astype(int)]


def mark_tried(ax: Axes, values: Sequence[float], colour: str, *, label: str, row: int = 0) -> None:
    """Put a tick at the bottom of the axes at each value; many of them are faint."""
    at = thinned(values)
    ax.plot(
        at,
        np.full(len(at), 0.035 * row),
        linestyle="none",
        marker=2,  # a tick upwards
        markersize=6,
        color=colour,
        alpha=1.0 if len(at) <= 20 else 0.45,
        transform=ax.get_xaxis_transform(),
        label=label,
        zorder=4,
    )


def positions(column: pd.Series[Any]) -> tuple[NDArray[np.float64], list[str] | None]:
    """Where the values of an action stand: numbers at themselves, labels side by side with their names."""
    if pd.api.types.is_float_dtype(column):
        return column.to_numpy(dtype=float), None
    return np.arange(len(column), dtype=float), [str(value) for value in column]


def only_levels(at: NDArray[np.float64], tried: Sequence[float]) -> bool:
    """Whether the values are a few that were all tried."""
    return len(at) <= FEW_LEVELS and bool(np.isin(at, np.asarray(tried, dtype=float)).all())


def name_positions(ax: Axes, at: NDArray[np.float64], names: Sequence[str] | None) -> None:
    """Write labels, or the numbers themselves, below the axes, turned if they would touch."""
    names = [f"{value:.6g}" for value in at] if names is None else names
    ax.set_xticks(at, names)
    step = float(np.diff(at).min()) if len(at) > 1 else 1.0
    ax.set_xlim(at[0] - 0.6 * step, at[-1] + 0.6 * step)
    inches = ax.get_window_extent().width / ax.figure.dpi
    if sum(map(len, names)) + 2 * len(names) > 10 * inches:
        ax.tick_params(axis="x", rotation=35)
        for text in ax.get_xticklabels():
            text.set_horizontalalignment("right")
            text.set_rotation_mode("anchor")
