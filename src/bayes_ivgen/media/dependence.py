"""How many independent rows the weeks of series are worth."""

from __future__ import annotations

import numpy as np

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.series import Steps


def independent_share(residual: FloatArray, unit_of: Steps, step_of: Steps) -> float:
    """Share 1 / (1 + 2 sum_l rho_l n_l / n) of independent rows in rows whose residuals resemble their neighbours'.

    rho_l is the correlation of the n_l pairs of residuals l steps apart in one unit; the sum ends before the first
    below two of its standard errors. It is var(independent) / var(dependent) of the mean of the n rows, whichever are
    missing; what varies fast within series is known better than this says. Differences between units that last are a
    correlation that does not end.

    Parameters
    ----------
    residual : ndarray of shape (n,)
        With mean zero.
    unit_of, step_of : ndarray of int, shape (n,)
        Series and time of each row; rows may be missing.
    """
    table = np.full((int(unit_of.max()) + 1, int(step_of.max()) + 1), np.nan)
    table[unit_of, step_of] = residual
    variance = float(np.mean(residual**2))
    total = 0.0
    for lag in range(1, table.shape[1]):
        products = table[:, lag:] * table[:, :-lag]
        pairs = int(np.isfinite(products).sum())
        if pairs == 0:
            break
        rho = float(np.nanmean(products)) / variance
        if rho < 2 / np.sqrt(pairs):
            break
        total += rho * pairs / len(residual)
    return 1.0 / (1.0 + 2.0 * total)
