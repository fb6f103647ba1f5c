"""The law of single rows given the draws: its log density, and draws of the outcome from it.

Two laws can stand behind a row of a normal model. ``"likelihood"`` is what the sampler used, one noise scale for
each regime. ``"outcome"`` is what `Fit.outcome` draws from, with the additive variance at the row's actions and
the shape that the residuals of its regime have (docs/theory/noise.md). Other families have one law.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from scipy import special, stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.sources import Batch
from bayes_ivgen.effects.families import FamilySpread
from bayes_ivgen.effects.outcome import OutcomeNoise, typical_variance
from bayes_ivgen.effects.posterior import EffectPosterior

LawName = Literal["outcome", "likelihood"]


class RowLaw(Protocol):
    """Densities and draws of the outcomes of rows of one regime; S draws, n rows."""

    def log_density(self, batch: Batch, predictor: FloatArray) -> FloatArray:
        """Log density of each outcome under each draw, shape (S, n), outcome in its own units."""
        ...

    def draw(self, batch: Batch, predictor: FloatArray, uniform: Iterator[np.random.Generator]) -> FloatArray:
        """Draw one outcome for each draw and row, shape (S, n); each row has a generator of its own."""
        ...


def predictor_of(posterior: EffectPosterior, batch: Batch, draws: slice) -> FloatArray:
    """Additive predictor of the rows under the chosen draws, shape (S, n), on the scale of the link."""
    design = posterior.design
    active = design.active_columns(batch.regime)
    rows = design.regime_rows(batch.variables, batch.regime, batch.dataset)
    coefficients = posterior.coefficients[:, draws][..., active]
    scaled = coefficients.reshape(-1, len(active)) @ rows.T
    return np.asarray(design.outcome_mean + design.outcome_sd * scaled)


@dataclass(frozen=True, eq=False)
class NormalLikelihood:
    """Normal rows with one noise scale a regime.

    Attributes
    ----------
    sigma : dict of Regime to ndarray of shape (S,)
        Standard deviation of the outcome in its own units.
    """

    sigma: dict[Regime, FloatArray] = field(repr=False)

    def log_density(self, batch: Batch, predictor: FloatArray) -> FloatArray:
        """See `RowLaw`."""
        sigma = self.sigma[batch.regime][:, None]
        return np.asarray(stats.norm.logpdf(batch.outcome, predictor, sigma))

    def draw(self, batch: Batch, predictor: FloatArray, uniform: Iterator[np.random.Generator]) -> FloatArray:
        """See `RowLaw`."""
        return np.asarray(predictor + self.sigma[batch.regime][:, None] * special.ndtri(_uniform(predictor, uniform)))


@dataclass(frozen=True, eq=False)
class OutcomeLaw:
    """Rows as `Fit.outcome` draws them: variance at the row's actions, shape of its regime."""

    posterior: EffectPosterior = field(repr=False)
    noise: OutcomeNoise = field(repr=False)
    draws: slice

    def log_density(self, batch: Batch, predictor: FloatArray) -> FloatArray:
        """See `RowLaw`."""
        weights = own_weights(self.posterior, batch.regime)
        scale, error = self._scale(batch, weights), batch.outcome - predictor
        if self.noise.law.normal:
            return np.asarray(stats.norm.logpdf(error, 0.0, scale))
        unit = self.posterior.design.outcome_sd
        stretch = scale / (unit * np.sqrt(self._typical(batch.regime, weights)))
        shape = self.noise.law.log_density(weights)
        return np.asarray(shape(error / (unit * stretch)) - np.log(unit * stretch))

    def draw(self, batch: Batch, predictor: FloatArray, uniform: Iterator[np.random.Generator]) -> FloatArray:
        """See `RowLaw`."""
        weights = own_weights(self.posterior, batch.regime)
        scale, uniforms = self._scale(batch, weights), _uniform(predictor, uniform)
        if self.noise.law.normal:
            return np.asarray(predictor + scale * special.ndtri(uniforms))
        quantiles = self.noise.law.quantiles(weights)
        grid = (np.arange(len(quantiles)) + 0.5) / len(quantiles)
        stretch = scale / np.sqrt(self._typical(batch.regime, weights))
        return np.asarray(predictor + stretch * np.interp(uniforms, grid, quantiles))

    def _scale(self, batch: Batch, weights: FloatArray) -> FloatArray:
        """Return the standard deviation of the rows in units of the outcome, shape (n,) or (S, 1)."""
        flags = self._flags(batch.regime)
        was_set = np.broadcast_to(flags, (len(batch.outcome), len(flags)))
        variance = self.noise.variances(batch.variables, was_set, weights)
        if variance.ndim == 3:
            variance = variance[:, self.draws].reshape(-1, 1)
        return np.asarray(self.posterior.design.outcome_sd * np.sqrt(variance))

    def _typical(self, regime: Regime, weights: FloatArray) -> float:
        return typical_variance(self.posterior, self.noise, self._flags(regime), weights)

    def _flags(self, regime: Regime) -> np.ndarray:
        return np.array([regime.sets(action) for action in self.posterior.actions])


