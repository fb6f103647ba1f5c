"""The paper's random polynomial worlds (ICML 2025, Section 6), with the conventions of the authors' code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.simulate._checks import check_fraction, check_integer
from bayes_ivgen.simulate.scm import SCM, FloatArray, Latents, action_names, draw_edges, parents_of

Family = Literal["gaussian", "uniform", "logistic"]
FAMILIES: tuple[Family, ...] = ("gaussian", "uniform", "logistic")

ORDER = 2
COEFFICIENT_SD = 0.1
CONFOUNDER_SD = 0.5
NOISE_SD = 0.1
MOMENT_ROWS = 200_000
MOMENT_STREAM = 2


@dataclass(frozen=True, eq=False)
class RandomPolynomial:
    """``P(x) = sum_i w_i prod_j x_j ** p_ij`` over all monomials of total degree at most two.

    Parameters
    ----------
    powers : tuple of tuple of int
        One entry a term, one exponent a variable.
    weights : numpy.ndarray, shape (terms,)
        With ``sum |w_i| = 1``.
    """

    powers: tuple[tuple[int, ...], ...]
    weights: FloatArray

    @classmethod
    def draw(cls, n_variables: int, rng: np.random.Generator) -> RandomPolynomial:
        """Weights iid N(0, 0.1^2), divided by the sum of their absolute values."""
        powers = tuple(p for p in product(range(ORDER + 1), repeat=n_variables) if sum(p) <= ORDER)
        weights = COEFFICIENT_SD * rng.standard_normal(len(powers))
        return cls(powers, weights / np.abs(weights).sum())

    def __call__(self, *variables: FloatArray) -> FloatArray:
        """Evaluate at one array a variable, all of the same shape."""
        total = np.zeros_like(variables[0])
        for weight, exponents in zip(self.weights, self.powers, strict=True):
            term = np.full_like(total, weight)
            for variable, exponent in zip(variables, exponents, strict=True):
                if exponent:
                    term *= variable**exponent
            total += term
        return total


@dataclass(frozen=True, eq=False, kw_only=True)
class PolynomialSCM(SCM):
    """Random second-order polynomial world; draw one with `polynomial`.

    ::

        A_k := g_k(A_pa(k), C_k, V_k)         Y := sum_k f_k(A_k, C_k) + U

    C_k, V_k and U are Gaussian, uniform or logistic with mean 0 and sd 0.5, 0.1 and 0.1. V_k stands inside
    the polynomial g_k, as in the authors' code; the paper's equations 96 and 99 leave it out.

    Parameters
    ----------
    outcome_terms : tuple of RandomPolynomial
        f_k in (a_k, c_k).
    action_terms : tuple of RandomPolynomial
        g_k in (values of the parents, c_k, v_k).
    confounder_families, noise_families : tuple of str
        Families of C_k and V_k.
    outcome_family : str
        Family of U.

    Examples
    --------
    >>> mean, sd = ivg.simulate.polynomial(n_actions=3, seed=0).set_moments
    >>> mean.shape, sd.shape
    ((3,), (3,))
    """

    outcome_terms: tuple[RandomPolynomial, ...]
    action_terms: tuple[RandomPolynomial, ...]
    confounder_families: tuple[Family, ...]
    noise_families: tuple[Family, ...]
    outcome_family: Family

    @cached_property
    def set_moments(self) -> tuple[FloatArray, FloatArray]:
        """Means and standard deviations of the set values, shape (K,) each.

        They are the moments of the observational actions, from 200,000 rows of a stream of the world's
        own, so that rows never depend on earlier calls. The authors' code takes them from its last
        observational draw.
        """
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(MOMENT_STREAM,)))
        values, _ = self._simulate(MOMENT_ROWS, Regime(), rng)
        return values.mean(axis=0), values.std(axis=0)

    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        confounders = [_draw_noise(family, CONFOUNDER_SD, n, rng) for family in self.confounder_families]
        noise = [_draw_noise(family, NOISE_SD, n, rng) for family in self.noise_families]
        outcome_noise = _draw_noise(self.outcome_family, NOISE_SD, n, rng)
        return Latents(np.column_stack(confounders), np.column_stack(noise), outcome_noise)

    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        means, sds = self.set_moments
        return rng.normal(means[k], sds[k], n)

    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        parents = [values[:, j] for j in self._parent_columns(k)]
        return self.action_terms[k](*parents, latents.confounders[:, k], latents.action_noise[:, k])

    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        total = latents.outcome_noise.copy()
        for k, term in enumerate(self.outcome_terms):
            total += term(values[:, k], latents.confounders[:, k])
        return total

    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """``sum_k sum_ij w_k,ij a_k^i E[C_k^j]`` with ``E[C_k] = 0`` and ``E[C_k^2] = 0.25``."""
        self._require_joint(regime)
        moments = (1.0, 0.0, CONFOUNDER_SD**2)
        total = np.zeros(len(values))
        for k, term in enumerate(self.outcome_terms):
            for weight, (i, j) in zip(term.weights, term.powers, strict=True):
                total += weight * values[:, k] ** i * moments[j]
        return total


def polynomial(n_actions: int = 5, seed: int = 0, edge_probability: float = 0.3) -> PolynomialSCM:
    """Draw a random polynomial world of the paper's main experiments.

    Parameters
    ----------
    n_actions : int
        Number K of actions, named ``a1`` to ``aK``.
    seed : int
        Seed of the world's parameters.
    edge_probability : float
        Probability that ``a_j`` is a direct cause of ``a_k``, for each ``j < k``.

    Returns
    -------
    PolynomialSCM
        Set actions are independent ``N(mean_k, sd_k)`` with the moments of the observational ``a_k``.
        The joint effect is exact; mixed effects have no closed form.

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Notes
    -----
    Source: Kekic, Garrido Mejia, Schölkopf, ICML 2025, Section 6, and the authors' code. All polynomials
    have order two. The random streams are our own: a seed is not the same world as in that code.

    Examples
    --------
    >>> world = ivg.simulate.polynomial(n_actions=2, seed=0)
    >>> world.actions
    ('a1', 'a2')
    """
    n = check_integer(n_actions, "n_actions", least=1)
    own_seed = check_integer(seed, "seed", least=0)
    rng = np.random.default_rng(own_seed)
    edges = draw_edges(n, check_fraction(edge_probability, "edge_probability"), rng)
    actions = action_names(n)
    families = [FAMILIES[i] for i in rng.integers(len(FAMILIES), size=2 * n + 1)]
    return PolynomialSCM(
        actions=actions,
        outcome="y",
        parents=parents_of(actions, edges),
        seed=own_seed,
        outcome_terms=tuple(RandomPolynomial.draw(2, rng) for _ in range(n)),
        action_terms=tuple(RandomPolynomial.draw(2 + int(edges[k].sum()), rng) for k in range(n)),
        confounder_families=tuple(families[:n]),
        noise_families=tuple(families[n : 2 * n]),
        outcome_family=families[-1],
    )


def _draw_noise(family: Family, sd: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Draw `n` values with mean 0 and the given sd."""
    if family == "gaussian":
        return rng.normal(0.0, sd, n)
    if family == "uniform":
        return rng.uniform(-np.sqrt(3.0) * sd, np.sqrt(3.0) * sd, n)
    return rng.logistic(0.0, sd * np.sqrt(3.0) / np.pi, n)
