"""How much of the prior is left in an answer (docs/theory/support.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.model import Design
from bayes_ivgen.model.components import TermType

DRAWS = 400  # that a variance is computed from
LEAST_PRIOR_SD = 0.05  # in standard deviations of the outcome: below it a share would be of nearly nothing


def level_columns(design: Design) -> NDArray[np.intp]:
    """Return the intercept and the levels of confounding: what the regimes identify, or not, whatever the values."""
    levels = [design.slices[term.name].start for term in design.terms if term.type is TermType.LEVEL]
    return np.array([0, *levels], dtype=np.intp)


def prior_shares(
    rows: FloatArray, design: Design, coefficients: FloatArray, tau: FloatArray, row_worth: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Posterior variance of the functions of each query over their prior variance, and the posterior deviation.

    Parameters
    ----------
    rows : ndarray of shape (q, P)
        Design rows of the queries, or differences of two.
    design : Design
        Says which columns share a scale and which are levels; these are left out.
    coefficients : ndarray of shape (chain, draw, P)
        Draws.
    tau : ndarray of shape (chain, draw, terms)
        Draws of the scales of the terms.
    row_worth : float
        How many independent rows each row counts as: variances of `coefficients` are over this. With the share p
        that independent rows would leave it is p / (p + row_worth (1 - p)).

    Returns
    -------
    share, sd : ndarray of shape (q,)
        Var[r'beta | y] / median Var[r'beta | tau], at most one, NaN where the denominator is nearly zero (at the mean
        of a curve, or of a difference of near-identical queries): there the prior knows already; and the root of the
        numerator in standard deviations of the outcome.
    """
    stride = max(1, coefficients.shape[0] * coefficients.shape[1] // DRAWS)
    rows = rows.copy()
    rows[:, level_columns(design)] = 0.0
    used = np.flatnonzero(rows.any(axis=0))
    if not len(used):
        return np.full(len(rows), np.nan), np.zeros(len(rows))
    beta = coefficients.reshape(-1, coefficients.shape[2])[::stride, used]
    posterior = np.var(rows[:, used] @ beta.T, axis=1)
    term = design.term_index[used - 1]
    squares = (rows[:, used] ** 2) @ np.eye(len(design.terms))[term]
    prior = np.median(squares @ (tau.reshape(-1, tau.shape[2])[::stride] ** 2).T, axis=1)
    share = np.full(len(rows), np.nan)
    np.divide(row_worth * posterior, prior, out=share, where=prior >= LEAST_PRIOR_SD**2)
    share = np.minimum(share, 1.0)
    return share / (share + row_worth * (1.0 - share)), np.sqrt(posterior)
