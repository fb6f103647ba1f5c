"""Seconds, queries a second and peak memory of effects at many queries, of a fit with 4 x 1000 draws.

python benchmarks/effects.py --queries 100000 --actions 5 --against ../other/src

Each case asks and makes the table (mean, standard deviation, 90 % interval), in a process of its own that has loaded
the fit and answered ten queries; `peak` is what the largest resident size grew by from there (ru_maxrss). Cases: all
actions set (joint), the last one seen, two joint effects compared, the outcome itself; joint effects of actions that
took five levels each; the last action held at its observed values, or left to respond. The last three get fewer
queries, see FEWER. With --against the package in another folder, of the same version of saved fits, runs in turns with
this one. Least of --repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayes_ivgen as ivg

OWN = Path(__file__).parents[1] / "src"
FEWER = {"outcome": 10, "hold": 100, "respond": 1000}
CASES = ("joint", "given", "contrast", "levels", "outcome", "hold", "respond")


def world_of(actions: int) -> Any:
    return ivg.simulate.polynomial(n_actions=actions, seed=1)


def five_levels(world: Any, frame: pd.DataFrame) -> pd.DataFrame:
    usual = world.sample(2000, "obs", seed=1)
    spread = {name: (frame[name] - usual[name].mean()) / usual[name].std() for name in world.actions}
    return frame.assign(**{name: values.clip(-2, 2).round() for name, values in spread.items()})


def save_fits(folder: Path, actions: int, rows: int, draws: int) -> None:
    world = world_of(actions)
    names = list(world.actions)
    frame = world.sample_regimes(world.standard_regimes(rows // (actions + 1)), seed=1)
    for label, table in {"plain": frame, "levels": five_levels(world, frame)}.items():
        data = ivg.RegimeData.from_frame(table, outcome=world.outcome, actions=names)
        model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents))
        model.fit(data, draws=draws, seed=0, progressbar=False).save(folder / f"{label}.zarr")


def question(case: str, points: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    last = points.columns[-1]
    if case == "given":
        return {"do": points.drop(columns=last), "given": points[[last]]}
    if case == "contrast":
        return {"do": points, "versus": other}
    if case in ("hold", "respond"):
        return {"do": points.drop(columns=last), "rest": case}
    return {"do": points}


def one_case(folder: Path, case: str, actions: int, queries: int) -> dict[str, float]:
    warnings.simplefilter("ignore", ivg.errors.SupportWarning)  # some points leave what was tried, on purpose
    world = world_of(actions)
    names = list(world.actions)
    fit = ivg.load(folder / ("levels.zarr" if case == "levels" else "plain.zarr"))
    ask = fit.contrast if case == "contrast" else fit.outcome if case == "outcome" else fit.effect
    size = max(1, queries // FEWER.get(case, 1))
    sides = [world.sample(size, f"do({','.join(names)})", seed=seed)[names] for seed in (7, 8)]
    if case == "levels":
        sides = [five_levels(world, side) for side in sides]
    ask(**question(case, *(side.head(10) for side in sides))).summary()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    estimate = ask(**question(case, *sides))
    asked = time.perf_counter()
    table = estimate.summary()
    done = time.perf_counter()
    if not np.isfinite(table["sd"]).all():
        raise SystemExit(f"the table of case {case!r} holds values that are not finite")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"queries": size, "ask": asked - start, "seconds": done - start, "peak": (peak - before) / 1024}


def compare(args: argparse.Namespace, folder: Path) -> None:
    sources = {"this": OWN} | ({"other": Path(args.against).resolve()} if args.against else {})
    for source in sources.values():
        if not (source / "bayes_ivgen").is_dir():
            raise SystemExit(f"there is no package bayes_ivgen in {source}; --against takes the folder that holds it")
    for case in args.cases:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in sources}
        for _ in range(args.repeats):
            for name, source in sources.items():
                sizes = ["--actions", str(args.actions), "--queries", str(args.queries)]
                command = [sys.executable, __file__, "--child", str(folder), "--cases", case, *sizes]
                environment = os.environ | {"PYTHONPATH": str(source)}
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                found[name].append(json.loads(done.stdout))
        for name, runs in found.items():
            best = min(runs, key=lambda run: run["seconds"])
            print(
                f"{case} {name}: {best['queries']:,} queries in {best['seconds']:.2f} s "
                f"({best['ask']:.2f} s to ask), {best['queries'] / best['seconds']:,.0f} queries/s, "
                f"peak {best['peak']:.0f} MB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--queries", type=int, default=100_000)
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--rows", type=int, default=6_000, help="rows of the fit in all")
    parser.add_argument("--draws", type=int, default=1000, help="draws of each of the 4 chains")
    parser.add_argument("--repeats", type=int, default=2, help="processes a case")
    parser.add_argument("--against", help="folder with another version of the package")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(one_case(args.child, args.cases[0], args.actions, args.queries)))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        save_fits(Path(folder), args.actions, args.rows, args.draws)
        compare(args, Path(folder))


if __name__ == "__main__":
    main()
