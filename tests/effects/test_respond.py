"""The reading "respond" against worlds in which the marginal effect is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, RegimeData, load
from bayes_ivgen.effects import NaturalRows, parse_queries
from bayes_ivgen.effects.laws import DiscreteLaw
from bayes_ivgen.errors import IdentificationError, QueryError, SupportWarning
from bayes_ivgen.simulate import DiscreteSCM, MediaMixSCM, discrete, media_mix

QuickFit = Callable[..., Fit]
ACTIONS = ("a1", "a2", "a3")
SUBSETS = [subset for size in range(4) for subset in combinations(ACTIONS, size)]


def marginal(world: DiscreteSCM, subset: tuple[str, ...]) -> pd.DataFrame:
    """E[Y | do(a_S)] by enumeration of the rows of that regime: columns of S and ``truth``."""
    cells = world.law(f"do({','.join(subset)})" if subset else "obs")
    cells["total"] = cells["probability"] * cells["mean"].fillna(0.0)
    if not subset:
        return pd.DataFrame({"truth": [cells["total"].sum()]})
    sums = cells.groupby(list(subset))[["probability", "total"]].sum()
    return (sums["total"] / sums["probability"]).rename("truth").reset_index()


def truncated(world: DiscreteSCM, subset: tuple[str, ...]) -> pd.DataFrame:
    """The same by the formula: mixed effects times p(a_l | a_pa(l)) from the observational law."""
    cells = world.law("obs")
    weight = np.ones(len(cells))
    for action in world.actions:
        if action not in subset:
            both = cells.groupby([*world.parents[action], action])["probability"].transform("sum")
            causes = list(world.parents[action])
            alone = cells.groupby(causes)["probability"].transform("sum") if causes else 1.0
            weight *= both / alone
    cells["total"] = weight * world.effect(cells[list(world.actions)], do=list(subset))
    if not subset:
        return pd.DataFrame({"truth": [cells["total"].sum()]})
    return cells.groupby(list(subset))["total"].sum().rename("truth").reset_index()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "".join(subset) or "obs")
def test_the_formula_holds_exactly(seed: int, subset: tuple[str, ...]) -> None:
    world = discrete(3, 2, seed=seed, edge_probability=0.7)
    pd.testing.assert_frame_equal(truncated(world, subset), marginal(world, subset), rtol=1e-9, atol=1e-12)


@pytest.fixture(scope="module")
def strong() -> DiscreteSCM:
    """World T14: a2 drives a1 and a3, and leaving them alone is neither holding them nor averaging over history."""
    return discrete(3, 2, seed=34, edge_probability=1.0)


@pytest.fixture(scope="module")
def strong_fit(strong: DiscreteSCM, quick_fit: QuickFit) -> Fit:
    rows = strong.sample_regimes(strong.standard_regimes(4000), seed=2)
    return quick_fit(rows, strong.actions, graph=ActionGraph(strong.parents), draws=300)


def test_marginal_effects_are_found(strong: DiscreteSCM, strong_fit: Fit) -> None:
    for subset in SUBSETS:
        exact = marginal(strong, subset)
        table = strong_fit.effect(do=exact[list(subset)] if subset else {}, rest="respond").summary()
        z = (table["mean"] - exact["truth"]) / table["sd"]
        assert z.abs().max() < 4, subset
        assert table["supported"].all()
        assert table["sd"].max() < 0.1


def test_the_three_readings_differ_where_a_set_action_drives_others(strong: DiscreteSCM, strong_fit: Fit) -> None:
    truth = marginal(strong, ("a2",))["truth"][1]
    history = strong.law("obs")
    points = history[list(ACTIONS)].assign(a2=1.0)
    averaged = float((history["probability"] * strong.effect(points, do=["a2"])).sum())
    held = float((history["probability"] * strong.effect(points)).sum())
    assert [round(value, 3) for value in (truth, averaged, held)] == [-0.067, -0.38, -0.896]
    respond = strong_fit.effect(do={"a2": 1}, rest="respond").summary().iloc[0]
    hold = strong_fit.effect(do={"a2": 1}, rest="hold").summary().iloc[0]
    assert abs(respond["mean"] - truth) < 0.1 < abs(averaged - truth) / 2
    assert abs(hold["mean"] - held) < min(4 * hold["sd"], abs(averaged - held) / 2)


def test_average_rows_are_the_sum_over_the_cells_of_each_replicate(strong_fit: Fit) -> None:
    effects = strong_fit.effects
    queries = parse_queries(ACTIONS, {"a2": 1.0}, rest="respond")
    plan = effects.responses.plan(queries)
    assert plan.roots == ()
    first, second = plan.reacting
    assert first in effects.graph.parents_of(second)
    laws = [effects.responses.law(action) for action in plan.reacting]
    replicates = len(effects.responses.rows.weights)
    total = np.zeros((replicates, effects.design.n_coefficients))
    for cell in product([0.0, 1.0], repeat=2):
        values = {"a2": 1.0, first: cell[0], second: cell[1]}
        weight = np.ones(replicates)
        for action, law in zip(plan.reacting, laws, strict=True):
            assert isinstance(law, DiscreteLaw)
            causes = np.array([values[name] for name in effects.graph.parents_of(action)])
            p = law.probabilities(np.broadcast_to(causes, (replicates, 1, len(causes))))
            weight = weight * p[:, 0, int(values[action])]
        row = effects.design.rows(np.array([[values[a] for a in ACTIONS]]), np.array([[False, True, False]]))
        total += weight[:, None] * row
    average = effects.rows(queries, slice(0, 1))[:, 0]
    # 512 quasi-random draws
    np.testing.assert_allclose(average, total, atol=0.02)
    np.testing.assert_allclose(average.mean(axis=0), total.mean(axis=0), atol=0.004)


def test_without_descendants_observed_rows_are_reweighted(strong: DiscreteSCM, strong_fit: Fit) -> None:
    leaf = next(a for a in ACTIONS if all(a not in parents for parents in strong.parents.values()))
    queries = parse_queries(ACTIONS, {leaf: 1.0}, rest="respond")
    plan = strong_fit.effects.responses.plan(queries)
    assert set(plan.roots) == set(ACTIONS) - {leaf}
    assert plan.reacting == ()
    rows = strong_fit.effects.responses.rows
    index = rows.leaving(plan.roots)
    assert not rows.was_set[index][:, [ACTIONS.index(name) for name in plan.roots]].any()
    values = rows.values[index].copy()
    values[:, ACTIONS.index(leaf)] = 1.0
    by_hand = strong_fit.effects.design.rows(values, np.broadcast_to(np.array(ACTIONS) == leaf, values.shape))
    average = strong_fit.effects.rows(queries, slice(0, 1))[:, 0]
    np.testing.assert_allclose(average, rows.row_weights(index) @ by_hand)


def test_the_order_is_that_of_the_graph(strong_fit: Fit) -> None:
    responses = strong_fit.effects.responses
    plan = responses.plan(parse_queries(ACTIONS, {"a2": 0.0}, rest="respond"))
    place = {action: i for i, action in enumerate(("a2", *plan.reacting))}
    assert all(place[cause] < place[effect] for cause, effect in strong_fit.graph.edges)
    # a descendant of the set actions waits for its causes; the others come from observed rows
    leaf = plan.reacting[-1]
    plan = responses.plan(parse_queries(ACTIONS, {plan.reacting[0]: 0.0}, rest="respond"))
    assert plan.roots == ("a2",)
    assert plan.reacting == (leaf,)


def test_actions_never_left_alone_together_are_drawn_one_by_one(quick_fit: QuickFit) -> None:
    world = discrete(3, 2, seed=3, edge_probability=0.0)
    regimes = {"do(a2)": 3000, "do(a3)": 3000, "do(a2,a3)": 3000, "do(a1,a2)": 3000}
    fit = quick_fit(world.sample_regimes(regimes, seed=4), ACTIONS, graph=ActionGraph.empty())
    plan = fit.effects.responses.plan(parse_queries(ACTIONS, {"a1": 1.0}, rest="respond"))
    assert (plan.roots, plan.reacting) == ((), ("a2", "a3"))
    exact = marginal(world, ("a1",))
    table = fit.effect(do=exact[["a1"]], rest="respond").summary()
    assert ((table["mean"] - exact["truth"]).abs() < 4 * table["sd"]).all()


def test_descendants_do_not_enter_a_law(strong_fit: Fit) -> None:
    effects = strong_fit.effects
    queries = parse_queries(ACTIONS, {"a2": 1.0}, rest="respond")
    first, second = effects.responses.plan(queries).reacting
    shuffled = effects.responses.rows.values.copy()
    column = ACTIONS.index(second)
    shuffled[:, column] = np.random.default_rng(0).permutation(shuffled[:, column])
    changed = type(effects.responses)(effects.graph, NaturalRows(ACTIONS, shuffled, effects.responses.rows.was_set))
    before, after = effects.responses.particles(queries, 0), changed.particles(queries, 0)
    k = ACTIONS.index(first)
    np.testing.assert_array_equal(before[..., k], after[..., k])
    assert (before[..., column] != after[..., column]).any()


def test_seen_actions_enter_as_causes(strong: DiscreteSCM, strong_fit: Fit) -> None:
    plan = strong_fit.effects.responses.plan(parse_queries(ACTIONS, {"a2": 1.0}, rest="respond"))
    middle, leaf = plan.reacting
    cells = strong.law("do(a2)")
    chosen = cells[(cells["a2"] == 1) & (cells[middle] == 0)]
    truth = float(np.average(chosen["mean"], weights=chosen["probability"]))
    estimate = strong_fit.effect(do={"a2": 1}, given={middle: 0}, rest="respond")
    table = estimate.summary().iloc[0]
    assert abs(table["mean"] - truth) < 4 * table["sd"]
    assert estimate.sentence().startswith(
        f"E[y | do(a2), {middle}] at do(a2=1), {middle} seen at 0, {leaf} left to respond is "
    )
    with pytest.raises(QueryError, match=rf"'{middle}' is left to respond and drives '{leaf}', which is seen"):
        strong_fit.effect(do={"a2": 1}, given={leaf: 0}, rest="respond")
    assert len(strong_fit.effect(do={"a2": 1}, given={leaf: 0, middle: 0}, rest="respond")) == 1
    assert len(strong_fit.effect(do={"a2": 1}, rest="respond")) == 1


def test_a_difference_is_the_difference_of_draws(strong_fit: Fit) -> None:
    sides = [strong_fit.effect(do={"a2": value}, rest="respond").draws.values for value in (1, 0)]
    difference = strong_fit.contrast(do={"a2": 1}, versus={"a2": 0}, rest="respond")
    np.testing.assert_allclose(difference.draws, sides[0] - sides[1], rtol=1e-9, atol=1e-9)
    ratio = strong_fit.contrast(do={"a2": 1}, versus={"a2": 0}, rest="respond", kind="ratio")
    np.testing.assert_allclose(ratio.draws, sides[0] / sides[1], rtol=1e-9)
    full = strong_fit.contrast(do=dict.fromkeys(ACTIONS, 1), versus={"a2": 0}, rest="respond")
    joint = strong_fit.effect(do=dict.fromkeys(ACTIONS, 1)).draws.values
    np.testing.assert_allclose(full.draws, joint - sides[1], rtol=1e-9, atol=1e-9)


def test_draws_hold_the_uncertainty_of_the_laws(strong_fit: Fit) -> None:
    """With one value of the coefficients what is left is the spread over the replicates."""
    effects = strong_fit.effects
    rows = effects.rows(parse_queries(ACTIONS, {"a2": [0.0, 1.0]}, rest="respond"), slice(0, 2))
    fixed = np.broadcast_to(effects.coefficients.mean(axis=(0, 1)), effects.coefficients.shape)
    projected = effects.responses.project(fixed, rows)
    expected = rows @ fixed[0, 0]
    assert projected.shape == (2, 300, 2)
    # every draw is one of the replicates, the same one in both queries
    matches = np.isclose(projected[..., None, :], expected, rtol=1e-9, atol=1e-12).all(axis=-1)
    assert matches.any(axis=-1).all()
    # and the draws spread as the replicates do
    np.testing.assert_allclose(projected.std(axis=(0, 1)), expected.std(axis=0), rtol=0.05)
    assert (expected.std(axis=0) > 1e-3).all()


def test_a_contrast_needs_the_components_of_what_responds(strong: DiscreteSCM, quick_fit: QuickFit) -> None:
    rows = strong.sample_regimes({"obs": 200, "do(a2)": 200}, seed=0)
    fit = quick_fit(rows, ACTIONS, graph=ActionGraph(strong.parents), draws=20, tune=20)
    assert len(fit.contrast(do={"a2": 1}, versus={"a2": 0}, rest="respond")) == 1  # its own regime
    with pytest.raises(IdentificationError, match=r"Missing: rows of do\(a1\)"):
        fit.contrast(do={"a1": 1}, versus={"a1": 0}, rest="respond")
    with pytest.raises(IdentificationError, match=r"E\[y \| a, do\(a1\)\] is not identified"):
        fit.effect(do={"a1": 1}, rest="respond")


def test_a_contrast_asks_for_the_components_of_what_reacts(quick_fit: QuickFit) -> None:
    """a1 -> a2 -> a3: what a2 does to the confounding of a3 is unknown where only do(a1,a3) was run."""
    world = discrete(3, 2, seed=0)
    chain = ActionGraph({"a2": ["a1"], "a3": ["a2"]})
    fit = quick_fit(world.sample_regimes({"do(a1,a3)": 300}, seed=0), ACTIONS, graph=chain, draws=20, tune=20)
    seen = {"a2": 1, "a3": 0}
    assert len(fit.contrast(do={"a1": 1}, versus={"a1": 0}, given=seen)) == 1
    with pytest.raises(IdentificationError, match=r"the contrast of a1 and a2 and a3 under do\(a1\) is not identified"):
        fit.contrast(do={"a1": 1}, versus={"a1": 0}, rest="respond")


@pytest.fixture(scope="module")
def media() -> MediaMixSCM:
    return media_mix(4, seed=1)


@pytest.fixture(scope="module")
def four(media: MediaMixSCM, quick_fit: QuickFit) -> Fit:
    rows = media.sample_regimes(media.standard_regimes(1500), seed=5)
    return quick_fit(rows, media.actions, "sales", graph=ActionGraph(media.parents))


def by_simulation(world: MediaMixSCM, do: dict[str, float], n: int = 200_000) -> tuple[float, float]:
    """Mean outcome where some actions are set and the others follow their mechanisms, with its standard error."""
    latents = world._draw_latents(n, np.random.default_rng(0))
    values = np.zeros((n, len(world.actions)))
    for k in world._causal_order:
        action = world.actions[k]
        values[:, k] = do[action] if action in do else world._mechanism(k, values, latents)
    y = world._outcome(values, latents)
    return float(y.mean()), float(y.std() / np.sqrt(n))


@pytest.mark.parametrize("do", [{"tv": 30.0}, {"tv": 80.0}, {"web": 35.0}, {"tv": 30.0, "radio": 12.0}], ids=str)
def test_continuous_actions_respond(media: MediaMixSCM, four: Fit, do: dict[str, float]) -> None:
    truth, error = by_simulation(media, do)
    table = four.effect(do=do, rest="respond").summary().iloc[0]
    assert abs(table["mean"] - truth) < 4 * np.hypot(table["sd"], error)
    assert table["supported"]
    assert table["sd"] < 6


def test_held_actions_miss_what_reacts(media: MediaMixSCM, four: Fit) -> None:
    truth = by_simulation(media, {"tv": 80.0})[0] - by_simulation(media, {"tv": 20.0})[0]
    change = {
        rest: four.contrast({"tv": 80.0}, {"tv": 20.0}, rest=rest).summary().iloc[0] for rest in ("hold", "respond")
    }
    assert abs(change["respond"]["mean"] - truth) < 4 * change["respond"]["sd"]
    assert truth - change["hold"]["mean"] > 3 * change["hold"]["sd"]


def test_outcome_draws_spread_around_the_effect(four: Fit) -> None:
    drawn = four.outcome(do={"tv": [30.0, 80.0]}, rest="respond").draws
    effect = four.effect(do={"tv": [30.0, 80.0]}, rest="respond").draws
    error = drawn.std(("chain", "draw")) / np.sqrt(300)
    assert (abs(drawn.mean(("chain", "draw")) - effect.mean(("chain", "draw"))) < 4 * error).all()
    assert (drawn.std(("chain", "draw")) > 5 * effect.std(("chain", "draw"))).all()
    again = four.outcome(do={"tv": [30.0, 80.0]}, rest="respond").draws
    np.testing.assert_array_equal(drawn, again)


def gap_rows(seed: int = 0, n: int = 400) -> pd.DataFrame:
    """Two causes of b that never were high together while b was left alone; each was set alone and tested high."""
    rng = np.random.default_rng(seed)
    tables = []
    for label in ("obs", "do(a)", "do(c)", "do(b)"):
        a, c = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
        if label == "do(a)":
            a = rng.uniform(0, 4, n)
        if label == "do(c)":
            c = rng.uniform(0, 4, n)
        b = rng.uniform(0, 8, n) if label == "do(b)" else a + c + rng.normal(0, 0.3, n)
        tables.append(pd.DataFrame({"regime": label, "a": a, "b": b, "c": c, "y": a + b + rng.normal(size=n)}))
    return pd.concat(tables, ignore_index=True)


def test_support_flags_causes_that_never_occurred_together(quick_fit: QuickFit) -> None:
    fit = quick_fit(gap_rows(), ["a", "b", "c"], graph=ActionGraph({"b": ["a", "c"]}), draws=50, tune=50)
    assert fit.effect(do={"a": 3.5}, rest="respond").summary()["supported"].all()
    assert fit.effect(do={"a": 0.5, "c": 3.5}, rest="respond").summary()["supported"].all()
    with pytest.warns(SupportWarning, match=r"b would react to values of a, c that never occurred together while b"):
        table = fit.effect(do={"a": [3.5, 0.5], "c": 3.5}, rest="respond").summary()
    assert table["supported"].tolist() == [False, True]
    with pytest.warns(SupportWarning, match=r"a=4\..* is above .*; b would react to values of a, c that"):
        fit.effect(do={"a": 4.9}, rest="respond")


def test_a_level_that_never_occurred_naturally_is_supported_if_it_was_tested(quick_fit: QuickFit) -> None:
    """World T10: the joint effect at the gap is not identified, the effect with the other left to respond is."""
    world = discrete(2, 3, seed=7, edge_probability=1.0, support_gap=1.0)
    root = next(action for action in world.actions if not world.parents[action])
    rows = world.sample_regimes(world.standard_regimes(2000), seed=1)
    fit = quick_fit(rows, world.actions, graph=ActionGraph(world.parents))
    table = fit.effect(do={root: [0, 1, 2]}, rest="respond").summary()
    assert table["supported"].all()
    z = (table["mean"] - marginal(world, (root,))["truth"]) / table["sd"]
    assert z.abs().max() < 4


def test_saved_fits_answer_alike(four: Fit, tmp_path: Any) -> None:
    question = {"do": {"tv": [30.0, 60.0]}, "rest": "respond"}
    loaded = load(four.save(tmp_path / "fit.zarr"))
    np.testing.assert_array_equal(four.effect(**question).draws, loaded.effect(**question).draws)
    assert loaded.effects.natural_rows is not None


def test_a_fit_without_rows_says_so(four: Fit, quick_fit: QuickFit, media: MediaMixSCM) -> None:
    old = four.datatree.copy()
    del old["natural_rows"]
    with pytest.raises(QueryError, match=r"saved without the rows from which responses are learned.*rest='hold'"):
        Fit(old).effect(do={"tv": 30.0}, rest="respond")
    assert len(Fit(old).effect(do={"tv": 30.0}, rest="hold")) == 1


def test_rows_are_bounded_and_sampled_evenly(media: MediaMixSCM) -> None:
    rows = media.sample_regimes({"obs": 300, "do(tv)": 40, "do(tv,web,radio,social)": 50}, seed=0)
    data = RegimeData.from_frame(rows, outcome="sales", actions=media.actions)
    kept = NaturalRows.of(data, rows_per_regime=100)
    assert len(kept.values) == 140  # nothing was left alone in the last regime
    assert kept.was_set.sum(axis=0).tolist() == [40, 0, 0, 0]
    assert len(kept.leaving(["tv"])) == 100
    # a sample of the whole regime, not its first rows
    first = data.profiles[data.regimes[0]].sample[:100, 0]
    assert not np.isin(kept.values[:100, 0], first).all()
    np.testing.assert_array_equal(NaturalRows.of(data, 100).values, kept.values)


def test_permuting_the_actions_changes_nothing_but_the_draws(
    strong: DiscreteSCM, strong_fit: Fit, quick_fit: QuickFit
) -> None:
    rows = strong.sample_regimes(strong.standard_regimes(4000), seed=2)
    turned = quick_fit(rows, ACTIONS[::-1], graph=ActionGraph(strong.parents), draws=300)
    for action in ACTIONS:
        one, two = (fit.effect(do={action: [0, 1]}, rest="respond").summary() for fit in (strong_fit, turned))
        assert (abs(one["mean"] - two["mean"]) < one["sd"]).all()


def test_more_rows_make_the_responses_surer(media: MediaMixSCM, four: Fit, quick_fit: QuickFit) -> None:
    """Spread over the replicates alone: that of a mean over n rows."""
    queries = parse_queries(media.actions, {"radio": 12.0}, rest="respond")

    def spread(fit: Fit) -> float:
        rows = fit.effects.rows(queries, slice(0, 1))[:, 0]
        return float((rows @ four.effects.coefficients.mean(axis=(0, 1))).std(ddof=1))

    few = four.datatree.copy()
    kept = NaturalRows.from_dataset(few["natural_rows"].dataset)
    tenth = NaturalRows(kept.actions, kept.values[::10], kept.was_set[::10])
    smaller = Fit(four.datatree)
    object.__setattr__(smaller.effects, "natural_rows", tenth)
    # 32 replicates give each spread to 13 %
    assert 2 < spread(smaller) / spread(four) < 5
