"""The regression that may see the joint experiment and knows that actions do not interact."""

from __future__ import annotations

from bayes_ivgen.baselines._ridge import fit_ridge, predict
from bayes_ivgen.baselines.contract import Experiment, Prediction


def additive_joint_topline(experiment: Experiment, degree: int = 3) -> Prediction:
    """Fit powers of single actions, without products, to jointly randomised rows: a harder yardstick.

    Under the paper's equation 9 the joint effect is a sum of functions of one action each, so that leaving
    the products out costs no bias and saves variance.

    Raises
    ------
    DataError
        If there are too few rows.
    """
    return predict(experiment, [fit_ridge(experiment, experiment.joint_rows, degree, additive=True)])
