"""Flags and refusals of queries away from the values that were tried (design 1.6, theory G)."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen import ActionGraph, Fit, Regime, RegimeData
from bayes_ivgen.effects import Support, parse_queries
from bayes_ivgen.errors import SupportError, SupportWarning

QuickFit = Callable[..., Fit]


@pytest.fixture(scope="module")
def support() -> Support:
    """Action x is set from 0 to 10 and seen from 2 to 12; z is set at 0, 1, 4 and seen at 0 and 1."""
    rng = np.random.default_rng(0)
    tested = pd.DataFrame({"x": np.linspace(0, 10, 100), "z": rng.choice([0, 1], 100), "regime": "do(x)"})
    other = pd.DataFrame({"x": np.linspace(2, 9, 100), "z": np.resize([0, 1, 4], 100), "regime": "do(z)"})
    seen = pd.DataFrame({"x": np.linspace(2, 12, 100), "z": rng.choice([0, 1], 100), "regime": "obs"})
    rows = pd.concat([tested, other, seen]).assign(y=rng.normal(size=300))
    return Support.of(RegimeData.from_frame(rows, outcome="y", actions=["x", "z"]))


def test_what_was_tried(support: Support) -> None:
    assert (support.tested["x"].low, support.tested["x"].high, support.tested["x"].levels) == (0, 10, None)
    assert (support.natural["x"].low, support.natural["x"].high) == (2, 12)
    assert support.tested["z"].levels == (0, 1, 4)
    assert support.natural["z"].levels == (0, 1)
    assert support.width("x") == 12


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"do": {"x": 10, "z": 4}}, ""),
        ({"do": {"x": 0, "z": 0}}, ""),
        ({"do": {"x": 11, "z": 0}}, "x=11 is above the values at which it was set (0 to 10)"),
        ({"do": {"z": 0}, "given": {"x": 11}}, ""),
        ({"do": {"z": 0}, "given": {"x": 1}}, "x=1 is below the values at which it was left alone (2 to 12)"),
        ({"do": {"x": 5, "z": 2}}, "z=2 is between the levels at which it was set (1 and 4)"),
        ({"do": {"x": 5, "z": 5}}, "z=5 is above the values at which it was set (0 to 4)"),
        ({"do": {"x": 5}, "given": {"z": 0.5}}, "z=0.5 is between the levels at which it was left alone (0 and 1)"),
        (
            {"do": {"x": -1, "z": 2}},
            "x=-1 is below the values at which it was set (0 to 10); z=2 is between the levels at which it was set "
            "(1 and 4)",
        ),
        ({"do": {"z": 2}, "rest": "hold"}, "z=2 is between the levels at which it was set (1 and 4)"),
        ({"do": {"z": 1}, "rest": "hold"}, ""),
    ],
)
def test_reasons(support: Support, question: dict, reason: str) -> None:
    flags = support.check(parse_queries(["x", "z"], **question), extrapolate=False)
    assert flags["reason"].tolist() == [reason]
    assert flags["supported"].tolist() == [reason == ""]


@given(st.lists(st.floats(-12, 22), min_size=1, max_size=8))
def test_flags_follow_the_range(support: Support, values: list[float]) -> None:
    flags = support.check(parse_queries(["x", "z"], {"x": values, "z": 1}), extrapolate=False)
    assert flags["supported"].tolist() == [0 <= value <= 10 for value in values]


@pytest.mark.parametrize("value", [-12.01, 22.01, 1e9])
def test_far_outside_is_refused(support: Support, value: float) -> None:
    queries = parse_queries(["x", "z"], {"x": [5, value], "z": 1})
    message = (
        rf"x={value:.6g} lies far outside the values at which it was set \(0 to 10\): more than one further width of "
        "its range. Ask nearer to them, add an experiment there, or pass extrapolate=True"
    ).replace("+", r"\+")
    with pytest.raises(SupportError, match=message):
        support.check(queries, extrapolate=False)
    assert support.check(queries, extrapolate=True)["supported"].tolist() == [True, False]
    support.check(parse_queries(["x", "z"], {"x": [5, np.clip(value, -12, 22)], "z": 1}), extrapolate=False)


def test_the_refusal_reaches_the_user_and_its_advice_works(media_fit: Fit) -> None:
    spend = {"tv": 1e5, "web": 20, "radio": 10}
    near = {**spend, "tv": 40}
    with pytest.raises(SupportError, match="extrapolate=True"):
        media_fit.effect(do=spend)
    with pytest.raises(SupportError, match="extrapolate=True"):
        media_fit.contrast(do=near, versus=spend)
    far = media_fit.effect(do=spend, extrapolate=True).summary()
    assert not far["supported"].iloc[0]
    contrast = media_fit.contrast(do=near, versus=spend, extrapolate=True)
    assert contrast.summary()["reason"].iloc[0].startswith("tv=100000 is above the values at which it was set")
    assert media_fit.effect(do=near).summary()["supported"].iloc[0]


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.SupportWarning")
def test_a_contrast_is_supported_where_both_sides_are(media_fit: Fit) -> None:
    inside, outside = {"tv": 40, "web": 20, "radio": 10}, {"tv": 300, "web": 20, "radio": 10}
    table = media_fit.contrast(do=pd.DataFrame([inside, outside, outside]), versus=inside).summary()
    assert table["supported"].tolist() == [True, False, False]
    twice = media_fit.contrast(do=outside, versus=outside).summary()
    assert twice["reason"].iloc[0].count("tv=300") == 1


def test_curves_beyond_the_tested_values_are_flagged(media_fit: Fit) -> None:
    high = media_fit.effects.support.tested["tv"].high
    table = media_fit.response_curve("tv", [40.0, high + 1]).summary()
    assert table["supported"].tolist() == [True, False]
    assert media_fit.response_curve("tv").summary()["supported"].all()
    assert media_fit.confounding_bias("tv").summary()["supported"].all()


def test_more_than_twelve_levels_are_a_range() -> None:
    rng = np.random.default_rng(0)
    for size, levels in ((12, tuple(float(i) for i in range(12))), (13, None)):
        rows = pd.DataFrame({"x": np.resize(np.arange(size), 100), "y": rng.normal(size=100), "regime": "do(x)"})
        data = RegimeData.from_frame(rows, outcome="y", actions=["x"])
        assert Support.of(data).tested["x"].levels == levels
        assert Support.of(data).natural["x"] is None


def test_support_survives_storage(support: Support) -> None:
    again = Support.from_dict(support.to_dict())
    assert again.to_dict() == support.to_dict()
    assert again.tested["z"].levels == (0, 1, 4)


def tv_off_rows(n: int, seed: int = 0) -> pd.DataFrame:
    """Theory G, example 1: tv is 1 or 2 in history and moves web; the test of tv also switches it off."""
    rng = np.random.default_rng(seed)
    frames = []
    for regime in ("obs", "do(tv)", "do(web)"):
        tv = rng.integers(0, 3, n) if regime == "do(tv)" else rng.integers(1, 3, n)
        web = rng.integers(0, 2, n) if regime == "do(web)" else (rng.random(n) < 0.2 + 0.3 * tv).astype(int)
        frames.append(pd.DataFrame({"tv": tv, "web": web, "regime": regime, "y": tv + web + rng.normal(size=n)}))
    return pd.concat(frames).astype({"tv": float, "web": float})


def test_an_action_switched_off_only_while_its_child_was_left_alone(quick_fit: QuickFit) -> None:
    fit = quick_fit(tv_off_rows(400), ["tv", "web"], graph=ActionGraph({"web": ["tv"]}), draws=20, tune=20)
    assert fit.regimes == (Regime(), Regime(("tv",)), Regime(("web",)))
    mixed = fit.effect(do={"tv": [0, 1]}, given={"web": 1}).summary()
    assert mixed["supported"].tolist() == [True, True]
    with pytest.warns(SupportWarning, match="1 of 2 queries are not supported"):
        joint = fit.effect(do={"tv": [0, 1], "web": 1}).summary()
    assert joint["supported"].tolist() == [False, True]
    assert joint["reason"][0] == (
        "tv=0 was never seen while web was set, and never occurred by itself, but rows of do(tv,web) at tv=0 would tell"
    )


def two_cluster_rows(n: int, seed: int = 0) -> pd.DataFrame:
    """Theory G, example 2: a0 drives a1, both drive a2, and (a0, a1) naturally stay in {0,1}^2 or in {2,3}^2."""
    rng = np.random.default_rng(seed)
    frames = []
    for regime in ("obs", "do(a0)", "do(a1)", "do(a2)"):
        cluster = 2 * rng.integers(0, 2, n)
        a0 = rng.integers(0, 4, n) if regime == "do(a0)" else cluster + rng.integers(0, 2, n)
        a1 = rng.integers(0, 4, n) if regime == "do(a1)" else 2 * (a0 // 2) + rng.integers(0, 2, n)
        a2 = rng.integers(0, 4, n) if regime == "do(a2)" else (a0 + a1 + rng.integers(0, 4, n)) % 4
        y = a0 + a1 + a2 + rng.normal(size=n)
        frames.append(pd.DataFrame({"a0": a0, "a1": a1, "a2": a2, "y": y, "regime": regime}))
    return pd.concat(frames).astype({"a0": float, "a1": float, "a2": float})


@pytest.mark.parametrize("edge_dropped", [False, True])
def test_two_clusters_that_never_meet(edge_dropped: bool) -> None:
    rows = two_cluster_rows(4000)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a0", "a1", "a2"])
    parents = {"a1": ["a0"], "a2": ["a1"] if edge_dropped else ["a0", "a1"]}
    support = Support.of(data, graph=ActionGraph(parents))
    cells = np.array([[a0, a1, a2] for a0 in range(4) for a1 in range(4) for a2 in range(4)], dtype=float)
    found = support.check(parse_queries(data.actions, dict(zip(data.actions, cells.T, strict=True))), extrapolate=False)
    on_cluster = cells[:, 0] // 2 == cells[:, 1] // 2
    assert found["supported"][on_cluster].all()
    crossing = found["supported"][~on_cluster]
    assert crossing.all() if edge_dropped else not crossing.any()
    again = Support.from_dict(json.loads(json.dumps(support.to_dict())))
    assert again.cells is not None
    assert again.cells.holds(cells[0].tolist(), Regime(data.actions))


def test_many_levels_are_not_checked_as_combinations() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(60, 3)), columns=["x", "z", "y"]).assign(regime=["obs", "do(x)"] * 30)
    data = RegimeData.from_frame(rows, outcome="y", actions=["x", "z"])
    assert Support.of(data, graph=ActionGraph.full(data.actions)).cells is None
