"""Worlds and fits that several folders share, made once a process."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from bayes_ivgen.data import RegimeData

with warnings.catch_warnings():
    # pymc-extras 0.12 defines an Op that pytensor 3.3 calls deprecated: not ours to mend.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pymc_extras.prior import Prior


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices are small and pytest runs several processes: more BLAS threads would only get in the way."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(autouse=True)
def no_figure_stays() -> Iterator[None]:
    """Close what a test has drawn: others in the same process count figures."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def make_prior() -> Any:
    """Return the Prior class of pymc-extras, imported without its own warnings."""
    return Prior


def _linear_rows(
    counts: dict[str, int],
    seed: int = 0,
    *,
    effect: tuple[float, float] = (1.0, -0.5),
    confounding: tuple[float, float] = (0.8, 0.5),
    drive: float = 0.7,
) -> pd.DataFrame:
    """Rows of a linear world: a = C1 + V1, b = drive a + C2 + V2, y = effects + confounders + U."""
    rng = np.random.default_rng(seed)
    tables = []
    for label, n in counts.items():
        c, v = rng.normal(size=(2, n)), rng.normal(size=(2, n))
        a = rng.normal(0.0, 1.4, n) if "a" in label[3:] else c[0] + v[0]
        b = rng.normal(0.0, 1.6, n) if "b" in label[3:] else drive * a + c[1] + v[1]
        y = 2.0 + effect[0] * a + effect[1] * b + confounding[0] * c[0] + confounding[1] * c[1] + rng.normal(size=n)
        tables.append(pd.DataFrame({"regime": label, "a": a, "b": b, "y": y}))
    return pd.concat(tables, ignore_index=True)


def _linear_data(counts: dict[str, int], seed: int = 0, **world: Any) -> RegimeData:
    return RegimeData.from_frame(_linear_rows(counts, seed, **world), outcome="y", actions=["a", "b"])


@pytest.fixture(scope="session")
def linear_rows() -> Callable[..., pd.DataFrame]:
    """Return a function that draws rows of a linear world: counts of each regime, seed, parameters."""
    return _linear_rows


@pytest.fixture(scope="session")
def linear_data() -> Callable[..., RegimeData]:
    """Return a function that draws the rows of `linear_rows` as `RegimeData`."""
    return _linear_data


@pytest.fixture(scope="session")
def small_data() -> RegimeData:
    """Two actions, 100 rows of each of the three regimes."""
    return _linear_data({"obs": 100, "do(a)": 100, "do(b)": 100})
