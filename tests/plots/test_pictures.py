"""Pictures of tables: what the artists hold is what the table says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection, QuadMesh
from matplotlib.colors import to_hex
from test_plots import assert_nothing_is_cut_or_overlaps, intervals, table

from bayes_ivgen.plots import (
    plot_curve,
    plot_forest,
    plot_outcome,
    plot_readings,
    plot_regimes,
    plot_residuals,
    plot_surface,
)
from bayes_ivgen.plots.style import BLUE, ORANGE

LABELS = ["none", "buy two, get one", "10 % off"]


def labelled() -> pd.DataFrame:
    rows = table(3, unsupported=(1,))
    return rows.assign(tv=LABELS)


def heights_of(line: object) -> np.ndarray:
    return np.asarray(line.get_ydata())  # type: ignore[attr-defined]


def test_tested_values_are_marked_below_a_curve() -> None:
    ax = plot_curve(table(9), x="tv", label="sales", prob=0.9, tried=[7.0, 1.0, 1.0], x_label="tv (euro)")
    curve, marks = ax.lines
    assert marks.get_xdata().tolist() == [1.0, 7.0]
    low, high = ax.get_ylim()
    seen = ax.transData.inverted().transform(marks.get_transform().transform([[1.0, marks.get_ydata()[0]]]))
    assert seen[0, 1] == pytest.approx(low)  # at the bottom, whatever the scale
    assert low == pytest.approx(-1 - 0.05 * 103)  # and the marks do not stretch it
    assert high > curve.get_ydata().max()
    assert ax.get_xlabel() == "tv (euro)"
    assert_nothing_is_cut_or_overlaps(ax.figure)


def test_of_many_tested_values_the_ends_stay() -> None:
    values = np.linspace(2.0, 8.0, 5000)
    marks = plot_curve(table(9), x="tv", label="sales", prob=0.9, tried=values.tolist()).lines[1]
    assert len(marks.get_xdata()) == 200
    assert (marks.get_xdata()[0], marks.get_xdata()[-1]) == (2.0, 8.0)


def test_a_curve_over_labels_is_a_row_of_points() -> None:
    rows = labelled()
    ax = plot_curve(rows, x="tv", label="sales", prob=0.9, neutral=1.5)
    assert [text.get_text() for text in ax.get_xticklabels()] == LABELS
    for i, segment in enumerate(intervals(ax)):
        np.testing.assert_allclose(segment, [[i, rows["lower"][i]], [i, rows["upper"][i]]])
    (points,) = [item for item in ax.collections if isinstance(item, PathCollection)]
    np.testing.assert_allclose(points.get_offsets(), np.column_stack([[0, 1, 2], rows["mean"]]))
    assert (points.get_facecolors()[:, :3] == 1).all(axis=1).tolist() == [False, True, False]
    assert set(ax.lines[0].get_ydata()) == {1.5}
    assert_nothing_is_cut_or_overlaps(ax.figure)


def test_nothing_is_drawn_between_tried_levels() -> None:
    rows = table(2).assign(tv=[0.0, 5.0])
    ax = plot_curve(rows, x="tv", label="sales", prob=0.9, tried=[0.0, 5.0])
    assert len(ax.lines) == 0
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "5"]
    (points,) = [item for item in ax.collections if isinstance(item, PathCollection)]
    np.testing.assert_allclose(points.get_offsets(), rows[["tv", "mean"]])
    both = plot_readings(rows, rows.assign(mean=1.0), x="tv", label="sales", prob=0.9, tried=[0.0, 5.0])
    assert {line.get_linestyle() for line in both.lines} == {"None"}
    assert len(plot_curve(rows, x="tv", label="sales", prob=0.9).lines) == 1


def test_the_neutral_value_of_a_forest_is_a_line() -> None:
    ax = plot_forest(table(3), labels=["a", "b", "c"], title="change", prob=0.9, neutral=0.0)
    (line,) = ax.lines
    assert set(line.get_xdata()) == {0.0}


def test_two_readings_keep_their_colours_and_ranges() -> None:
    _, ax = plt.subplots(figsize=(4.2, 3.2), layout="constrained")
    seen = table(7).assign(tv=np.linspace(3, 14, 7), mean=3.0, lower=2.0, upper=5.0)
    drawn = plot_readings(
        table(9).sample(frac=1, random_state=1),
        seen,
        x="tv",
        label="sales",
        prob=0.9,
        tried=[0, 5],
        seen=[4, 90],
        ax=ax,
    )
    assert drawn is ax
    first, second, orange_marks, blue_marks = ax.lines
    np.testing.assert_allclose(first.get_xydata(), table(9)[["tv", "mean"]])
    np.testing.assert_allclose(second.get_xydata(), seen[["tv", "mean"]])
    assert [to_hex(line.get_color()).upper() for line in ax.lines] == [BLUE, ORANGE, ORANGE, BLUE]
    assert (first.get_linestyle(), second.get_linestyle()) == ("-", "--")
    bands = [item for item in ax.collections if isinstance(item, FillBetweenPolyCollection)]
    assert [band.get_paths()[0].vertices[:, 1].max() for band in bands] == [102, 5]
    assert blue_marks.get_xdata().tolist() == [0, 5]
    assert orange_marks.get_xdata().tolist() == [4, 90]
    assert ax.get_xlim()[1] < 20  # the far mark does not stretch the picture
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["if it is set (90 % band)", "as it is read where seen"]
    assert_nothing_is_cut_or_overlaps(ax.figure)


def test_two_readings_of_labels_stand_side_by_side() -> None:
    rows = labelled()
    ax = plot_readings(rows, rows.assign(mean=1.0), x="tv", label="sales", prob=0.9)
    first, second = ax.lines
    np.testing.assert_allclose(first.get_ydata(), rows["mean"])
    np.testing.assert_allclose(second.get_ydata(), 1.0)
    assert (np.asarray(second.get_xdata()) - np.asarray(first.get_xdata()) > 0.1).all()
    assert [text.get_text() for text in ax.get_xticklabels()] == LABELS


def grid(xs: list, ys: list, unsupported: tuple[int, ...] = ()) -> pd.DataFrame:
    cells = pd.DataFrame([{"tv": x, "web": y} for x in xs for y in ys])
    return cells.assign(mean=np.arange(len(cells)) * 1.5, supported=[i not in unsupported for i in range(len(cells))])


def test_a_surface_holds_each_cell_at_its_place() -> None:
    xs, ys = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    cells = grid(xs, ys)
    ax = plot_surface(cells.sample(frac=1, random_state=0), x="tv", y="web", label="sales", title="radio held")
    mesh = next(item for item in ax.collections if isinstance(item, QuadMesh))
    np.testing.assert_allclose(mesh.get_array(), cells["mean"].to_numpy().reshape(8, 6).T)
    corners = mesh.get_coordinates()
    assert (corners[0, 0].tolist(), corners[-1, -1].tolist()) == ([-0.5, 5.0], [7.5, 65.0])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left")) == ("tv", "web", "radio held")
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "sales"
    assert not any(item.get_hatch() for item in ax.collections)
    assert_nothing_is_cut_or_overlaps(plot_surface(cells, x="tv", y="web", label="mean sales").figure)


def test_unsupported_cells_are_hatched_and_others_not() -> None:
    cells = grid([0.0, 1.0, 2.0], [5.0, 6.0], unsupported=(0, 3))  # (0, 5) and (1, 6)
    ax = plot_surface(cells, x="tv", y="web", label="sales")
    (hatched,) = [item for item in ax.collections if item.get_hatch()]
    middles = sorted(tuple(path.get_extents().get_points().mean(axis=0)) for path in hatched.get_paths())
    assert middles == [(0.0, 5.0), (1.0, 6.0)]
    assert ax.get_title(loc="left") == "hatched: not supported by the data"
    written = {(text.get_position(), text.get_text()) for text in ax.texts}
    assert ((2.0, 6.0), "7.5") in written


def test_a_surface_of_labels_keeps_their_order() -> None:
    cells = grid(LABELS, [1.0, 2.0])
    ax = plot_surface(cells, x="tv", y="web", label="sales")
    assert [text.get_text() for text in ax.get_xticklabels()] == LABELS
    mesh = next(item for item in ax.collections if isinstance(item, QuadMesh))
    np.testing.assert_allclose(mesh.get_array(), cells["mean"].to_numpy().reshape(3, 2).T)


@pytest.mark.parametrize("spoil", [lambda cells: cells.iloc[1:], lambda cells: pd.concat([cells, cells.iloc[:1]])])
def test_a_surface_needs_its_full_grid(spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    with pytest.raises(ValueError, match="one row for each pair of values"):
        plot_surface(spoil(grid([0.0, 1.0], [0.0, 1.0])), x="tv", y="web", label="sales")


def regimes(actions: tuple[str, ...] = ("tv", "web")) -> pd.DataFrame:
    records = []
    for r, label in enumerate(["obs", *(f"do({name})" for name in actions)]):
        for name in actions:
            was_set = label == f"do({name})"
            low, high = (0.0, 10.0) if was_set else (2.0 + r, 20.0)
            records.append((label, name, 1000 * (r + 1), was_set, low, high, 5.0))
    return pd.DataFrame(records, columns=["regime", "variable", "rows", "was_set", "low", "high", "mean"])


def test_regimes_show_rows_ranges_and_what_was_set() -> None:
    ax = plot_regimes(regimes())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["obs  (1,000)", "do(tv)  (2,000)", "do(web)  (3,000)"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["tv\n0 to 20", "web\n0 to 20"]
    bars = {
        (item.get_label(), to_hex(item.get_colors()[0]).upper()): np.asarray(item.get_segments())
        for item in ax.collections
        if isinstance(item, LineCollection)
    }
    left, right = 0.08, 0.92  # of a column, over 0 to 20
    np.testing.assert_allclose(bars["tv", BLUE], [[[left, 1], [(left + right) / 2, 1]]])
    width = right - left
    np.testing.assert_allclose(bars["web", ORANGE][:, 0, 0], 1 + left + width * np.array([0.1, 0.15]))
    np.testing.assert_allclose(bars["web", ORANGE][:, :, 1], [[0, 0], [1, 1]])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # observational rows at the top
    assert_nothing_is_cut_or_overlaps(ax.figure)


@pytest.mark.parametrize(("n", "lines"), [(2, 2), (3, 3), (5, 1)])
def test_ranges_of_regimes_do_not_overprint(n: int, lines: int) -> None:
    """In the width of the report, where labels of regimes take a third."""
    ends = [(13.7, 139.5), (5.73, 87.83), (3.18, 1247.9), (0.00137, 2.0), (1.0, 2.0)][:n]
    names = ["tv", "web", "radio", "social", "print"][:n]
    rows = [(label, name, 550, label == f"do({name})", low, high, (low + high) / 2)
            for label in ("obs", *(f"do({name})" for name in names))
            for name, (low, high) in zip(names, ends, strict=True)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["regime", "variable", "rows", "was_set", "low", "high", "mean"])
    for kind in ("figure", "part"):
        figure = plt.figure(figsize=(3.9, 2.5), layout="constrained")
        ax = plot_regimes(table, ax=(figure if kind == "figure" else figure.subfigures()).add_subplot())
        figure.draw_without_rendering()
        labels = ax.get_xticklabels()
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert {label.get_text().count("\n") + 1 for label in labels} == {lines}
        legend = ax.get_legend().get_window_extent()
        assert legend.x1 <= figure.bbox.x1
        plt.close(figure)
    assert n != 3 or labels[2].get_text() == "radio\n3.18\nto 1,248"


def test_regimes_of_labels_and_of_many_actions() -> None:
    rows = regimes()
    rows.loc[rows["variable"] == "tv", ["low", "high", "mean"]] = [0.0, 2.0, np.nan]
    assert plot_regimes(rows).get_xticklabels()[0].get_text() == "tv\n3 levels"
    short = tuple(f"channel_{i}" for i in range(9))
    ax = plot_regimes(regimes(short))
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"{name}\n0 to 20" for name in short]
    assert_nothing_is_cut_or_overlaps(ax.figure)
    long = tuple(f"a channel with number {i}" for i in range(9))
    ax = plot_regimes(regimes(long))
    assert [text.get_text() for text in ax.get_xticklabels()] == list(long)
    assert ax.get_xticklabels()[0].get_rotation() == 40


def test_an_outcome_shows_the_share_of_rows_and_of_draws() -> None:
    rng = np.random.default_rng(0)
    observed, drawn = rng.normal(size=100), rng.normal(size=(60, 100))
    _, ax = plt.subplots(figsize=(5, 4), layout="constrained")
    assert plot_outcome(observed, drawn, label="sales", prob=0.8, title="obs", ax=ax) is ax
    band, model = ax.patches
    values, edges, _ = model.get_data()
    assert len(values) == 10
    np.testing.assert_allclose(values, np.histogram(drawn, edges)[0] / drawn.size)
    shares = np.stack([np.histogram(one, edges)[0] for one in drawn]) / 100
    np.testing.assert_allclose(band.get_data().values, np.quantile(shares, 0.9, axis=0))
    np.testing.assert_allclose(band.get_data().baseline, np.quantile(shares, 0.1, axis=0))
    (dots,) = ax.lines
    np.testing.assert_allclose(dots.get_ydata(), np.histogram(observed, edges)[0] / 100)
    assert sum(heights_of(dots)) == pytest.approx(1.0)  # no row is left out
    assert (ax.get_xlabel(), ax.get_title()) == ("sales", "obs")
    assert_nothing_is_cut_or_overlaps(ax.figure)


def test_counts_get_bins_of_whole_width() -> None:
    rng = np.random.default_rng(0)
    observed, drawn = rng.poisson(4, 80).astype(float), rng.poisson(4, (40, 80)).astype(float)
    edges = plot_outcome(observed, drawn, label="orders", prob=0.9).patches[1].get_data().edges
    np.testing.assert_allclose(np.diff(edges), 1.0)
    assert edges[0] == -0.5


def test_residuals_stand_at_their_regime() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"regime": ["obs"] * 30 + ["do(tv)"] * 50, "residual": rng.normal(size=80)})
    ax = plot_residuals(rows, label="sales")
    assert isinstance(ax, Axes)
    clouds = [item for item in ax.collections if isinstance(item, PathCollection)]
    for y, regime in enumerate(["obs", "do(tv)"]):
        values = rows.loc[rows["regime"] == regime, "residual"]
        cloud, mean = clouds[2 * y], clouds[2 * y + 1]
        np.testing.assert_allclose(cloud.get_offsets()[:, 0], values)
        assert np.abs(cloud.get_offsets()[:, 1] - y).max() < 0.3
        np.testing.assert_allclose(mean.get_offsets(), [[values.mean(), y]])
        half = [np.asarray(item.get_segments()[0]) for item in ax.collections if isinstance(item, LineCollection)][y]
        np.testing.assert_allclose(half, [[values.quantile(0.25), y], [values.quantile(0.75), y]])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["obs", "do(tv)"]
    assert ax.get_xlabel() == "sales minus its posterior mean"
    assert_nothing_is_cut_or_overlaps(ax.figure)
