"""How often the learned graph is right, and how often the warning about a given graph is.

python benchmarks/graph.py --seeds 20 --first-seed 300

Each world gets `rows` rows in all, split evenly over obs and one test per action. Over the worlds are averaged, with
standard errors: the shares of true parents (pairs with an edge) and of true ancestors (pairs with a path) that are
such in the learned graph, of pairs without a path that got an edge, and of the edges between pairs with a path that
run the wrong way. Two more lines score the warning about a given graph: the share of worlds in which it fires for the
true graph (a false alarm), and for the empty graph where it is wrong.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.model.graph_check import missing_edges
from bayes_ivgen.model.graph_learning import graph_evidence, learn_graph

SUITES = {
    "polynomial K=5": partial(ivg.simulate.polynomial, n_actions=5),
    "lognormal K=5": partial(ivg.simulate.linear_lognormal, n_actions=5),
    "strong edges K=8": partial(
        ivg.simulate.linear_lognormal, n_actions=8, edge_range=(0.5, 1.5), edge_probability=0.25
    ),
}
ROWS = (1_200, 6_000, 60_000)
Pairs = set[tuple[str, str]]


def paths(graph: ivg.ActionGraph, actions: tuple[str, ...]) -> Pairs:
    return {(ancestor, action) for action in actions for ancestor in graph.ancestors_of(action)}


def share(part: Pairs, whole: Pairs) -> float:
    return len(part & whole) / len(whole) if whole else np.nan


def graph_scores(learned: ivg.ActionGraph, true: ivg.ActionGraph, actions: tuple[str, ...]) -> dict[str, float]:
    edges, reach = set(learned.edges), paths(true, actions)
    linked = reach | {(effect, cause) for cause, effect in reach}
    apart = [pair for pair in combinations(actions, 2) if pair not in linked]
    return {
        "parents found": share(edges, set(true.edges)),
        "ancestors found": share(paths(learned, actions), reach),
        "false edges": sum(pair in edges or pair[::-1] in edges for pair in apart) / len(apart) if apart else np.nan,
        "wrong direction": share({(effect, cause) for cause, effect in reach}, edges & linked),
    }


def one_world(suite: str, rows: int, seed: int, only: str) -> dict[str, float]:
    world = SUITES[suite](seed=seed)
    frame = world.sample_regimes(world.standard_regimes(rows // (len(world.actions) + 1)), seed=seed + 10_000)
    data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))
    true = ivg.ActionGraph(world.parents)
    scores = {} if only == "warning" else graph_scores(learn_graph(data), true, world.actions)
    if only != "learner":
        evidence = graph_evidence(data)
        scores["warned, true graph"] = float(len(missing_edges(data, ivg.ActionGraph(true.parents, evidence))) > 0)
        empty = len(missing_edges(data, ivg.ActionGraph({}, evidence))) > 0
        scores["warned, empty graph"] = float(empty) if true.edges else np.nan
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", choices=list(SUITES), nargs="+", default=list(SUITES))
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS), help="rows in all")
    parser.add_argument("--seeds", type=int, default=20, help="number of worlds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", choices=["learner", "warning", "both"], default="both")
    args = parser.parse_args()
    columns = {}
    for suite in args.suites:
        for rows in args.rows:
            seeds = range(args.first_seed, args.first_seed + args.seeds)
            table = pd.DataFrame([one_world(suite, rows, seed, args.only) for seed in seeds])
            columns[f"{suite}, {rows:,} rows"] = [f"{part.mean():.3f} ({part.sem():.3f})" for _, part in table.items()]
    print(f"{args.seeds} worlds from seed {args.first_seed}; mean (standard error)")
    print(pd.DataFrame(columns, index=list(table)).T.to_string())


if __name__ == "__main__":
    main()
