"""Likelihood weights: their statistics, what they gain, and that they do nothing where there is nothing to gain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.basis import Polynomial
from bayes_ivgen.data import Regime
from bayes_ivgen.errors import SpecError
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.weights import LEAST_SHARE, pilot_variance
from bayes_ivgen.model.design import indicators
from bayes_ivgen.model.pymc_model import collect_rows
from bayes_ivgen.statistics import accumulate

PLAIN = InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph=ActionGraph({"b": ["a"]}))
WEIGHTED = replace(PLAIN, weights="variance")
SHORT: dict[str, Any] = {"draws": 300, "chains": 2, "tune": 100, "cores": 1, "progressbar": False}
GRID = {"a": [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5], "b": [1.0, -1.0, 0.0, 1.0, -2.0, -1.0, 0.5]}


def noisy_rows(linear_rows: Callable[..., pd.DataFrame], n: int, seed: int, growth: float) -> pd.DataFrame:
    """No confounding, additive noise whose standard deviation grows with a squared, by a factor of 25 at a = 2."""
    rows = linear_rows({"obs": n, "do(a)": n, "do(b)": n}, seed)
    noise = np.random.default_rng([seed, 5]).normal(size=len(rows))
    return rows.assign(y=2.0 + rows["a"] - 0.5 * rows["b"] + (0.1 + growth * rows["a"] ** 2) * noise)


def read(rows: pd.DataFrame) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])


def error(fit: Fit) -> float:
    truth = 2.0 + np.array(GRID["a"]) - 0.5 * np.array(GRID["b"])
    return float(np.sqrt(np.mean((fit.effect(do=GRID).summary()["mean"].to_numpy() - truth) ** 2)))


def test_weighted_statistics_are_those_of_weighted_rows(small_data: RegimeData) -> None:
    design = PLAIN.design(small_data)

    def variance(actions: np.ndarray, regime: Regime) -> np.ndarray:
        return np.exp(actions[:, 0]) * (1.0 + len(regime.set_actions))

    found = accumulate(small_data, design, variance=variance)
    actions, outcome, number = collect_rows(small_data)
    x = design.rows(actions, indicators(small_data.regimes, small_data.actions)[number])
    y = (outcome - design.outcome_mean) / design.outcome_sd
    for r, regime in enumerate(small_data.regimes):
        own = number == r
        w = 1.0 / variance(actions[own], regime)
        w /= np.exp(np.log(w).mean())
        np.testing.assert_allclose(found.gram[r], (x[own] * w[:, None]).T @ x[own], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.cross[r], x[own].T @ (w * y[own]), rtol=1e-9, atol=1e-9)
        assert found.squares[r] == pytest.approx(w @ y[own] ** 2)
        assert found.rows[r] == own.sum()


def test_equal_variances_change_nothing(small_data: RegimeData) -> None:
    design = PLAIN.design(small_data)
    plain = accumulate(small_data, design)
    same = accumulate(small_data, design, variance=lambda actions, regime: np.full(len(actions), 7.0))
    for name in ("rows", "gram", "cross", "squares"):
        np.testing.assert_allclose(getattr(same, name), getattr(plain, name), rtol=1e-11, atol=1e-11)


def test_the_pilot_finds_the_variance(
    linear_rows: Callable[..., pd.DataFrame], problem_of: Callable[..., GibbsProblem]
) -> None:
    data = read(noisy_rows(linear_rows, 2000, 0, growth=0.6))
    problem = problem_of(data, PLAIN)
    variance_of = pilot_variance(problem, data, PLAIN.action_graph(data), np.random.SeedSequence(0), cores=1)
    for regime in data.regimes:
        sampled = data.profiles[regime].sample[:, :-1]
        found, true = variance_of(sampled, regime), (0.1 + 0.6 * sampled[:, 0] ** 2) ** 2
        assert stats.spearmanr(found, true).statistic > 0.7
        mean = np.mean(found)
        # A broken line cannot follow a power of four, and rows count by the inverse square: the ends come out low.
        # Weights are relative within a regime, so that a common factor does nothing.
        assert mean * problem.design.outcome_sd**2 == pytest.approx(np.mean(true), rel=0.6)
        assert 0.5 * LEAST_SHARE * mean < found.min() < 0.3 * mean


def test_weights_pay_under_strong_heteroscedasticity(linear_rows: Callable[..., pd.DataFrame]) -> None:
    errors = []
    for seed in range(5):
        data = read(noisy_rows(linear_rows, 800, seed, growth=0.6))
        errors.append([error(model.fit(data, seed=seed, **SHORT)) for model in (PLAIN, WEIGHTED)])
    plain, weighted = np.array(errors).T
    assert np.mean(weighted) < 0.8 * np.mean(plain)
    assert (weighted < plain).sum() >= 4


def test_weights_do_little_under_even_noise(linear_rows: Callable[..., pd.DataFrame]) -> None:
    data = read(noisy_rows(linear_rows, 1500, 3, growth=0.0))
    plain, weighted = (model.fit(data, seed=1, **SHORT).effect(do=GRID).summary() for model in (PLAIN, WEIGHTED))
    assert (np.abs(weighted["mean"] - plain["mean"]) / plain["sd"]).max() < 0.5
    np.testing.assert_allclose(weighted["sd"], plain["sd"], rtol=0.15)


def test_weights_are_kept(linear_rows: Callable[..., pd.DataFrame], tmp_path: Any) -> None:
    data = read(noisy_rows(linear_rows, 100, 0, growth=0.6))
    fit = WEIGHTED.fit(data, seed=0, **SHORT)
    again = load(fit.save(tmp_path / "fit.zarr"))
    assert again.model == fit.model == WEIGHTED
    np.testing.assert_array_equal(again.statistics.gram, fit.statistics.gram)
    assert not np.allclose(fit.statistics.squares, accumulate(data, fit.design).squares, rtol=0.01)
    assert WEIGHTED.fit(data, seed=0, **SHORT).datatree["posterior"].equals(fit.datatree["posterior"])


def test_the_row_by_row_model_has_no_weights(small_data: RegimeData) -> None:
    with pytest.raises(SpecError, match=r"replace\(model, weights=None\)"):
        WEIGHTED.to_pymc(small_data)
    replace(WEIGHTED, weights=None).to_pymc(small_data)


@pytest.mark.parametrize("noise", ["regime", "constant"])
def test_weights_need_a_variance_of_rows(noise: Any) -> None:
    with pytest.raises(SpecError, match="pass noise='additive', or weights=None"):
        InterventionModel(noise=noise, weights="variance")
    InterventionModel(noise="additive", weights="variance")
    InterventionModel(noise=noise, weights=None)


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(SpecError, match="valid here: None, 'variance'"):
        InterventionModel(weights="rows")  # type: ignore[arg-type]
