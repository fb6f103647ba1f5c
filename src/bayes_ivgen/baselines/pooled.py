"""One regression on all rows, whatever their regime."""

from __future__ import annotations

from bayes_ivgen.baselines._ridge import fit_ridge, predict
from bayes_ivgen.baselines.contract import Experiment, Prediction

MOST_ROWS = 1_000_000
"""More rows than this are thinned at random, for the sake of memory."""


def pooled(experiment: Experiment, degree: int = 3) -> Prediction:
    """Fit one regression to observational and single-intervention rows together.

    Raises
    ------
    DataError
        If there are too few rows.

    Notes
    -----
    This is what the paper's text describes (its third comparison: one naive estimator on the pooled data).
    The authors' code does another thing: it fits a regression to each regime, or to each chunk of 10,000 rows
    of it, adds the predictions and divides by K + 1, which is their average up to 10,000 rows a regime and a
    multiple of it above. So figures of that code under the name "pooled" are not comparable with this one.

    The error of this method is bias, which rows do not mend: thinning to a million rows does not show in it.
    """
    rows = experiment.rows
    if len(rows) > MOST_ROWS:
        rows = rows.sample(MOST_ROWS, random_state=experiment.seed)
    return predict(experiment, [fit_ridge(experiment, rows, degree)])
