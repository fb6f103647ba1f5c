"""Pictures of tables: what is drawn, where, and that nothing overlaps or is cut off."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from bayes_ivgen import Estimate
from bayes_ivgen.plots import MAX_ROWS, plot_curve, plot_forest

CHANNELS = ("tv", "web", "radio", "social", "search", "print", "outdoor", "email")


def table(n: int, unsupported: tuple[int, ...] = ()) -> pd.DataFrame:
    x = np.linspace(0.0, 10.0, n)
    supported = [i not in unsupported for i in range(n)]
    return pd.DataFrame({"tv": x, "mean": x**2, "lower": x**2 - 1, "upper": x**2 + 2, "supported": supported})


def estimate(frame: pd.DataFrame, name: str = "E[sales | do(tv)]", reasons: tuple[int, ...] = ()) -> Estimate:
    """Estimate over the given values of the actions, with made-up draws."""
    draws = np.random.default_rng(0).normal(size=(2, 40, len(frame)))
    text = ["outside" if i in reasons else "" for i in range(len(frame))]
    support = pd.DataFrame({"supported": [not item for item in text], "reason": text})
    words = [", ".join(f"{k}={v:g}" for k, v in row.items()) for row in frame.to_dict("records")]
    frame = frame.set_index(pd.RangeIndex(len(frame), name="query"))
    return Estimate("effect", name, frame, support, lambda i: f"do({words[i]})", 2, 40, lambda block: draws[..., block])


def intervals(ax: Axes) -> list[np.ndarray]:
    (lines,) = [item for item in ax.collections if isinstance(item, LineCollection)]
    return [np.asarray(segment) for segment in lines.get_segments()]


def assert_nothing_is_cut_or_overlaps(figure: Figure) -> None:
    """All text lies inside the figure, tick labels do not touch each other, the axes keep room to draw."""
    figure.canvas.draw()
    drawn = figure.get_tightbbox()  # of all that is drawn, in inches
    width, height = figure.get_size_inches()
    assert drawn.x0 >= -0.01
    assert drawn.y0 >= -0.01
    assert drawn.x1 <= width + 0.01
    assert drawn.y1 <= height + 0.01
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            continue
        assert ax.get_window_extent().width > 0.4 * figure.bbox.width / len(figure.axes)
        boxes = sorted((label.get_window_extent() for label in ax.get_yticklabels()), key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))


def test_a_curve_shows_mean_and_interval() -> None:
    ax = plot_curve(table(20).sample(frac=1, random_state=0), x="tv", label="E[sales | do(tv)]", prob=0.8)
    assert isinstance(ax, Axes)
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xdata(), table(20)["tv"])
    np.testing.assert_allclose(line.get_ydata(), table(20)["mean"])
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].min() == -1
    assert corners[:, 1].max() == 102
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("tv", "E[sales | do(tv)]")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["80 % interval", "posterior mean"]


def test_the_unsupported_part_of_a_curve_is_dotted() -> None:
    ax = plot_curve(table(6, unsupported=(4, 5)), x="tv", label="effect", prob=0.9)
    supported, whole = ax.lines
    assert supported.get_linestyle() == "-"
    assert np.isnan(supported.get_ydata()).tolist() == [False] * 4 + [True] * 2
    assert supported.get_marker() == "none"
    assert whole.get_linestyle() == ":"
    assert np.isfinite(whole.get_ydata()).all()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["90 % interval", "posterior mean", "not supported by the data"]


def test_supported_points_between_unsupported_ones_are_seen() -> None:
    ax = plot_curve(table(7, unsupported=(1, 2, 5)), x="tv", label="effect", prob=0.9)
    line = ax.lines[0]
    assert line.get_marker() == "o"
    assert line.get_markevery() == [0, 6]  # 3 and 4 are neighbours, the line shows them


def test_a_forest_shows_each_interval() -> None:
    rows = table(3, unsupported=(1,))
    ax = plot_forest(rows, labels=["a", "b", "c"], title="effects", prob=0.5)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    for i, segment in enumerate(intervals(ax)):
        np.testing.assert_allclose(segment[:, 0], [rows["lower"][i], rows["upper"][i]])
        np.testing.assert_allclose(segment[:, 1], 2 - i)  # the first query stands at the top
    (points,) = [item for item in ax.collections if isinstance(item, PathCollection)]
    np.testing.assert_allclose(points.get_offsets(), np.column_stack([rows["mean"], [2, 1, 0]]))
    white = (points.get_facecolors()[:, :3] == 1).all(axis=1)
    assert white.tolist() == [False, True, False]
    assert ax.get_xlabel() == "posterior mean and 50 % interval"
    assert ax.get_title() == "effects"


def test_a_long_forest_says_what_it_leaves_out() -> None:
    size = MAX_ROWS + 5
    ax = plot_forest(table(size), labels=[str(i) for i in range(size)], title="effects", prob=0.9)
    assert len(intervals(ax)) == MAX_ROWS
    assert ax.get_title() == f"effects (first {MAX_ROWS} of {size})"
    assert_nothing_is_cut_or_overlaps(ax.figure)


def test_plots_go_where_they_are_told() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    name = f"E[sales | do({', '.join(CHANNELS)})]"
    assert plot_curve(table(9), x="tv", label=name, prob=0.9, ax=left) is left
    labels = ["tv=1, web=2, radio=3, social=4, search=5, print=6"] * 3
    assert plot_forest(table(3), labels=labels, title=name, prob=0.9, ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert_nothing_is_cut_or_overlaps(figure)


def test_a_new_figure_each_time() -> None:
    axes = [plot_curve(table(9), x="tv", label="effect", prob=0.9) for _ in range(2)]
    assert axes[0].figure is not axes[1].figure


def test_an_estimate_along_one_action_is_a_curve() -> None:
    frame = pd.DataFrame({"tv": np.linspace(0, 1, 5), "web": 2.0})
    ax = estimate(frame, reasons=(4,)).plot(prob=0.5)
    assert ax.get_xlabel() == "tv"
    assert ax.get_ylabel() == "E[sales | do(tv)]"
    assert [line.get_linestyle() for line in ax.lines] == ["-", ":"]
    assert_nothing_is_cut_or_overlaps(ax.figure)


@pytest.mark.parametrize(
    ("frame", "labels", "title"),
    [
        (pd.DataFrame({"tv": [1.0, 2.0, 3.0, 4.0], "web": 2.0}), ["tv=1", "tv=2", "tv=3", "tv=4"], " at web=2"),
        (pd.DataFrame({"tv": [1.0, 2.0], "web": [0.5, 3.0]}), ["tv=1, web=0.5", "tv=2, web=3"], ""),
        (pd.DataFrame({"tv": [1.0], "web": [0.5]}), ["do(tv=1, web=0.5)"], ""),
        (pd.DataFrame({"tv": [1.0, 1.0], "web": [0.5, 0.5]}), ["do(tv=1, web=0.5)"] * 2, ""),
        (pd.DataFrame(index=range(1)), ["do()"], ""),
    ],
)
def test_other_estimates_are_a_forest(frame: pd.DataFrame, labels: list[str], title: str) -> None:
    ax = estimate(frame).plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == labels
    assert ax.get_title() == f"E[sales | do(tv)]{title}"
    assert_nothing_is_cut_or_overlaps(ax.figure)


@pytest.mark.parametrize("n_queries", [1, 3, 60])
def test_many_actions_fit_on_the_page(n_queries: int) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.uniform(0, 100, n_queries) for name in CHANNELS})
    versus = pd.DataFrame({f"versus_{name}": np.full(n_queries, 1 / 3) for name in CHANNELS})
    name = f"difference of E[sales | do({', '.join(CHANNELS)})]"
    ax = estimate(pd.concat([frame, versus], axis=1), name).plot()
    assert_nothing_is_cut_or_overlaps(ax.figure)


def test_a_curve_of_many_actions_fits_on_the_page() -> None:
    frame = pd.DataFrame({"tv": np.linspace(0, 1, 60)})
    ax = estimate(frame, f"E[sales | do({', '.join(CHANNELS)})]").plot()
    assert ax.get_ylabel().count("\n") >= 1
    assert_nothing_is_cut_or_overlaps(ax.figure)
