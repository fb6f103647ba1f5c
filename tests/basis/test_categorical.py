"""Tables of levels: the prior that they imply, centring, scale, storage and products."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.basis import BSpline, Categorical, FittedProduct, FittedTensor, basis_from_dict, product_from_dict
from bayes_ivgen.errors import SpecError


def codes(n_levels: int, n: int = 60, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([np.arange(n_levels), rng.integers(0, n_levels, n)]).astype(float)


@given(n_levels=st.integers(1, 9), ordered=st.booleans(), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_columns_are_centred_and_scaled(n_levels: int, ordered: bool, seed: int) -> None:
    placed, centred = codes(n_levels, seed=seed), codes(n_levels, 20, seed + 1)
    fitted = Categorical(n_levels, ordered).fit(placed, centred)
    assert (fitted.n_linear, fitted.n_wiggle) == (n_levels - 1, 0)
    columns = fitted.columns(placed)
    assert columns.shape == (len(placed), n_levels - 1)
    np.testing.assert_allclose(fitted.columns(centred).mean(axis=0), 0.0, atol=1e-12)
    if n_levels > 1:
        np.testing.assert_allclose(columns.var(axis=0).sum(), 1.0)
    again = basis_from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(again.columns(placed), columns)


@given(n_levels=st.integers(2, 9), data=st.data())
@settings(max_examples=40, deadline=None)
def test_unordered_levels_are_exchangeable(n_levels: int, data: st.DataObject) -> None:
    """The prior covariance of the differences between levels does not know the codes."""
    order = np.array(data.draw(st.permutations(range(n_levels))))
    x = codes(n_levels)
    one, two = Categorical(n_levels).fit(x, x), Categorical(n_levels).fit(order[x.astype(int)], order[x.astype(int)])
    first, second = one.columns(np.arange(n_levels)), two.columns(order[np.arange(n_levels)])
    np.testing.assert_allclose(first @ first.T, second @ second.T, atol=1e-12)
    differences = first - first[:1]
    squares = np.sum(differences[1:] ** 2, axis=1)
    np.testing.assert_allclose(squares, squares[0])


@pytest.mark.parametrize("n_levels", [2, 3, 7])
def test_ordered_levels_are_a_random_walk(n_levels: int) -> None:
    x = codes(n_levels)
    columns = Categorical(n_levels, ordered=True).fit(x, x).columns(np.arange(n_levels))
    steps = np.diff(columns, axis=0)
    covariance = steps @ steps.T  # independent steps of one variance
    np.testing.assert_allclose(covariance, covariance[0, 0] * np.eye(n_levels - 1), atol=1e-12)
    far, near = np.sum((columns[-1] - columns[0]) ** 2), np.sum((columns[1] - columns[0]) ** 2)
    np.testing.assert_allclose(far, (n_levels - 1) * near)


@pytest.mark.parametrize("ordered", [False, True])
def test_any_function_of_the_level_is_within_reach(ordered: bool) -> None:
    x, values = codes(5), np.array([3.0, -1.0, 0.5, 8.0, 2.0])
    columns = np.column_stack([np.ones(len(x)), Categorical(5, ordered).fit(x, x).columns(x)])
    target = values[x.astype(int)]
    np.testing.assert_allclose(columns @ np.linalg.lstsq(columns, target, rcond=None)[0], target)


def test_levels_without_rows_keep_a_column() -> None:
    seen = np.array([0.0, 2.0, 0.0, 2.0])
    fitted = Categorical(3).fit(seen, seen)
    assert np.linalg.matrix_rank(fitted.columns(np.arange(3.0)) - fitted.columns(np.zeros(3))) == 2


def test_products_with_splines_and_tables() -> None:
    rng = np.random.default_rng(1)
    table, other, number = codes(3, 200), codes(4, 199), rng.normal(size=203)
    margins = {
        "a": Categorical(3).fit(table, table),
        "b": Categorical(4).fit(other, other),
        "x": BSpline().margin().fit(number, number),
    }
    rows = {"a": table, "b": other, "x": number}
    tensor = FittedTensor.fit(margins["a"], margins["x"], (table, number), (table, number))
    assert tensor.columns(table, number).shape == (203, 2 * (margins["x"].n_linear + margins["x"].n_wiggle))
    pair = FittedProduct.fit({"a": margins["a"], "x": margins["x"]}, rows, rows)
    np.testing.assert_allclose(pair.columns(rows), tensor.columns(table, number))
    cells = FittedProduct.fit({name: margins[name] for name in "ab"}, rows, rows)
    assert (cells.n_columns, cells.variables) == (6, ("a", "b"))
    again = product_from_dict(json.loads(json.dumps(cells.to_dict())))
    np.testing.assert_array_equal(again.columns(rows), cells.columns(rows))
    # With the main effects every function of the pair is within reach.
    design = np.column_stack(
        [np.ones(203), margins["a"].columns(table), margins["b"].columns(other), cells.columns(rows)]
    )
    target = rng.normal(size=(3, 4))[table.astype(int), other.astype(int)]
    np.testing.assert_allclose(design @ np.linalg.lstsq(design, target, rcond=None)[0], target)


def test_no_level_is_refused() -> None:
    with pytest.raises(SpecError, match=r"Categorical\(n_levels=0\): there must be at least 1 level"):
        Categorical(0)
    assert Categorical(1).margin() == Categorical(1)
