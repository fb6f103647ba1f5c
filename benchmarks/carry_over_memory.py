"""What unknown carry-over is drawn to: confounding as a function of the carried-over spend, or with its own memory.

python benchmarks/carry_over_memory.py --worlds 8 --memory 0.7

Worlds of `simulate.media_series` with 2 channels, 20 geos and 104 weeks. For each channel in turn the retention rate
runs through 0 to 0.9, the scales at their maximum (`inference.evidence`), the other channel where it was best so far:
with c_k a function of the carried-over spend (one grid), or of a mean of natural spends whose rate is free (two grids).
Reported are the mean error and the mean absolute error of the posterior mean of the rate under a flat prior, the mean
posterior standard deviation, and the mean rate of the memory.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd
from pymc_extras.prior import Prior

import bayes_ivgen as ivg
from bayes_ivgen.inference.evidence import maximal_evidence
from bayes_ivgen.interface.sampled_fitting import prepared_problem
from bayes_ivgen.media import Adstock

ROLES: Any = {"season_sin_1": "confounding", "season_cos_1": "confounding", "trend": "outcome"}
GRID = np.arange(10) / 10


def one_world(seed: int, memory: float) -> list[dict[str, Any]]:
    world = ivg.simulate.media_series(2, seed=seed, memory=memory, l_max=8)
    rows = world.sample(20, 104, test_weeks=16, rest_weeks=16, hold=4, seed=seed)
    rows = rows.join(ivg.media.seasonality(rows["week"], order=1)).join(ivg.media.trend(rows["week"]))
    data = ivg.RegimeData.from_frame(
        rows, outcome="sales", actions=world.actions, covariates=list(ROLES), time="week", unit="geo"
    )
    adstock = Adstock(alpha=Prior("Beta", alpha=2, beta=2), l_max=8)
    model = ivg.InterventionModel(
        causal=ivg.BSpline(8),
        confounding=ivg.BSpline(6),
        graph="empty",
        covariates=ROLES,
        transforms=dict.fromkeys(world.actions, adstock),
    )
    prepared, problem = prepared_problem(model, data, None)
    groups = np.append(-1, prepared.design.term_index)
    last: Any = None

    def evidence(rates: dict[str, dict[str, float]]) -> float:
        nonlocal last
        x, y = problem.columns(rates), problem.outcome
        found = maximal_evidence(x.T @ x, x.T @ y, float(y @ y), len(y), groups, last)
        last = found.scales
        return found.value

    found = []
    for arm, memories in (("carried-over spend", [None]), ("memory of its own", list(GRID))):
        rates = {action: {"alpha": 0.4, "memory": 0.4} for action in world.actions}
        for sweep in range(2):
            for action, truth in zip(world.actions, world.alpha, strict=True):
                pairs = [(float(a), float(a if m is None else m)) for a in GRID for m in memories]
                values = np.array([evidence(rates | {action: {"alpha": a, "memory": m}}) for a, m in pairs])
                weight = np.exp(values - values.max())
                weight /= weight.sum()
                mean, of_memory = weight @ np.array(pairs)
                sd = np.sqrt(weight @ (np.array(pairs)[:, 0] - mean) ** 2)
                rates[action] = {"alpha": mean, "memory": of_memory}
                if sweep:
                    error = mean - truth
                    found.append({"arm": arm, "error": error, "absolute": abs(error), "sd": sd, "memory": of_memory})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=8)
    parser.add_argument("--first", type=int, default=300, help="seed of the first world")
    parser.add_argument("--memory", type=float, default=0.7, help="correlation of demand from week to week")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = [line for seed in range(args.first, args.first + args.worlds) for line in one_world(seed, args.memory)]
    grouped = pd.DataFrame(lines).groupby("arm", sort=False)
    print(f"{args.worlds} worlds, memory {args.memory:g}")
    print((grouped.mean().map("{:.3f}".format) + " ± " + grouped.sem().map("{:.3f}".format)).to_string())


if __name__ == "__main__":
    main()
