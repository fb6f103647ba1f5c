"""Worlds whose factors multiply: amounts, counts, and sales that any one channel can bring about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy import special
from scipy.stats import poisson

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import SpecError
from bayes_ivgen.simulate._checks import check_fraction, check_integer, check_nonnegative
from bayes_ivgen.simulate.scm import SCM, FloatArray, Latents, action_names, draw_edges, parents_of

Kind = Literal["amount", "count", "sale"]
NODES = 80  # of the Gauss-Hermite rule; the integrands are smooth, the error is at rounding


@dataclass(frozen=True, eq=False, kw_only=True)
class MultiplicativeSCM(SCM):
    """World in which the mean of the outcome, or of its absence, is a product over the actions.

    ::

        A_k := sum_j edge_kj A_j + planning_k C_k + noise_k V_k,     C_k, V_k standard normal
        M   := base * exp(synergy * A_1 A_2) * prod_k f_k(A_k, C_k)
        f_k(a, c) = exp(gain_k tanh(a) + (boost_k + bend_k tanh(a)) c)

        amount:  Y := M G,            G ~ Gamma with mean 1 and variance dispersion
        count:   Y ~ Poisson(M G)
        sale:    Y ~ Bernoulli(1 - (1 - base) prod_k q_k(A_k, C_k)),
                 q_k(a, c) = 1 - reach_k (1 + tanh(a)) / 2 / (1 + exp(-boost_k c))

    Given the actions C_k is Gaussian with mean planning_k r_k / t and variance noise_k^2 / t, where
    r_k = a_k - sum_j edge_kj a_j and t = planning_k^2 + noise_k^2; a set action leaves it standard
    normal. The mean of every factor follows by Gauss-Hermite quadrature, and E[Y | a, R] by
    multiplying: the joint and every mixed effect are exact. Set actions are uniform within two
    natural standard deviations.

    Parameters
    ----------
    kind : {"amount", "count", "sale"}
        Law of the outcome.
    edges : numpy.ndarray, shape (K, K)
        Entry (k, j) is the effect of action j on action k.
    planning, noise, gain, boost, bend, reach : numpy.ndarray, shape (K,)
    base, dispersion, synergy : float

    Examples
    --------
    >>> bool(ivg.simulate.multiplicative(2, seed=0).effect([[0, 0]])[0] > 0)
    True
    """

    kind: Kind
    edges: FloatArray
    planning: FloatArray
    noise: FloatArray
    gain: FloatArray
    boost: FloatArray
    bend: FloatArray
    reach: FloatArray
    base: float
    dispersion: float
    synergy: float

    def natural_sd(self) -> FloatArray:
        """Return the standard deviations of the actions while nothing is set, shape (K,).

        Returns
        -------
        numpy.ndarray, shape (K,)

        Examples
        --------
        >>> ivg.simulate.multiplicative(2, seed=0).natural_sd().shape
        (2,)
        """
        k = len(self.actions)
        spread = np.linalg.solve(np.eye(k) - self.edges, np.diag(np.hypot(self.planning, self.noise)))
        return np.asarray(np.sqrt(np.sum(spread**2, axis=1)))

    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        shape = (n, len(self.actions))
        confounders, noises = rng.standard_normal(shape), rng.standard_normal(shape)
        uniform = rng.random(n)
        if self.kind == "sale":
            return Latents(confounders, noises, uniform)
        gamma = rng.gamma(1 / self.dispersion, self.dispersion, n) if self.dispersion else np.ones(n)
        return Latents(confounders, np.column_stack([noises, uniform]), gamma)

    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        return rng.uniform(-2.0, 2.0, n) * self.natural_sd()[k]

    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        own = self.planning[k] * latents.confounders[:, k] + self.noise[k] * latents.action_noise[:, k]
        return np.asarray(self._pull(k, values) + own)

    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        factors = [self._factor(k, values[:, k], latents.confounders[:, k]) for k in range(len(self.actions))]
        mean = self._assemble(values, np.prod(factors, axis=0))
        if self.kind == "sale":
            return np.asarray(latents.outcome_noise < mean, dtype=float)
        mean = mean * latents.outcome_noise
        if self.kind == "amount":
            return mean
        return np.asarray(poisson.ppf(latents.action_noise[:, -1], mean), dtype=float)

    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """Product of the means of the factors, as the class docstring says."""
        nodes, weights = hermegauss(NODES)
        weights = weights / weights.sum()
        product = np.ones(len(values))
        for k, action in enumerate(self.actions):
            mean, sd = np.zeros(len(values)), 1.0
            if not regime.sets(action):
                total = self.planning[k] ** 2 + self.noise[k] ** 2
                mean = self.planning[k] * (values[:, k] - self._pull(k, values)) / total
                sd = self.noise[k] / np.sqrt(total)
            product *= self._factor(k, values[:, k, None], mean[:, None] + sd * nodes) @ weights
        return self._assemble(values, product)

    def _factor(self, k: int, a: FloatArray, c: FloatArray) -> FloatArray:
        if self.kind == "sale":
            return np.asarray(1.0 - self.reach[k] * (1.0 + np.tanh(a)) / 2.0 * special.expit(self.boost[k] * c))
        return np.asarray(np.exp(self.gain[k] * np.tanh(a) + (self.boost[k] + self.bend[k] * np.tanh(a)) * c))

    def _assemble(self, values: FloatArray, product: FloatArray) -> FloatArray:
        if self.kind == "sale":
            return np.asarray(1.0 - (1.0 - self.base) * product)
        pair = values[:, 0] * values[:, 1] if len(self.actions) > 1 else 0.0
        return np.asarray(self.base * np.exp(self.synergy * pair) * product)

    def _pull(self, k: int, values: FloatArray) -> FloatArray:
        parents = self._parent_columns(k)
        return np.asarray(values[:, parents] @ self.edges[k, parents])


def multiplicative(
    n_actions: int = 3,
    seed: int = 0,
    *,
    kind: Kind = "amount",
    edge_probability: float = 0.5,
    dispersion: float = 0.3,
    synergy: float = 0.0,
) -> MultiplicativeSCM:
    """Draw a world in which the effects of actions multiply.

    Parameters
    ----------
    n_actions : int
        Number K of actions, named ``a1`` to ``aK``.
    seed : int
        Seed of the world's parameters.
    kind : {"amount", "count", "sale"}
        Positive amounts, counts (a mixed Poisson law), or whether there was a sale, which happens
        unless every channel fails (noisy-OR).
    edge_probability : float
        Probability of an edge from an earlier to a later action.
    dispersion : float
        Squared coefficient of variation of the outcome around M, for amounts and counts.
    synergy : float
        Exponent of an interaction of the first two actions, for amounts and counts.

    Returns
    -------
    MultiplicativeSCM
        The joint and every mixed effect are exact.

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Examples
    --------
    >>> world = ivg.simulate.multiplicative(n_actions=2, seed=1, kind="count")
    >>> float(world.sample(5)["y"].min()) >= 0
    True
    """
    n = check_integer(n_actions, "n_actions", least=1)
    own_seed = check_integer(seed, "seed", least=0)
    if kind not in get_args(Kind):
        raise SpecError(f"kind={kind!r} is not known; valid are {list(get_args(Kind))}.")
    rng = np.random.default_rng(own_seed)
    edges = draw_edges(n, check_fraction(edge_probability, "edge_probability"), rng) * rng.uniform(0.3, 0.7, (n, n))
    sale = kind == "sale"
    return MultiplicativeSCM(
        actions=action_names(n),
        outcome="y",
        parents=parents_of(action_names(n), edges),
        seed=own_seed,
        kind=kind,
        edges=edges,
        planning=rng.uniform(0.5, 0.8, n),
        noise=rng.uniform(0.5, 0.8, n),
        gain=rng.uniform(0.2, 0.7, n) * rng.choice([1.0, 1.0, -1.0], n),
        boost=rng.uniform(1.0, 2.0, n) if sale else rng.uniform(0.2, 0.4, n),
        bend=rng.uniform(-0.15, 0.15, n),
        reach=rng.uniform(0.3, 0.7, n),
        base=0.05 if sale else float(rng.uniform(3.0, 8.0)),
        dispersion=check_nonnegative(dispersion, "dispersion"),
        synergy=check_nonnegative(synergy, "synergy"),
    )
