"""Candidate experiments, one a row: what is uncertain before and after."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.plots.forest import MAX_ROWS
from bayes_ivgen.plots.text import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL_LETTERS = 40


def plot_next_experiment(ranking: pd.DataFrame, *, labels: Sequence[str], unit: str, ax: Axes | None = None) -> Axes:
    """Draw the standard deviation after each experiment, and a line where it stands now.

    Parameters
    ----------
    ranking : DataFrame
        The columns ``variance_before``, ``variance_after`` and ``identified_after``, the best first; experiments
        without a variance after are left out.
    labels : sequence of str
        One label an experiment.
    unit : str
        Name of the outcome.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Notes
    -----
    Open markers: not everything is identified even then. Only the first 40 are drawn; the title says so.
    """
    from matplotlib import pyplot as plt

    known = ranking["variance_after"].notna().to_numpy()
    shown = ranking[known].iloc[:MAX_ROWS]
    rows = [textwrap.fill(label, LABEL_LETTERS) for label, keep in zip(labels, known, strict=True) if keep][
        : len(shown)
    ]
    if ax is None:
        lines = max((row.count("\n") for row in rows), default=0)
        _, ax = plt.subplots(figsize=(7.2, 1.6 + (0.34 + 0.16 * lines) * len(shown)), layout="constrained")
    position = np.arange(len(shown))[::-1]
    after, before = np.sqrt(shown["variance_after"].to_numpy()), np.sqrt(shown["variance_before"].to_numpy())
    identified = shown["identified_after"].to_numpy(dtype=bool)
    ax.axvline(float(np.sqrt(ranking["variance_before"].iloc[0])), color="0.4", linestyle="--", label="now")
    ax.hlines(position, after, before, color="C0", linewidth=2)
    ax.scatter(after, position, s=36, zorder=3, edgecolors="C0", facecolors=np.where(identified, "C0", "white"))
    ax.set_yticks(position, rows)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlim(left=0.0)
    ax.set_xlabel(wrapped(f"standard deviation in units of {unit}, now (dashed) and after", ax))
    text = "Expected uncertainty after each experiment"
    if known.sum() > MAX_ROWS:
        text += f" (first {MAX_ROWS} of {known.sum()})"
    ax.set_title(wrapped(text, ax), fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
