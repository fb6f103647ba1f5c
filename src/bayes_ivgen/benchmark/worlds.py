"""From a cell to the world, its rows and the truth that methods are scored against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bayes_ivgen.baselines import Experiment
from bayes_ivgen.benchmark.cells import Cell
from bayes_ivgen.simulate import SCM, DiscreteSCM, discrete, linear_lognormal, media_mix, polynomial

FloatArray = npt.NDArray[np.float64]

DIALS = ("synergy", "shared_confounder", "support_gap", "soft")
ROWS_SEED, QUERIES_SEED, JOINT_SEED = 10_000, 20_000, 30_000
LEVELS = 3


def _strong_edges(n_actions: int, seed: int) -> SCM:
    return linear_lognormal(n_actions, seed, edge_probability=0.25, edge_range=(0.5, 1.5))


def _discrete(n_actions: int, seed: int, **dial: Any) -> SCM:
    return discrete(n_actions, LEVELS, seed, **dial)


WORLDS: Mapping[str, Callable[..., SCM]] = {
    "polynomial": polynomial,
    "lognormal": linear_lognormal,
    "strong-edges": _strong_edges,
    "media-mix": media_mix,
    "discrete": _discrete,
}
"""Families of worlds: callables of the number of actions and the seed."""


@dataclass(frozen=True, eq=False)
class Stage:
    """What the methods see, and what they do not.

    Parameters
    ----------
    experiment : Experiment
        Its first query points are the actions of its fresh rows.
    truth : numpy.ndarray, shape (q,)
        Exact ``E[Y | do(queries)]``.
    edges : frozenset of (str, str)
        The true graph.
    """

    experiment: Experiment
    truth: FloatArray
    edges: frozenset[tuple[str, str]]


def make_stage(cell: Cell) -> Stage:
    """Draw the world and all rows of a cell."""
    dial = {} if cell.dial == "none" else {cell.dial: cell.dial_value}
    world = WORLDS[cell.scm](cell.K, cell.seed, **dial)
    ideal = replace(world, soft=0.0) if isinstance(world, DiscreteSCM) and world.soft else world
    joint = f"do({','.join(world.actions)})"
    test = ideal.sample(cell.queries, joint, cell.seed + QUERIES_SEED)
    queries = test[list(world.actions)].to_numpy()
    experiment = Experiment(
        actions=world.actions,
        outcome=world.outcome,
        rows=world.sample_regimes(cell.counts(world.actions), cell.seed + ROWS_SEED),
        joint_rows=ideal.sample_regimes({joint: cell.joint_rows}, cell.seed + JOINT_SEED),
        queries=queries,
        fresh=test.head(cell.fresh),
        seed=cell.seed,
    )
    edges = frozenset((parent, child) for child, parents in world.parents.items() for parent in parents)
    return Stage(experiment, ideal.effect(queries), edges)
