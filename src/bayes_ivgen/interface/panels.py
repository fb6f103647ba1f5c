"""Several panels side by side, one for each action."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    AxesArray = NDArray[np.object_]

COLUMNS = 3
PANEL = (3.6, 3.1)


def panel_axes(count: int, ax: Any) -> AxesArray:
    """One axes for each panel, given or new."""
    if ax is not None:
        given = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
        if len(given) != count:
            raise QueryError(f"ax holds {len(given)} axes, but there are {count} actions to draw; pass one for each.")
        return given
    from matplotlib import pyplot as plt

    if count == 1:
        figure, one = plt.subplots(figsize=(5.4, 4.0), layout="constrained")
        return np.array([one], dtype=object)
    columns = 2 if count == 4 else min(count, COLUMNS)
    rows = -(-count // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    flat = np.asarray(grid, dtype=object).ravel()
    for spare in flat[count:]:
        figure.delaxes(spare)
    return flat[:count]


def share_scale(places: AxesArray) -> None:
    """Give panels one vertical scale, so that they can be compared, one legend and no repeated labels."""
    limits = np.array([panel.get_ylim() for panel in places])
    for i, panel in enumerate(places):
        panel.set_ylim(limits[:, 0].min(), limits[:, 1].max())
        if not panel.get_subplotspec().is_first_col():
            panel.set_ylabel("")
        if i and panel.get_legend() is not None:
            panel.get_legend().remove()
