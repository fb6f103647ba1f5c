"""Draws of the outcome itself cover fresh rows of regimes that were never run."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_ivgen as ivg
from bayes_ivgen.effects import parse_queries


@pytest.fixture(scope="module")
def world() -> ivg.simulate.SCM:
    return ivg.simulate.media_mix(seed=3)


@pytest.fixture(scope="module")
def fit(world: ivg.simulate.SCM) -> ivg.Fit:
    rows = world.sample_regimes(world.standard_regimes(500), seed=1)
    data = ivg.RegimeData.from_frame(rows, outcome="sales", actions=list(world.actions))
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents))
    return model.fit(data, draws=200, chains=2, tune=100, cores=1, seed=0, progressbar=False)


@pytest.mark.parametrize("regime", ["do(tv,web,radio,social)", "do(tv)", "obs", "do(tv,web)"])
def test_intervals_cover_fresh_rows(fit: ivg.Fit, world: ivg.simulate.SCM, regime: str) -> None:
    fresh = world.sample(400, regime=regime, seed=9)
    set_ = [a for a in world.actions if ivg.Regime.parse(regime, world.actions).sets(a)]
    seen = [a for a in world.actions if a not in set_]
    table = fit.outcome(do=fresh[set_], given=fresh[seen], extrapolate=True).summary(0.9)
    inside = (table["lower"] <= fresh["sales"]) & (fresh["sales"] <= table["upper"])
    # Binomial error of 400 rows is 0.015; the joint noise level is extrapolated from five regimes: allow for both.
    assert 0.8 < inside.mean() < 0.96


def test_outcome_is_the_effect_plus_noise(fit: ivg.Fit) -> None:
    query = {"tv": 50, "web": 50, "radio": 25, "social": 30}
    outcome, effect = fit.outcome(do=query), fit.effect(do=query)
    assert outcome.kind == "outcome"
    assert outcome.name == "sales | do(tv, web, radio, social)"
    noise = outcome.draws.values - effect.draws.values
    assert abs(noise.mean()) < 5 * noise.std() / np.sqrt(noise.size)
    assert outcome.summary()["sd"].iloc[0] > 1.2 * effect.summary()["sd"].iloc[0]
    np.testing.assert_array_equal(fit.outcome(do=query, seed=0).draws, outcome.draws)
    assert not np.array_equal(fit.outcome(do=query, seed=1).draws, outcome.draws)


def test_draws_do_not_depend_on_the_blocks(fit: ivg.Fit) -> None:
    queries = {"tv": np.linspace(20, 80, 7), "web": 50, "radio": 25, "social": 30}
    outcome = fit.outcome(do=queries)
    together = outcome.draws.values
    # The random numbers are those of the query; the last digit of the mean depends on the size of the product.
    np.testing.assert_allclose(outcome.evaluate(slice(3, 5)), together[..., 3:5], rtol=1e-13)
    table = outcome.summary(0.8)
    np.testing.assert_allclose(table["mean"], together.mean(axis=(0, 1)))
    errors = (together - fit.effect(do=queries).draws.values).reshape(-1, 7)
    assert np.abs(np.corrcoef(errors.T) - np.eye(7)).max() < 5 / np.sqrt(len(errors))


def _held(fit: ivg.Fit) -> np.ndarray:
    chosen = fit.effects.observed[::50].copy()
    chosen[:, fit.actions.index("tv")] = 50
    return chosen


def test_held_actions_add_their_own_spread(fit: ivg.Fit) -> None:
    held = fit.outcome(do={"tv": 50}, rest="hold").draws.values
    effect = fit.effect(do={"tv": 50}, rest="hold").draws.values
    assert abs(held.mean() - effect.mean()) < 6 * held.std() / np.sqrt(held.size)
    query = parse_queries(fit.actions, {"tv": 50}, None, "hold")
    rows = fit.design.rows(
        np.where(np.isnan(query.values), fit.effects.observed, query.values),
        np.ones(fit.effects.observed.shape, dtype=bool),
    )
    between = fit.design.outcome_sd * np.std(rows @ fit.effects.coefficients.mean(axis=(0, 1)))
    fixed = np.mean([np.var(fit.outcome(do=dict(zip(fit.actions, row, strict=True))).draws) for row in _held(fit)])
    assert abs(held.std() / np.sqrt(fixed + between**2) - 1) < 0.15


@pytest.mark.parametrize("noise", ["regime", "constant"])
def test_other_noise_models(world: ivg.simulate.SCM, noise: str) -> None:
    rows = world.sample_regimes(world.standard_regimes(300), seed=1)
    data = ivg.RegimeData.from_frame(rows, outcome="sales", actions=list(world.actions))
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents), noise=noise)
    fit = model.fit(data, draws=300, chains=2, tune=100, cores=1, seed=0, progressbar=False)
    fresh = world.sample(300, regime="do(tv,web,radio,social)", seed=9)
    table = fit.outcome(do=fresh[list(world.actions)], extrapolate=True).summary(0.9)
    inside = (table["lower"] <= fresh["sales"]) & (fresh["sales"] <= table["upper"])
    assert 0.7 < inside.mean() < 0.99


def test_an_outcome_that_is_not_identified_is_refused(world: ivg.simulate.SCM) -> None:
    rows = world.sample_regimes({"obs": 300, "do(tv)": 300}, seed=1)
    data = ivg.RegimeData.from_frame(rows, outcome="sales", actions=list(world.actions))
    model = ivg.InterventionModel(graph=ivg.ActionGraph(world.parents))
    fit = model.fit(data, draws=400, chains=2, tune=200, cores=1, seed=0)
    with pytest.raises(ivg.errors.IdentificationError, match=r"Missing: rows of do\(web\)"):
        fit.outcome(do={"tv": 50, "web": 50}, given={"radio": 25, "social": 30})
    assert len(fit.outcome(do={"tv": 50}, given={"web": 50, "radio": 25, "social": 30})) == 1
