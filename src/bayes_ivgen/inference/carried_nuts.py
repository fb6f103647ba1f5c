"""NUTS for the model with random transforms, in coefficients whitened at a reference (docs/theory/carry_over.md).

As in `inference.family_nuts`, with the precision H of the likelihood at the reference and the prior precision D(tau),

    H + D = L L',   b = L'^-1 (L^-1 h + z) + d(theta),

theta what is free in carry-over and saturation. Given theta the likelihood is Gaussian, and its mean moves with theta:
d is that move, from the reference, at the scales of a pilot. So z is nearly standard normal whatever the scales and the
transforms are. The density is that of the model, exact; d adds nothing to the Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.conjugate import GibbsProblem, run_chain
from bayes_ivgen.media.transforms import parameter_of
from bayes_ivgen.model.carried_model import CarriedProblem, carried_spends, transform_variables
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.model.pymc_model import scales
from bayes_ivgen.statistics import SufficientStatistics

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

PILOT = 150  # iterations of the Gibbs sampler at the reference, and as many before
NODES = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)  # quantiles of the prior at which coefficients are found
COARSE = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the grid on which the reference is sought
DEGREE, SWEEPS = 4, 2

Numbers = dict[str, dict[str, float]]  # of what is free, by action and name
GibbsAt = Callable[[Numbers], GibbsProblem]


class Move(NamedTuple):
    """How coefficients move with one parameter: sum_i powers[i] (u^(i+1) - u0^(i+1)), u = (theta - centre) / unit."""

    centre: float
    unit: float
    powers: FloatArray  # (degree, P)
    start: float

    def at(self, theta: Any) -> Any:
        """Evaluate at a number or a tensor."""
        u, u0 = (theta - self.centre) / self.unit, (self.start - self.centre) / self.unit
        return sum((u ** (i + 1) - u0 ** (i + 1)) * row for i, row in enumerate(self.powers))


class Pilot(NamedTuple):
    """Likelihood of the coefficients at the reference, exp(-b'Hb/2 + h'b), and posterior means of the log scales."""

    start: Numbers
    precision: FloatArray
    shift: FloatArray
    log_tau: FloatArray
    log_hyper: FloatArray
    log_sigma: FloatArray
    moves: dict[str, dict[str, Move]]


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
                start = _best(item.free, action, start, lambda at: _conditional(gibbs_at(at), scales_)[1])
    gibbs = gibbs_at(start)
    scales_ = _log_scales(gibbs, second)
    moves: dict[str, dict[str, Move]] = {action: {} for action in start}
    for variable, priors in problem.free.items():
        name = str(parameter_of(variable))
        for action, prior in priors.items():
            nodes = np.array(prior.quantiles(*NODES))
            means = [_conditional(gibbs_at(_with(start, action, name, float(x))), scales_)[0] for x in nodes]
            centre, unit = float(nodes.mean()), float(nodes.std())
            fitted = np.polynomial.polynomial.polyfit((nodes - centre) / unit, np.array(means), DEGREE)
            powers = np.asarray(fitted[1:], dtype=np.float64)
            moves[action][name] = Move(centre, unit, powers, start[action][name])
    log_tau, log_hyper, log_sigma = scales_
    return Pilot(start, *gibbs.information(np.exp(-2 * log_sigma)), log_tau, log_hyper, log_sigma, moves)


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


def _with(start: Numbers, action: str, name: str, value: float) -> Numbers:
    return {**start, action: {**start[action], name: value}}


def _log_scales(gibbs: GibbsProblem, seed: np.random.SeedSequence) -> tuple[FloatArray, FloatArray, FloatArray]:
    kept = run_chain(gibbs, PILOT, PILOT, seed)
    log_tau, log_hyper, log_sigma = (np.log(kept[name]).mean(axis=0) for name in ("tau", "hyper", "sigma"))
    return log_tau, log_hyper, log_sigma


def _conditional(gibbs: GibbsProblem, scales_: tuple[FloatArray, FloatArray, FloatArray]) -> tuple[FloatArray, float]:
    """Posterior mean of the coefficients given the scales, and the log likelihood of these, up to a constant."""
    log_tau, _, log_sigma = scales_
    precision, shift = gibbs.information(np.exp(-2 * log_sigma))
    precision[np.diag_indices_from(precision)] += np.append(
        gibbs.priors.alpha_sd**-2, np.exp(-2 * log_tau)[gibbs.design.term_index]
    )
    factor = cho_factor(precision, lower=True, check_finite=False)
    mean = cho_solve(factor, shift, check_finite=False)
    return mean, float(0.5 * shift @ mean - np.log(np.diag(factor[0])).sum())


def whitened_model(
    problem: CarriedProblem, priors: Priors, pilot: Pilot, known: LinearObservations | None = None
) -> pm.Model:
    """Build the model that NUTS samples; ``coefficients`` are alpha followed by beta, `known` are lift tests."""
    import pymc as pm
    import pytensor.tensor as pt

    design, rows = problem.design, problem.rows
    p = design.n_coefficients
    with pm.Model(coords=problem.coords) as model:
        variables = transform_variables(problem)
        spends, naturals = carried_spends(problem, variables)
        _, tau, sigma = scales(design, priors)
        diagonal = pt.concatenate([np.array([priors.alpha_sd**-2]), tau[design.term_index] ** -2])
        factor = pt.linalg.cholesky(pilot.precision + pt.diag(diagonal), lower=True)
        z = pm.Flat("whitened", shape=p)
        half = pt.linalg.solve_triangular(factor, pilot.shift, lower=True)
        coefficients = pt.linalg.solve_triangular(factor, half + z, lower=True, trans=1)
        for action, moves in pilot.moves.items():
            for name, move in moves.items():
                coefficients = coefficients + move.at(variables[action][name])
        pm.Deterministic("coefficients", coefficients)
        pm.Potential(
            "prior_of_coefficients",
            0.5 * pt.sum(pt.log(diagonal)) - 0.5 * pt.sum(diagonal * coefficients**2) - 0.5 * p * np.log(2 * np.pi),
        )
        pm.Potential("jacobian", -pt.sum(pt.log(pt.diag(factor))))
        fixed = design.rows(rows.values, problem.was_set, rows.dataset)[:, problem.known_columns]
        mean = problem.mean(coefficients, variables, spends, naturals, fixed)
        of_regime = np.eye(len(rows.regimes))[rows.regime] * rows.weights[:, None]
        squares = pt.dot((problem.outcome - mean) ** 2, of_regime)
        noise = sigma[problem.sigma_index]
        constant = np.log(design.outcome_sd) + 0.5 * np.log(2 * np.pi)
        found = -of_regime.sum(axis=0) * (pt.log(noise) + constant) - 0.5 * squares / noise**2
        pm.Potential("rows", pt.sum(pm.Deterministic("log_likelihood", found, dims="regime")))
        if known is not None:
            pm.Potential("lift_tests", pt.sum(known.log_density(coefficients, design.outcome_sd)))
    return model


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
    return start | scale | {"whitened": np.zeros(design.n_coefficients)}


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
    known: LinearObservations | None = None,
) -> tuple[dict[str, FloatArray], xr.Dataset]:
    """Sample with PyMC (nutpie if it is installed).

    Returns
    -------
    draws : dict
        Arrays with leading dims (chain, draw): ``coefficients``, ``tau``, ``hyper``, ``sigma``, ``log_likelihood``
        and what is free in the transforms, such as ``adstock_alpha``.
    sample_stats : Dataset
        The sampler's own record.
    """
    import pymc as pm
    from threadpoolctl import threadpool_limits

    with whitened_model(problem, priors, pilot, known), threadpool_limits(limits=1):
        tree = pm.sample(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            random_seed=int(seed.generate_state(1)[0]),
            initvals=starting_point(problem, pilot, priors),
            progressbar=progressbar,
            compute_convergence_checks=False,
            **({} if nuts is None else {"nuts": nuts}),
        )
    posterior = tree["posterior"].dataset
    names = ["coefficients", "tau", "hyper", "sigma", "log_likelihood", *problem.free]
    return {name: posterior[name].values for name in names}, tree["sample_stats"].dataset
