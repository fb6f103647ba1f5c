"""Log densities of kept draws: of the top-level priors, of the rows of each regime, of everything.

Power-scaling diagnostics (Kallioinen et al. 2024; ``az.psense_summary``) reweight draws by powers of
the prior or of the likelihood. The prior that is scaled is that of alpha, of the hyper-scales and of
the noise scales: what a user can change. The conditional priors p(beta | tau) and p(tau | A) are the
shape of the model; scaled as well, each would count once for every coefficient or term it has.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.statistics import SufficientStatistics

DIMS = ("chain", "draw")
LOG_2PI = float(np.log(2 * np.pi))


def log_prior(design: Design, priors: Priors, drawn: Mapping[str, FloatArray]) -> xr.Dataset:
    """Log density of the draws under the top-level priors.

    Parameters
    ----------
    design : Design
        Kinds of terms.
    priors : Priors
        The priors.
    drawn : mapping
        Draws as `run_chains` returns them.

    Returns
    -------
    Dataset
        ``alpha``, ``hyper`` (type) and ``sigma`` (noise_scale), densities of the scales themselves,
        in units of the outcome's standard deviation.
    """
    found = log_prior_of_scales(design, priors, drawn)
    sigma = priors.sigma.log_density(drawn["sigma"]) + priors.sigma.log_normaliser
    return found.assign(sigma=((*DIMS, "noise_scale"), sigma))


def log_prior_of_scales(design: Design, priors: Priors, drawn: Mapping[str, FloatArray]) -> xr.Dataset:
    """Log density of the draws of alpha and of the hyper-scales under their priors."""
    alpha = drawn["coefficients"][..., 0]
    hyper = [
        priors.hyper[kind].log_density(drawn["hyper"][..., i]) + priors.hyper[kind].log_normaliser
        for i, kind in enumerate(design.types)
    ]
    return xr.Dataset(
        {
            "alpha": (DIMS, _normal(alpha, np.array(priors.alpha_sd))),
            "hyper": ((*DIMS, "type"), np.stack(hyper, axis=-1)),
        }
    )


def log_likelihood(
    design: Design,
    statistics: SufficientStatistics,
    sigma_index: NDArray[np.intp],
    drawn: Mapping[str, FloatArray],
    known: LinearObservations | None = None,
) -> xr.Dataset:
    """Log likelihood of all rows of each regime, from their sufficient statistics.

    Parameters
    ----------
    design : Design
        Scale of the outcome.
    statistics : SufficientStatistics
        One entry a regime.
    sigma_index : ndarray of int, shape (R,)
        Which noise scale each regime has.
    drawn : mapping
        Draws as `run_chains` returns them.
    known : LinearObservations, optional
        Lift tests.

    Returns
    -------
    Dataset
        ``outcome`` with dims chain, draw, regime; the density of the outcome in its own units. With
        lift tests also ``lift_tests`` with dims chain, draw, lift_test.
    """
    beta, sigma = drawn["coefficients"], drawn["sigma"][..., sigma_index]
    squares = np.stack(
        [
            yy - 2 * beta @ cross + np.einsum("cdp,cdp->cd", beta @ gram, beta)
            for yy, cross, gram in zip(statistics.squares, statistics.cross, statistics.gram, strict=True)
        ],
        axis=-1,
    )
    scale = np.log(design.outcome_sd * sigma) + 0.5 * LOG_2PI
    values = -statistics.rows * scale - 0.5 * np.maximum(squares, 0.0) / sigma**2
    found = xr.Dataset({"outcome": ((*DIMS, "regime"), values)}, coords={"regime": list(statistics.regimes)})
    if known is not None:
        found["lift_tests"] = ((*DIMS, "lift_test"), known.log_density(beta, design.outcome_sd))
    return found


def log_posterior(
    design: Design, priors: Priors, drawn: Mapping[str, FloatArray], top: xr.Dataset, likelihood: xr.Dataset
) -> FloatArray:
    """Log density of the draws up to one constant; `top` and `likelihood` as made above."""
    beta, tau = drawn["coefficients"][..., 1:], drawn["tau"]
    ratio = tau / drawn["hyper"][..., design.type_index]
    nu = priors.tau_nu
    conditional = _normal(beta, tau[..., design.term_index]).sum(axis=-1) - np.sum(
        np.log(tau / ratio) + (nu + 1) / 2 * np.log1p(ratio**2 / nu), axis=-1
    )
    totals = [values.values.reshape(*tau.shape[:2], -1).sum(axis=-1) for values in top.data_vars.values()]
    return conditional + sum(totals) + sum(values.values.sum(axis=-1) for values in likelihood.data_vars.values())


def _normal(x: FloatArray, sd: FloatArray) -> FloatArray:
    return -0.5 * (x / sd) ** 2 - np.log(sd) - 0.5 * LOG_2PI
