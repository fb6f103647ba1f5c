"""Lift tests inside the engines: each against the same rows written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import InterventionModel, RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.densities import log_likelihood, log_posterior, log_prior
from bayes_ivgen.inference.nuts import coefficient_draws, marginal_model
from bayes_ivgen.model.components import CausalComponent
from bayes_ivgen.model.linear import LinearObservations

FRAME = pd.DataFrame(
    {
        "channel": ["a", "b", "a"],
        "x": [0.0, -1.0, 1.0],
        "delta_x": [1.0, 2.0, -1.5],
        "delta_y": [1.1, -0.8, -1.4],
        "sigma": [0.2, 0.1, 0.3],
    }
)


@pytest.fixture(scope="module")
def problem(problem_of: Callable[..., GibbsProblem], small_data: RegimeData) -> GibbsProblem:
    plain = problem_of(small_data, InterventionModel(graph="full"))
    known = LinearObservations.of_lift_tests(LiftTests.from_frame(FRAME, ["a", "b"]), plain.design)
    return replace(plain, known=known)


def test_rows_are_differences_of_joint_rows(problem: GibbsProblem) -> None:
    known, design = problem.known, problem.design
    assert known is not None
    everything = np.ones((1, 2), dtype=bool)
    for i, test in enumerate(FRAME.to_dict("records")):
        at = {"a": 0.3, "b": 0.7}
        after, before = (
            np.array([[value if name == test["channel"] else other for name, other in at.items()]])
            for value in (test["x"] + test["delta_x"], test["x"])
        )
        difference = design.rows(after, everything) - design.rows(before, everything)
        np.testing.assert_allclose(known.rows[i], difference[0], atol=1e-12)
    causal = np.concatenate([design.columns_of(name, CausalComponent) for name in ("a", "b")])
    assert set(np.flatnonzero(np.abs(known.rows).sum(axis=0))) <= set(causal)
    np.testing.assert_allclose(known.values * design.outcome_sd, FRAME["delta_y"])
    np.testing.assert_allclose(known.sd * design.outcome_sd, FRAME["sigma"])


def test_information_is_that_of_rows_with_known_noise(
    problem: GibbsProblem, small_data: RegimeData, rows_of: Any
) -> None:
    x, y, regime = rows_of(small_data, problem.design)
    sigma = np.array([0.5, 0.8, 1.1])
    assert problem.known is not None
    stacked = np.concatenate([x / sigma[regime, None], problem.known.rows / problem.known.sd[:, None]])
    target = np.concatenate([y / sigma[regime], problem.known.values / problem.known.sd])
    information, right = problem.information(sigma**-2)
    np.testing.assert_allclose(information, stacked.T @ stacked, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(right, stacked.T @ target, rtol=1e-8, atol=1e-8)


def test_the_marginal_density_is_that_of_all_rows(problem: GibbsProblem, small_data: RegimeData, rows_of: Any) -> None:
    x, y, regime = rows_of(small_data, problem.design)
    known = problem.known
    assert known is not None
    model = marginal_model(problem)
    potential = model.compile_logp(vars=[model["marginal"]], mode="FAST_COMPILE")
    rng = np.random.default_rng(0)
    gaps = []
    rows, values = np.concatenate([x, known.rows]), np.concatenate([y, known.values])
    for _ in range(4):
        point = {name: value + rng.normal(0, 1, np.shape(value)) for name, value in model.initial_point().items()}
        tau, sigma = np.exp(point["tau_log__"]), np.exp(point["sigma_log__"])
        prior = np.append(problem.priors.alpha_sd**2, tau[problem.design.term_index] ** 2)
        noise = np.concatenate([sigma[regime], known.sd])
        exact = stats.multivariate_normal.logpdf(values, cov=np.diag(noise**2) + (rows * prior) @ rows.T)
        gaps.append(float(potential(point)) - exact)
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-8)


def test_coefficients_given_the_scales_know_the_tests(problem: GibbsProblem) -> None:
    rng = np.random.default_rng(1)
    tau, sigma = np.exp(rng.normal(-1, 1, len(problem.design.terms))), np.array([0.5, 0.8, 1.1])
    drawn = coefficient_draws(problem, np.tile(tau, (1, 2000, 1)), np.tile(sigma, (1, 2000, 1)), rng)[0]
    precision, right = problem.information(sigma**-2)
    precision = precision + np.diag(np.append(problem.priors.alpha_sd**-2, tau[problem.design.term_index] ** -2.0))
    z = (drawn - np.linalg.solve(precision, right)) @ np.linalg.cholesky(precision)
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(2000)


def test_the_pymc_model_is_the_same_density(small_data: RegimeData, problem: GibbsProblem) -> None:
    specification = InterventionModel(graph="full")
    model = specification.to_pymc(small_data, lift_tests=FRAME)
    assert {variable.name for variable in model.observed_RVs} == {"outcome", "lift_tests"}
    likelihood = model.compile_logp(vars=model.observed_RVs, mode="FAST_COMPILE")
    rng = np.random.default_rng(2)
    design = problem.design
    for _ in range(2):
        point = {name: value + rng.normal(0, 0.3, np.shape(value)) for name, value in model.initial_point().items()}
        tau, sigma = np.exp(point["tau_log__"]), np.exp(point["sigma_log__"])
        coefficients = np.append(point["alpha"], point["z"] * tau[design.term_index])
        drawn = {
            "coefficients": coefficients[None, None],
            "sigma": sigma[None, None],
            "tau": tau[None, None],
            "hyper": np.ones((1, 1, len(design.types))),
        }
        ours = log_likelihood(design, problem.statistics, np.arange(3), drawn, problem.known)
        assert ours["lift_tests"].dims == ("chain", "draw", "lift_test")
        total = float(ours["outcome"].sum() + ours["lift_tests"].sum())
        assert float(likelihood(point)) == pytest.approx(total, rel=1e-9)
        prior = log_prior(design, problem.priors, drawn)
        with_tests = log_posterior(design, problem.priors, drawn, prior, ours)
        without = log_posterior(design, problem.priors, drawn, prior, ours[["outcome"]])
        assert float((with_tests - without).squeeze()) == pytest.approx(float(ours["lift_tests"].sum()), rel=1e-9)
