"""How many rows a column does the check of interactions need, so that fits without a fault pass?

python benchmarks/few_rows.py --worlds 40 --first 700 --geos 40 60 80 120 200 320 640

Weeks of `simulate.media_series` with season and trend, carry-over and graph known, thinned to one week in eight
(`fit.thinned`), so that rows are next to independent; the number of geos says how many there are. The check runs
whatever the number of rows: `fit.falsify` does not judge below seven rows a column of the regression. Reported are rows
a column, the share of worlds whose adjusted p-value is below 0.01 (which fails) and 0.05, and the share of the
unadjusted p-values of its parts, which should be uniform. Binomial standard error of a share of 0.01 in 40 worlds:
0.016.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.diagnostics import mean_tests
from bayes_ivgen.diagnostics.interactions import interactions_check
from bayes_ivgen.diagnostics.mean_tests import MeanRows
from bayes_ivgen.diagnostics.scores import Projection
from bayes_ivgen.media import Adstock
from media import L_MAX, ROLES, read


def one_world(seed: int, geos: int, memory: float) -> dict[str, Any]:
    world = ivg.simulate.media_series(3, seed=seed, memory=memory, l_max=L_MAX)
    rows = world.sample(geos, 104, test_weeks=16, rest_weeks=16, hold=4, seed=seed)
    rows = rows.join(ivg.media.seasonality(rows["week"], order=1)).join(ivg.media.trend(rows["week"]))
    transforms = {a: Adstock(alpha=rate, l_max=L_MAX) for a, rate in zip(world.actions, world.alpha, strict=True)}
    model = ivg.InterventionModel(graph="empty", covariates=ROLES, transforms=transforms)
    data = read(rows, world)
    few: dict[str, Any] = {"draws": 30, "chains": 2, "tune": 30, "cores": 1}  # the check needs no draws
    fit = model.fit(data, **few, seed=seed, progressbar=False)
    thin = fit.thinned(data)
    found = interactions_check(fit.effects, thin)
    columns = Projection.on(MeanRows.of(fit.effects, thin, thin.regimes).allowed).rank
    return {"ratio": thin.n_rows / columns, "rows": thin.n_rows, "p": found.p_value, "parts": found.table["p_value"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--first", type=int, default=700, help="seed of the first world")
    parser.add_argument("--geos", type=int, nargs="+", default=[40, 80, 200, 320])
    parser.add_argument("--memory", type=float, default=0.7, help="correlation of demand from week to week")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    mean_tests.ROWS_A_COLUMN = 0  # what would be said of too few rows
    lines = {}
    for geos in args.geos:
        found = [one_world(seed, geos, args.memory) for seed in range(args.first, args.first + args.worlds)]
        p, parts = np.array([item["p"] for item in found]), np.concatenate([item["parts"] for item in found])
        lines[geos] = {
            "rows": np.mean([item["rows"] for item in found]),
            "rows a column": np.mean([item["ratio"] for item in found]),
            "p < 0.01": (p < 0.01).mean(),
            "p < 0.05": (p < 0.05).mean(),
            "parts < 0.01": (parts < 0.01).mean(),
            "parts < 0.05": (parts < 0.05).mean(),
        }
    print(pd.DataFrame(lines).T.rename_axis("geos").round({"rows": 0, "rows a column": 1}).round(3).to_string())


if __name__ == "__main__":
    main()
