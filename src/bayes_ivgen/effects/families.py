"""Outcome draws under the other families, and means for a given exposure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.estimate import Estimate
from bayes_ivgen.effects.means import mean_draws, spread_rows
from bayes_ivgen.effects.outcome import weights_of
from bayes_ivgen.effects.posterior import EffectPosterior
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.errors import QueryError
from bayes_ivgen.model.families import Family

LEAST_SHARE = 0.1  # of the least spread of a regime: the weighted sum may fall to zero
LARGEST = 1e15  # mean of a Poisson draw; NumPy refuses those beyond 9e18


@dataclass(frozen=True, eq=False)
class FamilySpread:
    """What outcome draws need beside the mean.

    Attributes
    ----------
    family : Family
        The working likelihood.
    drawn : mapping
        Draws of its parameters: ``dispersion`` or ``sigma`` of shape (chain, draw, R), ``nu`` of
        shape (chain, draw).
    share : bool
        Whether a Bernoulli outcome held shares.
    """

    family: Family
    drawn: Mapping[str, FloatArray] = field(repr=False)
    share: bool = False

    def of_target(self, weights: FloatArray) -> FloatArray:
        """Dispersion or sigma under a target regime with level weights w_r; shape (chain, draw).

        The second moment (of counts the second factorial moment) over the squared mean,
        1 + dispersion, is multiplicative as the mean is, so log(1 + dispersion) adds up; with the identity
        link the variance does.
        """
        if self.family.spread == "sigma":
            squares = self.drawn["sigma"] ** 2
            return np.sqrt(np.maximum(squares @ weights, LEAST_SHARE * squares.min(axis=-1)))
        dispersion = self.drawn["dispersion"]
        return np.maximum(np.expm1(np.log1p(dispersion) @ weights), LEAST_SHARE * dispersion.min(axis=-1))

    def draw(self, mean: FloatArray, weights: FloatArray, unit: float, rng: np.random.Generator) -> FloatArray:
        """Draw one outcome for each mean of shape (chain, draw)."""
        if self.family.name == "bernoulli":
            return (rng.random(mean.shape) < mean).astype(float)
        spread = self.of_target(weights)
        if self.family.name == "student_t":
            return mean + unit * spread * rng.standard_t(self.drawn["nu"])
        inflated = mean * rng.gamma(1 / spread) * spread
        return inflated if self.family.name == "gamma" else rng.poisson(np.minimum(inflated, LARGEST)).astype(float)


def family_outcome(
    posterior: EffectPosterior, spread: FamilySpread, queries: Queries, *, exposure: Any, extrapolate: bool, seed: int
) -> Estimate:
    """Posterior predictive draws of the outcome from the family.

    Averaged (held) actions are drawn anew from their observed values for each draw, responding ones from their laws.

    Raises
    ------
    QueryError
        If the outcome is a share: its law is not that of the working likelihood.
    """
    if spread.share:
        raise QueryError(
            "the outcome holds shares, and the working likelihood knows their mean only, not their law; ask fit.effect."
        )
    effect = posterior.effect(queries, extrapolate=extrapolate)
    size = _exposures(exposure, len(queries), posterior.link.name)
    weights = weights_of(posterior, queries.regime)
    chains, draws, _ = posterior.coefficients.shape
    shape = chains, draws
    centre, unit = posterior.design.outcome_mean, posterior.design.outcome_sd
    was_set = np.array([queries.regime.sets(action) for action in posterior.actions])

    def at_query(query: int) -> FloatArray:
        rng = np.random.default_rng([seed, query])
        if queries.responding or queries.averaged:
            if queries.responding:
                value = posterior.responses.one_each(queries, query, chains, draws, rng).reshape(chains * draws, -1)
                chosen = posterior.design.rows(value, was_set).reshape(*shape, -1)
            else:
                rows = spread_rows(posterior, queries, queries.values[query])
                chosen = rows[rng.integers(len(rows), size=shape)]
            mean = posterior.link.mean(centre + unit * np.einsum("cdp,cdp->cd", posterior.coefficients, chosen))
        else:
            mean = mean_draws(posterior, queries, slice(query, query + 1))[..., 0]
        return spread.draw(size[query] * mean, weights, unit, rng)

    def evaluate(block: slice) -> FloatArray:
        return np.stack([at_query(query) for query in range(block.start, block.stop)], axis=-1)

    return replace(
        effect,
        kind="outcome",
        name=effect.name.removeprefix(f"{posterior.symbol}[").removesuffix("]"),
        evaluate=evaluate,
    )


def with_exposure(estimate: Estimate, exposure: Any, link: str) -> Estimate:
    """Multiply means by the exposure of the rows that are asked about.

    Raises
    ------
    QueryError
        If the link is not the log, or the exposure is not positive, or has another length.
    """
    if exposure is None:
        return estimate
    size = _exposures(exposure, len(estimate), link)
    return replace(estimate, evaluate=lambda block: estimate.evaluate(block) * size[block])


def _exposures(exposure: Any, length: int, link: str) -> FloatArray:
    if exposure is None:
        return np.ones(length)
    if link != "log":
        raise QueryError(f"exposure has no meaning with link={link!r}: only means on the log link scale with it.")
    try:
        size = np.asarray(exposure, dtype=float)
    except (TypeError, ValueError) as error:
        raise QueryError(f"exposure is {exposure!r}; pass a positive number, or one for each query.") from error
    if size.ndim > 1 or size.size not in (1, length) or not np.isfinite(size).all() or (size <= 0).any():
        raise QueryError(f"exposure is {exposure!r}; pass a positive number, or one for each of the {length} queries.")
    return np.broadcast_to(size, (length,))
