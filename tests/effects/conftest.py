"""Small fits that the tests of effects share; a fit takes about a second."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import ConvergenceWarning
from bayes_ivgen.simulate import discrete, media_mix

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
    """Three actions with three levels, a1 -> a2 -> a3 or the like, 400 rows in each standard regime."""
    world = discrete(n_actions=3, n_levels=3, seed=1)
    return world.sample_regimes(world.standard_regimes(400), seed=1)


@pytest.fixture(scope="session")
def fit(rows: pd.DataFrame, quick_fit: QuickFit) -> Fit:
    """All regimes, every later action reacts to every earlier one."""
    return quick_fit(rows, ["a1", "a2", "a3"], graph="full")


@pytest.fixture(scope="session")
def media_rows() -> pd.DataFrame:
    """Three channels with continuous spends, 400 rows in each standard regime."""
    world = media_mix(3, seed=1)
    return world.sample_regimes(world.standard_regimes(400), seed=1)


@pytest.fixture(scope="session")
def media_fit(media_rows: pd.DataFrame, quick_fit: QuickFit) -> Fit:
    """All regimes, every later channel reacts to every earlier one."""
    return quick_fit(media_rows, ["tv", "web", "radio"], "sales", graph="full")
