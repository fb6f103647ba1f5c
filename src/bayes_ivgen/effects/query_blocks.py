"""Many queries block by block on all cores, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.statistics.cores import available_cores

MOST_THREADS = 8  # a block of draws is in memory for each
IN_CACHE = 2**18  # numbers that are sorted and summed together


def over_blocks[T](work: Callable[[slice], T], blocks: Sequence[slice]) -> list[T]:
    """Apply `work` to each block of queries, in threads if there are several; results in order."""
    # NumPy's sums, products and sorts hold no interpreter lock. One BLAS thread in each of ours, also for a
    # single block: BLAS threads that wait for a core took most of the time of small products on a busy machine.
    with threadpool_limits(limits=1, user_api="blas"):
        if len(blocks) < 2:
            return [work(block) for block in blocks]
        with ThreadPoolExecutor(min(len(blocks), available_cores(), MOST_THREADS)) as pool:
            return list(pool.map(work, blocks))


def summarise(draws: FloatArray, tails: Sequence[float]) -> FloatArray:
    """Mean, standard deviation and quantiles of each query.

    Parameters
    ----------
    draws : ndarray of shape (chain, draw, query)
        Quickest where the draws of a query lie side by side in memory, as `EffectPosterior.project` leaves them.
    tails : sequence of float
        Probabilities of the quantiles.

    Returns
    -------
    ndarray of shape (query, 2 + number of tails)
    """
    size = draws.shape[2]
    found = np.empty((size, 2 + len(tails)))
    step = max(1, IN_CACHE // max(1, draws.shape[0] * draws.shape[1]))
    for start in range(0, size, step):
        part = draws[..., start : start + step]
        ordered = np.sort(np.moveaxis(part, 2, 0).reshape(part.shape[2], -1), axis=1)
        place = found[start : start + step]
        place[:, 0] = ordered.mean(axis=1)
        place[:, 1] = ordered.std(axis=1, ddof=1)
        place[:, 2:] = sorted_quantiles(ordered, tails)
    return found


def sorted_quantiles(ordered: FloatArray, tails: Sequence[float]) -> FloatArray:
    """Quantiles of sorted rows, linear between neighbours as in `numpy.quantile`; shape (n, number of tails).

    `numpy.quantile` selects instead of sorting, which takes three to five times as long for two quantiles of some
    thousand draws.
    """
    place = np.asarray(tails) * (ordered.shape[1] - 1)
    below = np.minimum(place.astype(np.intp), max(ordered.shape[1] - 2, 0))
    low, high = ordered[:, below], ordered[:, np.minimum(below + 1, ordered.shape[1] - 1)]
    # No infinity minus itself, nor zero times infinity.
    gap = np.subtract(high, low, out=np.zeros_like(low), where=(high != low) & (place > below))
    # NaN comes last in a sort; a row with one has no quantiles.
    return np.asarray(np.where(np.isnan(ordered[:, -1:]), np.nan, low + (place - below) * gap))
