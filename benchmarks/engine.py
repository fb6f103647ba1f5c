"""Milliseconds an iteration of the conjugate engine, and effective draws a second, against the number of columns.

python benchmarks/engine.py --cases 2:0 5:3 10:8 20:16 --against ../other/src

A case is K:E, a polynomial world of K actions whose graph is a chain of E edges; P follows. With --against the package
in another folder is run in turns with this one, each in a process of its own on one core; times are the least of
several. Effective draws are those of the worst of 64 joint effects and of the worst log tau, of two chains.

python benchmarks/engine.py --stages --cases 10:0 20:0 --rows 40000

Seconds of each stage of a fit of a world of K actions with about one parent each, its graph learned, on all cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import bayes_ivgen as ivg
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.diagnostics import mixing_table
from bayes_ivgen.model.graph_learning import learn_graph
from bayes_ivgen.statistics import accumulate

OWN = Path(__file__).parents[1] / "src"
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def rows_of(world: Any, rows: int, seed: int = 0) -> ivg.RegimeData:
    frame = world.sample_regimes(world.standard_regimes(rows // (len(world.actions) + 1)), seed=seed)
    return ivg.RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))


def problem_of(actions: int, edges: int, rows: int) -> GibbsProblem:
    data = rows_of(ivg.simulate.polynomial(n_actions=actions, seed=1, edge_probability=1 / actions), rows)
    names = data.actions
    chain = ivg.ActionGraph({names[i + 1]: [names[i]] for i in range(edges)})
    model = ivg.InterventionModel(graph=chain)
    design = model.design(data)
    return GibbsProblem(design, accumulate(data, design), model.prior_table())


def effects(problem: GibbsProblem, coefficients: np.ndarray) -> np.ndarray:
    k = len(problem.design.actions)
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (64, k))
    return coefficients @ problem.design.rows(points, np.ones(k, dtype=bool)).T


def one_case(actions: int, edges: int, rows: int, draws: int) -> dict[str, float]:
    problem = problem_of(actions, edges, rows)
    rng = np.random.default_rng(0)
    state = problem.initial(rng)
    for iteration in range(30):
        problem.step(state, rng, sigma_fixed=iteration == 0)
    seconds = []
    for _ in range(12):
        start = time.perf_counter()
        for _ in range(5):
            problem.step(state, rng)
        seconds.append((time.perf_counter() - start) / 5)
    found = {"P": problem.design.n_coefficients, "ms": 1e3 * min(seconds)}
    if draws:
        sampled = run_chains(problem, draws=draws, chains=2, tune=200, seed=0, cores=1)
        table = mixing_table({"effects": effects(problem, sampled["coefficients"]), "tau": np.log(sampled["tau"])})
        for name in table.index:
            found[name] = table.loc[name, "ess_bulk"] / (2 * draws) / min(seconds)
    return found


def compare(args: argparse.Namespace) -> None:
    sources = {"this": OWN} | ({"other": Path(args.against).resolve()} if args.against else {})
    for case in args.cases:
        best: dict[str, dict[str, float]] = {}
        for repeat in range(args.repeats):
            for name, source in sources.items():
                command = [sys.executable, __file__, "--child", "--cases", case, "--rows", str(args.rows)]
                draws = args.draws if repeat == 0 else 0
                done = subprocess.run(
                    [*command, "--draws", str(draws)],
                    env=os.environ | ONE_CORE | {"PYTHONPATH": str(source)},
                    capture_output=True,
                    text=True,
                    check=True,
                )
                found = json.loads(done.stdout)
                kept = best.setdefault(name, found)
                # Effective draws an iteration stay; the time is the least of all repeats.
                scale = kept["ms"] / min(kept["ms"], found["ms"])
                best[name] = {k: v if k == "P" else v / scale if k == "ms" else v * scale for k, v in kept.items()}
        for name, found in best.items():
            each = "".join(f", {key} {found[key]:.0f}/s" for key in ("effects", "tau") if key in found)
            print(f"{case} {name}: P = {found['P']}, {found['ms']:.2f} ms an iteration{each}", flush=True)


def stages(args: argparse.Namespace) -> None:
    for case in args.cases:
        k = int(case.split(":")[0])
        world = ivg.simulate.polynomial(n_actions=k, seed=2, edge_probability=min(0.3, 2 / (k - 1)))
        marks = {"rows": time.perf_counter()}
        data = rows_of(world, args.rows)
        marks["graph"] = time.perf_counter()
        graph = learn_graph(data)
        marks["design"] = time.perf_counter()
        design = ivg.InterventionModel(graph=graph).design(data)
        marks["statistics"] = time.perf_counter()
        problem = GibbsProblem(design, accumulate(data, design), ivg.InterventionModel().prior_table())
        marks["sampling"] = time.perf_counter()
        drawn = run_chains(problem, draws=args.draws, chains=4, tune=200, seed=0)
        marks["end"] = time.perf_counter()
        marks["whole fit"] = time.perf_counter()
        fit = ivg.InterventionModel(graph=graph).fit(data, seed=0, draws=args.draws, progressbar=False)
        marks["end of fit"] = time.perf_counter()
        names = list(marks)
        spent = {a: marks[b] - marks[a] for a, b in pairwise(names) if a != "end"}
        right = len(set(graph.edges) & set(ivg.ActionGraph(world.parents).edges))
        print(
            f"K = {k}, P = {design.n_coefficients}, {len(graph.edges)} edges learned ({right} of "
            f"{sum(map(len, world.parents.values()))} true ones): "
            + ", ".join(f"{name} {value:.1f} s" for name, value in spent.items())
        )
        print(mixing_table({"effects": effects(problem, drawn["coefficients"]), "tau": np.log(drawn["tau"])}))
        print(fit.diagnostics, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=["2:0", "5:3", "10:8", "20:16"], help="actions:edges")
    parser.add_argument("--rows", type=int, default=12_000, help="rows in all")
    parser.add_argument("--draws", type=int, default=300, help="draws of a chain, for effective draws")
    parser.add_argument("--repeats", type=int, default=3, help="processes a case")
    parser.add_argument("--against", help="folder with another version of the package")
    parser.add_argument("--stages", action="store_true", help="time the stages of whole fits instead")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        actions, edges = map(int, args.cases[0].split(":"))
        print(json.dumps(one_case(actions, edges, args.rows, args.draws)))
    elif args.stages:
        stages(args)
    else:
        compare(args)


if __name__ == "__main__":
    main()
