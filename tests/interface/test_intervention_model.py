"""The specification: frozen, equal, printable, and strict about its arguments."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import numpy as np
import pytest
from pymc_extras.prior import Prior

from bayes_ivgen import ActionGraph, BSpline, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.model import Priors


def test_every_argument_has_a_default_and_none_can_be_changed() -> None:
    model = InterventionModel()
    for field in fields(model):
        with pytest.raises(FrozenInstanceError):
            setattr(model, field.name, getattr(model, field.name))
    assert model.causal == BSpline()
    assert (model.graph, model.likelihood, model.link, model.noise) == ("learn", "normal", "identity", "additive")


def test_equal_arguments_make_equal_models() -> None:
    graph = {"web": ["tv"]}
    one = InterventionModel(causal=BSpline(n_basis=8), graph=ActionGraph(graph), noise="regime")
    two = InterventionModel(causal=BSpline(n_basis=8), graph=ActionGraph(graph), noise="regime")
    assert one == two
    assert hash(one) == hash(two)
    for change in (
        {"causal": BSpline()},
        {"causal": Polynomial()},
        {"confounding": "separable"},
        {"graph": "full"},
        {"noise": "constant"},
        {"priors": {"level": Prior("HalfNormal", sigma=0.05)}},
    ):
        assert replace(one, **change) != two


def test_it_prints_what_it_is() -> None:
    text = repr(InterventionModel(confounding="separable", graph=ActionGraph({"web": ["tv"]})))
    assert "confounding='separable'" in text
    assert "{'web': ('tv',)}" in text
    table = str(InterventionModel(priors={"level": Prior("HalfNormal", sigma=0.05)}).prior_table())
    assert "hyper[level] ~ HalfNormal(sigma=0.05)" in table
    assert "hyper[tensor] ~ HalfCauchy(beta=0.1)" in table


BAD: list[Any] = [
    (
        {"causal": "spline"},
        r"causal='spline' is not a basis; pass BSpline\(\) or Polynomial\(\)\.",
        {"causal": BSpline()},
    ),
    ({"causal": "separable"}, "causal='separable' is not a basis", {"causal": Polynomial()}),
    ({"causal": BSpline}, "is not a basis", {"causal": BSpline()}),
    (
        {"confounding": None},
        "confounding=None is not a basis; .* or confounding='separable'",
        {"confounding": "separable"},
    ),
    (
        {"graph": "ancestors"},
        "graph='ancestors' is not known; pass 'learn', 'full', 'empty' or an ActionGraph",
        {"graph": "full"},
    ),
    ({"graph": {"web": ["tv"]}}, r"ActionGraph\(\{\"web\": \[\"tv\"\]\}\)", {"graph": ActionGraph({"web": ["tv"]})}),
    ({"blocks": ["tv", "web"]}, "is not a list of lists of actions", {"blocks": [["tv", "web"]]}),
    ({"blocks": [["tv", "web"], ["tv"]]}, "names 'tv' twice; every action belongs to", {"blocks": [["tv", "web"]]}),
    ({"blocks": [[]]}, "holds an empty block", {"blocks": []}),
    ({"covariates": ["x"]}, r"covariates=\['x'\] is not a mapping.*pass None", {"covariates": None}),
    ({"covariates": {"x": "effect"}}, r"covariates\['x'\] is 'effect'; valid are", {"covariates": {"x": "causal"}}),
    ({"synergy": 0}, "synergy=0 is not known; pass True", {"synergy": True}),
    ({"synergy": [("tv", "tv")]}, "or a list of pairs", {"synergy": [("tv", "web")]}),
    ({"synergy": "tv"}, "or a list of pairs", {"synergy": []}),
    (
        {"likelihood": "gamma"},
        "likelihood='gamma' does not go with link='identity': pass link='log'",
        {"likelihood": "gamma", "link": "log"},
    ),
    (
        {"likelihood": "poisson", "link": "log"},
        "its intervals are too short",
        {"likelihood": "negative_binomial", "link": "log"},
    ),
    ({"link": "logit"}, "link='logit' is refused", {"likelihood": "bernoulli", "link": "log_complement"}),
    (
        {"noise": "white"},
        "noise='white' is not available; valid here: 'additive', 'regime', 'constant'",
        {"noise": "constant"},
    ),
    (
        {"priors": {"levels": Prior("HalfNormal", sigma=1)}},
        "priors names 'levels', which the model does not have. Valid names are .*'level'",
        {"priors": {"level": Prior("HalfNormal", sigma=1)}},
    ),
    (
        {"priors": {"level": 0.1}},
        r"priors\['level'\] is a float; pass a Prior of pymc_extras",
        {"priors": {"level": Prior("HalfNormal", sigma=0.1)}},
    ),
    (
        {"priors": {"level": Prior("Normal", mu=0, sigma=1)}},
        "is a Normal; a scale needs a distribution on the positive numbers",
        {"priors": {"level": Prior("HalfNormal", sigma=1)}},
    ),
    (
        {"priors": {"sigma": Prior("HalfNormal", sigma=-1)}},
        r"priors\['sigma'\]: sigma is -1; it must be above zero",
        {"priors": {"sigma": Prior("HalfNormal", sigma=1)}},
    ),
    (
        {"priors": {"alpha": Prior("HalfNormal", sigma=1)}},
        "the intercept takes a Normal with mu=0",
        {"priors": {"alpha": Prior("Normal", mu=0, sigma=1)}},
    ),
    (
        {"priors": {"tau": Prior("HalfNormal", sigma=1)}},
        "it takes a HalfStudentT with nu > 0 and sigma=1",
        {"priors": {"tau": Prior("HalfStudentT", nu=3, sigma=1)}},
    ),
]


@pytest.mark.parametrize(("bad", "message", "mended"), BAD, ids=lambda item: str(item)[:40])
def test_a_bad_argument_is_refused_and_the_advice_works(bad: dict, message: str, mended: dict) -> None:
    with pytest.raises(SpecError, match=message):
        InterventionModel(**bad)
    InterventionModel(**mended)


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="n_basis"):
        InterventionModel(n_basis=5)  # type: ignore[call-arg]


def test_graphs_that_are_none() -> None:
    with pytest.raises(SpecError, match=r"the edges form a cycle \(.*tv.*\); no action can drive itself. Remove one"):
        ActionGraph({"web": ["tv"], "tv": ["web"]})
    with pytest.raises(
        SpecError, match=re.escape("the parents of 'web' are the string 'tv'; pass a list such as ['tv']")
    ):
        ActionGraph({"web": "tv"})
    assert ActionGraph({"web": ["tv"]}).edges == (("tv", "web"),)


def test_a_graph_with_an_unknown_action_is_refused_when_it_meets_the_data(data: RegimeData) -> None:
    model = InterventionModel(graph=ActionGraph({"web": ["radio"]}))
    for use in (model.design, model.to_pymc, lambda data: model.fit(data, draws=2, chains=1, tune=0)):
        message = r"the graph names 'radio', which is not an action. The actions are \['tv', 'web'\]; correct the name"
        with pytest.raises(SpecError, match=message):
            use(data)
    InterventionModel(graph=ActionGraph({"web": ["tv"]})).design(data)


@pytest.mark.parametrize(
    "model",
    [
        InterventionModel(),
        InterventionModel(causal=Polynomial(degree=2), confounding=BSpline(n_basis=6, tail="linear")),
        InterventionModel(confounding="separable", graph="full", noise="constant"),
        InterventionModel(graph=ActionGraph({"web": ["tv"], "tv": []})),
    ],
)
def test_models_survive_storage(model: InterventionModel) -> None:
    assert InterventionModel.from_dict(model.to_dict(), Priors.from_user(model.priors)) == model


def test_changed_priors_survive_storage() -> None:
    own = {
        "alpha": Prior("Normal", mu=0, sigma=2),
        "tau": Prior("HalfStudentT", nu=7, sigma=1),
        "sigma": Prior("Exponential", lam=2),
        "level": Prior("HalfNormal", sigma=0.05),
    }
    priors = Priors.from_user(own)
    model = InterventionModel(priors=own)
    again = InterventionModel.from_dict(model.to_dict(), Priors.from_dict(priors.to_dict()))
    assert str(again.prior_table()) == str(model.prior_table())
    assert again.prior_table() == priors
    assert set(again.priors or {}) == set(own)


def test_noise_scales() -> None:
    labels = ["obs", "do(tv)"]
    index, names = InterventionModel(noise="constant").sigma_groups(labels)
    assert names == ("all",)
    np.testing.assert_array_equal(index, [0, 0])
    for noise in ("additive", "regime"):
        index, names = InterventionModel(noise=noise).sigma_groups(labels)
        assert names == ("obs", "do(tv)")
        np.testing.assert_array_equal(index, [0, 1])
