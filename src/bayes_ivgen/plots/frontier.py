"""An efficient frontier: the best outcome that each budget buys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_frontier(
    table: pd.DataFrame,
    *,
    label: str,
    chosen: tuple[float, float],
    status_quo: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of the best allocation over the budget, its interval, and its worst draws.

    Parameters
    ----------
    table : DataFrame
        The columns ``budget``, ``mean``, ``lower``, ``upper`` and ``worst``; ``attrs`` hold the mass of the interval
        (``prob``) and the share of the draws that count as the worst (``share``).
    label : str
        Name of the outcome.
    chosen : tuple of float
        Budget that was asked about, and the mean outcome there.
    status_quo : tuple of float, optional
        Its cost and its mean outcome.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    budget = table["budget"].to_numpy()
    prob, share = table.attrs["prob"], table.attrs["share"]
    band = f"{100 * prob:.3g} % interval"
    ax.fill_between(budget, table["lower"], table["upper"], alpha=0.25, linewidth=0, label=band)
    ax.plot(budget, table["mean"], color="C0", label="posterior mean")
    ax.plot(budget, table["worst"], color="C0", linestyle="--", label=f"mean of the worst {100 * share:.3g} % of draws")
    ax.plot(*chosen, marker="o", color="C0", linestyle="none", label=f"budget of {chosen[0]:.6g}")
    if status_quo is not None:
        ax.plot(*status_quo, marker="D", color="C1", linestyle="none", label="status quo")
    ax.set_xlabel("budget")
    ax.set_ylabel(wrapped(f"best {label}", ax, vertical=True))
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
