"""Worlds with a covariate by enumeration (theory T9): x is an action that nobody ever sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from bayes_ivgen.simulate import DiscreteSCM, discrete

Kind = Literal["independent", "mover", "correlated", "separable"]
LEVELS = 3
PAIR = ["a1", "a2"]


def covariate_world(kind: Kind, seed: int, *, edge: bool = False) -> DiscreteSCM:
    """Worlds in which x moves both actions, and with `edge` a1 drives a2.

    independent: C does not depend on x. mover: neither does Y. correlated: x predicts both C, so that
    the effects of the actions depend on it. separable: the same with f_k(a, c) = m(a) + l(c).
    """
    rng = np.random.default_rng(seed)
    follows = kind in ("correlated", "separable")
    x_law = np.array([0.6, 0.4])
    laws = [0.2 / LEVELS + 0.8 * rng.dirichlet(np.ones(LEVELS), 2) for _ in PAIR]
    if not follows:
        laws = [np.repeat(law[:1], 2, axis=0) for law in laws]
    functions = [rng.normal(size=(LEVELS, LEVELS)) for _ in PAIR]
    if kind == "separable":
        functions = [f[:, :1] + f[:1, :] for f in functions]
    trend = np.zeros(2) if kind == "mover" else rng.normal(size=2)
    mean = (
        functions[0][:, None, None, :, None, None]
        + functions[1][None, :, None, None, :, None]
        + trend[None, None, :, None, None, None]
        + np.zeros((LEVELS, LEVELS, 2, LEVELS, LEVELS, 2))
    )
    return DiscreteSCM(
        actions=(*PAIR, "x"),
        outcome="y",
        parents={"a1": ("x",), "a2": ("a1", "x") if edge else ("x",), "x": ()},
        seed=seed,
        mechanisms=(
            _mechanism((2,), rng),
            _mechanism((LEVELS, 2) if edge else (2,), rng),
            np.arange(2)[:, None],
        ),
        confounder_law=np.einsum("x,xi,xj->ijx", x_law, *laws),
        noise_law=np.einsum("i,j,k->ijk", *[np.array([0.6, *[0.4 / LEVELS] * LEVELS])] * 2, np.ones(1)),
        outcome_mean=mean,
        outcome_sd=0.5,
    )


def cells() -> pd.DataFrame:
    """Every combination of the actions and x."""
    grid = np.indices((LEVELS, LEVELS, 2)).reshape(3, -1).T.astype(float)
    return pd.DataFrame(grid, columns=[*PAIR, "x"])


def driven_world(seed: int, levels: int = 2, edge_probability: float = 0.8) -> DiscreteSCM:
    """A discrete world of four variables of which the causally first is x; the others are actions, in their order."""
    world = discrete(4, levels, seed=seed, edge_probability=edge_probability)
    causes = [name for name in world.actions if not world.parents[name]]
    first = max(causes, key=lambda name: sum(name in parents for parents in world.parents.values()))
    new = {name: "x" if name == first else name for name in world.actions}
    parents = {new[name]: tuple(new[parent] for parent in found) for name, found in world.parents.items()}
    return replace(world, actions=tuple(new.values()), parents=parents)


def _mechanism(parents: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """With V = 0 the action follows its confounder, shifted by its parents; else it is free."""
    shift = np.stack([rng.permutation(LEVELS)[:2] for _ in range(int(np.prod(parents)) // 2)]).reshape(parents)
    # different along x, so that it matters
    follows = (shift[..., None] + np.arange(LEVELS)) % LEVELS
    free = np.broadcast_to(np.arange(LEVELS), (*parents, LEVELS, LEVELS))
    return np.concatenate([follows[..., None], free], axis=-1)
