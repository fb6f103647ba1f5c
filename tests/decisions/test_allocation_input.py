"""What `allocate` refuses, in which words, and that the suggested next step works."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import ConvergenceWarning, IdentificationError, QueryError, SupportError
from bayes_ivgen.simulate import media_mix

NOW = {"tv": 40, "web": 20}


def fitted(rows: pd.DataFrame, actions: list[str], outcome: str, **options: Any) -> Fit:
    covariates = options.pop("columns", [])
    data = RegimeData.from_frame(rows, outcome=outcome, actions=actions, covariates=covariates)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return InterventionModel(**options).fit(data, draws=60, chains=2, tune=60, cores=1, seed=0)


def media_rows(*regimes: str) -> pd.DataFrame:
    return media_mix(2, seed=1).sample_regimes(dict.fromkeys(regimes, 200), seed=1)


@pytest.fixture(scope="module")
def fit() -> Fit:
    rows = media_rows("obs", "do(tv)", "do(web)")
    return fitted(rows, ["tv", "web"], "sales", graph=ActionGraph({"web": ["tv"]}))


@pytest.fixture(scope="module")
def labelled() -> Fit:
    """Offer C was never set; strength is negative at times, and tried at few levels."""
    rng, frames = np.random.default_rng(0), []
    for regime in ("obs", "do(offer)", "do(strength)"):
        offer = rng.choice(["A", "B"] if regime == "do(offer)" else ["A", "B", "C"], 200)
        frames.append(pd.DataFrame({"offer": offer, "strength": rng.integers(-1, 3, 200), "regime": regime}))
    rows = pd.concat(frames, ignore_index=True)
    mean = rows["offer"].map({"A": 10.0, "B": 20.0, "C": 30.0}) + rows["strength"]
    return fitted(rows.assign(y=mean + rng.normal(0, 0.5, len(rows))), ["offer", "strength"], "y", graph="empty")


def suggested(message: str, what: str) -> Any:
    """Read ``what={...}`` or ``what=1.5`` out of a message."""
    found = re.search(what + r"=(\{.*?\}|[\d.]+\d)", message)
    assert found is not None, message
    return eval(found[1])


def test_a_budget_below_the_cheapest_allocation_says_by_how_much(fit: Fit) -> None:
    options: dict[str, Any] = {"bounds": {"tv": (20, 60), "web": (10, 40)}, "steps": {"tv": 10, "web": 10}}
    message = r"the budget of 25 is 5 below the cheapest allowed allocation, which costs 30 \(tv=20, web=10\)"
    with pytest.raises(QueryError, match=message) as caught:
        fit.allocate(25, **options)
    assert fit.allocate(suggested(str(caught.value), "budget"), **options).best == {"tv": 20, "web": 10}
    for budget in (-5, 3.3):
        with pytest.raises(QueryError, match="below the cheapest allowed allocation") as caught:
            fit.allocate(budget)
        assert fit.allocate(suggested(str(caught.value), "budget")).exact


@pytest.mark.parametrize("budget", [float("nan"), float("inf"), "90", None, True])
def test_a_budget_is_a_number(fit: Fit, budget: Any) -> None:
    with pytest.raises(QueryError, match=r"budget is .*; pass the most that the actions may cost together, such as"):
        fit.allocate(budget)
    assert fit.allocate(100).cost <= 100


def test_bounds_stay_inside_the_support_unless_extrapolated(fit: Fit) -> None:
    tried = fit.effects.support.tested["tv"]
    assert tried is not None
    message = (
        r"bounds\['tv'\] is \(0, 60\), but tv was only set from ([\d.]+) to ([\d.]+)\. Pass bounds inside that range"
    )
    with pytest.raises(SupportError, match=message) as caught:
        fit.allocate(90, bounds={"tv": (0, 60)})
    found = re.search(message, str(caught.value))
    assert found is not None
    low, high = map(float, found.groups())
    assert tried.low <= low < high <= tried.high
    assert min(fit.allocate(90, bounds={"tv": (low, high)}).choices.grid.values[0]) == low
    assert min(fit.allocate(90, bounds={"tv": (0, 60)}, extrapolate=True).choices.grid.values[0]) == 0


@pytest.mark.parametrize("what", ["costs", "bounds", "steps", "status_quo"])
def test_unknown_actions_and_other_things_than_mappings(fit: Fit, what: str) -> None:
    with pytest.raises(
        QueryError, match=rf"{what} names 'radio', which is not an action. The actions are \['tv', 'web'\]"
    ):
        fit.allocate(90, **{what: {"tv": 30, "web": 20, "radio": 1}})
    with pytest.raises(QueryError, match=rf"{what} is a list; pass a mapping such as {what}={{'tv': "):
        fit.allocate(90, **{what: [1, 2]})


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"tv": 1.0}, r"costs names no cost for 'web'. Name every action, with 0 where it costs nothing: costs={'web'"),
        ({"tv": -1.0, "web": 1.0}, r"costs\['tv'\] is -1.0, but a cost is 0 or more"),
        ({"tv": float("nan"), "web": 1.0}, r"costs\['tv'\] is nan; pass a cost, 0 or more"),
        ({"tv": "1", "web": 1.0}, r"costs\['tv'\] is '1'; pass a cost, 0 or more"),
        ({"tv": {20: -1.0}, "web": 1.0}, r"costs\['tv'\]\[20\] is -1.0, but a cost is 0 or more"),
        ({"tv": {}, "web": 1.0}, r"costs\['tv'\] is empty; give the cost of at least one value"),
        ({"tv": {"much": 1.0}, "web": 1.0}, r"a value in costs\['tv'\] is 'much'; pass a number"),
        (
            {"tv": 0, "web": 0},
            r"no action costs anything, so that a budget of 90 limits nothing; give the cost of a unit",
        ),
    ],
)
def test_costs(fit: Fit, costs: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        fit.allocate(90, costs=costs)
    free = fit.allocate(90, costs={"tv": 0, "web": 1.0})
    assert free.cost == pytest.approx(free.best["web"])


def test_a_price_list_names_what_is_allowed(fit: Fit) -> None:
    costs = {"tv": {20: 15.0, 50: 60.0}, "web": 1.0}
    assert fit.allocate(50, costs=costs).best["tv"] == 20
    for what, value in (("bounds", (20, 50)), ("steps", 10)):
        message = (
            rf"{what} names 'tv', whose allowed values are those with a cost in costs\['tv'\]; take it out of {what}"
        )
        with pytest.raises(QueryError, match=message):
            fit.allocate(90, costs=costs, **{what: {"tv": value}})
    with pytest.raises(
        SupportError, match=r"tv=5000 is above the values at which it was set .* or pass extrapolate=True"
    ):
        fit.allocate(90, costs={"tv": {20: 1.0, 5000: 2.0}, "web": 1.0})
    with pytest.raises(QueryError, match=r"status_quo\['tv'\] is 30, which has no cost in costs\['tv'\]"):
        fit.allocate(90, costs=costs, status_quo={"tv": 30, "web": 20})
    assert fit.allocate(90, costs=costs | {"tv": {20: 15.0, 30: 20.0}}, status_quo={"tv": 30, "web": 20}).best


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"tv": 20}, r"bounds\['tv'\] is 20; give the least and the largest value: bounds={'tv': \(0, 50\)}"),
        ({"tv": (20, 30, 40)}, r"give the least and the largest value"),
        ({"tv": "20"}, r"give the least and the largest value"),
        ({"tv": (20, float("nan"))}, r"bounds\['tv'\] is nan; pass a pair of numbers \(low, high\)"),
        ({"tv": (60, 20)}, r"bounds\['tv'\] is \(60, 20\): the low end is above the high one; swap them"),
    ],
)
def test_bounds(fit: Fit, bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        fit.allocate(90, bounds=bounds)
    assert 20 <= fit.allocate(90, bounds={"tv": (20, 60)}).best["tv"] <= 60


def test_steps_divide_the_bounds(fit: Fit) -> None:
    bounds = {"tv": (20, 50)}
    message = r"steps\['tv'\] = 7 does not divide the bounds of tv \(20 to 50\): 4 steps lead to 48"
    with pytest.raises(QueryError, match=message) as caught:
        fit.allocate(90, bounds=bounds, steps={"tv": 7})
    shorter, finer = suggested(str(caught.value), "bounds"), suggested(str(caught.value), "steps")
    assert fit.allocate(90, bounds=shorter, steps={"tv": 7}).choices.grid.values[0].tolist() == [20, 27, 34, 41, 48]
    assert fit.allocate(90, bounds=bounds, steps=finer).choices.grid.values[0].tolist() == [20, 27.5, 35, 42.5, 50]
    with pytest.raises(QueryError, match=r"steps\['tv'\] is -5; a step is a number above 0"):
        fit.allocate(90, steps={"tv": -5})
    with pytest.raises(QueryError, match=r"steps\['tv'\] is nan; pass a number above 0"):
        fit.allocate(90, steps={"tv": float("nan")})
    with pytest.raises(
        QueryError, match=r"steps\['tv'\] = 5000 has no multiple from .* where tv was set; pass a step of"
    ):
        fit.allocate(90, steps={"tv": 5000})
    assert set(np.diff(fit.allocate(90, steps={"tv": 5}).choices.grid.values[0])) == {5}


def test_too_many_amounts(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.decisions.allocation.MOST_AMOUNTS", 300)
    message = "the costs of the allowed values add up to more than 300 different amounts. Choose steps whose costs"
    with pytest.raises(QueryError, match=message):
        fit.allocate(90, steps={"tv": 1.237, "web": 0.791})
    assert fit.allocate(90, steps={"tv": 1, "web": 0.5}).exact
    assert fit.allocate(90).exact


def test_the_status_quo_lies_within_the_bounds(fit: Fit) -> None:
    message = r"status_quo\['tv'\] is 40, outside the bounds of tv \(20 to 30\). Leave status_quo out, or pass bounds="
    with pytest.raises(QueryError, match=message) as caught:
        fit.allocate(60, bounds={"tv": (20, 30)}, status_quo=NOW)
    wider = suggested(str(caught.value), "bounds")
    assert fit.allocate(60, bounds=wider, status_quo=NOW).regret.draws.shape == (2, 60, 1)
    with pytest.raises(QueryError, match=r"outside the range in which tv was set .*, extrapolate=True") as caught:
        fit.allocate(60, status_quo={"tv": 1, "web": 20})
    wider = suggested(str(caught.value), "bounds")
    assert fit.allocate(60, bounds=wider, status_quo={"tv": 1, "web": 20}, extrapolate=True).gain.draws.size
    with pytest.raises(
        QueryError, match=r"status_quo says nothing about 'web'; name the present value of every action"
    ):
        fit.allocate(60, status_quo={"tv": 40})
    with pytest.raises(QueryError, match=r"status_quo\['web'\] is nan; pass the present value of web"):
        fit.allocate(60, status_quo={"tv": 40, "web": float("nan")})


def test_without_a_status_quo_there_is_no_regret(fit: Fit) -> None:
    found = fit.allocate(60)
    for name in ("regret", "gain"):
        with pytest.raises(
            QueryError, match=r"no status quo was given; pass allocate\(..., status_quo={'tv': ..., 'web'"
        ):
            getattr(found, name)
        assert getattr(fit.allocate(60, status_quo=NOW), name).draws.size
    assert "Against the status quo" not in found.sentence()


@pytest.mark.parametrize("risk", [0, 1.5, -0.1, float("nan"), "low", True])
def test_risk_is_a_share(fit: Fit, risk: Any) -> None:
    with pytest.raises(QueryError, match=r"is not a share; pass the share of draws that count as the worst, such as"):
        fit.allocate(60, risk=risk)
    assert fit.allocate(60, risk=0.1).table.attrs["share"] == 0.1


def test_aversion_goes_with_risk(fit: Fit) -> None:
    with pytest.raises(QueryError, match=r"aversion=0.5 weighs a risk, but risk is not given; pass risk=0.1"):
        fit.allocate(60, aversion=0.5)
    with pytest.raises(QueryError, match=r"aversion=0 must be above 0 .* and at most 1"):
        fit.allocate(60, risk=0.1, aversion=0)
    assert (
        "mean less 0.5 times its distance to the mean of the worst 10 %"
        in fit.allocate(60, risk=0.1, aversion=0.5).sentence()
    )


def test_a_joint_effect_that_is_not_identified_names_the_experiment() -> None:
    partly = fitted(media_rows("obs", "do(tv)"), ["tv", "web"], "sales", graph=ActionGraph({"web": ["tv"]}))
    with pytest.raises(IdentificationError, match=r"Missing: rows of do\(web\)|Missing: rows of do\(tv,web\)"):
        partly.allocate(90)


def test_levels_need_costs_of_their_own(labelled: Fit) -> None:
    with pytest.raises(QueryError, match=r"'offer' has levels, not amounts: give the cost of each level") as caught:
        labelled.allocate(3)
    costs = eval(re.search(r"costs=({.*?}), \.\.\.}", str(caught.value))[1] + "}")  # type: ignore[index]
    with pytest.raises(QueryError, match=r"costs names no cost for 'strength'"):
        labelled.allocate(3, costs=costs)
    with pytest.raises(
        SupportError, match=r"offer='C' was never set \(levels set: 'A', 'B'\). Allow only values that were"
    ):
        labelled.allocate(3, costs=costs | {"strength": 0})
    costs = {"offer": {"A": 0.0, "B": 1.0}, "strength": 0}
    assert labelled.allocate(3, costs=costs).best == {"offer": "B", "strength": 2}
    with pytest.raises(
        QueryError, match=r"costs\['offer'\] names 'D', which is not one of its levels. They are 'A', 'B'"
    ):
        labelled.allocate(3, costs=costs | {"offer": {"D": 1.0}})
    with pytest.raises(QueryError, match=r"bounds names 'offer', whose allowed values are those with a cost"):
        labelled.allocate(3, costs=costs, bounds={"offer": (0, 1)})
    with pytest.raises(QueryError, match=r"status_quo\['offer'\] is 'D', which is not one of its levels"):
        labelled.allocate(3, costs=costs, status_quo={"offer": "D", "strength": 0})


def test_money_is_not_paid_back(labelled: Fit) -> None:
    costs: dict[str, Any] = {"offer": {"A": 0.0, "B": 1.0}, "strength": 1.0}
    with pytest.raises(
        QueryError, match=r"strength may be -1, which at a cost of 1 a unit would pay money back"
    ) as caught:
        labelled.allocate(2, costs=costs)
    assert labelled.allocate(2, costs=costs, bounds=suggested(str(caught.value), "bounds")).best == {
        "offer": "B",
        "strength": 1,
    }
    listed = costs | {"strength": {-1: 0.0, 2: 1.0}}
    assert labelled.allocate(2, costs=listed).best == {"offer": "B", "strength": 2}


def test_between_levels_only_on_request(labelled: Fit) -> None:
    costs = {"offer": {"A": 0.0, "B": 1.0}, "strength": 1.0}
    options: dict[str, Any] = {"costs": costs, "bounds": {"strength": (0, 2)}}
    assert labelled.allocate(2, **options).choices.grid.values[1].tolist() == [0, 1, 2]
    with pytest.raises(SupportError, match=r"strength=0.5 is between the levels at which it was set \(0 and 1\)"):
        labelled.allocate(2, **options, steps={"strength": 0.5})
    with pytest.raises(SupportError, match=r"bounds\['strength'\] hold none of the levels at which strength was set"):
        labelled.allocate(2, costs=costs, bounds={"strength": (0.2, 0.8)})
    assert len(labelled.allocate(2, **options, steps={"strength": 0.5}, extrapolate=True).choices.grid.values[1]) == 5


def test_interacting_actions_with_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = media_rows("obs", "do(tv)", "do(web)")
    fit = fitted(rows, ["tv", "web"], "sales", graph=ActionGraph({"web": ["tv"]}), synergy=True)
    monkeypatch.setattr("bayes_ivgen.decisions._choices.MOST_COMBINATIONS", 300)
    with pytest.raises(
        QueryError, match=r"tv, web interact, so that their values are tried together: .* more than 300"
    ):
        fit.allocate(90, steps={"tv": 1, "web": 1})
    found = fit.allocate(90)
    assert len(found.choices.groups) == 1
    assert found.exact


def test_a_covariate_is_stated_where_the_link_is_not_the_identity() -> None:
    from dataclasses import replace

    from bayes_ivgen.decisions import allocate
    from bayes_ivgen.model.links import Link

    rows = media_rows("obs", "do(tv)", "do(web)")
    rows["x"] = np.random.default_rng(0).normal(size=len(rows))
    fit = fitted(rows, ["tv", "web"], "sales", graph=ActionGraph({"web": ["tv"]}), columns=["x"])
    design = replace(fit.effects.design, outcome_mean=1.0, outcome_sd=0.5)
    posterior = replace(fit.effects, design=design, link=Link("log"))
    with pytest.raises(QueryError, match=r"with link='log' the outcome averaged over x .* covariates={'x': ...}"):
        allocate(posterior, budget=90)
    assert allocate(posterior, budget=90, covariates={"x": 0.0}).exact
    with pytest.raises(QueryError, match=r"covariates hold 2 values, but an allocation is made for one"):
        fit.allocate(90, covariates={"x": [0.0, 1.0]})
