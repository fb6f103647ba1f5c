"""Accuracy and coverage over simulated worlds, beside the joint experiment itself.

python benchmarks/accuracy.py --scm polynomial --actions 2 3 5 --rows 1000 10000 100000 --seeds 24 --first-seed 300

Each world gets `rows` rows in all, split evenly over obs and one test per action. Reported are the
excess (root mean square of posterior mean - E[Y | do(a)] over 2000 joint query points, exact truth), coverage
of the 50, 90 and 95 % intervals, the excess of two models trained on `rows` jointly randomised
rows: the ridge of the paper (3-fold grid search; cubic, linear in the lognormal worlds) and this package's own
engine. `topline_one_set` is the same ridge on as many joint rows as one of the data sets has, the papers'
convention. The outcome itself is scored on 1000 fresh joint rows: coverage of its 90 % interval and CRPS, beside the
ridge with the residuals of its training rows.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import bayes_ivgen as ivg

QUERIES = 2000
FRESH_ROWS = 1000
PROBS = (0.5, 0.9, 0.95)
WORLDS = {
    "polynomial": ivg.simulate.polynomial,
    "lognormal": ivg.simulate.linear_lognormal,
    "strong-edges": partial(ivg.simulate.linear_lognormal, edge_range=(0.5, 1.5), edge_probability=0.25),
    "media-mix": lambda n_actions, seed: ivg.simulate.media_mix(n_channels=n_actions, seed=seed),
}
LINEAR = ("lognormal", "strong-edges")


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def crps(draws: np.ndarray, observed: np.ndarray) -> float:
    """Mean of E|X - y| - E|X - X'| / 2 over rows; draws of shape (draw, row)."""
    ordered = np.sort(draws, axis=0)
    n = len(ordered)
    gini = (2 * np.arange(1, n + 1) - n - 1) @ ordered / n**2
    return float(np.mean(np.abs(draws - observed).mean(axis=0) - gini))


def inside(low: np.ndarray, high: np.ndarray, values: np.ndarray) -> float:
    return float(np.mean((low <= values) & (values <= high)))


