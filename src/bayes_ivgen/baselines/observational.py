"""Reading effects off the observational rows."""

from __future__ import annotations

from bayes_ivgen.baselines._ridge import fit_ridge, predict, regime_rows
from bayes_ivgen.baselines.contract import Experiment, Prediction


def observational(experiment: Experiment, degree: int = 3) -> Prediction:
    """``E[Y | a]`` of the observational rows in place of ``E[Y | do(a)]``: biased by confounding.

    Raises
    ------
    DataError
        If there are no observational rows, or too few.
    """
    return predict(experiment, [fit_ridge(experiment, regime_rows(experiment), degree)])
