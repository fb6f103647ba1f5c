"""Which experiment next: rankings, sizes and budgets, values of information, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import Fit, Regime, RegimeData
from bayes_ivgen.decisions import Experiment, NextExperiment
from bayes_ivgen.decisions.next_experiment import expected_gain
from bayes_ivgen.errors import IdentificationError, QueryError, SpecError
from bayes_ivgen.simulate import media_mix

QuickFit = Callable[..., Fit]
CHANNELS = ["tv", "web", "radio"]
JOINT = {"tv": 50.0, "web": 25.0, "radio": 12.0}


@pytest.fixture(scope="module")
def ranked(fit: Fit, middle: pd.DataFrame) -> NextExperiment:
    return fit.next_experiment({"do": middle}, rows=300)


def test_all_default_candidates_are_ranked(ranked: NextExperiment) -> None:
    singles, pairs = ["do(tv)", "do(web)", "do(radio)"], ["do(tv,web)", "do(tv,radio)", "do(web,radio)"]
    assert sorted(ranked.ranking["regime"]) == sorted(["obs", *singles, *pairs, "do(tv,web,radio)"])
    assert len(ranked.table) == 8 * 3
    assert ranked.ranking["rank"].tolist() == list(range(1, 9))
    assert (ranked.ranking["reduction"].diff().dropna() <= 0).all()
    assert ranked.ranking["reduction"].between(0, 1).all()
    assert ranked.best == Experiment(Regime(("tv", "web", "radio")), "", 300, 300.0)
    table = ranked.table
    np.testing.assert_allclose(table["reduction"], 1 - table["variance_after"] / table["variance_before"])
    means = table.groupby("rank")[["variance_before", "variance_after"]].mean()
    np.testing.assert_allclose(ranked.ranking[["variance_before", "variance_after"]], means)
    assert table["identified"].all()
    assert (table["note"] == "").all()
    assert table["query"].iloc[0].startswith("E[sales | do(tv, web, radio)] at do(tv=")


def test_the_variance_before_is_that_of_the_effect(fit: Fit, ranked: NextExperiment, middle: pd.DataFrame) -> None:
    before = ranked.table.query("rank == 1")["variance_before"]
    # 200 draws, correlated, and 128 draws of the scales: four standard errors of a standard deviation
    np.testing.assert_allclose(np.sqrt(before), fit.effect(do=middle).summary()["sd"], rtol=0.35)


def test_the_order_of_candidates_and_questions_does_not_matter(
    fit: Fit, ranked: NextExperiment, middle: pd.DataFrame
) -> None:
    labels = ranked.ranking["regime"].tolist()[::-1]
    asked = [{"do": middle.iloc[[i]]} for i in (2, 0, 1)]
    other = fit.next_experiment(asked, rows=300, candidates=labels)
    assert other.ranking["regime"].tolist() == labels[::-1]
    np.testing.assert_allclose(other.ranking["variance_after"], ranked.ranking["variance_after"], rtol=1e-9)
    merged = ranked.table.merge(other.table, on=["regime", "query"], validate="one_to_one")
    np.testing.assert_allclose(merged["variance_after_x"], merged["variance_after_y"], rtol=1e-9)


def test_a_saved_fit_answers_alike(
    fit: Fit, ranked: NextExperiment, middle: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import bayes_ivgen as ivg

    again = ivg.load(fit.save(tmp_path_factory.mktemp("fit") / "fit.zarr"))
    pd.testing.assert_frame_equal(again.next_experiment({"do": middle}, rows=300).table, ranked.table)


def test_the_prediction_happens(fit: Fit, middle: pd.DataFrame, ranked: NextExperiment) -> None:
    world = media_mix(3, seed=1)
    predicted = ranked.ranking.set_index("regime")["variance_after"]
    for label in ("obs", "do(tv,web,radio)"):
        rows = world.sample_regimes({label: 300}, seed=5)
        added = RegimeData.from_frame(rows, outcome="sales", actions=CHANNELS)
        after = fit.update(added, draws=300, chains=2, cores=1, seed=0, progressbar=False)
        realised = np.mean(after.effect(do=middle).summary()["sd"] ** 2)
        # The draws alone are off by 10 %; the joint rows halve the variance, obs leaves most of it.
        assert realised == pytest.approx(predicted[label], rel=0.4)


def test_more_rows_tell_more_and_no_rows_come_free(fit: Fit) -> None:
    found = fit.next_experiment({"do": JOINT}, rows=[10, 100, 1000, 100_000], candidates=["do(tv)", "obs"], cost=2.0)
    for _, part in found.ranking.groupby("regime"):
        assert part.sort_values("rows")["variance_after"].diff().dropna().lt(0).all()
    assert found.ranking["cost"].tolist() == (2.0 * found.ranking["rows"]).tolist()


def test_a_budget_buys_rows(fit: Fit) -> None:
    cost = {"obs": 0.1, "do(tv)": 1.0, "do(tv,web,radio)": 7.0}
    found = fit.next_experiment({"do": JOINT}, candidates=list(cost), budget=700, cost=cost)
    assert found.ranking.set_index("regime")["rows"].to_dict() == {"obs": 7000, "do(tv)": 700, "do(tv,web,radio)": 100}
    assert (found.ranking["cost"] == 700).all()


def test_what_the_budget_does_not_pay_stands_last(fit: Fit) -> None:
    cost = {"obs": 1.0, "do(tv,web,radio)": 10.0}
    found = fit.next_experiment({"do": JOINT}, candidates=list(cost)[::-1], rows=50, budget=100, cost=cost)
    assert found.ranking["regime"].tolist() == list(cost)
    assert np.isnan(found.ranking["variance_after"].iloc[1])
    assert found.table["note"].tolist() == ["", "costs more than the budget of 100"]
    found.plot()


def test_levels_laws_and_frames(fit: Fit, middle: pd.DataFrame) -> None:
    candidates: list[Any] = [
        {"tv": 50.0},
        {"tv": [20.0, 80.0], "web": None},
        {"tv": stats.uniform(10.0, 90.0)},
        middle[["tv", "web"]],
        Regime(("web",)),
        {},
    ]
    found = fit.next_experiment({"do": middle}, candidates=candidates, rows=200)
    assert set(found.ranking["setting"]) == {
        "",
        "tv=50",
        "tv at 20 or 80, web as tested before",
        "tv from uniform(10, 90)",
        "3 combinations of tv, web",
    }
    assert set(found.ranking["regime"]) == {"obs", "do(tv)", "do(web)", "do(tv,web)"}
    assert found.ranking["reduction"].between(0.0, 1.0, inclusive="neither").all()


def test_one_level_tells_nothing_of_a_difference_of_two_others(fit: Fit) -> None:
    question = {"do": JOINT | {"tv": 80.0}, "versus": JOINT | {"tv": 20.0}}
    found = fit.next_experiment(question, rows=2000, candidates=[{"tv": [20.0, 80.0]}, {"tv": 50.0}])
    assert found.best.setting == "tv at 20 or 80"
    assert found.ranking["reduction"].iloc[0] > 3 * found.ranking["reduction"].iloc[1]
    assert " versus do(tv=20, " in found.table["query"].iloc[0]


def test_rows_set_as_before_are_those_at_hand(fit: Fit) -> None:
    """The sums of a regime that was run, and rows drawn as if it had not been, say nearly the same."""
    found = fit.next_experiment(
        {"do": JOINT},
        rows=300,
        candidates=["do(web)", {"web": _Before(fit.profiles.profiles[Regime(("web",))].sample)}],
    )
    by_setting = found.ranking.set_index("setting")["variance_after"]
    assert by_setting.iloc[0] == pytest.approx(by_setting.iloc[1], rel=0.05)


class _Before:
    """The law of the values at which web was set."""

    def __init__(self, sample: np.ndarray) -> None:
        self.values = sample[:, 1]

    def ppf(self, probability: np.ndarray) -> np.ndarray:
        return np.quantile(self.values, probability)


def test_responses_mixed_effects_and_differences(fit: Fit) -> None:
    asked: list[dict[str, Any]] = [
        {"do": {"tv": [30.0, 60.0]}, "rest": "respond"},
        {"do": {"tv": 30.0}, "given": {"web": 20.0, "radio": 10.0}},
        {"do": {"tv": 30.0}, "versus": {"tv": 60.0}, "rest": "hold"},
    ]
    found = fit.next_experiment(asked, rows=100, candidates=["do(tv)", "obs"])
    assert len(found.table) == 8
    assert (
        found.table["query"].iloc[2] == "E[sales | do(tv), web, radio] at do(tv=30), web seen at 20, radio seen at 10"
    )
    before = found.table.query("rank == 1")["variance_before"].to_numpy()
    sd = fit.effect(do={"tv": [30.0, 60.0]}, rest="respond").summary()["sd"]
    np.testing.assert_allclose(np.sqrt(before[:2]), sd, rtol=0.35)


def test_an_effect_that_is_not_identified_says_so(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    part = rows[rows["regime"].isin(["obs", "do(tv)"])]
    fit = quick_fit(part, CHANNELS, "sales", graph="empty")
    with pytest.raises(IdentificationError):
        fit.effect(do=JOINT)
    found = fit.next_experiment({"do": JOINT}, rows=1000)
    ends = found.table.set_index("regime")["identified_after"].to_dict()
    assert {label for label, flag in ends.items() if flag} == {"do(web,radio)", "do(tv,web,radio)"}
    assert not found.table["identified"].any()
    notes = found.table.set_index("regime")["note"]
    assert notes["do(web)"] == "not identified even with rows of do(web)"
    assert notes["do(web,radio)"] == "identified only with rows of do(web,radio)"
    alone = fit.next_experiment({"do": JOINT}, rows=1000, candidates=["do(web)"])
    assert "Even then 1 of 1 queries are not identified" in alone.sentence()
    assert "Even then" not in found.sentence()


def test_a_regime_of_which_nothing_is_known_says_so(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    part = rows[rows["regime"].isin(["do(tv)"])]
    fit = quick_fit(part, CHANNELS, "sales", graph="empty")
    found = fit.next_experiment({"do": JOINT}, rows=100, candidates=["obs", "do(tv,web)"])
    last = found.table.iloc[-1]
    assert last["regime"] == "obs"
    assert last["note"].startswith("cannot be judged: no regime leaves 'tv' alone")
    assert np.isnan(last["variance_after"])
    with pytest.raises(IdentificationError, match=r"no candidate can be judged\. obs: no regime leaves 'tv' alone"):
        fit.next_experiment({"do": JOINT}, rows=100, candidates=["obs"])
    neither = fit.next_experiment(
        {"do": JOINT}, rows=100, candidates=["obs", "do(tv)"], budget=100, cost={"obs": 1, "do(tv)": 2}
    )
    assert neither.sentence().startswith("No candidate can be judged and paid: cannot be judged: no regime leaves 'tv'")
    assert "costs more than the budget of 100" in neither.sentence()
    neither.plot()


def test_the_value_of_information_is_the_textbook_formula() -> None:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    sd, gap = np.sqrt(2.0 + 1.0 - 2 * 0.5), 0.8
    expected = sd * stats.norm.pdf(gap / sd) - gap * stats.norm.sf(gap / sd)
    assert expected_gain(np.array([1.0, 1.0 + gap]), covariance) == pytest.approx(expected, rel=2e-3)
    assert expected_gain(np.array([1.0, 1.0 + gap]), 0 * covariance) == 0.0
    three = expected_gain(np.zeros(3), np.eye(3))
    assert three == pytest.approx(1.5 / np.sqrt(np.pi), rel=2e-3)  # the mean of the largest of three


def test_the_value_of_information_is_what_simulation_finds() -> None:
    """Nature draws theta, an experiment reports it with error, the best posterior mean is taken."""
    rng = np.random.default_rng(0)
    mean, prior = np.array([0.0, 0.3, -0.2]), np.diag([1.0, 0.5, 2.0]) + 0.2
    noise = np.diag([0.5, 0.5, 0.5])
    gain = prior @ np.linalg.inv(prior + noise)
    theta = rng.multivariate_normal(mean, prior, size=400_000)
    seen = theta + rng.multivariate_normal(np.zeros(3), noise, size=len(theta))
    taken = np.argmax(mean + (seen - mean) @ gain.T, axis=1)
    payoff = theta[np.arange(len(theta)), taken] - theta[:, 1]
    error = payoff.std() / np.sqrt(len(theta))
    assert expected_gain(mean, gain @ prior) == pytest.approx(payoff.mean(), abs=4 * error)


def test_a_decision_is_ranked_by_its_value(fit: Fit, middle: pd.DataFrame) -> None:
    effects = fit.effect(do=middle).summary()["mean"].to_numpy()
    level = {"do": middle, "cost": effects - effects.mean()}  # all options look alike: information is worth most
    found = fit.next_experiment(decision=level, rows=[100, 1000], candidates=["obs", "do(tv,web,radio)"])
    values = found.ranking["value_of_information"]
    assert (values > 0).all()
    assert (values.diff().dropna() <= 0).all()
    assert found.best.regime == Regime(("tv", "web", "radio"))
    assert "choosing after it gains" in found.sentence()
    clear = {"do": middle, "cost": [0.0, 1e4, 1e4]}
    nothing = fit.next_experiment(decision=clear, rows=100, candidates=["obs", "do(tv)"])
    assert nothing.ranking["value_of_information"].tolist() == [0.0, 0.0]
    assert nothing.ranking["reduction"].is_monotonic_decreasing  # of equals the one that tells more
    both = fit.next_experiment({"do": JOINT}, decision=level, rows=100, candidates=["obs", "do(tv)"])
    assert both.table["query"].unique().size == 1
    np.testing.assert_allclose(both.ranking["value_of_information"].max(), _best_value(fit, level), rtol=1e-9)
    assert (both.ranking["value_of_information"] > 0).all()


def _best_value(fit: Fit, decision: dict[str, Any]) -> float:
    found = fit.next_experiment(decision=decision, rows=100, candidates=["obs", "do(tv)"])
    return float(found.ranking["value_of_information"].iloc[0])


def test_noise_scales_that_regimes_share(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    fit = quick_fit(rows, CHANNELS, "sales", noise="constant", graph="empty")
    found = fit.next_experiment({"do": JOINT}, rows=300)
    assert found.best.regime == Regime(("tv", "web", "radio"))


def test_labels_covariates_blocks_and_data_sets(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    rng = np.random.default_rng(0)
    part = rows.assign(
        tv=np.where(rows["tv"] > 50, "high", "low"),
        season=rng.normal(size=len(rows)),
        source=np.where(rng.random(len(rows)) < 0.5, "one", "two"),
    )
    fit = quick_fit(part, CHANNELS, "sales", graph="empty", covariates=["season"], dataset="source")
    question = {"do": {"tv": "high", "web": 20.0, "radio": 10.0}, "covariates": {"season": 0.5}}
    found = fit.next_experiment(question, rows=200, candidates=[{"tv": ["high", "low"]}, "obs", "do(tv,web)"])
    assert "tv at high or low" in found.ranking["setting"].tolist()
    assert found.ranking["reduction"].between(0.0, 1.0, inclusive="neither").all()
    with pytest.raises(QueryError, match="'huge', which is not one of its levels"):
        fit.next_experiment(question, rows=200, candidates=[{"tv": "huge"}])
    blocks = quick_fit(
        rows[rows["regime"].isin(["obs", "do(radio)"])], CHANNELS, "sales", graph="empty", blocks=[["tv", "web"]]
    )
    labels = blocks.next_experiment({"do": JOINT}, rows=100).ranking["regime"]
    assert sorted(labels) == ["do(radio)", "do(tv,web)", "do(tv,web,radio)", "obs"]
    with pytest.raises(QueryError, match=r"'do\(tv\)' sets only part of the block \['tv', 'web'\]"):
        blocks.next_experiment({"do": JOINT}, rows=100, candidates=["do(tv)"])


def test_a_ranking_speaks_and_draws(fit: Fit, ranked: NextExperiment) -> None:
    text = ranked.sentence()
    assert str(ranked) == text
    assert text.startswith(
        "Next: 300 rows of do(tv,web,radio), cost 300. The standard deviation of the 3 queries (on average) is "
    )
    nothing = fit.next_experiment({"do": JOINT, "versus": JOINT}, rows=300, candidates=["obs"])
    assert nothing.sentence().startswith("No candidate tells anything about E[sales | do(tv, web, radio)] at do(tv=50")
    ax = ranked.plot()
    assert next(label.get_text() for label in ax.get_yticklabels()) == "300 rows of do(tv,web,radio)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": None}, r"Pass rows=500 \(or a list of sizes\), or budget=1000.0"),
        ({"rows": 0}, "rows=0 must be a positive whole number"),
        ({"rows": [100, 2.5]}, "must be a positive whole number"),
        ({"rows": []}, "rows is empty"),
        ({"cost": 0}, "cost=0 must be a positive number, for example 1.0"),
        ({"cost": -2.0}, "cost=-2.0 must be a positive number"),
        ({"cost": {"obs": 0.0}, "candidates": ["obs"]}, r"cost\['obs'\]=0.0 must be a positive number"),
        ({"cost": {"obs": 1.0}}, r"cost has no entry for 'do\(tv\)'"),
        ({"cost": {"obs": 1.0, "do(tv)": 2.0}, "candidates": ["obs"]}, r"cost names 'do\(tv\)', which is not among"),
        ({"budget": -1.0}, "budget=-1.0 must be a positive number"),
        (
            {"budget": 5.0},
            r"budget=5 pays for no experiment: the cheapest, 100 rows of obs, costs 100. Pass budget=100",
        ),
        ({"rows": None, "budget": 0.5}, "budget=0.5 pays for no experiment: the cheapest, 1 rows of obs, costs 1"),
        ({"candidates": "obs"}, "candidates='obs' is not a list"),
        ({"candidates": []}, "candidates is empty"),
        ({"candidates": [3]}, "the candidate 3 is a int; pass a label such as"),
        (
            {"candidates": ["do(print)"]},
            r"sets 'print', which is not an action. The actions are \['tv', 'web', 'radio'",
        ),
        ({"candidates": ["tv"]}, "cannot be read"),
        ({"candidates": [{"print": 1.0}]}, "a candidate cannot be used: .* sets 'print', which is not an action"),
        ({"candidates": [{"tv": float("nan")}]}, "every value must be a finite number"),
        ({"candidates": [{"tv": stats.multivariate_normal()}]}, "must be a number or an array of numbers"),
        ({"candidates": [pd.DataFrame({"tv": []})]}, "a candidate is an empty data frame"),
        ({"questions": None}, r"next_experiment needs questions={'do': {...}}"),
        ({"questions": "tv"}, "asks nothing that is known; pass the arguments of fit.effect"),
        ({"questions": []}, "asks nothing that is known"),
        ({"questions": ["tv"]}, "the question 'tv' is a str; pass a mapping"),
        ({"questions": JOINT}, r"the question has the key 'tv'; valid are do, given, rest, covariates, versus"),
        ({"questions": {"do": {"tv": 1.0}}}, "'web'"),
        ({"questions": {"do": JOINT, "versus": {"tv": 1.0}}}, "versus: .*'web'"),
        ({"decision": {"do": JOINT}}, "decision needs two options or more"),
        ({"decision": {"do": {**JOINT, "tv": [1.0, 2.0]}, "versus": JOINT}}, "and no 'versus'"),
        ({"decision": {"do": {**JOINT, "tv": [1.0, 2.0]}, "cost": [1, 2, 3]}}, "one for each of the 2 options"),
        ({"decision": "tv"}, "decision='tv' is not a mapping"),
    ],
)
def test_what_cannot_be_used_is_named(fit: Fit, options: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        fit.next_experiment(**{"questions": {"do": JOINT}, "rows": 100, **options})


def test_the_suggested_fixes_run(fit: Fit) -> None:
    fit.next_experiment({"do": JOINT}, rows=100, budget=100)
    fit.next_experiment({"do": JOINT}, rows=None, budget=1, candidates=["obs"])
    fit.next_experiment({"do": JOINT}, rows=500, candidates=["obs", "do(tv)", {"tv": [0.0, 1.0]}])
    with pytest.raises(QueryError, match="asks nothing that is known") as caught:
        fit.next_experiment([], rows=100)
    suggested = str(caught.value).partition("mapping, ")[2].partition(", or a list")[0]
    fit.next_experiment(eval(suggested), rows=100, candidates=["obs"])


class _Broken:
    def ppf(self, probability: np.ndarray) -> np.ndarray:
        return np.full(3, np.inf)


def test_a_law_must_give_numbers(fit: Fit) -> None:
    with pytest.raises(QueryError, match=r"the law of 'tv' in the candidate do\(tv\) \(tv from _Broken\(\)\) does not"):
        fit.next_experiment({"do": JOINT}, rows=100, candidates=[{"tv": _Broken()}])
    fit.next_experiment({"do": JOINT}, rows=100, candidates=[{"tv": stats.uniform(0.0, 2.0)}])


def test_fits_without_the_formula_are_refused(fit: Fit, rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    weighted = quick_fit(rows, CHANNELS, "sales", weights="variance", graph="empty")
    with pytest.raises(SpecError, match=r"has no weights='variance'.* Fit with weights=None."):
        weighted.next_experiment({"do": JOINT}, rows=100)
