"""Partially collapsed Gibbs sampling on the sufficient statistics (design 4.4).

State: log tau (terms), log A (kinds of terms), log sigma (regimes) and beta. With
H = sum_r G_r / sigma_r^2, h = sum_r b_r / sigma_r^2 and D = diag(1 / tau^2):

1. sigma_r | beta: a Metropolis step from the law of its residual sum of squares, which finds the
   right place with millions of rows, and a slice update.
2. Sigma = (H + D)^-1 and mu = Sigma h, then for each term g, with beta integrated out:
   the cavity precision Lambda = Sigma_gg^-1 - I / tau_g^2 and eta = Sigma_gg^-1 mu_g give
   log p(y | tau_g) = sum_j -log(1 + t l_j) / 2 + t e_j^2 / (2 (1 + t l_j)),  t = tau_g^2,
   with l, e from the eigenvectors of Sigma_gg; a slice update of log tau_g; Sigma and mu follow
   by a rank-p_g correction. The scales of one kind of term, chosen at random, are then moved by a
   common factor together with their A_type, by the same formulas.
3. A_type | tau: a slice update, the auxiliary variables of the half-t integrated out.
4. beta ~ N(mu, Sigma).

Integrating beta out of step 2 is what makes the scales mix; the order (all collapsed updates
before beta is drawn) keeps the posterior invariant (van Dyk and Park 2008).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack, solve_triangular

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.slices import scalar_slice_update, slice_update
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.statistics import SufficientStatistics

MOVES = 2  # kinds of terms whose scales are moved together in one iteration
FEW = 24  # up to this size a loop over floats is faster than NumPy


@dataclass
class ChainState:
    """What the next iteration needs; scales are natural logarithms."""

    log_tau: FloatArray
    log_hyper: FloatArray
    log_sigma: FloatArray
    beta: FloatArray


@dataclass(frozen=True, eq=False)
class GibbsProblem:
    """The posterior to sample: statistics grouped by noise scale, layout, priors, and what else was observed."""

    design: Design
    statistics: SufficientStatistics
    priors: Priors
    known: LinearObservations | None = None

    @cached_property
    def columns(self) -> tuple[slice, ...]:
        """Columns of each term."""
        return tuple(self.design.slices[term.name] for term in self.design.terms)

    @cached_property
    def type_columns(self) -> tuple[NDArray[np.intp], ...]:
        """Columns of each kind of term."""
        kinds = self.design.type_index[self.design.term_index]
        return tuple(1 + np.flatnonzero(kinds == kind) for kind in range(len(self.design.types)))

    @cached_property
    def lower_triangle(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Indices below the diagonal of a P x P matrix."""
        return np.tril_indices(self.design.n_coefficients, -1)

    def initial(self, rng: np.random.Generator) -> ChainState:
        """Draw an over-dispersed starting point."""
        n_terms, n_types = len(self.design.terms), len(self.design.types)
        return ChainState(
            log_tau=np.log(0.1) + rng.normal(size=n_terms),
            log_hyper=np.log(0.1) + rng.normal(size=n_types) * 0.5,
            log_sigma=np.log(0.7) + rng.normal(size=len(self.statistics.rows)) * 0.3,
            beta=np.zeros(self.design.n_coefficients),
        )

    def step(self, state: ChainState, rng: np.random.Generator, *, sigma_fixed: bool = False) -> None:
        """One iteration; changes `state` in place."""
        if not sigma_fixed:
            state.log_sigma = self._update_sigma(state, rng)
        weights = np.exp(-2 * state.log_sigma)
        information = self.information(weights)
        covariance, mean = self._conditional_moments(state, *information)
        for g in rng.permutation(len(self.columns)):
            spectrum = _rotate(covariance, mean, self.columns[g])
            if not spectrum.plausible(state.log_tau[g]):  # rounding of earlier corrections: start afresh
                covariance, mean = self._conditional_moments(state, *information)
                spectrum = _rotate(covariance, mean, self.columns[g])
            self._update_tau(g, state, spectrum, covariance, mean, rng)
        for kind in rng.permutation(len(self.design.types))[:MOVES]:
            self._move_type(kind, state, covariance, mean, rng)
        state.log_hyper = self._update_hyper(state, rng)
        state.beta = self._draw_coefficients(state, *information, rng)

    def information(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H and h at precisions 1 / sigma_r^2 of the noise scales."""
        gram, cross = np.tensordot(weights, self.statistics.gram, axes=1), weights @ self.statistics.cross
        return (gram, cross) if self.known is None else (gram + self.known.gram, cross + self.known.cross)

    def _factor(self, state: ChainState, information: FloatArray) -> FloatArray:
        precision = information.copy(order="F")
        diagonal = np.einsum("ii->i", precision)
        diagonal[0] += self.priors.alpha_sd**-2
        diagonal[1:] += np.exp(-2 * state.log_tau)[self.design.term_index]
        return _cholesky(precision)

    def _conditional_moments(
        self, state: ChainState, information: FloatArray, right: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        covariance, info = lapack.dpotri(self._factor(state, information), lower=1, overwrite_c=1)
        if info != 0:
            raise np.linalg.LinAlgError(f"dpotri failed with info={info}")
        rows, columns = self.lower_triangle
        covariance[columns, rows] = covariance[rows, columns]
        return covariance, covariance @ right

    def _draw_coefficients(
        self, state: ChainState, information: FloatArray, right: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        # From a fresh factor: the corrections of the sweep leave rounding behind in the covariance.
        factor = self._factor(state, information)
        half = solve_triangular(factor, right, lower=True, check_finite=False)
        noise = rng.normal(size=len(right))
        return np.asarray(solve_triangular(factor, half + noise, lower=True, trans="T", check_finite=False))

    def _update_sigma(self, state: ChainState, rng: np.random.Generator) -> FloatArray:
        rows = self.statistics.rows
        residual = self.statistics.residual_squares(state.beta)

        def log_density(log_sigma: FloatArray) -> FloatArray:
            sigma = np.exp(log_sigma)
            return -(rows - 1) * log_sigma - 0.5 * residual / sigma**2 + self.priors.sigma.log_density(sigma)

        width = min(1.0, 4.0 / math.sqrt(2.0 * max(int(rows.min()), 1)))
        return slice_update(log_density, self._propose_sigma(state, residual, rng), rng, width)

    def _propose_sigma(self, state: ChainState, residual: FloatArray, rng: np.random.Generator) -> FloatArray:
        # A Metropolis step from the likelihood alone: with many rows a slice update would need
        # thousands of narrow steps to get from the starting point to the posterior.
        rows = self.statistics.rows
        usable = (rows > 1) & (residual > 0)
        shape, rate = np.where(usable, rows - 1, 1) / 2, np.where(usable, residual, 1.0) / 2
        proposal = -0.5 * np.log(np.maximum(rng.gamma(shape) / rate, np.finfo(float).tiny))
        prior = self.priors.sigma.log_density
        gain = prior(np.exp(proposal)) - prior(np.exp(state.log_sigma))
        return np.where(usable & (-rng.exponential(size=gain.shape) < gain), proposal, state.log_sigma)

    def _update_hyper(self, state: ChainState, rng: np.random.Generator) -> FloatArray:
        nu, index = self.priors.tau_nu, self.design.type_index
        log_prior = self.priors.log_hyper(self.design.types)
        n_types = len(self.design.types)

        def log_density(log_hyper: FloatArray) -> FloatArray:
            ratio = np.exp(2 * (state.log_tau - log_hyper[index]))
            terms = -log_hyper[index] - (nu + 1) / 2 * np.log1p(ratio / nu)
            return np.bincount(index, terms, n_types) + log_prior(np.exp(log_hyper)) + log_hyper

        return slice_update(log_density, state.log_hyper, rng)

    def _update_tau(
        self,
        g: int,
        state: ChainState,
        spectrum: _Spectrum,
        covariance: FloatArray,
        mean: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        old = math.exp(-2 * state.log_tau[g])  # 1 / tau_g^2 before ...
        left, values, projected = spectrum
        # 0 < Sigma_gg <= tau_g^2 I, but for rounding
        values = np.clip(values, np.finfo(float).eps / old, 1.0 / old)
        cavity = np.maximum(1.0 / values - old, 0.0)
        force = (projected / values) ** 2
        likelihood = _scale_likelihood(cavity, force)
        log_scale, nu = float(state.log_hyper[self.design.type_index[g]]), self.priors.tau_nu

        def log_density(log_tau: float) -> float:
            prior = log_tau - (nu + 1) / 2 * math.log1p(math.exp(2 * (log_tau - log_scale)) / nu)
            return prior + likelihood(log_tau)

        state.log_tau[g] = scalar_slice_update(log_density, state.log_tau[g], rng)
        new = math.exp(-2 * state.log_tau[g])  # ... and after
        # (Sigma^-1 + change I_g)^-1 = Sigma - Sigma_.g V diag(c) V' Sigma_g.,  c = change / (1 + change s);
        # with s = 1 / (l + 1 / tau^2) the denominator is a ratio of positive numbers: no cancellation.
        weight = (new - old) * (cavity + old) / (cavity + new)
        mean -= left @ (weight * projected)
        blas.dgemm(-1.0, left * weight, left, beta=1.0, c=covariance, trans_b=True, overwrite_c=True)

    def _move_type(
        self, kind: int, state: ChainState, covariance: FloatArray, mean: FloatArray, rng: np.random.Generator
    ) -> None:
        """Move a hyper-scale together with the scales of all its terms, beta integrated out.

        With beta = tau z the common factor c of the scales is the prior standard deviation of z, so
        the formulas of step 2 hold with z in place of beta_g. The ratios tau / A do not change:
        only the prior of A enters.
        """
        columns = self.type_columns[kind]
        members = self.design.type_index == kind
        scale = np.exp(state.log_tau[self.design.term_index[columns - 1]])
        block = covariance[np.ix_(columns, columns)] / np.outer(scale, scale)
        values, vectors, info = lapack.dsyevd(block, lower=1)
        if info != 0 or values[0] <= 0:
            return  # a move may be left out whatever the reason, as long as the draws of the move play no part
        values = np.clip(values, np.finfo(float).eps, 1.0)
        cavity = np.maximum(1.0 / values - 1.0, 0.0)
        projected = (mean[columns] / scale) @ vectors
        prior = self.priors.hyper[self.design.types[kind]]
        log_hyper = float(state.log_hyper[kind])
        likelihood = _scale_likelihood(cavity, (projected / values) ** 2)

        def log_density(shift: float) -> float:
            return likelihood(shift) + float(prior.log_density(np.exp(log_hyper + shift))) + shift

        shift = scalar_slice_update(log_density, 0.0, rng, width=1.0)
        state.log_tau[members] += shift
        state.log_hyper[kind] += shift
        new = math.exp(-2 * shift)
        weight = (new - 1.0) * (cavity + 1.0) / (cavity + new)
        left = (covariance[:, columns] / scale) @ vectors
        mean -= left @ (weight * projected)
        blas.dgemm(-1.0, left * weight, left, beta=1.0, c=covariance, trans_b=True, overwrite_c=True)


class _Spectrum(NamedTuple):
    """Sigma_.g V, the eigenvalues of Sigma_gg and V' mu_g for the eigenvectors V of Sigma_gg."""

    left: FloatArray
    values: FloatArray
    projected: FloatArray

    def plausible(self, log_tau: float) -> bool:
        """Whether 0 < Sigma_gg <= tau_g^2 I holds but for small rounding."""
        return bool(self.values[0] > 0 and self.values[-1] <= math.exp(2 * log_tau) * (1 + 1e-6))


def _rotate(covariance: FloatArray, mean: FloatArray, columns: slice) -> _Spectrum:
    left = covariance[:, columns]
    if columns.stop - columns.start == 1:
        return _Spectrum(left.copy(order="F"), left[columns, 0], mean[columns])
    values, vectors, info = lapack.dsyevd(left[columns], lower=1)
    if info != 0:
        raise np.linalg.LinAlgError(f"dsyevd failed with info={info}")
    return _Spectrum(np.asfortranarray(left @ vectors), values, mean[columns] @ vectors)


def _scale_likelihood(cavity: FloatArray, force: FloatArray) -> Callable[[float], float]:
    """Log p(y | scale) as a function of the log of the prior scale of a block, beta integrated out."""
    if len(cavity) > FEW:

        def vectorised(log_scale: float) -> float:
            t = math.exp(2 * log_scale)
            spread = 1.0 + t * cavity
            return 0.5 * float(np.sum(t * force / spread - np.log(spread)))

        return vectorised
    pairs = list(zip(cavity.tolist(), force.tolist(), strict=True))

    def log_likelihood(log_scale: float) -> float:
        t = math.exp(2 * log_scale)
        total = 0.0
        for precision, square in pairs:
            spread = 1.0 + t * precision
            total += 0.5 * (t * square / spread - math.log(spread))
        return total

    return log_likelihood


def _cholesky(matrix: FloatArray) -> FloatArray:
    """Lower factor; a tiny ridge is added if rounding has made the matrix indefinite."""
    ridge = 0.0
    for _ in range(6):
        shifted = matrix if ridge == 0 else matrix + ridge * np.diag(np.diag(matrix))
        factor, info = lapack.dpotrf(shifted, lower=1, clean=1)
        if info == 0:
            return np.asarray(factor)
        ridge = 1e-14 if ridge == 0 else ridge * 100
    raise np.linalg.LinAlgError(
        "the posterior precision is not positive definite; check the data for columns that are copies of each other"
    )


def run_chain(
    problem: GibbsProblem, draws: int, tune: int, seed: np.random.SeedSequence, report: Any = None
) -> dict[str, NDArray[np.float64]]:
    """Run one chain and return its draws after `tune` iterations.

    Returns
    -------
    dict
        ``coefficients`` (draw, P), ``tau`` (draw, term), ``hyper`` (draw, type) and ``sigma``
        (draw, noise scale).
    """
    rng = np.random.default_rng(seed)
    state = problem.initial(rng)
    design = problem.design
    kept = {
        "coefficients": np.empty((draws, design.n_coefficients)),
        "tau": np.empty((draws, len(design.terms))),
        "hyper": np.empty((draws, len(design.types))),
        "sigma": np.empty((draws, len(problem.statistics.rows))),
    }
    for iteration in range(tune + draws):
        # The first coefficients are drawn at the starting noise, so that step 1 sees a real residual.
        problem.step(state, rng, sigma_fixed=iteration == 0)
        if iteration >= tune:
            i = iteration - tune
            kept["coefficients"][i] = state.beta
            kept["tau"][i] = np.exp(state.log_tau)
            kept["hyper"][i] = np.exp(state.log_hyper)
            kept["sigma"][i] = np.exp(state.log_sigma)
        if report is not None:
            report(iteration)
    return kept
