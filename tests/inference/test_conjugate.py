"""The conjugate engine against brute force: conditionals, corrections, and a whole posterior by quadrature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.inference import kernels, scale_kernels
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import ChainState, GibbsProblem
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Priors
from bayes_ivgen.model.priors import PositivePrior
from bayes_ivgen.simulate import boolean_example
from bayes_ivgen.statistics import SufficientStatistics

MODEL = InterventionModel(causal=BSpline(5), confounding=BSpline(5), graph=ActionGraph({"b": ["a"]}))
MakeProblem = Callable[[RegimeData, InterventionModel], GibbsProblem]


@pytest.fixture(scope="module")
def problem(problem_of: MakeProblem, small_data: RegimeData) -> GibbsProblem:
    return problem_of(small_data, MODEL)


def random_state(problem: GibbsProblem, seed: int) -> ChainState:
    rng = np.random.default_rng(seed)
    state = problem.initial(rng)
    state.log_tau = rng.normal(-2.0, 2.0, len(problem.design.terms))
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


def cavity(problem: GibbsProblem, state: ChainState, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and shift of some coefficients, all others integrated out, without their own prior."""
    covariance, mean = by_hand(problem, state)
    precision = np.linalg.inv(covariance[np.ix_(columns, columns)])
    prior = np.exp(-2 * state.log_tau)[problem.design.term_index][columns - 1]
    return precision - np.diag(prior), precision @ mean[columns]


def columns_of_kind(problem: GibbsProblem, kind: int) -> np.ndarray:
    design = problem.design
    return 1 + np.flatnonzero(design.type_index[design.term_index] == kind)


