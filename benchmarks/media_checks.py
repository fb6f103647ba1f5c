"""Checks of right models on weeks that resemble their neighbours: how often they fail, and after thinning.

python benchmarks/media_checks.py --worlds 8 --first 400

Worlds and rows are those of benchmarks/media.py; weights of carry-over and graph are the true ones, so that every
check should pass in 99 % of the worlds. Reported are the share that passes and the median p-value, with all rows, with
rows weighted by `fit.independent_share`, and with rows as many weeks apart as the carry-over is long (`fit.thinned`);
and how many edges a learned graph has, where there are none.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.media import Adstock
from media import L_MAX, ROLES, read


def one_world(seed: int, memory: float) -> list[dict[str, Any]]:
    world = ivg.simulate.media_series(3, seed=seed, memory=memory, l_max=L_MAX)
    rows = world.sample(40, 104, test_weeks=16, rest_weeks=16, hold=4, seed=seed)
    rows = rows.join(ivg.media.seasonality(rows["week"], order=1)).join(ivg.media.trend(rows["week"]))
    transforms = {a: Adstock(alpha=rate, l_max=L_MAX) for a, rate in zip(world.actions, world.alpha, strict=True)}
    model = ivg.InterventionModel(graph="empty", covariates=ROLES, transforms=transforms)
    options: dict[str, Any] = {"draws": 100, "chains": 2, "seed": seed, "cores": 1, "progressbar": False}
    data = read(rows, world)
    fit = model.fit(data, **options)
    weighted = read(rows.assign(share=fit.independent_share(data)), world, weights="share")
    found = []
    for arm, fitted, used in (
        ("all rows", fit, data),
        ("weighted", model.fit(weighted, **options, independent_rows=True), weighted),
        ("thinned", fit, fit.thinned(data)),
    ):
        table = fitted.falsify(used).summary().dropna(subset="p_value")
        for check, row in table.iterrows():
            name = str(check).split("[")[0]
            found.append({"arm": arm, "check": name, "passed": float(row["passed"]), "p_value": row["p_value"]})
        learned = ivg.InterventionModel(covariates=ROLES, transforms=transforms).action_graph(fitted.as_fitted(used))
        found.append({"arm": arm, "check": "false edges of 3", "passed": float(len(learned.edges)), "p_value": 1.0})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=8)
    parser.add_argument("--first", type=int, default=400, help="seed of the first world")
    parser.add_argument("--memory", type=float, default=0.7, help="correlation of demand from week to week")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines: list[dict[str, Any]] = []
    for seed in range(args.first, args.first + args.worlds):
        lines += one_world(seed, args.memory)
    grouped = pd.DataFrame(lines).groupby(["check", "arm"], sort=False)
    print(grouped.agg(mean=("passed", "mean"), error=("passed", "sem"), p=("p_value", "median")).round(3).to_string())


if __name__ == "__main__":
    main()
