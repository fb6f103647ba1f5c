"""Effects against brute force, and the identities that hold among them draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen import Fit
from bayes_ivgen.errors import QueryError
from bayes_ivgen.model.components import CausalComponent, CommonLevel

ACTIONS = ("a1", "a2", "a3")
SUBSETS = [subset for size in range(4) for subset in combinations(ACTIONS, size)]
QuickFit = Callable[..., Fit]
values_of_actions = st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=3, max_size=3)


def by_hand(fit: Fit, subset: tuple[str, ...], values: dict[str, np.ndarray]) -> np.ndarray:
    """alpha + sum_k m_k + sum_{k not set} c_k from the named coefficients, (chain, draw, query)."""
    posterior = fit.datatree["posterior"].dataset
    total = posterior["alpha"].values[..., None] + np.zeros(len(next(iter(values.values()))))
    for component in fit.design.components:
        if isinstance(component, CommonLevel):  # the share of actions that are not set
            share = 1 - len(subset) / len(ACTIONS)
            total = total + share * posterior["beta"].sel(coefficient="confounding.level").values[..., None]
            continue
        kind = "causal" if isinstance(component, CausalComponent) else "confounding"
        if kind == "confounding" and component.action in subset:
            continue
        names = [
            str(name)
            for name in posterior["coefficient"].values
            if str(name).startswith((f"{kind}[{component.action}]", f"{kind}[{component.action}|"))
        ]
        total = total + posterior["beta"].sel(coefficient=names).values @ component.columns(values).T
    return fit.design.outcome_mean + fit.design.outcome_sd * total


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: ",".join(subset) or "obs")
def test_every_effect_equals_its_formula(fit: Fit, subset: tuple[str, ...]) -> None:
    table = pd.DataFrame(np.random.default_rng(0).integers(0, 3, (6, 3)).astype(float), columns=list(ACTIONS))
    do, seen = table[list(subset)], table[[name for name in ACTIONS if name not in subset]]
    draws = fit.effect(do=do if len(subset) else {}, given=seen if len(subset) < 3 else None).draws
    expected = by_hand(fit, subset, {name: table[name].to_numpy() for name in ACTIONS})
    np.testing.assert_allclose(draws, expected, rtol=1e-9, atol=1e-9)


@given(values_of_actions, values_of_actions, st.sampled_from(SUBSETS))
@settings(max_examples=25, deadline=None)
def test_a_difference_is_the_difference_of_draws(
    fit: Fit, first: list[float], second: list[float], subset: tuple[str, ...]
) -> None:
    sides = [dict(zip(ACTIONS, values, strict=True)) for values in (first, second)]
    do = [{name: side[name] for name in subset} for side in sides]
    seen = [{name: side[name] for name in ACTIONS if name not in subset} for side in sides]
    contrast = fit.contrast(do=do[0], versus=do[1], given=seen[0], versus_given=seen[1])
    effects = [fit.effect(do=a, given=b).draws for a, b in zip(do, seen, strict=True)]
    np.testing.assert_allclose(contrast.draws, effects[0].values - effects[1].values, rtol=1e-9, atol=1e-9)
    back = fit.contrast(do=do[1], versus=do[0], given=seen[1], versus_given=seen[0])
    np.testing.assert_allclose(back.draws, -contrast.draws.values, rtol=1e-9, atol=1e-9)


def test_a_contrast_of_two_regimes(fit: Fit) -> None:
    here = {"a1": 1, "a2": 2, "a3": 0}
    contrast = fit.contrast(do=here, versus={}, versus_given=here)
    expected = fit.effect(do=here).draws.values - fit.effect(given=here).draws.values
    np.testing.assert_allclose(contrast.draws, expected, rtol=1e-9, atol=1e-9)
    assert contrast.name == "E[y | do(a1, a2, a3)] - E[y | a1, a2, a3]"


def test_a_ratio_is_the_ratio_of_draws(media_fit: Fit) -> None:
    here, there = {"tv": 40, "web": [10, 20], "radio": 10}, {"tv": 20, "web": 20, "radio": 10}
    ratio = media_fit.contrast(do=here, versus=there, kind="ratio").draws
    expected = media_fit.effect(do=here).draws.values / media_fit.effect(do=there).draws.values
    np.testing.assert_allclose(ratio, expected, rtol=1e-9)


@pytest.mark.parametrize("many_first", [True, False])
def test_one_query_is_compared_with_many(fit: Fit, many_first: bool) -> None:
    many, one = {"a1": [0, 1, 2], "a2": 1, "a3": 1}, {"a1": 1, "a2": 0, "a3": 1}
    sides = (many, one) if many_first else (one, many)
    contrast = fit.contrast(*sides)
    expected = fit.effect(do=sides[0]).draws.values - fit.effect(do=sides[1]).draws.values
    assert len(contrast) == 3
    np.testing.assert_allclose(contrast.draws, expected, rtol=1e-9, atol=1e-9)
    for side, prefix in zip(sides, ("", "versus_"), strict=True):
        np.testing.assert_array_equal(contrast.queries[f"{prefix}a1"], np.broadcast_to(side["a1"], 3))


def test_lengths_of_a_contrast_must_agree(fit: Fit) -> None:
    two, three = {"a1": [0, 1], "a2": 1, "a3": 1}, {"a1": [0, 1, 2], "a2": 1, "a3": 1}
    with pytest.raises(QueryError, match="do has 2 queries and versus has 3; give one of them, or equally many"):
        fit.contrast(two, three)
    fit.contrast({**two, "a1": 0}, three)
    fit.contrast(two, {**three, "a1": [0, 2]})


def test_a_contrast_needs_something_to_compare_with(fit: Fit) -> None:
    here = {"a1": 1, "a2": 2, "a3": 0}
    with pytest.raises(QueryError, match=r"contrast needs versus=\{...\}"):
        fit.contrast(do=here)
    fit.contrast(do=here, versus={"a1": 0, "a2": 2, "a3": 0})


def test_an_unknown_kind_of_contrast(fit: Fit) -> None:
    here = {"a1": 1, "a2": 2, "a3": 0}
    with pytest.raises(QueryError, match="kind='log' is not known; valid are 'difference' and 'ratio'"):
        fit.contrast(do=here, versus=here, kind="log")  # type: ignore[arg-type]
    fit.contrast(do=here, versus=here, kind="ratio")


def test_hold_is_the_average_over_all_observed_rows(fit: Fit, rows: pd.DataFrame) -> None:
    observed = rows.loc[rows["regime"] == "obs", ["a2", "a3"]].reset_index(drop=True)
    held = fit.effect(do={"a1": [0, 2]}, rest="hold").draws
    for i, value in enumerate((0, 2)):
        each = fit.effect(do=observed.assign(a1=float(value))).draws
        np.testing.assert_allclose(held[..., i], each.mean("query"), rtol=1e-9, atol=1e-9)


def test_hold_of_a_mixed_effect_is_the_average_over_all_observed_rows(fit: Fit, rows: pd.DataFrame) -> None:
    # a1 is held, a3 is seen: the confounding component of a3 is averaged over a1, its parent, as well.
    observed = rows.loc[rows["regime"] == "obs", ["a1"]].reset_index(drop=True)
    held = fit.effect(do={"a2": 1}, given={"a3": 2}, rest="hold").draws
    each = fit.effect(do=observed.assign(a2=1.0), given={"a3": 2}).draws
    np.testing.assert_allclose(held[..., 0], each.mean("query"), rtol=1e-9, atol=1e-9)


def test_hold_of_everything_is_one_query(fit: Fit, rows: pd.DataFrame) -> None:
    observed = rows.loc[rows["regime"] == "obs", list(ACTIONS)].reset_index(drop=True)
    held = fit.effect(rest="hold")
    assert len(held) == 1
    np.testing.assert_allclose(held.draws[..., 0], fit.effect(do=observed).draws.mean("query"), rtol=1e-9, atol=1e-9)
    assert "held at observed values" in held.sentence()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_response_curve_is_the_held_effect(fit: Fit, action: str) -> None:
    curve = fit.response_curve(action)
    np.testing.assert_array_equal(curve.queries[action], [0, 1, 2])
    held = fit.effect(do={action: [0, 1, 2]}, rest="hold")
    np.testing.assert_allclose(curve.draws, held.draws, rtol=1e-9, atol=1e-9)
    assert curve.sentence(query=0) == held.sentence()


def test_curve_and_held_effect_agree_without_observational_rows(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    fit = quick_fit(
        rows[rows["regime"] != "obs"].groupby("regime").head(150), ACTIONS, confounding="separable", graph="empty"
    )
    held = fit.effect(do={"a1": [0, 1, 2]}, rest="hold")
    np.testing.assert_allclose(fit.response_curve("a1").draws, held.draws, rtol=1e-9, atol=1e-9)


def test_above_a_thousand_rows_hold_averages_over_a_part(media_rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    observed = media_rows[media_rows["regime"] == "obs"]
    fit = quick_fit(
        pd.concat([media_rows, observed, observed]), ("tv", "web", "radio"), "sales", graph="full", draws=50, tune=50
    )
    assert fit.effects.observed.shape == (1000, 3)
    assert set(map(tuple, fit.effects.observed)) <= set(map(tuple, observed[["tv", "web", "radio"]].to_numpy()))
    grid = [20.0, 40.0, 60.0]
    curve, held = fit.response_curve("tv", grid).summary(), fit.effect(do={"tv": grid}, rest="hold").summary()
    np.testing.assert_allclose(curve["mean"], held["mean"], atol=0.2 * curve["sd"].min())


@pytest.mark.parametrize("action", ACTIONS)
def test_the_bias_is_mixed_minus_joint_on_average(fit: Fit, rows: pd.DataFrame, action: str) -> None:
    bias = fit.confounding_bias(action)
    observed = rows.loc[rows["regime"] == "obs", list(ACTIONS)].reset_index(drop=True)
    for i, value in enumerate((0.0, 1.0, 2.0)):
        table = observed.assign(**{action: value})
        joint = fit.effect(do=table).draws.mean("query")
        mixed = fit.effect(do=table.drop(columns=action), given=table[[action]]).draws.mean("query")
        np.testing.assert_allclose(bias.draws[..., i], mixed - joint, rtol=1e-9, atol=1e-9)


def test_curves_take_values_of_their_own(media_fit: Fit) -> None:
    assert len(media_fit.response_curve("tv")) == 60
    low, high = media_fit.effects.support.tested["tv"].low, media_fit.effects.support.tested["tv"].high
    np.testing.assert_allclose(media_fit.response_curve("tv").queries["tv"], np.linspace(low, high, 60))
    np.testing.assert_array_equal(media_fit.response_curve("tv", [20, 30]).queries["tv"], [20, 30])
    np.testing.assert_array_equal(media_fit.confounding_bias("tv", 20).queries["tv"], [20])
    natural = media_fit.effects.support.natural["tv"]
    bias = media_fit.confounding_bias("tv").queries["tv"]
    assert (bias.iloc[0], bias.iloc[-1]) == (natural.low, natural.high)


def test_curves_of_unknown_actions_and_bad_values(fit: Fit) -> None:
    for method in (fit.response_curve, fit.confounding_bias):
        with pytest.raises(QueryError, match=r"'a9' is not an action. The actions are \['a1', 'a2', 'a3'\]"):
            method("a9")
        with pytest.raises(QueryError, match="missing or infinite value"):
            method("a1", [0.0, np.nan])
        method("a1", [0.0, 1.0])


def test_with_nothing_set_the_effect_is_the_observational_mean(fit: Fit, rows: pd.DataFrame) -> None:
    observed = rows[rows["regime"] == "obs"].reset_index(drop=True)
    draws = fit.effect(given=observed[list(ACTIONS)]).draws.mean("query")
    error = observed["y"].std() / np.sqrt(len(observed))
    assert abs(float(draws.mean()) - observed["y"].mean()) < 3 * error
    assert float(draws.std()) < 2 * error
    # ... and in each cell of it, up to the noise of both.
    cells = observed.groupby(list(ACTIONS))["y"].agg(["mean", "std", "size"]).reset_index()
    cells = cells[cells["size"] >= 15]
    table = fit.effect(given=cells[list(ACTIONS)].reset_index(drop=True)).summary()
    error = np.hypot(table["sd"].to_numpy(), cells["std"] / np.sqrt(cells["size"]))
    assert (np.abs(table["mean"].to_numpy() - cells["mean"].to_numpy()) / error).max() < 4


def test_with_one_action_the_joint_effect_is_the_single_effect(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    part = rows[rows["regime"].isin(["obs", "do(a1)"])]
    both = quick_fit(part, ["a1"], draws=300)
    alone = quick_fit(part[part["regime"] == "do(a1)"], ["a1"], draws=300)
    grid = {"a1": [0, 1, 2]}
    joint, single = both.effect(do=grid).summary(), alone.effect(do=grid).summary()
    assert (np.abs(joint["mean"] - single["mean"]) < 1.5 * single["sd"]).all()
    tested = part[part["regime"] == "do(a1)"].groupby("a1")["y"].agg(["mean", "std", "size"])
    error = tested["std"].to_numpy() / np.sqrt(tested["size"].to_numpy())
    np.testing.assert_array_less(np.abs(single["mean"] - tested["mean"].to_numpy()), 3 * error)
    np.testing.assert_allclose(single["sd"], error, rtol=0.35)
    np.testing.assert_allclose(both.response_curve("a1").draws, both.effect(do=grid).draws, rtol=1e-9, atol=1e-9)
