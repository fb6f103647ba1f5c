"""What happens if some actions are set and the others left to respond: coverage and excess.

python benchmarks/respond.py --worlds 20 --rows 20000

Discrete worlds (3 actions with 3 levels, edges with probability 0.7), `rows` rows in all, split evenly over obs and one
test per action. Scored are all effects E[Y | do(a_j, a_k)] of two actions that are set together, which no regime does,
with the third left alone; the truth is exact by enumeration. Beside rest="respond" stand rest="hold" (another quantity:
what taking one for the other costs) and a baseline from the rows alone: the effects of both single tests added up,
less the observational mean. Over worlds: mean and standard error.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg
from bayes_ivgen.simulate import DiscreteSCM


def marginal(world: DiscreteSCM, subset: tuple[str, ...]) -> pd.DataFrame:
    """E[Y | do(a_S)] by enumeration: columns of S and ``truth``."""
    cells = world.law(f"do({','.join(subset)})")
    cells["total"] = cells["probability"] * cells["mean"].fillna(0.0)
    sums = cells.groupby(list(subset))[["probability", "total"]].sum()
    return (sums["total"] / sums["probability"]).rename("truth").reset_index()


def _label(level: float) -> str:
    return "abc"[int(level)]


def one_world(seed: int, rows: int, draws: int) -> dict[str, float]:
    world = ivg.simulate.discrete(3, 3, seed=seed, edge_probability=0.7)
    frame = world.sample_regimes(world.standard_regimes(rows // 4), seed=seed + 10_000)
    # Levels are labels here: all parents of an action may then act together on its confounder's law.
    frame[list(world.actions)] = frame[list(world.actions)].map(_label)
    data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ivg.InterventionModel().fit(data, draws=draws, cores=1, seed=seed, progressbar=False)
        parts = [_score(fit, frame, world, pair) for pair in combinations(world.actions, 2)]
    table = pd.concat(parts)
    result = {"coverage": float(table["inside"].mean()), "sd_truth": float(table["truth"].std())}
    for name in ("respond", "hold", "added"):
        result[f"excess_{name}"] = float(np.sqrt(np.mean((table[name] - table["truth"]) ** 2)))
    return result | {"seconds": time.perf_counter() - start}


def _score(fit: ivg.Fit, frame: pd.DataFrame, world: DiscreteSCM, pair: tuple[str, ...]) -> pd.DataFrame:
    table = marginal(world, pair)
    table[list(pair)] = table[list(pair)].map(_label)
    respond = fit.effect(do=table[list(pair)], rest="respond").summary(0.9)
    table["respond"] = respond["mean"].to_numpy()
    table["inside"] = (respond["lower"].to_numpy() <= table["truth"]) & (table["truth"] <= respond["upper"].to_numpy())
    table["hold"] = fit.effect(do=table[list(pair)], rest="hold").summary()["mean"].to_numpy()
    means = {a: frame[frame["regime"] == f"do({a})"].groupby(a)[world.outcome].mean() for a in pair}
    observed = frame.loc[frame["regime"] == "obs", world.outcome].mean()
    table["added"] = sum(means[action].reindex(table[action]).to_numpy() for action in pair) - observed
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=220)
    parser.add_argument("--rows", type=int, default=20_000, help="rows in all")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    seeds = range(args.first_seed, args.first_seed + args.worlds)
    found = Parallel(n_jobs=args.jobs)(delayed(one_world)(seed, args.rows, args.draws) for seed in seeds)
    table = pd.DataFrame(found)
    print(f"respond, {args.rows:,} rows, {args.worlds} worlds")
    print(pd.DataFrame({"mean": table.mean(), "se": table.sem()}).round(3).to_string())


if __name__ == "__main__":
    main()
