"""What one process does: draw the rows of a cell and run methods on them, one after another."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from math import nan

from threadpoolctl import threadpool_limits

from bayes_ivgen.baselines import Method
from bayes_ivgen.benchmark.cells import Cell
from bayes_ivgen.benchmark.methods import resolve
from bayes_ivgen.benchmark.metrics import METRICS, score
from bayes_ivgen.benchmark.store import Record
from bayes_ivgen.benchmark.worlds import Stage, make_stage
from bayes_ivgen.errors import IvgenWarning

LONGEST_ERROR = 500


def run_cell(cell: Cell, methods: Mapping[str, str | Method]) -> dict[str, Record]:
    """Run the methods on one cell, with one BLAS thread, on rows that are drawn once.

    Returns
    -------
    dict of str to dict
        One record a method. An exception of a method is a record too: ``failed`` is true and ``error``
        says what it was.
    """
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            stage: Stage | Exception = make_stage(cell)
        except Exception as error:  # e.g. a world that does not exist with so many actions
            stage = error
        return {name: _record(cell, name, target, stage) for name, target in methods.items()}


def _record(cell: Cell, name: str, target: str | Method, stage: Stage | Exception) -> Record:
    record = cell.columns() | {"method": name, "failed": False, "error": "", "warning": ""}
    record |= dict.fromkeys(METRICS, nan)
    if isinstance(stage, Exception):
        return record | {"failed": True, "error": _text(stage)}
    try:
        method = resolve(target, cell.degree)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", IvgenWarning)
            start = time.perf_counter()
            prediction = method(stage.experiment)
            seconds = time.perf_counter() - start
        scores = score(prediction, stage) | {"seconds": seconds}
    except Exception as error:
        return record | {"failed": True, "error": _text(error)}
    return record | scores | {"warning": str(caught[0].message)[:LONGEST_ERROR] if caught else ""}


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
