"""Run a task: skip what is done, hand out the rest, keep every finished cell."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_ivgen.baselines import Method
from bayes_ivgen.benchmark.cells import Cell
from bayes_ivgen.benchmark.example1 import example1
from bayes_ivgen.benchmark.executors import Done, Job, here, in_processes, on_cluster
from bayes_ivgen.benchmark.methods import choose
from bayes_ivgen.benchmark.store import TABLE, Store, open_store, write_parquet
from bayes_ivgen.benchmark.tasks import TABLES, Task, adapted, find_task, seeds_of
from bayes_ivgen.errors import SpecError


def run(
    task: str | Task,
    out: str | Path | None = None,
    *,
    methods: Iterable[str] | Mapping[str, Any] | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    scm: str | None = None,
    actions: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    ratios: Sequence[float] | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    retry_failed: bool = False,
    progressbar: bool = False,
) -> pd.DataFrame:
    """Run a task of the benchmark, or go on with it.

    Parameters
    ----------
    task : str or Task
        Name of a task, see ``TASKS``, or a grid of your own.
    out : path, optional
        Folder of the results; cells that it holds already are not run again. By default nothing is kept.
    methods : names, or mapping of name to method, optional
        Names in ``METHODS``, or ``{"name": callable}`` with the signature of ``baselines.Method``; by
        default all but ``ours_nuts``.
    seeds, first_seed : int
        Number of worlds, and the seed of the first.
    scm, actions, rows, ratios : optional
        In place of the worlds, numbers of actions, numbers of rows and ratios of the task.
    jobs : int, optional
        Number of processes, each with one BLAS thread; by default one a core.
    cluster : str, optional
        Address of a Dask scheduler, ``"tcp://host:8786"``, to run there instead.
    retry_failed : bool
        Run methods again that failed in an earlier run.
    progressbar : bool
        Show progress on standard error if it is a terminal.

    Returns
    -------
    pandas.DataFrame
        One row a cell and method: the columns of `Cell`, ``method``, ``failed``, ``error``, ``warning`` and
        the scores. Apart from ``seconds`` it does not depend on the number of processes.

    Raises
    ------
    SpecError
        If a task, method or option is not valid.
    StorageError
        If the folder holds something else.
    BenchmarkError
        If workers cannot be reached, or are killed again and again.

    Examples
    --------
    >>> table = ivg.benchmark.run("smoke", methods=["constant"], seeds=1, jobs=1)
    >>> table["method"].unique().tolist(), bool(table["failed"].any())
    (['constant'], False)
    """
    if task in TABLES:
        return _table(Path(out) if out is not None else None)
    name, grid = (task, find_task(task)) if isinstance(task, str) else ("own", task)
    grid = adapted(grid, scm=scm, actions=actions, rows=rows, ratios=ratios)
    chosen = choose(methods)
    cells = grid.cells(name, seeds_of(grid.seeds if seeds is None else seeds, first_seed))
    if jobs is not None and (isinstance(jobs, bool) or jobs < 1):
        raise SpecError(f"the number of jobs must be 1 or more. Got {jobs!r}; leave it out for one a core.")
    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(Path(folder), name, grid.settings())
            return _run(store, cells, chosen, jobs, cluster, retry_failed, progressbar)
    store = open_store(Path(out), name, grid.settings())
    return _run(store, cells, chosen, jobs, cluster, retry_failed, progressbar)


def _table(out: Path | None) -> pd.DataFrame:
    table = example1()
    if out is not None:
        write_parquet(table, open_store(out, "example1", {}).folder / TABLE)
    return table


def _run(
    store: Store,
    cells: Sequence[Cell],
    methods: Mapping[str, str | Method],
    jobs: int | None,
    cluster: str | None,
    retry_failed: bool,
    progressbar: bool,
) -> pd.DataFrame:
    todo = _missing(store, cells, methods, retry_failed)
    with _progress(progressbar, cells[0].task, len(cells), len(cells) - len(todo)) as advance:
        for cell, records in _execute(todo, jobs, cluster):
            store.write_part(cell, store.read_part(cell) | records)
            advance()
    return store.write_table()


def _missing(store: Store, cells: Sequence[Cell], methods: Mapping[str, str | Method], retry_failed: bool) -> list[Job]:
    """Cells with the methods that have no record yet."""
    todo: list[Job] = []
    for cell in cells:
        done = store.read_part(cell)
        left = {
            name: target
            for name, target in methods.items()
            if name not in done or (retry_failed and done[name]["failed"])
        }
        if left:
            todo.append((cell, left))
    return todo


def _execute(todo: Sequence[Job], jobs: int | None, cluster: str | None) -> Iterator[Done]:
    if not todo:
        return iter(())
    if cluster is not None:
        return on_cluster(todo, cluster)
    from joblib import cpu_count

    processes = min(len(todo), int(cpu_count()) if jobs is None else jobs)
    return here(todo) if processes == 1 else in_processes(todo, processes)


@contextmanager
def _progress(show: bool, what: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    """Show how many cells are done; silent where nobody looks."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    visible = show and (console.is_terminal or console.is_jupyter)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("cells,"), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(TextColumn(what), *columns, console=console, disable=not visible, transient=True) as progress:
        bar = progress.add_task(what, total=total, completed=done)
        yield lambda: progress.advance(bar)
