"""Slice sampling of one scalar on the log scale (Neal 2003, stepping out and shrinking)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MAX_STEPS = 20
BOUND = 60.0  # |log x| never exceeds this: keeps exp() finite where a likelihood is flat


def slice_update(
    log_density: Callable[[float, Any], float], data: Any, x: float, rng: np.random.Generator, width: float
) -> float:
    """One slice-sampling update of a single number; plain Python that `inference.kernels` compiles.

    Parameters
    ----------
    log_density : callable
        Log density as a function of the number and of `data`.
    data : object
        Passed on to `log_density`.
    x : float
        Current value.
    rng : numpy.random.Generator
        Source of randomness.
    width : float
        First width of the bracket.

    Returns
    -------
    float
        New value; the density is left invariant.
    """
    level = log_density(x, data) - rng.standard_exponential()
    low = x - width * rng.random()
    high = low + width
    for _ in range(MAX_STEPS):
        if low < -BOUND or log_density(low, data) <= level:
            break
        low -= width
    for _ in range(MAX_STEPS):
        if high > BOUND or log_density(high, data) <= level:
            break
        high += width
    while high - low > 1e-12:
        new = low + (high - low) * rng.random()
        if log_density(new, data) > level:
            return new
        if new < x:
            low = new
        else:
            high = new
    return x
