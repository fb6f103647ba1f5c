"""Columns of the row-space check on bins."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from bayes_ivgen import ActionGraph, Regime
from bayes_ivgen.effects.bin_columns import MOST_COLUMNS, BinColumns

ACTIONS = ("a0", "a1", "a2")


def columns(*, units: tuple = (("a0",), ("a1",), ("a2",)), synergy: tuple = (), separable: bool = False) -> BinColumns:
    graph = ActionGraph({"a1": ["a0"], "a2": ["a1"]})
    return BinColumns.of(ACTIONS, [8, 3, 8], [False, True, False], units, synergy, graph, separable=separable)


def test_each_row_has_one_bin_of_each_function_at_work() -> None:
    found = columns()
    codes = np.array([[0, 2, 7], [7, 0, 3]])
    # intercept, 3 m, 3 levels, own functions, two parents, two interactions
    assert found.index(codes, Regime()).shape == (2, 1 + 3 + 3 + 3 + 2 + 2)
    assert found.index(codes, Regime(("a1",))).shape == (2, 1 + 3 + 2 + 2 + 1 + 1)
    assert found.index(codes, Regime(ACTIONS)).shape == (2, 4)
    index = found.index(codes, Regime())
    assert all(len(set(row)) == len(row) for row in index.tolist())
    assert index.max() < found.n_columns


def test_blocks_and_synergy_have_interactions() -> None:
    joint = Regime(ACTIONS)
    codes = np.array([[0, 2, 7]])
    assert columns(synergy=(("a0", "a2"),)).index(codes, joint).shape == (1, 5)
    block = columns(units=(("a0", "a1"), ("a2",)))
    assert block.families == (((0, 1), ()), ((2,), (1,)))
    assert block.index(codes, joint).shape == (1, 5)
    # intercept, m, their pair, 2 levels; c of the block: two and their pair; c of a2: two and one
    assert block.index(codes, Regime()).shape == (1, 1 + 3 + 1 + 2 + 3 + 3)


@pytest.mark.parametrize("separable", [False, True])
def test_the_gram_matrix_is_that_of_the_rows(separable: bool) -> None:
    rng, found = np.random.default_rng(0), columns(separable=separable)
    rows = {
        regime: np.column_stack([rng.integers(0, size, 60) for size in (8, 3, 8)]).astype(np.uint8)
        for regime in (Regime(), Regime(("a1",)))
    }
    expected = np.zeros((found.n_columns, found.n_columns))
    for regime, codes in rows.items():
        x = np.zeros((60, found.n_columns))
        np.put_along_axis(x, found.index(codes.astype(np.intp), regime), 1.0, axis=1)
        expected += x.T @ x
    if not separable:
        np.testing.assert_allclose(found.gram(rows), expected)
        return
    rest = found.gram(rows) - expected  # squared means of the three components, each known to be zero
    assert np.linalg.matrix_rank(rest) == 3
    ones = np.zeros(found.n_columns)
    for function, start, stop in zip(found.functions, found.starts, found.starts[1:], strict=False):
        ones[start:stop] = function.unit == 0  # c_0 is one everywhere: its mean is one
    assert ones @ rest @ ones == pytest.approx(1e4)


def test_many_actions_have_no_more_columns_than_are_solved_in_a_second() -> None:
    names = tuple(f"a{k}" for k in range(16))
    graph = ActionGraph({names[k]: list(names[:k]) for k in range(16)})
    found = BinColumns.of(names, [8] * 16, [False] * 16, [(n,) for n in names], (), graph, separable=False)
    assert not found.pairs
    assert found.n_columns <= MOST_COLUMNS
    assert len(list(combinations(names, 2))) == sum(len(others) for _, others in found.families)


def test_columns_survive_storage() -> None:
    found = columns(synergy=(("a0", "a2"),), separable=True)
    assert BinColumns.from_dict(json.loads(json.dumps(found.to_dict()))) == found
