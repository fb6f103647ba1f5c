"""Figures from the table alone: what is drawn, in words that matplotlib knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from bayes_ivgen.benchmark import Task, draw_figures, run, summarise
from bayes_ivgen.benchmark.figures import plot_metric
from bayes_ivgen.errors import SpecError, StorageError

mpl.use("Agg")


@pytest.fixture(scope="module")
def results(tiny: Task, guess: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "r"
    run(tiny, folder, methods={"guess": guess, "constant": "constant"}, jobs=1)
    return folder


def test_default_figures(results: Path, tmp_path: Path) -> None:
    drawn = draw_figures(results, out=tmp_path / "pictures")
    assert [path.name for path in drawn] == ["own-excess.png", "own-rmse.png", "own-coverage_90.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
    assert (tmp_path / "pictures" / "summary.parquet").is_file()


def test_one_line_a_method_with_standard_errors(tiny: Task, guess: Any) -> None:
    table = run(tiny, methods={"guess": guess, "constant": "constant"}, jobs=1)
    summary = summarise(table)
    figure = plot_metric(summary, "excess")
    left, right = figure.axes
    assert [left.get_title(), right.get_title()] == ["K = 1", "K = 2"]
    assert left.get_xscale() == left.get_yscale() == "log"
    assert len(left.containers) == 2
    wanted = summary[(summary["K"] == 2) & (summary["method"] == "guess") & (summary["metric"] == "excess")]
    bars = {bar.get_label(): bar for bar in right.containers}
    line, _, (errors,) = bars["guess"].lines  # type: ignore[misc]
    np.testing.assert_allclose(line.get_ydata(), wanted["mean"])
    heights = [segment[1, 1] - segment[0, 1] for segment in errors.get_segments()]
    np.testing.assert_allclose(heights, 2 * wanted["sem"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["sd of the truth", "constant", "guess"]


def test_dials_have_panels_that_start_without_a_violation(guess: Any) -> None:
    dials = (("none", 0.0), ("soft", 0.5), ("soft", 1.0), ("synergy", 1.0))
    task = Task(about="", scm="discrete", actions=(2,), rows=(60,), dials=dials, seeds=1, queries=20, fresh=10)
    figure = plot_metric(summarise(run(task, methods={"guess": guess}, jobs=1)), "excess")
    assert [ax.get_title() for ax in figure.axes] == ["soft, K = 2", "synergy, K = 2"]
    (bars,) = figure.axes[0].containers
    np.testing.assert_allclose(bars.lines[0].get_xdata(), [0.0, 0.5, 1.0])  # type: ignore[union-attr]


def test_one_size_is_a_row_of_methods(guess: Any) -> None:
    task = Task(about="", actions=(2,), rows=(60,), seeds=2, queries=20, fresh=10)
    figure = plot_metric(summarise(run(task, methods={"guess": guess, "constant": "constant"}, jobs=1)), "rmse")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["constant", "guess"]


@pytest.mark.parametrize("spread", [1.05, 1.7, 4.0, 50.0])
def test_the_logarithmic_axis_has_ticks_whatever_its_range(guess: Any, spread: float) -> None:
    task = Task(about="", actions=(1, 2), rows=(40,), seeds=2, queries=20, fresh=10)
    summary = summarise(run(task, methods={"guess": guess, "constant": "constant"}, jobs=1))
    summary["mean"] = np.where(summary["method"] == "guess", 9.3 * spread, 9.3)
    summary["sem"] = 0.001
    for ax in plot_metric(summary, "rmse").axes:
        low, high = ax.get_ylim()
        assert sum(low <= tick <= high for tick in ax.get_yticks()) >= 3


def test_refusals(results: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no metric 'size'. The metrics are excess, rmse"):
        draw_figures(results, ["size"])
    with pytest.raises(StorageError, match=r"holds no results; make some with: bayes-ivgen benchmark smoke --out"):
        draw_figures(tmp_path)
    run("example1", tmp_path / "e")
    with pytest.raises(SpecError, match="example1 is a table without a figure"):
        draw_figures(tmp_path / "e")
    constant = tmp_path / "c"
    run("smoke", constant, methods=["constant"], seeds=1, jobs=1)
    with pytest.raises(SpecError, match="no method of these results has the metric 'edges_found'"):
        draw_figures(constant, ["edges_found"])
