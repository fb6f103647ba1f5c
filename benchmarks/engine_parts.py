"""Where the time of an iteration of the conjugate engine goes, against what BLAS and LAPACK reach on one core.

OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/engine_parts.py --cases 2:0 5:3 10:8 20:16

A case is K:E as in benchmarks/engine.py. A part is timed by leaving it out of the compiled sweep; its operations are
counted from the schedule. GF is 1e9 floating-point operations a second; times are the least of several.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from engine import problem_of
from scipy.linalg import blas, lapack

from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.elimination import INTEGRATE_FIRST, INTEGRATE_SECOND, MOVE_KIND, UPDATE_TERM


def least(work: Callable[[], Any], repeats: int = 25) -> float:
    """Least seconds of a call, each measurement about 50 ms long."""
    start = time.perf_counter()
    work()
    calls = 1 + int(0.05 / (time.perf_counter() - start))
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        found.append((time.perf_counter() - start) / calls)
    return min(found)


def roof(p: int) -> tuple[float, float]:
    """GF of dgemm and of dpotrf on P x P matrices."""
    x = np.random.default_rng(0).normal(size=(2 * p, p))
    square, target = np.asfortranarray(x.T @ x), np.zeros((p, p), order="F")
    gemm = least(partial(blas.dgemm, 1.0, square, square, c=target, overwrite_c=1))
    potrf = least(partial(lapack.dpotrf, square, lower=1, clean=0))
    return 2 * p**3 / gemm / 1e9, p**3 / 3 / potrf / 1e9


def operations(problem: GibbsProblem) -> dict[str, float]:
    what, _, _, _, size, first, _ = problem.schedule.steps.T.astype(float)
    second = size - first
    gone = np.where(what == INTEGRATE_FIRST, first, second)
    left = size - gone
    each = gone**3 / 3 + gone**2 * left + gone * left**2
    noises, p = len(problem.kernel_data.gram), problem.design.n_coefficients
    return {
        "products with the statistics": 2.0 * noises * p**2,
        "eliminations and draw": float(each[np.isin(what, [INTEGRATE_FIRST, INTEGRATE_SECOND])].sum()),
        "scales of terms": float(4 / 3 * (size[what == UPDATE_TERM] ** 3).sum()),
        "scales of kinds": float(4 / 3 * (size[what == MOVE_KIND] ** 3).sum()),
    }


def seconds(problem: GibbsProblem) -> dict[str, float]:
    from bayes_ivgen.inference import kernels

    rng = np.random.default_rng(0)
    state = problem.initial(rng)
    for iteration in range(60):
        problem.step(state, rng, sigma_fixed=iteration == 0)
    given = problem.kernel_state(state)
    nothing = kernels.State(*(np.empty((0, len(value))) for value in given))
    steps = problem.schedule.steps

    def without(*parts: int) -> float:
        schedule = problem.schedule._replace(steps=steps[~np.isin(steps[:, 0], parts)])
        mine = kernels.State(*(value.copy() for value in given))
        call = (problem.kernel_data, schedule, mine, problem.kernel_prior, rng, kernels.LIBRARY, nothing)
        return least(partial(kernels.run, 1, 11, 11, *call)) / 10

    data = problem.kernel_data
    packed = np.empty(data.gram.shape[1])
    products = least(lambda: np.dot(np.ones(len(data.gram)), data.gram, out=packed)) + least(lambda: data.gram @ packed)
    whole, no_kinds, bare = without(), without(MOVE_KIND), without(MOVE_KIND, UPDATE_TERM)
    return {
        "products with the statistics": products,
        "eliminations and draw": bare - products,
        "scales of terms": no_kinds - bare,
        "scales of kinds": whole - no_kinds,
        "iteration": whole,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=["2:0", "5:3", "10:8", "20:16"], help="actions:edges")
    parser.add_argument("--rows", type=int, default=12_000, help="rows in all")
    args = parser.parse_args()
    for case in args.cases:
        problem = problem_of(*map(int, case.split(":")), args.rows)
        gemm, potrf = roof(problem.design.n_coefficients)
        print(f"P = {problem.design.n_coefficients}: dgemm {gemm:.0f} GF, dpotrf {potrf:.0f} GF")
        flops, spent = operations(problem), seconds(problem)
        for name, value in spent.items():
            count = flops.get(name, sum(flops.values()))
            print(f"  {name:30} {1e3 * value:8.3f} ms {count / 1e6:8.2f} MF {count / value / 1e9:6.1f} GF", flush=True)


if __name__ == "__main__":
    main()
