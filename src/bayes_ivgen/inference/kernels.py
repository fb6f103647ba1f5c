"""The iterations of the Gibbs sampler as compiled kernels (docs/theory/gibbs.md has the formulas).

This module imports numba, which takes time: import it where a chain starts, not above.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from bayes_ivgen.inference import elimination, lapack, scale_kernels, slices
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
    image,
    jit,
    preimage,
    solve_back,
    solve_left,
    solve_right,
    solve_vector,
    subtract_crossproduct,
    subtract_product,
)
from bayes_ivgen.inference.scale_kernels import Prior, State, move_kind, update_hyper, update_sigma, update_tau

__all__ = ["LIBRARY", "Information", "Prior", "State", "run"]


RIDGE = 2e-15  # added to H, relative to its diagonal: more than rounding leaves of a precision that is zero
RESOLUTION = 1e-13  # of residual sums of squares, relative to the sum of squares


class Information(NamedTuple):
    """What the rows say: lower triangles of all G_r, b_r, y_r'y_r and n_r, in sorted order.

    Further G and b, of observations with known noise, may follow those of the R noise scales.
    """

    gram: Any
    cross: Any
    squares: Any
    rows: Any


@jit
def write(x, y):
    """Copy x into y; an assignment of slices takes seconds to compile."""
    for i in range(len(x)):
        y[i] = x[i]


@jit
def factor(a, size, terms, log_tau, library):
    """Replace A by the factor L of A + diag(1 / tau^2); with a tiny ridge if rounding made it indefinite.

    A may be a small difference of large numbers: its rounding, and so the ridge, goes by the diagonal `size` that
    the whole matrix had before anything was integrated out.
    """
    n = a.shape[0]
    backup = np.empty((n, n)).T
    copy_lower(library, a, backup)
    ridge = 0.0
    for _ in range(7):
        for j in range(n):
            a[j, j] += ridge * size[j] + math.exp(-2 * log_tau[terms[j]])
        if cholesky(library, a) == 0:
            return
        ridge = RIDGE if ridge == 0 else ridge * 100
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
def integrate_first(a, h, rest, shift, size, terms, log_tau, library):
    """Cavity of the second part of a node, into `rest` and `shift`; A and h are left as they are."""
    m = len(shift)
    n = len(h) - m
    left, w, z = np.empty((n, n)).T, np.empty((n, m)).T, np.empty(n)
    copy_lower(library, a[:n, :n], left)
    copy(library, a[n:, :n], w)
    write(h[:n], z)
    factor(left[:, :], size, terms, log_tau, library)
    solve_right(library, left, w)
    solve_vector(library, left, z)
    copy_lower(library, a[n:, n:], rest)
    write(h[n:], shift)
    subtract_product(library, w, rest)
    image(library, -1.0, w, z, 1.0, shift)


@jit
def integrate_second(a, h, n, size, terms, log_tau, library):
    """Cavity of the first n columns of a node, in place; the rest of A holds L and Z, that of h z."""
    corner, z, half = a[n:, n:], a[n:, :n], h[n:]
    factor(corner, size, terms, log_tau, library)
    solve_left(library, corner, z)
    solve_vector(library, corner, half)
    subtract_crossproduct(library, z, a[:n, :n])
    preimage(library, -1.0, z, half, 1.0, h[:n])


@jit(inline="always")
def visit_all(schedule, base, upper, shifts, diagonal, state, prior, rng, library):
    """Carry out the steps of a schedule: update all scales, and turn the shift of level 0 into a draw."""
    for step in range(len(schedule.steps)):
        what, level, row, column, size, part, which = schedule.steps[step]
        a = (upper[level - 1] if level > 0 else base).T[row : row + size, row : row + size]
        h = shifts[level][row : row + size]
        terms, sizes = schedule.term_of[column : column + size], diagonal[column : column + size]
        if what == MOVE_KIND:
            move_kind(which, terms, a, h, state, prior, rng, library)
        elif what == UPDATE_TERM:
            update_tau(which, a, h, state, prior, rng, library)
        elif what == DRAW_TERM:
            factor(a, sizes, terms, state.log_tau, library)
            solve_vector(library, a, h)
            draw_given(a, h, rng, library)
        elif what == INTEGRATE_FIRST:
            rest, shift = upper[level].T[: size - part, : size - part], shifts[level + 1][: size - part]
            integrate_first(a, h, rest, shift, sizes, terms, state.log_tau, library)
        elif what == INTEGRATE_SECOND:
            integrate_second(a, h, part, sizes[part:], terms[part:], state.log_tau, library)
        elif what == DRAW_SECOND:
            image(library, -1.0, a[part:, :part], h[:part], 1.0, h[part:])
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


@jit(inline="always")
def residual_squares(information, beta, library):
    """Sum of squared residuals of each noise scale: y'y - 2 beta'b + beta'G beta, as far as it can be resolved."""
    n = len(information.rows)
    residual = information.squares.copy()
    preimage(library, 1.0, information.gram[:n].T, pack_square(beta), 1.0, residual)
    preimage(library, -2.0, information.cross[:n].T, beta, 1.0, residual)
    for r in range(n):
        residual[r] = max(residual[r], RESOLUTION * information.squares[r])
    return residual


