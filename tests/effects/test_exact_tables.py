"""Exact tables of a population, as weights: every joint and mixed effect is found to about four digits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.simulate import discrete
from bayes_ivgen.simulate.finite import DiscreteSCM

QuickFit = Callable[..., Fit]
LABELS = np.array(["x", "y", "z"], dtype=object)
POPULATION = 1e9


def binary(seed: int) -> DiscreteSCM:
    """Three actions and confounders with three levels; Y is 0 or 1."""
    world = discrete(3, 3, seed=seed)
    mean = world.outcome_mean
    return dataclasses.replace(world, outcome_mean=(mean - mean.min()) / np.ptp(mean), outcome_sd=None)


def population(world: DiscreteSCM) -> pd.DataFrame:
    """One row a cell of (A, Y) and regime; ``n`` is its exact number of rows in a large population."""
    parts = []
    for regime in ("obs", "do(a1)", "do(a2)", "do(a3)"):
        law = world.law(regime)
        for y in (0.0, 1.0):
            share = law["probability"] * (law["mean"] if y else 1 - law["mean"])
            parts.append(law[["a1", "a2", "a3"]].assign(y=y, n=POPULATION * share, regime=regime))
    table = pd.concat(parts)
    return table[table["n"] > 0]


def with_labels(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: LABELS[table[name].astype(int)] for name in ("a1", "a2", "a3")})


@pytest.mark.parametrize("seed", [1, 2])  # a chain, and an action with two parents
def test_every_cell_is_found(seed: int) -> None:
    world = binary(seed)
    assert max(len(parents) for parents in world.parents.values()) == seed
    rows = with_labels(population(world))
    data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2", "a3"], weights="n")
    model = InterventionModel(graph=ActionGraph(world.parents))
    fit = model.fit(data, draws=100, chains=2, seed=0, cores=1, progressbar=False)
    cells = np.indices((3, 3, 3)).reshape(3, -1).T
    queries = pd.DataFrame(LABELS[cells], columns=["a1", "a2", "a3"])
    for chosen in (["a1", "a2", "a3"], ["a1"], ["a2"], ["a3"], ["a1", "a3"], []):
        rest = [name for name in queries.columns if name not in chosen]
        table = fit.effect(do=queries[chosen] if chosen else {}, given=queries[rest] if rest else {}).summary()
        truth = world.effect(cells.astype(float), do=chosen)
        # What is left is the noise of 1e9 rows. Mixed effects need every cell of the confounding components.
        assert table["sd"].mean() < 2e-4
        assert np.abs((table["mean"] - truth) / table["sd"]).max() < 4.5
        assert truth.std() > 0.05


@pytest.mark.parametrize("seed", [2])
def test_the_graph_is_learned_from_labels(seed: int) -> None:
    world = binary(seed)
    rows = with_labels(population(world).assign(n=lambda x: x["n"] * 2e4 / POPULATION))
    data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2", "a3"], weights="n")
    graph = InterventionModel().action_graph(data)
    assert {(cause, effect) for cause, effect in graph.edges} == {
        (parent, child) for child, parents in world.parents.items() for parent in parents
    }
