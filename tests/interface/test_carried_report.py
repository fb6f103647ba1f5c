"""Reports of fits with transforms: what they say of carry-over, and no verdict from weeks taken as independent rows."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import ConvergenceWarning, QueryError
from bayes_ivgen.interface.report_checks import checks_of
from bayes_ivgen.interface.reporting import facts_of
from bayes_ivgen.media import Adstock, Saturation
from bayes_ivgen.report import Facts, render
from bayes_ivgen.report.check_sections import checks
from bayes_ivgen.simulate import media_series

VERDICTS = ("passed", "failed", "do not trust", "The fit misses it", "The rows show", "The fit agrees")
DEFAULT: dict[str, Any] = {"queries": None, "data": None, "units": None, "prob": 0.9}
TRANSFORMS = {
    "tv": (Adstock(alpha=[0.0, 0.6], l_max=4), Saturation("michaelis_menten", lam=40.0)),
    "web": Adstock(alpha=0.3, l_max=4),
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Weeks of 20 geos, so that some are left when weeks are thinned."""
    world = media_series(2, seed=3, alpha=[0.6, 0.3], l_max=4, memory=0.7)
    return world.sample(20, 60, test_weeks=12, rest_weeks=8, hold=3, seed=1)


@pytest.fixture(scope="module")
def data(table: pd.DataFrame) -> RegimeData:
    return RegimeData.from_frame(table, outcome="sales", actions=["tv", "web"], time="week", unit="geo")


def fitted(data: RegimeData, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = InterventionModel(**({"graph": "empty", "transforms": TRANSFORMS} | options))
        return model.fit(data, draws=100, tune=100, chains=2, cores=1, seed=0, progressbar=False)


@pytest.fixture(scope="module")
def fit(data: RegimeData) -> Fit:
    return fitted(data)


def words(part: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", part)).split())


@pytest.fixture(scope="module")
def base(fit: Fit) -> Facts:
    return facts_of(fit, **DEFAULT)


@pytest.fixture(scope="module")
def page(base: Facts) -> str:
    return render(base)


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page, flags=re.S)
    assert found is not None
    return words(found[0])


def said_of(fit: Fit, data: RegimeData | None, base: Facts) -> tuple[str, set[str]]:
    """Words of the section of checks, and its verdicts."""
    blocks = checks(replace(base, checks=checks_of(fit, data))).blocks
    texts = []
    for block in blocks:
        if block.kind == "table":
            texts += [block.caption, *block.headings, *(" ".join(row) for row in block.rows)]
        elif block.kind == "terms":
            texts += [f"{name} {text}" for name, text in block.items]
        elif block.kind == "paragraph":
            texts.append(block.text)
    return " ".join(texts), {block.verdict for block in blocks if block.kind == "paragraph"} - {""}


def test_summaries_of_weeks_are_shown_without_a_verdict(fit: Fit, data: RegimeData, base: Facts, page: str) -> None:
    assert 'class="verdict' not in page[page.index('<section id="checks"') : page.index('<section id="sampler"')]
    for rows in (None, fit.as_fitted(data)):  # carried-over rows do not say which weeks follow each other
        said, verdicts = said_of(fit, rows, base)
        assert not verdicts
        assert not [word for word in (*VERDICTS, "p-value", "p =", "standard deviations") if word in said]
        assert "Not judged: weeks are not independent rows" in said
        assert "fit.report(path, data=data)" in said
        assert "fit.falsify(fit.thinned(data))" in said
        for action in ("tv", "web"):
            assert f"{action} fit " in said  # the largest disagreement


def test_rows_at_hand_are_judged_by_weeks_apart(fit: Fit, data: RegimeData, base: Facts) -> None:
    """As the page without rows advises."""
    thin = fit.thinned(data)
    report = fit.falsify(thin)
    for rows in (data, thin):
        said, verdicts = said_of(fit, rows, base)
        assert verdicts
        assert "Not judged" not in said
        for name in ("invariance", "assignment"):
            if name in report.results:
                verdict = "passed" if report[name].passed else "failed"
                assert f"{name.capitalize()}: {verdict} (p = {report[name].p_value:.2g}) {report[name].finding}" in said
        for action in ("tv", "web"):
            p_value = report[f"calibration[{action}]"].p_value
            assert re.search(rf"{action} (passed|failed) {p_value:.2g} ", said)
        assert f"{thin.n_rows:,} of {fit.as_fitted(data).n_rows:,} rows, some weeks apart" in said
    assert report["invariance"].p_value > 0.001


def test_where_too_few_weeks_are_apart_the_page_says_why(fit: Fit, table: pd.DataFrame, base: Facts) -> None:
    few = RegimeData.from_frame(
        table.iloc[:4].assign(regime="obs"), outcome="sales", actions=["tv", "web"], time="week", unit="geo",
    )  # fmt: skip
    assert fit.as_fitted(few).n_rows == 1
    said, verdicts = said_of(fit, few, base)
    assert "Not judged" in said
    assert "no row is left" in said
    assert not verdicts


def test_a_fit_of_rows_apart_is_judged(fit: Fit, data: RegimeData, base: Facts) -> None:
    apart = fitted(fit.thinned(data))
    said, verdicts = said_of(apart, None, base)
    assert verdicts
    assert "some weeks apart" in said
    assert "Weeks were thinned out" in section(render(facts_of(apart, **DEFAULT)), "carry-over")


def test_the_page_says_what_carries_over_and_what_became_of_the_rows(fit: Fit, table: pd.DataFrame, page: str) -> None:
    said = section(page, "carry-over")
    assert "a steady spend a week" in said
    assert "web geometric carry-over, 4 weeks alpha=0.3 given" in said
    assert "tv Michaelis-Menten saturation lam=40 given" in said
    alpha, choice = fit.transforms["tv"][0].alpha, fit.carried.choice
    worse = -choice.loc[~choice["chosen"].astype(bool), "log_evidence"].max()
    assert (
        f"tv geometric carry-over, 4 weeks alpha={alpha:.4g} chosen from 2; the next is {worse:.2g} log units" in said
    )
    assert "An experiment also changes later weeks" in said
    assert "The first weeks of a series are left out" in said
    assert "thinned" not in said
    kept, total = fit.as_fitted(fit.profiles).n_rows, len(table)
    assert f"{kept:,} of the {total:,} rows that were read count" in said
    assert fit.row_worth < 1
    assert f"a row counts as {fit.row_worth:.2f} independent ones" in said
    for row in fit.carried.rows.to_dict("records"):
        assert f"{row['week']} {row['became']} {row['rows']:,}" in said
    assert f"{total:,} were read" in section(page, "rows")
    assert 'href="#carry-over"' in page


def test_plain_fits_say_nothing_of_carry_over(data: RegimeData) -> None:
    plain = fitted(data, transforms=None)
    assert facts_of(plain, **DEFAULT).carried is None


def test_the_report_refuses_rows_of_another_fit(fit: Fit, table: pd.DataFrame, tmp_path: Path) -> None:
    other = RegimeData.from_frame(table, outcome="sales", actions=["web", "tv"], time="week", unit="geo")
    with pytest.raises(QueryError, match="pass the data of the fit"):
        fit.report(tmp_path / "report.html", data=other)
