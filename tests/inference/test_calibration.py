"""Simulation-based calibration (Talts et al. 2018): over the prior, ranks of the truth are uniform."""

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
from bayes_ivgen.inference.nuts import coefficient_draws, marginal_model
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model.design import Design
from bayes_ivgen.statistics import SufficientStatistics

RANKS = 49  # posterior draws a replication, thinned
Sampler = Callable[[GibbsProblem, int], dict[str, np.ndarray]]


def draw_prior(design: Design, rng: np.random.Generator, noises: int) -> dict[str, np.ndarray]:
    """Draw from the default priors with half-normal hyper-scales, by NumPy alone."""
    hyper = np.abs(rng.normal(0, 0.5, len(design.types)))
    tau = np.abs(rng.standard_t(4, len(design.terms))) * hyper[design.type_index]
    beta = rng.normal(size=design.n_coefficients - 1) * tau[design.term_index]
    sigma = np.abs(rng.standard_t(4, noises))
    return {"coefficients": np.append(rng.normal(0, 2.0), beta), "tau": tau, "hyper": hyper, "sigma": sigma}


def log_likelihood(statistics: SufficientStatistics, beta: np.ndarray, sigma: np.ndarray) -> float:
    return float(-np.sum(statistics.rows * np.log(sigma) + statistics.residual_squares(beta) / (2 * sigma**2)))


def gibbs(thin: int) -> Sampler:
    """One chain of the conjugate engine, thinned."""

    def sample(problem: GibbsProblem, seed: int) -> dict[str, np.ndarray]:
        drawn = run_chains(problem, draws=RANKS * thin, chains=1, tune=100, seed=seed, cores=1)
        return {name: values[0, thin - 1 :: thin] for name, values in drawn.items()}

    return sample


def ranks_of_one(problem: GibbsProblem, x: np.ndarray, regime: np.ndarray, seed: int, sample: Sampler) -> np.ndarray:
    """Ranks of the truth among the draws: every parameter, an effect and the log likelihood."""
    rng = np.random.default_rng([seed, 17])
    truth = draw_prior(problem.design, rng, len(problem.statistics.rows))
    y = x @ truth["coefficients"] + truth["sigma"][regime] * rng.normal(size=len(x))
    parts = [(x[regime == r], y[regime == r]) for r in range(len(problem.statistics.rows))]
    old = problem.statistics
    statistics = SufficientStatistics(
        old.regimes, old.rows, old.gram, np.array([a.T @ b for a, b in parts]), np.array([b @ b for _, b in parts])
    )
    kept = sample(replace(problem, statistics=statistics), seed)
    effect = np.append(1.0, rng.normal(size=x.shape[1] - 1))
    quantities = [(truth[name], kept[name]) for name in ("coefficients", "tau", "hyper", "sigma")]
    quantities.append((np.array([effect @ truth["coefficients"]]), kept["coefficients"] @ effect[:, None]))
    likelihoods = [log_likelihood(statistics, b, s) for b, s in zip(kept["coefficients"], kept["sigma"], strict=True)]
    own = log_likelihood(statistics, truth["coefficients"], truth["sigma"])
    quantities.append((np.array([own]), np.array(likelihoods)[:, None]))
    return np.concatenate([(draws < value).sum(axis=0) for value, draws in quantities])


def calibrate(problem: GibbsProblem, rows: Any, seeds: range, sample: Sampler) -> np.ndarray:
    x, _, regime = rows
    return np.array([ranks_of_one(problem, x, regime, seed, sample) for seed in seeds])


