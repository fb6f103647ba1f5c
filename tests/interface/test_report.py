"""`fit.report`: the page says what the fit says."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, BSpline, Fit, RegimeData
from bayes_ivgen.errors import QueryError, SpecError, StorageError
from bayes_ivgen.interface.reporting import facts_of
from bayes_ivgen.report import render

ODD = "<b>&'"


def words(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def facts(fit: Fit, **options: Any):  # noqa: ANN201
    return facts_of(fit, **({"queries": None, "data": None, "units": None, "prob": 0.9} | options))


def test_the_page_holds_the_numbers_of_the_fit(fit: Fit, rows: pd.DataFrame, tmp_path: Path) -> None:
    place = fit.report(tmp_path / "report.html", units={"sales": "euro"})
    text = words(place.read_text(encoding="utf-8"))
    assert place.stat().st_size < 3e6
    assert "900 rows in 3 regimes" in text
    low, high = (re.search(r"one moves tv from ([\d.]+) to ([\d.]+)", text) or pytest.fail("no question")).groups()
    web = (re.search(r"web from ([\d.]+) to ([\d.]+), all at once", text) or pytest.fail("no question")).groups()
    both = {"tv": [float(low), float(high)], "web": [float(value) for value in web]}
    moved = fit.contrast(do={k: v[1] for k, v in both.items()}, versus={k: v[0] for k, v in both.items()})
    row = moved.summary().iloc[0]
    said = re.search(r"By (-?[\d.,]+) euro \(90 % interval (-?[\d.,]+) to (-?[\d.,]+)\)", text)
    assert said is not None
    for value, name in zip(said.groups(), ("mean", "lower", "upper"), strict=True):
        assert float(value.replace(",", "")) == pytest.approx(row[name], abs=0.06 * (row["upper"] - row["lower"]))
    for action in ("tv", "web"):
        check = fit.check_calibration(fit.profiles, action)
        assert f"{action} {'passed' if check.passed else 'failed'} {check.p_value:.2g}" in text
    for name in ("invariance", "assignment", "interactions"):
        check = fit.falsify(fit.profiles)[name]
        verdict = "passed" if check.passed else "failed"
        assert f"{name.capitalize()}: {verdict} (p = {check.p_value:.2g}) {check.finding}" in text
    assert "Additivity: not testable" in text
    assert "needs a regime that sets two actions" in text
    assert f"{fit.diagnostics.loc['effects', 'r_hat']:.4g}" in text
    assert f"tv → web {'yes' if ('tv', 'web') in fit.graph.edges else 'no'}" in text
    for name in ("bayes-ivgen", "engine conjugate", "hyper[level] HalfCauchy(beta=0.1)", "seed 0"):
        assert name in text
    assert "hyper[synergy_linear]" not in text  # not in this model


def test_curves_and_biases_are_those_of_the_fit(fit: Fit) -> None:
    along = facts(fit, prob=0.5).along
    np.testing.assert_allclose(along["tv"].curve["upper"], fit.response_curve("tv").summary(0.5)["upper"])
    difference = along["tv"].observational["mean"] - fit.response_curve("tv", along["tv"].bias["tv"]).summary()["mean"]
    np.testing.assert_allclose(difference, along["tv"].bias["mean"])


def test_the_rows_may_be_passed_or_come_from_the_fit(fit: Fit, data: RegimeData) -> None:
    kept, given = facts(fit).checks, facts(fit, data=data).checks
    assert [item.p_value for item in kept.calibrations] == pytest.approx([item.p_value for item in given.calibrations])
    assert [item.action for item in kept.calibrations] == ["tv", "web"]
    assert len(kept.residuals) == 900
    other = RegimeData.from_frame(
        pd.DataFrame({"regime": "obs", "web": [1.0, 2.0], "tv": [1.0, 3.0], "sales": [1.0, 2.0]}),
        outcome="sales",
        actions=["web", "tv"],
    )
    with pytest.raises(QueryError, match="pass the data of the fit"):
        facts(fit, data=other)


def test_without_rows_the_page_says_so(fit: Fit) -> None:
    tree = fit.datatree.copy()
    del tree["profiles"]
    checks = facts(Fit(tree)).checks
    assert checks.calibrations == ()
    assert "No rows are at hand: the fit was made by an earlier version" in checks.note
    assert "No rows are at hand" in words(render(facts(Fit(tree))))


def test_the_questions_may_be_asked_in_several_ways(fit: Fit) -> None:
    frame = pd.DataFrame({"tv": [20.0, 40.0], "web": [20.0, 30.0]})
    asked = facts(fit, queries=frame).answers[0]
    np.testing.assert_allclose(asked.table["mean"], fit.effect(do=frame).summary()["mean"])
    assert asked.labels == ("do(tv=20, web=20)", "do(tv=40, web=30)")
    held = facts(fit, queries={"tv": 30.0})
    assert held.answer == fit.effect(do={"tv": 30.0}, rest="hold").sentence()
    ratio = fit.contrast(do={"tv": 40.0}, versus={"tv": 20.0}, rest="hold", kind="ratio")
    named = facts(fit, queries={"twice the tv": ratio, "seen": fit.effect(given={"tv": 30.0, "web": 30.0})}, prob=0.5)
    assert [item.title for item in named.answers] == ["twice the tv", "seen"]
    assert [item.neutral for item in named.answers] == [1.0, None]
    assert named.answer == ratio.sentence(0.5)
    assert "(1 more below)" in named.question
    assert list(named.sampler.sensitivity.index) == ["twice the tv", "seen"]


def test_unsupported_answers_are_flagged_on_the_page(fit: Fit, rows: pd.DataFrame) -> None:
    beyond = float(rows.loc[rows["regime"] == "do(tv)", "tv"].max()) * 1.3
    page = words(render(facts(fit, queries={"tv": beyond, "web": 30.0})))
    assert "1 of these answers is not supported by the data" in page
    assert "is above the values at which it was set" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries": 3}, "queries is a int without questions"),
        ({"queries": {}}, "without questions"),
        ({"queries": {"radio": 1.0}}, "do names 'radio', which is not an action"),
        ({"units": {"radio": "euro"}}, "units names 'radio'"),
        ({"prob": 1.5}, "prob=1.5 must be"),
    ],
)
def test_what_does_not_belong_to_the_fit_is_refused(fit: Fit, options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=message):
        fit.report(tmp_path / "report.html", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_page_is_refused_before_any_work(fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.html").write_text("mine")
    monkeypatch.setattr("bayes_ivgen.interface.reporting.facts_of", lambda *a, **k: pytest.fail("worked"))
    with pytest.raises(StorageError, match="pass overwrite=True"):
        fit.report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == "mine"


def test_what_is_not_identified_is_told_and_not_an_error(rows: pd.DataFrame, quick_fit) -> None:  # noqa: ANN001
    history = quick_fit(rows[rows["regime"] == "obs"], ["tv", "web"], "sales", graph="empty")
    found = facts(history)
    assert isinstance(found.along, str)
    assert found.answer.startswith("The rows do not tell.")
    assert "Missing: rows of" in found.answer
    assert found.identified["identified"].tolist() == [True, False, False, False]
    assert found.checks.calibrations == ()
    text = words(render(found))
    assert "1 of the 4 effects below" in text
    assert "no answer." in text


def test_known_levels_identify_more(linear_rows, quick_fit) -> None:  # noqa: ANN001
    tests = linear_rows({"do(a)": 80, "do(b)": 80}, drive=0.0)
    table = {}
    for confounding in (BSpline(), "separable"):
        fitted = quick_fit(tests, ["a", "b"], confounding=confounding, graph="empty")
        table[str(confounding)] = facts(fitted).identified["identified"]
    assert not table[str(BSpline())]["do(a,b)"]
    assert table["separable"]["do(a,b)"]


def test_odd_names_labels_and_blocks_of_text_stay_text(quick_fit) -> None:  # noqa: ANN001
    rng = np.random.default_rng(1)
    parts = []
    for regime in ("obs", f"do({ODD})", "do($x$)"):
        labels, x = rng.choice([ODD, "<i>", "$a$ & $b$"], 80), rng.normal(size=80)
        y = (labels == "<i>") + x + rng.normal(size=80)
        parts.append(pd.DataFrame({"regime": regime, ODD: labels, "$x$": x, "<script>": y}))
    fitted = quick_fit(pd.concat(parts, ignore_index=True), [ODD, "$x$"], "<script>", graph=ActionGraph.empty())
    page = render(facts(fitted))
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    text = words(page)
    assert "What happens to <script> when <b>&', $x$ are set together" in text
    assert "labels" in text


def test_rows_that_a_family_did_not_keep(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Fit) -> None:
        raise SpecError("a fit with likelihood='gamma' has no profiles of its rows.")

    monkeypatch.setattr(Fit, "profiles", property(refuse))
    assert "likelihood='gamma' has no profiles" in facts(Fit(fit.datatree)).checks.note
