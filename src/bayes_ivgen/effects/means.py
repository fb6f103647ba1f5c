"""Draws of the mean of the outcome: from predictors through the link, averages taken over means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.queries import Queries

if TYPE_CHECKING:
    from bayes_ivgen.effects.posterior import EffectPosterior


def mean_draws(posterior: EffectPosterior, queries: Queries, block: slice) -> FloatArray:
    """Draws of E[Y] at a block of queries, shape (chain, draw, q).

    Where actions are held at their observed values the means are averaged over them. With the identity
    link that is the mean at the average row of the design.
    """
    centre, unit = posterior.design.outcome_mean, posterior.design.outcome_sd
    if queries.responding and posterior.link.name != "identity":
        return _responding_means(posterior, queries, block)
    if posterior.link.name == "identity" or not queries.averaged:
        return posterior.link.mean(centre + unit * posterior.project(posterior.rows(queries, block)))
    values = queries.values[block]
    first = spread_rows(posterior, queries, values[0])
    base = centre + unit * posterior.project(first)
    found = []
    for value in values:
        shift = spread_rows(posterior, queries, value) - first
        # Only columns of the actions that the queries state differ from those of the first query.
        moved = np.any(shift != 0, axis=0)
        eta = base + unit * (posterior.coefficients[..., moved] @ shift[:, moved].T)
        found.append(posterior.link.mean(eta).mean(axis=-1))
    return np.stack(found, axis=-1)


def spread_rows(posterior: EffectPosterior, queries: Queries, value: FloatArray) -> FloatArray:
    """Design rows of one query at each observed value of what is averaged over, shape (m, P)."""
    was_set = np.array([queries.regime.sets(action) for action in posterior.actions])
    return posterior.design.rows(posterior.spread(value), was_set)


def _responding_means(posterior: EffectPosterior, queries: Queries, block: slice) -> FloatArray:
    starts = [posterior.responses.starts(value) for value in queries.values[block]]
    return np.stack([means_from(posterior, queries, rows) for rows in starts], axis=-1)


def means_from(posterior: EffectPosterior, queries: Queries, starts: FloatArray) -> FloatArray:
    """Means averaged over rows (m, V) and over draws of the actions that respond there; (chain, draw).

    A replicate of their laws goes with each draw.
    """
    responses, centre, unit = posterior.responses, posterior.design.outcome_mean, posterior.design.outcome_sd
    chains, draws, _ = posterior.coefficients.shape
    replicate = responses.replicate_of(chains, draws)
    was_set = np.array([queries.regime.sets(action) for action in posterior.actions])
    found = np.empty((chains, draws))
    for b, values in enumerate(responses.particles_from(starts, queries)):
        eta = centre + unit * (posterior.coefficients[replicate == b] @ posterior.design.rows(values, was_set).T)
        found[replicate == b] = posterior.link.mean(eta).mean(axis=-1)
    return found
