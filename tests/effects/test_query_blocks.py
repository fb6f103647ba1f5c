"""Blocks of queries: summaries against NumPy, order, errors and threads; projections against plain products."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen import Fit
from bayes_ivgen.effects import query_blocks
from bayes_ivgen.effects.query_blocks import over_blocks, sorted_quantiles, summarise

SLICES = [slice(start, start + 2) for start in range(0, 40, 2)]


@given(st.integers(1, 300), st.lists(st.floats(0, 1), min_size=1, max_size=4), st.booleans(), st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_quantiles_of_sorted_rows_are_those_of_numpy(size: int, tails: list[float], ties: bool, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(3, size))
    rows = np.round(rows) if ties else rows
    found = sorted_quantiles(np.sort(rows, axis=1), tails)
    np.testing.assert_allclose(found, np.quantile(rows, tails, axis=1).T, rtol=1e-12, atol=1e-14)


def test_infinite_draws_keep_their_quantiles_and_missing_ones_have_none() -> None:
    rows = np.array([[0.0, 1.0, np.inf, np.inf], [0.0, 1.0, 2.0, np.nan], [0.0, 1.0, 2.0, 3.0]])
    found = sorted_quantiles(np.sort(rows, axis=1), [1 / 3, 1.0])
    np.testing.assert_array_equal(found, [[1.0, np.inf], [np.nan, np.nan], [1.0, 3.0]])


@pytest.mark.parametrize("side_by_side", [False, True])
def test_summaries_do_not_depend_on_the_layout_nor_on_what_fits_the_cache(
    side_by_side: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = np.random.default_rng(0).normal(3, 2, size=(2, 50, 7))
    flat = draws.reshape(100, 7)
    expected = np.stack([flat.mean(0), flat.std(0, ddof=1), *np.quantile(flat, [0.1, 0.9], axis=0)], axis=1)
    given_draws = np.moveaxis(np.ascontiguousarray(np.moveaxis(draws, 2, 0)), 0, 2) if side_by_side else draws
    for numbers in (query_blocks.IN_CACHE, 200, 1):
        monkeypatch.setattr(query_blocks, "IN_CACHE", numbers)
        np.testing.assert_allclose(summarise(given_draws, [0.1, 0.9]), expected, rtol=1e-12)
    np.testing.assert_array_equal(given_draws, draws)  # sorting touches copies only


def test_results_come_in_order_from_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_blocks, "available_cores", lambda: 2)
    both = threading.Barrier(2, timeout=20)  # each block waits for another one: a single thread would not get past
    assert over_blocks(lambda block: (both.wait(), block.start)[1], SLICES) == [block.start for block in SLICES]


def test_an_error_in_a_block_is_raised() -> None:
    def work(block: slice) -> int:
        if block.start == 8:
            raise ValueError("eight")
        return block.start

    with pytest.raises(ValueError, match="eight"):
        over_blocks(work, SLICES)


@pytest.mark.parametrize("was_set", [[True, True, True], [True, False, True], [False, False, False]])
def test_projections_are_products_with_all_columns(fit: Fit, was_set: list[bool]) -> None:
    effects = fit.effects
    values, flags = effects.observed[:40], np.array(was_set)
    rows = effects.design.rows(values, flags)
    each = effects.design.rows(values, np.broadcast_to(flags, (40, 3)))
    np.testing.assert_array_equal(rows, each)
    np.testing.assert_allclose(effects.project(rows), effects.coefficients @ rows.T, rtol=1e-11, atol=1e-12)
    assert effects.project(rows).shape == (*effects.coefficients.shape[:2], 40)
    np.testing.assert_array_equal(effects.project(np.zeros_like(rows)), 0.0)
