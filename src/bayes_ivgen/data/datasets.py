"""Several data sets of one regime: which offsets the rows can tell from the levels of the regimes.

With one offset delta_d for each data set d, sum_d delta_d = 0, a row of regime R in data set d has the level
(1, R, delta_d). An offset is *separable* if its column is a combination of the columns of the regimes at hand
in the data sets in which they ran; else a shift of the data set and a change of the levels are the same thing
to the rows, and the prior of the offsets decides (theory notes A, stability).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_ivgen.data.factors import plain_label
from bayes_ivgen.data.labels import Label, listed
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError, DataWarning

DATASET = "dataset"
_TOLERANCE = 1e-9


def label_of(key: str | Regime) -> str:
    """Label of a regime that is given by itself or by its label."""
    return key.label if isinstance(key, Regime) else key


def dataset_of_frames(dataset: Any, frames: Mapping[str | Regime, Any]) -> dict[str, Label]:
    """Return the data set of each frame by its regime label; empty where a column says it or there are none.

    Raises
    ------
    DataError
        If the mapping does not name exactly the frames, or a label is not text, a number or a boolean.
    """
    if dataset is None or isinstance(dataset, str):
        return {}
    if not isinstance(dataset, Mapping):
        raise DataError(
            f"dataset is a {type(dataset).__name__}; pass the name of a column, or a mapping of regime labels to data "
            "sets such as {'obs': '2023', 'do(a)': '2024'}."
        )
    given = {label_of(key): plain_label(value) for key, value in dataset.items()}
    wanted = [label_of(key) for key in frames]
    if set(given) != set(wanted):
        raise DataError(
            f"dataset names the regimes {list(given)}, but there are frames of {wanted}; give one data set for each."
        )
    wrong = next((label for label in given.values() if not isinstance(label, Label)), None)
    if wrong is not None:
        raise DataError(f"dataset holds {wrong!r}; labels of data sets must be text, numbers or booleans.")
    return given


def unseparable(weights: Mapping[Regime, FloatArray], actions: Sequence[str]) -> list[int]:
    """Codes of the data sets whose offset the rows cannot tell from the levels of the regimes.

    Parameters
    ----------
    weights : mapping of Regime to ndarray
        Sum of the weights of the rows in each data set.
    actions : sequence of str
        All actions.
    """
    n = max(len(found) for found in weights.values())
    offsets = np.eye(n) - 1.0 / n
    rows = [
        [1.0, *(float(regime.sets(action)) for action in actions), *offsets[d]]
        for regime, found in weights.items()
        for d in np.flatnonzero(found)
    ]
    matrix = np.array(rows)
    targets = np.concatenate([np.zeros((n, 1 + len(actions))), offsets], axis=1)
    projected = targets @ np.linalg.pinv(matrix) @ matrix
    return [d for d in range(n) if np.abs(projected[d] - targets[d]).max() > _TOLERANCE]


def warn_if_unseparable(
    weights: Mapping[Regime, FloatArray], actions: Sequence[str], datasets: Sequence[Label]
) -> None:
    """Issue a `DataWarning` that names the data sets whose offset only the prior can tell from levels."""
    codes = unseparable(weights, actions)
    if not codes:
        return
    names = [datasets[d] for d in codes]
    inside = {datasets[d]: [r.label for r, found in weights.items() if d < len(found) and found[d] > 0] for d in codes}
    where = "; ".join(f"{name!r} has {', '.join(regimes)}" for name, regimes in inside.items())
    warnings.warn(
        f"the offsets of the data sets {listed(names)} cannot be told from the levels of the regimes by the rows "
        f"({where}): the prior decides how much of a difference is drift between data sets and how much confounding. "
        "Add rows of a regime of another data set, best observational ones, to each of them, or leave out dataset= "
        "if nothing drifts.",
        DataWarning,
        stacklevel=3,
    )
