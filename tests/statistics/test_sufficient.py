"""Adding, grouping and storing sufficient statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.errors import DataError
from bayes_ivgen.statistics import SufficientStatistics


def random(regimes: tuple[str, ...], p: int = 4, seed: int = 0) -> SufficientStatistics:
    """Statistics of integer rows, so that sums are exact."""
    rng = np.random.default_rng(seed)
    parts = [
        (rng.integers(-5, 6, (n, p)).astype(float), rng.integers(-5, 6, n).astype(float))
        for n in rng.integers(1, 20, len(regimes))
    ]
    return SufficientStatistics(
        regimes,
        np.array([len(y) for _, y in parts]),
        np.array([x.T @ x for x, _ in parts]),
        np.array([x.T @ y for x, y in parts]),
        np.array([y @ y for _, y in parts]),
    )


def same(first: SufficientStatistics, second: SufficientStatistics) -> None:
    assert first.regimes == second.regimes
    for name in ("rows", "gram", "cross", "squares"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


names = st.lists(st.sampled_from(["obs", "do(a)", "do(b)", "do(c)"]), min_size=1, max_size=4, unique=True)


@given(one=names, two=names, seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_addition_is_by_label(one: list[str], two: list[str], seed: int) -> None:
    first, second = random(tuple(one), seed=seed), random(tuple(two), seed=seed + 1)
    both, back = first + second, second + first
    assert set(both.regimes) == {*one, *two}
    for label in both.regimes:
        parts = [s for s in (first, second) if label in s.regimes]
        r = both.regimes.index(label)
        for name in ("rows", "gram", "cross", "squares"):
            expected = sum(getattr(s, name)[s.regimes.index(label)] for s in parts)
            np.testing.assert_array_equal(getattr(both, name)[r], expected)
            np.testing.assert_array_equal(getattr(back, name)[back.regimes.index(label)], expected)
    nothing = SufficientStatistics.zeros(first.regimes, 4)
    same(first + nothing, first)


def test_adding_does_not_change_the_parts() -> None:
    first, second = random(("obs", "do(a)")), random(("obs",), seed=1)
    before = [getattr(first, name).copy() for name in ("rows", "gram", "cross", "squares")]
    first + second
    for name, value in zip(("rows", "gram", "cross", "squares"), before, strict=True):
        np.testing.assert_array_equal(getattr(first, name), value)


def test_different_designs_cannot_be_added() -> None:
    with pytest.raises(DataError, match=r"different designs \(4 and 5 coefficients\); accumulate both with one design"):
        random(("obs",), 4) + random(("obs",), 5)
    assert (random(("obs",), 4) + random(("obs",), 4)).rows[0] > 0


def test_grouped_adds_regimes_with_the_same_noise() -> None:
    statistics = random(("obs", "do(a)", "do(b)"))
    grouped = statistics.grouped(np.array([1, 0, 1]), 2)
    np.testing.assert_array_equal(grouped.rows, [statistics.rows[1], statistics.rows[0] + statistics.rows[2]])
    np.testing.assert_array_equal(grouped.gram[1], statistics.gram[0] + statistics.gram[2])
    np.testing.assert_array_equal(grouped.cross[1], statistics.cross[0] + statistics.cross[2])
    np.testing.assert_array_equal(grouped.squares[0], statistics.squares[1])


def test_storage_is_exact(tmp_path: Path) -> None:
    base = random(("obs", "do(a)"))
    odd = SufficientStatistics(base.regimes, base.rows, base.gram / 3, base.cross * 1e-300, base.squares * np.pi)
    same(SufficientStatistics.from_dataset(odd.to_dataset()), odd)
    odd.to_dataset().to_zarr(tmp_path / "s.zarr", consolidated=False)
    same(SufficientStatistics.from_dataset(xr.open_zarr(tmp_path / "s.zarr", consolidated=False)), odd)
    restored = SufficientStatistics.from_dataset(odd.to_dataset())
    assert restored.rows.dtype == np.float64


def test_rounding_never_makes_the_residual_negative() -> None:
    x = np.random.default_rng(0).normal(size=(50, 2)) * 1e6
    beta = np.array([1.0, -1.0])
    y = x @ beta
    exact = SufficientStatistics(("obs",), np.array([50]), (x.T @ x)[None], (x.T @ y)[None], np.array([y @ y]))
    assert exact.residual_squares(beta)[0] >= 0.0
    assert exact.residual_squares(beta)[0] < 1e-6 * float(y @ y)
    shrunk = SufficientStatistics(exact.regimes, exact.rows, exact.gram, exact.cross, exact.squares * (1 - 1e-9))
    assert shrunk.residual_squares(beta)[0] == 0.0
