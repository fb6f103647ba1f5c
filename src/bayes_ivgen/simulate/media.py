"""A media mix in which planners spend where demand already is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import QueryError
from bayes_ivgen.simulate._checks import check_integer
from bayes_ivgen.simulate.scm import SCM, FloatArray, Latents, parents_of

CHANNELS = ("tv", "web", "radio", "social", "search", "print", "outdoor", "email")
TYPICAL_SPENDS = (40.0, 20.0, 10.0, 8.0, 15.0, 6.0, 5.0, 2.0)
REACTIONS = (("web", "tv"), ("social", "web"), ("social", "radio"), ("search", "tv"), ("email", "web"))
"""(channel, cause) pairs: the channel's spend reacts to the reach of the cause."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MediaMixSCM(SCM):
    """Cross-section of markets with one spend a channel and one sales figure; draw one with `media_mix`.

    ::

        reach_k(a) = 1 - exp(-a / scale_k)
        log A_k := log_spend_k + planning_k C_k + sum_j reaction_kj reach_j(A_j) + noise_k V_k
        Y := baseline + sum_k [ lift_k reach_k(A_k) exp(boost_k C_k - boost_k^2 / 2) + demand_k C_k ] + sd U

    with C_k (a demand signal that planners see and the data do not), V_k and U standard normal. Spends
    and sales are in thousand euro. Set spends are log-uniform over `set_range`.

    Given the spends, C_k is Gaussian, so every effect has a closed form::

        r_k = log a_k - log_spend_k - sum_j reaction_kj reach_j(a_j)
        C_k | a ~ N(e, w),  with total = planning^2 + noise^2, e = planning r_k / total, w = noise^2 / total
        set:   E f_k = lift_k reach_k(a_k)
        seen:  E f_k = lift_k reach_k(a_k) exp(boost_k e + boost_k^2 (w - 1) / 2) + demand_k e

    Parameters
    ----------
    log_spend, planning, noise, scale, lift, boost, demand : numpy.ndarray, shape (K,)
    reaction : numpy.ndarray, shape (K, K)
        Entry (k, j) is the reaction of channel k to the reach of channel j.
    baseline, outcome_sd : float

    Examples
    --------
    >>> ivg.simulate.media_mix(4, seed=0).set_range.shape
    (4, 2)
    """

    log_spend: FloatArray
    planning: FloatArray
    noise: FloatArray
    reaction: FloatArray
    scale: FloatArray
    lift: FloatArray
    boost: FloatArray
    demand: FloatArray
    baseline: float
    outcome_sd: float

    @cached_property
    def set_range(self) -> FloatArray:
        """Least and largest set spend of each channel, shape (K, 2).

        The natural log spend's least and largest centre, and 2.5 standard deviations around them.
        """
        width = 2.5 * np.hypot(self.planning, self.noise)
        centre_high = self.log_spend + self.reaction.sum(axis=1)
        return np.exp(np.column_stack([self.log_spend - width, centre_high + width]))

    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        shape = (n, len(self.actions))
        return Latents(rng.standard_normal(shape), rng.standard_normal(shape), rng.standard_normal(n))

    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        low, high = np.log(self.set_range[k])
        return np.exp(rng.uniform(low, high, n))

    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        own = self.planning[k] * latents.confounders[:, k] + self.noise[k] * latents.action_noise[:, k]
        return np.asarray(np.exp(self._centre(k, values) + own))

    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        c = latents.confounders
        response = self.lift * self._reach(values) * np.exp(self.boost * c - self.boost**2 / 2)
        total = (response + self.demand * c).sum(axis=1)
        return np.asarray(self.baseline + total + self.outcome_sd * latents.outcome_noise)

    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """Evaluate the closed form given in the class docstring."""
        total = np.full(len(values), self.baseline)
        response = self.lift * self._reach(values)
        for k, action in enumerate(self.actions):
            is_set = regime.sets(action)
            self._check_spend(values[:, k], action, is_set)
            if is_set:
                total += response[:, k]
                continue
            variance = self.planning[k] ** 2 + self.noise[k] ** 2
            mean = self.planning[k] * (np.log(values[:, k]) - self._centre(k, values)) / variance
            shrink = self.noise[k] ** 2 / variance - 1.0
            boosted = np.exp(self.boost[k] * mean + self.boost[k] ** 2 * shrink / 2)
            total += response[:, k] * boosted + self.demand[k] * mean
        return total

    def _reach(self, values: FloatArray) -> FloatArray:
        return np.asarray(-np.expm1(-values / self.scale))

    def _centre(self, k: int, values: FloatArray) -> FloatArray:
        """Log spend that planners aim at when demand is average, shape (n,)."""
        parents = self._parent_columns(k)
        reach = -np.expm1(-values[:, parents] / self.scale[parents])
        return np.asarray(self.log_spend[k] + reach @ self.reaction[k, parents])

    @staticmethod
    def _check_spend(spend: FloatArray, action: str, is_set: bool) -> None:
        wrong = spend < 0 if is_set else spend <= 0
        if wrong.any():
            rule = "a set spend must be at least 0" if is_set else "a spend that is seen is always above 0"
            raise QueryError(
                f"{rule}. Got {action}={spend[wrong][0]} in row {int(np.flatnonzero(wrong)[0])} of values; "
                f"pass {'0 or more' if is_set else f'a positive spend, or name {action!r} in `do`'}."
            )


def media_mix(n_channels: int = 4, seed: int = 0) -> MediaMixSCM:
    """Draw a media mix whose observational reading is clearly wrong.

    Planners raise every spend when demand is high, so channels look far better than they are. Some channels
    react to others (tv moves web; web and radio move social). High demand also makes advertising work
    better, so that confounding depends on the spend.

    Parameters
    ----------
    n_channels : int
        How many of ``tv, web, radio, social, search, print, outdoor, email``: 1 to 8.
    seed : int
        Seed of the parameters, which vary by about a quarter around plausible values.

    Returns
    -------
    MediaMixSCM
        The outcome is ``sales``. Tests set a spend log-uniformly over the range of natural spends. The joint
        and every mixed effect are exact.

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Examples
    --------
    >>> world = ivg.simulate.media_mix()
    >>> world.actions, world.outcome
    (('tv', 'web', 'radio', 'social'), 'sales')
    >>> world.parents["web"]
    ('tv',)
    """
    n = check_integer(n_channels, "n_channels", least=1, most=len(CHANNELS))
    own_seed = check_integer(seed, "seed", least=0)
    rng = np.random.default_rng(own_seed)
    actions = CHANNELS[:n]
    reaction = np.zeros((n, n))
    for channel, cause in REACTIONS:
        if channel in actions and cause in actions:
            reaction[actions.index(channel), actions.index(cause)] = rng.uniform(0.5, 0.9)
    spend = np.array(TYPICAL_SPENDS[:n]) * rng.uniform(0.8, 1.25, n)
    return MediaMixSCM(
        actions=actions,
        outcome="sales",
        parents=parents_of(actions, reaction),
        seed=own_seed,
        log_spend=np.log(spend),
        planning=rng.uniform(0.35, 0.5, n),
        noise=rng.uniform(0.25, 0.35, n),
        reaction=reaction,
        scale=spend * rng.uniform(1.0, 2.0, n),
        lift=rng.uniform(40.0, 80.0, n),
        boost=rng.uniform(0.2, 0.4, n),
        demand=rng.uniform(15.0, 25.0, n),
        baseline=300.0,
        outcome_sd=20.0,
    )
