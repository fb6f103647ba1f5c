"""How often each check notices violations of known size, and how often it complains without one.

python benchmarks/falsification.py --worlds 50 --rows 2000
python benchmarks/falsification.py --worlds 20 --rows 500 8000
python benchmarks/falsification.py --worlds 20 --rows 2000 --left-out

Discrete worlds with three actions, three levels and random edges; obs, every single test and do(a1,a2), `rows` rows a
regime; actions are labels, so that all functions are fitted exactly, and the graph is the true one. For each violation
and size it prints the share of worlds in which a check has a p-value below 0.01 (calibration: any of the three
actions). `any` is the share of worlds in which one of these checks or more fails. Binomial standard errors are at most
0.07 with 50 worlds, and 0.014 where the share is 0.01. `harm` is what the violation does to E[Y | do(a1,a2,a3)] when it
is computed from the exact means of obs and the singles: root mean square error over cells in sd(Y), mean over worlds.

Violations: a confounder, or the noise of the actions, that two actions share in a share `size` of the rows; set actions
that follow their own causes in a share `size` of the rows of an experiment (soft); an interaction of actions that the
model does not have (synergy); confounders of a1 and a2 that interact (pair term: N(0, 1) entries times `size`); drift:
in do(a1) confounders take level 0 in a further share `size` of the rows (drift of causes), or the outcome is higher by
`size` (drift of the outcome); rows fitted with the graph without its edges (size is then the probability of an edge).

With --left-out do(a1,a2) is predicted by a fit that has not seen it, too, which takes about twice the time.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import bayes_ivgen as ivg
from bayes_ivgen.diagnostics import CHECKS
from bayes_ivgen.simulate import DiscreteSCM

JOINT = "do(a1,a2)"
CASES: list[tuple[str, float]] = [
    ("none", 0.0),
    ("shared confounder", 0.3),
    ("shared confounder", 1.0),
    ("shared noise", 0.3),
    ("shared noise", 1.0),
    ("soft", 0.3),
    ("soft", 0.6),
    ("synergy", 0.1),
    ("synergy", 0.3),
    ("pair term", 1.0),
    ("pair term", 3.0),
    ("drift of causes", 0.1),
    ("drift of causes", 0.3),
    ("drift of the outcome", 0.1),
    ("drift of the outcome", 0.3),
    ("graph without its edges", 0.6),
]
DIALS = {"shared confounder": "shared_confounder", "shared noise": "shared_noise", "soft": "soft", "synergy": "synergy"}


def world_of(case: str, size: float, seed: int) -> DiscreteSCM:
    dials = {DIALS[case]: size} if case in DIALS else {}
    world = ivg.simulate.discrete(3, 3, seed=500 + seed, edge_probability=0.6, **dials)
    if case != "pair term":
        return world
    term = size * np.random.default_rng(seed).standard_normal((3, 3))
    return replace(world, outcome_mean=world.outcome_mean + term[None, None, None, :, :, None])


def later(world: DiscreteSCM, size: float) -> DiscreteSCM:
    """Return the world after confounders have drifted."""
    first = np.zeros_like(world.confounder_law)
    first[0, 0, 0] = 1.0
    return replace(world, confounder_law=(1 - size) * world.confounder_law + size * first)


def harm_of(case: str, size: float, seed: int) -> float:
    """Error of obs and singles for the joint effect, by enumeration, in sd(Y)."""
    if case == "graph without its edges":
        return np.nan  # harms the fit, not the sums
    world = world_of(case, size, seed)
    shape, joint = world.levels, f"do({','.join(world.actions)})"

    def means(source: DiscreteSCM, label: str) -> np.ndarray:
        return source.law(label)["mean"].to_numpy().reshape(shape)

    obs, truth = means(world, "obs"), means(replace(world, soft=0.0), joint)
    singles = sum(means(world, f"do({action})") for action in world.actions[1:])
    singles = singles + means(later(world, size) if case == "drift of causes" else world, "do(a1)")
    extra = size if case == "drift of the outcome" else 0.0
    law = world.joint_law("obs")
    spread = (
        (law * world.outcome_mean**2).sum() - (law * world.outcome_mean).sum() ** 2 + (world.outcome_sd or 0.0) ** 2
    )
    return float(np.sqrt(np.nanmean((singles + extra - 2 * obs - truth) ** 2) / spread))


def rows_of(world: DiscreteSCM, case: str, size: float, rows: int, seed: int) -> ivg.RegimeData:
    counts = {**world.standard_regimes(rows), JOINT: rows}
    frame = world.sample_regimes(counts, seed=seed)
    if case == "drift of causes":
        drifted = later(world, size).sample_regimes({"do(a1)": rows}, seed=seed)
        frame = pd.concat([frame[frame["regime"] != "do(a1)"], drifted])
    if case == "drift of the outcome":
        frame.loc[frame["regime"] == "do(a1)", "y"] += size
    for name in world.actions:
        frame[name] = np.array(list("abc"))[frame[name].astype(int)]
    return ivg.RegimeData.from_frame(frame, outcome="y", actions=list(world.actions))


def one_world(case: str, size: float, rows: int, seed: int, *, left_out: bool) -> dict[str, float]:
    warnings.simplefilter("ignore", ivg.errors.IvgenWarning)
    world = world_of(case, size, seed)
    data = rows_of(world, case, size, rows, seed)
    edges = {} if case == "graph without its edges" else world.parents
    options = {"draws": 100, "chains": 2, "tune": 100, "cores": 1, "seed": 0, "progressbar": False}
    fit = ivg.InterventionModel(graph=ivg.ActionGraph(edges)).fit(data, **options)
    report = fit.falsify(data)
    found: dict[str, float] = {}
    for name, result in report.results.items():
        check = name.partition("[")[0]
        found[check] = max(found.get(check, 0.0), float(not result.passed))
    found["any"] = float(not report.passed)
    if left_out:
        found["left out"] = float(not fit.leave_out(data, [JOINT], **options).passed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=50)
    parser.add_argument("--rows", type=int, nargs="+", default=[2000])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--left-out", action="store_true")
    args = parser.parse_args()
    names = [*CHECKS, "any", *(["left out"] if args.left_out else [])]
    for rows in args.rows:
        print(f"{rows:,} rows a regime, {args.worlds} worlds")
        print(f"{'violation':<26}{'size':>5}{'harm':>7}" + "".join(f"{name:>14}" for name in names), flush=True)
        for case, size in CASES:
            runs = (delayed(one_world)(case, size, rows, s, left_out=args.left_out) for s in range(args.worlds))
            # A check that has nothing to compare in a world (no action before the one that was set) notices nothing.
            share = pd.DataFrame(Parallel(n_jobs=args.jobs)(runs), columns=names).fillna(0.0).mean()
            harm = np.mean([harm_of(case, size, s) for s in range(args.worlds)])
            print(f"{case:<26}{size:>5}{harm:>7.2f}" + "".join(f"{share[name]:>14.2f}" for name in names), flush=True)


if __name__ == "__main__":
    main()
