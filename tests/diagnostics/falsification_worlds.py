"""Discrete worlds for the checks: rows with labels, so that all functions of few levels can be fitted exactly."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import IvgenWarning
from bayes_ivgen.simulate import DiscreteSCM, discrete


def with_pair_term(world: DiscreteSCM, size: float, pair: tuple[int, int] = (0, 1), seed: int = 0) -> DiscreteSCM:
    """Add size * g(C_j, C_k), g with N(0, 1) entries: confounders of two actions interact."""
    n = len(world.actions)
    shape = [1] * (2 * n)
    for k in pair:
        shape[n + k] = world.confounder_law.shape[k]
    term = np.random.default_rng(seed).standard_normal([world.confounder_law.shape[k] for k in pair])
    return replace(world, outcome_mean=world.outcome_mean + size * term.reshape(shape))


def rows_of(world: DiscreteSCM, n: int, seed: int, *more: str) -> RegimeData:
    frame = world.sample_regimes({**world.standard_regimes(n), **dict.fromkeys(more, n)}, seed=seed)
    for name in world.actions:
        frame[name] = np.array(list("abc"))[frame[name].astype(int)]
    return RegimeData.from_frame(frame, outcome="y", actions=world.actions)


def finite(n: int, seed: int, *more: str, world: int = 200, actions: int = 3, **violation: float) -> Any:
    """Rows and the true graph."""
    drawn = discrete(actions, 3, seed=world, edge_probability=1.0, **violation)
    return rows_of(drawn, n, seed, *more), ActionGraph(drawn.parents)


def fitted(data: RegimeData, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IvgenWarning)
        return InterventionModel(**options).fit(data, draws=100, chains=2, tune=100, cores=1, seed=0)
