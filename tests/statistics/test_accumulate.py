"""Sufficient statistics against the rows themselves, in one piece or in many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import RegimeData
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.statistics import SufficientStatistics, accumulate, sufficient
from bayes_ivgen.statistics import accumulate as public

COUNTS = {"do(b)": 90, "obs": 120, "do(a)": 70, "do(a,b)": 40}
MODEL = InterventionModel(causal=BSpline(5), confounding=BSpline(5), graph=ActionGraph({"b": ["a"]}))


def read(rows: pd.DataFrame) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])


def close(found: SufficientStatistics, expected: SufficientStatistics, rtol: float = 1e-10) -> None:
    """Equal up to rounding, whatever the order of the regimes."""
    order = [found.regimes.index(label) for label in expected.regimes]
    assert sorted(found.regimes) == sorted(expected.regimes)
    np.testing.assert_array_equal(found.rows[order], expected.rows)
    for name in ("gram", "cross", "squares"):
        one, two = getattr(found, name)[order], getattr(expected, name)
        np.testing.assert_allclose(one, two, rtol=rtol, atol=rtol * np.abs(two).max())


@pytest.fixture(scope="module")
def rows(linear_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return linear_rows(COUNTS)


@pytest.fixture(scope="module")
def design(rows: pd.DataFrame) -> Design:
    return MODEL.design(read(rows))


def test_brute_force_from_the_rows(rows: pd.DataFrame, design: Design) -> None:
    found = accumulate(read(rows), design)
    assert found.regimes == ("obs", "do(a)", "do(b)", "do(a,b)")
    for r, label in enumerate(found.regimes):
        part = rows[rows["regime"] == label]
        was_set = np.tile([label in ("do(a)", "do(a,b)"), label in ("do(b)", "do(a,b)")], (len(part), 1))
        x = design.rows(part[["a", "b"]].to_numpy(), was_set)
        y = (part["y"].to_numpy() - design.outcome_mean) / design.outcome_sd
        assert found.rows[r] == len(part)
        np.testing.assert_allclose(found.gram[r], x.T @ x, rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(found.cross[r], x.T @ y, rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(found.squares[r], y @ y, rtol=1e-10)
        beta = np.random.default_rng(r).normal(size=design.n_coefficients)
        np.testing.assert_allclose(found.residual_squares(beta)[r], np.sum((y - x @ beta) ** 2), rtol=1e-9)


@given(cut=st.integers(3, 300), swap=st.booleans(), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_merging_halves_in_any_order(rows: pd.DataFrame, design: Design, cut: int, seed: int, *, swap: bool) -> None:
    shuffled = rows.sample(frac=1.0, random_state=seed)
    first, second = (accumulate(read(part), design) for part in (shuffled[:cut], shuffled[cut:]))
    close(second + first if swap else first + second, accumulate(read(rows), design))


@pytest.mark.parametrize("batch_rows", [1, 7, 64, 1000])
def test_batches_of_any_size(
    rows: pd.DataFrame, design: Design, batch_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read(rows)
    whole = accumulate(data, design)
    seen: list[int] = []
    original = RegimeData.batches
    monkeypatch.setattr(RegimeData, "batches", lambda self: original(self, batch_rows))
    close(accumulate(data, design, seen.append), whole)
    assert max(seen) <= batch_rows
    assert sum(seen) == len(rows)


def test_adding_a_regime_twice_is_weight_two(rows: pd.DataFrame, design: Design) -> None:
    once = accumulate(read(rows), design)
    twice = accumulate(read(pd.concat([rows, rows[rows["regime"] == "do(a)"]])), design)
    weight = np.where(np.array(once.regimes) == "do(a)", 2, 1)
    expected = SufficientStatistics(
        once.regimes,
        once.rows * weight,
        once.gram * weight[:, None, None],
        once.cross * weight[:, None],
        once.squares * weight,
    )
    close(twice, expected)


@pytest.mark.parametrize("order", [["b", "a"]])
def test_permuting_actions_permutes_the_statistics(rows: pd.DataFrame, design: Design, order: list[str]) -> None:
    data = RegimeData.from_frame(rows, outcome="y", actions=order)
    other = MODEL.design(data)
    first, second = accumulate(read(rows), design), accumulate(data, other)
    where = np.array([0, *(1 + other.coefficient_names.index(name) for name in design.coefficient_names)])
    labels = {"obs": "obs", "do(a)": "do(a)", "do(b)": "do(b)", "do(a,b)": "do(b,a)"}
    regimes = [second.regimes.index(labels[label]) for label in first.regimes]
    np.testing.assert_allclose(second.gram[regimes][:, where][:, :, where], first.gram, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(second.cross[regimes][:, where], first.cross, rtol=1e-9, atol=1e-8)


def test_the_package_offers_it() -> None:
    assert public is accumulate
    assert sufficient.SufficientStatistics is SufficientStatistics


@pytest.mark.parametrize("cores", [2, 5])
def test_the_number_of_threads_changes_no_bit(rows: pd.DataFrame, design: Design, cores: int) -> None:
    data = read(rows)
    one, many = accumulate(data, design, cores=1), accumulate(data, design, cores=cores)
    for name in ("rows", "gram", "cross", "squares"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_what_goes_wrong_on_a_thread_is_raised_here(rows: pd.DataFrame, design: Design) -> None:
    def fails(values: np.ndarray, regime: object) -> np.ndarray:
        raise ZeroDivisionError("in the variance")

    with pytest.raises(ZeroDivisionError, match="in the variance"):
        accumulate(read(rows), design, variance=fails, cores=2)
