"""Figures like the paper's, drawn from a table of results alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_ivgen.benchmark.methods import METHODS
from bayes_ivgen.benchmark.metrics import METRICS
from bayes_ivgen.benchmark.store import read_results, write_parquet
from bayes_ivgen.benchmark.summary import summarise
from bayes_ivgen.benchmark.tasks import TABLES
from bayes_ivgen.errors import SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DEFAULT_METRICS = ("excess", "rmse", "coverage_90")
LABELS = {
    "excess": "excess: error against E[Y | do(a)]",
    "rmse": "RMSE against noisy outcomes",
    "coverage_90": "coverage of 90 % intervals of the effect",
    "outcome_90": "coverage of 90 % intervals of outcomes",
    "crps": "CRPS of outcomes",
    "seconds": "seconds",
}
NOMINAL = {"coverage_50": 0.5, "coverage_90": 0.9, "coverage_95": 0.95, "outcome_90": 0.9}
SHARES = (*NOMINAL, "edges_found", "edges_false")
MARKERS = "osDv^<>Pph"
PANEL = (3.9, 2.9)
SPACE = 0.12
"""Inches beside each panel: long numbers stick out at both ends of a horizontal axis."""
NARROW = 8.0
"""Ratio of the ends of a logarithmic axis below which its ticks are equidistant numbers."""
WRAPPED = {1: 1, 2: 2, 4: 2}
"""Panels side by side, by their number, where they differ in one thing."""


@dataclass(frozen=True)
class Layout:
    """What stands on the horizontal axis, and what tells the panels apart."""

    x: str
    label: str
    across: str
    down: str

    @classmethod
    def of(cls, summary: pd.DataFrame) -> Layout:
        """Choose by what varies: dials, ratios or numbers of rows."""
        if _several(summary["dial"]):
            return cls("dial_value", "strength of the violation", "dial", "K")
        if _several(summary["ratio"]):
            return cls("ratio", "single-intervention rows / observational rows", "K", "rows")
        counted = "rows of each data set" if summary["per"].iloc[0] == "dataset" else "rows in all"
        return cls("rows", counted, "K", "scm")


def draw_figures(folder: str | Path, metrics: Sequence[str] | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw one figure a metric into PNG files, and write the summary that they show.

    Parameters
    ----------
    folder : path
        Folder of results.
    metrics : sequence of str, optional
        Some of ``METRICS``; by default excess, RMSE and the coverage of 90 % intervals.
    out : path, optional
        Where to put the files, by default `folder`.

    Returns
    -------
    list of Path
        The figures, ``TASK-METRIC.png``; beside them ``summary.parquet``.

    Raises
    ------
    SpecError
        If a metric is unknown, or the task has no figure.
    StorageError
        If `folder` holds no results.

    Examples
    --------
    >>> table = ivg.benchmark.run("smoke", folder / "drawn", methods=["constant"], seeds=1, jobs=1)
    >>> [path.name for path in ivg.benchmark.draw_figures(folder / "drawn", metrics=["excess"])]
    ['smoke-excess.png']
    """
    from matplotlib import pyplot as plt

    task, table = read_results(folder)
    if task in TABLES:
        raise SpecError(f"{task} is a table without a figure; read results.parquet in {folder}.")
    unknown = next((metric for metric in metrics or () if metric not in METRICS), None)
    if unknown is not None:
        raise SpecError(f"there is no metric {unknown!r}. The metrics are {', '.join(METRICS)}; choose some of them.")
    summary = summarise(table)
    place = Path(folder if out is None else out)
    place.mkdir(parents=True, exist_ok=True)
    write_parquet(summary, place / "summary.parquet")
    answered = set(summary.loc[summary["worlds"] > 0, "metric"])
    drawn = []
    for metric in metrics or [metric for metric in DEFAULT_METRICS if metric in answered]:
        figure = plot_metric(summary, metric)
        drawn.append(place / f"{task}-{metric}.png")
        figure.savefig(drawn[-1], dpi=150)
        plt.close(figure)
    return drawn


