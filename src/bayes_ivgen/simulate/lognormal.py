"""The linear worlds with lognormal noise of the workshop version (2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.simulate._checks import check_fraction, check_integer, check_range
from bayes_ivgen.simulate.scm import SCM, FloatArray, Latents, action_names, draw_edges, parents_of


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearLognormalSCM(SCM):
    """Random linear world with lognormal noise; draw one with `linear_lognormal`.

    ::

        C_k := W_k
        A_k := gamma_k C_k + sum_j delta_kj A_j + V_k
        Y   := sum_k alpha_k A_k + sum_k beta_k C_k + U

    W_k, V_k and U are ``lognormal(0, sigma)``, whose mean is ``exp(sigma^2 / 2)``, not zero.

    Parameters
    ----------
    alpha, beta, gamma : numpy.ndarray, shape (K,)
        Effects of the actions and of the confounders on Y, and of the confounders on the actions.
    delta : numpy.ndarray, shape (K, K)
        Entry (k, j) is the effect of action j on action k; zero without an edge.
    sigma_w, sigma_v : numpy.ndarray, shape (K,)
        Scales of the confounders and of the noise of the actions.
    sigma_u, sigma_int : float
        Scales of the outcome noise and of the set values, which are ``lognormal(0, sigma_int)``.

    Examples
    --------
    >>> ivg.simulate.linear_lognormal(n_actions=3, seed=0).effect([[1, 1, 1]]).shape
    (1,)
    """

    alpha: FloatArray
    beta: FloatArray
    gamma: FloatArray
    delta: FloatArray
    sigma_w: FloatArray
    sigma_v: FloatArray
    sigma_u: float
    sigma_int: float

    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        shape = (n, len(self.actions))
        return Latents(
            rng.lognormal(0.0, self.sigma_w, shape),
            rng.lognormal(0.0, self.sigma_v, shape),
            rng.lognormal(0.0, self.sigma_u, n),
        )

    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        return rng.lognormal(0.0, self.sigma_int, n)

    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        parents = self._parent_columns(k)
        own = self.gamma[k] * latents.confounders[:, k] + latents.action_noise[:, k]
        result: FloatArray = own + values[:, parents] @ self.delta[k, parents]
        return result

    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        result: FloatArray = values @ self.alpha + latents.confounders @ self.beta + latents.outcome_noise
        return result

    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """``sum_k alpha_k a_k + sum_k beta_k exp(sigma_w,k^2 / 2) + exp(sigma_u^2 / 2)``."""
        self._require_joint(regime)
        level = self.beta @ np.exp(self.sigma_w**2 / 2) + np.exp(self.sigma_u**2 / 2)
        result: FloatArray = values @ self.alpha + level
        return result


def linear_lognormal(
    n_actions: int = 5,
    seed: int = 0,
    edge_probability: float = 0.5,
    edge_range: tuple[float, float] = (-0.5, 0.5),
) -> LinearLognormalSCM:
    """Draw a random linear world with lognormal noise.

    All scales and the coefficients alpha, beta, gamma are ``U(0.5, 1.5)``, delta is ``U(edge_range)``.

    Parameters
    ----------
    n_actions : int
        Number K of actions, named ``a1`` to ``aK``.
    seed : int
        Seed of the world's parameters.
    edge_probability : float
        Probability that ``a_j`` is a direct cause of ``a_k``, for each ``j < k``.
    edge_range : tuple of float
        Least and largest effect of one action on another. The default is that of the authors' code;
        ``(0.5, 1.5)`` is that of the text and makes strong edges.

    Returns
    -------
    LinearLognormalSCM
        Set actions are iid ``lognormal(0, sigma_int)``. The joint effect is exact; mixed effects have no
        closed form.

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Notes
    -----
    Source: the 2024 workshop version and the authors' code, which is followed where the two differ (delta
    is ``U(0.5, 1.5)`` and beta is missing in the text). Tails are heavy: compare errors against
    `SCM.effect`, never against noisy outcomes.

    Examples
    --------
    >>> ivg.simulate.linear_lognormal(n_actions=2, seed=0).sample(3).shape
    (3, 3)
    """
    n = check_integer(n_actions, "n_actions", least=1)
    own_seed = check_integer(seed, "seed", least=0)
    rng = np.random.default_rng(own_seed)
    edges = draw_edges(n, check_fraction(edge_probability, "edge_probability"), rng)
    weakest, strongest = check_range(edge_range, "edge_range")
    actions = action_names(n)
    sigma_u, sigma_int = rng.uniform(0.5, 1.5, 2)
    return LinearLognormalSCM(
        actions=actions,
        outcome="y",
        parents=parents_of(actions, edges),
        seed=own_seed,
        alpha=rng.uniform(0.5, 1.5, n),
        beta=rng.uniform(0.5, 1.5, n),
        gamma=rng.uniform(0.5, 1.5, n),
        delta=rng.uniform(weakest, strongest, (n, n)) * edges,
        sigma_w=rng.uniform(0.5, 1.5, n),
        sigma_v=rng.uniform(0.5, 1.5, n),
        sigma_u=float(sigma_u),
        sigma_int=float(sigma_int),
    )
