"""The regression that may see the joint experiment."""

from __future__ import annotations

from bayes_ivgen.baselines._ridge import fit_ridge, predict
from bayes_ivgen.baselines.contract import Experiment, Prediction


def joint_topline(experiment: Experiment, degree: int = 3) -> Prediction:
    """Fit all monomials to jointly randomised rows: the paper's yardstick, out of reach in practice.

    Raises
    ------
    DataError
        If there are too few rows.
    """
    return predict(experiment, [fit_ridge(experiment, experiment.joint_rows, degree)])
