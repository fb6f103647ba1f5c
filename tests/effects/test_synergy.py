"""Interactions among actions that are the same in every regime (theory I, T12)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import IdentificationError, SupportWarning
from bayes_ivgen.simulate import DiscreteSCM, discrete

QuickFit = Callable[..., Fit]
PAIR = ["a1", "a2"]


def rms(error: pd.Series | np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(error))))


@pytest.fixture(scope="module")
def world() -> DiscreteSCM:
    return discrete(2, 3, seed=6, synergy=1.0, edge_probability=1.0)


@pytest.fixture(scope="module")
def rows(world: DiscreteSCM) -> pd.DataFrame:
    return world.sample_regimes(world.standard_regimes(4000), seed=1)


@pytest.fixture(scope="module")
def fits(world: DiscreteSCM, rows: pd.DataFrame, quick_fit: QuickFit) -> dict[bool, Fit]:
    graph = ActionGraph(world.parents)
    return {flag: quick_fit(rows, PAIR, synergy=flag, graph=graph, draws=300) for flag in (True, False)}


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return pd.DataFrame(list(product([0.0, 1.0, 2.0], repeat=2)), columns=PAIR)


@pytest.mark.parametrize("set_actions", [PAIR, ["a1"], ["a2"], []], ids="+".join)
def test_effects_are_found_with_synergy(
    world: DiscreteSCM, fits: dict[bool, Fit], cells: pd.DataFrame, set_actions: list[str]
) -> None:
    seen = [action for action in PAIR if action not in set_actions]
    table = fits[True].effect(do=cells[set_actions], given=cells[seen] if seen else None).summary()
    truth = world.effect(cells, do=set_actions)
    z = (table["mean"] - truth) / table["sd"]
    assert z.abs().max() < 4
    assert rms(z) < 2
    assert table["sd"].mean() < 0.15 * truth.std()


def test_the_joint_effect_is_wrong_without(world: DiscreteSCM, fits: dict[bool, Fit], cells: pd.DataFrame) -> None:
    truth = world.effect(cells)
    errors = {flag: rms(fit.effect(do=cells).summary()["mean"] - truth) for flag, fit in fits.items()}
    assert errors[True] < 0.1 * truth.std()
    assert errors[False] > 5 * errors[True]


def test_a_response_curve_is_the_joint_effect_at_the_observed_others(
    world: DiscreteSCM, rows: pd.DataFrame, fits: dict[bool, Fit]
) -> None:
    """s and m_k share out by convention; their sum along one action does not."""
    shares = rows.loc[rows["regime"] == "obs", "a2"].value_counts(normalize=True)
    expected = [sum(share * world.effect([[a1, a2]])[0] for a2, share in shares.items()) for a1 in (0, 1, 2)]
    curve = fits[True].response_curve("a1").summary()
    assert (np.abs(curve["mean"] - expected) < 4 * curve["sd"] + 0.03).all()  # 1000 of the 4000 rows are kept
    assert "a2 held at observed values" in fits[True].response_curve("a1").sentence()


def test_a_response_curve_is_the_held_effect_draw_by_draw(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    """Up to 1000 observational rows are all kept, so that both averages are the same."""
    rows = world.sample_regimes(world.standard_regimes(900), seed=1)
    fit = quick_fit(rows, PAIR, synergy=True, graph=ActionGraph(world.parents), draws=60, tune=60)
    held = fit.effect(do={"a1": [0, 1, 2]}, rest="hold")
    np.testing.assert_allclose(fit.response_curve("a1").draws, held.draws, rtol=1e-7, atol=1e-7)


def test_synergy_is_small_where_there_is_none(quick_fit: QuickFit, cells: pd.DataFrame) -> None:
    """What it costs: over worlds without synergy the error with it is hardly larger."""
    errors: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(4):
        world = discrete(2, 3, seed=20 + seed)
        rows = world.sample_regimes(world.standard_regimes(600), seed=seed)
        for flag, found in errors.items():
            fit = quick_fit(rows, PAIR, synergy=flag, graph=ActionGraph(world.parents))
            found.append(rms(fit.effect(do=cells).summary()["mean"] - world.effect(cells)))
    assert np.mean(errors[True]) < 1.6 * np.mean(errors[False])


def test_a_contrast_of_a_leaf_asks_for_no_more_with_synergy(world: DiscreteSCM, quick_fit: QuickFit) -> None:
    """s_12 is at work everywhere and drops out of the rule: any regime that sets the leaf still does."""
    order = [action for action in PAIR if not world.parents[action]] + [a for a in PAIR if world.parents[a]]
    root, leaf = order
    one = world.sample_regimes({f"do({leaf})": 2000, f"do({root})": 2000}, seed=2)
    fit = quick_fit(one, PAIR, synergy=True, graph=ActionGraph(world.parents), draws=200)
    first, second = {root: 1.0, leaf: 0.0}, {root: 1.0, leaf: 2.0}
    table = fit.contrast(do=first, versus=second).summary().iloc[0]
    truth = np.subtract(*[world.effect(pd.DataFrame([point])[PAIR])[0] for point in (first, second)])
    assert abs(table["mean"] - truth) < 4 * table["sd"]
    with pytest.raises(IdentificationError, match="Missing: rows of obs"):
        fit.contrast(do={root: 0.0, leaf: 1.0}, versus={root: 2.0, leaf: 1.0})


def test_a_pair_that_was_never_seen_together_is_flagged(quick_fit: QuickFit) -> None:
    """Theory I: with a free s(a) the point must lie in the support of at least one regime."""
    rng = np.random.default_rng(0)
    tables = []
    for label in ("obs", "do(a1)", "do(a2)"):
        a1, a2 = (rng.integers(0, 2, 400).astype(float) for _ in PAIR)
        a2 = np.where(a1 == 1, 0.0, a2)  # never both, in any regime
        y = a1 + a2 + rng.normal(size=400)
        tables.append(pd.DataFrame({"regime": label, "a1": a1, "a2": a2, "y": y}))
    rows = pd.concat(tables, ignore_index=True)
    both = {"a1": 1.0, "a2": 1.0}
    fit = quick_fit(rows, PAIR, synergy=True)
    with pytest.warns(SupportWarning, match=r"no regime has rows near a1=1 together with a2=1"):
        assert not fit.effect(do=both).summary()["supported"].iloc[0]
    assert fit.effect(do={"a1": 1.0, "a2": 0.0}).summary()["supported"].iloc[0]
    plain = quick_fit(rows, PAIR)
    assert plain.effect(do=both).summary()["supported"].iloc[0]


def test_both_engines_and_pymc_know_synergy_and_covariates() -> None:
    """The row-wise model has the same columns; its log density at a point agrees with the design."""
    import pymc as pm

    from bayes_ivgen.simulate import structured

    world = structured(2, seed=0, synergy=1.0, covariate=1.0)
    rows = world.sample_regimes(world.standard_regimes(40), seed=0)
    data = RegimeData.from_frame(rows, outcome="y", actions=PAIR, covariates=["x"])
    model = InterventionModel(synergy=True, graph="full", covariates={"x": "causal"})
    built = model.to_pymc(data)
    design = model.design(data)
    assert list(built.coords["coefficient"]) == list(design.coefficient_names)
    values = np.concatenate([data.profiles[regime].sample[:, :-1] for regime in data.regimes])
    flags = np.array([[regime.sets(a) for a in PAIR] for regime in data.regimes]).repeat(40, axis=0)
    np.testing.assert_allclose(built["design"].get_value(), design.rows(values, flags)[:, 1:])
    assert isinstance(built, pm.Model)
