"""A real Dask cluster on loopback, one of whose workers is killed in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmark_stubs import make_deadly, same

from bayes_ivgen.benchmark import Task, run
from bayes_ivgen.benchmark.executors import _result
from bayes_ivgen.errors import BenchmarkError

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Start a scheduler and two worker processes; nothing listens beyond 127.0.0.1."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


def test_a_killed_worker_loses_nothing(cluster: Any, tiny: Task, guess: Any, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    methods = {"guess": make_deadly(str(marker), os.getpid())}
    found = run(tiny, tmp_path / "r", methods=methods, cluster=cluster.scheduler_address)
    assert marker.exists()
    same(found, run(tiny, methods={"guess": guess}, jobs=1))
    same(run(tiny, tmp_path / "r", methods=methods, cluster=cluster.scheduler_address), found)


def test_nobody_answers(tiny: Task, guess: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.benchmark.executors.CONNECT_SECONDS", 0.3)
    with pytest.raises(BenchmarkError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 .*`dask worker"):
        run(tiny, methods={"guess": guess}, cluster="tcp://127.0.0.1:9")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            distributed.KilledWorker("cell", SimpleNamespace(address="tcp://worker"), 3),
            "the cell ivgen-x was lost with every worker that tried it",
        ),
        (
            ModuleNotFoundError("No module named 'bayes_ivgen'"),
            "Install the same version of bayes-ivgen, .* every worker",
        ),
    ],
)
def test_troubles_of_the_cluster_are_told(error: Exception, message: str) -> None:
    class Future:
        key = "ivgen-x"

        def result(self) -> None:
            raise error

    with pytest.raises(BenchmarkError, match=message):
        _result(Future())
