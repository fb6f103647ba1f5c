"""Where cells are run: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bayes_ivgen.baselines import Method
from bayes_ivgen.benchmark.cells import Cell
from bayes_ivgen.benchmark.store import Record
from bayes_ivgen.benchmark.work import run_cell
from bayes_ivgen.errors import BenchmarkError

Job = tuple[Cell, Mapping[str, "str | Method"]]
Done = tuple[Cell, dict[str, Record]]

RESTARTS = 3
"""How often processes are started anew after one was killed, without a cell finished in between."""
CONNECT_SECONDS = 15


def here(jobs: Sequence[Job]) -> Iterator[Done]:
    """Run one cell after another in this process."""
    for cell, methods in jobs:
        yield cell, run_cell(cell, methods)


def in_processes(jobs: Sequence[Job], n_processes: int) -> Iterator[Done]:
    """Run cells in processes of this machine, as they become free.

    A process that is killed takes the cells in flight with it: they are given to new ones.

    Raises
    ------
    BenchmarkError
        If processes are killed again and again without finishing a cell.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool

    left = {cell.name: (cell, methods) for cell, methods in jobs}
    failures = 0
    while left:
        try:
            for cell, records in _pool(list(left.values()), n_processes):
                failures = 0
                del left[cell.name]
                yield cell, records
        except BrokenProcessPool as error:
            failures += 1
            if failures > RESTARTS:
                raise BenchmarkError(
                    f"processes were killed {failures} times in a row, perhaps for want of memory; {len(left)} cells "
                    "are left. Run the same command again with fewer --jobs: it goes on where it stopped."
                ) from error


def _pool(jobs: Sequence[Job], n_processes: int) -> Iterator[Done]:
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", n_jobs=n_processes, inner_max_num_threads=1):
        pool = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
        yield from pool(delayed(_job)(cell, dict(methods)) for cell, methods in jobs)


def _job(cell: Cell, methods: Mapping[str, str | Method]) -> Done:
    return cell, run_cell(cell, methods)


def on_cluster(jobs: Sequence[Job], address: str) -> Iterator[Done]:
    """Run cells on the workers of a Dask cluster; the records come back to this process.

    The scheduler gives the cells of a worker that is lost to the others.

    Raises
    ------
    BenchmarkError
        If the package is not installed, nobody answers at `address`, or a cell keeps killing workers.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise BenchmarkError(
            "a cluster needs the package distributed; install it with: pip install 'bayes-ivgen[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BenchmarkError(
            f"no Dask scheduler answers at {address} ({str(error).splitlines()[0]}). Start one with `dask scheduler`, "
            "workers with `dask worker tcp://HOST:8786 --nthreads 1`, and pass the address that it prints."
        ) from error
    with client:
        futures = [
            client.submit(_job, cell, dict(methods), key=f"ivgen-{cell.task}-{cell.name}", pure=False)
            for cell, methods in jobs
        ]
        for future in as_completed(futures, loop=client.loop):
            yield _result(future)
            future.release()


def _result(future: Any) -> Done:
    from distributed import KilledWorker

    try:
        done: Done = future.result()
    except KilledWorker as error:
        raise BenchmarkError(
            f"the cell {future.key} was lost with every worker that tried it, perhaps for want of memory: {error}. "
            "Give the workers more memory and run the same command again: it goes on where it stopped."
        ) from error
    except Exception as error:  # what a method raises is recorded by the worker; this is the cluster's own trouble
        raise BenchmarkError(
            f"the cell {future.key} could not be run by a worker ({type(error).__name__}: {error}). Install the same "
            "version of bayes-ivgen, with its extra benchmark, on every worker, and run the same command again."
        ) from error
    return done
