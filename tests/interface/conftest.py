"""Small fits that the tests of the interface share; a fit takes about a second."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import ConvergenceWarning
from bayes_ivgen.simulate import media_mix

QuickFit = Callable[..., Fit]


@pytest.fixture(scope="session")
def quick_fit() -> QuickFit:
    """Fit a table of rows with few draws, whose mixing is not judged here."""

    def fit(rows: pd.DataFrame, actions: Sequence[str], outcome: str = "y", **options: Any) -> Fit:
        settings = {"draws": 150, "chains": 2, "tune": 150, "cores": 1, "seed": 0}
        settings |= {name: options.pop(name) for name in list(options) if name in settings}
        data = RegimeData.from_frame(rows, outcome=outcome, actions=actions)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return InterventionModel(**options).fit(data, **settings)

    return fit


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """Two channels with continuous spends, 300 rows in each standard regime."""
    world = media_mix(2, seed=1)
    return world.sample_regimes(world.standard_regimes(300), seed=1)


@pytest.fixture(scope="session")
def data(rows: pd.DataFrame) -> RegimeData:
    """The same rows, read."""
    return RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"])


@pytest.fixture(scope="session")
def fit(rows: pd.DataFrame, quick_fit: QuickFit) -> Fit:
    """The default model, a learned graph."""
    return quick_fit(rows, ["tv", "web"], "sales")
