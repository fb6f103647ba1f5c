"""The conjugate engine against brute force: conditionals, corrections, and a whole posterior by quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import ChainState, GibbsProblem, _rotate, _scale_likelihood
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Priors
from bayes_ivgen.model.priors import PositivePrior
from bayes_ivgen.statistics import SufficientStatistics

MODEL = InterventionModel(causal=BSpline(5), confounding=BSpline(5), graph=ActionGraph({"b": ["a"]}))
MakeProblem = Callable[[RegimeData, InterventionModel], GibbsProblem]


@pytest.fixture(scope="module")
def problem(problem_of: MakeProblem, small_data: RegimeData) -> GibbsProblem:
    return problem_of(small_data, MODEL)


def random_state(problem: GibbsProblem, seed: int) -> ChainState:
    rng = np.random.default_rng(seed)
    state = problem.initial(rng)
    state.log_tau = rng.normal(-2.0, 2.0, len(problem.columns))
    state.beta = rng.normal(size=problem.design.n_coefficients) * 0.1
    return state


def information(problem: GibbsProblem, state: ChainState) -> tuple[np.ndarray, np.ndarray]:
    weights = np.exp(-2 * state.log_sigma)
    return np.tensordot(weights, problem.statistics.gram, axes=1), weights @ problem.statistics.cross


def by_hand(problem: GibbsProblem, state: ChainState) -> tuple[np.ndarray, np.ndarray]:
    """Moments of the coefficients given the scales, from a plain inverse."""
    matrix, right = information(problem, state)
    prior = np.append(problem.priors.alpha_sd**-2, np.exp(-2 * state.log_tau)[problem.design.term_index])
    covariance = np.linalg.inv(matrix + np.diag(prior))
    return covariance, covariance @ right


@pytest.mark.parametrize("seed", range(5))
def test_moments_and_their_corrections_equal_a_fresh_inverse(problem: GibbsProblem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    state = random_state(problem, seed)
    covariance, mean = problem._conditional_moments(state, *information(problem, state))
    expected = by_hand(problem, state)
    np.testing.assert_allclose(covariance, expected[0], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(mean, expected[1], rtol=1e-7, atol=1e-10)
    assert covariance.flags.f_contiguous  # else the correction would go into a copy
    before = state.log_tau.copy()
    for g in rng.permutation(len(problem.columns)):
        spectrum = _rotate(covariance, mean, problem.columns[g])
        problem._update_tau(g, state, spectrum, covariance, mean, rng)
        expected = by_hand(problem, state)
        np.testing.assert_allclose(covariance, expected[0], rtol=1e-5, atol=1e-9 * np.abs(expected[0]).max())
        np.testing.assert_allclose(mean, expected[1], rtol=1e-5, atol=1e-8)
    assert np.all(state.log_tau != before)
    for kind in rng.permutation(len(problem.type_columns)):
        ratios = state.log_tau - state.log_hyper[problem.design.type_index]
        problem._move_type(kind, state, covariance, mean, rng)
        np.testing.assert_allclose(state.log_tau - state.log_hyper[problem.design.type_index], ratios, atol=1e-12)
        expected = by_hand(problem, state)
        np.testing.assert_allclose(covariance, expected[0], rtol=1e-4, atol=1e-8 * np.abs(expected[0]).max())
        np.testing.assert_allclose(mean, expected[1], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("g", [0, 1, 4, 5, 9, 12])
def test_the_likelihood_of_a_scale_is_the_marginal_likelihood(
    problem: GibbsProblem, rows_of: Callable[..., Any], small_data: RegimeData, g: int
) -> None:
    x, y, regime = rows_of(small_data, problem.design)
    state = random_state(problem, g)
    covariance, mean = problem._conditional_moments(state, *information(problem, state))
    _, values, projected = _rotate(covariance, mean, problem.columns[g])
    likelihood = _scale_likelihood(1 / values - np.exp(-2 * state.log_tau[g]), (projected / values) ** 2)

    def brute(log_tau: float) -> float:
        taus = state.log_tau.copy()
        taus[g] = log_tau
        prior = np.append(problem.priors.alpha_sd**2, np.exp(2 * taus)[problem.design.term_index])
        noise = np.diag(np.exp(2 * state.log_sigma)[regime])
        covariance_of_y = noise + (x * prior) @ x.T
        return float(-0.5 * (np.linalg.slogdet(covariance_of_y)[1] + y @ np.linalg.solve(covariance_of_y, y)))

    at = np.array([-6.0, -3.0, -1.0, 0.5, 2.0])
    gap = np.array([likelihood(float(t)) - brute(float(t)) for t in at])
    np.testing.assert_allclose(gap, gap[0], atol=1e-5)


def test_short_and_long_blocks_have_one_likelihood() -> None:
    rng = np.random.default_rng(0)
    cavity, force = rng.gamma(1.0, 100.0, 60), rng.gamma(1.0, 100.0, 60)
    parts = [_scale_likelihood(cavity[i : i + 20], force[i : i + 20]) for i in (0, 20, 40)]
    whole = _scale_likelihood(cavity, force)
    for at in (-20.0, -3.0, 0.0, 4.0):
        assert whole(at) == pytest.approx(sum(part(at) for part in parts), rel=1e-10)


def test_moving_a_kind_of_term_keeps_its_conditional(problem_of: MakeProblem, small_data: RegimeData) -> None:
    # Many short chains of this move alone, ratios fixed: their shifts follow the one-dimensional conditional.
    problem = problem_of(small_data, InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph="empty"))
    kind, rng = 0, np.random.default_rng(0)
    state = random_state(problem, 3)
    log_hyper, log_tau = state.log_hyper.copy(), state.log_tau.copy()
    members = problem.design.type_index == kind
    grid = np.linspace(-9.0, 9.0, 1201)

    def brute(shift: float) -> float:
        taus = log_tau + np.where(members, shift, 0.0)
        matrix, right = information(problem, state)
        prior = np.append(problem.priors.alpha_sd**-2, np.exp(-2 * taus)[problem.design.term_index])
        precision = matrix + np.diag(prior)
        fit = 0.5 * (np.log(prior).sum() - np.linalg.slogdet(precision)[1] + right @ np.linalg.solve(precision, right))
        hyper = log_hyper[kind] + shift
        return float(fit + problem.priors.hyper[problem.design.types[kind]].log_density(np.exp(hyper)) + hyper)

    weight = np.exp(np.array([brute(s) for s in grid]) - max(brute(s) for s in grid))
    cdf = np.cumsum(weight) / weight.sum()
    shifts = []
    for u in rng.random(1500):
        start = float(np.interp(u, cdf, grid))
        state.log_hyper = log_hyper + np.where(np.arange(len(log_hyper)) == kind, start, 0.0)
        state.log_tau = log_tau + np.where(members, start, 0.0)
        covariance, mean = problem._conditional_moments(state, *information(problem, state))
        for _ in range(2):
            problem._move_type(kind, state, covariance, mean, rng)
        shifts.append(state.log_hyper[kind] - log_hyper[kind])
    assert stats.kstest(shifts, lambda z: np.interp(z, grid, cdf)).pvalue > 1e-3


def test_coefficients_are_drawn_from_their_gaussian(problem: GibbsProblem) -> None:
    state = random_state(problem, 1)
    rng = np.random.default_rng(0)
    drawn = np.array([problem._draw_coefficients(state, *information(problem, state), rng) for _ in range(4000)])
    covariance, mean = by_hand(problem, state)
    z = (drawn - mean) @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    distances = np.sum(z**2, axis=1)
    assert stats.kstest(distances, stats.chi2(len(mean)).cdf).pvalue > 1e-3
    assert np.abs(z.mean(axis=0)).max() < 4.5 / np.sqrt(4000)


@pytest.mark.parametrize(
    "law",
    [("HalfStudentT", {"nu": 4, "sigma": 1}), ("HalfNormal", {"sigma": 0.3}), ("LogNormal", {"mu": 0, "sigma": 0.2})],
)
def test_noise_scales_given_the_coefficients(law: tuple[str, dict[str, float]], make_prior: Any) -> None:
    # Exact draws stay exact under the Metropolis step alone, and under the whole update. Two thousand copies of
    # two scales: five rows, where the prior counts, and fifty.
    rng = np.random.default_rng(0)
    size = 2000
    rows, residual = np.repeat([5, 50], size), np.repeat([2.0, 30.0], size)
    priors = Priors.from_user({"sigma": make_prior(law[0], **law[1])})
    grid = np.linspace(-4, 4, 8001)
    cdfs = []
    for n, squares in ((5, 2.0), (50, 30.0)):
        log_density = (1 - n) * grid - squares / 2 * np.exp(-2 * grid) + priors.sigma.log_density(np.exp(grid))
        weight = np.exp(log_density - log_density.max())
        cdfs.append(np.cumsum(weight) / weight.sum())
    start = np.concatenate([np.interp(rng.random(size), cdf, grid) for cdf in cdfs])
    statistics = SufficientStatistics(("r",), rows, np.zeros((2 * size, 1, 1)), np.zeros((2 * size, 1)), residual)
    problem = GibbsProblem(None, statistics, priors)  # type: ignore[arg-type]
    for update in (lambda state: problem._propose_sigma(state, residual, rng), lambda s: problem._update_sigma(s, rng)):
        state = ChainState(np.empty(0), np.empty(0), start.copy(), np.zeros(1))
        for _ in range(6):
            state.log_sigma = update(state)
        assert np.mean(state.log_sigma != start) > 0.5
        for cdf, part in zip(cdfs, np.split(state.log_sigma, 2), strict=True):
            assert stats.kstest(part, lambda z, cdf=cdf: np.interp(z, grid, cdf)).pvalue > 1e-3


def test_many_rows_and_little_noise_are_reached_within_the_tuning(
    problem_of: MakeProblem, small_data: RegimeData
) -> None:
    # Statistics as of 3e8 rows whose noise is a hundredth of the starting point.
    problem = problem_of(small_data, InterventionModel(causal=Polynomial(1), confounding=Polynomial(1), graph="empty"))
    gram = problem.statistics.gram * 1e6
    beta = np.random.default_rng(0).normal(size=problem.design.n_coefficients)
    rows = problem.statistics.rows * 1_000_000
    cross = gram @ beta
    squares = cross @ beta + rows * 0.007**2
    large = GibbsProblem(
        problem.design, SufficientStatistics(problem.statistics.regimes, rows, gram, cross, squares), problem.priors
    )
    drawn = run_chains(large, draws=50, chains=2, tune=300, seed=0, cores=1)
    np.testing.assert_allclose(drawn["sigma"], 0.007, rtol=1e-3)
    # The common level and those of the actions are known by their sum only: compare fitted means.
    error = drawn["coefficients"].mean(axis=(0, 1)) - beta
    np.testing.assert_allclose(gram @ error / rows[:, None], 0.0, atol=1e-5)


HALF_CAUCHY = {
    kind: PositivePrior("HalfCauchy", (("beta", 0.1),)) for kind in ("causal_linear", "level", "confounding_linear")
}


def quadrature(problem: GibbsProblem, tau: np.ndarray, sigma: np.ndarray) -> dict[str, np.ndarray]:
    """Moments of the posterior of a model with three scales and one noise scale, on a grid."""
    nu = problem.priors.tau_nu
    log_a = np.linspace(-14.0, 9.0, 400)
    prior_a = log_a - np.log1p((np.exp(log_a) / 0.1) ** 2)
    joint = prior_a[None] - log_a[None] - (nu + 1) / 2 * np.log1p(np.exp(2 * (tau[:, None] - log_a[None])) / nu)
    prior_tau = special.logsumexp(joint, axis=1) + tau  # of log tau, the hyper-scale integrated out
    weight_a = np.exp(joint - special.logsumexp(joint, axis=1, keepdims=True))
    given_a = np.stack([weight_a @ log_a, weight_a @ log_a**2])
    shape = (len(tau),) * 3
    grids = np.stack([g.ravel() for g in np.meshgrid(tau, tau, tau, indexing="ij")], axis=1)
    prior = prior_tau[:, None, None] + prior_tau[None, :, None] + prior_tau[None, None]
    diagonal = np.concatenate([np.full((len(grids), 1), problem.priors.alpha_sd**-2), np.exp(-2 * grids)], axis=1)
    gram, cross = problem.statistics.gram[0], problem.statistics.cross[0]
    rows, squares = problem.statistics.rows[0], problem.statistics.squares[0]
    log_weight, means, seconds = [], [], []
    for s in sigma:
        w = np.exp(-2 * s)
        precision = w * gram + np.einsum("np,pq->npq", diagonal, np.eye(4))
        covariance = np.linalg.inv(precision)
        mean = covariance @ (w * cross)
        log_weight.append(
            prior.ravel()
            - rows * s
            - w * squares / 2
            + 0.5 * np.log(diagonal).sum(axis=1)
            - 0.5 * np.linalg.slogdet(precision)[1]
            + 0.5 * (mean @ (w * cross))
            + float(problem.priors.sigma.log_density(np.exp(s)))
            + s
        )
        means.append(mean)
        seconds.append(mean**2 + np.einsum("npp->np", covariance))
    p = special.softmax(np.array(log_weight)).reshape(len(sigma), -1)
    edge = p.reshape(len(sigma), *shape)
    assert max(edge[0].sum(), edge[-1].sum(), edge[:, 0].sum(), edge[:, -1].sum(), edge[:, :, :, -1].sum()) < 1e-4
    found = {"coefficients": np.array([np.einsum("sn,snp->p", p, m) for m in (np.array(means), np.array(seconds))])}
    by_tau = [edge.sum(axis=tuple(i for i in range(4) if i != g + 1)) for g in range(3)]
    found["tau"] = np.array([[q @ tau**k for q in by_tau] for k in (1, 2)])
    found["hyper"] = np.array([[q @ given_a[k] for q in by_tau] for k in (0, 1)])
    found["sigma"] = np.array([[p.sum(axis=1) @ sigma**k] for k in (1, 2)])
    return found


def test_the_whole_posterior_equals_quadrature(
    problem_of: MakeProblem, moments: Callable[..., Any], linear_rows: Callable[..., Any]
) -> None:
    rows = linear_rows({"obs": 25, "do(a)": 20}, seed=4)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a"])
    model = InterventionModel(
        causal=Polynomial(1), confounding=Polynomial(1), graph="empty", noise="constant", priors=HALF_CAUCHY
    )
    problem = problem_of(data, model)
    assert [term.name for term in problem.design.terms] == [
        "causal[a].linear",
        "confounding[a].level",
        "confounding[a].linear",
    ]
    centre = 0.5 * np.log(problem.statistics.squares[0] / problem.statistics.rows[0])
    exact = quadrature(problem, np.linspace(-13.0, 6.0, 39), np.linspace(centre - 1.1, centre + 0.7, 22))
    drawn = run_chains(problem, draws=4000, chains=4, tune=300, seed=1, cores=1)
    for name, (first, second) in exact.items():
        draws = drawn[name] if name == "coefficients" else np.log(drawn[name])
        mean, error, sd, error_of_sd = moments(draws)
        exact_sd = np.sqrt(second - first**2)
        assert np.abs((mean - first) / error).max() < 4, name
        assert np.abs((sd - exact_sd) / error_of_sd).max() < 4, name


def test_a_chain_keeps_its_shapes_and_tells_its_progress(problem: GibbsProblem) -> None:
    from bayes_ivgen.inference.conjugate import run_chain

    seen: list[int] = []
    kept = run_chain(problem, 5, 3, np.random.SeedSequence(0), seen.append)
    assert seen == list(range(8))
    assert {name: value.shape for name, value in kept.items()} == {
        "coefficients": (5, problem.design.n_coefficients),
        "tau": (5, len(problem.design.terms)),
        "hyper": (5, len(problem.design.types)),
        "sigma": (5, 3),
    }
    assert all(np.all(kept[name] > 0) for name in ("tau", "hyper", "sigma"))
