"""Likelihoods beside the normal one: accuracy, coverage and seconds in worlds with exact means.

python benchmarks/families.py --kind count amount sale --rows 5000 --actions 3 --seeds 20

Each world (`simulate.multiplicative`) gets `rows` rows in all, split evenly over obs and one test per
action. Scored on 1000 joint query points inside the tested ranges: the excess (root mean square of posterior
mean - E[Y | do(a)], exact truth) and the coverage of the 90 % interval, of

    family    the likelihood that fits the kind of outcome, by NUTS
    normal    this package's default model of the same rows
    plug_in   the paper's estimator, cubic ridges added up (excess only)

For counts, --poisson adds 90 % intervals of the Gaussian approximation with a bare Poisson law, beside those of the
same approximation with the negative binomial law: what ignoring the spread costs. --no-nuts leaves the family fit
out; --prior-level changes the prior of the levels in both models; --plain samples the non-centred
model.to_pymc(data) as well: divergences and mixing.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
import pymc as pm
from pymc_extras.prior import Prior

import bayes_ivgen as ivg
from bayes_ivgen.baselines import plug_in
from bayes_ivgen.baselines.contract import Experiment
from bayes_ivgen.inference.diagnostics import mixing_table
from bayes_ivgen.inference.laplace import approximate
from bayes_ivgen.model.family_rows import collapse, read_rows
from bayes_ivgen.simulate import multiplicative

QUERIES = 1000
FAMILIES = {
    "count": ("negative_binomial", "log"),
    "amount": ("gamma", "log"),
    "sale": ("bernoulli", "log_complement"),
}


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def scores(name: str, mean: np.ndarray, lower: np.ndarray, upper: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    inside = float(np.mean((lower <= truth) & (truth <= upper)))
    return {f"excess_{name}": rms(mean - truth), f"coverage_{name}": inside}


def of_fit(name: str, fit: ivg.Fit, do: dict[str, np.ndarray], truth: np.ndarray) -> dict[str, float]:
    table = fit.effect(do=do, extrapolate=True).summary(0.9)
    return scores(name, *(table[column].to_numpy() for column in ("mean", "lower", "upper")), truth)


def by_approximation(
    name: str,
    model: ivg.InterventionModel,
    data: ivg.RegimeData,
    spread: float | None,
    points: np.ndarray,
    truth: np.ndarray,
) -> dict[str, float]:
    """Gaussian approximation of the posterior at its scales, with the spread estimated or fixed."""
    design, priors, rng = model.design(data), model.prior_table(), np.random.default_rng(0)
    rows = collapse(read_rows(data, model.family), model.family, design)
    fixed = None if spread is None else np.full(len(rows.regimes), spread)
    mean, factor = (laplace := approximate(rows, design, priors, rng, fixed)).moments(design, priors)
    assert laplace.spread.shape == (len(rows.regimes),)
    coefficients = mean[:, None] + np.linalg.solve(factor.T, rng.normal(size=(len(mean), 2000)))
    columns = design.rows(points, np.ones_like(points, dtype=bool))
    drawn = rows.link.mean(design.outcome_mean + design.outcome_sd * columns @ coefficients)
    return scores(name, drawn.mean(axis=1), *np.quantile(drawn, [0.05, 0.95], axis=1), truth)


def plainly(model: pm.Model, options: dict[str, int]) -> dict[str, float]:
    """Divergences and mixing of NUTS in the coordinates of the generative model."""
    start = time.perf_counter()
    with model:
        kept = {name: options[name] for name in ("draws", "chains", "cores", "progressbar")}
        tree = pm.sample(tune=500, random_seed=options["seed"], compute_convergence_checks=False, **kept)
    tau = mixing_table({"tau": np.log(tree["posterior"]["tau"].values)}).loc["tau"]
    return {
        "plain_seconds": time.perf_counter() - start,
        "plain_divergences": int(tree["sample_stats"]["diverging"].sum()),
        "plain_ess_tau": tau["ess_bulk"],
        "plain_r_hat_tau": tau["r_hat"],
    }


def one_world(kind: str, actions: int, rows: int, seed: int, args: argparse.Namespace) -> dict[str, float]:
    world = multiplicative(actions, seed=seed, kind=kind)
    names = list(world.actions)
    frame = world.sample_regimes(world.standard_regimes(rows // (actions + 1)), seed=seed + 10_000)
    joint = world.sample(QUERIES, f"do({','.join(names)})", seed=seed + 20_000)
    points = joint[names].to_numpy()
    do, truth = dict(zip(names, points.T, strict=True)), world.effect(points)
    data = ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=names)
    graph = ivg.ActionGraph(world.parents) if args.graph == "known" else args.graph
    likelihood, link = FAMILIES[kind]
    priors = None
    if args.prior_level is not None:
        priors = {"level": Prior("LogNormal", mu=float(np.log(args.prior_level)), sigma=0.5)}
    family = ivg.InterventionModel(graph=graph, likelihood=likelihood, link=link, priors=priors)
    options = {"draws": args.draws, "chains": args.chains, "seed": seed, "cores": args.cores, "progressbar": False}
    result = {"kind": kind, "K": actions, "rows": rows, "seed": seed, "sd_truth": float(truth.std())}
    result["constant"] = rms(frame[world.outcome].mean() - truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normal = ivg.InterventionModel(graph=graph, priors=priors).fit(
            data, draws=args.draws, seed=seed, cores=args.cores, progressbar=False
        )
        result |= of_fit("normal", normal, do, truth)
        if not args.no_nuts:
            start, cpu = time.perf_counter(), time.process_time()
            fit = family.fit(data, engine="nuts", **options)
            result |= {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
            result |= of_fit("family", fit, do, truth)
            result["divergences"] = int(fit.datatree["sample_stats"]["diverging"].sum())
            result |= {
                "r_hat": fit.diagnostics.loc["effects", "r_hat"],
                "ess": fit.diagnostics.loc["effects", "ess_bulk"],
                "ess_tau": fit.diagnostics.loc["tau", "ess_bulk"],
                "r_hat_tau": fit.diagnostics.loc["tau", "r_hat"],
            }
        if args.plain:
            result |= plainly(family.to_pymc(data), options)
        if args.poisson and kind == "count":
            result |= by_approximation("poisson", family, data, 0.0, points, truth)
            result |= by_approximation("nb_approximation", family, data, None, points, truth)
        queries = Experiment(tuple(names), world.outcome, frame, joint.assign(regime="joint"), points, joint, seed)
        result["excess_plug_in"] = rms(plug_in(queries).mean - truth)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=list(FAMILIES), nargs="+", default=list(FAMILIES))
    parser.add_argument("--actions", type=int, nargs="+", default=[3])
    parser.add_argument("--rows", type=int, nargs="+", default=[5000], help="rows in all")
    parser.add_argument("--seeds", type=int, default=20, help="number of worlds")
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--graph", choices=["known", "learn", "full"], default="learn")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--prior-level", type=float, help="median of a log-normal prior of the levels' hyper-scale")
    parser.add_argument("--poisson", action="store_true")
    parser.add_argument("--no-nuts", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--out", help="write one row a world to this CSV file")
    args = parser.parse_args()
    cells = [(kind, k, rows) for kind in args.kind for k in args.actions for rows in args.rows]
    records = []
    for cell in cells:
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            records.append(one_world(*cell, seed, args))
            if args.out:
                pd.DataFrame(records).to_csv(args.out, index=False)
    table = pd.DataFrame(records)
    groups = table.groupby(["kind", "K", "rows"], sort=False)
    numbers = table.columns.drop(["kind", "K", "rows", "seed"])
    lines = {
        " ".join(map(str, cell)): {
            "worlds": str(len(part)),
            **{name: f"{part[name].mean():.4g} ({part[name].sem():.2g})" for name in numbers},
        }
        for cell, part in groups
    }
    print(pd.DataFrame(lines).to_string())


if __name__ == "__main__":
    main()
