"""One pass over the rows into sufficient statistics; no row is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.sources import Batch
from bayes_ivgen.model.design import Design
from bayes_ivgen.statistics.cores import available_cores
from bayes_ivgen.statistics.sufficient import SufficientStatistics

CHUNK_BYTES = (
    8 * 2**20
)  # of the design at a time: larger leaves the cache, smaller makes threads queue for the interpreter
AHEAD = 2  # batches a thread that wait for their turn


def accumulate(
    data: RegimeData,
    design: Design,
    progress: Callable[[int], None] | None = None,
    variance: Callable[[FloatArray, Regime], FloatArray] | None = None,
    cores: int | None = None,
) -> SufficientStatistics:
    """Accumulate X'X, X'y, y'y and n of every regime; with weights X'WX, X'Wy, y'Wy and their sum.

    A row with weight w counts as w rows, so that weight two is the row given twice.

    Parameters
    ----------
    data : RegimeData
        Rows in memory or in files; read once, in batches.
    design : Design
        Columns and outcome scale.
    progress : callable, optional
        Called with the number of rows after each batch.
    variance : callable, optional
        Noise variance of rows, up to a factor for each regime. The statistics are then X'WX, X'Wy
        and y'Wy with W = diag(g_r / variance), g_r the geometric mean of the variances of the
        regime: log|W| = 0, so that they enter the likelihood as unweighted ones do.
    cores : int, optional
        Threads, by default all cores; the result does not depend on it.

    Returns
    -------
    SufficientStatistics
        In the order of ``data.regimes``.
    """
    labels = tuple(regime.label for regime in data.regimes)
    total = SufficientStatistics.zeros(labels, design.n_coefficients)
    log_variance = np.zeros(len(labels))
    for batch, part in _in_order(data.batches(), lambda batch: _part(batch, design, variance), cores):
        r, active = labels.index(batch.regime.label), design.active_columns(batch.regime)
        total.rows[r] += part.weight
        total.gram[r][np.ix_(active, active)] += part.gram
        total.cross[r][active] += part.cross
        total.squares[r] += part.squares
        log_variance[r] += part.log_variance
        if progress is not None:
            progress(len(batch.outcome))
    scale = np.exp(log_variance / np.where(total.rows > 0, total.rows, 1.0))
    total.gram[...] *= scale[:, None, None]
    total.cross[...] *= scale[:, None]
    total.squares[...] *= scale
    return total


def _in_order[Result](
    batches: Iterable[Batch], work: Callable[[Batch], Result], cores: int | None
) -> Iterator[tuple[Batch, Result]]:
    """Do the work on threads, a few batches ahead; results come in the order of the batches.

    Sums of them are the same to the last bit then, whatever the number of threads.
    """
    threads = available_cores() if cores is None else cores
    ahead: deque[tuple[Batch, Future[Result]]] = deque()
    # One thread of BLAS each: the batches share the cores already.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        try:
            for batch in batches:
                ahead.append((batch, pool.submit(work, batch)))
                if len(ahead) > AHEAD * threads:
                    done, result = ahead.popleft()
                    yield done, result.result()
            while ahead:
                done, result = ahead.popleft()
                yield done, result.result()
        finally:
            pool.shutdown(cancel_futures=True)


class _Part(NamedTuple):
    """Statistics of one batch, active columns only."""

    weight: float
    gram: FloatArray
    cross: FloatArray
    squares: float
    log_variance: float


def _part(batch: Batch, design: Design, variance: Callable[[FloatArray, Regime], FloatArray] | None) -> _Part:
    size = len(design.active_columns(batch.regime))
    gram, cross, squares, log_variance = np.zeros((size, size)), np.zeros(size), 0.0, 0.0
    step = max(256, CHUNK_BYTES // (8 * size))
    n = len(batch.outcome)
    for chunk in (slice(start, start + step) for start in range(0, n, step)):
        dataset = None if batch.dataset is None else batch.dataset[chunk]
        x = design.regime_rows(batch.variables[chunk], batch.regime, dataset)
        y = (batch.outcome[chunk] - design.outcome_mean) / design.outcome_sd
        weights = None if batch.weights is None else batch.weights[chunk]
        if variance is not None:
            v = variance(batch.variables[chunk], batch.regime)
            log_variance += float(np.log(v).sum() if weights is None else weights @ np.log(v))
            x, y = x / np.sqrt(v)[:, None], y / np.sqrt(v)
        if weights is not None:
            x, y = x * np.sqrt(weights)[:, None], y * np.sqrt(weights)
        gram += x.T @ x
        cross += x.T @ y
        squares += float(y @ y)
    weight = float(n if batch.weights is None else batch.weights.sum())
    return _Part(weight, gram, cross, squares, log_variance)
