"""A tiny task and a method that needs no estimator."""

from __future__ import annotations

from typing import Any

import pytest
from benchmark_stubs import make_guess

from bayes_ivgen.benchmark import Task


@pytest.fixture(scope="session")
def tiny() -> Task:
    """Return a grid of eight cells (two worlds, K = 1 and 2, two sizes)."""
    return Task(about="tests", actions=(1, 2), rows=(40, 80), seeds=2, queries=30, fresh=20)


@pytest.fixture(scope="session")
def guess() -> Any:
    """Return a method that knows the mean of its rows and its own uncertainty."""
    return make_guess()
