"""Scores of a prediction against the truth."""

from __future__ import annotations

from math import nan

import numpy as np
import numpy.typing as npt

from bayes_ivgen.baselines import Prediction
from bayes_ivgen.benchmark.worlds import Stage
from bayes_ivgen.errors import BenchmarkError

FloatArray = npt.NDArray[np.float64]

COVERAGES = (0.5, 0.9, 0.95)
METRICS = (
    "excess",
    "rmse",
    "sd_truth",
    "coverage_50",
    "coverage_90",
    "coverage_95",
    "crps",
    "outcome_90",
    "edges_found",
    "edges_false",
    "seconds",
)
"""All scores, in the order of the table; NaN where a method does not answer."""


def score(prediction: Prediction, stage: Stage) -> dict[str, float]:
    """Score a prediction; see `METRICS`, without ``seconds``.

    Returns
    -------
    dict of str to float
        ``excess`` is the root mean square of the prediction minus the exact ``E[Y | do(a)]``, ``rmse`` the
        same against noisy outcomes of fresh joint rows, ``sd_truth`` the standard deviation of the exact
        effects, ``coverage_*`` the share of exact effects inside the interval, ``outcome_90`` that of
        fresh outcomes, ``edges_found`` and ``edges_false`` the true and false positive rates of the graph.

    Raises
    ------
    BenchmarkError
        If an array has another shape than the contract says, or is not finite.
    """
    q, n = len(stage.truth), len(stage.experiment.fresh)
    mean = _checked(prediction.mean, "mean", (q,))
    y = stage.experiment.fresh[stage.experiment.outcome].to_numpy(dtype=float)
    scores = {"excess": rms(mean - stage.truth), "rmse": rms(mean[:n] - y), "sd_truth": float(stage.truth.std())}
    effect = None
    if prediction.effect_draws is not None:
        effect = _checked(prediction.effect_draws, "effect_draws", (None, q))
    for prob in COVERAGES:
        scores[f"coverage_{100 * prob:.0f}"] = nan if effect is None else coverage(effect, stage.truth, prob)
    scores |= {"crps": nan, "outcome_90": nan}
    if prediction.outcome_draws is not None:
        outcome = _checked(prediction.outcome_draws, "outcome_draws", (None, n))
        scores |= {"crps": crps(outcome, y), "outcome_90": coverage(outcome, y, 0.9)}
    return scores | graph_rates(prediction.edges, stage.edges, stage.experiment.actions)


def rms(error: FloatArray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(error**2)))


def coverage(draws: FloatArray, values: FloatArray, prob: float) -> float:
    """Share of `values`, shape (q,), inside the central interval of `draws`, shape (draw, q)."""
    low, high = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
    return float(np.mean((low <= values) & (values <= high)))


def crps(draws: FloatArray, observed: FloatArray) -> float:
    """Continuous ranked probability score, ``E|X - y| - E|X - X'| / 2`` averaged over rows.

    Parameters
    ----------
    draws : numpy.ndarray, shape (draw, row)
    observed : numpy.ndarray, shape (row,)
    """
    n = len(draws)
    spread = (2 * np.arange(1, n + 1) - n - 1) @ np.sort(draws, axis=0) / n**2
    return float(np.mean(np.abs(draws - observed).mean(axis=0) - spread))


def graph_rates(
    edges: tuple[tuple[str, str], ...] | None, true: frozenset[tuple[str, str]], actions: tuple[str, ...]
) -> dict[str, float]:
    """Share of true edges that were found, and false ones divided by the pairs without an edge."""
    if edges is None:
        return {"edges_found": nan, "edges_false": nan}
    found, k = set(edges), len(actions)
    absent = k * (k - 1) // 2 - len(true)
    return {
        "edges_found": len(found & true) / len(true) if true else nan,
        "edges_false": len(found - true) / absent if absent else nan,
    }


def _checked(values: FloatArray, name: str, shape: tuple[int | None, ...]) -> FloatArray:
    array = np.asarray(values, dtype=float)
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("draws" if want is None else str(want) for want in shape)
        raise BenchmarkError(f"{name} must have shape ({wanted}). Got {array.shape}; see the contract, Prediction.")
    if not np.isfinite(array).all():
        raise BenchmarkError(f"{name} has entries that are not finite; a method must answer with numbers.")
    return array
