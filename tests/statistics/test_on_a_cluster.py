"""Rows summed by the workers of a real cluster on loopback, one of which is killed on the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.statistics import SufficientStatistics, accumulate

distributed = pytest.importorskip("distributed")
dd = pytest.importorskip("dask.dataframe")
NAMES: dict[str, Any] = {"outcome": "y", "actions": ["a", "b"]}
MODEL = InterventionModel(causal=BSpline(5), confounding=BSpline(5), graph=ActionGraph({"b": ["a"]}))


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes; nothing listens beyond 127.0.0.1."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def rows(linear_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    table = linear_rows({"obs": 900, "do(a)": 500, "do(b)": 700}).sample(frac=1.0, random_state=0)
    return table.reset_index(drop=True)


@pytest.fixture(scope="module")
def design(rows: pd.DataFrame) -> Design:
    return MODEL.design(RegimeData.from_frame(rows, **NAMES))


def assert_same(found: SufficientStatistics, expected: SufficientStatistics) -> None:
    assert found.regimes == expected.regimes
    for name in ("rows", "gram", "cross", "squares"):
        one, two = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(one, two, rtol=1e-11, atol=1e-11 * np.abs(two).max())


@pytest.fixture(scope="module")
def folder(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rows")
    for i, piece in enumerate(np.split(np.arange(len(rows)), [500, 1300])):
        rows.iloc[piece].to_parquet(place / f"{i}.parquet", row_group_size=300)
    return place


def test_files_are_summed_by_the_workers(client: Any, folder: Path, rows: pd.DataFrame, design: Design) -> None:
    data = RegimeData.from_parquet(folder, **NAMES)
    told: list[int] = []
    found = accumulate(data, design, told.append, client=client)
    assert_same(found, accumulate(RegimeData.from_frame(rows, **NAMES), design))
    assert sum(told) == len(rows)


def test_a_dask_frame_is_summed_where_it_is(client: Any, folder: Path, design: Design) -> None:
    data = RegimeData.from_dask(dd.read_parquet(folder), **NAMES)
    on_threads = accumulate(data, design)
    on_cluster = accumulate(data, design, client=client)
    for name in ("gram", "cross", "squares"):  # the same tree: not a bit differs
        np.testing.assert_array_equal(getattr(on_threads, name), getattr(on_cluster, name))
    assert_same(on_threads, accumulate(RegimeData.from_parquet(folder, **NAMES), design))


def make_deadly(marker: Path, here: int) -> Callable[[np.ndarray, Regime], np.ndarray]:
    """Variance of rows that kills the first worker process that asks for it."""

    def variance(values: np.ndarray, regime: Regime) -> np.ndarray:
        if os.getpid() != here and not marker.exists():
            marker.touch()
            os._exit(1)
        return 1.0 + values[:, 0] ** 2

    return variance


def test_a_killed_worker_changes_nothing(
    client: Any, rows: pd.DataFrame, folder: Path, design: Design, tmp_path: Path
) -> None:
    variance = make_deadly(tmp_path / "killed", os.getpid())
    data = RegimeData.from_parquet(folder, **NAMES)
    found = accumulate(data, design, variance=variance, client=client)
    assert (tmp_path / "killed").exists()
    assert_same(found, accumulate(RegimeData.from_frame(rows, **NAMES), design, variance=variance))


def test_a_fit_with_a_client(client: Any, folder: Path) -> None:
    data = RegimeData.from_parquet(folder, **NAMES)
    options: dict[str, Any] = {"draws": 200, "chains": 2, "seed": 0, "cores": 1, "progressbar": False}
    here, there = MODEL.fit(data, **options), MODEL.fit(data, client=client, **options)
    assert_same(there.statistics, here.statistics)
    one, two = (fit.effect(do={"a": 0.2, "b": 0.1}).summary(0.9) for fit in (here, there))
    assert abs(one["mean"][0] - two["mean"][0]) < 0.5 * one["sd"][0]


def test_what_is_no_client_is_refused(rows: pd.DataFrame) -> None:
    data = RegimeData.from_frame(rows, **NAMES)
    with pytest.raises(SpecError, match=r"'tcp://127.0.0.1:1' is a str; pass a distributed.Client"):
        MODEL.fit(data, client="tcp://127.0.0.1:1")
    counts = InterventionModel(likelihood="student_t")
    with pytest.raises(SpecError, match=r"client is of no use with likelihood='student_t'.*Leave it out"):
        counts.fit(data, engine="nuts", client=object())
