"""Accuracy and coverage over simulated worlds, beside the joint experiment itself.

python benchmarks/accuracy.py --scm polynomial --actions 5 --rows 6000 --seeds 20 --graph known

Each world gets `rows` rows in all, split evenly over obs and one test per action. Reported are the
excess (root mean square of posterior mean - E[Y | do(a)] over 2000 joint query points, exact truth), coverage
of the 50, 90 and 95 % intervals, and the excess of two models trained on `rows` jointly randomised
rows: the cubic ridge of the paper (3-fold grid search) and this package's own engine.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg

QUERIES = 2000
PROBS = (0.5, 0.9, 0.95)


def make_world(scm: str, actions: int, seed: int) -> ivg.simulate.SCM:
    if scm == "media-mix":
        return ivg.simulate.media_mix(n_channels=actions, seed=seed)
    factory = {"polynomial": ivg.simulate.polynomial, "lognormal": ivg.simulate.linear_lognormal}[scm]
    return factory(n_actions=actions, seed=seed)


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def ridge_topline(frame: pd.DataFrame, world: ivg.simulate.SCM, queries: np.ndarray, degree: int) -> np.ndarray:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    pipeline = make_pipeline(PolynomialFeatures(degree), StandardScaler(), Ridge())
    search = GridSearchCV(pipeline, {"ridge__alpha": np.logspace(-8, -1, 8)}, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(frame[list(world.actions)].to_numpy(), frame[world.outcome].to_numpy())
    return search.predict(queries)


def score(fit: ivg.Fit, world: ivg.simulate.SCM, queries: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    estimate = fit.effect(do=dict(zip(world.actions, queries.T, strict=True)), extrapolate=True)
    tables = {prob: estimate.summary(prob) for prob in PROBS}
    mean = tables[0.9]["mean"].to_numpy()
    result = {"excess": rms(mean - truth), "bias": float(np.mean(mean - truth)), "sd": float(tables[0.9]["sd"].mean())}
    for prob, table in tables.items():
        inside = (table["lower"].to_numpy() <= truth) & (truth <= table["upper"].to_numpy())
        result[f"coverage_{100 * prob:.0f}"] = float(inside.mean())
    return result


def one_world(scm: str, actions: int, rows: int, seed: int, graph: str, draws: int, joint: bool) -> dict[str, float]:
    world = make_world(scm, actions, seed)
    regime = f"do({','.join(world.actions)})"
    frame = world.sample_regimes(world.standard_regimes(rows // (actions + 1)), seed=seed + 10_000)
    queries = world.sample(QUERIES, regime=regime, seed=seed + 20_000)[list(world.actions)].to_numpy()
    truth = world.effect(queries)
    names = {"outcome": world.outcome, "actions": list(world.actions)}
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents) if graph == "known" else graph)
    options = {"draws": draws, "cores": 1, "progressbar": False, "seed": seed}
    start = time.perf_counter()
    fit = model.fit(ivg.RegimeData.from_frame(frame, **names), **options)
    seconds = time.perf_counter() - start
    result = {"seed": seed, "sd_truth": float(truth.std()), "constant": rms(frame[world.outcome].mean() - truth)}
    result |= score(fit, world, queries, truth) | {"seconds": seconds}
    result |= {f"ess_{name}": value for name, value in fit.diagnostics["ess_bulk"].items()}
    result["r_hat"] = float(fit.diagnostics.loc["effects", "r_hat"])
    if joint:
        joint_frame = world.sample(rows, regime=regime, seed=seed + 30_000)
        degree = 1 if scm == "lognormal" else 3
        result["topline"] = rms(ridge_topline(joint_frame, world, queries, degree) - truth)
        joint_data = ivg.RegimeData.from_frames({regime: joint_frame}, **names)
        result["joint_engine"] = score(model.fit(joint_data, **options), world, queries, truth)["excess"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scm", choices=["polynomial", "lognormal", "media-mix"], default="polynomial")
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--rows", type=int, default=6000, help="rows in all")
    parser.add_argument("--seeds", type=int, default=20, help="number of worlds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--graph", choices=["known", "learn", "full", "empty"], default="known")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--no-joint", action="store_true", help="skip the models trained on joint rows")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--out", help="write one row a world to this CSV file")
    args = parser.parse_args()
    tasks = (
        delayed(one_world)(args.scm, args.actions, args.rows, seed, args.graph, args.draws, not args.no_joint)
        for seed in range(args.first_seed, args.first_seed + args.seeds)
    )
    table = pd.DataFrame(Parallel(n_jobs=args.jobs)(tasks)).set_index("seed")
    if args.out:
        table.to_csv(args.out)
    print(table.round(4).to_string())
    print(
        pd.DataFrame({"mean": table.mean(), "sem": table.sem(), "median": table.median(), "min": table.min()})
        .round(4)
        .to_string()
    )
    for other in ("topline", "joint_engine"):
        if other in table:
            print(f"mean excess / mean {other} excess: {table['excess'].mean() / table[other].mean():.3f}")


if __name__ == "__main__":
    main()
