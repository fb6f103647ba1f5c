"""Marginal likelihood of a Gaussian model from its sufficient statistics, the scales at their maximum.

With y ~ N(X beta, sigma^2), beta_g ~ N(0, tau_g^2) for each group of columns and D = diag(1 / tau^2),

    log p(y | tau, sigma) = -n log sigma - n log(2 pi) / 2 - y'y / (2 sigma^2)
                            + log|D| / 2 - log|A| / 2 + h' A^-1 h / 2,
    A = X'X / sigma^2 + D,   h = X'y / sigma^2.

It is maximised over log tau and log sigma together with a half-Cauchy prior of tau (type II maximum likelihood,
MacKay 1992): models with the same groups are compared at their own best scales.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from bayes_ivgen.basis.base import FloatArray

PRIOR_SCALE = 0.1  # of the half-Cauchy prior of tau, in sd(y), as in the model
FLAT = 1.0 / 25.0  # prior precision of columns without a group
REACH = 12.0  # of log scales
STOP: Any = {"ftol": 1e-8, "gtol": 1e-3}  # a few thousandths of a log unit


class Evidence(NamedTuple):
    """Largest log evidence, and the log scales at which it is reached: those of the groups, then log sigma."""

    value: float
    scales: FloatArray


def log_evidence(
    gram: FloatArray, cross: FloatArray, squares: float, rows: float, groups: NDArray[np.intp], scales: FloatArray
) -> tuple[float, FloatArray]:
    """Log evidence at given log scales, without the prior of the scales, and its gradient.

    Parameters
    ----------
    gram, cross, squares, rows
        X'X of shape (P, P), X'y of shape (P,), y'y and n.
    groups : ndarray of shape (P,)
        Group of each column, -1 for columns with the flat prior.
    scales : ndarray of shape (G + 1,)
        log tau of each group, then log sigma.
    """
    tau, weight = np.exp(scales[:-1]), np.exp(-2 * scales[-1])
    member = groups >= 0
    diagonal = np.where(member, np.append(tau**-2, FLAT)[groups], FLAT)
    a = gram * weight
    a[np.diag_indices_from(a)] += diagonal
    factor = cholesky(a, lower=True, check_finite=False)
    mean = cho_solve((factor, True), cross * weight, check_finite=False)
    half_inverse, _ = dpotri(factor, lower=1)
    inverse = np.tril(half_inverse) + np.tril(half_inverse, -1).T
    value = (
        -rows * (scales[-1] + 0.5 * np.log(2 * np.pi))
        - 0.5 * squares * weight
        + 0.5 * np.log(diagonal).sum()
        - np.log(np.diag(factor)).sum()
        + 0.5 * weight * cross @ mean
    )
    second = np.diag(inverse) + mean**2
    gradient = np.empty(len(scales))
    sums = np.bincount(groups[member], second[member], len(tau))
    gradient[:-1] = -np.bincount(groups[member], minlength=len(tau)) + sums / tau**2
    # Expected squared residuals: E|y - X beta|^2 over the posterior of beta.
    residual = squares - 2 * mean @ cross + mean @ gram @ mean + np.sum(inverse * gram)
    gradient[-1] = -rows + residual * weight
    return float(value), gradient


def maximal_evidence(
    gram: FloatArray,
    cross: FloatArray,
    squares: float,
    rows: float,
    groups: NDArray[np.intp],
    start: FloatArray | None = None,
) -> Evidence:
    """Maximise log evidence plus log prior over the scales; see `log_evidence` for the arguments.

    `start` are log scales of a similar model.
    """
    n_groups = int(groups.max(initial=-1)) + 1
    initial = np.append(np.full(n_groups, np.log(PRIOR_SCALE)), np.log(0.7)) if start is None else start

    def loss(scales: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = log_evidence(gram, cross, squares, rows, groups, scales)
        ratio = np.exp(2 * (scales[:-1] - np.log(PRIOR_SCALE)))
        # Density of log tau under the half-Cauchy prior of tau.
        value += float(np.sum(scales[:-1] - np.log1p(ratio)))
        gradient[:-1] += 1.0 - 2.0 * ratio / (1.0 + ratio)
        return -value, -gradient

    bounds = [(-REACH, REACH / 2)] * len(initial)
    found = minimize(
        loss, np.clip(initial, -REACH, REACH / 2), jac=True, method="L-BFGS-B", bounds=bounds, options=STOP
    )
    return Evidence(-float(found.fun), np.asarray(found.x))
