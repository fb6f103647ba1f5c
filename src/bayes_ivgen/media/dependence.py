"""How many independent rows the weeks of series are worth (docs/theory/carry_over.md, "Dependent rows")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.data.memory import LAGS
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.series import Steps

PROBES = 60  # random signs behind each trace
DETECTED = 2.0  # standard errors by which an autocorrelation must exceed zero

Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


class Fitted(NamedTuple):
    """The fit whose residuals are looked at, and what is asked of it.

    Attributes
    ----------
    columns : ndarray of shape (n, P)
        Design rows, over the noise of each row.
    covariance : ndarray of shape (P, P)
        Posterior covariance of the coefficients.
    asked : ndarray of shape (q, P)
        Answers, as linear functions of the coefficients.
    """

    columns: FloatArray
    covariance: FloatArray
    asked: FloatArray

    def left(self, values: FloatArray) -> FloatArray:
        """Return what a fit to `values` leaves of them: (1 - S) v, S = X C X'; shape (n, ...)."""
        return values - self.columns @ (self.covariance @ (self.columns.T @ values))

    def influence(self) -> FloatArray:
        """Weights of the rows in each answer, (n, q), their squares summing to one.

        The answer q'b = q'C X'y is sum_t a_t y_t with a_t = x_t'C q.
        """
        found = self.columns @ (self.covariance @ self.asked.T)
        found = found[:, found.any(axis=0)]
        return np.asarray(found / np.sqrt((found**2).sum(axis=0)))


def independent_share(residual: FloatArray, unit_of: Steps, step_of: Steps, fitted: Fitted | None = None) -> float:
    """Share of independent rows in rows whose residuals resemble their neighbours': 1 / (1 + 2 sum_l rho_l kappa_l).

    rho_l is the correlation of residuals l steps apart in one unit; the sum ends before the first below two of its
    standard errors. Without `fitted` the question is the mean of the rows, kappa_l = n_l / n with n_l pairs of rows so
    far apart, and differences between units that last are a correlation that does not end. With it kappa_l is the mean
    over answers of sum a_t a_t+l, a the weights of the rows in the answer, and rho_l, at up to 26 steps, is that of
    the noise before the fit took a part of it.

    Parameters
    ----------
    residual : ndarray of shape (n,)
        With mean zero; with `fitted` over the noise of each row.
    unit_of, step_of : ndarray of int, shape (n,)
        Series and time of each row; rows may be missing.
    fitted : Fitted, optional
        Where the residuals are from.
    """
    at = np.full((int(unit_of.max()) + 1, int(step_of.max()) + 1), -1)
    at[unit_of, step_of] = np.arange(len(residual))
    correlations, pairs = _of_residuals(residual, at)
    if fitted is None:
        kappa = [len(earlier) / len(residual) for earlier, _ in pairs]
    else:
        # What the fit took is felt most at long distances: look twice as far.
        pairs = [_pairs(at, lag) for lag in range(1, min(2 * len(pairs) + 3, LAGS + 1, at.shape[1]))]
        pairs = [pair for pair in pairs if len(pair[0])]
        correlations = _before_the_fit(residual, pairs, fitted)
        weights = fitted.influence()
        kappa = [float((weights[a] * weights[b]).sum(axis=0).mean()) if weights.size else 1.0 for a, b in pairs]
    total = 0.0
    for rho, (earlier, _), reach in zip(correlations, pairs, kappa, strict=True):
        if rho < DETECTED / np.sqrt(len(earlier)):
            break
        total += rho * reach
    return 1.0 / (1.0 + 2.0 * max(total, 0.0))


def spread(draws: FloatArray, worth: float) -> FloatArray:
    """Move draws of shape (chain, draw, ...) away from their mean: standard deviations grow by worth^(-1/2)."""
    mean = draws.mean(axis=(0, 1), keepdims=True)
    return np.asarray(mean + (draws - mean) / np.sqrt(worth))


def _pairs(at: NDArray[np.intp], lag: int) -> Pairs:
    """Rows of which the second is `lag` steps after the first in one series."""
    earlier, later = at[:, :-lag], at[:, lag:]
    both = (earlier >= 0) & (later >= 0)
    return earlier[both], later[both]


def _of_residuals(residual: FloatArray, at: NDArray[np.intp]) -> tuple[list[float], list[Pairs]]:
    """Autocorrelations of the residuals as they are, up to the last that is clearly above zero."""
    variance = float(np.mean(residual**2))
    correlations: list[float] = []
    pairs: list[Pairs] = []
    for lag in range(1, at.shape[1]):
        earlier, later = _pairs(at, lag)
        if not len(earlier):
            break
        rho = float(np.mean(residual[earlier] * residual[later])) / variance
        if rho < DETECTED / np.sqrt(len(earlier)):
            break
        correlations.append(rho)
        pairs.append((earlier, later))
    return correlations, pairs


def _before_the_fit(residual: FloatArray, pairs: Sequence[Pairs], fitted: Fitted) -> list[float]:
    """Autocorrelations of noise u with the residuals e = (1 - S) u.

    With B_l the matrix that adds up neighbours l steps away, B_0 = 1, and E[u u'] = sum_l gamma_l B_l,
    E[e'B_h e] = sum_l gamma_l tr(B_h (1 - S) B_l (1 - S)): linear equations for gamma. Traces are means over random
    signs z of z'B_h (1 - S) B_l (1 - S) z - z'B_h B_l z, beside tr(B_h B_l), which is known.
    """

    def neighbours(values: FloatArray, lag: int) -> FloatArray:
        if lag == 0:
            return values
        earlier, later = pairs[lag - 1]
        found = np.zeros_like(values)
        found[later] += values[earlier]
        found[earlier] += values[later]
        return found

    lags = range(len(pairs) + 1)
    signs: FloatArray = np.random.default_rng(0).choice(np.array([-1.0, 1.0]), (len(residual), PROBES))
    left = fitted.left(signs)
    seen = [neighbours(signs, lag) for lag in lags]
    system = np.diag([float(len(residual)), *(2.0 * len(earlier) for earlier, _ in pairs)])
    for lag in lags:
        change = fitted.left(neighbours(left, lag)) - seen[lag]
        system[:, lag] += [float((item * change).sum()) / PROBES for item in seen]
    sums = [float(residual @ neighbours(residual, lag)) for lag in lags]
    gamma = np.linalg.solve(system, sums)
    return [float(value / gamma[0]) for value in gamma[1:]]
