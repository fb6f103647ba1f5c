"""Fits with lift tests: what they move, what they identify, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.data.identification import contrast_identified
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import ConvergenceWarning, DataError, IdentificationError, QueryError, SpecError, SupportWarning

EMPTY = ActionGraph.empty()


def lift_frame(channel: str = "a", x: Any = 0.0, delta_x: Any = 1.0, delta_y: Any = 1.0, sigma: Any = 0.05) -> Any:
    return pd.DataFrame(
        {"channel": channel, "x": np.atleast_1d(x), "delta_x": delta_x, "delta_y": delta_y, "sigma": sigma}
    )


@pytest.fixture(scope="module")
def fit_with(linear_data: Callable[..., RegimeData]) -> Callable[..., Fit]:
    """Fit the linear world (effects 1 and -0.5, confounded) without edges, with or without lift tests."""

    def fit(counts: dict[str, int], lift_tests: Any = None, **options: Any) -> Fit:
        data = linear_data(counts, 0, drive=0.0)
        model = InterventionModel(graph=EMPTY, **options)
        return model.fit(data, draws=200, chains=2, tune=150, cores=1, seed=0, lift_tests=lift_tests)

    return fit


ALL = {"obs": 200, "do(a)": 200, "do(b)": 200}


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_a_precise_test_moves_the_posterior(fit_with: Callable[..., Fit]) -> None:
    contrast = {"do": {"a": 1.0}, "versus": {"a": 0.0}, "rest": "hold"}
    plain = fit_with(ALL).contrast(**contrast).summary().iloc[0]
    assert abs(plain["mean"] - 1.0) < 4 * plain["sd"]
    moved = fit_with(ALL, lift_frame(delta_y=1.5, sigma=0.01)).contrast(**contrast).summary().iloc[0]
    assert abs(moved["mean"] - 1.5) < 0.05
    assert moved["sd"] < 0.02 < plain["sd"]
    vague = fit_with(ALL, lift_frame(delta_y=1.5, sigma=50.0)).contrast(**contrast).summary().iloc[0]
    assert abs(vague["mean"] - plain["mean"]) < plain["sd"]


@pytest.fixture(scope="module")
def untested(fit_with: Callable[..., Fit]) -> Fit:
    """No regime sets b; two lift tests say what it does between -1 and 1, and one between 2 and 3."""
    frame = lift_frame("b", [-1.0, 0.0, 3.0], [1.0, 1.0, -1.0], [-0.5, -0.5, 0.5])
    return fit_with({"obs": 300, "do(a)": 300}, frame)


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_a_test_identifies_what_no_regime_does(untested: Fit, fit_with: Callable[..., Fit]) -> None:
    joint = {"do": {"a": 1.0, "b": 1.0}, "versus": {"a": 1.0, "b": -1.0}}
    table = untested.contrast(**joint).summary().iloc[0]
    assert abs(table["mean"] + 1.0) < 0.2  # confounding alone would say -0.5 + 0.5 / 2 a unit
    assert table["supported"]
    with pytest.raises(IdentificationError, match=r"the contrast of b under do\(a,b\).*Missing: rows of do\(b\)"):
        fit_with({"obs": 300, "do(a)": 300}).contrast(**joint)


def test_what_a_test_does_not_identify(untested: Fit) -> None:
    with pytest.raises(
        IdentificationError, match=r"lift tests of 'b' tell about changes inside -1 to 1 and 2 to 3 only"
    ):
        untested.contrast(do={"a": 1.0, "b": 2.5}, versus={"a": 1.0, "b": 0.0})
    assert untested.contrast(do={"a": 1.0, "b": 3}, versus={"a": 1.0, "b": 2}).summary()["supported"].all()
    with pytest.raises(IdentificationError, match=r"E\[y \| a, do\(a,b\)\] is not identified"):
        untested.effect(do={"a": 1.0, "b": 1.0})  # differences say nothing about the level
    with pytest.raises(IdentificationError, match="not identified"):
        untested.contrast(do={"a": 1.0, "b": 1.0}, versus={"a": 1.0, "b": -1.0}, kind="ratio")
    with pytest.raises(IdentificationError, match="not identified"):
        untested.response_curve("b")


def test_between_the_ends_of_tests_is_interpolation(untested: Fit) -> None:
    with pytest.warns(SupportWarning, match=r"b=0.5 is between the levels at which it was set \(0 and 1\)"):
        table = untested.contrast(do={"a": 1.0, "b": 0.5}, versus={"a": 1.0, "b": 0.0}).summary()
    assert not table["supported"].any()


def test_a_lift_test_joins_the_rule_of_its_own_component_only() -> None:
    actions, regimes = ("a", "b"), [Regime(), Regime(("a",))]
    joint, only_b = Regime(("a", "b")), Regime(("b",))

    def identified(changed: list[str], target: Regime, parents: dict[str, list[str]], lifted: list[str]) -> bool:
        return contrast_identified(changed, target, regimes, actions, parents, lifted)

    assert not identified(["b"], joint, {}, [])
    assert identified(["b"], joint, {}, ["b"])
    assert not identified(["b"], joint, {}, ["a"])
    assert identified(["b"], only_b, {}, ["b"])
    # b drives a: what b does to the confounding of a is not known from a test of b ...
    assert not contrast_identified(["b"], only_b, [Regime(("a",))], actions, {"a": ["b"]}, ["b"])
    # ... but with both set it plays no part
    assert contrast_identified(["b"], joint, [Regime(("a",))], actions, {"a": ["b"]}, ["b"])


def test_the_range_of_a_tested_action_grows(
    fit_with: Callable[..., Fit], linear_data: Callable[..., RegimeData]
) -> None:
    high = linear_data(ALL, 0, drive=0.0).pooled_range([Regime(("a",))])[1][0]
    frame = pd.concat([lift_frame(x=high - 1, delta_x=3.0, delta_y=3.0), lift_frame(x=high + 10, delta_x=1.0)])
    tested = fit_with(ALL, frame).effects.support.tested["a"]
    assert tested is not None
    assert tested.high == pytest.approx(high + 2)  # the second test hangs in the air


def test_export_and_import(fit_with: Callable[..., Fit]) -> None:
    """What one data set knows about b, handed to a model that never saw b set."""
    source = fit_with(ALL)
    frame = source.to_lift_tests("b", [-1.0, 1.0], 2.0)
    assert list(frame) == ["channel", "x", "delta_x", "delta_y", "sigma"]
    contrast = {"do": {"b": [1.0, 3.0]}, "versus": {"b": [-1.0, 1.0]}, "rest": "hold"}
    table = source.contrast(**contrast).summary()
    np.testing.assert_allclose(frame["delta_y"], table["mean"])
    np.testing.assert_allclose(frame["sigma"], table["sd"])
    one = frame.iloc[:1]
    target = fit_with({"obs": 300, "do(a)": 300}, one)
    again = target.to_lift_tests("b", -1.0, 2.0)
    assert abs(again["delta_y"][0] - one["delta_y"][0]) < 3 * one["sigma"][0]
    assert again["sigma"][0] < 1.3 * one["sigma"][0]
    back = target.to_lift_tests("b", 1.0, -2.0)
    assert back["delta_y"][0] == pytest.approx(-again["delta_y"][0])


def test_stored_with_the_fit(untested: Fit, tmp_path: Any) -> None:
    loaded = load(untested.save(tmp_path / "fit.zarr"))
    assert untested.lift_tests is not None
    assert loaded.lift_tests is not None
    assert loaded.lift_tests.to_dict() == untested.lift_tests.to_dict()
    question = {"do": {"a": 1.0, "b": 1.0}, "versus": {"a": 1.0, "b": -1.0}}
    np.testing.assert_array_equal(loaded.contrast(**question).draws, untested.contrast(**question).draws)
    assert loaded.datatree["log_likelihood"].dataset["lift_tests"].sizes["lift_test"] == 3


def test_weights_and_other_noise_scales_go_with_tests(fit_with: Callable[..., Fit]) -> None:
    for options in ({"weights": "variance"}, {"noise": "constant"}):
        found = fit_with(ALL, lift_frame(delta_y=1.5, sigma=0.01), **options)
        moved = found.contrast(do={"a": 1.0}, versus={"a": 0.0}, rest="hold").summary().iloc[0]
        assert abs(moved["mean"] - 1.5) < 0.05


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_units_do_not_matter(linear_rows: Callable[..., pd.DataFrame]) -> None:
    rows = linear_rows(ALL, 0, drive=0.0)
    frame = lift_frame(delta_y=1.5, sigma=0.1)
    scaled = frame.assign(x=frame["x"] * 100, delta_x=frame["delta_x"] * 100, delta_y=150.0 * 10, sigma=0.1 * 1000)
    found = []
    for table, tests, unit, money in (
        (rows, frame, 1.0, 1.0),
        (rows.assign(a=rows["a"] * 100, y=rows["y"] * 1000), scaled, 100.0, 1000.0),
    ):
        data = RegimeData.from_frame(table, outcome="y", actions=["a", "b"])
        fit = InterventionModel(graph=EMPTY).fit(data, draws=60, chains=2, tune=100, cores=1, seed=0, lift_tests=tests)
        draws = fit.contrast(do={"a": 1.0 * unit}, versus={"a": 0.0}, rest="hold").draws.values / money
        found.append(draws)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_bad_input_is_refused_before_sampling(fit_with: Callable[..., Fit], untested: Fit) -> None:
    with pytest.raises(DataError, match="names 'radio', which is not an action"):
        fit_with(ALL, lift_frame("radio"))
    model = InterventionModel()
    object.__setattr__(model, "link", "log")
    with pytest.raises(SpecError, match=r"lift_tests are changes of the mean outcome, but with link='log'"):
        model.read_lift_tests(lift_frame(), RegimeData)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="'radio' is not an action"):
        untested.to_lift_tests("radio", 0.0, 1.0)
    with pytest.raises(QueryError, match="delta_x holds a zero"):
        untested.to_lift_tests("a", [0.0, 1.0], [1.0, 0.0])
    with pytest.raises(IdentificationError, match="not identified"):
        untested.to_lift_tests("b", 0.0, 10.0)
