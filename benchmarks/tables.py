"""Print a folder of results as a Markdown table, the authors' code beside it if its numbers are at hand.

python benchmarks/tables.py results --metric excess --reference ../shared/reference/reference.csv

One line a setting and one column a method: mean ± standard error over worlds, then the median; `--means` leaves it at
the means. `--versus ours` prints in how many worlds each method has the smaller value, and the geometric mean of its
ratio to that method's. With `--metric all` one line a method and one column a metric, of means. `reference.csv` holds
means, standard errors and medians of the authors' own code over its own worlds (columns figure, scm, K, rows, ratio,
estimator, metric, scms, mean, sem, median).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.benchmark.methods import METHODS
from bayes_ivgen.benchmark.metrics import METRICS

VARIED = ["K", "rows", "ratio", "dial", "dial_value"]
FIGURES = {"fig2a": "2a", "workshop": "2a-workshop", "fig2b": "2b", "figB": "2b"} | dict.fromkeys(
    ("fig2c", "figA"), "2c and A"
)
ESTIMATORS = {"paper_plugin": "plug_in"}
"""Names of the file that are not ours."""


def of_authors(path: str, task: str, metric: str) -> pd.DataFrame:
    table = pd.read_csv(path).rename(columns={"estimator": "method", "scms": "worlds"})
    table["method"] = table["method"].replace(ESTIMATORS)
    return table[(table["figure"] == FIGURES.get(task)) & (table["metric"] == metric)]


def by_setting(
    scores: pd.DataFrame, keys: list[str], truth: pd.DataFrame, theirs: pd.DataFrame, means: bool
) -> list[list[str]]:
    methods = [name for name in METHODS if name in set(scores["method"])]
    lines = [[*keys, "worlds", *methods, "sd of the truth"]]
    for setting, ours in scores.groupby(VARIED, sort=False):
        values = dict(zip(VARIED, setting, strict=True))
        sd = matching(truth, values)["mean"].iloc[0]
        same = matching(theirs, {name: values[name] for name in ("K", "rows", "ratio")}) if len(theirs) else theirs
        for who, part, last in (("", ours, f"{sd:.3g}"), ("authors: ", same, "")):
            if len(part):
                cells = part.set_index("method")
                start = [*(text(values[key]) for key in keys), f"{who}{part['worlds'].max()}"]
                lines.append([*start, *(one_cell(cells, name, means) for name in methods), last])
    return lines


def by_method(summary: pd.DataFrame, keys: list[str]) -> list[list[str]]:
    metrics = [name for name in METRICS if name != "sd_truth" and name in set(summary["metric"])]
    means = summary.pivot_table(index=[*keys, "method"], columns="metric", values="mean", sort=False)[metrics]
    values = [[text(value) for value in line] for line in means.reset_index()[[*keys, "method"]].to_numpy()]
    cells = [["-" if pd.isna(value) else f"{value:.3g}" for value in line] for line in means.to_numpy()]
    return [[*keys, "method", *metrics], *([*a, *b] for a, b in zip(values, cells, strict=True))]


def versus(table: pd.DataFrame, keys: list[str], metric: str, other: str) -> list[list[str]]:
    lines = [[*keys, "method", "worlds", f"better than {other} in", f"geometric mean of the ratio to {other}"]]
    for setting, part in table.groupby(VARIED, sort=False, dropna=False):
        values = dict(zip(VARIED, setting, strict=True))
        wide = part.pivot_table(index="seed", columns="method", values=metric)
        for name in (name for name in METHODS if name in wide and name != other):
            both = wide[[name, other]].dropna()
            ratio = np.exp(np.log(both[name] / both[other]).mean())
            start = [text(values[key]) for key in keys]
            lines.append([*start, name, str(len(both)), str(int((both[name] < both[other]).sum())), f"{ratio:.3g}"])
    return lines


def matching(table: pd.DataFrame, values: dict[str, object]) -> pd.DataFrame:
    return table[(table[list(values)] == list(values.values())).all(axis=1)]


def text(value: object) -> str:
    return f"{value:,g}" if isinstance(value, int | float) else str(value)


def one_cell(cells: pd.DataFrame, method: str, means: bool) -> str:
    if method not in cells.index or pd.isna(cells.loc[method, "mean"]):
        return "-"
    mean, sem, median = cells.loc[method, ["mean", "sem", "median"]]
    return f"{mean:.3g}" if means else f"{mean:.3g} ± {sem:.2g}; {median:.3g}"


def markdown(lines: list[list[str]]) -> str:
    head, *body = (f"| {' | '.join(cell.replace('_', ' ') for cell in line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *body])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--metric", choices=["all", *METRICS], default="excess")
    parser.add_argument("--versus", choices=list(METHODS), help="compare world by world with this method")
    parser.add_argument("--means", action="store_true")
    parser.add_argument("--reference", help="path of reference.csv")
    args = parser.parse_args()
    task, table = ivg.benchmark.read_results(args.folder)
    summary = ivg.benchmark.summarise(table)
    keys = [name for name in VARIED if len(set(table[name])) > 1]
    if args.versus:
        lines = versus(table, keys, args.metric, args.versus)
    elif args.metric == "all":
        lines = by_method(summary, keys)
    else:
        chosen, truth = (summary[summary["metric"] == name] for name in (args.metric, "sd_truth"))
        theirs = of_authors(args.reference, task, args.metric) if args.reference else pd.DataFrame()
        lines = by_setting(chosen.dropna(subset="mean"), keys, truth, theirs, args.means)
    print(markdown(lines))


if __name__ == "__main__":
    main()
