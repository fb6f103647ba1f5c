"""Draws of the outcome itself: the effect plus noise of the target regime (design 1.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.effects.estimate import Estimate
from bayes_ivgen.effects.posterior import EffectPosterior
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.inference.noise import VarianceModel
from bayes_ivgen.inference.residual_law import ResidualLaw

Noise = Literal["additive", "regime", "constant"]
LEAST_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class OutcomeNoise:
    """All that is known about the noise, in units of the outcome's standard deviation.

    Attributes
    ----------
    kind : {"additive", "regime", "constant"}
        Variance as a function of (a, R), of R alone, or the same everywhere.
    variance : VarianceModel
        The additive variance model.
    law : ResidualLaw
        Characteristic functions of the residuals of each regime.
    sigma : ndarray of shape (chain, draw, S)
        Draws of the noise scales of the likelihood.
    """

    kind: Noise
    variance: VarianceModel = field(repr=False)
    law: ResidualLaw = field(repr=False)
    sigma: FloatArray = field(repr=False)

    def variances(self, actions: FloatArray, was_set: np.ndarray, weights: FloatArray) -> FloatArray:
        """Noise variance of rows under a target regime; shape (n,), or (chain, draw, 1)."""
        if self.kind == "additive":
            least = LEAST_SHARE * float(np.min(np.mean(self.sigma**2, axis=(0, 1))))
            return np.maximum(self.variance.variance(actions, was_set), least)
        if self.kind == "constant":
            return self.sigma**2
        squares = self.sigma**2
        return np.maximum(squares @ weights, LEAST_SHARE * squares.min(axis=-1))[..., None]

    def standard_quantiles(self, weights: FloatArray) -> tuple[FloatArray, float] | None:
        """Quantile function of the target regime and its variance, or None if the noise is normal."""
        if self.law.normal:
            return None
        quantiles = self.law.quantiles(weights)
        return quantiles, float(np.var(quantiles))


def outcome(
    posterior: EffectPosterior, noise: OutcomeNoise, queries: Queries, *, extrapolate: bool, seed: int
) -> Estimate:
    """Posterior predictive draws of the outcome at each query.

    The mean is `EffectPosterior.effect`; the variance follows `OutcomeNoise.variances`. The shape
    is normal, or where the residuals say otherwise the law that the characteristic functions give
    for the target regime, stretched by the standard deviation at a relative to its average.
    Averaged (held) actions and covariates are drawn anew from their observed values for each draw,
    responding actions from their laws.
    """
    effect = posterior.effect(queries, extrapolate=extrapolate)
    weights = weights_of(posterior, queries.regime)
    shape = noise.standard_quantiles(weights)
    was_set = np.array([queries.regime.sets(action) for action in posterior.actions])
    chains, draws, _ = posterior.coefficients.shape
    typical = _typical_variance(posterior, noise, was_set, weights)

    def at_query(query: int) -> FloatArray:
        rng = np.random.default_rng([seed, query])
        uniform = rng.random((chains, draws))
        if queries.averaged and not queries.responding:
            spread = posterior.spread(queries.values[query])
            chosen = rng.integers(len(spread), size=(chains, draws))
            rows = posterior.design.rows(spread, was_set)
            mean = np.einsum("cdp,cdp->cd", posterior.coefficients, rows[chosen])
            variance = noise.variances(spread, np.broadcast_to(was_set, (len(spread), len(was_set))), weights)
            variance = variance[chosen] if variance.ndim == 1 else variance[..., 0]
        elif queries.responding:
            value = posterior.responses.one_each(queries, query, chains, draws, rng).reshape(chains * draws, -1)
            flags = np.broadcast_to(was_set, (len(value), len(was_set)))
            rows = posterior.design.rows(value, flags).reshape(chains, draws, -1)
            mean = np.einsum("cdp,cdp->cd", posterior.coefficients, rows)
            variance = noise.variances(value, flags, weights)
            variance = variance.reshape(chains, draws) if variance.ndim == 1 else variance[..., 0]
        else:
            mean = posterior.project(posterior.rows(queries, slice(query, query + 1)))[..., 0]
            value = queries.values[query : query + 1]
            variance = noise.variances(value, was_set[None, :], weights)
            variance = variance if variance.ndim == 1 else variance[..., 0]
        if shape is None:
            error = np.sqrt(variance) * special.ndtri(uniform)
        else:
            grid = (np.arange(len(shape[0])) + 0.5) / len(shape[0])
            error = np.sqrt(variance / typical) * np.interp(uniform, grid, shape[0])
        return posterior.design.outcome_mean + posterior.design.outcome_sd * (mean + error)

    def evaluate(block: slice) -> FloatArray:
        return np.stack([at_query(query) for query in range(block.start, block.stop)], axis=-1)

    return replace(effect, kind="outcome", name=effect.name.removeprefix("E[").removesuffix("]"), evaluate=evaluate)


def weights_of(posterior: EffectPosterior, target: Regime) -> FloatArray:
    """Level weights of a regime, or the nearest ones where only the mean is identified."""
    weights = level_weights(target, posterior.regimes, posterior.heads)
    if weights is None:  # separable levels identify the mean, not the spread: take the nearest collection
        rows = np.array([[1.0, *(regime.sets(a) for a in posterior.heads)] for regime in posterior.regimes])
        wanted = np.array([1.0, *(target.sets(a) for a in posterior.heads)])
        weights = np.linalg.lstsq(rows.T, wanted, rcond=None)[0]
        weights /= weights.sum()
    return weights


def _typical_variance(
    posterior: EffectPosterior, noise: OutcomeNoise, was_set: np.ndarray, weights: FloatArray
) -> float:
    """Average noise variance over observed values under the target regime: where the shape was learned."""
    flags = np.broadcast_to(was_set, (len(posterior.observed), len(was_set)))
    return float(np.mean(noise.variances(posterior.observed, flags, weights)))
