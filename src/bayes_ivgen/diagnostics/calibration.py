"""The free calibration check: one action set, the others left to respond (theory notes, K and L7).

E[Y | do(a_j)] is the plain mean of the outcome in the rows that set j alone, whatever the other actions and
their confounders do. The fit reaches the same quantity through its components and the laws of the other
actions. Both must agree; no assumption enters the first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.diagnostics.bin_errors import errors_of_means
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects import EffectPosterior, parse_queries
from bayes_ivgen.effects.means import means_from
from bayes_ivgen.effects.support import FEW_LEVELS
from bayes_ivgen.errors import NotTestableError, QueryError

BINS = 6
LEAST_ROWS = 5  # of a bin
CURVE_POINTS = 24
MOST_SHARED = 0.5  # of the variance of a bin's mean that counts as explained by the fit
THRESHOLD = 0.01


def calibration_check(
    posterior: EffectPosterior, data: RegimeData, action: str, *, held_out: bool = False
) -> CheckResult:
    r"""Compare the fit's respond effect of one action with the rows that set this action alone.

    The rows of do(j) fall into bins i of a_j, or its levels if they are few. With d_i the mean outcome of a bin
    minus the mean of the fit's E[Y | do(a_j)] over the same rows (with covariates, of E[Y | do(a_j), x]),

        Q = d' W^-1 d,   compared with chi-squared with one degree of freedom a bin.

    Let S hold the squared errors of the bins' means (`errors_of_means`) and V the posterior covariance of the fit's
    means. For rows that the fit has not seen W = S + V. For its own rows d varies less than S, by V if the fit were
    efficient (Hausman 1978); priors make it a little less so, hence W = S - V with at least half of S left.

    Parameters
    ----------
    posterior : EffectPosterior
        ``fit.effects``.
    data : RegimeData
        The data of the fit, or with ``held_out=True`` new rows of the same world.
    action : str
        The action; the data must hold rows that set it alone.
    held_out : bool
        Whether the fit has not seen these rows.

    Returns
    -------
    CheckResult
        ``table`` has one row a bin: ``low``, ``high``, ``rows``, ``observed``, ``fit``, ``difference``, ``sd``, ``z``.

    Raises
    ------
    QueryError
        If the action is unknown, or the data do not hold rows that set it alone.
    NotTestableError
        If no bin has five rows, or the outcome does not vary inside them.
    """
    rows = _rows_of(posterior, data, action)
    values, outcome = rows[:, data.index(action)], rows[:, -1]
    label = _bins(values)
    kept = _kept(action, label)
    means = _means_at(posterior, action, rows[:, :-1])
    summaries, draws = [], []
    for i in kept:
        inside = label == i
        draws.append(means(inside))
        summaries.append((values[inside].min(), values[inside].max(), inside.sum(), outcome[inside].mean()))
    table = pd.DataFrame(summaries, columns=["low", "high", "rows", "observed"])
    error = errors_of_means([outcome[label == i] for i in kept])
    if not error.all():
        raise NotTestableError(
            f"calibration of do({action}) cannot be tested: the outcome does not vary at all within groups of its "
            f"rows, so their means have no standard error. Add rows of do({action}) until the outcome varies."
        )
    covariance = _covariance(error, np.atleast_2d(np.cov(np.array(draws))), held_out)
    table["fit"] = np.mean(draws, axis=1)
    table["difference"] = table["observed"] - table["fit"]
    table["sd"] = np.sqrt(np.diag(covariance))
    table["z"] = table["difference"] / table["sd"]
    difference = table["difference"].to_numpy()
    statistic = float(difference @ np.linalg.solve(covariance, difference))
    p_value = float(stats.chi2.sf(statistic, len(table)))
    worst = int(np.argmax(np.abs(table["z"].to_numpy())))
    return CheckResult(
        name=f"Calibration of do({action})",
        passed=p_value >= THRESHOLD,
        statistic=statistic,
        p_value=p_value,
        threshold=THRESHOLD,
        table=table,
        finding=_finding(action, table.iloc[[worst]].to_dict("records")[0], len(values)),
        advice=(
            "An edge that the graph lacks, confounders that actions share, or a shape that the bases cannot follow "
            "can cause it: look at fit.graph, try graph='full', and do not trust joint effects before it passes."
        ),
    )


def _covariance(error: FloatArray, posterior: FloatArray, held_out: bool) -> FloatArray:
    """W: S + V, or S - V with the eigenvalues of S^-1/2 V S^-1/2 bounded by `MOST_SHARED`."""
    if held_out:
        return np.asarray(np.diag(error**2) + posterior)
    values, vectors = np.linalg.eigh(posterior / np.outer(error, error))
    left = 1 - np.minimum(values, MOST_SHARED)
    return np.asarray((vectors * left) @ vectors.T * np.outer(error, error))


def _finding(action: str, worst: dict[Hashable, Any], rows: int) -> str:
    return (
        f"the fit's effect of {action} with the others left to respond, against the mean outcome of {rows:,} rows of "
        f"do({action}), differs by up to {abs(worst['z']):.1f} standard deviations ({worst['fit']:.4g} against "
        f"{worst['observed']:.4g} at {action} from {worst['low']:.4g} to {worst['high']:.4g})"
    )


def _rows_of(posterior: EffectPosterior, data: RegimeData, action: str) -> FloatArray:
    if action not in posterior.actions:
        raise QueryError(f"{action!r} is not an action. The actions are {list(posterior.actions)}.")
    require_same_columns(posterior, data)
    profile = data.profiles.get(Regime((action,)))
    if profile is None or profile.rows < LEAST_ROWS:
        have = ", ".join(f"{regime.label} ({item.rows} rows)" for regime, item in data.profiles.items())
        raise QueryError(
            f"the check needs {LEAST_ROWS} rows or more of do({action}); the data hold {have}. Pick an action that "
            "was set alone, or pass data with such rows."
        )
    return profile.sample


def _bins(values: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    levels, which = np.unique(values, return_inverse=True)
    if len(levels) <= FEW_LEVELS:
        return which
    return np.searchsorted(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]), values)


def _kept(action: str, label: np.ndarray[tuple[int], np.dtype[np.intp]]) -> NDArray[np.intp]:
    """Return the bins with enough rows for a mean and its error."""
    counts = np.bincount(label)
    if counts.max() < LEAST_ROWS:
        most = f"{counts.max()} {'row' if counts.max() == 1 else 'rows'}"
        raise NotTestableError(
            f"calibration of do({action}) cannot be tested: its {len(label)} rows fall into {len(counts)} groups of "
            f"{most} at most, and a mean needs {LEAST_ROWS} or more. Add rows of do({action}): {LEAST_ROWS} at each "
            f"value, or {LEAST_ROWS * BINS} in all if values differ."
        )
    return np.flatnonzero(counts >= LEAST_ROWS)


def _means_at(posterior: EffectPosterior, action: str, rows: FloatArray) -> Callable[[NDArray[np.bool_]], FloatArray]:
    """Return a function: draws of the fit's mean over some of the rows (n, V) of do(j), shape (draws,)."""
    values = rows[:, posterior.actions.index(action)]
    covariates = posterior.design.structure.covariates
    if not covariates:  # a curve, linear between its nodes
        nodes = np.unique(values)
        if len(nodes) > CURVE_POINTS:
            nodes = np.unique(np.quantile(values, np.linspace(0, 1, CURVE_POINTS)))
        queries = parse_queries(posterior.actions, {action: nodes}, rest="respond")
        curve = posterior.effect(queries, extrapolate=True).draws.values.reshape(-1, len(nodes))
        weights = np.stack([np.interp(values, nodes, unit) for unit in np.eye(len(nodes))])
        return lambda inside: np.asarray(curve @ weights[:, inside].mean(axis=1))
    posterior.require_level(Regime((action,)))
    queries = parse_queries(posterior.actions, {action: values[:1]}, rest="respond", covariate_names=covariates)
    # Sorted by x, then by a_j: particles that start from neighbours cover both evenly.
    order = np.lexsort([values, *rows[:, len(posterior.actions) :].T[::-1]])

    def means(inside: NDArray[np.bool_]) -> FloatArray:
        return means_from(posterior, queries, rows[order][inside[order]]).ravel()

    return means
