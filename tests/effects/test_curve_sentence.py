"""The sentence of a curve: both ends with intervals, and where it clearly differs."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Estimate, Fit
from bayes_ivgen.effects.curve_sentence import MOST_POINTS


def curve(means: list[float], sd: float, values: list | None = None, **changes: object) -> Estimate:
    """Curve whose points move independently around their means."""
    draws = np.random.default_rng(0).normal(means, sd, (2, 500, len(means)))
    frame = pd.DataFrame({"tv": values or np.arange(len(means), dtype=float)})
    support = pd.DataFrame({"supported": True, "reason": [""] * len(means)})
    options = {
        "kind": "response_curve",
        "name": "E[y | do(tv, web)]",
        "queries": frame,
        "support": support,
        "conditions": lambda i: f"do(tv={frame['tv'][i]}), web held at observed values",
        "n_chains": 2,
        "n_draws": 500,
        "evaluate": lambda block: draws[..., block],
    }
    return Estimate(**{**options, **changes})


def test_both_ends_and_where_it_differs() -> None:
    estimate = curve([0.0, 0.1, 5.0, 6.0, 0.0, -7.0], sd=1.0, values=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0])
    table = estimate.summary(0.8)
    first, last = table.iloc[0], table.iloc[-1]
    change = (estimate.draws[..., -1] - estimate.draws[..., 0]).values
    lower, upper = np.quantile(change, [0.1, 0.9])
    assert estimate.sentence(0.8) == (
        f"E[y | do(tv, web)] at do(tv=10.0), web held at observed values is {first['mean']:.4g} "
        f"(80 % interval {first['lower']:.4g} to {first['upper']:.4g}), and {last['mean']:.4g} ({last['lower']:.4g} to "
        f"{last['upper']:.4g}) at tv=60: a change of {change.mean():.4g} ({lower:.4g} to {upper:.4g}). It is clearly "
        "lower than at tv=10 at tv=60 and clearly higher than at tv=10 from tv=30 to 40."
    )
    assert str(estimate) == estimate.sentence()
    assert estimate.sentence(0.8, query=2).startswith("E[y | do(tv, web)] at do(tv=30.0), web held")


def test_a_flat_curve_differs_nowhere() -> None:
    assert curve([1.0, 1.0, 1.0], sd=1.0).sentence().endswith(". Nowhere is it clearly lower or higher than at tv=0.")


def test_the_order_of_the_values_does_not_matter() -> None:
    straight, turned = curve([0.0, 9.0], sd=0.1), curve([9.0, 0.0], sd=0.1, values=[1.0, 0.0])
    for text in (straight.sentence(), turned.sentence()):
        assert re.search(r"at do\(tv=0\.0\).*at tv=1: a change of 9 .* clearly higher than at tv=0 at tv=1\.$", text)


def test_a_bias_is_held_against_none() -> None:
    estimate = curve([-5.0, 0.0, 5.0], sd=1.0, kind="confounding_bias", neutral=0.0)
    text = estimate.sentence()
    assert text.endswith(" at tv=2. It is clearly below 0 at tv=0 and clearly above 0 at tv=2.")
    assert "a change of" not in text
    factor = curve([1.0, 1.0, 5.0], sd=0.1, kind="confounding_bias", neutral=1.0)
    assert factor.sentence().endswith("It is clearly above 1 at tv=2.")


def test_labels_are_named_one_by_one() -> None:
    labels = list("ABCDEF")
    text = curve([0.0, 5.0, 0.0, -5.0, 5.0, 5.0], sd=1.0, values=labels).sentence()
    assert re.search(
        r" at tv=B, \S+ \(\S+ to \S+\) at tv=C, \S+ \(\S+ to \S+\) at tv=D, 2 more levels in its table\.", text
    )
    assert text.endswith("It is clearly lower than at tv=A at tv=D and clearly higher than at tv=A at tv=B, E, F.")


def test_what_jumps_about_is_counted() -> None:
    text = curve([0.0, 9.0, 0.0, 9.0, 0.0, 9.0, 0.0, 9.0], sd=0.3).sentence(0.999)
    assert text.endswith("It is clearly higher than at tv=0 at 4 of 8 values of tv.")


def test_what_is_not_supported_is_counted() -> None:
    reasons = ["", "", "tv=2 is far", "a; b; c"]
    support = pd.DataFrame({"supported": [not text for text in reasons], "reason": reasons})
    text = curve([0.0] * 4, sd=1.0, support=support).sentence()
    assert text.endswith(". 2 of 4 values are not supported by the data: tv=2 is far.")


def test_long_curves_are_read_at_some_points() -> None:
    asked: list[slice] = []
    draws = np.random.default_rng(0).normal(size=(2, 5, 5000))
    long = curve([0.0] * 5000, 1.0, evaluate=lambda block: (asked.append(block), draws[..., block])[1])
    assert " at tv=4999: a change of " in str(long)
    assert len(asked) == MOST_POINTS


@pytest.mark.parametrize("size", [1, 3])
def test_one_value_is_no_curve(size: int) -> None:
    estimate = curve([0.0] * size, 1.0, values=[2.0] * size)
    assert "a change of" not in estimate.sentence()
    assert estimate.sentence() == estimate.sentence(query=0)


def test_the_curve_of_a_fit(fit: Fit) -> None:
    found = fit.response_curve("a1")
    table = found.summary()
    text = found.sentence()
    assert text.startswith(found.sentence(query=0).rstrip("."))
    assert f"and {table['mean'][2]:.4g} ({table['lower'][2]:.4g} to {table['upper'][2]:.4g}) at a1=2: a change" in text
    assert fit.effect(do={"a1": [0, 1, 2]}, rest="hold").sentence() == found.sentence(query=0)
