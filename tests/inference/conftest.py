"""Small problems for the samplers, and the Monte-Carlo error of their draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from arviz_stats.base import array_stats

from bayes_ivgen.data import RegimeData
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model.design import Design, indicators
from bayes_ivgen.model.pymc_model import collect_rows
from bayes_ivgen.statistics import SufficientStatistics, accumulate

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def _problem(data: RegimeData, model: InterventionModel) -> GibbsProblem:
    design = model.design(data)
    index, names = model.sigma_groups([regime.label for regime in data.regimes])
    grouped = accumulate(data, design).grouped(index, len(names))
    statistics = SufficientStatistics(names, grouped.rows, grouped.gram, grouped.cross, grouped.squares)
    return GibbsProblem(design, statistics, model.prior_table())


def _rows(data: RegimeData, design: Design) -> Rows:
    actions, outcome, regime = collect_rows(data)
    x = design.rows(actions, indicators(data.regimes, data.actions)[regime])
    return x, (outcome - design.outcome_mean) / design.outcome_sd, regime


def _moments(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    sd = draws.std(axis=(0, 1))
    error = sd / np.sqrt(array_stats.ess(draws, chain_axis=0, draw_axis=1, method="mean"))
    error_of_sd = np.asarray(array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="sd"))
    return draws.mean(axis=(0, 1)), error, sd, error_of_sd


@pytest.fixture(scope="session")
def problem_of() -> Callable[[RegimeData, InterventionModel], GibbsProblem]:
    """Return a function that builds what the samplers get."""
    return _problem


@pytest.fixture(scope="session")
def rows_of() -> Callable[[RegimeData, Design], Rows]:
    """Return a function that gives X, the scaled y and the number of the regime of every row."""
    return _rows


@pytest.fixture(scope="session")
def moments() -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """Return a function: mean, its Monte-Carlo error, sd, its error; draws have dims (chain, draw, n)."""
    return _moments
