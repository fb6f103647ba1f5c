"""NUTS for the other families, in coefficients whitened by a Gaussian approximation (docs/theory/links.md).

With the approximation exp(-b'Hb/2 + h'b) of the likelihood and the prior precision D(tau),

    H + D = L L',   b = L'^-1 (L^-1 h + z),

z is close to standard normal whatever the scales are: the funnel between coefficients and scales,
where NUTS diverges, is gone. The density is that of the model, exact: prior and likelihood at b,
and the Jacobian |db/dz| = 1 / |L|.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.laplace import Laplace
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.family_model import cell_likelihood, family_coordinates, spread_variables
from bayes_ivgen.model.family_rows import CollapsedRows
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.model.pymc_model import term_scales

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr


def whitened_model(
    rows: CollapsedRows,
    design: Design,
    priors: Priors,
    laplace: Laplace,
    known: LinearObservations | None = None,
) -> pm.Model:
    """Build the model that NUTS samples; ``coefficients`` are alpha followed by beta, `known` are lift tests."""
    import pymc as pm
    import pytensor.tensor as pt

    p = design.n_coefficients
    with pm.Model(coords=family_coordinates(rows, design)) as model:
        _, tau = term_scales(design, priors)
        spread, tail = spread_variables(rows, design, priors)
        diagonal = pt.concatenate([np.array([priors.alpha_sd**-2]), tau[design.term_index] ** -2])
        factor = pt.linalg.cholesky(laplace.precision + pt.diag(diagonal), lower=True)
        z = pm.Flat("whitened", shape=p)
        half = pt.linalg.solve_triangular(factor, laplace.shift, lower=True)
        coefficients = pt.linalg.solve_triangular(factor, half + z, lower=True, trans=1)
        pm.Deterministic("coefficients", coefficients)
        pm.Potential(
            "prior_of_coefficients",
            0.5 * pt.sum(pt.log(diagonal)) - 0.5 * pt.sum(diagonal * coefficients**2) - 0.5 * p * np.log(2 * np.pi),
        )
        pm.Potential("jacobian", -pt.sum(pt.log(pt.diag(factor))))
        scaled = pt.concatenate([pt.dot(x, coefficients[active]) for active, x in rows.blocks(design)])
        predictor = design.outcome_mean + design.outcome_sd * scaled
        pm.Potential("rows", cell_likelihood(rows, predictor, spread, tail))
        if known is not None:
            pm.Potential("lift_tests", pt.sum(known.log_density(coefficients, design.outcome_sd)))
    return model


def starting_point(rows: CollapsedRows, laplace: Laplace, priors: Priors, design: Design) -> dict[str, Any]:
    """Values at which the chains start, before jitter."""
    hyper = np.exp(laplace.log_hyper)
    if len({priors.hyper[kind] for kind in design.types}) == 1:
        start: dict[str, Any] = {"hyper": hyper}
    else:
        start = {f"hyper_{kind.value}": value for kind, value in zip(design.types, hyper, strict=True)}
    start |= {"tau": np.exp(laplace.log_tau), "whitened": np.zeros(design.n_coefficients)}
    if rows.family.spread is not None:
        start[rows.family.spread] = laplace.spread
    return start | ({"nu": 5.0} if rows.family.has_tail else {})


def run_family_nuts(
    rows: CollapsedRows,
    design: Design,
    priors: Priors,
    laplace: Laplace,
    *,
    draws: int,
    chains: int,
    tune: int,
    seed: np.random.SeedSequence,
    cores: int,
    progressbar: bool,
    nuts: dict[str, Any] | None = None,
    known: LinearObservations | None = None,
) -> tuple[dict[str, FloatArray], xr.Dataset]:
    """Sample with PyMC (nutpie if it is installed).

    Returns
    -------
    draws : dict
        Arrays with leading dims (chain, draw): ``coefficients``, ``tau``, ``hyper`` and the
        parameters of spread of the family.
    sample_stats : Dataset
        The sampler's own record.
    """
    import pymc as pm
    from threadpoolctl import threadpool_limits

    with whitened_model(rows, design, priors, laplace, known), threadpool_limits(limits=1):
        tree = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            random_seed=int(seed.generate_state(1)[0]),
            initvals=starting_point(rows, laplace, priors, design),
            progressbar=progressbar,
            compute_convergence_checks=False,
            **({} if nuts is None else {"nuts": nuts}),
        )
    posterior = tree["posterior"].dataset
    names = ("coefficients", "tau", "hyper", *rows.family.parameters)
    return {name: posterior[name].values for name in names}, tree["sample_stats"].dataset