@dataclass(frozen=True, eq=False)
class FamilyLaw:
    """Rows under the other families.

    Attributes
    ----------
    spread : FamilySpread
        Draws of the parameters of spread.
    """

    posterior: EffectPosterior = field(repr=False)
    spread: FamilySpread = field(repr=False)
    draws: slice

    def log_density(self, batch: Batch, predictor: FloatArray) -> FloatArray:
        """See `RowLaw`."""
        mean, spread = self._mean(batch, predictor), self._spread(batch.regime)
        name, y = self.spread.family.name, batch.outcome
        if name == "bernoulli":
            return np.asarray(stats.bernoulli.logpmf(y, mean))
        if name == "student_t":
            scale = self.posterior.design.outcome_sd * spread
            return np.asarray(stats.t.logpdf(y, self._nu, mean, scale))
        if name == "gamma":
            return np.asarray(stats.gamma.logpdf(y, 1 / spread, scale=spread * mean))
        return np.asarray(stats.nbinom.logpmf(y, 1 / spread, 1 / (1 + spread * mean)))

    def draw(self, batch: Batch, predictor: FloatArray, uniform: Iterator[np.random.Generator]) -> FloatArray:
        """See `RowLaw`."""
        mean, weights = self._mean(batch, predictor), own_weights(self.posterior, batch.regime)
        own = FamilySpread(self.spread.family, self._drawn)
        unit = self.posterior.design.outcome_sd
        columns = [own.draw(mean[:, i][None], weights, unit, next(uniform))[0] for i in range(mean.shape[1])]
        return np.stack(columns, axis=-1)

    def _mean(self, batch: Batch, predictor: FloatArray) -> FloatArray:
        mean = self.posterior.link.mean(predictor)
        return mean if batch.exposure is None else mean * batch.exposure

    def _spread(self, regime: Regime) -> FloatArray:
        if self.spread.family.spread is None:
            return np.ones((1, 1))
        values = self._drawn[self.spread.family.spread][0]
        return values[:, self.posterior.regimes.index(regime)][:, None]

    @property
    def _nu(self) -> FloatArray:
        return self._drawn["nu"][0][:, None]

    @cached_property
    def _drawn(self) -> dict[str, FloatArray]:
        """The chosen draws with all chains in one."""
        chosen = {name: values[:, self.draws] for name, values in self.spread.drawn.items()}
        return {name: values.reshape(1, -1, *values.shape[2:]) for name, values in chosen.items()}


def own_weights(posterior: EffectPosterior, regime: Regime) -> FloatArray:
    """One for the regime itself, which is at hand, and zero for the others."""
    return np.eye(len(posterior.regimes))[posterior.regimes.index(regime)]


def _uniform(predictor: FloatArray, generators: Iterator[np.random.Generator]) -> FloatArray:
    return np.stack([next(generators).random(len(predictor)) for _ in range(predictor.shape[1])], axis=-1)
