"""Priors: read from `Prior` objects, refused with a fix, and the same densities as scipy and PyMC."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import integrate, stats

from bayes_ivgen.errors import SpecError
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import Priors
from bayes_ivgen.model.components import TermType
from bayes_ivgen.model.priors import PositivePrior

EXAMPLES = {
    "HalfStudentT": ({"nu": 3.0, "sigma": 0.4}, lambda x: stats.t(3.0, scale=0.4).logpdf(x)),
    "HalfCauchy": ({"beta": 0.3}, stats.halfcauchy(scale=0.3).logpdf),
    "HalfNormal": ({"sigma": 0.7}, stats.halfnorm(scale=0.7).logpdf),
    "Exponential": ({"lam": 2.0}, stats.expon(scale=0.5).logpdf),
    "Gamma": ({"alpha": 1.7, "beta": 3.0}, stats.gamma(1.7, scale=1 / 3).logpdf),
    "InverseGamma": ({"alpha": 2.5, "beta": 0.8}, stats.invgamma(2.5, scale=0.8).logpdf),
    "LogNormal": ({"mu": -1.0, "sigma": 0.6}, stats.lognorm(0.6, scale=np.exp(-1.0)).logpdf),
}
X = np.geomspace(1e-3, 20.0, 40)


@pytest.mark.parametrize("name", EXAMPLES)
def test_densities_equal_scipy_and_pymc_up_to_a_constant(name: str, make_prior: Any) -> None:
    parameters, exact = EXAMPLES[name]
    prior = Priors.from_user({"level": make_prior(name, **parameters)}).hyper[TermType.LEVEL]
    assert str(prior).startswith(f"{name}(")
    gap = prior.log_density(X) - exact(X)
    np.testing.assert_allclose(gap, gap[0], atol=1e-9)
    in_pymc = pm.logp(getattr(pm, name).dist(**parameters), X).eval(mode="FAST_COMPILE")
    gap = prior.log_density(X) - in_pymc
    np.testing.assert_allclose(gap, gap[0], atol=1e-9)


@pytest.mark.parametrize("name", EXAMPLES)
def test_densities_with_their_constant_integrate_to_one(name: str) -> None:
    prior = PositivePrior(name, tuple(EXAMPLES[name][0].items()))
    # Over log x: the half-Cauchy has a long tail.
    total, _ = integrate.quad(
        lambda z: np.exp(prior.log_density(np.exp(z)) + prior.log_normaliser + z), -40, 40, points=[0.0], limit=200
    )
    assert total == pytest.approx(1.0, abs=1e-7)


def test_defaults_are_those_of_the_design() -> None:
    priors = Priors.from_user(None)
    assert priors == Priors() == Priors.from_user({})
    text = str(priors)
    for line in (
        "alpha ~ Normal(mu=0, sigma=5)",
        "hyper[level] ~ HalfCauchy(beta=0.1)",
        "tau[term] ~ HalfStudentT(nu=4, sigma=hyper[type of term])",
        "sigma[regime] ~ HalfStudentT(nu=4, sigma=1)",
    ):
        assert line in text
    assert sum(line.startswith("hyper[") for line in text.splitlines()) == len(TermType)


def test_all_names_are_read(make_prior: Any) -> None:
    given = {
        "alpha": make_prior("Normal", mu=0, sigma=2),
        "tau": make_prior("HalfStudentT", nu=7, sigma=1),
        "sigma": make_prior("HalfNormal", sigma=3),
        **{kind.value: make_prior("HalfNormal", sigma=0.1 * (i + 1)) for i, kind in enumerate(TermType)},
    }
    priors = Priors.from_user(given)
    assert (priors.alpha_sd, priors.tau_nu) == (2.0, 7.0)
    assert priors.sigma == PositivePrior("HalfNormal", (("sigma", 3.0),))
    for i, kind in enumerate(TermType):
        assert dict(priors.hyper[kind].parameters)["sigma"] == pytest.approx(0.1 * (i + 1))
    # Changing one leaves the others alone.
    one = Priors.from_user({"level": given["level"]})
    assert one.hyper[TermType.LEVEL] != Priors().hyper[TermType.LEVEL]
    assert all(one.hyper[kind] == Priors().hyper[kind] for kind in TermType if kind != TermType.LEVEL)
    assert (one.alpha_sd, one.tau_nu, one.sigma) == (5.0, 4.0, Priors().sigma)


def test_storage_is_exact(make_prior: Any) -> None:
    priors = Priors.from_user(
        {
            "tensor": make_prior("Gamma", alpha=1.1, beta=0.3),
            "sigma": make_prior("LogNormal", mu=-0.1, sigma=1 / 3),
            "alpha": make_prior("Normal", mu=0, sigma=1 / 7),
        }
    )
    assert Priors.from_dict(json.loads(json.dumps(priors.to_dict()))) == priors


def test_hyper_densities_follow_their_types(make_prior: Any) -> None:
    types = (TermType.OTHER_LINEAR, TermType.TENSOR)
    x = np.array([0.3, 0.3])
    same = Priors().log_hyper(types)(x)
    assert same[0] == same[1] == pytest.approx(-np.log1p(9.0))
    mixed = Priors.from_user({"tensor": make_prior("HalfNormal", sigma=0.5)}).log_hyper(types)(x)
    np.testing.assert_allclose(mixed, [-np.log1p(9.0), -0.18])


def wrong_priors(make_prior: Any) -> dict[str, tuple[dict[str, Any], str, dict[str, Any]]]:
    half_normal = make_prior("HalfNormal", sigma=0.1)
    normal = make_prior("Normal", mu=0, sigma=3)
    half_t = make_prior("HalfStudentT", nu=4, sigma=1)
    return {
        "unknown name": (
            {"levels": half_normal},
            "priors names 'levels', which the model does not have. Valid names",
            {"level": half_normal},
        ),
        "not on the positive numbers": (
            {"level": make_prior("Normal", mu=0, sigma=1)},
            "priors['level'] is a Normal; a scale needs a distribution on the positive numbers: ['Exponential', ",
            {"level": make_prior("Exponential", lam=1)},
        ),
        "missing parameter": (
            {"level": make_prior("HalfStudentT", nu=4)},
            "HalfStudentT takes the parameters ['nu', 'sigma'], but came with ['nu']; give exactly these.",
            {"level": make_prior("HalfStudentT", nu=4, sigma=0.1)},
        ),
        "other parametrisation": (
            {"sigma": make_prior("Gamma", mu=1, sigma=1)},
            "Gamma takes the parameters ['alpha', 'beta'], but came with ['mu', 'sigma']",
            {"sigma": make_prior("Gamma", alpha=1, beta=1)},
        ),
        "negative": (
            {"level": make_prior("HalfNormal", sigma=-1)},
            "sigma is -1; it must be above zero.",
            {"level": half_normal},
        ),
        "nested": (
            {"level": make_prior("HalfNormal", sigma=half_normal)},
            'the parameter sigma is Prior("HalfNormal", sigma=0.1); it must be a finite number.',
            {"level": half_normal},
        ),
        "infinite": (
            {"level": make_prior("HalfNormal", sigma=float("inf"))},
            "the parameter sigma is inf;",
            {"level": half_normal},
        ),
        "no Prior": (
            {"level": 0.1},
            "priors['level'] is a float; pass a Prior of pymc_extras.prior",
            {"level": half_normal},
        ),
        "dims": (
            {"level": make_prior("HalfNormal", sigma=0.1, dims="type")},
            "priors['level'] has dims, which the model sets itself; leave it out",
            {"level": half_normal},
        ),
        "alpha mean": (
            {"alpha": make_prior("Normal", mu=1, sigma=1)},
            "the intercept takes a Normal with mu=0",
            {"alpha": normal},
        ),
        "alpha family": ({"alpha": half_normal}, "priors['alpha'] is HalfNormal({'sigma': 0.1})", {"alpha": normal}),
        "alpha parametrisation": (
            {"alpha": make_prior("Normal", mu=0, tau=4)},
            "takes a Normal with mu=0 and sigma",
            {"alpha": normal},
        ),
        "tau scale": (
            {"tau": make_prior("HalfStudentT", nu=4, sigma=2)},
            "it takes a HalfStudentT with nu > 0",
            {"tau": half_t},
        ),
        "tau family": ({"tau": half_normal}, "(its scale is the hyper-scale of the kind of term)", {"tau": half_t}),
        "tau parametrisation": (
            {"tau": make_prior("HalfStudentT", nu=4, lam=9)},
            "a HalfStudentT with nu > 0",
            {"tau": half_t},
        ),
    }


@pytest.mark.parametrize(
    "case",
    [
        "unknown name",
        "not on the positive numbers",
        "missing parameter",
        "other parametrisation",
        "negative",
        "nested",
        "infinite",
        "no Prior",
        "dims",
        "alpha mean",
        "alpha family",
        "alpha parametrisation",
        "tau scale",
        "tau family",
        "tau parametrisation",
    ],
)
def test_wrong_priors_name_the_fix(case: str, make_prior: Any) -> None:
    wrong, message, fix = wrong_priors(make_prior)[case]
    with pytest.raises(SpecError, match=re.escape(message)):
        Priors.from_user(wrong)
    with pytest.raises(SpecError, match=re.escape(message)):
        InterventionModel(priors=wrong)
    Priors.from_user(fix)
    assert InterventionModel(priors=fix).prior_table() == Priors.from_user(fix)
