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
        ({"alpha": Prior("Beta", alpha=1, beta=3)}, r"not sampled yet.*alpha=\[0.3, 0.6\]"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(SpecError, match=match):
        Adstock(**arguments)


def test_the_specification_is_frozen_and_has_no_weights_before_it_is_chosen() -> None:
    with pytest.raises(FrozenInstanceError):
        Adstock().alpha = 0.5  # type: ignore[misc]
    with pytest.raises(SpecError, match=r"fit\.transforms"):
        _ = Adstock().weights


def test_transforms_survive_storage() -> None:
    from bayes_ivgen.media import Saturation

    given = checked_transforms(
        {"tv": Adstock(alpha=[0.2, 0.4], initial=0.0), "web": (Adstock(alpha=0.5), Saturation("logistic"))}
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
