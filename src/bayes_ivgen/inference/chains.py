"""Run the chains of the conjugate engine, one process each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bayes_ivgen.inference.conjugate import GibbsProblem, run_chain
from bayes_ivgen.statistics.cores import available_cores

DEFAULT_TUNE = 200


def _single_threaded_chain(
    problem: GibbsProblem, draws: int, tune: int, seed: np.random.SeedSequence
) -> dict[str, NDArray[np.float64]]:
    # Matrices are small: one BLAS thread a chain, and the draws do not depend on the number of cores.
    with threadpool_limits(limits=1):
        return run_chain(problem, draws, tune, seed)


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
        Processes; by default one a chain up to the number of cores.
    progress : callable, optional
        Called once for each finished chain.

    Returns
    -------
    dict
        Arrays with leading dims (chain, draw): ``coefficients``, ``tau``, ``hyper``, ``sigma``.
    """
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    jobs = min(chains, available_cores() if cores is None else cores)
    runner = Parallel(n_jobs=jobs, return_as="generator")
    tasks = (delayed(_single_threaded_chain)(problem, draws, tune, child) for child in sequence.spawn(chains))
    results = []
    for result in runner(tasks):
        results.append(result)
        if progress is not None:
            progress()
    return {name: np.stack([result[name] for result in results]) for name in results[0]}
