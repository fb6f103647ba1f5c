"""Competitors of the package's own estimator, one file a method, all of one signature."""

from bayes_ivgen.baselines.contract import Experiment, Method, Prediction

__all__ = ["Experiment", "Method", "Prediction"]
