"""Do the p-values of the checks keep their level in worlds that satisfy the assumptions?

python benchmarks/false_alarms.py --worlds 60 --suite lognormal --rows 300 2000
python benchmarks/false_alarms.py --worlds 60 --suite polynomial --graph learn --rows 2000

Three actions; obs, every single test and the combined test of the first two, `rows` rows a regime, all checks of
`fit.falsify`. For each check: the share of its p-values below 0.01 and 0.05 (adjusted for the number of parts after
Holm, so that the shares are at most the level), and of the unadjusted p-values of its parts, which should be uniform.
Binomial standard error of a share of 0.01 in 60 worlds: 0.013; parts of one world are not independent. With a learned
graph an edge that was missed is no false alarm.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import pandas as pd

import bayes_ivgen as ivg

SUITES = {
    "discrete": lambda seed: ivg.simulate.discrete(3, 4, seed=900 + seed, edge_probability=0.6),
    "polynomial": lambda seed: ivg.simulate.polynomial(3, seed=seed),
    "lognormal": lambda seed: ivg.simulate.linear_lognormal(3, seed=seed),
    "media": lambda seed: ivg.simulate.media_mix(3, seed=seed),
}
LEVELS = (0.01, 0.05)


def one_world(world: Any, graph: str, rows: int, seed: int) -> list[dict[str, Any]]:
    actions = list(world.actions)
    counts = {**world.standard_regimes(rows), f"do({actions[0]},{actions[1]})": rows}
    frame = world.sample_regimes(counts, seed=1000 + seed)
    data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=actions)
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents) if graph == "given" else "learn")
    fit = model.fit(data, draws=150, chains=2, tune=150, cores=1, seed=0, progressbar=False)
    found = []
    for name, result in fit.falsify(data).results.items():
        parts = result.table["p_value"].to_list() if "p_value" in result.table else [result.p_value]
        found.append({"check": name.partition("[")[0], "p": result.p_value, "parts": parts})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=60)
    parser.add_argument("--suite", choices=sorted(SUITES), nargs="+", default=sorted(SUITES))
    parser.add_argument("--graph", choices=["given", "learn"], default="given")
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 2000])
    args = parser.parse_args()
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    for suite in args.suite:
        for rows in args.rows:
            found = [r for s in range(args.worlds) for r in one_world(SUITES[suite](s), args.graph, rows, s)]
            table = pd.DataFrame(found)
            print(f"\n{suite}, graph {args.graph}, {rows:,} rows a regime, {args.worlds} worlds")
            shares = {}
            for check, group in table.groupby("check", sort=False):
                parts = np.concatenate(group["parts"].to_list())
                shares[check] = {"results": len(group)}
                shares[check] |= {f"< {level}": (group["p"] < level).mean() for level in LEVELS}
                shares[check] |= {"parts": len(parts)}
                shares[check] |= {f"parts < {level}": (parts < level).mean() for level in (*LEVELS, 0.5)}
            print(pd.DataFrame(shares).T.round(3).astype({"results": int, "parts": int}).to_string(), flush=True)


if __name__ == "__main__":
    main()
