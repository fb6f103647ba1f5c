"""Is the recommended allocation good, and does it bring what is said of it?

python benchmarks/allocation.py --worlds 40 --rows 300 1500

Media worlds with four channels and exact truth; `rows` rows in each of obs and the four singles are fitted with the
default model. The budget is what the median market spends. For each world the allowed allocations of `fit.allocate`
are searched twice: under the posterior, and under the true response. `share lost` is the true regret of the
recommendation over that of the split of the median market. `stated - true` is a posterior mean less the truth, of the
outcome of the recommended allocation, of its gain over the median split, and of the median split itself, which nobody
selected; `covered` is the share of worlds in which the 90 % interval holds the truth. `chosen on half` uses one half of
the rows, `stated by the other half` is the figure for the same allocation in a fit to the rest. Over worlds: mean and
standard error.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg
from bayes_ivgen.decisions import Allocation

CHANNELS = 4


def one_world(seed: int, rows: int, draws: int, risk: float | None) -> dict[str, float]:
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    world = ivg.simulate.media_mix(CHANNELS, seed=seed)
    frame = world.sample_regimes(world.standard_regimes(rows), seed=seed + 5000)
    now = _median_market(world, frame)
    fit = _fit(world, frame, draws)
    plan = _plan(fit, now, risk)
    truth = _truth(world, plan.best)
    optimum = _optimum(world, plan)
    status_quo = _truth(world, now)
    # The two halves alternate inside every regime: rows are in random order.
    first, second = (frame.groupby("regime").cumcount() % 2 == part for part in (0, 1))
    chosen = _plan(_fit(world, frame[first], draws), now, risk)
    other = _fit(world, frame[second], draws)
    found = {
        "true regret": optimum - truth,
        "stated regret": float(plan.table["regret"].iloc[0]),
        "regret of the median split": optimum - status_quo,
        "true gain": truth - status_quo,
    }
    found |= _judged("outcome", plan.effect, truth)
    found |= _judged("gain", plan.gain, truth - status_quo)
    found |= _judged("median split", fit.effect(do=now), status_quo)
    half_truth = _truth(world, chosen.best)
    found |= _judged("outcome, chosen on half", chosen.effect, half_truth)
    found |= _judged("outcome, stated by the other half", other.effect(do=chosen.best, extrapolate=True), half_truth)
    gain = other.contrast(do=chosen.best, versus=now, extrapolate=True)
    found |= _judged("gain, chosen on half", chosen.gain, half_truth - status_quo)
    found |= _judged("gain, stated by the other half", gain, half_truth - status_quo)
    return found


def _median_market(world: Any, frame: pd.DataFrame) -> dict[str, float]:
    natural = frame.loc[frame["regime"] == "obs", list(world.actions)].median()
    return {action: float(value) for action, value in natural.items()}


def _fit(world: Any, frame: pd.DataFrame, draws: int) -> ivg.Fit:
    data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))
    return ivg.InterventionModel().fit(data, draws=draws, cores=1, seed=0, progressbar=False)


def _plan(fit: ivg.Fit, now: Mapping[str, float], risk: float | None) -> Allocation:
    return fit.allocate(sum(now.values()), risk=risk, status_quo=now)


def _truth(world: Any, values: Mapping[str, float]) -> float:
    return float(world.effect(pd.DataFrame([values])[list(world.actions)], do=world.actions)[0])


def _optimum(world: Any, plan: Allocation) -> float:
    """True outcome of the best allowed allocation: the world is a sum over channels."""
    start = {action: float(allowed[0]) for action, allowed in zip(world.actions, plan.choices.grid.values, strict=True)}
    base, worths = _truth(world, start), []
    for group, members in zip(plan.choices.groups, plan.choices.members, strict=True):
        (k,) = group
        action, allowed = world.actions[k], plan.choices.grid.values[k]
        worths.append(np.array([[_truth(world, start | {action: float(allowed[m])}) - base] for m in members[:, 0]]))
    return base + float(plan.amounts.best(worths)[0][0])


def _judged(name: str, estimate: Any, truth: float) -> dict[str, float]:
    row = estimate.summary(0.9).iloc[0]
    return {
        f"{name}: stated - true": float(row["mean"] - truth),
        f"{name}: covered": float(row["lower"] <= truth <= row["upper"]),
        f"{name}: sd": float(row["sd"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 1500])
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--risk", type=float, default=None)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    for rows in args.rows:
        runs = (delayed(one_world)(seed, rows, args.draws, args.risk) for seed in range(args.worlds))
        table = pd.DataFrame(Parallel(n_jobs=args.jobs)(runs))
        table["share lost"] = table["true regret"].sum() / table["regret of the median split"].sum()
        summary = pd.DataFrame({"mean": table.mean(), "se": table.std() / np.sqrt(len(table))})
        print(f"\n{rows:,} rows a regime, {args.worlds} worlds\n{summary.round(3).to_string()}", flush=True)


if __name__ == "__main__":
    main()
