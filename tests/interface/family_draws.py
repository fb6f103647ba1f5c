"""Draws of the Gaussian approximation, for fits with other likelihoods that need no NUTS."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr


def gaussian_draws(rows: Any, design: Any, priors: Any, laplace: Any, *, draws: int, chains: int, **_: Any) -> Any:
    """Stand in for NUTS: draws of the Gaussian approximation at its scales."""
    rng = np.random.default_rng(0)
    tau, hyper = np.exp(laplace.log_tau), np.exp(laplace.log_hyper)
    factor = np.linalg.cholesky(laplace.precision + np.diag(np.append(1 / 25, tau[design.term_index] ** -2)))
    half = np.linalg.solve(factor, laplace.shift)
    shape = (chains, draws)
    z = rng.normal(size=(*shape, len(half)))
    sampled = {
        "coefficients": np.linalg.solve(factor.T, (half + z)[..., None])[..., 0],
        "tau": tau * np.exp(0.1 * rng.normal(size=(*shape, len(tau)))),
        "hyper": hyper * np.exp(0.1 * rng.normal(size=(*shape, len(hyper)))),
    }
    if rows.family.spread is not None:
        spread = laplace.spread
        sampled[rows.family.spread] = spread * np.exp(0.05 * rng.normal(size=(*shape, len(spread))))
    if rows.family.has_tail:
        sampled["nu"] = 5 * np.exp(0.1 * rng.normal(size=shape))
    return sampled, xr.Dataset({"lp": (("chain", "draw"), rng.normal(size=shape))})