@pytest.mark.parametrize("seed", range(3))
def test_every_scale_sees_the_posterior_with_all_others_gone(
    problem: GibbsProblem, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The sweep in plain Python; before each update its cavity is held against a fresh inverse of the whole.
    state, seen = random_state(problem, seed), []
    move_kind, update_tau = kernels.move_kind, kernels.update_tau

    def compare(columns: np.ndarray, a: np.ndarray, h: np.ndarray) -> None:
        expected = cavity(problem, state, columns)
        found = np.tril(a) + np.tril(a, -1).T
        np.testing.assert_allclose(found, expected[0], rtol=1e-5, atol=1e-7 * np.abs(found).max())
        np.testing.assert_allclose(h, expected[1], rtol=1e-4, atol=1e-7 * np.abs(h).max())

    def moved(kind: int, terms: Any, a: Any, h: Any, *rest: Any) -> None:
        ratios = state.log_tau - state.log_hyper[problem.design.type_index]
        compare(columns_of_kind(problem, kind), a, h)
        move_kind(kind, terms, a, h, *rest)
        np.testing.assert_allclose(state.log_tau - state.log_hyper[problem.design.type_index], ratios, atol=1e-12)
        seen.append(("kind", kind))

    def updated(term: int, a: Any, h: Any, *rest: Any) -> None:
        part = problem.design.slices[problem.design.terms[term].name]
        compare(np.arange(part.start, part.stop), a, h)
        update_tau(term, a, h, *rest)
        seen.append(("term", term))

    monkeypatch.setattr(kernels, "move_kind", moved)
    monkeypatch.setattr(kernels, "update_tau", updated)
    for name in ("visit_all", "sweep", "iterate", "run"):
        monkeypatch.setattr(kernels, name, getattr(kernels, name).py_func)
    before = state.log_tau.copy()
    problem.step(state, np.random.default_rng(seed), sigma_fixed=True)
    assert np.all(state.log_tau != before)
    assert sorted(seen) == [("kind", k) for k in range(len(problem.design.types))] + [
        ("term", g) for g in range(len(problem.design.terms))
    ]


def test_coefficients_are_drawn_from_their_gaussian(problem: GibbsProblem) -> None:
    # Given the scales of the same iteration; whitened, the draws of all iterations are independent and standard.
    rng, state, z = np.random.default_rng(0), random_state(problem, 1), []
    for _ in range(3000):
        problem.step(state, rng)
        covariance, mean = by_hand(problem, state)
        z.append(np.linalg.solve(np.linalg.cholesky(covariance), state.beta - mean))
    assert stats.kstest(np.sum(np.square(z), axis=1), stats.chi2(len(mean)).cdf).pvalue > 1e-3
    assert np.abs(np.mean(z, axis=0)).max() < 4.5 / np.sqrt(3000)
    assert np.abs(np.corrcoef(np.transpose(z)) - np.eye(len(mean))).max() < 5 / np.sqrt(3000)


@pytest.mark.parametrize("g", [0, 1, 4, 5, 9, 12])
def test_the_likelihood_of_a_scale_is_the_marginal_likelihood(
    problem: GibbsProblem, rows_of: Callable[..., Any], small_data: RegimeData, g: int
) -> None:
    x, y, regime = rows_of(small_data, problem.design)
    state = random_state(problem, g)
    part = problem.design.slices[problem.design.terms[g].name]
    precision, shift = cavity(problem, state, np.arange(part.start, part.stop))
    diagonal, below = scale_kernels.tridiagonal(kernels.LIBRARY, np.asfortranarray(precision), shift)

    def brute(log_tau: float) -> float:
        taus = state.log_tau.copy()
        taus[g] = log_tau
        prior = np.append(problem.priors.alpha_sd**2, np.exp(2 * taus)[problem.design.term_index])
        noise = np.diag(np.exp(2 * state.log_sigma)[regime])
        covariance_of_y = noise + (x * prior) @ x.T
        return float(-0.5 * (np.linalg.slogdet(covariance_of_y)[1] + y @ np.linalg.solve(covariance_of_y, y)))

    at = np.array([-6.0, -3.0, -1.0, 0.5, 2.0])
    gap = np.array([scale_kernels.log_marginal(float(t), diagonal, below, shift) - brute(float(t)) for t in at])
    np.testing.assert_allclose(gap, gap[0], atol=1e-5)


def test_rounding_below_zero_is_cut_off() -> None:
    # A cavity precision that is zero but for rounding tells nothing about the scale.
    for rounding in (0.0, -1e-3):
        diagonal, below, e = np.full(3, rounding), np.zeros(2), np.zeros(3)
        assert (
            scale_kernels.log_marginal(20.0, diagonal, below, e)
            == scale_kernels.log_marginal(-20.0, diagonal, below, e)
            == 0.0
        )


def test_an_indefinite_matrix_gets_a_ridge_or_is_refused() -> None:
    terms, log_tau = np.zeros(2, dtype=int), np.array([30.0])
    a = np.asfortranarray([[1.0, 0.0], [1.0, 1.0 - 1e-15]])
    kernels.factor(a[:2, :2], np.ones(2), terms, log_tau, kernels.LIBRARY)
    assert a[1, 0] == pytest.approx(1.0)
    assert 0 < a[1, 1] < 1e-4
    # What is left of columns that were a thousand times larger may even be negative.
    a = np.asfortranarray([[-1e-12, 0.0], [0.0, -1e-12]])
    kernels.factor(a[:2, :2], np.full(2, 1e3), terms, log_tau, kernels.LIBRARY)
    assert np.all((np.diag(a) > 0) & (np.diag(a) < 1e-4))
    a = np.asfortranarray([[1.0, 0.0], [1.0, 0.5]])
    with pytest.raises(np.linalg.LinAlgError, match="copies of each other"):
        kernels.factor(a[:2, :2], np.ones(2), terms, log_tau, kernels.LIBRARY)


@pytest.mark.parametrize("together", [False, True])
def test_moves_keep_their_conditional(problem_of: MakeProblem, small_data: RegimeData, *, together: bool) -> None:
    # Many short chains of one move alone: they follow the one-dimensional conditional. Either a scale moves, or a
    # hyper-scale with all its scales.
    problem = problem_of(small_data, InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph="empty"))
    which, rng = 0, np.random.default_rng(0)
    state, design = random_state(problem, 3), problem.design
    log_hyper, log_tau = state.log_hyper.copy(), state.log_tau.copy()
    kind = which if together else int(design.type_index[which])
    members = design.type_index == kind if together else np.arange(len(log_tau)) == which
    columns = 1 + np.flatnonzero(members[design.term_index])
    grid = np.linspace(-9.0, 9.0, 1201)

    def brute(shift: float) -> float:
        taus = log_tau + np.where(members, shift, 0.0)
        matrix, right = information(problem, state)
        prior = np.append(problem.priors.alpha_sd**-2, np.exp(-2 * taus)[design.term_index])
        precision = matrix + np.diag(prior)
        fit = 0.5 * (np.log(prior).sum() - np.linalg.slogdet(precision)[1] + right @ np.linalg.solve(precision, right))
        hyper = log_hyper[kind] + shift * together
        if together:
            return float(fit + problem.priors.hyper[design.types[kind]].log_density(np.exp(hyper)) + hyper)
        half_t = PositivePrior("HalfStudentT", (("nu", problem.priors.tau_nu), ("sigma", np.exp(hyper))))
        return float(fit + half_t.log_density(np.exp(taus[which])) + taus[which])

    heights = np.array([brute(s) for s in grid])
    cdf = np.cumsum(np.exp(heights - heights.max())) / np.exp(heights - heights.max()).sum()
    shifts = []
    for u in rng.random(1500):
        start = float(np.interp(u, cdf, grid))
        state.log_hyper = log_hyper + np.where(np.arange(len(log_hyper)) == kind, start * together, 0.0)
        state.log_tau = log_tau + np.where(members, start, 0.0)
        for _ in range(2):
            a, h = cavity(problem, state, columns)
            place = (
                np.asfortranarray(a)[:, :],
                h,
                problem.kernel_state(state),
                problem.kernel_prior,
                rng,
                kernels.LIBRARY,
            )
            if together:
                kernels.move_kind(kind, design.term_index[columns - 1], *place)
            else:
                kernels.update_tau(which, *place)
        shifts.append(state.log_tau[which] - log_tau[which])
    assert len(np.unique(shifts)) > 1400
    assert stats.kstest(shifts, lambda z: np.interp(z, grid, cdf)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("HalfStudentT", {"nu": 3.0, "sigma": 0.4}),
        ("HalfCauchy", {"beta": 0.2}),
        ("HalfNormal", {"sigma": 0.3}),
        ("Exponential", {"lam": 2.0}),
        ("Gamma", {"alpha": 1.7, "beta": 3.0}),
        ("InverseGamma", {"alpha": 2.0, "beta": 0.1}),
        ("LogNormal", {"mu": -1.0, "sigma": 0.5}),
    ],
)
def test_kernels_know_every_law_of_a_scale(name: str, parameters: dict[str, float]) -> None:
    for items in (tuple(parameters.items()), tuple(parameters.items())[::-1]):
        prior = PositivePrior(name, items)
        for x in (0.01, 0.5, 3.0, 40.0):
            assert scale_kernels.log_law(np.array(prior.code), x) == pytest.approx(
                float(prior.log_density(x)), rel=1e-12
            )


