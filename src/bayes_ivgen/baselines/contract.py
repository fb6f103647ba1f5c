"""What a method may see, and what it answers: one signature for every competitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Experiment:
    """Everything that a method may see of a world.

    Parameters
    ----------
    actions : tuple of str
        Names of the K actions.
    outcome : str
        Name of the outcome.
    rows : pandas.DataFrame
        Observational and single-intervention rows: one column an action, the outcome, and ``regime`` with
        the labels ``"obs"`` and ``"do(name)"``.
    joint_rows : pandas.DataFrame
        As many rows in which all actions were randomised jointly, with the same columns. Toplines alone may
        use them.
    queries : numpy.ndarray, shape (q, K)
        Joint query points, columns in the order of `actions`.
    fresh : pandas.DataFrame
        Jointly randomised rows whose outcome is to be predicted; a method reads the columns of the actions
        and nothing else.
    seed : int
        Seed of the method's own random numbers.
    """

    actions: tuple[str, ...]
    outcome: str
    rows: pd.DataFrame
    joint_rows: pd.DataFrame
    queries: FloatArray
    fresh: pd.DataFrame
    seed: int


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a method answers.

    Parameters
    ----------
    mean : numpy.ndarray, shape (q,)
        Estimate of ``E[Y | do(queries)]``.
    effect_draws : numpy.ndarray, shape (draw, q), optional
        Draws of the effect, from methods that know their own uncertainty.
    outcome_draws : numpy.ndarray, shape (draw, rows of fresh), optional
        Draws of the outcome of `Experiment.fresh`.
    edges : tuple of (str, str), optional
        Learned graph, as pairs of cause and effect.
    """

    mean: FloatArray
    effect_draws: FloatArray | None = None
    outcome_draws: FloatArray | None = None
    edges: tuple[tuple[str, str], ...] | None = None


Method = Callable[[Experiment], Prediction]
"""A competitor: a plain callable that sees the experiment and nothing of the truth."""
