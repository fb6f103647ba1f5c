"""Fits of the row-wise likelihoods to rows with weights, several data sets, and lift tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from family_draws import gaussian_draws

import bayes_ivgen.inference.family_nuts as family_nuts
from bayes_ivgen import ActionGraph, BSpline, Fit, InterventionModel, Polynomial, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, EstimandWarning, GraphWarning, IdentificationError, SpecError
from bayes_ivgen.model.families import FAMILIES
from bayes_ivgen.simulate import multiplicative

KINDS = {"gamma": "amount", "negative_binomial": "count", "bernoulli": "sale", "student_t": "amount"}
WORLDS = {name: multiplicative(2, seed=1, kind=kind, edge_probability=1.0) for name, kind in KINDS.items()}
DRIFT = {"x": 0.5, "y": -0.2, "z": -0.3}  # of log E[Y], with mean zero
POINTS = pd.DataFrame({"a1": [0.0, 0.5, -0.5, 1.0], "a2": [0.5, 0.0, 0.3, -0.5]})
OPTIONS: Any = {"draws": 250, "chains": 2, "tune": 150, "engine": "nuts", "seed": 0, "cores": 1, "progressbar": False}


def spec(name: str) -> InterventionModel:
    bases = {"causal": BSpline(5), "confounding": Polynomial(2)}
    graph = ActionGraph({"a2": ["a1"]})
    return InterventionModel(likelihood=name, link=FAMILIES[name].link, graph=graph, **bases)  # type: ignore[arg-type]


def table(name: str, n: int) -> pd.DataFrame:
    rows = WORLDS[name].sample_regimes(dict.fromkeys(("obs", "do(a1)", "do(a2)"), n), seed=4)
    where = [rows["regime"] == "do(a1)", rows["regime"] == "do(a2)"]
    return rows.assign(wave=np.select(where, ["y", "z"], np.resize([*"xyz"], len(rows))))


def read(rows: pd.DataFrame, **parts: str) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"], **parts)


@pytest.fixture(scope="module")
def drifted() -> Fit:
    """Amounts by NUTS, 900 rows: the tests ran in data sets of their own, the history in all."""
    rows = table("gamma", 300)
    rows["y"] *= np.exp(rows["wave"].map(DRIFT))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return spec("gamma").fit(read(rows, dataset="wave"), **OPTIONS)


@pytest.mark.xdist_group("nuts")
class TestDrift:
    """One compiled model serves all of these."""

    def test_offsets_are_those_of_the_log_of_the_mean(self, drifted: Fit) -> None:
        offsets = drifted.dataset_offsets()
        assert offsets.index.tolist() == ["x", "y", "z"]
        assert offsets["mean"].sum() == pytest.approx(0, abs=1e-9)
        # a log mean of 100 rows whose coefficient of variation is about 0.8 has a standard error of 0.08
        assert (np.abs(offsets["mean"] - pd.Series(DRIFT)) < 4 * offsets["sd"]).all()
        assert offsets["sd"].between(0.02, 0.16).all()

    def test_drift_is_no_part_of_the_effects(self, drifted: Fit) -> None:
        for do in (["a1", "a2"], ["a1"], []):
            given = [name for name in POINTS if name not in do]
            asked = drifted.effect(do=POINTS[do] if do else {}, given=POINTS[given] if given else {})
            summary = asked.summary(0.9)
            z = (summary["mean"] - WORLDS["gamma"].effect(POINTS, do=do)) / summary["sd"]
            assert z.abs().max() < 4, do
        columns = drifted.design.slices["dataset.offset"]
        assert not drifted.design.rows(POINTS.to_numpy(), np.ones((4, 2), dtype=bool))[:, columns].any()

    def test_the_chains_mix_without_divergences(self, drifted: Fit) -> None:
        assert int(drifted.datatree["sample_stats"]["diverging"].sum()) == 0
        assert drifted.diagnostics["r_hat"].max() < 1.06

    def test_it_is_saved_and_loaded(self, drifted: Fit, tmp_path: Path) -> None:
        again = load(drifted.save(tmp_path / "fit.zarr"))
        pd.testing.assert_frame_equal(again.dataset_offsets(), drifted.dataset_offsets())
        pd.testing.assert_frame_equal(again.effect(do=POINTS).summary(), drifted.effect(do=POINTS).summary())


@pytest.fixture
def approximate_fit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fit]:
    """Return a function that fits with draws of the Gaussian approximation."""
    monkeypatch.setattr(family_nuts, "run_family_nuts", gaussian_draws)

    def fit(name: str, data: RegimeData) -> Fit:
        with warnings.catch_warnings():
            for category in (EstimandWarning, GraphWarning):  # rows that are repeated look sure of chance dependence
                warnings.simplefilter("ignore", category)
            return spec(name).fit(data, **OPTIONS)

    return fit


@pytest.mark.parametrize("name", list(KINDS))
def test_a_fit_to_weighted_rows_is_that_to_repeated_rows(approximate_fit: Callable[..., Fit], name: str) -> None:
    rows = table(name, 80)
    rows["n"] = np.resize([1, 2, 3], len(rows))
    weighted = read(rows, dataset="wave", weights="n")
    repeated = read(rows.loc[rows.index.repeat(rows["n"])], dataset="wave")
    one, two = (approximate_fit(name, data) for data in (weighted, repeated))
    for ask in ("effect", "outcome"):
        tables = [getattr(fit, ask)(do=POINTS).summary() for fit in (one, two)]
        pd.testing.assert_frame_equal(tables[0], tables[1], rtol=1e-4)
    pd.testing.assert_frame_equal(one.dataset_offsets(), two.dataset_offsets(), rtol=1e-4)
    densities = [fit.datatree["log_likelihood"]["outcome"].values for fit in (one, two)]
    np.testing.assert_allclose(densities[0], densities[1], rtol=1e-4)
    plain = approximate_fit(name, read(rows, dataset="wave"))
    assert not np.allclose(plain.effect(do=POINTS).draws, one.effect(do=POINTS).draws, rtol=1e-3)


def test_fractions_are_for_fit_not_for_to_pymc(approximate_fit: Callable[..., Fit]) -> None:
    rows = table("gamma", 80)
    data = read(rows.assign(n=np.resize([0.5, 1.25], len(rows))), weights="n")
    with pytest.raises(SpecError, match=r"0.5 is not. Use model.fit\(data, engine='nuts'\), which takes any weights"):
        spec("gamma").to_pymc(data)
    assert (approximate_fit("gamma", data).effect(do=POINTS).summary()["mean"] > 0).all()


@pytest.mark.xdist_group("nuts")
def test_lift_tests_go_with_a_t_law(linear_rows: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    """Rows without any that set b (effect -0.5), and one precise test of b that says -1."""
    rows = linear_rows({"obs": 150, "do(a)": 150}, 0, drive=0.0)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])
    tests = pd.DataFrame({"channel": ["b"], "x": [-1.0], "delta_x": [2.0], "delta_y": [-2.0], "sigma": [0.02]})
    model = InterventionModel(
        causal=Polynomial(1), confounding=Polynomial(1), graph=ActionGraph.empty(), likelihood="student_t"
    )
    question: Any = {"do": {"a": 1.0, "b": 1.0}, "versus": {"a": 1.0, "b": -1.0}}
    with warnings.catch_warnings():
        for category in (ConvergenceWarning, EstimandWarning):
            warnings.simplefilter("ignore", category)
        fit = model.fit(data, lift_tests=tests, **OPTIONS)
    moved = fit.contrast(**question).summary().iloc[0]
    assert abs(moved["mean"] + 2.0) < 4 * 0.02
    assert 0.01 < moved["sd"] < 0.04
    with pytest.raises(IdentificationError, match="not identified"):
        fit.effect(do={"a": 1.0, "b": 1.0})
    likelihood = fit.datatree["log_likelihood"].dataset["lift_tests"]
    assert likelihood.dims == ("chain", "draw", "lift_test")
    again = load(fit.save(tmp_path / "fit.zarr"))
    np.testing.assert_array_equal(again.contrast(**question).draws, fit.contrast(**question).draws)
