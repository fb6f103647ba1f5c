"""Slice sampling of one scalar on the log scale (Neal 2003, stepping out and shrinking)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bayes_ivgen.basis.base import FloatArray

WIDTH = 2.0
MAX_STEPS = 20
BOUND = 60.0  # |log x| never exceeds this: keeps exp() finite where a likelihood is flat


def slice_update(
    log_density: Callable[[FloatArray], FloatArray], x: FloatArray, rng: np.random.Generator, width: float = WIDTH
) -> FloatArray:
    """One slice-sampling update of independent coordinates, all at once.

    Parameters
    ----------
    log_density : callable
        Log density of every coordinate given as an array of the shape of `x`; coordinates must be
        independent of one another.
    x : ndarray of shape (m,)
        Current values.
    rng : numpy.random.Generator
        Source of randomness.
    width : float
        First width of the bracket.

    Returns
    -------
    ndarray of shape (m,)
        New values; the density is left invariant.
    """
    level = log_density(x) - rng.exponential(size=x.shape)
    low = x - width * rng.random(x.shape)
    high = low + width
    low, high = _step_out(log_density, low, level, -width), _step_out(log_density, high, level, width)
    new, open_ = x.copy(), np.ones(x.shape, dtype=bool)
    while True:
        proposal = np.where(open_, low + (high - low) * rng.random(x.shape), new)
        inside = log_density(proposal) > level
        new = np.where(open_ & inside, proposal, new)
        open_ &= ~inside
        if not open_.any():
            return new
        low = np.where(open_ & (proposal < x), proposal, low)
        high = np.where(open_ & (proposal > x), proposal, high)
        collapsed = open_ & (high - low < 1e-12)
        new = np.where(collapsed, x, new)
        open_ &= ~collapsed
        if not open_.any():
            return new


def scalar_slice_update(
    log_density: Callable[[float], float], x: float, rng: np.random.Generator, width: float = WIDTH
) -> float:
    """One slice-sampling update of a single number; see `slice_update`."""
    level = log_density(x) - rng.standard_exponential()
    low = x - width * rng.random()
    high = low + width
    for _ in range(MAX_STEPS):
        if low < -BOUND or log_density(low) <= level:
            break
        low -= width
    for _ in range(MAX_STEPS):
        if high > BOUND or log_density(high) <= level:
            break
        high += width
    while high - low > 1e-12:
        new = low + (high - low) * rng.random()
        if log_density(new) > level:
            return new
        if new < x:
            low = new
        else:
            high = new
    return x


def _step_out(
    log_density: Callable[[FloatArray], FloatArray], edge: FloatArray, level: FloatArray, step: float
) -> FloatArray:
    for _ in range(MAX_STEPS):
        outside = (log_density(edge) <= level) | (np.abs(edge) > BOUND)
        if outside.all():
            break
        edge = np.where(outside, edge, edge + step)
    return edge
