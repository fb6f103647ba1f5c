"""Draws of the outcome itself: the effect plus noise of the target regime (design 1.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
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
    typical = typical_variance(posterior, noise, was_set, weights)
    quantiles = None if shape is None else shape[0]
    evaluate = _OutcomeDraws(posterior, noise, queries, seed, weights, was_set, quantiles, typical)
    return replace(effect, kind="outcome", name=effect.name.removeprefix("E[").removesuffix("]"), evaluate=evaluate)


@dataclass(frozen=True, eq=False)
class _OutcomeDraws:
    """Outcome draws of a block of queries; each query has random numbers of its own, whatever its block."""

    posterior: EffectPosterior
    noise: OutcomeNoise
    queries: Queries
    seed: int
    weights: FloatArray
    was_set: NDArray[np.bool_]
    quantiles: FloatArray | None
    typical: float

    def __call__(self, block: slice) -> FloatArray:
        numbers = range(block.start, block.stop)
        if self.queries.averaged or self.queries.responding:
            drawn = np.stack([self._at_query(query) for query in numbers], axis=-1)
        else:
            drawn = self.posterior.project(self.posterior.rows(self.queries, block))
            variance = self._variances(self.queries.values[block])
            for i, query in enumerate(numbers):
                own = variance[i] if variance.ndim == 1 else variance[..., 0]
                drawn[..., i] += self._error(self._rng(query).random(drawn.shape[:2]), own)
        return self.posterior.design.outcome_mean + self.posterior.design.outcome_sd * drawn

    def _at_query(self, query: int) -> FloatArray:
        """Draw the variables that the query does not state anew for each draw of the coefficients."""
        posterior, queries, rng = self.posterior, self.queries, self._rng(query)
        chains, draws = shape = posterior.coefficients.shape[:2]
        uniform = rng.random(shape)
        if queries.responding:
            values = posterior.responses.one_each(queries, query, chains, draws, rng).reshape(chains * draws, -1)
            chosen = np.arange(chains * draws).reshape(shape)
        else:
            values = posterior.spread(queries.values[query])
            chosen = rng.integers(len(values), size=shape)
        rows = posterior.design.rows(values, self.was_set)[chosen]
        variance = self._variances(values)
        own = variance[chosen] if variance.ndim == 1 else variance[..., 0]
        return np.einsum("cdp,cdp->cd", posterior.coefficients, rows) + self._error(uniform, own)

    def _error(self, uniform: FloatArray, variance: FloatArray | float) -> FloatArray:
        if self.quantiles is None:
            return np.asarray(np.sqrt(variance) * special.ndtri(uniform))
        grid = (np.arange(len(self.quantiles)) + 0.5) / len(self.quantiles)
        return np.asarray(np.sqrt(variance / self.typical) * np.interp(uniform, grid, self.quantiles))

    def _variances(self, values: FloatArray) -> FloatArray:
        flags = np.broadcast_to(self.was_set, (len(values), len(self.was_set)))
        return self.noise.variances(values, flags, self.weights)

    def _rng(self, query: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, query])


def weights_of(posterior: EffectPosterior, target: Regime) -> FloatArray:
    """Level weights of a regime, or the nearest ones where only the mean is identified."""
    weights = level_weights(target, posterior.regimes, posterior.heads)
    if weights is None:  # separable levels identify the mean, not the spread: take the nearest collection
        rows = np.array([[1.0, *(regime.sets(a) for a in posterior.heads)] for regime in posterior.regimes])
        wanted = np.array([1.0, *(target.sets(a) for a in posterior.heads)])
        weights = np.linalg.lstsq(rows.T, wanted, rcond=None)[0]
        weights /= weights.sum()
    return weights


def typical_variance(
    posterior: EffectPosterior, noise: OutcomeNoise, was_set: np.ndarray, weights: FloatArray
) -> float:
    """Average noise variance over observed values under the target regime: where the shape was learned."""
    flags = np.broadcast_to(was_set, (len(posterior.observed), len(was_set)))
    return float(np.mean(noise.variances(posterior.observed, flags, weights)))
