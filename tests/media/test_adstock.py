"""Carry-over weights and their specification."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymc_extras.prior import Prior

from bayes_ivgen.errors import SpecError
from bayes_ivgen.media import Adstock
from bayes_ivgen.media.transforms import checked_transforms, transforms_from_dict, transforms_to_dict


@given(st.floats(0.0, 0.99), st.integers(1, 20))
def test_geometric_weights_fall_by_alpha_and_sum_to_one(alpha: float, l_max: int) -> None:
    weights = Adstock(alpha=alpha, l_max=l_max).weights
    assert weights.shape == (l_max,)
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weights[1:], alpha * weights[:-1], atol=1e-12)


@given(st.floats(0.01, 0.99), st.integers(0, 6))
def test_delayed_weights_peak_at_theta(alpha: float, theta: int) -> None:
    weights = Adstock("delayed", alpha=alpha, theta=theta, l_max=8).weights
    assert weights.sum() == pytest.approx(1.0)
    assert np.argmax(weights) == theta
    raw = [alpha ** ((lag - theta) ** 2) for lag in range(8)]
    np.testing.assert_allclose(weights, np.array(raw) / sum(raw))


def test_candidates_are_the_product_of_the_lists() -> None:
    assert [item.alpha for item in Adstock().candidates()] == pytest.approx(np.arange(10) / 10)
    delayed = Adstock("delayed", alpha=[0.3, 0.6], theta=[0, 1, 2])
    assert [(item.alpha, item.theta) for item in delayed.candidates()] == [
        (a, t) for a in (0.3, 0.6) for t in (0.0, 1.0, 2.0)
    ]
    assert all(item.fixed for item in delayed.candidates())
    assert not delayed.fixed
    assert {(i.alpha, i.theta) for i in Adstock("delayed", theta=None, l_max=4).candidates() if i.alpha == 0} == {
        (0, 0)
    }


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"kind": "weibull"}, "valid are 'geometric' and 'delayed'"),
        ({"alpha": 1.0}, "below 1"),
        ({"alpha": -0.1}, "at least 0"),
        ({"alpha": [0.5]}, "two values or more"),
        ({"alpha": "0.5"}, "must be a number"),
        ({"theta": 2}, "pass kind='delayed'"),
        ({"kind": "delayed", "alpha": 0.0, "theta": 2}, "needs alpha above 0"),
        ({"kind": "delayed", "theta": 9}, "at most 7"),
        ({"l_max": 0}, "1 or more"),
        ({"l_max": 2.5}, "whole number of weeks"),
        ({"initial": float("nan")}, "must be a spend"),
        ({"pure": 0.5}, "above 0.5"),
        ({"wash": "keep"}, "'drop' and 'label'"),
        ({"alpha": Prior("Normal", mu=0, sigma=1)}, r"valid are Beta, Uniform, TruncatedNormal, for example Prior"),
        ({"alpha": Prior("Beta", mu=0.3, sigma=0.1)}, r"takes the parameters \['alpha', 'beta'\]"),
        ({"alpha": Prior("Beta", alpha=-1, beta=3)}, "alpha is -1; it must be above zero"),
        ({"alpha": Prior("Uniform", lower=0.0, upper=2.0)}, "lies between 0 and 2, but alpha between 0 and 1"),
        ({"alpha": Prior("Beta", alpha=1, beta=3, dims="geo")}, "has dims"),
        ({"alpha": Prior("Beta", alpha=Prior("HalfNormal"), beta=3)}, "must be a finite number"),
        ({"kind": "delayed", "alpha": Prior("Beta", alpha=1, beta=3), "theta": None}, "a number or a Prior for each"),
        ({"alpha": 0.5, "memory": 0.2}, "goes with an alpha or theta that has a prior"),
        ({"alpha": Prior("Beta", alpha=1, beta=3), "memory": [0.1, 0.2]}, "a number, a Prior, or None"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(SpecError, match=match):
        Adstock(**arguments)


def test_a_prior_says_where_knots_stand_and_how_rows_are_told_apart() -> None:
    sampled = Adstock(alpha=Prior("Uniform", lower=0.0, upper=0.8), memory=0.2)
    assert sampled.sampled
    assert not sampled.fixed
    assert list(sampled.free) == ["alpha"]
    assert list(Adstock(alpha=Prior("Beta", alpha=1, beta=3)).free) == ["alpha", "memory"]
    candidates = sampled.candidates()
    assert [round(float(item.alpha), 2) for item in candidates[::3]] == [0.04, 0.4, 0.76]  # type: ignore[arg-type]
    assert all(item.fixed for item in candidates)
    assert sampled.upper(candidates[0]).alpha == pytest.approx(0.76)


@pytest.mark.parametrize(
    ("prior", "median"),
    [
        (Prior("Beta", alpha=2, beta=2), 0.5),
        (Prior("Uniform", lower=0.2, upper=0.6), 0.4),
        (Prior("TruncatedNormal", mu=0.3, sigma=0.01, lower=0, upper=1), 0.3),
    ],
)
def test_priors_are_those_of_pymc(prior: Prior, median: float) -> None:
    import pymc as pm

    read = Adstock(alpha=prior).free["alpha"]
    assert read.quantiles(0.5)[0] == pytest.approx(median)
    x = np.array(read.quantiles(0.1, 0.5, 0.9))
    law = getattr(pm, prior.distribution).dist(**prior.parameters)
    np.testing.assert_allclose(read.log_density(x), pm.logp(law, x).eval(), rtol=1e-6)


def test_the_specification_is_frozen_and_has_no_weights_before_it_is_chosen() -> None:
    with pytest.raises(FrozenInstanceError):
        Adstock().alpha = 0.5  # type: ignore[misc]
    with pytest.raises(SpecError, match=r"fit\.transforms"):
        _ = Adstock().weights


def test_transforms_survive_storage() -> None:
    from bayes_ivgen.media import Saturation

    given = checked_transforms(
        {
            "tv": Adstock(alpha=[0.2, 0.4], initial=0.0),
            "web": (Adstock(alpha=0.5), Saturation("logistic")),
            "radio": Adstock("delayed", alpha=Prior("Beta", alpha=1, beta=3), theta=Prior("Uniform", lower=0, upper=2)),
        }
    )
    assert transforms_from_dict(transforms_to_dict(given)) == given
    assert checked_transforms(None) is None


@pytest.mark.parametrize(
    ("transforms", "match"),
    [
        ("tv", "is a str; pass a mapping"),
        ({}, "empty"),
        ({"tv": 0.5}, "valid are an Adstock, a Saturation"),
        ({"tv": (Adstock(), Adstock())}, "in this order"),
    ],
)
def test_transforms_that_cannot_be_read(transforms: Any, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        checked_transforms(transforms)
