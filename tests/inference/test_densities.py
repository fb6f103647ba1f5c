"""Log densities of draws against scipy, and power-scaling by weights against a fit that is really scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bayes_ivgen.basis import Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.densities import log_likelihood, log_prior
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model.components import TermType

EACH = np.arange(3)


def model_of(make_prior: Any, power: float = 1.0) -> InterventionModel:
    """Half-normal and normal priors only: their powers are of the same family."""
    half = make_prior("HalfNormal", sigma=0.2 / np.sqrt(power))
    priors = {kind.value: half for kind in TermType}
    priors["sigma"] = make_prior("HalfNormal", sigma=0.5 / np.sqrt(power))
    priors["alpha"] = make_prior("Normal", mu=0, sigma=0.5 / np.sqrt(power))
    return InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph="empty", priors=priors)


@pytest.fixture(scope="module")
def few_rows(linear_data: Callable[..., RegimeData]) -> RegimeData:
    return linear_data({"obs": 20, "do(a)": 20, "do(b)": 20})


def test_the_likelihood_of_a_regime_is_that_of_its_rows(
    few_rows: RegimeData, make_prior: Any, problem_of: Callable[..., GibbsProblem], rows_of: Callable[..., Any]
) -> None:
    problem = problem_of(few_rows, model_of(make_prior))
    design, rng = problem.design, np.random.default_rng(0)
    x, y, regime = rows_of(few_rows, design)
    drawn = {
        "coefficients": rng.normal(size=(2, 3, design.n_coefficients)),
        "sigma": rng.gamma(3.0, 0.3, size=(2, 3, 2)),
    }
    shared = np.array([0, 1, 0])  # two regimes with one noise scale
    values = log_likelihood(design, problem.statistics, shared, drawn)["outcome"]
    assert values.dims == ("chain", "draw", "regime")
    mean, sd = x @ drawn["coefficients"][1, 2], drawn["sigma"][1, 2][shared[regime]]
    own_units = stats.norm(design.outcome_mean + design.outcome_sd * mean, design.outcome_sd * sd)
    rowwise = own_units.logpdf(design.outcome_mean + design.outcome_sd * y)
    np.testing.assert_allclose(values[1, 2], [rowwise[regime == r].sum() for r in range(3)], rtol=1e-9)


def test_only_the_top_level_priors_are_scaled(
    few_rows: RegimeData, make_prior: Any, problem_of: Callable[..., GibbsProblem]
) -> None:
    problem = problem_of(few_rows, model_of(make_prior))
    drawn = run_chains(problem, draws=3, chains=2, tune=1, seed=0, cores=1)
    prior = log_prior(problem.design, problem.priors, drawn)
    assert {name: values.dims[2:] for name, values in prior.items()} == {
        "alpha": (),
        "hyper": ("type",),
        "sigma": ("noise_scale",),
    }
    np.testing.assert_allclose(prior["alpha"], stats.norm(0, 0.5).logpdf(drawn["coefficients"][..., 0]))
    np.testing.assert_allclose(prior["hyper"], stats.halfnorm(scale=0.2).logpdf(drawn["hyper"]))
    np.testing.assert_allclose(prior["sigma"], stats.halfnorm(scale=0.5).logpdf(drawn["sigma"]))


@pytest.fixture(scope="module")
def draws_of() -> Callable[[GibbsProblem, int], dict[str, np.ndarray]]:
    return lambda problem, seed: run_chains(problem, draws=2500, chains=2, tune=200, seed=seed, cores=1)


@pytest.fixture(scope="module")
def base(few_rows: RegimeData, make_prior: Any, problem_of: Callable[..., GibbsProblem], draws_of: Any) -> Any:
    problem = problem_of(few_rows, model_of(make_prior))
    return problem, draws_of(problem, 1)


def tempered(problem: GibbsProblem, power: float) -> GibbsProblem:
    """The same problem with its likelihood raised to a power."""
    old = problem.statistics
    rows = (old.rows * power).astype(int)
    assert (rows == old.rows * power).all()
    statistics = replace(old, rows=rows, gram=old.gram * power, cross=old.cross * power, squares=old.squares * power)
    return replace(problem, statistics=statistics)


@pytest.mark.parametrize(("part", "power"), [("prior", 0.5), ("likelihood", 1.25)])
def test_weighting_draws_is_refitting(
    part: str,
    power: float,
    base: tuple[GibbsProblem, dict[str, np.ndarray]],
    few_rows: RegimeData,
    make_prior: Any,
    problem_of: Callable[..., GibbsProblem],
    draws_of: Any,
    moments: Callable[..., Any],
) -> None:
    """Weights p^(power - 1) give the posterior of a fit whose prior, or statistics, are raised to the power."""
    problem, drawn = base
    if part == "prior":
        refitted = draws_of(problem_of(few_rows, model_of(make_prior, power)), 2)
        density = log_prior(problem.design, problem.priors, drawn)
        total = density["alpha"] + density["hyper"].sum("type") + density["sigma"].sum("noise_scale")
    else:
        refitted = draws_of(tempered(problem, power), 2)
        total = log_likelihood(problem.design, problem.statistics, EACH, drawn)["outcome"].sum("regime")
    weights = np.exp((power - 1) * (total - total.max()).values)[..., None]
    weights /= weights.mean()
    effect = problem.design.rows(np.array([[1.0, 1.0], [-1.0, 0.5]]), np.ones((2, 2), dtype=bool)).T
    shifts = []
    for name in ("effect", "hyper", "sigma"):
        old, new = (d["coefficients"] @ effect if name == "effect" else np.log(d[name]) for d in (drawn, refitted))
        for before, after in ((old, new), (old**2, new**2)):
            centre = before.mean(axis=(0, 1))
            weighted, error, _, _ = moments(weights * (before - centre))
            mean, new_error, _, _ = moments(after - centre)
            shifts.append(np.abs(mean) / new_error)
            assert (np.abs(weighted - mean) / np.hypot(error, new_error)).max() < 4.5, name
    assert np.concatenate(shifts).max() > 5  # there is a shift to get right
