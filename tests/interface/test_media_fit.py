"""Fits of rows in order of time: effects of steady spends, plans by week, storage."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, DataWarning, QueryError, SpecError, SupportWarning
from bayes_ivgen.interface.row_summary import RowSummary
from bayes_ivgen.media import Adstock, Saturation, seasonality
from bayes_ivgen.simulate import MediaSeriesSCM, media_series

ALPHA = [0.6, 0.3]
L_MAX = 4
ACTIONS = ["tv", "web"]
TRANSFORMS = {
    "tv": Adstock(alpha=0.6, l_max=L_MAX),
    "web": (Adstock(alpha=0.3, l_max=L_MAX), Saturation("michaelis_menten", lam=20.0)),
}


@pytest.fixture(scope="module")
def world() -> MediaSeriesSCM:
    return media_series(2, seed=3, alpha=ALPHA, l_max=L_MAX, memory=0.3)


@pytest.fixture(scope="module")
def table(world: MediaSeriesSCM) -> pd.DataFrame:
    rows = world.sample(12, 90, test_weeks=12, rest_weeks=8, hold=3, seed=1)
    return rows.join(seasonality(rows["week"], order=1))


def read(table: pd.DataFrame, **options: Any) -> RegimeData:
    given = {"time": "week", "unit": "geo", "covariates": ["season_sin_1", "season_cos_1"]} | options
    return RegimeData.from_frame(table, outcome="sales", actions=ACTIONS, **given)


def fitted(data: RegimeData, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        given = {"graph": "empty", "transforms": TRANSFORMS} | options
        return InterventionModel(**given).fit(data, draws=150, chains=2, tune=150, seed=0, cores=1)


@pytest.fixture(scope="module")
def fit(table: pd.DataFrame) -> Fit:
    return fitted(read(table))


def last_weeks(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["week"] > table["week"].max() - (L_MAX - 1)].sort_values(["geo", "week"])


def test_the_fit_is_that_of_columns_carried_over_by_hand(table: pd.DataFrame, fit: Fit) -> None:
    """Rows, regimes and effects do not depend on who carries over."""
    parts = []
    for _, series in table.groupby("geo"):
        moved = series.copy()
        keep = np.ones(len(series), dtype=bool)
        was_set: list[np.ndarray] = []
        for action, alpha in zip(ACTIONS, ALPHA, strict=True):
            weights = Adstock(alpha=alpha, l_max=L_MAX).weights
            moved[action] = np.convolve(series[action], weights)[: len(series)]
            share = np.convolve(series["regime"].str.contains(action).astype(float), weights)[: len(series)]
            keep &= (share >= 0.95) | (share <= 0.05 + 1e-12)
            was_set.append(share >= 0.95)
        keep[: L_MAX - 1] = False
        names = [[a for a, flags in zip(ACTIONS, was_set, strict=True) if flags[i]] for i in range(len(series))]
        moved["regime"] = [f"do({','.join(item)})" if item else "obs" for item in names]
        parts.append(moved[keep])
    by_hand = read(pd.concat(parts), time=None, unit=None)
    plain = fitted(by_hand, transforms={"web": Saturation("michaelis_menten", lam=20.0)})
    do = {"tv": [20.0, 40.0], "web": [10.0, 30.0]}
    np.testing.assert_allclose(
        fit.effect(do=do, extrapolate=True).summary()["mean"],
        plain.effect(do=do, extrapolate=True).summary()["mean"],
        rtol=1e-6,
    )
    assert fit.carried is not None
    assert fit.carried.rows["rows"].sum() == len(table)


def test_effects_are_those_of_steady_spends(world: MediaSeriesSCM, fit: Fit, table: pd.DataFrame) -> None:
    points = {"tv": [30.0, 45.0, 30.0], "web": [15.0, 15.0, 25.0]}
    effect = fit.effect(do=points)
    truth = world.effect(points, table["week"])
    error = effect.summary()["mean"] - truth
    # The level has a noise of about (2K - 1) sd / sqrt(n) = 3 * 30 / 30; four of them are a failure.
    assert np.abs(error).max() < 12
    constant = np.abs(table["sales"].mean() - truth).max()
    assert constant > 15


def test_transforms_and_history_survive_storage(fit: Fit, table: pd.DataFrame, tmp_path: Path) -> None:
    again = load(fit.save(tmp_path / "fit.zarr"))
    assert again.model == fit.model
    assert again.transforms == fit.transforms
    spends = {"tv": np.full(6, 30.0), "web": np.full(6, 15.0)}
    np.testing.assert_array_equal(again.plan(spends).draws, fit.plan(spends).draws)
    assert again.carried is not None
    history = again.carried.spends[:, :, 0]
    np.testing.assert_array_equal(history, last_weeks(table)["tv"].to_numpy().reshape(12, L_MAX - 1))
    assert len(again.carried.rows) > 3


def test_a_plan_is_the_effect_of_its_carried_over_spends(fit: Fit, table: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    weeks = np.arange(90, 97)
    frame = pd.DataFrame(
        {"geo": np.repeat(["g01", "g05"], 7), "week": np.tile(weeks, 2), "tv": rng.uniform(20, 50, 14),
         "web": rng.uniform(10, 25, 14)}
    ).join(seasonality(np.tile(weeks, 2), order=1))  # fmt: skip
    planned = fit.plan(frame, extrapolate=True)
    assert list(planned.queries.columns[:2]) == ["week", "geo"]
    steady = []
    for week, geo in zip(planned.queries["week"], planned.queries["geo"], strict=True):
        before = table[table["geo"] == geo].sort_values("week")
        after = frame[(frame["geo"] == geo) & (frame["week"] <= week)]
        row = {}
        for action in ACTIONS:
            series = np.concatenate([before[action], after[action]])
            adstock = fit.transforms[action][0]
            row[action] = float(np.sum([w * series[-1 - lag] for lag, w in enumerate(adstock.weights)]))
        steady.append({**row, **after.iloc[-1][["season_sin_1", "season_cos_1"]].to_dict()})
    by_hand = pd.DataFrame(steady)
    effect = fit.effect(do=by_hand[ACTIONS], covariates=by_hand[["season_sin_1", "season_cos_1"]], extrapolate=True)
    np.testing.assert_allclose(planned.draws, effect.draws, rtol=1e-8)
    total = fit.plan(frame, total=True, extrapolate=True)
    np.testing.assert_allclose(total.draws.values[..., 0], planned.draws.sum("query"), rtol=1e-8)
    assert len(total) == 1
    assert "total" in total.sentence()


def test_a_plan_without_units_is_the_mean_over_them(fit: Fit) -> None:
    assert fit.carried is not None
    spends = {"tv": [30.0, 40.0], "web": [15.0, 20.0]}
    geos = fit.carried.series.units  # type: ignore[union-attr]
    frame = pd.concat([pd.DataFrame({"geo": geo, "week": [90, 91], **spends}) for geo in geos])
    each = fit.plan(frame, extrapolate=True)
    mean = each.draws.groupby("week").mean().values
    np.testing.assert_allclose(fit.plan(spends, extrapolate=True).draws.values, mean, rtol=1e-8)


def test_weeks_after_the_start_are_flagged_until_history_is_washed_out(fit: Fit) -> None:
    planned = fit.plan({"tv": np.full(6, 30.0), "web": np.full(6, 15.0)})
    assert planned.support["supported"].tolist() == [False] * 3 + [True] * 3
    first = planned.support["reason"].iloc[0]
    assert first.startswith("weeks before the plan that were not set are taken as if they had been: ")
    assert first.count("of the carry-over of tv") == 1
    weights = Adstock(alpha=0.6, l_max=L_MAX).weights
    np.testing.assert_allclose(planned.support["carry_in"], [1 - sum(weights[: i + 1]) for i in range(6)], atol=1e-12)
    assert f"{100 * (1 - weights[0]):.0f} % of the carry-over of tv" in planned.sentence()
    steady = fit.effect(do={"tv": 30.0, "web": 15.0}).draws.values
    np.testing.assert_allclose(planned.draws.values[..., -1:], steady)


def test_a_plan_against_another_has_paired_draws(fit: Fit) -> None:
    more, less = ({"tv": np.full(5, tv), "web": np.full(5, 15.0)} for tv in (40.0, 30.0))
    found = fit.plan(more, versus=less, total=True)
    each = fit.plan(more, total=True).draws - fit.plan(less, total=True).draws
    np.testing.assert_allclose(found.draws.values, each.values)
    assert found.neutral == 0.0
    assert found.queries["versus_tv"].tolist() == [150.0]
    assert found.queries["weeks"].tolist() == [5]


def test_what_a_difference_leaves_open_is_noted_and_not_flagged(fit: Fit) -> None:
    """It cancels if effects add up; spends out of range still count, and levels stay flagged."""
    more, less = ({"tv": np.full(5, tv), "web": np.full(5, 15.0)} for tv in (40.0, 30.0))
    weekly, level = fit.plan(more, versus=less), fit.plan(more)
    assert weekly.support["supported"].all()
    assert level.support["supported"].tolist() == [False] * 3 + [True] * 2
    np.testing.assert_array_equal(weekly.support["carry_in"], level.support["carry_in"])
    note = "that cancels unless demand changes what a spend does."
    assert weekly.sentence().endswith(note)
    assert note not in level.sentence()
    assert not weekly.note(4)
    total = fit.plan(more, versus=less, total=True)
    assert total.support["supported"].item()
    assert total.support["carry_in"].item() == pytest.approx(weekly.support["carry_in"].mean())
    assert "in 3 of 5 weeks, of which the first: " in total.sentence()
    assert not fit.plan(more, total=True).support["supported"].item()
    far = fit.plan({"tv": np.full(5, 130.0), "web": np.full(5, 15.0)}, versus=less, extrapolate=True)
    assert not far.support["supported"].iloc[-1]


def test_reasons_are_ranges_over_units(fit: Fit) -> None:
    found = fit.plan({"tv": np.full(5, 5.0), "web": np.full(5, 15.0)}, extrapolate=True)
    for reason in found.support["reason"]:
        assert reason.count("tv=") <= 1
        assert len(reason) < 330
    geos = pd.DataFrame({"geo": [f"g{i:02}" for i in range(12)], "week": 90, "tv": 5.0, "web": 15.0})
    each = fit.plan(geos, extrapolate=True)
    values = [float(text) for reason in each.support["reason"] for text in re.findall(r"tv=([\d.]+) is below", reason)]
    pattern = r"tv=([\d.]+) to ([\d.]+) is below .*?(?:, in (\d+) of 12 units \(geo\))?;"
    told = re.search(pattern, found.support["reason"].iloc[0])
    assert told is not None
    assert [float(told[1]), float(told[2])] == [min(values), max(values)]
    assert int(told[3] or 12) == len(values)


def test_whom_a_plan_is_about(fit: Fit) -> None:
    plan = {"tv": [40.0, 40.0], "web": [15.0, 15.0]}
    mean, total = fit.plan(plan, total=True), fit.plan(plan, total=True, sum_units=True)
    assert mean.name == "total of E[sales | do(plan)] for one average geo"
    assert total.name == "total of E[sales | do(plan)] summed over 12 units (geo)"
    assert total.name in total.sentence()
    np.testing.assert_allclose(total.draws.values, 12 * mean.draws.values)
    frame = pd.DataFrame({"geo": "g01", "week": [90, 91], **plan})
    assert "total of E[sales | do(plan)] at 2 weeks in 1 units (geo) is" in fit.plan(frame, total=True).sentence()
    with pytest.raises(QueryError, match="names each geo by itself; leave out sum_units=, total=True sums over weeks"):
        fit.plan(frame, sum_units=True)


def test_weeks_that_a_plan_lacks_or_doubles_are_named(fit: Fit) -> None:
    plan = pd.DataFrame({"week": [90, 91, 92, 93, 94], "tv": 40.0, "web": 15.0})
    with pytest.raises(QueryError, match=r"the plan has no row at week=91, 93 but goes on to 94;"):
        fit.plan(plan.iloc[[0, 2, 4]])
    with pytest.raises(
        QueryError, match=r"has 2 rows at week=90; give each week once, or tell units .* column 'geo'\."
    ):
        fit.plan(plan.iloc[[0, 0]])
    geos = pd.concat([plan.assign(geo="g01"), plan.assign(geo="g02")])
    assert len(fit.plan(geos)) == 10
    with pytest.raises(QueryError, match=r"the plan of geo=g02 has no row at week=92 but"):
        fit.plan(geos.iloc[[0, 1, 2, 5, 6, 8]])
    with pytest.raises(QueryError, match=r"the plan of geo=g01 has 2 rows at week=91; give each week once\."):
        fit.plan(geos.iloc[[0, 1, 1, 5]])


@pytest.mark.parametrize(
    ("plan", "options", "match", "fix"),
    [
        ({"tv": [1.0]}, {}, "says nothing of 'web'", {"tv": [30.0], "web": [15.0]}),
        ({"tv": [30.0, 30.0], "web": [1.0] * 3}, {}, "different lengths", {"tv": [30.0] * 3, "web": [15.0] * 3}),
        ({"tv": [30.0], "web": [15.0], "radio": [1.0]}, {}, "names 'radio'", {"tv": [30.0], "web": [15.0]}),
        ({"tv": [30.0], "web": [15.0]}, {"start": 95}, "Begin at 90, with the weeks in between", None),
        ({"tv": [30.0], "web": [15.0]}, {"start": 80}, r"Begin at 90\.", None),
        (pd.DataFrame({"tv": [30.0], "web": [15.0]}), {}, "no column 'week'", None),
        (
            pd.DataFrame({"week": [90, 92], "tv": 30.0, "web": 15.0}),
            {},
            r"the plan has no row at week=91 but goes on to 92; give each week once",
            None,
        ),
        (pd.DataFrame({"week": [90], "tv": ["x"], "web": 15.0}), {}, "'tv'", None),
        (pd.DataFrame({"geo": ["x"], "week": [90], "tv": 30.0, "web": 15.0}), {}, "no fitted rows", None),
        (pd.DataFrame({"week": [90], "tv": 30.0, "web": 15.0}), {"start": 90}, "has its own 'week'", None),
        (3, {}, "pass a data frame", None),
    ],
)
def test_plans_that_cannot_be_read(fit: Fit, plan: Any, options: Any, match: str, fix: Any) -> None:
    with pytest.raises(QueryError, match=match):
        fit.plan(plan, **options)
    if fix is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SupportWarning)
            assert len(fit.plan(fix)) == len(fix["tv"])


def test_versus_must_be_of_the_same_weeks(fit: Fit) -> None:
    with pytest.raises(QueryError, match="other weeks"):
        fit.plan({"tv": [30.0], "web": [15.0]}, versus={"tv": [30.0] * 2, "web": [15.0] * 2})


def test_checks_take_the_rows_as_they_were_read(fit: Fit, table: pd.DataFrame) -> None:
    data = read(table)
    carried = fit.model.carry_over(data)
    with pytest.warns(DataWarning, match="p-values take rows as independent"):
        assert fit.check_calibration(data, "tv").p_value == fit.check_calibration(carried, "tv").p_value
    assert fit.model.carry_over(carried) is carried


def test_effects_inside_a_model_are_held_at_carried_over_spends(fit: Fit, table: pd.DataFrame) -> None:
    data, model = read(table), fit.model
    pm_model, posterior = model.to_pymc(data), fit.datatree["posterior"].dataset
    at = {pm_model[name]: posterior[name].values[0, 7] for name in ("alpha", "beta")}
    found = model.effect_in(pm_model, data, do={"web": [10.0, 30.0]}, rest="hold").eval(at, mode="FAST_COMPILE")
    plain = fit.with_row_worth(1.0)  # draws of the posterior itself
    expected = plain.effect(do={"web": [10.0, 30.0]}, rest="hold").draws.values[0, 7]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_later_rows_cannot_be_added(fit: Fit, table: pd.DataFrame) -> None:
    data = read(table)
    with pytest.raises(SpecError, match="weeks before them"):
        fit.update(data)
    with pytest.raises(SpecError, match="weeks before them"):
        RowSummary.of(data, fit)


def test_wrong_models_and_data_are_refused(table: pd.DataFrame, fit: Fit) -> None:
    untimed = read(table, time=None, unit=None)
    with pytest.raises(SpecError, match="time='week'"):
        fitted(untimed)
    assert InterventionModel(transforms=TRANSFORMS).carry_over(read(table)).carried is not None
    with pytest.raises(SpecError, match="not an action"):
        fitted(read(table), transforms={"radio": Adstock(alpha=0.5)})
    carried = fit.model.carry_over(read(table))
    with pytest.raises(SpecError, match="pass the rows as they were read"):
        fitted(carried, transforms={"tv": Adstock(alpha=0.5)})
    gamma = InterventionModel(likelihood="gamma", link="log", transforms={"tv": Adstock()})
    with pytest.raises(SpecError, match="pass them as numbers"):
        gamma.carry_over(read(table))
    numbers = InterventionModel(likelihood="gamma", link="log", transforms={"tv": Adstock(alpha=0.6)})
    assert numbers.carry_over(read(table)).carried is not None


def test_an_action_of_labels_is_planned_by_its_labels(table: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    frame = table.assign(offer=rng.choice(["none", "gift"], len(table)))
    frame.loc[(frame["week"] > 80) & (frame["regime"] == "obs"), "regime"] = "do(offer)"
    data = RegimeData.from_frame(frame, outcome="sales", actions=[*ACTIONS, "offer"], time="week", unit="geo")
    fit = fitted(data, transforms={"tv": Adstock(alpha=0.6, l_max=1)})
    spends = {"tv": [30.0, 40.0], "web": 15.0, "offer": ["gift", "none"]}
    plan = fit.plan(spends, extrapolate=True)
    assert plan.summary()["offer"].tolist() == ["gift", "none"]
    expected = fit.effect(do={**spends, "web": [15.0, 15.0]}, extrapolate=True)
    np.testing.assert_allclose(plan.draws, expected.draws)
    total = fit.plan(spends, versus={**spends, "offer": "none"}, total=True, extrapolate=True)
    np.testing.assert_allclose(
        total.draws[..., 0],
        fit.contrast(
            do=spends | {"web": [15.0, 15.0]}, versus=spends | {"web": [15.0, 15.0], "offer": ["none"] * 2}
        ).draws.sum("query"),
    )
    assert "offer" not in total.summary()
    with pytest.raises(QueryError, match="'offer' of the plan is 'cash', which is not one of its levels"):
        fit.plan({**spends, "offer": "cash"})


def test_a_fit_without_carry_over_has_no_plan(table: pd.DataFrame) -> None:
    plain = fitted(read(table), transforms=None)
    assert plain.carried is None
    assert plain.transforms == {}
    with pytest.raises(QueryError, match="carries no spend over"):
        plain.plan({"tv": [1.0], "web": [1.0]})


def test_the_choice_is_kept_with_the_fit(table: pd.DataFrame) -> None:
    asked = {"tv": Adstock(alpha=[0.0, 0.6], l_max=L_MAX), "web": Adstock(alpha=0.3, l_max=L_MAX)}
    found = fitted(read(table), transforms=asked)
    assert found.carried is not None
    assert found.carried.choice["parameters"].tolist() == ["alpha=0", "alpha=0.6"]
    assert found.transforms["tv"][0].alpha == 0.6
    assert found.model.transforms["tv"][0].alpha == (0.0, 0.6)  # type: ignore[index]


def test_rows_that_resemble_their_neighbours_count_less(fit: Fit, table: pd.DataFrame) -> None:
    share = fit.independent_share(read(table))
    assert 0.4 < share < 0.95  # demand has a memory of 0.3, and half of the noise
    weighted = fitted(read(table.assign(share=share), weights="share"))
    points = {"tv": 30.0, "web": 15.0}
    assert weighted.effect(do=points).summary()["sd"].item() > fit.effect(do=points).summary()["sd"].item()
    with pytest.raises(QueryError, match="time='week'"):
        fit.independent_share(read(table, time=None, unit=None))


def test_dates_of_a_plan_are_not_guessed(table: pd.DataFrame) -> None:
    days = pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * table["week"], unit="D")
    dated = fitted(read(table.assign(week=days.dt.strftime("%Y-%m-%d")), covariates=[]))
    weeks = pd.date_range("2024-09-23", periods=3, freq="7D")  # 7 October is written like 10 July
    plan = pd.DataFrame({"week": weeks, "tv": 30.0, "web": 15.0})
    want = dated.plan(plan).draws.values
    for text in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"):
        wrong = plan.assign(week=weeks.strftime(text))
        with pytest.raises(QueryError, match="'week' of the plan holds") as caught:
            dated.plan(wrong)
        proposed = re.search(r"plan\['week'\] = (pandas\.to_datetime\([^)]*\))", str(caught.value))
        assert proposed is not None
        plan_of_message = {"pandas": pd, "plan": wrong}
        mended = wrong.assign(week=eval(proposed[1], plan_of_message))  # the code of the message
        np.testing.assert_array_equal(dated.plan(mended).draws.values, want)
    iso = plan.assign(week=weeks.strftime("%Y-%m-%d"))
    np.testing.assert_array_equal(dated.plan(iso).draws.values, want)
    spends = {"tv": np.full(3, 30.0), "web": np.full(3, 15.0)}
    np.testing.assert_array_equal(dated.plan(spends, start="2024-09-23").draws.values, want)
    with pytest.raises(QueryError, match="start='23/09/2024' holds '23/09/2024'"):
        dated.plan(spends, start="23/09/2024")
