"""Compiled updates of the scales: noise, terms and kinds of terms (docs/theory/gibbs.md has the formulas).

This module imports numba, which takes time: import it where a chain starts, not above.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from bayes_ivgen.inference import slices
from bayes_ivgen.inference.lapack import copy_lower, jit, tridiagonal

# Compiled into each kernel: a compiled function as an argument would keep it out of the cache.
slice_update = jit(slices.slice_update, inline="always")


class State(NamedTuple):
    """Natural logarithms of tau, A and sigma, and beta in sorted order; changed in place."""

    log_tau: Any
    log_hyper: Any
    log_sigma: Any
    beta: Any


class Prior(NamedTuple):
    """Precision of the intercept, degrees of freedom of tau, kind of each term, laws of A and of sigma (`log_law`)."""

    alpha: float
    nu: float
    kind_of: Any
    hyper: Any
    sigma: Any


@jit
def log_law(law, x):
    """Log density of a `PositivePrior` at x > 0, up to a constant; law = (number of the family, parameters)."""
    family, first, second = law[0], law[1], law[2]
    if family == 0:
        return -(first + 1) / 2 * math.log1p((x / second) ** 2 / first)
    if family == 1:
        return -math.log1p((x / first) ** 2)
    if family == 2:
        return -0.5 * (x / first) ** 2
    if family == 3:
        return -first * x
    if family == 4:
        return (first - 1) * math.log(x) - second * x
    if family == 5:
        return -(first + 1) * math.log(x) - second / x
    return -math.log(x) - 0.5 * ((math.log(x) - first) / second) ** 2


@jit
def log_half_t(log_x, log_scale, nu):
    """Log density of log x for a half-t x, up to a constant."""
    return log_x - log_scale - (nu + 1) / 2 * math.log1p(math.exp(2 * (log_x - log_scale)) / nu)


@jit
def log_marginal(log_scale, diagonal, below, e):
    """Log p(y | scale) of a block with prior N(0, scale^2 I), its coefficients integrated out (equation 3).

    -log|I + t T| / 2 + t e' (I + t T)^-1 e / 2 with t = scale^2 and T the tridiagonal form of the cavity
    precision. The pivots of I + t T are at least one, so rounding below one is cut off.
    """
    t = math.exp(2 * log_scale)
    pivot = max(1.0, 1.0 + t * diagonal[0])
    forward = e[0]
    total = t * forward * forward / pivot - math.log(pivot)
    for i in range(1, len(e)):
        ratio = t * below[i - 1] / pivot
        pivot = max(1.0, 1.0 + t * diagonal[i] - ratio * t * below[i - 1])
        forward = e[i] - ratio * forward
        total += t * forward * forward / pivot - math.log(pivot)
    return 0.5 * total


@jit
def _log_tau_density(x, data):
    diagonal, below, e, log_scale, nu = data
    return log_marginal(x, diagonal, below, e) + log_half_t(x, log_scale, nu)


@jit
def _shift_density(x, data):
    diagonal, below, e, log_hyper, law = data
    return log_marginal(x, diagonal, below, e) + log_law(law, math.exp(log_hyper + x)) + x


@jit
def _hyper_density(x, data):
    log_tau, kind_of, kind, nu, law = data
    total = log_law(law, math.exp(x)) + x
    for term in range(len(log_tau)):
        if kind_of[term] == kind:
            total += log_half_t(log_tau[term], x, nu)
    return total


@jit
def _log_sigma_density(x, data):
    rows, residual, law = data
    sigma = math.exp(x)
    return -(rows - 1) * x - 0.5 * residual / sigma**2 + log_law(law, sigma)


@jit
def propose_sigma(log_sigma, rows, residual, law, rng):
    """Metropolis step from the likelihood of one noise scale alone.

    With many rows a slice update would need thousands of narrow steps to get from the starting point to
    the posterior.
    """
    if rows <= 1 or residual <= 0:
        return log_sigma
    precision = rng.standard_gamma((rows - 1) / 2) / (residual / 2)
    proposal = -0.5 * math.log(max(precision, 1e-300))
    gain = log_law(law, math.exp(proposal)) - log_law(law, math.exp(log_sigma))
    return proposal if -rng.standard_exponential() < gain else log_sigma


@jit
def update_sigma(log_sigma, rows, residual, law, rng):
    """Step K1: noise scales given the residual sums of squares, in place."""
    for r in range(len(log_sigma)):
        start = propose_sigma(log_sigma[r], rows[r], residual[r], law, rng)
        width = min(1.0, 4.0 / math.sqrt(2.0 * max(rows[r], 1.0)))
        log_sigma[r] = slice_update(_log_sigma_density, (rows[r], residual[r], law), start, rng, width)


@jit
def update_hyper(state, prior, rng):
    """Step K3: hyper-scales given the scales of their terms, in place."""
    for kind in range(len(state.log_hyper)):
        data = (state.log_tau, prior.kind_of, kind, prior.nu, prior.hyper[kind])
        state.log_hyper[kind] = slice_update(_hyper_density, data, state.log_hyper[kind], rng, 2.0)


@jit
def move_kind(kind, terms, a, h, state, prior, rng, library):
    """Move A and all its tau by a common factor; A and h are the cavity of the kind's columns.

    With beta = tau z the factor is the prior standard deviation of z, so equation 3 holds with z in place
    of beta_g. The ratios tau / A do not change: only the prior of A enters.
    """
    n = len(h)
    scale, e, block = np.empty(n), np.empty(n), np.empty((n, n)).T
    for i in range(n):
        scale[i] = math.exp(state.log_tau[terms[i]])
        e[i] = h[i] * scale[i]
    copy_lower(library, a, block)
    for j in range(n):
        for i in range(j, n):
            block[i, j] *= scale[i] * scale[j]
    diagonal, below = tridiagonal(library, block, e)
    data = (diagonal, below, e, state.log_hyper[kind], prior.hyper[kind])
    shift = slice_update(_shift_density, data, 0.0, rng, 1.0)
    state.log_hyper[kind] += shift
    for term in range(len(state.log_tau)):
        if prior.kind_of[term] == kind:
            state.log_tau[term] += shift


@jit
def update_tau(term, a, h, state, prior, rng, library):
    """Step K2 for one term: slice update of log tau given its cavity A and h."""
    n = len(h)
    e, block = h.copy(), np.empty((n, n)).T
    copy_lower(library, a, block)
    diagonal, below = tridiagonal(library, block, e)
    data = (diagonal, below, e, state.log_hyper[prior.kind_of[term]], prior.nu)
    state.log_tau[term] = slice_update(_log_tau_density, data, state.log_tau[term], rng, 2.0)
