"""The same seed gives the same draws, whatever the number of threads."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.statistics.cores import available_cores


@pytest.fixture(scope="module")
def problem(problem_of: Callable[..., GibbsProblem], small_data: RegimeData) -> GibbsProblem:
    return problem_of(small_data, InterventionModel(causal=BSpline(6), confounding=Polynomial(2), graph="empty"))


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_the_number_of_cores_does_not_matter(problem: GibbsProblem) -> None:
    done: list[None] = []
    one = run_chains(problem, draws=30, chains=3, tune=20, seed=5, cores=1, progress=lambda: done.append(None))
    two = run_chains(problem, draws=30, chains=3, tune=20, seed=5, cores=2)
    assert same(one, two)
    assert len(done) == 3
    assert one["coefficients"].shape == (3, 30, problem.design.n_coefficients)


def test_seeds_and_chains_differ(problem: GibbsProblem) -> None:
    first = run_chains(problem, draws=10, chains=2, tune=5, seed=5, cores=1)
    again = run_chains(problem, draws=10, chains=2, tune=5, seed=np.random.SeedSequence(5), cores=1)
    other = run_chains(problem, draws=10, chains=2, tune=5, seed=6, cores=1)
    assert same(first, again)
    assert not same(first, other)
    assert not np.array_equal(first["tau"][0], first["tau"][1])
    # More chains leave the first ones as they were.
    more = run_chains(problem, draws=10, chains=3, tune=5, seed=5, cores=1)
    assert same(first, {name: value[:2] for name, value in more.items()})


def test_a_failure_in_one_chain_ends_the_others(problem: GibbsProblem, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def chain(_: Any, draws: int, tune: int, seed: np.random.SeedSequence, report: Callable[[int], None]) -> None:
        if seed.spawn_key == (0,):
            raise np.linalg.LinAlgError("no factor")
        try:
            for iteration in itertools.count():
                report(iteration)
                time.sleep(0.001)
        finally:
            ended.append(iteration)

    monkeypatch.setattr("bayes_ivgen.inference.chains.run_chain", chain)
    with pytest.raises(np.linalg.LinAlgError, match="no factor"):
        run_chains(problem, draws=5, chains=2, tune=5, seed=5, cores=2)
    assert len(ended) == 1


def test_some_core_is_available() -> None:
    assert available_cores() >= 1
