"""Edges that are found among actions of weekly series which do not drive each other, and those that are missed.

python benchmarks/weekly_graph.py --worlds 40

Rows are those of `simulate.media_series` with a memory of 0.7 and spends that carry over (rates 0.2 to 0.8, known to
the model); the season is a covariate. Held test spends and demand are both autocorrelated; "blind" treats weeks as
independent. Printed are the share of the ordered pairs with an edge in the learned graph, of the worlds with one or
more, and of the worlds in which a fit with the (true) empty graph is told that the data contradict it; each with its
standard error.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

import bayes_ivgen as ivg
from bayes_ivgen.model.graph_check import missing_edges


def one_world(seed: int, args: argparse.Namespace) -> dict[str, tuple[float, float, float]]:
    world = ivg.simulate.media_series(args.channels, seed=seed)
    rows = world.sample(args.geos, args.weeks, test_weeks=16, rest_weeks=16, hold=args.hold, seed=seed)
    season = ivg.media.seasonality(rows["week"], order=1)
    data = ivg.RegimeData.from_frame(
        rows.join(season),
        outcome="sales",
        actions=list(world.actions),
        covariates=list(season),
        time="week",
        unit="geo",
    )
    carry = {
        action: ivg.media.Adstock(alpha=float(rate), l_max=world.l_max)
        for action, rate in zip(world.actions, world.alpha, strict=True)
    }
    used = ivg.InterventionModel(transforms=carry).carry_over(data)
    found = {}
    for name, seen in (("blind", replace(used, memory=None)), ("with memory", used)):
        edges = len(ivg.InterventionModel().action_graph(seen).edges)
        warned = bool(missing_edges(seen, ivg.ActionGraph({})))
        found[name] = (edges / (args.channels * (args.channels - 1)), float(edges > 0), float(warned))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=600)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--geos", type=int, default=20)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--hold", type=int, default=4, help="weeks for which a set spend is kept")
    args = parser.parse_args()
    worlds = [one_world(seed, args) for seed in range(args.first_seed, args.first_seed + args.worlds)]
    print(f"{'':<14}{'edges':>14}{'worlds':>14}{'warned':>14}")
    for name in worlds[0]:
        values = np.array([world[name] for world in worlds])
        mean, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(len(values))
        print(f"{name:<14}" + "".join(f"{m:>8.2f} ({e:.2f})" for m, e in zip(mean, error, strict=True)))


if __name__ == "__main__":
    main()