@pytest.fixture(scope="module")
def nuts(tiny: tuple[GibbsProblem, Any]) -> Callable[[int], Sampler]:
    """Return a function of the thinning; the model is compiled once, its statistics are exchanged."""
    nutpie = pytest.importorskip("nutpie")
    compiled = nutpie.compile_pymc_model(marginal_model(tiny[0]))

    def thinned(thin: int) -> Sampler:
        def sample(problem: GibbsProblem, seed: int) -> dict[str, np.ndarray]:
            old = problem.statistics
            own = compiled.with_data(rows=old.rows, gram=old.gram, cross=old.cross, squares=old.squares)
            settings = {"chains": 1, "cores": 1, "progress_bar": False, "seed": seed}
            tree = nutpie.sample(own, draws=RANKS * thin, tune=300, **settings)
            posterior = tree["posterior"].dataset.isel(draw=slice(thin - 1, None, thin))
            kept = {name: posterior[name].values for name in ("tau", "hyper", "sigma")}
            rng = np.random.default_rng([seed, 23])
            kept["coefficients"] = coefficient_draws(problem, kept["tau"], kept["sigma"], rng)
            return {name: values[0] for name, values in kept.items()}

        return sample

    return thinned


@pytest.fixture(scope="module")
def tiny(
    problem_of: Callable[..., GibbsProblem],
    rows_of: Callable[..., Any],
    linear_data: Callable[..., RegimeData],
    make_prior: Any,
) -> tuple[GibbsProblem, Any]:
    """Two actions, 75 rows: causal squares, confounding lines and levels; the outcome is not rescaled."""
    data = linear_data({"obs": 25, "do(a)": 25, "do(b)": 25})
    kinds = ("causal_linear", "causal_wiggle", "level", "confounding_linear")
    priors = dict.fromkeys(kinds, make_prior("HalfNormal", sigma=0.5)) | {"alpha": make_prior("Normal", mu=0, sigma=2)}
    model = InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph="empty", priors=priors)
    problem = problem_of(data, model)
    return problem, rows_of(data, problem.design)


def check(ranks: np.ndarray, bins: int, groups: dict[str, slice]) -> None:
    counts = np.apply_along_axis(lambda r: np.bincount(r * bins // (RANKS + 1), minlength=bins), 0, ranks)
    p_values = np.array([stats.chisquare(counts[:, j]).pvalue for j in range(ranks.shape[1])])
    assert p_values.min() > 1e-3 / len(p_values)
    # More power against a common shift or spread: average each group first, so that its correlations do not matter.
    u = (ranks + 0.5) / (RANKS + 1) - 0.5
    for name, columns in groups.items():
        for values, expected in ((u[:, columns], 0.0), (u[:, columns] ** 2, (1 - (RANKS + 1) ** -2.0) / 12)):
            assert stats.ttest_1samp(values.mean(axis=1), expected).pvalue > 5e-4, name


def groups_of(problem: GibbsProblem) -> dict[str, slice]:
    sizes = {
        "coefficients": problem.design.n_coefficients,
        "tau": len(problem.design.terms),
        "hyper": len(problem.design.types),
        "sigma": len(problem.statistics.rows),
        "effect": 1,
        "log likelihood": 1,
    }
    ends = np.cumsum(list(sizes.values()))
    return {name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)}


@pytest.mark.parametrize("block", [0, 1])
def test_ranks_are_uniform(tiny: tuple[GibbsProblem, Any], block: int) -> None:
    check(calibrate(*tiny, seeds=range(60 * block, 60 * (block + 1)), sample=gibbs(6)), 5, groups_of(tiny[0]))


@pytest.mark.slow
def test_ranks_are_uniform_in_full(tiny: tuple[GibbsProblem, Any]) -> None:
    check(calibrate(*tiny, seeds=range(1000, 1500), sample=gibbs(15)), 10, groups_of(tiny[0]))


@pytest.mark.xdist_group("nuts")  # the process that compiles the other model of the scales
def test_ranks_of_nuts_are_uniform(tiny: tuple[GibbsProblem, Any], nuts: Callable[[int], Sampler]) -> None:
    check(calibrate(*tiny, seeds=range(2000, 2060), sample=nuts(6)), 5, groups_of(tiny[0]))


@pytest.mark.slow
@pytest.mark.xdist_group("nuts")
def test_ranks_of_nuts_are_uniform_in_full(tiny: tuple[GibbsProblem, Any], nuts: Callable[[int], Sampler]) -> None:
    check(calibrate(*tiny, seeds=range(3000, 3500), sample=nuts(10)), 10, groups_of(tiny[0]))
