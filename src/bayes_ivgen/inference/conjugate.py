"""Partially collapsed Gibbs sampling on the sufficient statistics (design 4.4, docs/theory/gibbs.md).

State: log tau (terms), log A (kinds of terms), log sigma (regimes) and beta. With
H = sum_r G_r / sigma_r^2, h = sum_r b_r / sigma_r^2 and D = diag(1 / tau^2), one iteration is

1. sigma_r | beta: a Metropolis step from the law of its residual sum of squares, which finds the
   right place with millions of rows, and a slice update.
2. For each kind of term, and each term g in it, the precision Lambda and shift eta of its coefficients
   with all others integrated out (`inference.elimination`), without their own prior, give
   log p(y | tau_g) = -log|I + t Lambda| / 2 + t eta' (I + t Lambda)^-1 eta / 2,  t = tau_g^2:
   a slice update of log tau_g; before it, A of the kind and all its tau are moved by a common factor,
   by the same formula.
3. beta ~ N((H + D)^-1 h, (H + D)^-1), from the factors that step 2 leaves behind.
4. A of each kind | tau: a slice update, the auxiliary variables of the half-t integrated out.

Integrating beta out of step 2 is what makes the scales mix; the order (all collapsed updates
before beta is drawn) keeps the posterior invariant (van Dyk and Park 2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.elimination import Schedule
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.statistics import SufficientStatistics


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
    def schedule(self) -> Schedule:
        """The order in which the sweep visits terms."""
        return Schedule.of(self.design)

    @cached_property
    def gram(self) -> FloatArray:
        """Lower triangles of all G_r, column after column, in sorted order; then that of `known`.

        Shape (R or R + 1, P (P + 1) / 2): H and the residual sums of squares are one product each.
        """
        columns = self.schedule.columns
        first, second = np.triu_indices(len(columns))
        known = [] if self.known is None else [self.known.gram]
        parts = [gram[columns[first], columns[second]] for gram in (*self.statistics.gram, *known)]
        return np.array(parts)

    @cached_property
    def cross(self) -> FloatArray:
        """All b_r in sorted order, then that of `known`; shape (R or R + 1, P)."""
        known = [] if self.known is None else [self.known.cross]
        return np.array([*self.statistics.cross, *known])[:, self.schedule.columns]

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
        from bayes_ivgen.inference import kernels

        if not sigma_fixed:
            residual = self.residual_squares(state.beta)
            kernels.update_sigma(state.log_sigma, self._rows, residual, self._laws[-1], rng)
        weights = np.exp(-2 * state.log_sigma)
        if self.known is not None:
            weights = np.append(weights, 1.0)
        sorted_beta = weights @ self.cross
        kernels.sweep(
            weights @ self.gram,
            sorted_beta,
            self.priors.alpha_sd**-2,
            self.schedule,
            kernels.Scales(state.log_tau, state.log_hyper),
            kernels.Prior(float(self.priors.tau_nu), self.design.type_index, self._laws[:-1]),
            rng,
            kernels.LIBRARY,
        )
        state.beta = np.empty_like(sorted_beta)
        state.beta[self.schedule.columns] = sorted_beta

    def residual_squares(self, beta: FloatArray) -> FloatArray:
        """Sum of squared residuals of each noise scale, shape (R,)."""
        from bayes_ivgen.inference import kernels

        n, sorted_beta = len(self.statistics.rows), beta[self.schedule.columns]
        fitted = self.gram[:n] @ kernels.pack_square(sorted_beta) - 2 * self.cross[:n] @ sorted_beta
        return np.maximum(self.statistics.squares + fitted, 0.0)

    def information(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H and h at precisions 1 / sigma_r^2 of the noise scales."""
        gram, cross = np.tensordot(weights, self.statistics.gram, axes=1), weights @ self.statistics.cross
        return (gram, cross) if self.known is None else (gram + self.known.gram, cross + self.known.cross)

    @cached_property
    def _rows(self) -> FloatArray:
        return self.statistics.rows.astype(float)

    @cached_property
    def _laws(self) -> FloatArray:
        """Laws of the hyper-scales, then that of sigma, as `kernels.log_law` reads them."""
        return np.array([*(self.priors.hyper[kind].code for kind in self.design.types), self.priors.sigma.code])


def run_chain(
    problem: GibbsProblem,
    draws: int,
    tune: int,
    seed: np.random.SeedSequence,
    report: Callable[[int], None] | None = None,
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
