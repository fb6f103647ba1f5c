"""Run the chains of the conjugate engine, one thread each: the kernels hold no interpreter lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bayes_ivgen.inference.conjugate import GibbsProblem, run_chain
from bayes_ivgen.statistics.cores import available_cores

DEFAULT_TUNE = 200


class _Stopped(Exception):  # noqa: N818
    """Another chain failed, or the user interrupted."""


def run_chains(
    problem: GibbsProblem,
    *,
    draws: int,
    chains: int,
    tune: int = DEFAULT_TUNE,
    seed: int | np.random.SeedSequence | None = None,
    cores: int | None = None,
    progress: Callable[[], None] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Sample `chains` independent chains.

    Parameters
    ----------
    problem : GibbsProblem
        Statistics, layout and priors.
    draws, chains, tune : int
        Kept iterations of a chain, number of chains, discarded iterations of a chain.
    seed : int or SeedSequence, optional
        Draws are the same for the same seed, whatever the number of cores.
    cores : int, optional
        Threads; by default one a chain up to the number of cores.
    progress : callable, optional
        Called once for each finished chain.

    Returns
    -------
    dict
        Arrays with leading dims (chain, draw): ``coefficients``, ``tau``, ``hyper``, ``sigma``.
    """
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    jobs = min(chains, available_cores() if cores is None else cores)
    stop = threading.Event()

    def check(_: int) -> None:
        if stop.is_set():
            raise _Stopped

    # Matrices are small: one BLAS thread a chain, and the draws do not depend on the number of cores.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_chain, problem, draws, tune, child, check) for child in sequence.spawn(chains)]
        try:
            for future in as_completed(futures):
                future.result()
                if progress is not None:
                    progress()
        except BaseException:
            stop.set()
            raise
        results = [future.result() for future in futures]
    return {name: np.stack([result[name] for result in results]) for name in results[0]}
