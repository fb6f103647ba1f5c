"""Where the time goes when rows are summed: filling design rows, multiplying them, threads, chunk sizes.

python benchmarks/accumulate.py --actions 2 5 10 --rows 600000

For each number of actions, rows in memory (even split over obs and one test per action), millions of rows a second and
what the multiplication amounts to in Gflop/s (n P^2 flops for a symmetric product, P the columns at work):

    fill        design rows of one chunk on one core
    product     X'X of one chunk on one core
    dsyrk       the BLAS at its best on one core: the same product of a matrix of 20,000 rows, repeated
    sums T      the whole pass on T threads; the share of T times the rate of one thread in brackets

--chunks sweeps the size of a chunk (MiB) at 1 and at all threads.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

import bayes_ivgen as ivg
from bayes_ivgen.simulate import polynomial
from bayes_ivgen.statistics import accumulate
from bayes_ivgen.statistics.cores import available_cores


def best(work: Callable[[], object], repeats: int) -> float:
    """Least seconds of several calls."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def of_world(actions: int, rows: int, repeats: int, chunks: list[float]) -> dict[str, str]:
    """Rates of one world."""
    module = sys.modules["bayes_ivgen.statistics.accumulate"]
    world = polynomial(actions, seed=0)
    frame = world.sample_regimes(world.standard_regimes(rows // (actions + 1)), seed=1)
    data = ivg.RegimeData.from_frame(frame, outcome="y", actions=list(world.actions))
    design = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents)).design(data)
    batch = next(data.batches())
    size = len(design.active_columns(batch.regime))
    step = max(256, module.CHUNK_BYTES // (8 * size))
    values, out = batch.variables[:step], np.empty((min(step, len(batch.outcome)), size))
    with threadpool_limits(limits=1, user_api="blas"):
        fill = best(lambda: design.regime_rows(values, batch.regime, None, out), 20 * repeats) / len(out)
        product = best(lambda: out.T @ out, 20 * repeats) / len(out)
        tall = np.asfortranarray(np.random.default_rng(0).normal(size=(size, 20_000)))
        peak = best(lambda: blas.dsyrk(1.0, tall), 5 * repeats) / 20_000
    found = {"columns": f"{design.n_coefficients}", "at work while nothing is set": f"{size}"}
    for name, seconds in (("fill", fill), ("product", product), ("dsyrk", peak)):
        rate = "" if name == "fill" else f" ({size**2 / seconds / 1e9:.0f} Gflop/s)"
        found[name] = f"{1e-6 / seconds:.2f}{rate}"
    one = None
    for threads in sorted({1, 2, available_cores()}):
        rate = len(frame) / best(lambda n=threads: accumulate(data, design, cores=n), repeats) / 1e6
        one = rate if one is None else one
        found[f"sums {threads}"] = f"{rate:.2f} ({rate / one / threads:.0%})"
    usual = module.CHUNK_BYTES
    for chunk in chunks:
        module.CHUNK_BYTES = int(chunk * 2**20)
        rates = [
            len(frame) / best(lambda n=n: accumulate(data, design, cores=n), repeats) / 1e6
            for n in (1, available_cores())
        ]
        found[f"chunk {chunk:g} MiB"] = " and ".join(f"{rate:.2f}" for rate in rates)
    module.CHUNK_BYTES = usual
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--chunks", type=float, nargs="*", default=[])
    args = parser.parse_args()
    table = {f"K={k}": of_world(k, args.rows, args.repeats, args.chunks) for k in args.actions}
    print(pd.DataFrame(table).to_string())


if __name__ == "__main__":
    main()
