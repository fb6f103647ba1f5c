"""The marginal model against brute force, and NUTS against the conjugate engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.nuts import coefficient_draws, marginal_model, run_nuts
from bayes_ivgen.interface import InterventionModel

MODEL = InterventionModel(causal=BSpline(5), confounding=Polynomial(1), graph="empty")
QUICK = "FAST_COMPILE"


@pytest.fixture(scope="module")
def problem(problem_of: Callable[..., GibbsProblem], small_data: RegimeData) -> GibbsProblem:
    return problem_of(small_data, MODEL)


def test_the_potential_is_the_marginal_likelihood(
    problem: GibbsProblem, rows_of: Callable[..., Any], small_data: RegimeData
) -> None:
    x, y, regime = rows_of(small_data, problem.design)
    model = marginal_model(problem)
    assert [potential.name for potential in model.potentials] == ["marginal"]
    potential = model.compile_logp(vars=model.potentials, mode=QUICK)
    start, rng = model.initial_point(), np.random.default_rng(0)
    gaps = []
    for _ in range(4):
        point = {name: value + rng.normal(0, 1, np.shape(value)) for name, value in start.items()}
        tau, sigma = np.exp(point["tau_log__"]), np.exp(point["sigma_log__"])
        prior = np.append(problem.priors.alpha_sd**2, tau[problem.design.term_index] ** 2)
        exact = stats.multivariate_normal.logpdf(y, np.zeros(len(y)), np.diag(sigma[regime] ** 2) + (x * prior) @ x.T)
        gaps.append(float(potential(point)) - exact)
    np.testing.assert_allclose(gaps, 0.5 * len(y) * np.log(2 * np.pi), rtol=1e-9)


def test_the_gradient_is_finite_and_right(problem: GibbsProblem) -> None:
    model = marginal_model(problem)
    density, gradient = model.compile_logp(mode=QUICK), model.compile_dlogp(mode=QUICK)
    start, rng = model.initial_point(), np.random.default_rng(0)
    assert np.isfinite(gradient(start)).all()
    point = {name: value + rng.normal(0, 1, np.shape(value)) for name, value in start.items()}
    step = {name: rng.normal(size=np.shape(value)) for name, value in point.items()}
    ahead, behind = ({name: point[name] + sign * 1e-5 * step[name] for name in point} for sign in (1, -1))
    flat = np.concatenate([np.ravel(step[variable.name]) for variable in model.value_vars])
    slope = (float(density(ahead)) - float(density(behind))) / 2e-5
    assert float(gradient(point) @ flat) == pytest.approx(slope, rel=1e-5)


def test_coefficients_given_the_scales_follow_their_gaussian(problem: GibbsProblem) -> None:
    rng = np.random.default_rng(0)
    tau, sigma = np.exp(rng.normal(-1, 1, len(problem.design.terms))), np.array([0.5, 0.8, 1.1])
    drawn = coefficient_draws(problem, np.tile(tau, (2, 1500, 1)), np.tile(sigma, (2, 1500, 1)), rng)
    assert drawn.shape == (2, 1500, problem.design.n_coefficients)
    precision = np.einsum("r,rpq->pq", sigma**-2.0, problem.statistics.gram)
    precision += np.diag(np.append(problem.priors.alpha_sd**-2, tau[problem.design.term_index] ** -2.0))
    mean = np.linalg.solve(precision, sigma**-2.0 @ problem.statistics.cross)
    z = (drawn.reshape(3000, -1) - mean) @ np.linalg.cholesky(precision)
    assert stats.kstest(np.sum(z**2, axis=1), stats.chi2(len(mean)).cdf).pvalue > 1e-3
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(3000)


@pytest.mark.xdist_group("nuts")
def test_both_engines_agree(problem: GibbsProblem, moments: Callable[..., Any], small_data: RegimeData) -> None:
    by_nuts, record = run_nuts(
        problem, draws=1500, chains=4, tune=500, seed=np.random.SeedSequence(3), cores=4, progressbar=False
    )
    by_gibbs = run_chains(problem, draws=4000, chains=4, tune=300, seed=3, cores=1)
    assert int(record["diverging"].sum()) <= 6
    values = np.random.default_rng(0).normal(0, 1.5, (12, 2))
    seen = np.arange(12)[:, None] % 3 != np.array([0, 1])
    effects = problem.design.rows(values, seen)
    for name in ("coefficients", "effects", "tau", "hyper", "sigma"):
        pair = []
        for drawn in (by_nuts, by_gibbs):
            if name == "effects":
                draws = drawn["coefficients"] @ effects.T
            else:
                draws = drawn[name] if name == "coefficients" else np.log(drawn[name])
            pair.append(moments(draws))
        (mean, error, sd, sd_error), (other, other_error, other_sd, other_sd_error) = pair
        assert np.abs((mean - other) / np.hypot(error, other_error)).max() < 4, name
        assert np.abs((sd - other_sd) / np.hypot(sd_error, other_sd_error)).max() < 4, name
