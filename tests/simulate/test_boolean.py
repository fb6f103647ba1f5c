"""Pairs of worlds that agree in obs, do(a1), do(a2) and differ in do(a1,a2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate import boolean_example

GRID = [[0, 0], [0, 1], [1, 0], [1, 1]]
STANDARD = ("obs", "do(a1)", "do(a2)")


@pytest.mark.parametrize("which", ["example1", "twins"])
@pytest.mark.parametrize("regime", STANDARD)
def test_laws_of_actions_and_outcome_agree(which: str, regime: str) -> None:
    """Y is binary, so the cells' probabilities and means are the whole law of (Y, A)."""
    one, two = (boolean_example(which, world).law(regime) for world in (0, 1))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(one, two, rtol=0, atol=1e-15)


@given(p=st.floats(0, 1))
def test_example_1_joint_effects(p: float) -> None:
    and_world, or_world = (boolean_example("example1", world, p) for world in (0, 1))
    for regime in STANDARD:
        pd.testing.assert_frame_equal(and_world.law(regime), or_world.law(regime), rtol=0, atol=1e-15)
    np.testing.assert_allclose(and_world.effect(GRID), [0, 0, 0, p], atol=1e-15)
    np.testing.assert_allclose(or_world.effect(GRID), [0, p**2, 0, p], atol=1e-15)


def test_example_1_query_cell_has_no_support() -> None:
    world = boolean_example("example1")
    for regime in ("obs", "do(a1)"):
        assert world.law(regime)["probability"].iloc[1] == 0
    assert world.law("do(a2)")["probability"].iloc[1] > 0
    off = world.sample(5000, "do(a2)").query("a2 == 0")
    assert len(off) > 2000
    assert (off["y"] == 0).all()


def test_example_1_unsupported_cell_is_refused() -> None:
    world = boolean_example("example1")
    with pytest.raises(QueryError, match=r"Row 0 of values, \[0.0, 1.0\], never occurs in the regime 'obs'"):
        world.effect([[0, 1]], do="obs")
    assert world.effect([[0, 1]]).shape == (1,)


def test_twins_have_the_tables_of_theory_l() -> None:
    zero, one = (boolean_example("twins", world) for world in (0, 1))
    np.testing.assert_allclose(zero.effect(GRID, do="obs"), [0.47, 0.55, 0.55, 0.63])
    np.testing.assert_allclose(zero.effect(GRID), [0.5, 0.55, 0.55, 0.6])
    np.testing.assert_allclose(one.effect(GRID), [0.545, 0.505, 0.505, 0.645])
    for regime in (*STANDARD, "do(a1,a2)"):
        np.testing.assert_allclose(zero.law(regime)["probability"], 0.25)


def test_only_the_additive_twin_follows_the_plug_in() -> None:
    for world, follows in ((0, True), (1, False)):
        scm = boolean_example("twins", world)
        singles = scm.effect(GRID, do=["a1"]) + scm.effect(GRID, do=["a2"])
        plug_in = singles - scm.effect(GRID, do="obs")
        assert np.allclose(plug_in, scm.effect(GRID), atol=1e-12) == follows


def test_outcome_is_binary() -> None:
    assert set(boolean_example("twins", 1).sample(2000)["y"]) == {0.0, 1.0}


def test_messages() -> None:
    with pytest.raises(SpecError, match=r"which must be one of \['example1', 'twins'\]. Got 'example2'"):
        boolean_example("example2")  # type: ignore[arg-type]
    assert boolean_example(which="twins").actions == ("a1", "a2")
    with pytest.raises(SpecError, match=r"world must be an integer from 0 to 1. Got 2 instead; .* world=1"):
        boolean_example("twins", world=2)
    with pytest.raises(SpecError, match=r"p belongs to 'example1' only. Got p=0.5 with 'twins'; leave p out"):
        boolean_example("twins", p=0.5)
    with pytest.raises(SpecError, match=r"p must be a number from 0 to 1. Got 1.5"):
        boolean_example("example1", p=1.5)
