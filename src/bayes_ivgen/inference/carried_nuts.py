"""NUTS for the model with random transforms, coefficients integrated out (docs/theory/carry_over.md).

Given theta, what is free in carry-over and saturation, and the scales, the model is linear and Gaussian. With columns X
at theta, weights W = diag(w / sigma^2) and T = diag(alpha_sd, tau),

    A = I + T X'W X T = L L',   u = L^-1 T X'W y,
    log p(y | theta, tau, sigma) = -log |L| - (y'W y - u'u) / 2 - sum_t w_t (log sigma_t + log(2 pi) / 2),
    b | y, theta, tau, sigma ~ T L'^-1 (u + N(0, I)).

NUTS samples theta and the scales; coefficients are drawn afterwards. Lift tests are rows with known noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.conjugate import GibbsProblem, run_chain
from bayes_ivgen.media.transforms import draws_of, parameter_of
from bayes_ivgen.model.carried_model import CarriedProblem, carried_spends, transform_variables
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.model.pymc_model import scales
from bayes_ivgen.progress import timed
from bayes_ivgen.statistics import SufficientStatistics

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

PILOT = 150  # iterations of the Gibbs sampler at the reference, and as many before
COARSE = (0.05, 0.25, 0.5, 0.75, 0.95)  # quantiles of priors, the grid on which the start is sought
SWEEPS = 2

Numbers = dict[str, dict[str, float]]  # of what is free, by action and name
GibbsAt = Callable[[Numbers], GibbsProblem]


class Pilot(NamedTuple):
    """Where chains start: numbers for what is free, and posterior means of the log scales there."""

    start: Numbers
    log_tau: FloatArray
    log_hyper: FloatArray
    log_sigma: FloatArray


def statistics_at(problem: CarriedProblem, parameters: Numbers) -> SufficientStatistics:
    """Sum the rows at numbers for what is free, one entry a regime."""
    x, y, weights = problem.columns(parameters), problem.outcome, problem.rows.weights
    labels = tuple(regime.label for regime in problem.rows.regimes)
    found = SufficientStatistics.zeros(labels, problem.design.n_coefficients)
    for r in range(len(labels)):
        at = problem.rows.regime == r
        weighted = x[at] * weights[at, None]
        found.rows[r], found.squares[r] = weights[at].sum(), weights[at] @ y[at] ** 2
        found.gram[r], found.cross[r] = weighted.T @ x[at], weighted.T @ y[at]
    return found


def run_pilot(problem: CarriedProblem, gibbs_at: GibbsAt, start: Numbers, seed: np.random.SeedSequence) -> Pilot:
    """Find a reference and sample the scales there.

    Parameters
    ----------
    problem : CarriedProblem
        Says what is free.
    gibbs_at : callable
        From numbers for what is free to the Gaussian model of the rest.
    start : dict
        First guess.
    seed : SeedSequence
        Of the Gibbs sampler.
    """
    first, second = seed.spawn(2)
    scales_ = _log_scales(gibbs_at(start), first)
    start = {action: dict(named) for action, named in start.items()}
    for _ in range(SWEEPS):
        for action, items in problem.transforms.items():
            for item in items:
                start = _best(item.free, action, start, lambda at: _conditional(gibbs_at(at), scales_))
    return Pilot(start, *_log_scales(gibbs_at(start), second))


def _best(free: Mapping[str, Any], action: str, start: Numbers, value_of: Callable[[Numbers], float]) -> Numbers:
    """Return the start with the best numbers of one transform on a grid of all of them.

    One at a time would not do: in natural rows short carry-over with a long memory is much like the reverse.
    """
    if not free:
        return start
    tried = [start]
    for values in product(*(prior.quantiles(*COARSE) for prior in free.values())):
        tried.append({**start, action: {**start[action], **dict(zip(free, values, strict=True))}})
    densities = [sum(float(p.log_density(at[action][name])) for name, p in free.items()) for at in tried]
    return tried[int(np.argmax([value_of(at) + density for at, density in zip(tried, densities, strict=True)]))]


def _log_scales(gibbs: GibbsProblem, seed: np.random.SeedSequence) -> tuple[FloatArray, FloatArray, FloatArray]:
    kept = run_chain(gibbs, PILOT, PILOT, seed)
    log_tau, log_hyper, log_sigma = (np.log(kept[name]).mean(axis=0) for name in ("tau", "hyper", "sigma"))
    return log_tau, log_hyper, log_sigma


def _conditional(gibbs: GibbsProblem, scales_: tuple[FloatArray, FloatArray, FloatArray]) -> float:
    """Log likelihood given the scales, coefficients integrated out, up to a constant."""
    log_tau, _, log_sigma = scales_
    gram, cross = gibbs.information(np.exp(-2 * log_sigma))
    spread = np.append(gibbs.priors.alpha_sd, np.exp(log_tau)[gibbs.design.term_index])
    factor, half = _factored(gram, cross, spread)
    return float(0.5 * half @ half - np.log(np.diag(factor)).sum())


def _factored(gram: FloatArray, cross: FloatArray, spread: FloatArray) -> tuple[FloatArray, FloatArray]:
    """L and u from X'W X, X'W y and the diagonal of T."""
    precision = gram * spread[:, None] * spread
    precision[np.diag_indices_from(precision)] += 1.0
    factor = cholesky(precision, lower=True, check_finite=False)
    return factor, solve_triangular(factor, spread * cross, lower=True, check_finite=False)


def collapsed_model(problem: CarriedProblem, priors: Priors) -> pm.Model:
    """Build the model that NUTS samples: the transforms and the scales, coefficients integrated out."""
    import pymc as pm
    import pytensor.tensor as pt

    design, rows = problem.design, problem.rows
    with pm.Model(coords=problem.coords) as model:
        variables = transform_variables(problem)
        _, tau, sigma = scales(design, priors)
        noise = sigma[problem.sigma_index[rows.regime]]
        root = np.sqrt(rows.weights) / noise
        x = problem.random_rows(variables, *carried_spends(problem, variables)) * root[:, None]
        y = problem.outcome * root
        constant = np.log(design.outcome_sd) + 0.5 * np.log(2 * np.pi)
        density = -pt.sum(rows.weights * (pt.log(noise) + constant))
        if problem.tests is not None:
            known = LinearObservations.of_lift_tests(problem.tests, design)
            x = pt.concatenate([x, problem.lift_rows(variables) / known.sd[:, None]], axis=0)
            y = pt.concatenate([y, known.values / known.sd])
            density = density - np.sum(np.log(known.sd) + constant)
        spread = pt.concatenate([np.array([priors.alpha_sd]), tau[design.term_index]])[problem.order]
        pm.Potential("rows", density + integrated(x * spread[None, :], y))
    return model


def integrated(x: Any, y: Any) -> Any:
    """Return log of the integral of exp(-|y - X z|^2 / 2) N(z; 0, I) over z as a tensor; X and y are tensors.

    Its gradient is written down: derivatives through a Cholesky factor take as long again to compile. At the best z
    the exponent, -(|y - X z|^2 + |z|^2) / 2, does not change with z, and d log|A| / 2 = tr(A^-1 X' dX), A = I + X'X.
    """
    import pytensor.tensor as pt
    from pytensor.gradient import disconnected_grad as constant

    identity = pt.eye(x.shape[1])
    factor = constant(pt.linalg.cholesky(pt.dot(x.T, x) + identity, lower=True))
    root = pt.linalg.solve_triangular(factor, identity, lower=True)
    inverse = pt.dot(root.T, root)
    best = constant(pt.dot(inverse, pt.dot(x.T, y)))
    rest = y - pt.dot(x, best)
    change = pt.sum(constant(pt.dot(x, inverse)) * x)  # has the gradient of log|A| / 2
    log_root = constant(pt.sum(pt.log(pt.diag(factor))) - change) + change
    return -log_root - 0.5 * (pt.dot(rest, rest) + pt.dot(best, best))


def coefficient_draws(
    problem: CarriedProblem, priors: Priors, posterior: xr.Dataset, seed: np.random.SeedSequence, cores: int
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Draw coefficients given each draw of transforms and scales.

    Returns
    -------
    coefficients : ndarray of shape (chain, draw, P)
        alpha followed by beta.
    log_likelihood : ndarray of shape (chain, draw, R)
        Of all rows of each regime.
    of_tests : ndarray of shape (chain, draw, lift tests) or None
        Log density of each lift test.
    """
    design, rows = problem.design, problem.rows
    shape = posterior["tau"].shape[:2]
    tau = posterior["tau"].values.reshape(-1, posterior["tau"].shape[-1])
    sigma = posterior["sigma"].values.reshape(len(tau), -1)
    free = {action: {name: x.ravel() for name, x in named.items()} for action, named in draws_of(posterior).items()}
    normal = np.random.default_rng(seed).standard_normal((len(tau), design.n_coefficients))
    totals = np.bincount(rows.regime, rows.weights, len(rows.regimes))
    constant = np.log(design.outcome_sd) + 0.5 * np.log(2 * np.pi)

    def one(i: int) -> tuple[FloatArray, FloatArray, FloatArray | None]:
        at = {action: {name: float(x[i]) for name, x in named.items()} for action, named in free.items()}
        x, known = problem.columns(at), problem.lift_tests_at(at)
        noise = sigma[i][problem.sigma_index]
        weighted = x * (rows.weights / noise[rows.regime] ** 2)[:, None]
        gram, cross = weighted.T @ x, weighted.T @ problem.outcome
        if known is not None:
            gram, cross = gram + known.gram, cross + known.cross
        spread = np.append(priors.alpha_sd, tau[i][design.term_index])
        factor, half = _factored(gram, cross, spread)
        b = spread * solve_triangular(factor, half + normal[i], lower=True, trans=1, check_finite=False)
        squares = np.bincount(rows.regime, rows.weights * (problem.outcome - x @ b) ** 2, len(totals))
        likelihood = -totals * (np.log(noise) + constant) - 0.5 * squares / noise**2
        return b, likelihood, None if known is None else known.log_density(b, design.outcome_sd)

    with ThreadPoolExecutor(cores) as pool:
        drawn = list(pool.map(one, range(len(tau))))
    b, likelihood = (np.array([item[j] for item in drawn]).reshape(*shape, -1) for j in (0, 1))
    of_tests = None if problem.tests is None else np.array([item[2] for item in drawn]).reshape(*shape, -1)
    return b, likelihood, of_tests


def starting_point(problem: CarriedProblem, pilot: Pilot, priors: Priors) -> dict[str, Any]:
    """Values at which the chains start, before jitter."""
    design, hyper = problem.design, np.exp(pilot.log_hyper)
    if len({priors.hyper[kind] for kind in design.types}) == 1:
        start: dict[str, Any] = {"hyper": hyper}
    else:
        start = {f"hyper_{kind.value}": value for kind, value in zip(design.types, hyper, strict=True)}
    start |= {
        f"{variable}[{action}]": pilot.start[action][str(parameter_of(variable))]
        for variable, priors in problem.free.items()
        for action in priors
    }
    scale = {"tau": np.exp(pilot.log_tau), "sigma": np.exp(pilot.log_sigma)}
    return start | scale


def run_carried_nuts(
    problem: CarriedProblem,
    priors: Priors,
    pilot: Pilot,
    *,
    draws: int,
    chains: int,
    tune: int,
    seed: np.random.SeedSequence,
    cores: int,
    progressbar: bool,
    nuts: dict[str, Any] | None = None,
) -> tuple[dict[str, FloatArray], xr.Dataset]:
    """Sample with PyMC (nutpie if it is installed).

    Returns
    -------
    draws : dict
        Arrays with leading dims (chain, draw): ``coefficients``, ``tau``, ``hyper``, ``sigma``, ``log_likelihood``
        of the regimes, ``log_likelihood_of_tests`` if there are any, and what is free in the transforms, such as
        ``adstock_alpha``.
    sample_stats : Dataset
        The sampler's own record.
    """
    import pymc as pm
    from threadpoolctl import threadpool_limits

    first, second = seed.spawn(2)
    with collapsed_model(problem, priors), threadpool_limits(limits=1):
        tree = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            random_seed=int(first.generate_state(1)[0]),
            initvals=starting_point(problem, pilot, priors),
            progressbar=progressbar,
            compute_convergence_checks=False,
            **({} if nuts is None else {"nuts": nuts}),
        )
    posterior = tree["posterior"].dataset
    found = {name: posterior[name].values for name in ("tau", "hyper", "sigma", *problem.free)}
    with timed("drawing coefficients"), threadpool_limits(limits=1, user_api="blas"):
        coefficients, likelihood, of_tests = coefficient_draws(problem, priors, posterior, second, cores)
    found |= {"coefficients": coefficients, "log_likelihood": likelihood}
    if of_tests is not None:
        found["log_likelihood_of_tests"] = of_tests
    return found, tree["sample_stats"].dataset
