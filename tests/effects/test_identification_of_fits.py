"""What a fit refuses for want of an experiment, and that the experiment it names mends it."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit
from bayes_ivgen.errors import IdentificationError
from bayes_ivgen.simulate import DiscreteSCM, discrete

QuickFit = Callable[..., Fit]
PAIR = ["a1", "a2"]
JOINT = {"a1": 1.0, "a2": 2.0}
EDGE = ActionGraph({"a2": ["a1"]})


def two_actions(*, separable: bool = False, edge_probability: float = 1.0) -> DiscreteSCM:
    """A world in which a1 drives a2, or neither drives the other."""
    for seed in range(50):
        world = discrete(2, 3, seed, edge_probability=edge_probability, separable=separable)
        if edge_probability == 0 or world.parents["a2"] == ("a1",):
            return world
    raise AssertionError("no such world")


@pytest.fixture(scope="module")
def world() -> DiscreteSCM:
    return two_actions()


def table(world: DiscreteSCM, *regimes: str, n: int = 400) -> pd.DataFrame:
    return world.sample_regimes(dict.fromkeys(regimes, n), seed=3)


@pytest.mark.parametrize(
    ("regimes", "question", "what", "missing"),
    [
        (("obs", "do(a1)"), {"do": JOINT}, "E[y | a, do(a1,a2)]", "do(a2)"),
        (("obs", "do(a2)"), {"do": {"a1": 1}, "given": {"a2": 2}}, "E[y | a, do(a1)]", "do(a1)"),
        (("do(a1)", "do(a2)"), {"do": JOINT}, "E[y | a, do(a1,a2)]", "obs"),
        (("obs",), {"do": JOINT}, "E[y | a, do(a1,a2)]", "do(a1) and do(a2)"),
        (("do(a1)",), {"given": JOINT}, "E[y | a, obs]", "obs"),
        (("obs", "do(a1)"), {"do": {"a1": 1}, "rest": "hold"}, "E[y | a, do(a1,a2)]", "do(a2)"),
        (("do(a1,a2)", "do(a1)"), {"do": {"a2": 1}, "given": {"a1": 1}}, "E[y | a, do(a2)]", "obs"),
    ],
)
def test_the_missing_experiment_is_named_and_mends_the_fit(
    world: DiscreteSCM,
    quick_fit: QuickFit,
    regimes: tuple[str, ...],
    question: dict,
    what: str,
    missing: str,
) -> None:
    fit = quick_fit(table(world, *regimes), PAIR, graph=EDGE, draws=20, tune=20)
    message = (
        f"{what} is not identified by the regimes at hand ({', '.join(sorted(regimes, key=len))}). "
        f"Missing: rows of {missing}. Add that experiment and fit again, or ask for a contrast that needs less."
    )
    with pytest.raises(IdentificationError, match=re.escape(message)):
        fit.effect(**question)
    mended = quick_fit(table(world, *regimes, *missing.split(" and ")), PAIR, graph=EDGE, draws=20, tune=20)
    assert np.isfinite(mended.effect(**question).summary()["mean"]).all()


def test_enough_without_observational_rows(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    """Theory B: do(1) and do(1,2) identify each other's effects, and nothing else."""
    fit = quick_fit(table(world, "do(a1)", "do(a1,a2)"), PAIR, graph=EDGE, draws=300)
    cells = pd.DataFrame([[i, j] for i in range(3) for j in range(3)], columns=PAIR, dtype=float)
    for subset in (["a1", "a2"], ["a1"]):
        rest = [action for action in PAIR if action not in subset]
        found = fit.effect(do=cells[subset], given=cells[rest] if rest else None).summary()
        z = (found["mean"] - world.effect(cells, do=subset)) / found["sd"]
        assert z.abs().max() < 4
        assert np.sqrt((z**2).mean()) < 2
    with pytest.raises(IdentificationError, match=r"E\[y \| a, obs\]"):
        fit.effect(given=JOINT)


