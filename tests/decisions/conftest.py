"""A small fit that the tests of decisions share; it takes about a second."""

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
CHANNELS = ["tv", "web", "radio"]


@pytest.fixture(scope="session")
def quick_fit() -> QuickFit:
    """Fit a table of rows with few draws, whose mixing is not judged here."""

    def fit(rows: pd.DataFrame, actions: Sequence[str], outcome: str = "y", **options: Any) -> Fit:
        settings = {"draws": 100, "chains": 2, "tune": 100, "cores": 1, "seed": 0, "progressbar": False}
        settings |= {name: options.pop(name) for name in list(options) if name in settings}
        read = {name: options.pop(name) for name in list(options) if name in ("covariates", "dataset")}
        data = RegimeData.from_frame(rows, outcome=outcome, actions=actions, **read)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return InterventionModel(**options).fit(data, **settings)

    return fit


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """Three channels with continuous spends, 200 rows in each standard regime."""
    world = media_mix(3, seed=1)
    return world.sample_regimes(world.standard_regimes(200), seed=1)


@pytest.fixture(scope="session")
def fit(rows: pd.DataFrame, quick_fit: QuickFit) -> Fit:
    """The default model, a learned graph."""
    return quick_fit(rows, CHANNELS, "sales")


@pytest.fixture(scope="session")
def middle(rows: pd.DataFrame) -> pd.DataFrame:
    """Three joint queries well inside the tested ranges."""
    return rows[CHANNELS].quantile([0.3, 0.5, 0.7]).reset_index(drop=True)
