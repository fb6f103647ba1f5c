"""Synergy, covariates, blocks and uncommon regimes: coverage and excess over worlds with exact truth.

python benchmarks/model_class.py --case synergy --worlds 20 --rows 20000
python benchmarks/model_class.py --case covariates --worlds 20 --rows 20000
python benchmarks/model_class.py --case blocks --worlds 20 --rows 20000
python benchmarks/model_class.py --case regimes --worlds 20 --rows 20000

Each world gets `rows` rows in all, split evenly over its regimes. Reported are the coverage of 90 % intervals of
E[Y | do(a)] and the excess (root mean square of posterior mean - truth over 500 joint query points), beside the excess
of the paper's plug-in (one cubic ridge a regime, added up with the weights that identify the joint effect; it knows no
covariates) and of this package without the part in question. Over worlds: mean and standard error.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg
from bayes_ivgen.baselines import Experiment
from bayes_ivgen.baselines._ridge import fit_ridge, predict, regime_rows
from bayes_ivgen.data.identification import level_weights, units_of
from bayes_ivgen.errors import ConvergenceWarning

QUERIES = 500


@dataclass(frozen=True)
class Case:
    """Worlds of one kind with the model for them, and the model that lacks the part in question."""

    world: Callable[[int, int], ivg.simulate.StructuredSCM]  # number of actions, seed
    regimes: Callable[[int, int], list[str]]
    model: ivg.InterventionModel
    without: ivg.InterventionModel | None
    blocks: tuple[tuple[str, ...], ...] = ()


COLLECTIONS = [  # none of them obs + singles; every one identifies the joint effect of four actions
    ["obs", "do(a1,a2)", "do(a3)", "do(a4)"],
    ["obs", "do(a1,a2)", "do(a3,a4)"],
    ["do(a1)", "do(a1,a2)", "do(a1,a3)", "do(a1,a4)"],
    ["obs", "do(a1)", "do(a2,a3)", "do(a4)", "do(a1,a2,a3,a4)"],
]
BLOCK = ("a1", "a3")
CASES = {
    "synergy": Case(
        world=lambda n, seed: ivg.simulate.structured(n, seed, synergy=1.0),
        regimes=lambda n, _: ["obs", *(f"do(a{k})" for k in range(1, n + 1))],
        model=ivg.InterventionModel(synergy=True),
        without=ivg.InterventionModel(),
    ),
    "covariates": Case(
        world=lambda n, seed: ivg.simulate.structured(n, seed, covariate=1.0, predicts=0.5),
        regimes=lambda n, _: ["obs", *(f"do(a{k})" for k in range(1, n + 1))],
        model=ivg.InterventionModel(covariates={"x": "causal"}),
        without=ivg.InterventionModel(),
    ),
    "blocks": Case(
        world=lambda n, seed: ivg.simulate.structured(n, seed, blocks=[BLOCK]),
        regimes=lambda n, _: ["obs", "do(a1,a3)", "do(a2)", *(f"do(a{k})" for k in range(4, n + 1))],
        model=ivg.InterventionModel(blocks=[BLOCK]),
        without=ivg.InterventionModel(),
        blocks=(BLOCK,),
    ),
    "regimes": Case(
        world=lambda _, seed: ivg.simulate.structured(4, seed),
        regimes=lambda _, seed: COLLECTIONS[seed % len(COLLECTIONS)],
        model=ivg.InterventionModel(),
        without=None,
    ),
}


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def plug_in(world: ivg.simulate.SCM, rows: pd.DataFrame, queries: np.ndarray, case: Case, seed: int) -> np.ndarray:
    """Equation 17 of the paper, with the weights of whatever regimes there are."""
    regimes = [ivg.Regime.parse(label, world.actions) for label in rows["regime"].unique()]
    heads = [unit[0] for unit in units_of(case.blocks, world.actions)]
    weights = level_weights(ivg.Regime(world.actions), regimes, heads)
    fresh = pd.DataFrame(queries, columns=list(world.actions))
    experiment = Experiment(world.actions, world.outcome, rows, rows, queries, fresh, seed)
    used = [(w, regime) for w, regime in zip(weights, regimes, strict=True) if abs(w) > 1e-9]
    fits = [fit_ridge(experiment, regime_rows(experiment, *regime.set_actions), 3) for _, regime in used]
    return predict(experiment, fits, [w for w, _ in used]).mean


def ask(
    model: ivg.InterventionModel, rows: pd.DataFrame, world: ivg.simulate.SCM, queries: np.ndarray, **fit: Any
) -> tuple[ivg.Fit, pd.DataFrame]:
    covariates = ["x"] if "x" in rows else []
    data = ivg.RegimeData.from_frame(rows, outcome="y", actions=list(world.actions), covariates=covariates)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = model.fit(data, cores=1, progressbar=False, **fit)
    do = dict(zip(world.actions, queries.T, strict=True))
    return fitted, fitted.effect(do=do, extrapolate=True).summary(0.9)


def one_world(name: str, actions: int, seed: int, n_rows: int, draws: int) -> dict[str, float]:
    case = CASES[name]
    world, labels = case.world(actions, seed), case.regimes(actions, seed)
    rows = world.sample_regimes(dict.fromkeys(labels, n_rows // len(labels)), seed=seed + 10_000)
    joint = f"do({','.join(world.actions)})"
    queries = world.sample(QUERIES, joint, seed=seed + 20_000)[list(world.actions)].to_numpy()
    truth = world.averaged_effect(queries, rows["x"]) if "x" in rows else world.effect(queries)
    start = time.perf_counter()
    fitted, table = ask(case.model, rows, world, queries, draws=draws, seed=seed)
    seconds = time.perf_counter() - start
    result = {
        "seed": seed,
        "coverage": float(((table["lower"] <= truth) & (truth <= table["upper"])).mean()),
        "excess": rms(table["mean"] - truth),
        "posterior_sd": float(table["sd"].mean()),
        "plug_in": rms(plug_in(world, rows, queries, case, seed) - truth),
        "sd_truth": float(truth.std()),
        "supported": float(table["supported"].mean()),
        "r_hat": float(fitted.diagnostics.loc["effects", "r_hat"]),
        "seconds": seconds,
    }
    if case.without is not None:
        bare = rows.drop(columns="x", errors="ignore")
        model = case.without
        if case.blocks:  # without blocks the rows of do(a1,a3) say nothing of either alone: one component each
            model = replace(model, graph="full")
        try:
            without = ask(model, bare, world, queries, draws=draws, seed=seed)[1]
            result["without"] = rms(without["mean"] - truth)
        except ivg.errors.IdentificationError:
            result["without"] = float("nan")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=list(CASES), required=True)
    parser.add_argument("--actions", type=int, default=3, help="3 or more; the case regimes has 4")
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.worlds)
    options = (arguments.rows, arguments.draws)
    tasks = [delayed(one_world)(arguments.case, arguments.actions, seed, *options) for seed in seeds]
    table = pd.DataFrame(Parallel(n_jobs=arguments.jobs)(tasks)).set_index("seed")
    print(table.round(3).to_string())
    table["plug_in / excess"] = table["plug_in"] / table["excess"]
    summary = pd.DataFrame({"mean": table.mean(), "se": table.sem()})
    print(f"\n{arguments.case}, {arguments.rows:,} rows, {arguments.worlds} worlds")
    print(summary.round(3).to_string())


if __name__ == "__main__":
    main()
