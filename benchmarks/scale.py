"""Millions of rows, from Parquet files to a posterior: seconds and memory of each stage.

python benchmarks/scale.py --rows 100000 1000000 6000000 --actions 5
python benchmarks/scale.py --rows 3000000 --workers 1 2 4       # sums on a Dask cluster of this machine

Writes `rows` rows of a polynomial world in all (even split over obs and one test per action, rows shuffled over
`files` files) to a temporary folder or to --folder, which is used again if it holds them. Every size runs in a process
of its own. Printed for each:

    read        RegimeData.from_parquet: the pass that checks and describes all rows
    graph       learning the graph
    design      knots, centres and residuals
    sums        one pass into X'X, X'y, y'y (also as rows a second)
    sampling    chains x draws, and everything after
    total       of these
    peak_mb     largest resident memory of the process, with its threads; of chain processes, if any, beside it

With --workers the sums are also made by as many single-threaded Dask workers, which read the files themselves.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayes_ivgen as ivg
from bayes_ivgen.simulate import polynomial
from bayes_ivgen.statistics import accumulate

BLOCK = 300_000  # rows that are simulated at once


def write_rows(folder: Path, rows: int, actions: int, files: int, seed: int) -> Path:
    """Write the rows unless they are there."""
    place = folder / f"rows_{rows}_{actions}_{files}_{seed}"
    if (place / "done").exists():
        return place
    place.mkdir(parents=True, exist_ok=True)
    world = polynomial(actions, seed=seed)
    rng = np.random.default_rng(seed)
    per_file = rows // files
    for file in range(files):
        frames, left, part = [], per_file, 0
        while left > 0:
            n = max(1, min(left, BLOCK) // (actions + 1))
            frames.append(world.sample_regimes(world.standard_regimes(n), seed=1000 * file + part))
            left, part = left - len(frames[-1]), part + 1
        table = pd.concat(frames, ignore_index=True).iloc[rng.permutation(sum(map(len, frames)))]
        table.astype({"regime": "category"}).to_parquet(place / f"{file:03d}.parquet", index=False)
    (place / "done").touch()
    return place


def peak_mb() -> dict[str, float]:
    """Largest resident memory so far, of this process and of the largest that it started."""
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"peak_mb": own, "peak_mb_child": children}


def one_size(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Stages of one fit."""
    names = [f"a{k + 1}" for k in range(args.actions)]
    clock = time.perf_counter
    times = [clock()]
    data = ivg.RegimeData.from_parquet(str(folder / "*.parquet"), outcome="y", actions=names)
    times.append(clock())
    model = ivg.InterventionModel()
    graph = model.action_graph(data)
    times.append(clock())
    design = model.design(data, graph)
    times.append(clock())
    accumulate(data, design, cores=args.cores)
    times.append(clock())
    found = dict(zip(("read", "graph", "design", "sums"), np.diff(times), strict=True))
    found["sums_rows_per_second"] = data.n_rows / found["sums"]
    found["columns"] = design.n_coefficients
    found |= {f"sums_{key}": value for key, value in peak_mb().items()}
    if args.draws:
        start = clock()
        fit = model.fit(data, draws=args.draws, chains=4, seed=0, cores=args.cores, progressbar=False)
        whole = clock() - start
        found["fit"] = whole
        found["total"] = found["read"] + whole
        found["r_hat"] = float(fit.diagnostics.loc["effects", "r_hat"])
        found["ess"] = float(fit.diagnostics.loc["effects", "ess_bulk"])
        found |= peak_mb()
    return found | on_dask(data, design, args.workers)


def on_dask(data: ivg.RegimeData, design: Any, workers: list[int]) -> dict[str, float]:
    """Seconds of the sums on clusters of several sizes."""
    found = {}
    if workers:
        from distributed import Client, LocalCluster
    for n in workers:
        options = {"processes": True, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        with LocalCluster(n_workers=n, threads_per_worker=1, **options) as cluster, Client(cluster) as client:
            seconds = []
            for _ in range(3):  # the first pass imports the package and loads compiled code
                start = time.perf_counter()
                accumulate(data, design, client=client)
                seconds.append(time.perf_counter() - start)
        found[f"dask_{n}_first"], found[f"dask_{n}"] = seconds[0], min(seconds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 6_000_000])
    parser.add_argument("--actions", type=int, default=5)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draws", type=int, default=1000, help="of each of 4 chains; 0 leaves sampling out")
    parser.add_argument("--cores", type=int)
    parser.add_argument("--workers", type=int, nargs="*", default=[])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(one_size(args.one, args)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        table = {}
        for rows in args.rows:
            place = write_rows(args.folder or Path(scratch), rows, args.actions, args.files, args.seed)
            command = [sys.executable, __file__, "--one", str(place), "--actions", str(args.actions)]
            command += ["--draws", str(args.draws), *([] if args.cores is None else ["--cores", str(args.cores)])]
            command += ["--workers", *map(str, args.workers)] if args.workers else []
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            table[f"{rows:,}"] = json.loads(out.strip().splitlines()[-1])
            print(pd.DataFrame(table).to_string(float_format=lambda x: f"{x:,.4g}"), flush=True)


if __name__ == "__main__":
    main()
