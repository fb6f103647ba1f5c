"""A joint effect over two actions: colour and contours, with a pattern where the data do not support it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.plots.style import axes_for
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

MOST_WRITTEN = 36  # cells; above, numbers would not fit


def plot_surface(
    table: pd.DataFrame,
    *,
    x: str,
    y: str,
    label: str,
    value: str = "mean",
    x_label: str | None = None,
    y_label: str | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity over a grid of two actions; cells that the data do not support are hatched.

    Parameters
    ----------
    table : DataFrame
        One row a cell of the full grid: `x`, `y` (numbers, or labels), `value` and ``supported``.
    x, y : str
        Columns for the two axes.
    label : str
        Name of the quantity, beside the colour bar.
    value : str
        Column that is drawn.
    x_label, y_label : str, optional
        Texts beside the axes; by default the names of the columns.
    title : str
        Text above the axes.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Raises
    ------
    ValueError
        If a cell of the grid is missing or stands twice.
    """
    ax = axes_for(ax, (5.4, 4.2))
    (xs, x_names), (ys, y_names) = _sites(table[x]), _sites(table[y])
    order = [ys if y_names is None else y_names, xs if x_names is None else x_names]
    indexed, full = table.set_index([y, x]), pd.MultiIndex.from_product(order)
    if len(table) != len(full) or indexed.index.has_duplicates:
        raise ValueError(f"the table is no full grid of {x} and {y}; give one row for each pair of values.")
    cells = indexed.reindex(full)
    values, supported = (
        cells[name].to_numpy().reshape(len(ys), len(xs)).astype(kind)
        for name, kind in ((value, float), ("supported", bool))
    )
    mesh = ax.pcolormesh(_edges(xs), _edges(ys), values, cmap="viridis", shading="flat", rasterized=True)
    if values.size <= MOST_WRITTEN:
        _write(ax, xs, ys, values)
    elif np.ptp(values) > 0 and min(values.shape) > 1:
        lines = ax.contour(xs, ys, values, colors="white", linewidths=0.8)
        ax.clabel(lines, fontsize="x-small", fmt="%.4g")
    if not supported.all():
        hidden = np.ma.masked_array(np.ones_like(values), supported)
        ax.pcolor(_edges(xs), _edges(ys), hidden, hatch="//", facecolor="none", edgecolor="white", linewidth=0.0)
        title = f"{title}\nhatched: not supported by the data".strip()
    if title:
        text = "\n".join(wrapped(line, ax) for line in title.split("\n"))
        ax.set_title(text, fontsize="small", loc="left")
    for axis, names, at in ((ax.xaxis, x_names, xs), (ax.yaxis, y_names, ys)):
        if names is not None:
            axis.set_ticks(at, [str(name) for name in names])
        elif values.size <= MOST_WRITTEN:
            axis.set_ticks(at, [f"{value:.6g}" for value in at])
    ax.set_xlabel(wrapped(x_label or x, ax))
    ax.set_ylabel(wrapped(y_label or y, ax, vertical=True))
    ax.figure.colorbar(mesh, ax=ax).set_label(wrapped(label, ax, vertical=True))
    return ax


def _sites(column: pd.Series[Any]) -> tuple[FloatArray, list[Any] | None]:
    """Where the distinct values stand: numbers at themselves, labels side by side in the order of the table."""
    if pd.api.types.is_float_dtype(column):
        return np.unique(column.to_numpy()), None
    names = list(dict.fromkeys(column))
    return np.arange(len(names), dtype=float), names


def _edges(at: FloatArray) -> FloatArray:
    """Borders of cells half-way between their centres."""
    if len(at) == 1:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])


def _write(ax: Axes, xs: FloatArray, ys: FloatArray, values: FloatArray) -> None:
    """Write the value into each cell, dark on light cells."""
    low, high = values.min(), values.max()
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            light = high > low and (values[i, j] - low) / (high - low) > 0.6
            ax.text(
                x,
                y,
                f"{values[i, j]:.4g}",
                ha="center",
                va="center",
                fontsize="small",
                color="black" if light else "white",
            )