@jit(inline="always")
def combine(information, log_sigma, library):
    """H, packed, and h at these noise scales."""
    n, size = information.gram.shape
    weights, packed, h = np.empty(n), np.empty(size), np.empty(information.cross.shape[1])
    for r in range(n):
        weights[r] = math.exp(-2 * log_sigma[r]) if r < len(log_sigma) else 1.0
    image(library, 1.0, information.gram.T, weights, 0.0, packed)
    image(library, 1.0, information.cross.T, weights, 0.0, h)
    return packed, h


@jit(inline="always")
def sweep(packed, h, schedule, state, prior, rng, library):
    """Update all tau and A with the coefficients integrated out (K2), and draw these (K4).

    The intercept, whose prior is fixed, is integrated out first and drawn last.
    """
    p, levels = len(h), max(1, len(schedule.sizes))
    largest = schedule.sizes[1] if levels > 1 else 0
    base, upper, shifts = np.empty((p - 1, p - 1)), np.empty((levels - 1, largest, largest)), np.empty((levels, p - 1))
    a, diagonal, at = base.T, np.empty(p - 1), p
    variance = 1.0 / (packed[0] + prior.alpha)
    for j in range(1, p):
        cross = variance * packed[j]
        shifts[0, j - 1] = h[j] - cross * h[0]
        diagonal[j - 1] = packed[at]
        for i in range(j, p):
            a[i - 1, j - 1] = packed[at + i - j] - cross * packed[i]
        a[j - 1, j - 1] += RIDGE * packed[at]
        at += p - j
    visit_all(schedule, base, upper, shifts, diagonal, state, prior, rng, library)
    mean = h[0]
    for j in range(1, p):
        state.beta[j] = shifts[0, j - 1]
        mean -= packed[j] * state.beta[j]
    state.beta[0] = variance * mean + math.sqrt(variance) * rng.standard_normal()


@jit(inline="always")
def iterate(information, schedule, state, prior, rng, library, sigma_fixed):
    """One iteration; changes the state in place."""
    if not sigma_fixed:
        residual = residual_squares(information, state.beta, library)
        update_sigma(state.log_sigma, information.rows, residual, prior.sigma, rng)
    packed, h = combine(information, state.log_sigma, library)
    sweep(packed, h, schedule, state, prior, rng, library)
    update_hyper(state, prior, rng)


def _compiled_run(sources: int) -> Any:
    """Compile `run`; the number of the sources enters the key of the cache on disk through the closure.

    By itself the cache looks at the file of `run` alone, not at those of the functions compiled into it.
    """

    def run(first, last, tune, information, schedule, state, prior, rng, library, kept):
        """Run iterations `first` to `last` of a chain; those after `tune` go into the arrays of `kept`.

        The first coefficients are drawn at the starting noise, so that step K1 sees a real residual.
        """
        for iteration in range(first, last if sources >= 0 else first):
            iterate(information, schedule, state, prior, rng, library, iteration == 0)
            i = iteration - tune
            if i >= 0:
                for j in range(len(state.beta)):
                    kept.beta[i, schedule.columns[j]] = state.beta[j]
                write(state.log_tau, kept.log_tau[i])
                write(state.log_hyper, kept.log_hyper[i])
                write(state.log_sigma, kept.log_sigma[i])

    try:
        return jit(run, cache=True)
    except RuntimeError:  # no folder for the cache
        return jit(run)


_FILES = (__file__, *(module.__file__ for module in (elimination, lapack, scale_kernels, slices)))
run = _compiled_run(crc32(b"".join(Path(str(file)).read_bytes() for file in _FILES)))
