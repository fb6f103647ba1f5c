"""Discrete actions: excess and coverage over all joint cells, beside the paper's plug-in.

python benchmarks/discrete.py --worlds 20 --rows 20000

Worlds of `simulate.discrete` with string labels: 3 actions with 3 levels unless stated, random graphs,
`rows` rows in all, split evenly over obs and one test per action. Reported are the excess (root mean square
over all joint cells of estimate - E[Y | do(a)], exact by enumeration) of this package, of the plug-in on
one-hot codes with all products of different actions (the saturated form of the paper's appendix A.1) and on the bare
codes (cubic, as for numbers), and the coverage of the 50, 90 and 95 % intervals; means over worlds with
standard errors.
"""

from __future__ import annotations

import argparse
import warnings
from functools import reduce

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bayes_ivgen as ivg
from bayes_ivgen import baselines

PROBS = (0.5, 0.9, 0.95)
ALPHAS = np.logspace(-8, -1, 8)  # as in bayes_ivgen.baselines


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def one_hot(codes: np.ndarray, n_levels: int) -> np.ndarray:
    """Indicators of the levels but the first of every action, and all products of different actions."""
    blocks = [np.column_stack([np.ones(len(codes)), np.eye(n_levels)[column][:, 1:]]) for column in codes.T.astype(int)]
    products = reduce(lambda a, b: (a[:, :, None] * b[:, None, :]).reshape(len(a), -1), blocks)
    return products[:, 1:]


def plug_in_one_hot(
    rows: pd.DataFrame, world: ivg.simulate.SCM, cells: np.ndarray, n_levels: int, seed: int
) -> np.ndarray:
    """Paper equation 17 with one ridge a regime, its penalty by 3-fold cross-validation."""
    total = np.zeros(len(cells))
    for regime, part in rows.groupby("regime"):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), Ridge()),
            {"ridge__alpha": ALPHAS},
            cv=KFold(3, shuffle=True, random_state=seed),
        )
        search.fit(one_hot(part[list(world.actions)].to_numpy(), n_levels), part[world.outcome].to_numpy())
        weight = 1.0 - len(world.actions) if regime == "obs" else 1.0
        total += weight * search.predict(one_hot(cells, n_levels))
    return total


def one_world(actions: int, levels: int, rows: int, seed: int, graph: str, draws: int) -> dict[str, float]:
    world = ivg.simulate.discrete(actions, levels, seed=seed)
    names = list(world.actions)
    frame = world.sample_regimes(world.standard_regimes(rows // (actions + 1)), seed=seed + 10_000)
    cells = np.indices((levels,) * actions).reshape(actions, -1).T.astype(float)
    truth = world.effect(cells)
    labels = np.array([f"level {chr(ord('a') + i)}" for i in range(levels)], dtype=object)
    labelled = frame.assign(**{name: labels[frame[name].astype(int)] for name in names})
    data = ivg.RegimeData.from_frame(labelled, outcome=world.outcome, actions=names)
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents) if graph == "known" else graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ivg.errors.ConvergenceWarning)
        fit = model.fit(data, draws=draws, seed=seed, cores=1, progressbar=False)
    queries = pd.DataFrame(labels[cells.astype(int)], columns=names)
    tables = {prob: fit.effect(do=queries).summary(prob) for prob in PROBS}
    result = {"seed": seed, "sd_truth": float(truth.std()), "excess": rms(tables[0.9]["mean"].to_numpy() - truth)}
    for prob, table in tables.items():
        result[f"coverage_{100 * prob:.0f}"] = float(np.mean((table["lower"] <= truth) & (truth <= table["upper"])))
    result["plug_in_one_hot"] = rms(plug_in_one_hot(frame, world, cells, levels, seed) - truth)
    queries_frame = pd.DataFrame(cells, columns=names)
    experiment = baselines.Experiment(
        tuple(names), world.outcome, frame, frame.iloc[:0], cells, queries_frame.assign(**{world.outcome: 0.0}), seed
    )
    result["plug_in_codes"] = rms(baselines.plug_in(experiment).mean - truth)
    true = {(parent, child) for child, parents in world.parents.items() for parent in parents}
    result["edges_missed"] = len(true - set(fit.graph.edges))
    result["edges_extra"] = len(set(fit.graph.edges) - true)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=20_000, help="rows in all")
    parser.add_argument("--actions", type=int, default=3)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--graph", choices=["known", "learn", "full", "empty"], default="learn")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--out", help="write one row a world to this CSV file")
    args = parser.parse_args()
    table = pd.DataFrame(
        Parallel(n_jobs=args.jobs)(
            delayed(one_world)(args.actions, args.levels, args.rows, seed, args.graph, args.draws)
            for seed in range(args.first_seed, args.first_seed + args.worlds)
        )
    )
    if args.out:
        table.to_csv(args.out, index=False)
    means = table.drop(columns="seed")
    print(pd.DataFrame({"mean": means.mean(), "standard error": means.sem()}).to_string(float_format="%.4f"))
    for name in ("plug_in_one_hot", "plug_in_codes"):
        print(f"{name} / excess: {table[name].mean() / table['excess'].mean():.2f}")


if __name__ == "__main__":
    main()
