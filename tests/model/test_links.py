"""Links: mean and predictor are inverse, slopes are derivatives, and products are exact in T8's worlds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.model.links import FLOOR, LINKS, Link
from bayes_ivgen.simulate import DiscreteSCM, discrete

ETA = st.floats(-30, 30)


@pytest.mark.parametrize("name", LINKS)
@given(eta=ETA, unit=st.floats(0.01, 3.0))
def test_the_slope_is_the_derivative_of_the_mean(name: str, eta: float, unit: float) -> None:
    link, step = Link.of(name, unit), 1e-6 * max(unit, 0.01)
    values = np.array([eta - step, eta, eta + step])
    mean, slope = link.mean(values), link.slope(values)
    numeric = (mean[2] - mean[0]) / (values[2] - values[0])
    assert slope[1] == pytest.approx(numeric, rel=1e-3, abs=1e-6)


@given(eta=st.floats(-1e6, 1e6), unit=st.floats(0.001, 3.0))
def test_a_probability_stays_one_for_any_predictor(eta: float, unit: float) -> None:
    link = Link.of("log_complement", unit)
    hazard = float(link.hazard(np.array(eta), np))
    assert np.isfinite(np.log(-np.expm1(-hazard)))
    assert 0 < -np.expm1(-hazard) <= 1
    assert np.isfinite(link.slope(np.array(eta)))


@given(unit=st.floats(0.01, 3.0), share=st.floats(0.3, 20.0))
def test_log_complement_is_exact_but_for_the_bend_at_zero(unit: float, share: float) -> None:
    link = Link.of("log_complement", unit)
    gap = float(link.hazard(np.array(share * unit), np)) - share * unit
    # width * log(1 + exp(-eta / width)): 0.00012 of the unit at three tenths of it
    assert -1e-12 <= gap <= 1e-12 + FLOOR * unit * np.exp(-0.3 / FLOOR) * 1.01


def test_shifts_of_the_predictor_are_differences_factors_and_factors_of_failure() -> None:
    eta, shift = np.array([0.5, 1.0, 2.0]), 0.4
    for name, of in (("identity", lambda mu: mu), ("log", np.log), ("log_complement", lambda mu: np.log1p(-mu))):
        link = Link.of(name, 0.05)
        before, after = link.mean(eta), link.mean(eta + shift)
        change = link.factor(np.array(shift))
        if name == "identity":
            np.testing.assert_allclose(after - before, change)
        else:
            np.testing.assert_allclose(of(after) - of(before), np.log(change), atol=1e-6)
    assert [Link.of(name, 1.0).compares for name in LINKS] == ["difference", "ratio", None]


def product_world(seed: int, *, failure: bool) -> DiscreteSCM:
    """World T8: a product of factors and a synergy factor, or a noisy-OR; three binary actions."""
    world, rng = discrete(3, 2, seed=seed, edge_probability=0.7), np.random.default_rng(seed)
    n = 3
    table = np.ones(world.outcome_mean.shape)
    for k in range(n):
        shape = [1] * (2 * n)
        shape[k], shape[n + k] = 2, 2
        factor = rng.uniform(0.2, 0.95, (2, 2)) if failure else rng.lognormal(0.0, 0.8, (2, 2))
        table = table * factor.reshape(shape)
    if failure:
        return replace(world, outcome_mean=1 - table, outcome_sd=None)
    synergy = np.exp(rng.normal(0.0, 0.5, (2, 2, 2))).reshape(2, 2, 2, 1, 1, 1)
    return replace(world, outcome_mean=table * synergy)


def plugged_in(world: DiscreteSCM, forward: object, back: object) -> float:
    """Largest error of the weights of design (2) on a link scale, over the cells of the joint intervention."""
    regimes = [Regime(), *(Regime((action,)) for action in world.actions)]
    joint = Regime(world.actions)
    weights = level_weights(joint, regimes, world.actions)
    assert weights is not None
    cells = pd.DataFrame(list(product([0.0, 1.0], repeat=3)), columns=list(world.actions))
    means = np.array([world.effect(cells, do=regime.set_actions) for regime in regimes])
    found = back(weights @ forward(means))  # type: ignore[operator]
    return float(np.abs(found - world.effect(cells)).max())


@pytest.mark.parametrize("seed", range(5))
def test_products_are_additive_on_the_log_scale_and_nowhere_else(seed: int) -> None:
    world = product_world(seed, failure=False)
    assert plugged_in(world, np.log, np.exp) < 1e-12
    assert plugged_in(world, lambda mu: mu, lambda eta: eta) > 0.01


@pytest.mark.parametrize("seed", range(5))
def test_failures_multiply_under_a_noisy_or_and_logits_do_not_add_up(seed: int) -> None:
    world = product_world(seed, failure=True)
    assert plugged_in(world, lambda mu: -np.log1p(-mu), lambda eta: -np.expm1(-eta)) < 1e-12
    logit = plugged_in(world, lambda mu: np.log(mu / (1 - mu)), lambda eta: 1 / (1 + np.exp(-eta)))
    assert logit > 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_second_moments_multiply_as_well_so_log_of_one_plus_dispersion_adds_up(seed: int) -> None:
    """Mixed Poisson (T8): E[Y (Y - 1)] = E[M^2], whose ratio to E[M]^2 is 1 + dispersion."""
    world = product_world(seed, failure=False)
    squared = replace(world, outcome_mean=world.outcome_mean**2)
    regimes = [Regime(), *(Regime((action,)) for action in world.actions)]
    weights = level_weights(Regime(world.actions), regimes, world.actions)
    assert weights is not None
    cells = pd.DataFrame(list(product([0.0, 1.0], repeat=3)), columns=list(world.actions))

    def log_inflation(do: tuple[str, ...]) -> np.ndarray:
        return np.log(squared.effect(cells, do=do)) - 2 * np.log(world.effect(cells, do=do))

    found = weights @ np.array([log_inflation(regime.set_actions) for regime in regimes])
    np.testing.assert_allclose(found, log_inflation(world.actions), atol=1e-12)
