"""The sweep of the Gibbs sampler as compiled kernels (docs/theory/gibbs.md has the formulas).

This module imports numba, which takes time: import it where a chain starts, not above.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from bayes_ivgen.inference import slices
from bayes_ivgen.inference.elimination import (
    DRAW_SECOND,
    DRAW_TERM,
    INTEGRATE_FIRST,
    INTEGRATE_SECOND,
    MOVE_KIND,
    UPDATE_TERM,
)
from bayes_ivgen.inference.lapack import (
    LIBRARY,
    cholesky,
    copy,
    copy_lower,
    jit,
    solve_back,
    solve_left,
    solve_right,
    solve_vector,
    subtract_crossproduct,
    subtract_image,
    subtract_preimage,
    subtract_product,
    tridiagonal,
)

__all__ = ["LIBRARY", "Prior", "Scales", "log_law", "log_marginal", "pack_square", "sweep", "update_sigma"]

# Compiled into each kernel: a compiled function as an argument would keep it out of the cache.
slice_update = njit(slices.slice_update, inline="always")


class Scales(NamedTuple):
    """Natural logarithms of tau (terms) and A (kinds of terms); changed in place."""

    log_tau: Any
    log_hyper: Any


class Prior(NamedTuple):
    """Degrees of freedom of the half-t of tau, kind of each term, and laws of the hyper-scales (`laws`)."""

    nu: float
    kind_of: Any
    hyper: Any


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
def update_hyper(scales, prior, rng):
    """Step K3: hyper-scales given the scales of their terms, in place."""
    for kind in range(len(scales.log_hyper)):
        data = (scales.log_tau, prior.kind_of, kind, prior.nu, prior.hyper[kind])
        scales.log_hyper[kind] = slice_update(_hyper_density, data, scales.log_hyper[kind], rng, 2.0)


@jit
def move_kind(kind, terms, a, h, scales, prior, rng, library):
    """Move A and all its tau by a common factor; A and h are the cavity of the kind's columns.

    With beta = tau z the factor is the prior standard deviation of z, so equation 3 holds with z in place
    of beta_g. The ratios tau / A do not change: only the prior of A enters.
    """
    n = len(h)
    scale, e, block = np.empty(n), np.empty(n), np.empty((n, n)).T
    for i in range(n):
        scale[i] = math.exp(scales.log_tau[terms[i]])
        e[i] = h[i] * scale[i]
    copy_lower(library, a, block)
    for j in range(n):
        for i in range(j, n):
            block[i, j] *= scale[i] * scale[j]
    diagonal, below = tridiagonal(library, block, e)
    data = (diagonal, below, e, scales.log_hyper[kind], prior.hyper[kind])
    shift = slice_update(_shift_density, data, 0.0, rng, 1.0)
    scales.log_hyper[kind] += shift
    for term in range(len(scales.log_tau)):
        if prior.kind_of[term] == kind:
            scales.log_tau[term] += shift


@jit
def update_tau(term, a, h, scales, prior, rng, library):
    """Step K2 for one term: slice update of log tau given its cavity A and h."""
    n = len(h)
    e, block = h.copy(), np.empty((n, n)).T
    copy_lower(library, a, block)
    diagonal, below = tridiagonal(library, block, e)
    data = (diagonal, below, e, scales.log_hyper[prior.kind_of[term]], prior.nu)
    scales.log_tau[term] = slice_update(_log_tau_density, data, scales.log_tau[term], rng, 2.0)


@jit
def factor(a, terms, log_tau, library):
    """Replace A by the factor L of A + diag(1 / tau^2); with a tiny ridge if rounding made it indefinite."""
    n = a.shape[0]
    backup = np.empty((n, n)).T
    copy_lower(library, a, backup)
    ridge = 0.0
    for _ in range(7):
        for j in range(n):
            a[j, j] = a[j, j] * (1 + ridge) + math.exp(-2 * log_tau[terms[j]])
        if cholesky(library, a) == 0:
            return
        ridge = 1e-14 if ridge == 0 else ridge * 100
        copy_lower(library, backup, a)
    raise np.linalg.LinAlgError(
        "the posterior precision is not positive definite; check the data for columns that are copies of each other"
    )


@jit
def draw_given(factor, half, rng, library):
    """Turn `half` into a draw from N(L'^-1 half, (L L')^-1)."""
    for i in range(len(half)):
        half[i] += rng.standard_normal()
    solve_back(library, factor, half)


@jit
def integrate_first(a, h, rest, shift, terms, log_tau, library):
    """Cavity of the second part of a node, into `rest` and `shift`; A and h are left as they are."""
    m = len(shift)
    n = len(h) - m
    left, w, z = np.empty((n, n)).T, np.empty((n, m)).T, np.empty(n)
    copy_lower(library, a[:n, :n], left)
    copy(library, a[n:, :n], w)
    for j in range(n):
        z[j] = h[j]
    factor(left[:, :], terms, log_tau, library)
    solve_right(library, left, w)
    solve_vector(library, left, z)
    copy_lower(library, a[n:, n:], rest)
    for i in range(m):
        shift[i] = h[n + i]
    subtract_product(library, w, rest)
    subtract_image(library, w, z, shift)


@jit
def integrate_second(a, h, n, terms, log_tau, library):
    """Cavity of the first n columns of a node, in place; the rest of A holds L and Z, that of h z."""
    corner, z, half = a[n:, n:], a[n:, :n], h[n:]
    factor(corner, terms, log_tau, library)
    solve_left(library, corner, z)
    solve_vector(library, corner, half)
    subtract_crossproduct(library, z, a[:n, :n])
    subtract_preimage(library, z, half, h[:n])


@jit
def visit_all(schedule, base, upper, shifts, scales, prior, rng, library):
    """Carry out the steps of a schedule: update all scales, and turn the shift of level 0 into a draw."""
    for step in range(len(schedule.steps)):
        what, level, row, column, size, part, which = schedule.steps[step]
        a = (upper[level - 1] if level > 0 else base).T[row : row + size, row : row + size]
        h = shifts[level][row : row + size]
        terms = schedule.term_of[column : column + size]
        if what == MOVE_KIND:
            move_kind(which, terms, a, h, scales, prior, rng, library)
        elif what == UPDATE_TERM:
            update_tau(which, a, h, scales, prior, rng, library)
        elif what == DRAW_TERM:
            factor(a, terms, scales.log_tau, library)
            solve_vector(library, a, h)
            draw_given(a, h, rng, library)
        elif what == INTEGRATE_FIRST:
            rest, shift = upper[level].T[: size - part, : size - part], shifts[level + 1][: size - part]
            integrate_first(a, h, rest, shift, terms, scales.log_tau, library)
        elif what == INTEGRATE_SECOND:
            integrate_second(a, h, part, terms[part:], scales.log_tau, library)
        elif what == DRAW_SECOND:
            subtract_image(library, a[part:, :part], h[:part], h[part:])
            draw_given(a[part:, part:], h[part:], rng, library)


@jit
def pack_square(x):
    """Packed lower triangle of 2 x x' with diagonal x^2: its product with a packed G is x' G x."""
    n, at = len(x), 0
    packed = np.empty(n * (n + 1) // 2)
    for j in range(n):
        packed[at] = x[j] * x[j]
        for i in range(1, n - j):
            packed[at + i] = 2.0 * x[j] * x[j + i]
        at += n - j
    return packed


@jit
def sweep(packed, h, alpha_precision, schedule, scales, prior, rng, library):
    """Update all scales with the coefficients integrated out (K2), draw these in place of h (K4), then K3.

    The intercept, whose prior is fixed, is integrated out first and drawn last.
    """
    p, levels = len(h), max(1, len(schedule.sizes))
    largest = schedule.sizes[1] if levels > 1 else 0
    base, upper, shifts = np.empty((p - 1, p - 1)), np.empty((levels - 1, largest, largest)), np.empty((levels, p - 1))
    a, at = base.T, p
    variance = 1.0 / (packed[0] + alpha_precision)
    for j in range(1, p):
        cross = variance * packed[j]
        shifts[0, j - 1] = h[j] - cross * h[0]
        for i in range(j, p):
            a[i - 1, j - 1] = packed[at + i - j] - cross * packed[i]
        at += p - j
    visit_all(schedule, base, upper, shifts, scales, prior, rng, library)
    mean = h[0]
    for j in range(1, p):
        h[j] = shifts[0, j - 1]
        mean -= packed[j] * h[j]
    h[0] = variance * mean + math.sqrt(variance) * rng.standard_normal()
    update_hyper(scales, prior, rng)
