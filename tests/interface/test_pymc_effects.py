"""Effects inside the PyMC model: against effects of draws, and against lift tests as an independent route."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from bayes_ivgen import ActionGraph, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.effects import EffectPosterior, parse_queries
from bayes_ivgen.errors import QueryError, SpecError, SupportError, SupportWarning

QUICK = "FAST_COMPILE"  # compiling takes longer than all evaluations
GRAPH = ActionGraph({"b": ["a"]})
MODEL = InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph=GRAPH)
LIFTS = pd.DataFrame({"channel": ["a"], "x": [-1.0], "delta_x": [2.0], "delta_y": [3.0], "sigma": [0.2]})


def positive(data: RegimeData) -> RegimeData:
    rows = pd.concat(
        pd.DataFrame(batch.variables, columns=list(data.variables)).assign(
            y=np.exp(0.1 * batch.outcome), regime=batch.regime.label
        )
        for batch in data.batches()
    )
    return RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])


QUESTIONS: list[dict[str, Any]] = [
    {"do": {"a": [0.0, 0.5, 1.0], "b": -0.5}},
    {"do": {"a": [0.0, 0.5]}, "rest": "hold"},
    {"do": {"a": [0.0, 0.5]}, "given": {"b": [0.2, 0.1]}},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=["joint", "hold", "given"])
@pytest.mark.parametrize("link", ["identity", "log"])
def test_tensors_are_the_effects_of_draws(link: str, question: dict[str, Any], small_data: RegimeData) -> None:
    data = small_data if link == "identity" else positive(small_data)
    model = MODEL if link == "identity" else replace(MODEL, likelihood="gamma", link="log")
    pm_model = model.to_pymc(data)
    tensor = model.effect_in(pm_model, data, **question)
    design = model.design(data)
    rng = np.random.default_rng(0)
    coefficients = 0.3 * rng.normal(size=(1, 4, design.n_coefficients))
    # The same question to draws, as a fit asks it.
    from bayes_ivgen.interface.pymc_effects import _effects

    posterior: EffectPosterior = replace(_effects(model, pm_model, data), coefficients=coefficients)
    options = [question.get("do"), question.get("given"), question.get("rest")]
    expected = posterior.effect(parse_queries(("a", "b"), *options), extrapolate=False).draws
    for i in range(4):
        inputs = {pm_model["alpha"]: coefficients[0, i, 0], pm_model["beta"]: coefficients[0, i, 1:]}
        np.testing.assert_allclose(tensor.eval(inputs, mode=QUICK), expected[0, i], rtol=1e-10)


def extended(data: RegimeData) -> pm.Model:
    """Return the model with a survey that measured what the lift test above says."""
    with MODEL.to_pymc(data) as pm_model:
        low, high = MODEL.effect_in(pm_model, data, do={"a": [-1.0, 1.0]}, rest="hold")
        pm.Normal("survey", high - low, 0.2, observed=3.0)
    return pm_model


def test_a_likelihood_of_ones_own_is_a_lift_test(small_data: RegimeData) -> None:
    own, known = extended(small_data), MODEL.to_pymc(small_data, lift_tests=LIFTS)
    without = MODEL.to_pymc(small_data).compile_logp(mode=QUICK)
    densities = [model.compile_logp(mode=QUICK) for model in (own, known)]
    rng = np.random.default_rng(0)
    for _ in range(5):
        point = {name: value + rng.normal(0, 0.5, np.shape(value)) for name, value in own.initial_point().items()}
        mine, theirs = (density(point) for density in densities)
        assert mine == pytest.approx(theirs, rel=1e-10)
        assert abs(mine - without(point)) > 1e-3


def test_sampling_the_extended_model_agrees_with_the_fit_to_lift_tests(small_data: RegimeData) -> None:
    with extended(small_data) as pm_model:
        low, high = MODEL.effect_in(pm_model, small_data, do={"a": [-1.0, 1.0]}, rest="hold")
        pm.Deterministic("moved", high - low)
        tree = pm.sample(
            400, tune=400, chains=2, cores=1, random_seed=1, progressbar=False, nuts={"target_accept": 0.9}
        )
    moved = tree["posterior"]["moved"].values
    fit = MODEL.fit(small_data, lift_tests=LIFTS, draws=1000, chains=2, seed=0, cores=1)
    expected = fit.contrast(do={"a": 1.0}, versus={"a": -1.0}, rest="hold").draws.values
    # An effective size of 200 of 800 draws is less than NUTS reaches for an effect.
    error = expected.std() * np.sqrt(1 / 200 + 1 / 1000)
    assert moved.mean() == pytest.approx(expected.mean(), abs=4 * error)
    assert moved.std() == pytest.approx(expected.std(), rel=0.3)
    without = MODEL.fit(small_data, draws=1000, chains=2, seed=0, cores=1)
    far = without.contrast(do={"a": 1.0}, versus={"a": -1.0}, rest="hold").draws.values.mean()
    assert abs(far - expected.mean()) > 8 * error  # the survey has a say


def test_what_cannot_be_asked_inside_a_model_is_refused(small_data: RegimeData) -> None:
    pm_model = MODEL.to_pymc(small_data)
    with pytest.raises(QueryError, match="rest='respond' is not available inside a PyMC model"):
        MODEL.effect_in(pm_model, small_data, do={"a": 0.0}, rest="respond")
    assert MODEL.effect_in(pm_model, small_data, do={"a": 0.0}, rest="hold").eval is not None
    with pytest.raises(QueryError, match="stands neither in do nor in given"):
        MODEL.effect_in(pm_model, small_data, do={"a": 0.0})
    with pytest.raises(SpecError, match=r"coefficients that are not the \d+ of this model"):
        replace(MODEL, causal=Polynomial(3)).effect_in(pm_model, small_data, do={"a": 0.0, "b": 0.0})


def test_support_is_flagged(small_data: RegimeData) -> None:
    pm_model = MODEL.to_pymc(small_data)
    with pytest.warns(SupportWarning, match="1 of 2 queries are not supported .* extrapolate=True"):
        MODEL.effect_in(pm_model, small_data, do={"a": [0.0, 6.0]}, rest="hold")
    MODEL.effect_in(pm_model, small_data, do={"a": [0.0, 6.0]}, rest="hold", extrapolate=True)
    with pytest.raises(SupportError):
        MODEL.effect_in(pm_model, small_data, do={"a": [0.0, 600.0]}, rest="hold")
