"""What a fit finds where there is nothing: confounding between halves of one regime."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from bayes_ivgen.data import Regime
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.effects.support import FEW_LEVELS

NODES = 5
THRESHOLD = 0.01


def placebo_result(posterior: EffectPosterior, action: str, source: Regime, rows: int) -> CheckResult:
    r"""Compare c_k, fitted to a regime whose rows were labelled at random as set or not, with zero.

    d' V^-1 d with posterior mean d and covariance V of c_k at quantiles (or levels) of the action, against
    chi-squared. Priors shrink c_k to zero, so that the check complains less often than its threshold says.

    Parameters
    ----------
    posterior : EffectPosterior
        Of the fit to both halves.
    action : str
        The action that was labelled.
    source : Regime
        The regime that all rows are from.
    rows : int
        Their number.

    Returns
    -------
    CheckResult
        ``table`` has one row a value: the action, ``mean``, ``sd``, ``z``.
    """
    column = posterior.observed[:, posterior.actions.index(action)]
    values = np.unique(column)
    if len(values) > FEW_LEVELS:
        values = np.unique(np.quantile(column, np.linspace(0.1, 0.9, NODES)))
    estimate = posterior.confounding_bias(action, values)
    draws = estimate.draws.values.reshape(-1, len(values))
    mean, sd = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    sizes, axes = np.linalg.eigh(np.atleast_2d(np.cov(draws.T)))
    kept = sizes > 1e-6 * sizes.max()
    statistic = float(np.sum((axes[:, kept].T @ mean) ** 2 / sizes[kept]))
    p_value = float(stats.chi2.sf(statistic, int(kept.sum())))
    table = pd.DataFrame({action: estimate.queries[action], "mean": mean, "sd": sd, "z": mean / sd})
    worst = float(np.abs(table["z"]).max())
    return CheckResult(
        name=f"Placebo test of {action}",
        passed=p_value >= THRESHOLD,
        statistic=statistic,
        p_value=p_value,
        threshold=THRESHOLD,
        table=table,
        finding=(
            f"half of the {rows:,} rows of {source.label}, chosen at random, were labelled as a test of {action}, and "
            f"the fit finds confounding of up to {worst:.1f} standard deviations where there is none"
        ),
        advice=(
            "Rows that are not independent of each other, or an outcome with very heavy tails, make intervals too "
            "short; do not trust those of other fits to such rows. Repeat it with other seeds: one in a hundred fails."
        ),
    )
