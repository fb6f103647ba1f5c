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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.elimination import Schedule
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.statistics import SufficientStatistics

if TYPE_CHECKING:
    from bayes_ivgen.inference import kernels

ITERATIONS_AT_ONCE = 10  # in compiled code, before a chain looks whether it shall stop


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

        given = self.kernel_state(state)
        nothing = kernels.State(*(np.empty((0, len(value))) for value in given))
        at = 0 if sigma_fixed else 1
        fixed = (self.kernel_data, self.schedule, given, self.kernel_prior, rng, kernels.LIBRARY)
        kernels.run(at, at + 1, at + 1, *fixed, nothing)
        state.beta = np.empty_like(given.beta)
        state.beta[self.schedule.columns] = given.beta

    @cached_property
    def kernel_data(self) -> kernels.Information:
        """The statistics with sorted columns; H and the residual sums of squares are one product with `gram` each."""
        from bayes_ivgen.inference import kernels

        columns = self.schedule.columns
        lower = np.triu_indices(len(columns))[::-1]  # column after column of the lower triangle
        known = [] if self.known is None else [self.known]
        gram = [g[columns[lower[0]], columns[lower[1]]] for g in (*self.statistics.gram, *(k.gram for k in known))]
        cross = [b[columns] for b in (*self.statistics.cross, *(k.cross for k in known))]
        rows, squares = (np.array(x, dtype=float) for x in (self.statistics.rows, self.statistics.squares))
        return kernels.Information(np.array(gram), np.array(cross), squares, rows)

    @cached_property
    def kernel_prior(self) -> kernels.Prior:
        """The priors as numbers."""
        from bayes_ivgen.inference import kernels

        return kernels.Prior(
            float(self.priors.alpha_sd**-2),
            float(self.priors.tau_nu),
            self.design.type_index,
            np.array([self.priors.hyper[kind].code for kind in self.design.types]).reshape(-1, 3),
            np.array(self.priors.sigma.code),
        )

    def kernel_state(self, state: ChainState) -> kernels.State:
        """Share the scales of a state; sort its coefficients."""
        from bayes_ivgen.inference import kernels

        return kernels.State(state.log_tau, state.log_hyper, state.log_sigma, state.beta[self.schedule.columns])

    def information(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H and h at precisions 1 / sigma_r^2 of the noise scales."""
        gram, cross = np.tensordot(weights, self.statistics.gram, axes=1), weights @ self.statistics.cross
        return (gram, cross) if self.known is None else (gram + self.known.gram, cross + self.known.cross)


def run_chain(
    problem: GibbsProblem,
    draws: int,
    tune: int,
    seed: np.random.SeedSequence,
    report: Callable[[int], None] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Run one chain and return its draws after `tune` iterations.

    Parameters
    ----------
    problem : GibbsProblem
        Statistics, layout and priors.
    draws, tune : int
        Kept and discarded iterations.
    seed : SeedSequence
        Seed of this chain.
    report : callable, optional
        Called every few iterations with the number of those done; what it raises ends the chain.

    Returns
    -------
    dict
        ``coefficients`` (draw, P), ``tau`` (draw, term), ``hyper`` (draw, type) and ``sigma``
        (draw, noise scale).
    """
    from bayes_ivgen.inference import kernels

    rng = np.random.default_rng(seed)
    state = problem.kernel_state(problem.initial(rng))
    kept = kernels.State(*(np.empty((draws, len(value))) for value in state))
    given = (problem.kernel_data, problem.schedule, state, problem.kernel_prior, rng, kernels.LIBRARY, kept)
    for first in range(0, tune + draws, ITERATIONS_AT_ONCE):
        last = min(first + ITERATIONS_AT_ONCE, tune + draws)
        kernels.run(first, last, tune, *given)
        if report is not None:
            report(last)
    return {
        "coefficients": kept.beta,
        "tau": np.exp(kept.log_tau),
        "hyper": np.exp(kept.log_hyper),
        "sigma": np.exp(kept.log_sigma),
    }
