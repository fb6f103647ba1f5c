"""One pass over the rows into sufficient statistics; no row is kept."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from threadpoolctl import threadpool_limits

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.checkpoint import CHECKPOINT_ROWS, Checkpoint, checked_files, part_keys
from bayes_ivgen.data.dask_rows import computed, is_on_dask, task, tree_sum
from bayes_ivgen.data.parts import RowsPart
from bayes_ivgen.data.sources import Batch
from bayes_ivgen.model.design import Design
from bayes_ivgen.statistics.cores import available_cores
from bayes_ivgen.statistics.sufficient import SufficientStatistics

Variance = Callable[[FloatArray, Regime], FloatArray]

CHUNK_BYTES = 8 * 2**20  # of the design at a time: with smaller ones threads queue for the interpreter
CACHE_BYTES = 2 * 2**20  # for one thread: what stays in the cache of its core leaves the memory to other processes
AHEAD = 2  # batches a thread that wait for their turn


def accumulate(
    data: RegimeData,
    design: Design,
    progress: Callable[[int], None] | None = None,
    variance: Variance | None = None,
    cores: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
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
    client : distributed.Client, optional
        Parts of the rows are summed by the workers of its cluster, which must see the same files. Rows
        of a dask DataFrame are summed where they are, also without it.
    checkpoint : path, optional
        Folder in which the sums of each part of files are kept, to go on after an interruption.

    Returns
    -------
    SufficientStatistics
        In the order of ``data.regimes``.
    """
    if client is not None or is_on_dask(data):
        total = _sums_on_dask(data, design, variance, client)
        if progress is not None:
            progress(data.n_rows)
    elif checkpoint is not None:
        total = _noted_sums(data, design, cores, progress, Checkpoint(checkpoint))
    else:
        total = row_sums(data.batches(), design, variance, cores, progress)
    return total.statistics(data.regimes, design)


def row_sums(
    batches: Iterable[Batch],
    design: Design,
    variance: Variance | None = None,
    cores: int | None = 1,
    progress: Callable[[int], None] | None = None,
) -> RowSums:
    """Sum rows on threads; the result does not depend on their number."""
    sums: dict[Regime, _Part] = {}
    chunk_bytes = CHUNK_BYTES if cores != 1 else CACHE_BYTES
    for batch, part in _in_order(batches, lambda batch: _part(batch, design, variance, chunk_bytes), cores):
        sums[batch.regime] = part if batch.regime not in sums else sums[batch.regime].plus(part)
        if progress is not None:
            progress(len(batch.outcome))
    return RowSums(sums)


