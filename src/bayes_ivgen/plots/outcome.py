"""Outcomes that the model draws for the rows of a regime, against those that occurred."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.plots.style import BLUE, SMALL, axes_for, bare, legend_above
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

MOST_BINS = 30


def plot_outcome(
    observed: FloatArray, replicated: FloatArray, *, label: str, prob: float, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the share of rows in each bin: dots are what occurred, a line and a band what the model draws.

    Parameters
    ----------
    observed : ndarray of shape (n,)
        Outcomes of rows.
    replicated : ndarray of shape (draws, n)
        Outcomes of the same rows, drawn from the posterior predictive law; one data set a draw.
    label : str
        Name of the outcome.
    prob : float
        Mass of the band over the data sets.
    title : str
        Text above the axes.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.
    """
    ax = axes_for(ax, SMALL)
    edges = bins(observed, replicated)
    shares = np.stack([np.histogram(one, edges)[0] for one in replicated]) / replicated.shape[1]
    tail = (1 - prob) / 2
    lower, upper = np.quantile(shares, [tail, 1 - tail], axis=0)
    ax.stairs(upper, edges, baseline=lower, fill=True, color=BLUE, alpha=0.25, label=f"{100 * prob:.3g} % of the draws")
    ax.stairs(shares.mean(axis=0), edges, color=BLUE, linewidth=1.6, label="model")
    middle = (edges[1:] + edges[:-1]) / 2
    ax.plot(middle, np.histogram(observed, edges)[0] / len(observed), "o", color="black", markersize=4, label="rows")
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(bottom=0)
    ax.set_xlabel(wrapped(label, ax))
    ax.set_ylabel("share of the rows")
    legend_above(ax, columns=3)
    if title:
        ax.set_title(wrapped(title, ax), fontsize="medium", pad=22)
    bare(ax)
    return ax


def bins(observed: FloatArray, replicated: FloatArray) -> FloatArray:
    """Borders of up to 30 bins over all outcomes but the outermost draws; whole numbers get bins of whole width."""
    low, high = np.quantile(replicated, [0.001, 0.999])
    low, high = min(low, observed.min()), max(high, observed.max())
    if np.array_equal(observed, np.round(observed)) and np.array_equal(replicated, np.round(replicated)):
        step = max(1.0, np.ceil((high - low + 1) / MOST_BINS))
        return np.asarray(np.arange(np.floor(low) - 0.5, high + step, step))
    return np.linspace(low, high, 1 + int(np.clip(np.sqrt(len(observed)), 5, MOST_BINS)))
