"""The mean of the outcome, whatever is set."""

from __future__ import annotations

import numpy as np

from bayes_ivgen.baselines.contract import Experiment, Prediction


def constant(experiment: Experiment) -> Prediction:
    """Mean of all observational and single-intervention outcomes; what a method must beat to be of use."""
    return Prediction(np.full(len(experiment.queries), float(experiment.rows[experiment.outcome].mean())))
