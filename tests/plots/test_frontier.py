"""The picture of a frontier: what is drawn and where."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from bayes_ivgen.plots import plot_frontier


@pytest.fixture
def table() -> pd.DataFrame:
    budget = np.linspace(20.0, 100.0, 9)
    mean = np.sqrt(budget)
    made = pd.DataFrame({"budget": budget, "mean": mean, "lower": mean - 1, "upper": mean + 1, "worst": mean - 0.8})
    made.attrs |= {"prob": 0.9, "share": 0.05}
    return made


def test_lines_band_and_points(table: pd.DataFrame) -> None:
    ax = plot_frontier(table, label="E[sales | do(tv, web)]", chosen=(60.0, 7.7), status_quo=(50.0, 6.0))
    mean, worst, chosen, now = ax.get_lines()
    np.testing.assert_allclose(mean.get_ydata(), table["mean"])
    np.testing.assert_allclose(worst.get_ydata(), table["worst"])
    assert (chosen.get_xdata(), chosen.get_ydata()) == ([60.0], [7.7])
    assert (now.get_xdata(), now.get_ydata()) == ([50.0], [6.0])
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == [
        "90 % interval", "posterior mean", "mean of the worst 5 % of draws", "budget of 60", "status quo",
    ]  # fmt: skip
    assert ax.get_xlabel() == "budget"
    assert ax.get_ylabel().replace("\n", " ") == "best E[sales | do(tv, web)]"


def test_it_draws_where_it_is_told(table: pd.DataFrame) -> None:
    _, ax = plt.subplots()
    assert plot_frontier(table, label="E[y]", chosen=(60.0, 7.7), ax=ax) is ax
    assert len(ax.get_lines()) == 3
    assert len(plt.get_fignums()) == 1
