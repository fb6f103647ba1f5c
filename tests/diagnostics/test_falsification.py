"""Checks of the assumptions: silent in worlds that keep them, loud in worlds that do not, plain about their limits."""

from __future__ import annotations

import re

import numpy as np
import pytest
from falsification_worlds import finite, fitted

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.diagnostics import CHECKS, CheckReport, CheckResult
from bayes_ivgen.diagnostics.additivity import formula, restrictions
from bayes_ivgen.errors import NotTestableError, QueryError
from bayes_ivgen.simulate import boolean_example, discrete

JOINT = "do(a1,a2)"


@pytest.fixture(scope="module")
def valid() -> tuple[Fit, RegimeData]:
    data, graph = finite(1000, 0, JOINT)
    return fitted(data, graph=graph), data


@pytest.fixture(scope="module")
def report(valid: tuple[Fit, RegimeData]) -> CheckReport:
    return valid[0].falsify(valid[1])


def test_a_world_that_keeps_the_assumptions_passes(report: CheckReport) -> None:
    assert report.passed
    assert [*report] == [*CHECKS[:-1], "calibration[a1]", "calibration[a2]", "calibration[a3]"]
    assert len(report) == 7
    assert report.not_tested == {}
    table = report.summary()
    assert table["passed"].all()
    assert table.loc["additivity", "p_value"] == report["additivity"].p_value
    assert table.loc["additivity", "finding"].startswith("do(a1,a2) = do(a1) + do(a2) - obs is off most in its ")
    assert str(report) == report.sentence()
    assert report.sentence().count(" passed (p = ") == 7


def test_tables_name_what_was_compared(valid: tuple[Fit, RegimeData], report: CheckReport) -> None:
    fit, _ = valid
    order = fit.graph.order(fit.actions)
    table = report["invariance"].table.set_index(["action", "regime"])
    assert len(table) == 2 * 2 + 3  # each action in two other tests, and a3 in the combined one
    assert set(table["versus"]) == {"obs"}
    assert table.loc[order[2], "given"].tolist() == [f"{order[0]}, {order[1]}"] * (len(table.loc[order[2]]))
    assert (table.loc[order[0], "given"] == "").all()
    assert (table["p_adjusted"] >= table["p_value"]).all()
    own = report["interactions"].table
    assert JOINT not in set(own["regime"])  # left to additivity
    assert {"regime", "part", "df", "p_value", "p_adjusted"} <= set(own.columns)


@pytest.mark.parametrize(
    ("violation", "check"),
    [({"shared_confounder": 1.0}, "invariance"), ({"shared_noise": 1.0}, "invariance"), ({"soft": 1.0}, "assignment")],
)
def test_violations_that_show_in_the_actions(violation: dict[str, float], check: str) -> None:
    data, graph = finite(1500, 1, **violation)
    fit = fitted(data, graph=graph)
    result = fit.falsify(data, [check])[check]
    assert isinstance(result, CheckResult)
    assert not result.passed
    assert " failed (p = " in result.sentence()
    assert result.sentence().endswith(result.advice)


def test_synergy_that_the_model_lacks() -> None:
    data, graph = finite(2000, 2, actions=2, world=205, synergy=0.5)
    result = fitted(data, graph=graph).falsify(data, "interactions")["interactions"]
    assert not result.passed
    assert result.table.loc[result.table["p_value"].idxmin(), "part"] == "a1 x a2"
    allowed = fitted(data, graph=graph, synergy=True).falsify(data, "interactions")["interactions"]
    assert allowed.passed


@pytest.fixture(scope="module")
def twins() -> list[tuple[Fit, RegimeData]]:
    """Worlds with equal laws in obs, do(a1) and do(a2); the second is not additive."""
    pairs = []
    for world in (0, 1):
        counts = dict.fromkeys(["obs", "do(a1)", "do(a2)", JOINT], 15_000)
        rows = boolean_example("twins", world=world).sample_regimes(counts, seed=0)
        data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"])
        pairs.append((fitted(data, graph="empty"), data))
    return pairs


