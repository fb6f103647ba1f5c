"""Our baselines beside the authors' code, on worlds of the same law.

python benchmarks/reference.py ../shared/reference/reference.csv --rows 1000 10000 --seeds 30

The file holds the mean excess of the authors' own code over its own worlds (columns figure, scm, K, rows, estimator,
metric, mean, sem). Our seeds draw other worlds, so means are compared: `apart` is their difference in combined standard
errors. Conventions of that code: 80 % of each data set are fitted and 20 % never used; the toplines get one data set;
query points are joint. The file's "pooled" is one regression on the pooled rows, as ours.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg
from bayes_ivgen import baselines

QUERIES = 2000
HELD_OUT = 0.2
SETTINGS = {
    "polynomial": ("2a", ivg.simulate.polynomial, 3),
    "lognormal": ("2a-workshop", ivg.simulate.linear_lognormal, 1),
}
NAMES = {
    "plug_in": "paper_plugin",
    "observational": "observational",
    "joint_topline": "joint_topline",
    "pooled": "pooled",
    "additive_joint_topline": None,
    "constant": None,
}


def one_world(scm: str, actions: int, rows: int, seed: int) -> list[dict[str, object]]:
    _, make, degree = SETTINGS[scm]
    world = make(n_actions=actions, seed=seed)
    joint = f"do({','.join(world.actions)})"
    fitted = round((1 - HELD_OUT) * rows)
    points = world.sample(QUERIES, joint, seed=seed + 20_000)
    experiment = baselines.Experiment(
        actions=world.actions,
        outcome=world.outcome,
        rows=world.sample_regimes(world.standard_regimes(fitted), seed=seed + 10_000),
        joint_rows=world.sample_regimes({joint: fitted}, seed=seed + 30_000),
        queries=points[list(world.actions)].to_numpy(),
        fresh=points.head(1),
        seed=seed,
    )
    truth = world.effect(experiment.queries)
    cells = []
    for name in NAMES:
        method = getattr(baselines, name)
        method = method if name == "constant" else partial(method, degree=degree)
        start = time.perf_counter()
        excess = float(np.sqrt(np.mean((method(experiment).mean - truth) ** 2)))
        seconds = time.perf_counter() - start
        cells.append({"rows": rows, "method": name, "seed": seed, "excess": excess, "seconds": seconds})
    return cells


def report(table: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    lines = []
    for (rows, name), part in table.groupby(["rows", "method"], sort=False):
        mean, sem = part["excess"].mean(), part["excess"].sem()
        line = {"rows": rows, "method": name, "worlds": len(part), "mean": mean, "sem": sem}
        line |= {"median": part["excess"].median(), "seconds": part["seconds"].mean()}
        theirs = reference[(reference["rows"] == rows) & (reference["estimator"] == NAMES[name])]
        if len(theirs):
            other = theirs.iloc[0]
            line |= {"their mean": other["mean"], "their sem": other["sem"], "their median": other["median"]}
            line |= {"apart": (mean - other["mean"]) / np.hypot(sem, other["sem"])}
        lines.append(line)
    return pd.DataFrame(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", help="path of reference.csv")
    parser.add_argument("--scm", choices=list(SETTINGS), default="polynomial")
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000], help="rows per data set")
    parser.add_argument("--seeds", type=int, default=30, help="number of worlds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", help="write one row a world and method to this CSV file")
    args = parser.parse_args()
    reference = pd.read_csv(args.reference)
    chosen = (reference["figure"] == SETTINGS[args.scm][0]) & (reference["metric"] == "excess")
    reference = reference[chosen & (reference["K"] == args.actions)]
    cells = Parallel(n_jobs=args.jobs)(
        delayed(one_world)(args.scm, args.actions, rows, seed)
        for rows in args.rows
        for seed in range(args.first_seed, args.first_seed + args.seeds)
    )
    table = pd.DataFrame([cell for world in cells for cell in world])
    if args.out:
        table.to_csv(args.out, index=False)
    print(report(table, reference).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