@dataclass(frozen=True, eq=False)
class RowSums:
    """Sums over rows by regime, of the columns that are at work there."""

    parts: Mapping[Regime, _Part] = field(repr=False)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(part.rows for part in self.parts.values())

    def to_note(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Plain data and arrays from which `from_note` restores the sums exactly."""
        plain = {
            "regimes": [list(regime.set_actions) for regime in self.parts],
            "numbers": [[part.rows, part.weight, part.squares, part.log_variance] for part in self.parts.values()],
        }
        arrays: dict[str, FloatArray] = {}
        for i, part in enumerate(self.parts.values()):
            arrays |= {f"gram_{i}": part.gram, f"cross_{i}": part.cross}
        return plain, arrays

    @classmethod
    def from_note(cls, plain: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> Self:
        """Restore what `to_note` wrote."""
        parts = {}
        for i, (names, numbers) in enumerate(zip(plain["regimes"], plain["numbers"], strict=True)):
            rows, weight, squares, log_variance = numbers
            sums = _Part(int(rows), weight, arrays[f"gram_{i}"], arrays[f"cross_{i}"], squares, log_variance)
            parts[Regime(tuple(names))] = sums
        return cls(parts)

    def __add__(self, other: RowSums) -> RowSums:
        """Add the sums over other rows."""
        total = dict(self.parts)
        for regime, part in other.parts.items():
            total[regime] = total[regime].plus(part) if regime in total else part
        return RowSums(total)

    def statistics(self, regimes: Sequence[Regime], design: Design) -> SufficientStatistics:
        """Lay the sums out over all columns."""
        found = SufficientStatistics.zeros(tuple(regime.label for regime in regimes), design.n_coefficients)
        for r, regime in enumerate(regimes):
            if regime not in self.parts:
                continue
            part, active = self.parts[regime], design.active_columns(regime)
            scale = np.exp(part.log_variance / part.weight)
            found.rows[r] = part.weight
            found.gram[r][np.ix_(active, active)] = scale * part.gram
            found.cross[r][active] = scale * part.cross
            found.squares[r] = scale * part.squares
        return found


def _noted_sums(
    data: RegimeData, design: Design, cores: int | None, progress: Callable[[int], None] | None, notes: Checkpoint
) -> RowSums:
    """Sum part by part; parts whose sums were noted by an earlier call are not read again."""
    checked_files(data._source)
    total = RowSums({})
    for part in data.parts(CHECKPOINT_ROWS):
        place = notes.place("sums", *part_keys(part), data.label_sets, design.to_dict())
        noted = notes.read(place)
        if noted is None:
            sums = row_sums(part.batches(), design, None, cores, progress)
            notes.write(place, *sums.to_note())
        else:
            sums = RowSums.from_note(*noted)
            if progress is not None:
                progress(sums.n_rows)
        total += sums
    return total


def _sums_on_dask(data: RegimeData, design: Design, variance: Variance | None, client: Any) -> RowSums:
    # The design is the result of a task of its own: a worker gets it once, and after a loss it is made again
    # (scattered data would be gone). Sums come back, rows do not.
    shared = task(_same, design)
    leaves = [task(_sums_of_part, part, shared, variance) for part in data.parts()]
    found: RowSums = computed(tree_sum(leaves, lambda one, two: task(_plus, one, two)), client)
    return found


def _same(design: Design) -> Design:
    return design


def _sums_of_part(part: RowsPart, design: Design, variance: Variance | None) -> RowSums:
    return row_sums(part.batches(), design, variance)


def _plus(one: RowSums, two: RowSums) -> RowSums:
    return one + two


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


_THREAD = threading.local()


def _scratch(n: int, size: int) -> FloatArray:
    """Memory for n rows that a thread uses again: fresh pages for every chunk cost as much as filling them."""
    memory = getattr(_THREAD, "memory", None)
    if memory is None or memory.size < n * size:
        memory = _THREAD.memory = np.empty(n * size)
    return memory[: n * size].reshape(n, size)


class _Part(NamedTuple):
    """Statistics of one batch, active columns only."""

    rows: int
    weight: float
    gram: FloatArray
    cross: FloatArray
    squares: float
    log_variance: float

    def plus(self, other: _Part) -> _Part:
        """Add the sums over other rows."""
        return _Part(
            self.rows + other.rows,
            self.weight + other.weight,
            self.gram + other.gram,
            self.cross + other.cross,
            self.squares + other.squares,
            self.log_variance + other.log_variance,
        )


def _part(batch: Batch, design: Design, variance: Variance | None, chunk_bytes: int) -> _Part:
    size = len(design.active_columns(batch.regime))
    gram, cross, squares, log_variance = np.zeros((size, size)), np.zeros(size), 0.0, 0.0
    step = max(256, chunk_bytes // (8 * size))
    n = len(batch.outcome)
    for chunk in (slice(start, start + step) for start in range(0, n, step)):
        dataset = None if batch.dataset is None else batch.dataset[chunk]
        values = batch.variables[chunk]
        x = design.regime_rows(values, batch.regime, dataset, _scratch(len(values), size))
        y = (batch.outcome[chunk] - design.outcome_mean) / design.outcome_sd
        weights = None if batch.weights is None else batch.weights[chunk]
        if variance is not None:
            v = variance(values, batch.regime)
            log_variance += float(np.log(v).sum() if weights is None else weights @ np.log(v))
            x /= np.sqrt(v)[:, None]
            y /= np.sqrt(v)
        if weights is not None:
            x *= np.sqrt(weights)[:, None]
            y *= np.sqrt(weights)
        gram += x.T @ x
        cross += x.T @ y
        squares += float(y @ y)
    weight = float(n if batch.weights is None else batch.weights.sum())
    return _Part(n, weight, gram, cross, squares, log_variance)
