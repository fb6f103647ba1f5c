"""Actions that are set together and may share a confounder (Corollary 1; theory C, T5)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, IdentificationError, QueryError, SupportWarning
from bayes_ivgen.simulate import DiscreteSCM, discrete, structured

QuickFit = Callable[..., Fit]
ACTIONS = ["a1", "a2", "a3"]


def interleaved(seed: int) -> tuple[DiscreteSCM, list[str], str]:
    """first -> middle -> last (and first -> last): the block {first, last} shares one confounder, and interacts."""
    world = discrete(3, 2, seed, edge_probability=1.0, shared_confounder=1.0)
    first, middle, last = sorted(ACTIONS, key=lambda action: len(world.parents[action]))
    rng = np.random.default_rng(seed)
    j, k = (ACTIONS.index(action) for action in sorted([first, last]))
    shape = [1] * 6
    shape[j], shape[k], shape[3 + j] = 2, 2, 2
    inner = rng.normal(size=shape)  # f_B(a_B, c_B) is free, not a sum
    return replace(world, outcome_mean=world.outcome_mean + inner), sorted([first, last]), middle


@pytest.fixture(scope="module")
def case() -> tuple[DiscreteSCM, list[str], str]:
    return interleaved(3)


@pytest.fixture(scope="module")
def rows(case: tuple[DiscreteSCM, list[str], str]) -> pd.DataFrame:
    world, block, middle = case
    return world.sample_regimes({"obs": 4000, f"do({','.join(block)})": 4000, f"do({middle})": 4000}, seed=1)


@pytest.fixture(scope="module")
def fit(case: tuple[DiscreteSCM, list[str], str], rows: pd.DataFrame, quick_fit: QuickFit) -> Fit:
    world, block, _ = case
    return quick_fit(rows, ACTIONS, blocks=[block], graph=ActionGraph(world.parents), draws=300)


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return pd.DataFrame(list(product([0.0, 1.0], repeat=3)), columns=ACTIONS)


def test_effects_of_whole_blocks_are_found(case: tuple, fit: Fit, cells: pd.DataFrame) -> None:
    world, block, middle = case
    for set_actions in (ACTIONS, block, [middle], []):
        seen = [action for action in ACTIONS if action not in set_actions]
        table = fit.effect(do=cells[set_actions], given=cells[seen] if seen else None).summary()
        truth = world.effect(cells, do=set_actions)
        # The block's confounding component has no interaction of three actions, so mixed effects are
        # approximate; the joint effect is not.
        z = (table["mean"] - truth) / table["sd"]
        if len(set_actions) == 3:
            assert z.abs().max() < 3.5
            assert table["sd"].mean() < 0.15 * truth.std()
        assert np.sqrt(np.mean((table["mean"] - truth) ** 2)) < 0.3 * truth.std()


def test_without_blocks_the_joint_effect_is_wrong(
    case: tuple, rows: pd.DataFrame, fit: Fit, cells: pd.DataFrame, quick_fit: QuickFit
) -> None:
    """The formula of single actions is wrong for a shared confounder, and single tests would not mend it."""
    world, _, _ = case
    truth = world.effect(cells)
    singles = world.sample_regimes(world.standard_regimes(3000), seed=2)
    single = quick_fit(singles, ACTIONS, graph=ActionGraph(world.parents)).effect(do=cells).summary()["mean"]
    whole = fit.effect(do=cells).summary()["mean"]
    errors = [np.sqrt(np.mean((mean - truth) ** 2)) for mean in (whole, single)]
    assert errors[1] > 3 * errors[0]


def test_queries_that_split_a_block_are_refused_and_the_advice_works(case: tuple, fit: Fit) -> None:
    _, block, middle = case
    first, last = block
    message = rf"sets {first} but not {last}, and splits the block \['{first}', '{last}'\].*Put all of them into do"
    with pytest.raises(QueryError, match=message):
        fit.effect(do={first: 1}, given={last: 1, middle: 0})
    with pytest.raises(QueryError, match="splits the block"):
        fit.contrast(do={first: 1}, versus={first: 0}, given={last: 1, middle: 0})
    fit.effect(do={first: 1, last: 1}, given={middle: 0})
    fit.effect(do={middle: 0}, given={first: 1, last: 1})
    fit.effect(do={first: 1}, rest="hold")  # all are set


def test_what_is_missing_is_a_whole_block(case: tuple, quick_fit: QuickFit, rows: pd.DataFrame) -> None:
    world, block, middle = case
    label = f"do({','.join(block)})"
    few = quick_fit(
        rows[rows["regime"] != label], ACTIONS, blocks=[block], graph=ActionGraph(world.parents), draws=60, tune=60
    )
    with pytest.raises(IdentificationError, match=rf"Missing: rows of {label.replace('(', '.').replace(')', '.')}"):
        few.effect(do=dict.fromkeys(ACTIONS, 1))
    few.effect(do={middle: 1}, given=dict.fromkeys(block, 1))


def test_curves_and_biases_of_members(case: tuple, fit: Fit) -> None:
    _, block, _ = case
    curve = fit.response_curve(block[0]).summary()
    held = fit.effect(do={block[0]: [0, 1]}, rest="hold").summary()
    np.testing.assert_allclose(curve["mean"], held["mean"], atol=0.05)
    assert len(fit.confounding_bias(block[0])) == 2
    assert fit.diagnostics.loc["effects", "r_hat"] < 1.1


def test_saved_and_loaded(fit: Fit, tmp_path: Path) -> None:
    again = load(fit.save(tmp_path / "fit.zarr"))
    question = {"do": dict.fromkeys(ACTIONS, 1)}
    np.testing.assert_array_equal(again.effect(**question).draws, fit.effect(**question).draws)
    assert again.design.structure == fit.design.structure
    with pytest.raises(QueryError, match="splits the block"):
        again.effect(do={"a1": 1}, given={"a2": 1, "a3": 1})


def test_a_diagonal_design_says_nothing_off_the_diagonal(quick_fit: QuickFit) -> None:
    """Theory C: m_B is known on the support of the joint law of the set values only."""
    rng = np.random.default_rng(0)
    tables = []
    for label in ("obs", "do(a1,a2)"):
        a1 = rng.integers(0, 3, 500).astype(float)
        a2 = a1 if label != "obs" else rng.integers(0, 3, 500).astype(float)
        tables.append(pd.DataFrame({"regime": label, "a1": a1, "a2": a2, "y": a1 + a2 + rng.normal(size=500)}))
    fit = quick_fit(pd.concat(tables, ignore_index=True), ["a1", "a2"], blocks=[["a1", "a2"]])
    with pytest.warns(SupportWarning, match="no regime has rows near a1=0 together with a2=2"):
        fit.effect(do={"a1": 0, "a2": 2})
    assert fit.effect(do={"a1": 1, "a2": 1}).summary()["supported"].iloc[0]
    assert fit.effect(given={"a1": 0, "a2": 2}).summary()["supported"].iloc[0]


def learned(rows: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    data = RegimeData.from_frame(rows, outcome="y", actions=ACTIONS)
    return InterventionModel(blocks=[["a1", "a3"]]).action_graph(data).edges


def test_the_graph_is_learned_from_block_regimes() -> None:
    """a1 -> a2 -> a3: a1 is tested given a3 where both are set, a2 in its own regime; inside nothing is tested."""
    world = structured(3, seed=2, blocks=[["a1", "a3"]], edge_probability=1.0)
    rows = world.sample_regimes({"obs": 2000, "do(a1,a3)": 2000, "do(a2)": 2000}, seed=0)
    assert set(learned(rows)) == {("a1", "a2"), ("a2", "a3")}


def test_values_set_dependently_inside_a_block_are_no_edge() -> None:
    """a3 follows a1 in the experiment and drives nothing: without conditioning it would look like a cause of a2."""
    rng = np.random.default_rng(3)
    tables = []
    for label in ("obs", "do(a1,a3)", "do(a2)"):
        a1, c = rng.normal(size=1500), rng.normal(size=1500)
        a2 = rng.normal(size=1500) if label == "do(a2)" else a1 + rng.normal(size=1500)
        a3 = a1 + 0.3 * rng.normal(size=1500) if label == "do(a1,a3)" else c
        y = a1 + a2 + a3 + rng.normal(size=1500)
        tables.append(pd.DataFrame({"regime": label, "a1": a1, "a2": a2, "a3": a3, "y": y}))
    edges = learned(pd.concat(tables, ignore_index=True))
    assert ("a1", "a2") in edges
    assert ("a3", "a2") not in edges


@pytest.mark.slow
def test_nuts_samples_the_same_model() -> None:
    world = structured(2, seed=0, blocks=[["a1", "a2"]], covariate=1.0)
    rows = world.sample_regimes({"obs": 150, "do(a1,a2)": 150}, seed=0)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"], covariates=["x"])
    model = InterventionModel(blocks=[["a1", "a2"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [
            model.fit(data, draws=200, chains=2, tune=200, cores=1, seed=0, progressbar=False, engine=engine)
            for engine in ("conjugate", "nuts")
        ]
    tables = [fit.effect(do={"a1": [0.0, 1.0], "a2": 0.5}).summary() for fit in fits]
    gap = np.abs(tables[0]["mean"] - tables[1]["mean"])
    assert (gap < 5 * tables[0]["sd"] / np.sqrt(60)).all()  # at least 60 effective draws each
