"""The Gaussian formula: exact against a refit at fixed scales, monotone, blind where rows cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen import Fit, RegimeData
from bayes_ivgen.decisions.moments import SCALE_DRAWS, CoefficientMoments, Scales
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.simulate import media_mix
from bayes_ivgen.statistics import SufficientStatistics, accumulate

CHANNELS = ["tv", "web", "radio"]


def problem_of(fit: Fit, statistics: SufficientStatistics, known: LinearObservations | None = None) -> GibbsProblem:
    return GibbsProblem(fit.design, statistics, fit.model.prior_table(), known)


def scales_of(fit: Fit, first: int, last: int) -> Scales:
    posterior = fit.datatree["posterior"].dataset
    return Scales(*(posterior[name].values[0, first:last] for name in ("tau", "sigma")))


@pytest.fixture(scope="module")
def added() -> RegimeData:
    world = media_mix(3, seed=1)
    rows = world.sample_regimes({"do(tv)": 150}, seed=2)
    return RegimeData.from_frame(rows, outcome="sales", actions=CHANNELS)


def test_at_fixed_scales_the_formula_is_the_refit(fit: Fit, added: RegimeData) -> None:
    scales = scales_of(fit, 5, 6)
    more = accumulate(added, fit.design)
    before = CoefficientMoments.of(problem_of(fit, fit.statistics), scales)
    after = CoefficientMoments.of(problem_of(fit, (fit.statistics + more).ordered(fit.statistics.regimes)), scales)
    r = fit.statistics.regimes.index("do(tv)")
    learning = before.learn(more.gram[0] / 150, scales.sigma[0, r] ** 2)
    rows = np.random.default_rng(0).normal(size=(20, fit.design.n_coefficients))
    expected = rows @ after.covariance @ rows.T
    np.testing.assert_allclose(learning.after(rows, 150), expected, rtol=1e-6, atol=1e-9 * expected.max())
    moved = rows @ before.covariance @ rows.T - expected
    np.testing.assert_allclose(learning.learned(rows, 150), moved, rtol=1e-6, atol=1e-8 * expected.max())


def test_at_fixed_scales_the_moments_are_those_of_the_sampler(fit: Fit) -> None:
    scales = scales_of(fit, 7, 8)
    found = CoefficientMoments.of(problem_of(fit, fit.statistics), scales)
    information = np.tensordot(scales.sigma[0] ** -2, fit.statistics.gram, axes=1)
    prior = np.append(1 / 25, scales.tau[0][fit.design.term_index] ** -2)
    precision = information + np.diag(prior)
    np.testing.assert_allclose(found.covariance @ precision, np.eye(len(precision)), atol=1e-6)
    right = (scales.sigma[0] ** -2) @ fit.statistics.cross
    np.testing.assert_allclose(precision @ found.mean, right, rtol=1e-7, atol=1e-7 * np.abs(right).max())


def test_over_scales_the_spread_of_the_means_counts(fit: Fit) -> None:
    scales = scales_of(fit, 0, 40)
    problem = problem_of(fit, fit.statistics)
    whole = CoefficientMoments.of(problem, scales)
    parts = [CoefficientMoments.of(problem, Scales(t[None], s[None])) for t, s in zip(*scales, strict=True)]
    expected = np.mean([p.covariance for p in parts], axis=0) + np.cov(np.array([p.mean for p in parts]).T)
    np.testing.assert_allclose(whole.covariance, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(whole.mean, np.mean([p.mean for p in parts], axis=0), rtol=1e-9, atol=1e-12)


def test_the_covariance_is_that_of_the_draws(fit: Fit) -> None:
    posterior = fit.datatree["posterior"].dataset
    scales = Scales(*(posterior[n].values.reshape(-1, posterior[n].shape[-1]) for n in ("tau", "sigma")))
    moments = CoefficientMoments.of(problem_of(fit, fit.statistics), scales)
    rows = fit.design.rows(fit.effects.observed[:8], np.ones(3, dtype=bool))
    drawn = fit.effects.coefficients.reshape(-1, rows.shape[1]) @ rows.T
    # The sd of 200 draws is known to 1/sqrt(400), twice that with correlation; four of these.
    np.testing.assert_allclose(np.sqrt(np.diag(moments.variance(rows))), drawn.std(axis=0), rtol=0.4)
    assert len(scales.thinned().tau) == SCALE_DRAWS < len(scales.tau)


def test_lift_tests_are_part_of_what_is_known(fit: Fit) -> None:
    scales = scales_of(fit, 0, 3)
    row = fit.design.rows(fit.effects.observed[:1], np.ones(3, dtype=bool))
    known = LinearObservations(row, np.zeros(1), np.array([0.01]))
    before, after = (CoefficientMoments.of(problem_of(fit, fit.statistics, k), scales) for k in (None, known))
    assert after.variance(row)[0, 0] < 0.011**2 < before.variance(row)[0, 0]


def random_moments(seed: int, p: int) -> tuple[CoefficientMoments, np.ndarray]:
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(p, p)) * rng.lognormal(0, 2, size=(p, 1))
    x = rng.normal(size=(3, p))
    return CoefficientMoments(rng.normal(size=p), half @ half.T), x.T @ x / 3


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), p=st.integers(1, 12))
def test_more_rows_never_tell_less(seed: int, p: int) -> None:
    moments, gram = random_moments(seed, p)
    rows = np.random.default_rng(seed + 1).normal(size=(4, p))
    learning = moments.learn(gram, 0.7)
    before = np.diag(moments.variance(rows))
    steps = np.array([np.diag(learning.after(rows, n)) for n in (0, 1, 5, 50, 5_000)])
    np.testing.assert_allclose(steps[0], before, rtol=1e-8)
    assert (np.diff(steps, axis=0) <= 1e-9 * before).all()
    learned = np.array([np.diag(learning.learned(rows, n)) for n in (0, 1, 5, 50, 5_000)])
    np.testing.assert_allclose(steps + learned, np.broadcast_to(before, steps.shape), rtol=1e-8)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_coefficients_does_not_matter(seed: int) -> None:
    moments, gram = random_moments(seed, 6)
    rng = np.random.default_rng(seed + 2)
    order, rows = rng.permutation(6), rng.normal(size=(3, 6))
    other = CoefficientMoments(moments.mean[order], moments.covariance[np.ix_(order, order)])
    found = other.learn(gram[np.ix_(order, order)], 2.0).after(rows[:, order], 9)
    expected = moments.learn(gram, 2.0).after(rows, 9)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())


def test_rows_about_something_else_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    covariance = np.zeros((5, 5))
    for block in (slice(0, 2), slice(2, 5)):
        half = rng.normal(size=(block.stop - block.start,) * 2)
        covariance[block, block] = half @ half.T
    moments = CoefficientMoments(np.zeros(5), covariance)
    gram = np.zeros((5, 5))
    gram[:2, :2] = 10 * np.eye(2)
    rows = np.array([[0, 0, 1.0, -1.0, 2.0], [1.0, 0, 0, 0, 0]])
    after = moments.learn(gram, 0.1).after(rows, 1000)
    assert after[0, 0] == pytest.approx(moments.variance(rows)[0, 0], rel=1e-10)
    assert after[1, 1] < 0.01 * moments.variance(rows)[1, 1]
