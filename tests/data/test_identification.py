"""The rules of identification against theory B and against the rank of saturated designs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data.identification import (
    contrast_identified,
    indicator,
    level_weights,
    missing_regimes,
    units_of,
)
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime

Parents = dict[str, tuple[str, ...]]


def names(k: int) -> list[str]:
    return [f"a{i + 1}" for i in range(k)]


def regime(*numbers: int) -> Regime:
    """Regime that sets the actions with these numbers, counted from 1 as in the paper."""
    return Regime(tuple(f"a{i}" for i in numbers))


def every_regime(k: int) -> list[Regime]:
    return [Regime(chosen) for size in range(k + 1) for chosen in combinations(names(k), size)]


def parse(text: str) -> list[Regime]:
    return [regime() if word == "obs" else regime(*map(int, word)) for word in text.split()]


THEORY_TABLE = [  # theory B, "Tests": actions, regimes at hand, regime asked for, weights
    (2, "1 2", "12", None),
    (3, "1 2 3", "123", None),
    (3, "12 13 23", "123", None),
    (3, "12 13 23 obs", "123", [1 / 2, 1 / 2, 1 / 2, -1 / 2]),
    (3, "12 13 23 obs", "1", [1 / 2, 1 / 2, -1 / 2, 1 / 2]),
    (3, "12 13 23 obs", "3", [-1 / 2, 1 / 2, 1 / 2, 1 / 2]),
    (3, "1 12 13", "123", [-1, 1, 1]),
    (3, "12 13 23 1", "123", [1, 1, 0, -1]),
    (3, "obs 1 2", "12", [-1, 1, 1]),
    (3, "obs 1 2", "123", None),
    (4, "obs 12 34", "1234", [-1, 1, 1]),
    (4, "obs 12 34", "1", None),
]


@pytest.mark.parametrize(("k", "at_hand", "asked", "expected"), THEORY_TABLE, ids=str)
def test_table_of_the_theory(k: int, at_hand: str, asked: str, expected: list[float] | None) -> None:
    (target,) = parse(asked)
    weights = level_weights(target, parse(at_hand), names(k))
    if expected is None:
        assert weights is None
        return
    assert weights is not None
    rows = np.array([[1.0, *indicator(one, names(k))] for one in parse(at_hand)])
    np.testing.assert_allclose(weights @ rows, [1.0, *indicator(target, names(k))], atol=1e-12)
    np.testing.assert_allclose(weights, expected, atol=1e-12)


def test_non_integer_weights() -> None:
    """K=4 from obs and all triples: thirds."""
    triples = [Regime(chosen) for chosen in combinations(names(4), 3)]
    weights = level_weights(regime(1, 2, 3, 4), [Regime(), *triples], names(4))
    np.testing.assert_allclose(weights, [-1 / 3, *[1 / 3] * 4], atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_obs_and_all_singles_identify_everything_with_the_weights_of_the_paper(k: int) -> None:
    at_hand = [Regime(), *(regime(i + 1) for i in range(k))]
    weights = level_weights(Regime(tuple(names(k))), at_hand, names(k))
    np.testing.assert_allclose(weights, [1 - k, *[1] * k], atol=1e-9)
    some = Regime(tuple(names(k)[: k // 2]))
    np.testing.assert_allclose(
        level_weights(some, at_hand, names(k)), [1 - k // 2, *[1] * (k // 2), *[0] * (k - k // 2)], atol=1e-9
    )


def test_weights_have_the_least_norm_when_there_are_several() -> None:
    np.testing.assert_allclose(level_weights(Regime(), parse("obs 1 2 12"), names(2)), [3 / 4, 1 / 4, 1 / 4, -1 / 4])


def test_nothing_is_identified_without_rows() -> None:
    assert level_weights(Regime(), [], names(2)) is None
    assert not contrast_identified(["a1"], regime(1), [], names(2), {})


def test_separable_needs_any_one_regime() -> None:
    assert level_weights(regime(1, 2), [regime(1)], names(2)) is None
    np.testing.assert_allclose(level_weights(regime(1, 2), [regime(1)], names(2), separable=True), [1.0])
    assert level_weights(regime(1, 2), [], names(2), separable=True) is None


# An independent route: a saturated linear model of alpha, m_k(a_k) and c_k(a_k, parents) on {0, 1}^K.
# A functional of its coefficients is identified iff it is orthogonal to the null space of the design.


def saturated_rows(one: Regime, actions: Sequence[str], parents: Parents) -> FloatArray:
    """Design of E[Y | a, R] over all cells a of {0, 1}^K, last action fastest."""
    cells = list(product([0, 1], repeat=len(actions)))
    rows = []
    for cell in cells:
        value = dict(zip(actions, cell, strict=True))
        row = [1.0]
        for action in actions:
            row += [float(value[action] == level) for level in (0, 1)]
            family = (action, *parents.get(action, ()))
            here = tuple(value[name] for name in family)
            free = action not in one.set_actions
            row += [float(free and here == key) for key in product([0, 1], repeat=len(family))]
        rows.append(row)
    return np.array(rows)


def in_row_space(functionals: FloatArray, gram: FloatArray) -> bool:
    values, vectors = np.linalg.eigh(gram)
    null = vectors[:, values < 1e-8 * max(values[-1], 1)]
    return bool(np.abs(functionals @ null).max(initial=0) < 1e-6)


def contrast_rows(design: FloatArray, changed: Sequence[str], actions: Sequence[str]) -> FloatArray:
    """Differences of all pairs of cells that agree in the actions that are not changed."""
    cells = np.array(list(product([0, 1], repeat=len(actions))))
    held = [i for i, action in enumerate(actions) if action not in changed]
    pairs = [(i, j) for i, j in combinations(range(len(cells)), 2) if np.array_equal(cells[i, held], cells[j, held])]
    return np.array([design[i] - design[j] for i, j in pairs])


def all_graphs(actions: Sequence[str]) -> list[Parents]:
    """Every directed acyclic graph over the actions."""
    found: dict[frozenset[tuple[str, str]], Parents] = {}
    for order in permutations(actions):
        pairs = list(combinations(order, 2))
        for kept in product([False, True], repeat=len(pairs)):
            edges = [pair for pair, keep in zip(pairs, kept, strict=True) if keep]
            parents = {b: tuple(a for a in actions if (a, b) in edges) for b in actions}
            found[frozenset(edges)] = parents
    return list(found.values())


def test_every_graph_every_collection_of_three_actions() -> None:
    """The exhaustive check of theory B: 25 graphs x 255 collections, 51,000 levels and 19,125 joint contrasts.

    2,538 of the contrasts are identified though the joint effect is not.
    """
    actions = names(3)
    regimes = every_regime(3)
    joint = regimes[-1]
    collections = [[one for i, one in enumerate(regimes) if mask >> i & 1] for mask in range(1, 1 << len(regimes))]
    level_rule = [
        [level_weights(target, at_hand, actions) is not None for target in regimes] for at_hand in collections
    ]
    graphs = all_graphs(actions)
    contrast_only = 0
    for parents in graphs:
        designs = {one: saturated_rows(one, actions, parents) for one in regimes}
        grams = {one: design.T @ design for one, design in designs.items()}
        contrasts = {action: contrast_rows(designs[joint], [action], actions) for action in actions}
        values, vectors = np.linalg.eigh([sum(grams[one] for one in at_hand) for at_hand in collections])
        for c, at_hand in enumerate(collections):
            null = vectors[c][:, values[c] < 1e-8 * values[c][-1]]
            seen = [not np.abs(designs[target] @ null).max(initial=0) > 1e-6 for target in regimes]
            assert seen == level_rule[c], (parents, at_hand)
            for action in actions:
                by_rank = not np.abs(contrasts[action] @ null).max(initial=0) > 1e-6
                assert contrast_identified([action], joint, at_hand, actions, parents) == by_rank, (parents, at_hand)
                contrast_only += by_rank and not seen[-1]
    assert len(graphs) == 25
    assert len(collections) == 255
    assert contrast_only == 2538


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[str], Parents, list[Regime], Regime, list[str]]:
    """Actions, graph, regimes at hand, target and changed actions; up to four actions in any causal order."""
    actions = names(draw(st.integers(1, 4)))
    order = draw(st.permutations(actions))
    parents = {b: tuple(a for a in order[:i] if draw(st.booleans())) for i, b in enumerate(order)}
    regimes = st.sampled_from(every_regime(len(actions)))
    at_hand = draw(st.lists(regimes, min_size=1, max_size=6, unique=True))
    changed = draw(st.lists(st.sampled_from(actions), min_size=1, unique=True))
    return actions, parents, at_hand, draw(regimes), changed


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_rules_agree_with_the_rank_of_the_saturated_design(
    world: tuple[list[str], Parents, list[Regime], Regime, list[str]],
) -> None:
    actions, parents, at_hand, target, changed = world
    gram = sum(design.T @ design for design in (saturated_rows(one, actions, parents) for one in at_hand))
    asked = saturated_rows(target, actions, parents)
    known = level_weights(target, at_hand, actions) is not None
    assert known == in_row_space(asked, gram)
    contrast = contrast_identified(changed, target, at_hand, actions, parents)
    assert contrast == in_row_space(contrast_rows(asked, changed, actions), gram)
    assert contrast or not known  # a level that is identified identifies its contrasts


def test_contrast_of_a_leaf_needs_no_observational_rows() -> None:
    """Any regime that sets the leaf will do, for the leaf alone."""
    parents: Parents = {"a2": ("a1",)}
    at_hand = [regime(2)]
    joint = regime(1, 2)
    assert level_weights(joint, at_hand, names(2)) is None
    assert contrast_identified(["a2"], joint, at_hand, names(2), parents)
    assert not contrast_identified(["a1"], joint, at_hand, names(2), parents)
    assert not contrast_identified(["a1", "a2"], joint, at_hand, names(2), parents)
    # a2 is a leaf but a1 is not: setting a1 while a2 is free mixes m_1 with c_2.
    assert not contrast_identified(["a1"], joint, [regime(1)], names(2), parents)
    assert contrast_identified(["a1"], joint, [regime(1)], names(2), {})


collections_and_targets = st.integers(1, 5).flatmap(
    lambda k: st.tuples(
        st.just(k),
        st.lists(st.sampled_from(every_regime(k)), max_size=5, unique=True),
        st.sampled_from(every_regime(k)),
    )
)


@settings(deadline=None)
@given(collections_and_targets)
def test_missing_regimes_identify_and_are_as_few_as_possible(case: tuple[int, list[Regime], Regime]) -> None:
    k, at_hand, target = case
    extra = missing_regimes(target, at_hand, names(k))
    assert level_weights(target, [*at_hand, *extra], names(k)) is not None
    sizes = range(k + 1) if k <= 4 else (0, 1, 2, k)
    candidates = [one for one in every_regime(k) if len(one.set_actions) in sizes and one not in at_hand]
    candidates = [one for one in candidates if one != target or len(one.set_actions) < 2]
    assert set(extra) <= set(candidates)
    least = sum(len(one.set_actions) for one in extra)
    for size in range(len(extra) + 1):
        for other in combinations(candidates, size):
            if size < len(extra) or sum(len(one.set_actions) for one in other) < least:
                assert level_weights(target, [*at_hand, *other], names(k)) is None


def test_missing_regimes_of_the_known_cases() -> None:
    """Any regime may be the missing one, but not the joint regime that is asked for itself."""
    assert missing_regimes(regime(1, 2, 3), parse("1 2 3"), names(3)) == (Regime(),)
    assert missing_regimes(regime(1, 2, 3), parse("obs 1"), names(3)) == (regime(2, 3),)
    assert missing_regimes(regime(1, 2, 3), parse("obs 12"), names(3)) == (regime(3),)
    assert missing_regimes(regime(1, 2, 3), parse("12 13"), names(3)) == (regime(1),)
    assert missing_regimes(regime(1, 2), parse("obs"), names(2)) == (regime(1), regime(2))
    assert missing_regimes(regime(1, 2), parse("obs 1 2"), names(3)) == ()
    assert missing_regimes(regime(1), parse("123 12"), names(3)) == (regime(1),)


def test_missing_regimes_of_six_actions_are_found_quickly() -> None:
    """With pairs among the candidates two further regimes do; singles alone would need three."""
    extra = missing_regimes(regime(1, 2, 3, 4, 5, 6), [regime(1, 2, 3, 5)], names(6))
    assert extra == (Regime(), regime(4, 6))
    start = time.perf_counter()
    for target in every_regime(6):
        missing_regimes(target, [Regime()], names(6))
    assert time.perf_counter() - start < 20


def test_missing_regimes_of_blocks_are_whole_blocks() -> None:
    units = units_of([["a1", "a3"]], names(4))
    assert units == (("a1", "a3"), ("a2",), ("a4",))
    assert missing_regimes(regime(1, 2, 3, 4), [Regime(), regime(1, 3)], names(4), units=units) == (regime(2, 4),)
    assert missing_regimes(regime(1, 3), [Regime(), regime(2)], names(4), units=units) == (regime(1, 3),)


def test_missing_regimes_of_many_actions_contain_none_that_can_be_left_out() -> None:
    k = 14
    at_hand = [Regime(), regime(1), regime(2, 3)]
    target = regime(*range(1, 9))
    extra = missing_regimes(target, at_hand, names(k))
    assert extra == tuple(regime(i) for i in range(4, 9))
    assert level_weights(target, [*at_hand, *extra], names(k)) is not None
