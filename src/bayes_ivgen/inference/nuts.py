"""NUTS through PyMC, with the coefficients integrated out (design 4.5).

Given the scales the Gaussian model has a closed-form marginal likelihood. With
H = sum_r G_r / sigma_r^2, h = sum_r b_r / sigma_r^2 and prior precision D,

    log p(y | tau, sigma) = -sum_r (n_r log sigma_r + y_r'y_r / (2 sigma_r^2))
                            + log|D| / 2 - log|H + D| / 2 + h' (H + D)^-1 h / 2 + const,

so NUTS sees log tau, log A and log sigma only; the coefficients are then drawn exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.model.pymc_model import coordinates, scales

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr


def marginal_model(problem: GibbsProblem) -> pm.Model:
    """Build the model of the scales alone; the likelihood is a potential named ``marginal``.

    The statistics are data containers, ``rows``, ``gram``, ``cross`` and ``squares``: the compiled
    model can be used for other rows of the same design.
    """
    import pymc as pm
    import pytensor.tensor as pt

    design, statistics, priors = problem.design, problem.statistics, problem.priors
    alpha_precision = np.array([priors.alpha_sd**-2])
    with pm.Model(coords=coordinates(design, statistics.regimes)) as model:
        _, tau, sigma = scales(design, priors)
        rows, gram, cross, squares = (
            pm.Data(name, getattr(statistics, name)) for name in ("rows", "gram", "cross", "squares")
        )
        weights = sigma**-2
        information = pt.tensordot(weights, gram, axes=1)
        right = pt.dot(weights, cross)
        diagonal = pt.concatenate([alpha_precision, tau[design.term_index] ** -2])
        if problem.known is not None:
            information = information + pm.Data("known_gram", problem.known.gram)
            right = right + pm.Data("known_cross", problem.known.cross)
        factor = pt.linalg.cholesky(information + pt.diag(diagonal), lower=True)
        half = pt.linalg.solve_triangular(factor, right, lower=True)
        pm.Potential(
            "marginal",
            -pt.sum(rows * pt.log(sigma) + 0.5 * squares * weights)
            + 0.5 * pt.sum(pt.log(diagonal))
            - pt.sum(pt.log(pt.diag(factor)))
            + 0.5 * pt.sum(half**2),
        )
    return model


def coefficient_draws(
    problem: GibbsProblem, tau: FloatArray, sigma: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw the coefficients exactly, given draws of the scales of shape (chain, draw, ...)."""
    design = problem.design
    flat_tau, flat_sigma = tau.reshape(-1, tau.shape[-1]), sigma.reshape(-1, sigma.shape[-1])
    drawn = np.empty((len(flat_tau), design.n_coefficients))
    for i, (scale, noise) in enumerate(zip(flat_tau, flat_sigma, strict=True)):
        weights = noise**-2
        precision, right = problem.information(weights)
        precision[np.diag_indices_from(precision)] += np.append(
            problem.priors.alpha_sd**-2, scale[design.term_index] ** -2
        )
        factor = cholesky(precision, lower=True, check_finite=False)
        half = solve_triangular(factor, right, lower=True, check_finite=False)
        noise_draw = rng.normal(size=len(half))
        drawn[i] = solve_triangular(factor, half + noise_draw, lower=True, trans="T", check_finite=False)
    return drawn.reshape(*tau.shape[:2], -1)


def run_nuts(
    problem: GibbsProblem,
    *,
    draws: int,
    chains: int,
    tune: int,
    seed: np.random.SeedSequence,
    cores: int,
    progressbar: bool,
    nuts: dict[str, Any] | None = None,
) -> tuple[dict[str, NDArray[np.float64]], xr.Dataset]:
    """Sample the scales with PyMC (nutpie if it is installed) and the coefficients exactly.

    Returns
    -------
    draws : dict
        Arrays with leading dims (chain, draw): ``coefficients``, ``tau``, ``hyper``, ``sigma``.
    sample_stats : Dataset
        The sampler's own record.
    """
    import pymc as pm

    sampler_seed, coefficient_seed = seed.spawn(2)
    with marginal_model(problem):
        tree = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            random_seed=int(sampler_seed.generate_state(1)[0]),
            progressbar=progressbar,
            compute_convergence_checks=False,
            **({} if nuts is None else {"nuts": nuts}),
        )
    posterior = tree["posterior"].dataset
    kept = {name: posterior[name].values for name in ("tau", "hyper", "sigma")}
    rng = np.random.default_rng(coefficient_seed)
    kept["coefficients"] = coefficient_draws(problem, kept["tau"], kept["sigma"], rng)
    return kept, tree["sample_stats"].dataset
