"""Likelihood weights: rows count by the inverse of their fitted noise variance (design 4.6).

A first, short fit without weights gives residuals, these give the additive variance model, and that
gives every row its variance v(a, R). What follows is in `statistics.accumulate`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.noise import fit_variance, sample_residuals
from bayes_ivgen.model import ActionGraph

DRAWS, TUNE, CHAINS = 200, 200, 2
LEAST_SHARE = 0.1  # of the mean variance of the regime: where the fitted variance falls to zero nothing is known


def pilot_variance(
    problem: GibbsProblem, data: RegimeData, graph: ActionGraph, seed: np.random.SeedSequence, cores: int | None
) -> Callable[[FloatArray, Regime], FloatArray]:
    """Fit without weights and return the variance of rows as a function of their actions and regime.

    Parameters
    ----------
    problem : GibbsProblem
        The problem without weights, one noise scale a regime.
    data : RegimeData
        Rows; their profiles hold the sample whose residuals are used.
    graph : ActionGraph
        Which actions may enter the variance of an action that was not set.
    seed : SeedSequence
        Seed of the pilot chains.
    cores : int, optional
        Processes.
    """
    drawn = run_chains(problem, draws=DRAWS, chains=CHAINS, tune=TUNE, seed=seed, cores=cores)
    coefficients = drawn["coefficients"].reshape(-1, problem.design.n_coefficients)
    residuals = sample_residuals(data, problem.design, coefficients)
    model = fit_variance(residuals, data.actions, graph, data.covariates, data.categories)
    means = np.mean(drawn["sigma"] ** 2, axis=(0, 1))
    least = {regime: LEAST_SHARE * float(mean) for regime, mean in zip(data.regimes, means, strict=True)}

    def variance_of(actions: FloatArray, regime: Regime) -> FloatArray:
        flags = [regime.sets(action) for action in data.actions]
        was_set = np.broadcast_to(flags, (len(actions), len(flags)))
        return np.maximum(model.variance(actions, was_set), least[regime])

    return variance_of
