"""Rows carried over before they are passed: which are accepted, what is warned of, and checks that use them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.errors import ConvergenceWarning, DataWarning, QueryError, SpecError, SupportWarning
from bayes_ivgen.media import Adstock, Saturation
from bayes_ivgen.simulate import MediaSeriesSCM, media_series

TRANSFORMS = {"tv": (Adstock(alpha=0.6, l_max=4), Saturation("michaelis_menten", lam=40.0)),
              "web": Adstock(alpha=0.3, l_max=4)}  # fmt: skip
QUICK: dict[str, Any] = {"draws": 100, "chains": 2, "tune": 100, "cores": 1, "progressbar": False}


@pytest.fixture(scope="module")
def world() -> MediaSeriesSCM:
    return media_series(2, seed=3, alpha=[0.6, 0.3], l_max=4, memory=0.3)


@pytest.fixture(scope="module")
def table(world: MediaSeriesSCM) -> pd.DataFrame:
    return world.sample(8, 60, test_weeks=12, rest_weeks=8, hold=3, seed=1)


def read(table: pd.DataFrame, **options: Any) -> RegimeData:
    given = {"time": "week", "unit": "geo"} | options
    return RegimeData.from_frame(table, outcome="sales", actions=["tv", "web"], **given)


def fitted(data: RegimeData, engine: Any = "conjugate", **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        given = {"graph": "empty", "transforms": TRANSFORMS} | options
        sizes = {name: given.pop(name, size) for name, size in QUICK.items()}
        return InterventionModel(**given).fit(data, **sizes, seed=0, engine=engine)


@pytest.fixture(scope="module")
def fit(table: pd.DataFrame) -> Fit:
    return fitted(read(table))


@pytest.mark.parametrize(
    ("action", "other"),
    [
        ("web", Adstock(alpha=0.5, l_max=4)),
        ("web", Adstock(alpha=[0.1, 0.5], l_max=4)),
        ("web", Adstock(alpha=0.3, l_max=3)),
        ("web", Adstock(alpha=0.3, l_max=4, wash="label")),
        ("web", (Adstock(alpha=0.3, l_max=4), Saturation("logistic", lam=0.1))),
        ("tv", (Adstock(alpha=0.6, l_max=4), Saturation("michaelis_menten", lam=20.0))),
    ],
)
def test_rows_carried_over_in_another_way_are_refused(table: pd.DataFrame, fit: Fit, action: str, other: Any) -> None:
    """A model would be fitted, or a fit checked, with spends that it does not speak of."""
    model = InterventionModel(graph="empty", transforms={**TRANSFORMS, action: other})
    carried = fit.model.carry_over(read(table))
    with pytest.raises(SpecError, match=f"for '{action}', but the model .* pass the rows as they were read"):
        model.carry_over(carried)
    elsewhere = model.carry_over(read(table))
    with pytest.raises(QueryError, match=rf"the spends of \['{action}'\] were not carried over .* as they were read"):
        fit.check_calibration(elsewhere, "tv")
    assert fit.loo(read(table), rows=20).n_data_points == 20


def test_rows_carried_over_by_a_choice_are_those_of_the_model(table: pd.DataFrame, fit: Fit) -> None:
    carried = fit.model.carry_over(read(table))
    saturation = Saturation("michaelis_menten", lam=[20.0, 40.0])
    asked = {"tv": (Adstock(l_max=4), saturation), "web": Adstock(alpha=[0.3, 0.5], l_max=4)}
    assert InterventionModel(transforms=asked).carry_over(carried) is carried


def test_a_fit_of_plain_spends_refuses_those_carried_over(table: pd.DataFrame, fit: Fit) -> None:
    plain = fitted(read(table), transforms=None)
    with pytest.raises(QueryError, match=r"the spends of \['tv', 'web'\]"):
        plain.loo(fit.model.carry_over(read(table)), rows=20)


def test_a_placebo_of_carried_over_spends(table: pd.DataFrame, fit: Fit) -> None:
    raw, carried = (fit.placebo(data, "tv", **QUICK) for data in (read(table), fit.model.carry_over(read(table))))
    assert raw.statistic == carried.statistic
    assert raw.passed


def test_experiments_shorter_than_carry_over_are_warned_of(world: MediaSeriesSCM) -> None:
    """Five weeks would do for tv; what the message suggests brings the rows back."""
    short = world.sample(20, 60, test_weeks=3, rest_weeks=12, seed=1)
    short["regime"] = short["regime"].replace({"do(web)": "obs"})
    long = {"tv": Adstock(alpha=0.8, l_max=6)}
    with pytest.warns(DataWarning, match=r"rows of do\(tv\) is left .* run of its weeks is 3; 'tv' needs 6") as caught:
        found = InterventionModel(transforms=long).carry_over(read(short))
    assert len(caught) == 1
    assert [regime.label for regime in found.regimes] == ["obs"]
    for other in (Adstock(alpha=0.8, l_max=6, wash="label"), Adstock(alpha=0.8, l_max=3)):
        assert len(InterventionModel(transforms={"tv": other}).carry_over(read(short)).regimes) == 2


def test_the_share_knows_waves_and_links(table: pd.DataFrame, fit: Fit) -> None:
    share = fit.independent_share(read(table))
    waves = table.assign(wave=np.where(table["geo"] > "g03", "late", "early"))
    waves["sales"] += 150.0 * (waves["wave"] == "late")
    by_wave = read(waves, dataset="wave")
    assert fitted(by_wave).independent_share(by_wave) == pytest.approx(share, abs=0.08)
    options: dict[str, Any] = {"likelihood": "gamma", "link": "log", "confounding": "separable"}
    gamma = fitted(read(table), engine="nuts", causal=Polynomial(1), draws=25, tune=25, **options)
    assert gamma.independent_share(read(table)) == pytest.approx(share, abs=0.08)
    plans: list[Any] = [{"tv": [spend], "web": [15.0]} for spend in (30.0, 35.0)]
    ratio = gamma.plan(plans[0], versus=plans[1])  # nothing cancels where effects multiply
    assert not ratio.support["supported"].item()
    assert not ratio.note()


def test_a_plan_takes_covariates_with_labels(table: pd.DataFrame) -> None:
    even = fitted(read(table.assign(half=np.where(table["week"] % 2, "b", "a")), covariates=["half"]))
    spends = {"tv": [30.0] * 6, "web": 15.0}
    plan = even.plan({**spends, "half": ["a", "b"] * 3})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SupportWarning)
        effect = even.effect(do={"tv": 30.0, "web": 15.0}, covariates={"half": ["a", "b"]})
    np.testing.assert_allclose(plan.draws.values[..., 4:], effect.draws.values)
    with pytest.raises(QueryError, match="'half' of the plan is 'c', which is not one of its levels"):
        even.plan({**spends, "half": ["a", "c"] * 3})


def test_a_plan_for_series_that_end_at_different_weeks(table: pd.DataFrame) -> None:
    ended = fitted(read(table[(table["geo"] != "g01") | (table["week"] < 50)]))
    with pytest.raises(QueryError, match=r"geo=g01 end at week=49, those of others at 59.*the column 'geo'"):
        ended.plan({"tv": [30.0], "web": [15.0]})
    frame = pd.DataFrame({"geo": ["g01", "g00"], "week": [50, 60], "tv": 30.0, "web": 15.0})
    assert len(ended.plan(frame, extrapolate=True)) == 2
    new = fitted(read(table[(table["geo"] != "g01") | (table["week"] > 57)]))
    with pytest.raises(QueryError, match="the fitted rows of geo=g01 end after fewer weeks than 'tv'"):
        new.plan({"tv": [30.0], "web": [15.0]})
    assert len(new.plan(frame.assign(week=60, geo=["g02", "g00"]), extrapolate=True)) == 2


def test_a_plan_starts_at_a_date_written_as_text(table: pd.DataFrame) -> None:
    dates = table.assign(week=pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * table["week"], unit="D"))
    dated = fitted(read(dates))
    spends = {"tv": [30.0], "web": [15.0]}
    found = dated.plan(spends, start="2024-02-26", extrapolate=True)
    np.testing.assert_array_equal(found.draws, dated.plan(spends, extrapolate=True).draws)
    with pytest.raises(QueryError, match="start='soon' holds 'soon'; pass whole numbers or dates"):
        dated.plan(spends, start="soon")
    with pytest.raises(QueryError, match="start=60 holds numbers, but the times of the fit are dates"):
        dated.plan(spends, start=60)


def test_thinned_rows_share_no_spend(table: pd.DataFrame, fit: Fit) -> None:
    data = read(table)
    with pytest.warns(DataWarning, match=r"too small.*Pass fit.thinned\(data\)"):
        fit.falsify(data, ["invariance"])
    for every, given in ((4, None), (6, 6)):
        thin = fit.thinned(data, given)
        assert 0 < thin.n_rows <= 8 * (60 // every)  # of 8 geos
        assert thin.carried is not None
        assert thin.carried.rows["rows"].sum() == len(table)
        weeks = table.loc[table["week"] % every == 0, "sales"].to_numpy()
        outcomes = np.concatenate([batch.outcome for batch in thin.batches()])
        assert np.isin(outcomes, weeks).all()
        assert fit.falsify(thin, ["invariance"]).summary()["passed"].all()  # no warning, which would be an error
    with pytest.raises(QueryError, match="every=0 must be"):
        fit.thinned(data, 0)
    with pytest.raises(QueryError, match="as they were read"):
        fit.thinned(thin)
    assert fit.thinned(data, 1).n_rows == fit.model.carry_over(data).n_rows
