"""One pass over rows: merging batches, levels, far-off means and the uniform sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from bayes_ivgen.data.profile import MAX_LEVELS, SAMPLE_ROWS, FloatArray, ProfileBuilder, RegimeProfile

finite = st.floats(-1e6, 1e6)


def profile_of(batches: list[FloatArray], n_columns: int, **options: int) -> RegimeProfile:
    builder = ProfileBuilder(n_columns, **options)
    for batch in batches:
        builder.add(batch)
    return builder.build()


@st.composite
def tables_with_cuts(draw: st.DrawFn) -> tuple[FloatArray, list[int]]:
    """A table, and places at which it is cut into batches (empty ones too)."""
    shape = (draw(st.integers(1, 40)), draw(st.integers(2, 4)))
    values = draw(npst.arrays(float, shape, elements=finite | st.sampled_from([0.0, 1.0, 2.0])))
    return values, sorted(draw(st.lists(st.integers(0, shape[0]), max_size=6)))


@settings(deadline=None)
@given(tables_with_cuts(), st.integers(1, 45))
def test_any_split_into_batches_gives_the_direct_summary(case: tuple[FloatArray, list[int]], sample_rows: int) -> None:
    values, cuts = case
    n_columns = values.shape[1]
    profile = profile_of(np.split(values, cuts), n_columns, sample_rows=sample_rows)
    scale = 1 + np.abs(values).max()
    assert profile.rows == len(values)
    np.testing.assert_allclose(profile.mean, values.mean(axis=0), atol=1e-12 * scale)
    np.testing.assert_allclose(profile.sd**2, values.var(axis=0), atol=1e-12 * scale**2)
    np.testing.assert_array_equal(profile.low, values.min(axis=0))
    np.testing.assert_array_equal(profile.high, values.max(axis=0))
    assert len(profile.levels) == n_columns - 1
    for k, levels in enumerate(profile.levels):
        np.testing.assert_array_equal(levels, np.unique(values[:, k]))
    whole = profile_of([values], n_columns, sample_rows=sample_rows)
    np.testing.assert_array_equal(profile.sample, whole.sample)  # keys depend on the row, not on the batch


@settings(deadline=None)
@given(tables_with_cuts(), st.randoms(use_true_random=False))
def test_order_of_the_batches_does_not_matter(case: tuple[FloatArray, list[int]], random: object) -> None:
    values, cuts = case
    batches = np.split(values, cuts)
    one = profile_of(batches, values.shape[1], sample_rows=7)
    random.shuffle(batches)  # type: ignore[attr-defined]
    two = profile_of(batches, values.shape[1], sample_rows=7)
    scale = 1 + np.abs(values).max()
    assert one.rows == two.rows
    assert one.sample.shape == two.sample.shape == (min(7, len(values)), values.shape[1])
    np.testing.assert_allclose(one.mean, two.mean, atol=1e-12 * scale)
    np.testing.assert_allclose(one.sd**2, two.sd**2, atol=1e-12 * scale**2)
    for a, b in zip(one.levels, two.levels, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n_batches", [1, 10, 500])
def test_far_off_mean_keeps_the_sd(n_batches: int) -> None:
    """Sums of squares would lose all digits at 1e12; the grid there is 1e-4 wide."""
    noise = np.random.default_rng(1).normal(size=(1000, 2))
    values = 1e12 + noise
    profile = profile_of(np.array_split(values, n_batches), 2)
    np.testing.assert_allclose(profile.sd, noise.std(axis=0), rtol=1e-4)
    np.testing.assert_allclose(profile.mean - 1e12, noise.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize(("distinct", "kept"), [(1, True), (MAX_LEVELS, True), (MAX_LEVELS + 1, False)])
@pytest.mark.parametrize("batch_rows", [1, 10, 1000])
def test_levels_up_to_their_limit(distinct: int, kept: bool, batch_rows: int) -> None:
    values = np.tile(np.arange(distinct, dtype=float), 3)[:, None].repeat(2, axis=1)
    (levels,) = profile_of(np.split(values, range(batch_rows, len(values), batch_rows)), 2).levels
    if kept:
        np.testing.assert_array_equal(levels, np.arange(distinct))
    else:
        assert levels is None


def test_without_a_cap_the_sample_is_all_rows_in_order() -> None:
    values = np.random.default_rng(2).normal(size=(50, 3))
    np.testing.assert_array_equal(profile_of(np.split(values, [7, 30]), 3, sample_rows=50).sample, values)


def test_default_cap() -> None:
    values = np.arange(2.0 * (SAMPLE_ROWS + 10)).reshape(-1, 2)
    sample = profile_of([values], 2).sample
    assert sample.shape == (SAMPLE_ROWS, 2)
    assert len(np.unique(sample[:, 0])) == SAMPLE_ROWS


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(1, 20), st.integers(0, 100))
def test_sample_is_drawn_without_replacement(sizes: list[int], sample_rows: int, seed: int) -> None:
    rows = np.arange(float(sum(sizes)))
    batches = np.split(np.column_stack([rows, -rows]), np.cumsum(sizes)[:-1])
    sample = profile_of(batches, 2, seed=seed, sample_rows=sample_rows).sample
    assert len(sample) == min(sample_rows, len(rows))
    assert len(np.unique(sample[:, 0])) == len(sample)
    assert np.isin(sample[:, 0], rows).all()
    np.testing.assert_array_equal(sample[:, 1], -sample[:, 0])  # whole rows are kept


@pytest.mark.parametrize("sizes", [[40], [1, 39], [30, 10], [5] * 8], ids=str)
def test_sample_is_uniform(sizes: list[int]) -> None:
    """Each of 40 rows stands in a sample of 10 in a quarter of 2000 seeds, wherever the batches are cut."""
    rows = np.arange(40.0)
    batches = np.split(np.column_stack([rows, rows]), np.cumsum(sizes)[:-1])
    repeats = 2000
    counts = np.zeros(40)
    for seed in range(repeats):
        counts[profile_of(batches, 2, seed=seed, sample_rows=10).sample[:, 0].astype(int)] += 1
    # Inclusions of one seed have variance 3/16 each and covariance -(3/16)/39: a chi-square with 39 degrees of freedom.
    statistic = ((counts - repeats / 4) ** 2).sum() / (repeats * 3 / 16) * 39 / 40
    assert 39 - 4 * np.sqrt(78) < statistic < 39 + 4 * np.sqrt(78)


def test_pairs_of_rows_are_sampled_together_as_often_as_they_should_be() -> None:
    """Systematic sampling is uniform row by row but not pair by pair: 1 of 2 neighbours would never join."""
    rows = np.arange(6.0)
    batches = np.split(np.column_stack([rows, rows]), [2, 3])
    repeats = 6000
    together = np.zeros((6, 6))
    for seed in range(repeats):
        i, j = profile_of(batches, 2, seed=seed, sample_rows=2).sample[:, 0].astype(int)
        together[i, j] += 1
    counts = together[np.triu_indices(6, 1)]
    assert counts.sum() == repeats
    statistic = ((counts - repeats / 15) ** 2).sum() / (repeats / 15)  # 15 cells, 14 degrees of freedom
    assert statistic < 14 + 4 * np.sqrt(28)


def test_adding_rows_does_not_change_them_or_an_earlier_profile() -> None:
    values = np.random.default_rng(3).normal(size=(20, 2))
    before = values.copy()
    builder = ProfileBuilder(2, sample_rows=5)
    builder.add(values)
    first = builder.build()
    kept = (first.mean.copy(), first.sd.copy(), first.low.copy(), first.sample.copy())
    builder.add(values * 100)
    np.testing.assert_array_equal(values, before)
    for now, then in zip((first.mean, first.sd, first.low, first.sample), kept, strict=True):
        np.testing.assert_array_equal(now, then)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 300), st.integers(1, 80), st.booleans())
def test_the_sample_has_the_smallest_keys_however_the_rows_come(k: int, n: int, step: int, labelled: bool) -> None:
    """Rows that cannot be kept are dropped on the way: never one that would have been."""
    rows = np.arange(float(n))
    keys = np.random.default_rng(3).random(n)
    builder = ProfileBuilder(2, seed=3, sample_rows=k)
    for start in range(0, n, step):
        part = rows[start : start + step]
        builder.add(np.column_stack([part, -part]), dataset=part % 3 if labelled else None)
    profile = builder.build()
    expected = np.sort(np.argsort(keys)[:k])
    np.testing.assert_array_equal(profile.sample, np.column_stack([expected, -expected]))
    if labelled:
        np.testing.assert_array_equal(profile.sample_dataset, expected % 3)


def test_a_profile_of_no_rows() -> None:
    profile = profile_of([np.empty((0, 3))], 3)
    assert profile.rows == 0
    assert profile.sample.shape == (0, 3)
