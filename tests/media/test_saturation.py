"""Saturation curves, and a basis that sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymc_extras.prior import Prior

from bayes_ivgen.basis import BSpline, Polynomial, Saturated, basis_from_dict
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media import Saturation
from bayes_ivgen.media.transforms import transforms_from_dict, transforms_to_dict

CURVES = [
    Saturation("hill", kappa=20.0, slope=1.7),
    Saturation("logistic", lam=np.log(3.0) / 20.0),
    Saturation("michaelis_menten", lam=20.0),
]


@pytest.mark.parametrize("curve", CURVES)
def test_curves_rise_from_zero_to_one_with_half_at_the_half(curve: Saturation) -> None:
    assert curve(0.0) == 0.0
    assert curve(20.0) == pytest.approx(0.5)
    assert curve(1e9) == pytest.approx(1.0)
    assert (np.diff(curve(np.linspace(0, 200, 500))) > 0).all()
    assert curve(-3.0) == 0.0
    np.testing.assert_allclose(curve.inverse(curve([1.0, 20.0, 70.0])), [1.0, 20.0, 70.0])


@given(st.floats(0.1, 100), st.floats(0.01, 1))
def test_logistic_is_that_of_the_formula(x: float, lam: float) -> None:
    expected = (1 - np.exp(-lam * x)) / (1 + np.exp(-lam * x))
    assert Saturation("logistic", lam=lam)(x) == pytest.approx(expected)


def test_default_candidates_lie_around_a_typical_spend() -> None:
    assert len(Saturation().candidates(10.0)) == 25
    halves = [float(curve(10.0 * share)) for curve, share in zip(
        Saturation("logistic").candidates(10.0), (0.25, 0.5, 1, 2, 4), strict=True)]  # fmt: skip
    np.testing.assert_allclose(halves, 0.5)
    assert [c.lam for c in Saturation("michaelis_menten", lam=[3.0, 2.0]).candidates(10.0)] == [2.0, 3.0]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kind": "tanh"}, "valid are 'hill', 'logistic'"),
        ({"kind": "logistic", "kappa": 2.0}, "has no kappa; it takes lam"),
        ({"lam": 2.0}, "takes kappa and slope"),
        ({"kappa": 0.0}, "above 0"),
        ({"slope": -1}, "above 0"),
        ({"kappa": Prior("Normal", mu=3, sigma=1)}, r'HalfNormal, for example Prior\("LogNormal", mu=3.0'),
        ({"kappa": Prior("LogNormal", mu=3, sigma=1)}, r"kappa=LogNormal.*slope=None.*a number or a Prior for each"),
        ({"kappa": Prior("Uniform", lower=-1, upper=3), "slope": 1.0}, "between -1 and 3, but kappa between 0 and"),
        ({"kappa": Prior("LogNormal", mu=3, sigma=0), "slope": 1.0}, "sigma is 0; it must be above zero"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(SpecError, match=match):
        Saturation(**arguments)


@pytest.mark.parametrize(
    ("prior", "median"),
    [
        (Prior("LogNormal", mu=3.0, sigma=0.5), np.exp(3.0)),
        (Prior("Gamma", alpha=1, beta=0.5), np.log(2) / 0.5),
        (Prior("HalfNormal", sigma=2.0), 2.0 * 0.67449),
    ],
)
def test_priors_above_zero_are_those_of_pymc(prior: Prior, median: float) -> None:
    read = Saturation("logistic", lam=prior).free["lam"]
    assert read.quantiles(0.5)[0] == pytest.approx(median, rel=1e-4)
    at = np.array([0.3, 1.0, 7.0])
    law = getattr(pm, prior.distribution).dist(**prior.parameters)
    np.testing.assert_allclose(read.log_density(at), pm.logp(law, at).eval())


def test_a_prior_makes_a_saturation_sampled() -> None:
    curve = Saturation("hill", kappa=Prior("LogNormal", mu=3.0, sigma=0.5), slope=1.0)
    assert (curve.sampled, curve.fixed, list(curve.free)) == (True, False, ["kappa"])
    halves = [item.kappa for item in curve.candidates(10.0)]
    assert halves[3] == pytest.approx(np.exp(3.0))
    assert transforms_from_dict(transforms_to_dict({"tv": (curve,)})) == {"tv": (curve,)}


def test_it_has_no_values_before_it_is_chosen() -> None:
    with pytest.raises(SpecError, match=r"fit\.transforms"):
        Saturation()(1.0)


@pytest.mark.parametrize("basis", [BSpline(), Polynomial(1), Polynomial(3)])
@pytest.mark.parametrize("curve", CURVES)
def test_the_basis_sees_the_saturated_value(basis: Any, curve: Saturation) -> None:
    x = np.random.default_rng(0).uniform(0, 80, 300)
    fitted = Saturated(basis, curve).fit(x, x)
    inner = basis.fit(curve(x), curve(x))
    at = np.linspace(0, 90, 50)
    np.testing.assert_allclose(fitted.columns(at), inner.columns(curve(at)))
    restored = basis_from_dict(fitted.to_dict())
    np.testing.assert_array_equal(restored.columns(at), fitted.columns(at))
    assert (fitted.n_linear, fitted.n_wiggle) == (inner.n_linear, inner.n_wiggle)


def test_a_line_of_the_saturated_value_is_the_classic_curve() -> None:
    x = np.random.default_rng(0).uniform(0, 80, 300)
    column = Saturated(Polynomial(1), CURVES[0]).fit(x, x).columns(x)[:, 0]
    slope, intercept = np.polyfit(CURVES[0](x), column, 1)
    np.testing.assert_allclose(column, intercept + slope * CURVES[0](x), atol=1e-12)