def plot_metric(summary: pd.DataFrame, metric: str) -> Figure:
    """Draw means with standard errors of one metric, one line a method.

    Parameters
    ----------
    summary : pandas.DataFrame
        What `summarise` returns.
    metric : str
        One of ``METRICS``.
    """
    from matplotlib import pyplot as plt
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = Layout.of(summary)
    shown = summary[summary["metric"] == metric].dropna(subset="mean")
    if shown.empty:
        raise SpecError(f"no method of these results has the metric {metric!r}; choose another one.")
    across, down = (_levels(shown, column) for column in (layout.across, layout.down))
    columns = len(across) if len(down) > 1 else WRAPPED.get(len(across), 3)
    lines = -(-len(across) * len(down) // columns)
    figure, axes = plt.subplots(
        lines,
        columns,
        figsize=(PANEL[0] * columns + 2.0, PANEL[1] * lines + 0.6),
        layout=ConstrainedLayoutEngine(w_pad=SPACE),
        squeeze=False,
        sharex=layout.x != "dial_value",
        sharey="row" if len(down) > 1 else True,
    )
    for ax, (low, high) in zip(axes.flat, product(down, across), strict=False):
        panel = _panel(shown, layout, high, low)
        truth = _panel(summary[summary["metric"] == "sd_truth"], layout, high, low)
        _draw(ax, panel, truth if metric == "excess" else None, layout, metric)
        ax.set_title(_title(layout, high, low, len(across), len(down)), fontsize="medium")
    for ax in axes.flat:
        _scale_y(ax, metric)
    for ax in axes.flat[len(across) * len(down) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel(layout.label if _several(shown[layout.x]) else "")
    figure.supylabel(LABELS.get(metric, metric.replace("_", " ")), fontsize="medium")
    handles = {label: handle for ax in axes.flat for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False)
    return figure


def _several(column: pd.Series) -> bool:
    return len(set(column)) > 1


def _levels(summary: pd.DataFrame, column: str) -> list[Any]:
    levels = [level for level in summary[column].unique().tolist() if not (column == "dial" and level == "none")]
    return sorted(levels) if column != "dial" else levels


def _panel(summary: pd.DataFrame, layout: Layout, across: Any, down: Any) -> pd.DataFrame:
    """Rows of one panel; the world without a violation belongs to the panels of all dials."""
    inside = summary[layout.across] == across
    if layout.across == "dial":
        inside |= summary["dial"] == "none"
    return summary[inside & (summary[layout.down] == down)]


def _title(layout: Layout, across: Any, down: Any, n_across: int, n_down: int) -> str:
    parts = []
    for name, value, several in ((layout.across, across, n_across), (layout.down, down, n_down)):
        if name == "K":
            parts.append(f"K = {value}")
        elif name == "rows":
            parts.append(f"{value:,} rows in all")
        elif several > 1 or name == "dial":
            parts.append(str(value).replace("_", " "))
    return ", ".join(parts)


def _draw(ax: Axes, panel: pd.DataFrame, truth: pd.DataFrame | None, layout: Layout, metric: str) -> None:
    methods = [name for name in METHODS if name in set(panel["method"])]
    methods += [name for name in panel["method"].unique() if name not in METHODS]
    single = not _several(panel[layout.x])
    if truth is not None and len(truth):
        level = truth.groupby(layout.x)["mean"].first()
        x = [-0.5, len(methods) - 0.5] if single else level.index.to_numpy()
        y = np.repeat(level.to_numpy(), 2) if single else level.to_numpy()
        ax.plot(x, y, color="0.5", linestyle=":", linewidth=1.2, label="sd of the truth")
    if metric in NOMINAL:
        ax.axhline(NOMINAL[metric], color="0.5", linestyle=":", linewidth=1.2, label="nominal")
    for i, name in enumerate(methods):
        rows = panel[panel["method"] == name].sort_values(layout.x)
        x = np.full(len(rows), float(i)) if single else rows[layout.x].to_numpy(dtype=float)
        mean, sem = rows["mean"].to_numpy(dtype=float), rows["sem"].fillna(0.0).to_numpy(dtype=float)
        ax.errorbar(x, mean, yerr=sem, capsize=2, label=name.replace("_", " "), **_style(name))
    if single:
        ax.set_xlim(-0.5, len(methods) - 0.5)
        ax.set_xticks(range(len(methods)), [name.replace("_", " ") for name in methods], rotation=35, ha="right")
    elif layout.x != "dial_value":
        _scale_x(ax, np.unique(panel[layout.x]))


def _style(name: str) -> dict[str, Any]:
    """Colour and marker of a method, the same in every figure; ours is drawn last and heavier."""
    known = list(METHODS)
    i = known.index(name) if name in known else len(known) + sum(map(ord, name)) % 2
    heavy = name == "ours"
    return {
        "color": "black" if heavy else f"C{i}",
        "marker": MARKERS[i],
        "markersize": 5 if heavy else 4,
        "linewidth": 2.0 if heavy else 1.2,
        "zorder": 4 if heavy else 2,
    }


def _scale_x(ax: Axes, values: np.ndarray) -> None:
    """Logarithmic, with ticks at the values that were run as far as their numbers have room."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_xscale("log")
    apart = [values[0]]
    for value in values[1:]:
        if value >= 1.9 * apart[-1]:
            apart.append(value)
    ax.xaxis.set_major_locator(FixedLocator(apart))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    ax.xaxis.set_minor_locator(NullLocator())


def _scale_y(ax: Axes, metric: str) -> None:
    """Logarithmic but for shares; to be called when all panels are drawn, since they may share the axis."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

    if metric not in SHARES:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        # Of 1, 2, 5 times a power of ten too few may fall into a narrow range.
        narrow = high < NARROW * low
        even = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10], min_n_ticks=3)
        ax.yaxis.set_major_locator(even if narrow else LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
