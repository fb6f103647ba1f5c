"""The estimator of this package with its defaults, as a method of the benchmark."""

from __future__ import annotations

from typing import Literal

from bayes_ivgen.baselines import Experiment, Prediction
from bayes_ivgen.baselines.contract import FloatArray
from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects import Estimate
from bayes_ivgen.interface import InterventionModel

DRAWS, CHAINS = 500, 4


def ours(experiment: Experiment) -> Prediction:
    """Posterior of `InterventionModel` with defaults, engine ``conjugate``: 4 chains of 500 draws."""
    return _fitted(experiment, "conjugate")


def ours_nuts(experiment: Experiment) -> Prediction:
    """Sample the same posterior with the engine ``nuts``."""
    return _fitted(experiment, "nuts")


def _fitted(experiment: Experiment, engine: Literal["conjugate", "nuts"]) -> Prediction:
    actions = list(experiment.actions)
    data = RegimeData.from_frame(experiment.rows, outcome=experiment.outcome, actions=actions)
    fit = InterventionModel().fit(
        data, draws=DRAWS, chains=CHAINS, engine=engine, cores=1, progressbar=False, seed=experiment.seed
    )
    do = dict(zip(actions, experiment.queries.T, strict=True))
    effect = _draws(fit.effect(do=do, extrapolate=True))
    outcome = _draws(fit.outcome(do=experiment.fresh[actions], extrapolate=True, seed=experiment.seed))
    return Prediction(effect.mean(axis=0), effect, outcome, tuple(fit.graph.edges))


def _draws(estimate: Estimate) -> FloatArray:
    """Draws of shape (draw, query), the chains one after another."""
    array: FloatArray = estimate.draws.transpose("chain", "draw", "query").to_numpy()
    return array.reshape(-1, array.shape[-1])
