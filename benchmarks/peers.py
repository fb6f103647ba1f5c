"""What one would take instead, beside this package, in one run on the same rows.

python benchmarks/peers.py --rows 6000 60000 --seeds 1 --peer-tune 150 100 --peer-draws 150 30

Worlds are ``simulate.polynomial(--actions, seed)`` with known graph; --rows counts all regimes together. Peers:

ours      InterventionModel.fit with defaults, 4 x --draws: seconds from the frame to the posterior, twice (the first
          call of a world reads caches and starts threads), and effective draws by the second.
pymc      The same model with one likelihood term a row (`InterventionModel.to_pymc`), sampled by PyMC's own NUTS.
nutpie    The same by nutpie, which `pm.sample` takes where it is installed.
plug_in   The paper's estimator, one cubic ridge a regime with its penalty from cross-validation: a point.
bam       mgcv's additive model of the same components (peers_bam.R), if Rscript with mgcv is there.

`effects` are 64 joint effects; bulk effective draws of the worst and of the median one, R-hat of the worst. Seconds of
pymc and nutpie leave out building and compiling the model; `a second of all` counts tuning and drawing, `a second of
drawing` kept draws only, by their share of the gradients: what a long run tends to. Ratios are also given as if each
chain drew on a core of its own at the speed of a gradient alone, to the advantage of the peer where other work or the
other chains slowed it down. The whole fit, as it was timed, counts for this package in every ratio. Chains that have
not mixed (R-hat above 1.05) overstate their effective draws, and are marked.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import bayes_ivgen as ivg
from bayes_ivgen import baselines
from bayes_ivgen.inference.diagnostics import mixing_table

PROBES, POINTS = 64, 2000
MIXED = 1.05
R_SCRIPT = Path(__file__).with_name("peers_bam.R")


@dataclass(frozen=True)
class Case:
    """Rows of one world, and the points at which all peers are held against it."""

    world: Any
    rows: int
    seed: int

    @property
    def actions(self) -> list[str]:
        return list(self.world.actions)

    @property
    def joint(self) -> str:
        return f"do({','.join(self.actions)})"

    @cached_property
    def frame(self) -> pd.DataFrame:
        counts = self.world.standard_regimes(self.rows // (len(self.actions) + 1))
        return self.world.sample_regimes(counts, seed=self.seed)

    @cached_property
    def points(self) -> np.ndarray:
        return self.world.sample(POINTS, self.joint, seed=self.seed + 20_000)[self.actions].to_numpy()

    @property
    def model(self) -> ivg.InterventionModel:
        return ivg.InterventionModel(graph=ivg.ActionGraph(self.world.parents))

    def data(self) -> ivg.RegimeData:
        return ivg.RegimeData.from_frame(self.frame, outcome=self.world.outcome, actions=self.actions)

    def excess(self, mean: np.ndarray) -> float:
        return float(np.sqrt(np.mean((mean - self.world.effect(self.points)) ** 2)))


def posterior_figures(case: Case, design: Any, coefficients: np.ndarray) -> dict[str, float]:
    """Excess, and how well 64 joint effects mixed; `coefficients` are (chain, draw, P), the intercept first."""
    rows = design.rows(case.points, np.ones(len(case.actions), dtype=bool))
    mean = design.outcome_mean + design.outcome_sd * (rows @ coefficients.mean(axis=(0, 1)))
    probes = coefficients @ rows[:PROBES].T
    worst = mixing_table({"effects": probes}).loc["effects"]
    bulk = [mixing_table({"effects": probes[..., [i]]}).loc["effects", "ess_bulk"] for i in range(PROBES)]
    return {
        "excess": case.excess(mean),
        "worst": worst["ess_bulk"],
        "median": float(np.median(bulk)),
        "r_hat": worst["r_hat"],
    }


def ours(case: Case, args: argparse.Namespace) -> dict[str, float]:
    seconds = []
    for seed in (0, 1):
        start = time.perf_counter()
        fit = case.model.fit(case.data(), draws=args.draws, seed=seed, progressbar=False)
        seconds.append(time.perf_counter() - start)
    found = posterior_figures(case, fit.design, fit.effects.coefficients)
    return found | {"P": fit.design.n_coefficients, "first": seconds[0], "all": seconds[1], "drawing": seconds[1]}


def gradient_seconds(model: Any, repeats: int = 20) -> float:
    """Least seconds of one value and gradient of the log-density, compiled by PyMC, alone on a core."""
    from pymc.blocking import DictToArrayBijection

    function = model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    start = model.initial_point()
    point = DictToArrayBijection.map({variable.name: start[variable.name] for variable in model.value_vars})
    function(point)
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function(point)
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def sample_pymc(model: Any, options: dict[str, int]) -> tuple[Any, float]:
    import pymc as pm

    with model:
        tree = pm.sample(
            **options,
            nuts_sampler="pymc",
            random_seed=1,
            progressbar=False,
            quiet=True,
            discard_tuned_samples=False,
            compute_convergence_checks=False,
        )
    spent = sum(tree[group]["perf_counter_diff"].sum("draw") for group in ("warmup_sample_stats", "sample_stats"))
    return tree, float(spent.max())


def sample_nutpie(model: Any, options: dict[str, int]) -> tuple[Any, float]:
    import nutpie

    compiled = nutpie.compile_pymc_model(model)
    with threadpool_limits(limits=1, user_api="blas"):  # as pm.sample does: a core for each chain
        start = time.perf_counter()
        tree = nutpie.sample(compiled, **options, seed=1, progress_bar=False, save_warmup=True)
        return tree, time.perf_counter() - start


def rowwise(case: Case, options: dict[str, int], sampler: Any) -> dict[str, float]:
    data = case.data()
    model, design = case.model.to_pymc(data), case.model.design(data)
    tree, seconds = sampler(model, options)
    posterior = tree["posterior"]
    beta = posterior["beta"].transpose("chain", "draw", ...).to_numpy()
    alpha = posterior["alpha"].transpose("chain", "draw").to_numpy()
    steps = [float(tree[group]["n_steps"].sum()) for group in ("warmup_sample_stats", "sample_stats")]
    found = posterior_figures(case, design, np.concatenate([alpha[..., None], beta], axis=2))
    alone = gradient_seconds(model)
    return found | {
        "all": seconds,
        "drawing": seconds * steps[1] / sum(steps),
        "alone": alone * steps[1] / options["chains"],
        "gradients": sum(steps) / seconds,
        "steps": steps[1] / (options["draws"] * options["chains"]),
        "gradient_ms": 1e3 * alone,
        "divergent": float(tree["sample_stats"]["diverging"].sum()),
    }


def plug_in(case: Case) -> dict[str, float]:
    fresh = case.world.sample(1, case.joint, seed=case.seed)
    names = (case.world.actions, case.world.outcome)
    experiment = baselines.Experiment(*names, case.frame, fresh, case.points, fresh, case.seed)
    start = time.perf_counter()
    mean = baselines.plug_in(experiment).mean
    return {"all": time.perf_counter() - start, "excess": case.excess(mean)}


def bam(case: Case) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("rows.csv", "points.csv", "graph.json", "out.csv")]
        was_set = {
            f"n_{name}": [int(name not in ivg.Regime.parse(label).set_actions) for label in case.frame["regime"]]
            for name in case.actions
        }
        case.frame.assign(**was_set).to_csv(paths[0], index=False)
        pd.DataFrame(case.points, columns=case.actions).to_csv(paths[1], index=False)
        Path(paths[2]).write_text(json.dumps({name: list(case.world.parents[name]) for name in case.actions}))
        subprocess.run(["Rscript", str(R_SCRIPT), case.world.outcome, *paths], check=True)
        table = pd.read_csv(paths[3])
    inside = np.abs(table["mean"] - case.world.effect(case.points)) < 1.645 * table["se"]
    return {"all": table["seconds"][0], "excess": case.excess(table["mean"].to_numpy()), "coverage": inside.mean()}


def line(name: str, found: dict[str, float], own: dict[str, float] | None) -> str:
    parts = [f"  {name}: {found['all']:.2f} s"]
    if "first" in found:
        parts.append(f"first call {found['first']:.2f} s, P = {found['P']:.0f}")
    parts.append(f"excess {found['excess']:.4f}")
    if "coverage" in found:
        parts.append(f"coverage of its 90 % interval {found['coverage']:.2f}")
    if "worst" in found:
        rate = {key: found["worst"] / found[key] for key in ("all", "drawing")}
        bound = "" if found["r_hat"] < MIXED else " (NOT MIXED: upper bound)"
        parts.append(f"effective draws {found['worst']:.0f} worst, {found['median']:.0f} median")
        parts.append(f"R-hat {found['r_hat']:.3f}{bound}")
        parts.append(f"worst {rate['all']:.3g}, median {found['median'] / found['all']:.3g} a second of all")
    if "gradients" in found:
        parts.append(
            f"worst {rate['drawing']:.3g}, median {found['median'] / found['drawing']:.3g} a second of drawing"
        )
        parts.append(
            f"{found['gradients']:.0f} gradients a second in the run, {found['gradient_ms']:.2f} ms one alone, "
            f"{found['steps']:.0f} a draw, {found['divergent']:.0f} divergences"
        )
        if own is not None:
            for name in ("worst", "median"):
                rates = (found[name] / found[span] for span in ("all", "drawing", "alone"))
                ratios = ", ".join(f"{own[name] / own['all'] / rate:.0f}" for rate in rates)
                parts.append(f"this package over it, {name}: {ratios} (all, drawing, drawing with cores of its own)")
    return "; ".join(parts)


def has_bam() -> bool:
    return shutil.which("Rscript") is not None and (
        subprocess.run(["Rscript", "-e", "library(mgcv)"], capture_output=True, check=False).returncode == 0
    )


def one_case(case: Case, args: argparse.Namespace, tune: int, draws: int) -> None:
    print(f"world {case.seed}, {len(case.frame):,} rows, load {os.getloadavg()[0]:.1f}", flush=True)
    own: dict[str, float] | None = None
    for peer in args.peers:
        if peer == "ours":
            found = own = ours(case, args)
        elif peer in ("pymc", "nutpie"):
            options = {"tune": tune, "draws": draws, "chains": args.peer_chains, "cores": args.peer_chains}
            found = rowwise(case, options, sample_pymc if peer == "pymc" else sample_nutpie)
        elif peer == "plug_in":
            found = plug_in(case)
        elif has_bam():
            found = bam(case)
        else:
            print("  bam: skipped, there is no Rscript with mgcv", flush=True)
            continue
        print(line(peer, found, own), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[6_000, 60_000], help="rows in all")
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    peers = ["ours", "pymc", "nutpie", "plug_in", "bam"]
    parser.add_argument("--peers", nargs="+", choices=peers, default=peers)
    parser.add_argument("--draws", type=int, default=1000, help="draws of each of the 4 chains of this package")
    parser.add_argument("--peer-tune", type=int, nargs="+", default=[150, 100], help="of a chain, one for each --rows")
    parser.add_argument("--peer-draws", type=int, nargs="+", default=[150, 30], help="of a chain, one for each --rows")
    parser.add_argument("--peer-chains", type=int, default=4, help="chains of the peers, a core each")
    args = parser.parse_args()
    if {len(args.peer_tune), len(args.peer_draws)} != {len(args.rows)}:
        parser.error(f"--peer-tune and --peer-draws take one number for each of the {len(args.rows)} --rows")
    warnings.simplefilter("ignore", UserWarning)  # of samplers about short chains: R-hat is printed
    for rows, tune, draws in zip(args.rows, args.peer_tune, args.peer_draws, strict=True):
        for seed in args.seeds:
            one_case(Case(ivg.simulate.polynomial(args.actions, seed), rows, seed), args, tune, draws)


if __name__ == "__main__":
    main()