@pytest.mark.parametrize(
    "family",
    [("HalfStudentT", {"nu": 4, "sigma": 1}), ("HalfNormal", {"sigma": 0.3}), ("LogNormal", {"mu": 0, "sigma": 0.2})],
)
def test_noise_scales_given_the_coefficients(family: tuple[str, dict[str, float]], make_prior: Any) -> None:
    # Exact draws stay exact under the Metropolis step alone, and under the whole update. Two thousand copies of
    # two scales: five rows, where the prior counts, and fifty.
    rng = np.random.default_rng(0)
    size = 2000
    rows, residual = np.repeat([5, 50], size), np.repeat([2.0, 30.0], size)
    sigma = Priors.from_user({"sigma": make_prior(family[0], **family[1])}).sigma
    grid = np.linspace(-4, 4, 8001)
    cdfs = []
    for n, squares in ((5, 2.0), (50, 30.0)):
        log_density = (1 - n) * grid - squares / 2 * np.exp(-2 * grid) + sigma.log_density(np.exp(grid))
        weight = np.exp(log_density - log_density.max())
        cdfs.append(np.cumsum(weight) / weight.sum())
    start = np.concatenate([np.interp(rng.random(size), cdf, grid) for cdf in cdfs])
    law = np.array(sigma.code)
    metropolis = np.vectorize(lambda *state: scale_kernels.propose_sigma(*state, law, rng))
    for alone in (True, False):
        x = start.copy()
        for _ in range(6):
            if alone:
                x = metropolis(x, rows.astype(float), residual)
            else:
                scale_kernels.update_sigma(x, rows.astype(float), residual, law, rng)
        assert np.mean(x != start) > 0.5
        for cdf, part in zip(cdfs, np.split(x, 2), strict=True):
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


def test_rounding_does_not_look_like_information(problem_of: MakeProblem) -> None:
    # The actions determine the outcome: the noise of two regimes goes to zero and H to what rounding allows.
    world = boolean_example("example1")
    rows = world.sample_regimes({"obs": 300, "do(a1)": 300, "do(a2)": 300}, seed=0)
    data = RegimeData.from_frame(rows, outcome=world.outcome, actions=list(world.actions))
    drawn = run_chains(problem_of(data, InterventionModel()), draws=300, chains=2, tune=100, seed=0, cores=1)
    assert np.median(drawn["sigma"][..., :2]) < 1e-5
    assert drawn["tau"].max() < 1e3


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
    kept = run_chain(problem, 15, 8, np.random.SeedSequence(0), seen.append)
    assert seen == [10, 20, 23]
    assert {name: value.shape for name, value in kept.items()} == {
        "coefficients": (15, problem.design.n_coefficients),
        "tau": (15, len(problem.design.terms)),
        "hyper": (15, len(problem.design.types)),
        "sigma": (15, 3),
    }
    assert all(np.all(kept[name] > 0) for name in ("tau", "hyper", "sigma"))


def test_without_a_folder_for_compiled_code_the_kernels_still_work(
    problem: GibbsProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_ = kernels.jit

    def no_cache(function: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return compile_(function, **options)

    monkeypatch.setattr(kernels, "jit", no_cache)
    monkeypatch.setattr(kernels, "run", kernels._compiled_run(0))
    first, second = random_state(problem, 4), random_state(problem, 4)
    problem.step(first, np.random.default_rng(1))
    monkeypatch.undo()
    problem.step(second, np.random.default_rng(1))
    np.testing.assert_allclose(first.beta, second.beta, rtol=1e-8)
