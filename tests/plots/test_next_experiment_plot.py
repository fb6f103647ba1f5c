"""The picture of candidate experiments."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection, PathCollection

from bayes_ivgen.plots import MAX_ROWS, plot_next_experiment


def ranking(after: list[float]) -> pd.DataFrame:
    identified = [i != 1 for i in range(len(after))]
    return pd.DataFrame({"variance_before": 9.0, "variance_after": after, "identified_after": identified})


def test_it_shows_where_each_experiment_leads() -> None:
    ax = plot_next_experiment(ranking([1.0, 4.0, np.nan]), labels=["a", "b", "c"], unit="sales")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    (points,) = [item for item in ax.collections if isinstance(item, PathCollection)]
    np.testing.assert_allclose(points.get_offsets(), [[1.0, 1.0], [2.0, 0.0]])
    white = (points.get_facecolors()[:, :3] == 1).all(axis=1)
    assert white.tolist() == [False, True]
    (lines,) = [item for item in ax.collections if isinstance(item, LineCollection)]
    assert [segment[:, 0].tolist() for segment in lines.get_segments()] == [[1.0, 3.0], [2.0, 3.0]]
    assert ax.lines[0].get_xdata()[0] == 3.0
    assert ax.get_xlim()[0] == 0.0
    assert "sales" in ax.get_xlabel()


def test_it_draws_into_the_axes_it_is_given_and_says_what_it_leaves_out() -> None:
    _, given = plt.subplots()
    size = MAX_ROWS + 2
    ax = plot_next_experiment(ranking([1.0] * size), labels=["x"] * size, unit="y", ax=given)
    assert ax is given
    assert f"(first {MAX_ROWS} of {size})" in ax.get_title().replace("\n", " ")
