"""The polynomial suite: conventions of the authors' code, and moments in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.simulate import polynomial
from bayes_ivgen.simulate.polynomials import RandomPolynomial, _draw_noise


@settings(max_examples=40, deadline=None)
@given(n_variables=st.integers(1, 6), seed=st.integers(0, 1000))
def test_random_polynomials(n_variables: int, seed: int) -> None:
    term = RandomPolynomial.draw(n_variables, np.random.default_rng(seed))
    assert len(term.powers) == len(set(term.powers)) == special.comb(n_variables + 2, 2, exact=True)
    assert max(sum(p) for p in term.powers) == 2
    assert np.abs(term.weights).sum() == pytest.approx(1.0)
    point = np.random.default_rng(seed + 1).standard_normal(n_variables)
    expected = sum(w * np.prod(point ** np.array(p)) for w, p in zip(term.weights, term.powers, strict=True))
    assert term(*(np.array([x]) for x in point))[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("family", "law"),
    [
        ("gaussian", stats.norm(0, 0.5)),
        ("uniform", stats.uniform(-np.sqrt(3) / 2, np.sqrt(3))),
        ("logistic", stats.logistic(0, 0.5 * np.sqrt(3) / np.pi)),
    ],
)
def test_noise_families_have_the_stated_law_and_sd(family: str, law: stats.rv_continuous) -> None:
    assert law.std() == pytest.approx(0.5)
    draws = _draw_noise(family, 0.5, 20_000, np.random.default_rng(0))  # type: ignore[arg-type]
    assert stats.kstest(draws, law.cdf).pvalue > 1e-4


def test_all_families_occur() -> None:
    worlds = [polynomial(3, seed=seed) for seed in range(10)]
    drawn = {f for w in worlds for f in (*w.confounder_families, *w.noise_families)}
    assert drawn == {w.outcome_family for w in worlds} == {"gaussian", "uniform", "logistic"}


def test_sds_of_confounders_and_noises() -> None:
    latents = polynomial(3, seed=0)._draw_latents(100_000, np.random.default_rng(0))
    np.testing.assert_allclose(latents.confounders.std(axis=0), 0.5, rtol=0.02)
    np.testing.assert_allclose(latents.action_noise.std(axis=0), 0.1, rtol=0.02)
    assert latents.outcome_noise.std() == pytest.approx(0.1, rel=0.02)
    together = np.column_stack([latents.confounders, latents.action_noise, latents.outcome_noise])
    assert np.abs(np.corrcoef(together.T) - np.eye(7)).max() < 4.5 / np.sqrt(100_000)


def test_set_values_are_gaussian_with_the_observational_moments() -> None:
    world = polynomial(3, seed=1)
    means, sds = world.set_moments
    observed = world.sample(50_000, seed=9)
    for k, action in enumerate(world.actions):
        rows = world.sample(20_000, f"do({action})", seed=4)
        assert stats.kstest(rows[action], stats.norm(means[k], sds[k]).cdf).pvalue > 1e-4
        standard_error = sds[k] / np.sqrt(50_000)
        assert abs(observed[action].mean() - means[k]) < 5 * standard_error
        assert observed[action].std() == pytest.approx(sds[k], rel=0.03)


def test_set_values_do_not_depend_on_earlier_calls() -> None:
    fresh, used = polynomial(2, seed=1), polynomial(2, seed=1)
    used.sample(10, seed=3)
    used.sample(10, "do(a2)", seed=3)
    assert fresh.sample(10, "do(a1)").equals(used.sample(10, "do(a1)"))


def test_noise_stands_inside_the_polynomial_of_the_action() -> None:
    world = polynomial(2, seed=0, edge_probability=1.0)
    assert [len(g.powers) for g in world.action_terms] == [6, 10]  # (c, v) and (a1, c, v), degree at most 2
    assert [len(f.powers) for f in world.outcome_terms] == [6, 6]
    latents = world._draw_latents(5, np.random.default_rng(0))
    values, _ = world._simulate(5, Regime(), np.random.default_rng(0))
    c, v = latents.confounders, latents.action_noise
    np.testing.assert_array_equal(values[:, 0], world.action_terms[0](c[:, 0], v[:, 0]))
    np.testing.assert_array_equal(values[:, 1], world.action_terms[1](values[:, 0], c[:, 1], v[:, 1]))


@pytest.mark.parametrize(("n_actions", "sd_truth"), [(2, 0.032), (3, 0.039)])
def test_spread_of_the_truth_is_that_of_the_authors_suite(n_actions: int, sd_truth: float) -> None:
    """The sd of E[Y | do(a)] over joint rows, measured with the authors' code: reference/README.md."""
    spreads = []
    for seed in range(30):
        world = polynomial(n_actions, seed=seed)
        rows = world.sample(2000, f"do({','.join(world.actions)})")
        spreads.append(world.effect(rows[list(world.actions)]).std())
    standard_error = np.std(spreads) / np.sqrt(30)
    assert abs(np.mean(spreads) - sd_truth) < 4 * np.sqrt(2) * standard_error