def ridge_topline(frame: pd.DataFrame, world: ivg.simulate.SCM, degree: int) -> GridSearchCV:
    pipeline = make_pipeline(PolynomialFeatures(degree), StandardScaler(), Ridge())
    search = GridSearchCV(pipeline, {"ridge__alpha": np.logspace(-8, -1, 8)}, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(frame[list(world.actions)].to_numpy(), frame[world.outcome].to_numpy())
    return search


def score(fit: ivg.Fit, world: ivg.simulate.SCM, queries: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    estimate = fit.effect(do=dict(zip(world.actions, queries.T, strict=True)), extrapolate=True)
    tables = {prob: estimate.summary(prob) for prob in PROBS}
    mean = tables[0.9]["mean"].to_numpy()
    result = {"excess": rms(mean - truth), "bias": float(np.mean(mean - truth)), "sd": float(tables[0.9]["sd"].mean())}
    for prob, table in tables.items():
        result[f"coverage_{100 * prob:.0f}"] = inside(table["lower"].to_numpy(), table["upper"].to_numpy(), truth)
    return result


def score_outcome(fit: ivg.Fit, world: ivg.simulate.SCM, fresh: pd.DataFrame) -> dict[str, float]:
    estimate = fit.outcome(do={name: fresh[name].to_numpy() for name in world.actions}, extrapolate=True, seed=1)
    draws = estimate.draws.transpose("chain", "draw", "query").to_numpy().reshape(-1, len(fresh))
    y = fresh[world.outcome].to_numpy()
    return {"outcome_90": inside(*np.quantile(draws, [0.05, 0.95], axis=0), y), "crps": crps(draws, y)}


def graph_rates(fit: ivg.Fit, world: ivg.simulate.SCM) -> dict[str, float]:
    true = {(parent, child) for child, parents in world.parents.items() for parent in parents}
    found = set(fit.graph.edges)
    absent = len(world.actions) * (len(world.actions) - 1) / 2 - len(true)
    return {
        "edges_found": len(found & true) / len(true) if true else np.nan,
        "edges_false": len(found - true) / absent if absent else np.nan,
    }


def one_world(
    scm: str, actions: int, rows: int, seed: int, graph: str, tail: str, draws: int, joint: bool
) -> dict[str, float]:
    world = WORLDS[scm](n_actions=actions, seed=seed)
    regime = f"do({','.join(world.actions)})"
    frame = world.sample_regimes(world.standard_regimes(rows // (actions + 1)), seed=seed + 10_000)
    queries = world.sample(QUERIES, regime=regime, seed=seed + 20_000)[list(world.actions)].to_numpy()
    truth = world.effect(queries)
    fresh = world.sample(FRESH_ROWS, regime=regime, seed=seed + 40_000)
    names = {"outcome": world.outcome, "actions": list(world.actions)}
    model = ivg.InterventionModel(
        causal=ivg.BSpline(tail=tail),
        confounding=ivg.BSpline(tail=tail),
        graph=ivg.ActionGraph(world.parents) if graph == "known" else graph,
    )
    options = {"draws": draws, "cores": 1, "progressbar": False, "seed": seed}
    start = time.perf_counter()
    fit = model.fit(ivg.RegimeData.from_frame(frame, **names), **options)
    result = {"scm": scm, "K": actions, "rows": rows, "graph": graph, "tail": tail, "seed": seed}
    result |= {"seconds": time.perf_counter() - start}
    result |= {"sd_truth": float(truth.std()), "constant": rms(frame[world.outcome].mean() - truth)}
    result |= score(fit, world, queries, truth) | score_outcome(fit, world, fresh) | graph_rates(fit, world)
    result |= {f"ess_{name}": value for name, value in fit.diagnostics["ess_bulk"].items()}
    result["r_hat"] = float(fit.diagnostics.loc["effects", "r_hat"])
    if joint:
        joint_frame = world.sample(rows, regime=regime, seed=seed + 30_000)
        ridge = ridge_topline(joint_frame, world, 1 if scm in LINEAR else 3)
        result["topline"] = rms(ridge.predict(queries) - truth)
        one_set = ridge_topline(joint_frame.head(rows // (actions + 1)), world, 1 if scm in LINEAR else 3)
        result["topline_one_set"] = rms(one_set.predict(queries) - truth)
        columns = list(world.actions)
        residual = joint_frame[world.outcome].to_numpy() - ridge.predict(joint_frame[columns].to_numpy())
        spread = np.quantile(residual, (np.arange(1000) + 0.5) / 1000)
        forecast = ridge.predict(fresh[columns].to_numpy()) + spread[:, None]
        result["topline_crps"] = crps(forecast, fresh[world.outcome].to_numpy())
        result["crps_ratio"] = result["crps"] / result["topline_crps"]
        joint_data = ivg.RegimeData.from_frames({regime: joint_frame}, **names)
        result["joint_engine"] = score(model.fit(joint_data, **options), world, queries, truth)["excess"]
    return result


def report(table: pd.DataFrame) -> pd.DataFrame:
    """One column a cell: means with standard errors, worst cases and ratios of mean excesses."""
    summary = {}
    for cell, part in table.groupby(["scm", "K", "rows", "graph", "tail"], sort=False):
        column = {"worlds": str(len(part))}
        for name in part.columns.drop(["scm", "K", "rows", "graph", "tail", "seed"]):
            if not name.startswith(("ess_", "r_hat")):
                column[name] = f"{part[name].mean():.4g} ({part[name].sem():.2g})"
        column["median excess"] = f"{part['excess'].median():.4g}"
        column["least coverage_90"] = f"{part['coverage_90'].min():.2f}"
        for name in part.columns[part.columns.str.startswith("ess_")]:
            column[f"least {name}"] = f"{part[name].min():.0f}"
        column["largest r_hat"] = f"{part['r_hat'].max():.4f}"
        for other in ("topline", "topline_one_set", "joint_engine"):
            if other in part:
                column[f"median {other}"] = f"{part[other].median():.4g}"
                column[f"excess / {other}"] = f"{part['excess'].mean() / part[other].mean():.3f}"
        summary[" ".join(str(item) for item in cell)] = column
    return pd.DataFrame(summary)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scm", choices=list(WORLDS), default="polynomial")
    parser.add_argument("--actions", type=int, nargs="+", default=[5])
    parser.add_argument("--rows", type=int, nargs="+", default=[6000], help="rows in all")
    parser.add_argument("--seeds", type=int, default=20, help="number of worlds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--graph", choices=["known", "learn", "full", "empty"], nargs="+", default=["learn"])
    parser.add_argument("--tail", choices=["learned", "linear", "clip"], nargs="+", default=["learned"])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--no-joint", action="store_true", help="skip the models trained on joint rows")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--out", help="write one row a world to this CSV file")
    args = parser.parse_args()
    tasks = (
        delayed(one_world)(args.scm, actions, rows, seed, graph, tail, args.draws, not args.no_joint)
        for actions in args.actions
        for rows in args.rows
        for graph in args.graph
        for tail in args.tail
        for seed in range(args.first_seed, args.first_seed + args.seeds)
    )
    table = pd.DataFrame(Parallel(n_jobs=args.jobs)(tasks))
    if args.out:
        table.to_csv(args.out, index=False)
    print(report(table).to_string())


if __name__ == "__main__":
    main()