def test_only_a_combined_test_shows_that_confounders_interact(twins: list[tuple[Fit, RegimeData]]) -> None:
    (additive, rows), (other, its_rows) = twins
    assert additive.falsify(rows).passed
    report = other.falsify(its_rows)
    assert not report["additivity"].passed
    assert report["additivity"].table.set_index("part")["p_value"].idxmin() == "a1 x a2"
    assert "fit.sensitivity" in report.sentence()
    assert report.sentence().startswith("Additivity failed")
    assert [name for name in report if not report[name].passed] == ["additivity"]


def test_single_tests_cannot_refute_additivity(twins: list[tuple[Fit, RegimeData]]) -> None:
    for _, rows in twins:
        singles = rows.without([JOINT])
        fit = fitted(singles, graph="empty")
        assert fit.falsify(singles).passed  # although the second world is not additive
    report = fit.falsify(singles, ["additivity"])
    assert len(report) == 0
    assert report.summary()["passed"].isna().all()
    with pytest.raises(NotTestableError, match=r"It needs a regime that sets two actions .* do\(a1,a2\) beside obs"):
        _ = report["additivity"]
    assert report.sentence().startswith("additivity across confounders cannot be tested")


def test_regimes_that_are_combinations(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    found = restrictions(data.regimes, fit.effects)
    assert [regime.label for regime in found] == [JOINT]
    assert list(found.values()) == ["do(a1,a2) = do(a1) + do(a2) - obs"]
    (target,) = found
    others = [regime for regime in data.regimes if regime != target]
    weights = level_weights(target, others, data.actions)
    assert weights is not None
    assert formula(weights / 2, others) == "0.5 do(a1) + 0.5 do(a2) - 0.5 obs"


def test_what_else_cannot_be_tested() -> None:
    world = discrete(2, 3, seed=1)
    frame = world.sample_regimes({"do(a1)": 300, "do(a2)": 300}, seed=0)
    data = RegimeData.from_frame(frame, outcome="y", actions=world.actions)
    report = fitted(data, graph=ActionGraph({})).falsify(data, ["invariance", "calibration"])
    assert "no action is left alone by two regimes" in report.not_tested["invariance"]
    assert set(report) == {"calibration[a1]", "calibration[a2]"}
    only = RegimeData.from_frame(
        world.sample_regimes({"obs": 300, JOINT: 300}, seed=0), outcome="y", actions=world.actions
    )
    report = fitted(only, graph=ActionGraph({})).falsify(only)
    assert set(report.not_tested) == {"invariance", "assignment", "additivity", "calibration"}
    with pytest.raises(QueryError, match=r"nothing to draw"):
        CheckReport({}, report.not_tested).plot()


def test_names_and_data_that_are_wrong(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    with pytest.raises(QueryError, match=r"names 'invariant', which is not a check; valid are \['invariance', 'assign"):
        fit.falsify(data, ["invariant"])
    with pytest.raises(QueryError, match=r"names nothing; valid are"):
        fit.falsify(data, [])
    with pytest.raises(QueryError, match=r"data is a DataFrame; pass the RegimeData of the fit"):
        fit.falsify(data.summary())  # type: ignore[arg-type]
    other = discrete(2, 3, seed=1)
    two = RegimeData.from_frame(other.sample_regimes({"obs": 50, "do(a1)": 50}, 0), outcome="y", actions=other.actions)
    with pytest.raises(QueryError, match=r"the data hold 'y' given \['a1', 'a2'\], but the fit is of 'y' given"):
        fit.falsify(two)
    with pytest.raises(QueryError, match=r"'additive' is not among the checks; they are \['invariance'\]"):
        _ = fit.falsify(data, "invariance")["additive"]
    numbers = discrete(3, 3, seed=200, edge_probability=1.0).sample_regimes({"obs": 50, "do(a1)": 50}, 0)
    with pytest.raises(QueryError, match=r"'a1' holds the labels None in the data and \('a', 'b', 'c'\)"):
        fit.falsify(RegimeData.from_frame(numbers, outcome="y", actions=["a1", "a2", "a3"]))


def test_another_link_is_refused_by_the_checks_of_the_mean(valid: tuple[Fit, RegimeData]) -> None:
    from dataclasses import replace

    from bayes_ivgen.diagnostics import additivity_check, interactions_check
    from bayes_ivgen.model.links import Link

    fit, data = valid
    other = replace(fit.effects, link=Link.of("log", 1.0))
    for check in (interactions_check, additivity_check):
        with pytest.raises(NotTestableError, match=r"the check is of means on the identity link, and the fit has the"):
            check(other, data)


def test_units_and_order_do_not_matter(valid: tuple[Fit, RegimeData], report: CheckReport) -> None:
    _, data = valid
    frame = discrete(3, 3, seed=200, edge_probability=1.0).sample_regimes(
        {regime.label: profile.rows for regime, profile in data.profiles.items()}, seed=0
    )
    for name in data.actions:
        frame[name] = np.array(list("abc"))[frame[name].astype(int)]
    frame["y"] = 100 - 7 * frame["y"]
    turned = RegimeData.from_frame(frame, outcome="y", actions=data.actions)
    graph = ActionGraph(discrete(3, 3, seed=200, edge_probability=1.0).parents)
    again = fitted(turned, graph=graph).falsify(turned, ["invariance", "interactions", "additivity"])
    for name in again:
        np.testing.assert_allclose(again[name].p_value, report[name].p_value, rtol=1e-6)
        np.testing.assert_allclose(again[name].table["statistic"], report[name].table["statistic"], rtol=1e-5)


def test_the_picture(report: CheckReport) -> None:
    from matplotlib import pyplot as plt

    ax = report.plot()
    assert [text.get_text() for text in ax.get_yticklabels()] == list(report)
    assert ax.get_xscale() == "log"
    plt.close(ax.figure)


def test_a_continuous_world_with_a_covariate_passes() -> None:
    from bayes_ivgen.simulate import structured

    world = structured(3, seed=4, covariate=1.0)
    rows = world.sample_regimes(world.standard_regimes(800), seed=0)
    data = RegimeData.from_frame(rows, outcome="y", actions=world.actions, covariates=["x"])
    fit = InterventionModel(graph=ActionGraph(world.parents)).fit(
        data, draws=500, chains=2, tune=200, cores=1, seed=0, progressbar=False
    )
    assert fit.falsify(data, ["invariance", "assignment", "interactions"]).passed


def test_with_few_rows_a_column_the_mean_is_not_judged() -> None:
    """The regression would follow the noise: p-values of fits without a fault come out far too small."""
    from bayes_ivgen.simulate import structured

    world = structured(2, seed=4, covariate=1.0)
    rows = world.sample_regimes({**world.standard_regimes(800), JOINT: 800}, seed=0)
    graph = ActionGraph(world.parents)
    fits = {}
    for name, table in (("many", rows), ("few", rows.groupby("regime", sort=False).head(60))):
        data = RegimeData.from_frame(table, outcome="y", actions=world.actions, covariates=["x"])
        options = {"draws": 500, "chains": 2, "tune": 200, "cores": 1, "seed": 0, "progressbar": False}
        fits[name] = InterventionModel(graph=graph).fit(data, **options), data
    few, data = fits["few"]
    report = few.falsify(data, ["interactions", "additivity"])
    assert not len(report)
    for name in ("interactions", "additivity"):
        found = re.search(
            r"too few rows.* (\d+) columns for (\d+) rows.*It needs ([\d,]+) rows", report.not_tested[name]
        )
        assert found is not None
        columns, n, needed = (int(item.replace(",", "")) for item in found.groups())
        assert n == {"interactions": 180, "additivity": 240}[name]
        assert needed == 7 * columns > n
    many, data = fits["many"]  # as it advises
    assert set(many.falsify(data, ["interactions", "additivity"])) == {"interactions", "additivity"}
