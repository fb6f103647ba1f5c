"""Cards of notebooks and texts of terminals: escaped, well formed, narrow, the same numbers as the tables."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, BSpline, Fit, InterventionModel, Polynomial, RegimeData, RowSummary, decisions
from bayes_ivgen.shown import WIDTH, card, wrapped

A, B, Y = "<b>tv</b>", "web & 'more'", "<script>alert(1)</script>"
PLAIN = InterventionModel(causal=Polynomial(1), confounding=Polynomial(1), graph=ActionGraph({B: [A]}))


class Balanced(HTMLParser):
    """Reads a page and notes tags that are not closed, and those that could do harm."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Balanced:
    page = Balanced()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


@pytest.fixture(scope="module")
def data(linear_rows: Callable[..., pd.DataFrame]) -> RegimeData:
    rows = linear_rows({"obs": 60, "do(a)": 60, "do(b)": 60})
    rows["regime"] = rows["regime"].replace({"do(a)": f"do({A})", "do(b)": f"do({B})"})
    return RegimeData.from_frame(rows.rename(columns={"a": A, "b": B, "y": Y}), outcome=Y, actions=[A, B])


@pytest.fixture(scope="module")
def fit(data: RegimeData) -> Fit:
    return PLAIN.fit(data, draws=300, chains=2, tune=300, seed=0, cores=1)


@pytest.fixture(scope="module")
def shown(data: RegimeData, fit: Fit, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    plans = {A: [0.0, 1.0, 0.5], B: 0.5}
    design = tmp_path_factory.mktemp("shown") / "design.json"
    fit.save_design(design)
    report = fit.falsify(data)
    return {
        "data": data,
        "model": PLAIN,
        "fit": fit,
        "estimate": fit.effect(do={A: 0.5, B: 0.5}),
        "estimates": fit.effect(do=plans),
        "many estimates": fit.effect(do={A: [0.5] * 5000, B: 0.5}),
        "report": report,
        "result": report["additivity"] if "additivity" in report else report[next(iter(report))],
        "sensitivity": fit.sensitivity(do={A: 0.5, B: 0.5}, threshold=0.0),
        "allocation": fit.allocate(2.0, costs={A: 1.0, B: 1.0}, bounds={A: (0.0, 1.0), B: (0.0, 1.0)}),
        "next": fit.next_experiment({"do": {A: 0.5, B: 0.5}}, rows=100),
        "plan": decisions.study_plan([A, B], budget=100),
        "graph": fit.graph,
        "priors": PLAIN.prior_table(),
        "rows": RowSummary.of(data, design),
    }


NAMES = [
    *("data", "model", "fit", "estimate", "estimates", "many estimates", "report", "result"),
    *("sensitivity", "allocation", "next", "plan", "graph", "priors", "rows"),
]


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_well_formed_and_escape_what_comes_from_data(name: str, shown: dict[str, Any]) -> None:
    thing = shown[name]
    html = thing._repr_html_()
    page = read(html)
    assert page.seen <= {"div", "strong", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"}
    assert type(thing).__name__ in page.text
    assert len(html) < 20_000
    assert "color:" not in html  # no colour that a dark page would swallow
    if name not in ("priors",):
        assert A in page.text or B in page.text or Y in page.text


@pytest.mark.parametrize("name", [name for name in NAMES if name != "graph"])  # its repr is how it is made
def test_texts_fit_a_terminal(name: str, shown: dict[str, Any]) -> None:
    lines = repr(shown[name]).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "".join(repr(shown[name]).split()) == "".join(str(shown[name]).split())


def test_tables_hold_the_numbers(shown: dict[str, Any]) -> None:
    table = shown["estimates"].summary()
    page = read(shown["estimates"]._repr_html_())
    for value in table[["mean", "sd", "lower", "upper"]].to_numpy().ravel():
        assert f"{value:.4g}" in page.text
    assert "first 12 of" in read(shown["many estimates"]._repr_html_()).text
    assert "R-hat" in page.text or "mixing of the chains" in read(shown["fit"]._repr_html_()).text


def test_a_model_shows_what_is_not_default() -> None:
    assert repr(InterventionModel()) == "InterventionModel()"
    assert repr(InterventionModel(graph="empty", causal=BSpline(6))).startswith(
        "InterventionModel(\n    causal=BSpline("
    )
    assert "graph='empty'" in repr(InterventionModel(graph="empty"))
    assert "confounding" in InterventionModel(graph="empty")._repr_html_()


def test_long_lines_are_broken_and_tables_are_not() -> None:
    text = "word " * 40 + "\n  aligned    columns" + " " * 80 + "|"
    broken = wrapped(text).splitlines()
    assert all(len(line) <= WIDTH for line in broken[:-1])
    assert broken[-1].endswith("|")
    assert card("T", "a < b & c").count("a &lt; b &amp; c") == 1
