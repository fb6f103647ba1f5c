"""The contrast rule with synergy and blocks against the rank of saturated designs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_identification import Parents, contrast_rows, in_row_space, names

from bayes_ivgen.data.identification import Units, contrast_identified, level_weights, units_of
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime

Pair = tuple[str, str]


def saturated_rows(
    one: Regime, actions: Sequence[str], parents: Parents, units: Units, synergy: Sequence[Pair]
) -> FloatArray:
    """Design of E[Y | a, R] over all cells of {0, 1}^K: free m_B, c_B and s_jk."""
    rows = []
    for cell in product([0, 1], repeat=len(actions)):
        value = dict(zip(actions, cell, strict=True))

        def one_hot(arguments: Sequence[str], at_work: bool = True, value: dict = value) -> list[float]:
            here = tuple(value[name] for name in arguments)
            return [float(at_work and here == key) for key in product([0, 1], repeat=len(arguments))]

        row = [1.0]
        for unit in units:
            outside = [p for action in unit for p in parents.get(action, ()) if p not in unit]
            row += one_hot(unit)
            row += one_hot((*unit, *dict.fromkeys(outside)), not one.sets(unit[0]))
        for pair in synergy:
            row += one_hot(pair)
        rows.append(row)
    return np.array(rows)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[str], Parents, Units, list[Pair], list[Regime], Regime, list[str]]:
    actions = names(draw(st.integers(2, 4)))
    order = draw(st.permutations(actions))
    parents = {b: tuple(a for a in order[:i] if draw(st.booleans())) for i, b in enumerate(order)}
    block = draw(st.lists(st.sampled_from(actions), max_size=3, unique=True))
    units = units_of([block] if len(block) > 1 else [], actions)
    inside = {frozenset(pair) for unit in units for pair in combinations(unit, 2)}
    synergy = [p for p in combinations(actions, 2) if frozenset(p) not in inside and draw(st.booleans())]

    def regime(flags: Sequence[bool]) -> Regime:
        chosen = {a for unit, flag in zip(units, flags, strict=True) if flag for a in unit}
        return Regime(tuple(a for a in actions if a in chosen))

    flags = st.lists(st.booleans(), min_size=len(units), max_size=len(units))
    at_hand = [regime(draw(flags)) for _ in range(draw(st.integers(1, 6)))]
    changed = draw(st.lists(st.sampled_from(actions), min_size=1, unique=True))
    return actions, parents, units, synergy, list(dict.fromkeys(at_hand)), regime(draw(flags)), changed


@settings(max_examples=500, deadline=None)
@given(worlds())
def test_rules_agree_with_the_rank(
    world: tuple[list[str], Parents, Units, list[Pair], list[Regime], Regime, list[str]],
) -> None:
    actions, parents, units, synergy, at_hand, target, changed = world
    designs = [saturated_rows(one, actions, parents, units, synergy) for one in at_hand]
    gram = sum(design.T @ design for design in designs)
    asked = saturated_rows(target, actions, parents, units, synergy)
    heads = [unit[0] for unit in units]
    known = level_weights(target, at_hand, heads) is not None
    assert known == in_row_space(asked, gram)
    contrast = contrast_identified(changed, target, at_hand, actions, parents, units=units)
    assert contrast == in_row_space(contrast_rows(asked, changed, actions), gram)


def test_which_contrasts_the_regimes_of_a_pair_identify() -> None:
    """Setting both parents of a3 identifies their contrast only if a3 does not react to them."""
    both, joint = [Regime(("a1", "a2"))], Regime(("a1", "a2", "a3"))
    reacts: Parents = {"a3": ("a1", "a2")}
    assert contrast_identified(["a1"], joint, [joint], names(3), reacts)
    assert not contrast_identified(["a1"], joint, both, names(3), reacts)
    assert contrast_identified(["a1"], joint, both, names(3), {})


def test_the_family_of_a_block_has_the_outside_parents_of_all_its_members() -> None:
    """a2 drives the second member only; leaving the block alone mixes m_2 with c_B."""
    units = units_of([["a1", "a3"]], names(3))
    joint, parents = Regime(("a1", "a2", "a3")), {"a3": ("a2",)}
    assert not contrast_identified(["a2"], joint, [Regime(("a2",))], names(3), parents, units=units)
    assert contrast_identified(["a2"], joint, [Regime(("a2",))], names(3), {}, units=units)
    assert contrast_identified(["a2"], joint, [joint], names(3), parents, units=units)
