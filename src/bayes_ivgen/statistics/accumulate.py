"""One pass over the rows into sufficient statistics; no row is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.model.design import Design
from bayes_ivgen.statistics.sufficient import SufficientStatistics

BATCH_BYTES = 64 * 2**20


def accumulate(
    data: RegimeData,
    design: Design,
    progress: Callable[[int], None] | None = None,
    variance: Callable[[FloatArray, Regime], FloatArray] | None = None,
) -> SufficientStatistics:
    """Accumulate X'X, X'y, y'y and n of every regime; with weights X'WX, X'Wy, y'Wy and their sum.

    A row with weight w counts as w rows, so that weight two is the row given twice.

    Parameters
    ----------
    data : RegimeData
        Rows in memory or in files; read once, in batches.
    design : Design
        Columns and outcome scale.
    progress : callable, optional
        Called with the number of rows after each batch.
    variance : callable, optional
        Noise variance of rows, up to a factor for each regime. The statistics are then X'WX, X'Wy
        and y'Wy with W = diag(g_r / variance), g_r the geometric mean of the variances of the
        regime: log|W| = 0, so that they enter the likelihood as unweighted ones do.

    Returns
    -------
    SufficientStatistics
        In the order of ``data.regimes``.
    """
    labels = tuple(regime.label for regime in data.regimes)
    total = SufficientStatistics.zeros(labels, design.n_coefficients)
    log_variance = np.zeros(len(labels))
    batch_rows = max(1024, BATCH_BYTES // (8 * design.n_coefficients))
    for batch in data.batches(batch_rows):
        regime, variables, outcome, weights = batch[:4]
        r = labels.index(regime.label)
        active = design.active_columns(regime)
        x = design.regime_rows(variables, regime, batch.dataset)
        y = (outcome - design.outcome_mean) / design.outcome_sd
        if variance is not None:
            v = variance(variables, regime)
            log_variance[r] += np.log(v).sum() if weights is None else weights @ np.log(v)
            x, y = x / np.sqrt(v)[:, None], y / np.sqrt(v)
        if weights is not None:
            x, y = x * np.sqrt(weights)[:, None], y * np.sqrt(weights)
        total.rows[r] += len(y) if weights is None else weights.sum()
        total.gram[r][np.ix_(active, active)] += x.T @ x
        total.cross[r][active] += x.T @ y
        total.squares[r] += y @ y
        if progress is not None:
            progress(len(y))
    scale = np.exp(log_variance / np.where(total.rows > 0, total.rows, 1.0))
    total.gram[...] *= scale[:, None, None]
    total.cross[...] *= scale[:, None]
    total.squares[...] *= scale
    return total