def test_a_contrast_may_be_identified_although_its_effects_are_not(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    """Theory T4: a2 is a leaf, so do(a2) rows alone say what moving it does; no observational rows."""
    fit = quick_fit(table(world, "do(a1)", "do(a2)", n=1500), PAIR, graph=EDGE, draws=300)
    first, second = {"a1": 1, "a2": [0, 1]}, {"a1": 1, "a2": [2, 2]}
    with pytest.raises(IdentificationError, match="Missing: rows of obs"):
        fit.effect(do=first)
    contrast = fit.contrast(do=first, versus=second).summary()
    truth = world.effect([[1, 0], [1, 1]]) - world.effect([[1, 2], [1, 2]])
    assert (np.abs(contrast["mean"] - truth) / contrast["sd"]).max() < 3
    assert contrast["sd"].max() < 0.25 * np.abs(truth).max()
    # Its parent is no leaf: moving it changes the confounding component of a2.
    message = r"the contrast of a1 under do\(a1,a2\) is not identified.*Missing: rows of obs\. Add that experiment"
    with pytest.raises(IdentificationError, match=message):
        fit.contrast(do={"a1": 0, "a2": 1}, versus={"a1": 2, "a2": 1})
    for kind in ({"kind": "ratio"}, {"given": {}}):
        other = {"a1": 1, "a2": 2} if "kind" in kind else None
        with pytest.raises(IdentificationError, match=r"E\[y \| a, do\(a1,a2\)\] is not identified"):
            fit.contrast(
                do={"a1": 1, "a2": 0}, versus=other, versus_given=None if other else {"a1": 1, "a2": 0}, **kind
            )
    mended = quick_fit(table(world, "do(a1)", "do(a2)", "obs"), PAIR, graph=EDGE, draws=20, tune=20)
    mended.contrast(do={"a1": 0, "a2": 1}, versus={"a1": 2, "a2": 1}, kind="ratio")


def test_comparing_a_query_with_itself_is_zero(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    fit = quick_fit(table(world, "do(a1)", "do(a2)"), PAIR, graph=EDGE, draws=20, tune=20)
    assert (fit.contrast(do=JOINT, versus=JOINT).draws == 0).all()


def test_an_action_that_was_never_set(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    fit = quick_fit(table(world, "obs", "do(a1)", n=1000), PAIR, graph=EDGE, draws=300)
    for ask in (
        lambda: fit.effect(do=JOINT),
        lambda: fit.effect(do={"a2": 1}, rest="hold"),
        lambda: fit.response_curve("a2"),
        lambda: fit.response_curve("a1"),
        lambda: fit.confounding_bias("a2"),
    ):
        with pytest.raises(IdentificationError, match=r"Missing: rows of do\(a2\)"):
            ask()
    row = fit.effect(do={"a1": 1}, given={"a2": 2}).summary().iloc[0]
    assert abs(row["mean"] - world.effect([[1, 2]], do="do(a1)")[0]) < 3 * row["sd"]


def test_an_action_that_was_always_set(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    fit = quick_fit(table(world, "do(a1)", "do(a1,a2)"), PAIR, graph=EDGE, draws=20, tune=20)
    message = r"no regime leaves 'a1' alone, so there is no observational reading.*add rows of a regime that does not"
    with pytest.raises(IdentificationError, match=message):
        fit.confounding_bias("a1")
    fit.confounding_bias("a2")
    mended = quick_fit(table(world, "do(a1)", "do(a1,a2)", "do(a2)"), PAIR, graph=EDGE, draws=20, tune=20)
    mended.confounding_bias("a1")


def test_a_known_level_needs_no_observational_rows(quick_fit: QuickFit) -> None:
    """Theory A and B: without levels the columns of R drop out; do(a1) and do(a2) identify the joint effect."""
    world = two_actions(separable=True, edge_probability=0.0)
    rows = table(world, "do(a1)", "do(a2)", n=1500)
    grid = pd.DataFrame([[i, j] for i in range(3) for j in range(3)], columns=PAIR, dtype=float)
    with pytest.raises(IdentificationError, match="Missing: rows of obs"):
        quick_fit(rows, PAIR, graph="empty", draws=20, tune=20).effect(do=grid)
    table_ = quick_fit(rows, PAIR, graph="empty", confounding="separable", draws=300).effect(do=grid).summary()
    z = (table_["mean"] - world.effect(grid)) / table_["sd"]
    assert z.abs().max() < 3.5
    assert table_["sd"].max() < 0.2


def test_a_known_level_does_not_replace_an_experiment(quick_fit: QuickFit) -> None:
    world = two_actions(separable=True, edge_probability=0.0)
    fit = quick_fit(table(world, "obs", "do(a1)"), PAIR, graph="empty", confounding="separable", draws=20, tune=20)
    with pytest.raises(IdentificationError, match=r"Missing: rows of do\(a2\)"):
        fit.effect(do=JOINT)
    fit.effect(do={"a1": 1}, given={"a2": 1})
