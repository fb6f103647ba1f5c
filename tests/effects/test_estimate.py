"""What every question returns: labelled draws, the table, the sentence; memory for many queries."""

from __future__ import annotations

import re
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen import Estimate, Fit
from bayes_ivgen.effects import parse_queries
from bayes_ivgen.effects.estimate import DEFAULT_PROB
from bayes_ivgen.errors import QueryError, SupportWarning


def made_up(draws: np.ndarray, reasons: list[str] | None = None) -> Estimate:
    """Estimate with given draws of shape (chain, draw, query)."""
    chains, n_draws, size = draws.shape
    frame = pd.DataFrame({"tv": np.arange(size, dtype=float)}, index=pd.RangeIndex(size, name="query"))
    reasons = reasons or [""] * size
    support = pd.DataFrame({"supported": [not reason for reason in reasons], "reason": reasons})
    return Estimate(
        "effect",
        "E[y | do(tv)]",
        frame,
        support,
        lambda i: f"do(tv={i})",
        chains,
        n_draws,
        lambda block: draws[..., block],
    )


def test_draws_are_labelled(fit: Fit) -> None:
    draws = fit.effect(do={"a1": [0, 1, 2], "a3": 1}, given={"a2": [2, 1, 0]}).draws
    assert draws.dims == ("chain", "draw", "query")
    assert draws.shape == (2, 150, 3)
    assert draws.name == "effect"
    np.testing.assert_array_equal(draws["chain"], [0, 1])
    np.testing.assert_array_equal(draws["draw"], np.arange(150))
    np.testing.assert_array_equal(draws["query"], [0, 1, 2])
    for action, values in {"a1": [0, 1, 2], "a2": [2, 1, 0], "a3": [1, 1, 1]}.items():
        assert draws[action].dims == ("query",)
        np.testing.assert_array_equal(draws[action], values)
    assert draws.swap_dims(query="a1").sel(a1=2.0)["a2"] == 0


def test_each_kind_has_its_name(fit: Fit) -> None:
    here, there = {"a1": 0, "a2": 0, "a3": 0}, {"a1": 1, "a2": 1, "a3": 1}
    assert fit.effect(do=here).draws.name == "effect"
    contrast = fit.contrast(do=here, versus=there).draws
    assert contrast.name == "contrast"
    np.testing.assert_array_equal(contrast["versus_a1"], [1.0])
    assert fit.response_curve("a1").draws.name == "response_curve"
    assert fit.confounding_bias("a1").draws.name == "confounding_bias"


def test_the_table_agrees_with_the_draws(fit: Fit) -> None:
    estimate = fit.effect(do={"a1": [0, 1], "a2": 2, "a3": 1})
    table = estimate.summary(prob=0.8)
    columns = ["a1", "a2", "a3", "mean", "sd", "lower", "upper", "prior_share", "supported", "reason"]
    assert list(table) == columns
    assert table.index.name == "query"
    assert table.attrs["prob"] == 0.8
    flat = estimate.draws.values.reshape(-1, 2)
    np.testing.assert_allclose(table["mean"], flat.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(table["sd"], flat.std(axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(table["lower"], np.quantile(flat, 0.1, axis=0), rtol=1e-12)
    np.testing.assert_allclose(table["upper"], np.quantile(flat, 0.9, axis=0), rtol=1e-12)
    assert table["supported"].dtype == bool
    assert fit.effect(do={"a1": 0, "a2": 2, "a3": 1}).summary().attrs["prob"] == DEFAULT_PROB == 0.9


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=2, unique=True), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_the_interval_grows_with_its_mass(probs: list[float], seed: int) -> None:
    estimate = made_up(np.random.default_rng(seed).normal(size=(2, 60, 3)))
    small, large = (estimate.summary(prob) for prob in sorted(probs))
    assert (large["lower"] <= small["lower"]).all()
    assert (large["upper"] >= small["upper"]).all()
    assert (large["upper"] - large["lower"] >= small["upper"] - small["lower"]).all()
    assert (small["mean"] == large["mean"]).all()


@pytest.mark.parametrize("prob", [0, 1, -0.1, 90, True, "0.9", None, float("nan")])
def test_a_mass_that_is_none_is_refused(prob: float) -> None:
    estimate = made_up(np.zeros((1, 4, 1)))
    message = re.escape(f"prob={prob!r} must be a number between 0 and 1, for example 0.9")
    for method in (estimate.summary, estimate.sentence, estimate.plot):
        with pytest.raises(QueryError, match=message):
            method(prob=prob)
    estimate.summary(prob=0.9)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = np.random.default_rng(0).normal(size=(2, 30, 11))
    whole, table = made_up(draws).draws, made_up(draws).summary()
    monkeypatch.setattr("bayes_ivgen.effects.estimate.BLOCK_BYTES", 8 * 60 * 3)
    calls: list[slice] = []
    estimate = made_up(draws)
    object.__setattr__(estimate, "evaluate", lambda block: (calls.append(block), draws[..., block])[1])
    np.testing.assert_array_equal(estimate.draws, whole)
    assert sorted((block.start, block.stop) for block in calls) == [(0, 3), (3, 6), (6, 9), (9, 11)]  # by threads
    pd.testing.assert_frame_equal(estimate.summary(), table)


def test_many_queries_need_little_memory(fit: Fit) -> None:
    # 10,000 queries x 4 chains x 1000 draws are 320 MB of draws; a block holds 64 MiB, and its quantiles a copy.
    size = 10_000
    posterior = fit.effects
    coefficients = np.random.default_rng(0).normal(size=(4, 1000, posterior.coefficients.shape[2]))
    wide = type(posterior)(
        **{name: getattr(posterior, name) for name in posterior.__dataclass_fields__ if name != "coefficients"},
        coefficients=coefficients,
    )
    values = np.random.default_rng(1).integers(0, 3, (size, 3)).astype(float)
    queries = pd.DataFrame(values, columns=["a1", "a2", "a3"])
    estimate = wide.effect(parse_queries(("a1", "a2", "a3"), queries), extrapolate=False)
    tracemalloc.start()
    start = time.perf_counter()
    table = estimate.summary()
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) == size
    assert peak < 270e6  # does not grow with the number of queries
    assert seconds < 30
    direct = wide.project(wide.rows(parse_queries(("a1", "a2", "a3"), queries), slice(7_000, 7_001)))
    expected = posterior.design.outcome_mean + posterior.design.outcome_sd * direct.mean()
    assert table["mean"][7_000] == pytest.approx(expected, rel=1e-9)


def test_the_sentence_of_a_joint_effect(fit: Fit) -> None:
    estimate = fit.effect(do={"a1": [1, 0], "a2": 2, "a3": 1})
    table = estimate.summary(0.5)
    text = estimate.sentence(prob=0.5, query=1)
    assert text == (
        f"E[y | do(a1, a2, a3)] at do(a1=0, a2=2, a3=1) is {table['mean'][1]:.4g} "
        f"(50 % interval {table['lower'][1]:.4g} to {table['upper'][1]:.4g})."
    )
    assert "90 % interval" in estimate.sentence()


@pytest.mark.parametrize(
    ("question", "start"),
    [
        (
            {"do": {"a1": 1}, "given": {"a2": 2, "a3": 0}},
            "E[y | do(a1), a2, a3] at do(a1=1), a2 seen at 2, a3 seen at 0 is ",
        ),
        ({"given": {"a1": 1, "a2": 2, "a3": 0}}, "E[y | a1, a2, a3] at a1 seen at 1, a2 seen at 2, a3 seen at 0 is "),
        ({"do": {"a2": 1}, "rest": "hold"}, "E[y | do(a1, a2, a3)] at do(a2=1), a1, a3 held at observed values is "),
        ({"do": {"a2": 1}, "rest": "respond"}, "E[y | do(a2)] at do(a2=1), a1, a3 left to respond is "),
        ({"rest": "respond"}, "E[y] at a1, a2, a3 left to respond is "),
    ],
)
def test_sentences_say_what_is_set_and_what_is_seen(fit: Fit, question: dict, start: str) -> None:
    estimate = fit.effect(**question)
    assert estimate.sentence().startswith(start)
    assert str(estimate) == estimate.sentence()


def test_the_sentence_says_why_a_query_is_not_supported(fit: Fit) -> None:
    with pytest.warns(SupportWarning, match=r"1 of 1 queries are not supported by the data \(a1=3 is above"):
        text = fit.effect(do={"a1": 3, "a2": 0.5, "a3": 0}).sentence()
    assert fit.effect(do={"a1": 3, "a2": 0.5, "a3": 0}, extrapolate=True).sentence() == text
    assert text.endswith(
        "; not supported by the data: a1=3 is above the values at which it was set (0 to 2); "
        "a2=0.5 is between the levels at which it was set (0 and 1)."
    )


def test_the_sentence_keeps_to_two_reasons(fit: Fit) -> None:
    far = {"a1": 3, "a2": 4, "a3": 2.5}
    with pytest.warns(SupportWarning, match=r"set \(0 to 2\); and more in the column 'reason'\)\. See the column"):
        estimate = fit.effect(do=far)
    assert len(estimate.summary()["reason"][0].split("; ")) == 3
    assert estimate.sentence().endswith(
        "; not supported by the data: a1=3 is above the values at which it was set (0 to 2); "
        "a2=4 is above the values at which it was set (0 to 2); and more in the column 'reason'."
    )


@pytest.mark.parametrize("query", [-1, 2, 10])
def test_the_sentence_of_a_query_that_does_not_exist(query: int) -> None:
    estimate = made_up(np.zeros((1, 4, 2)))
    with pytest.raises(QueryError, match=rf"query={query} does not exist; there are 2 queries, counted from 0"):
        estimate.sentence(query=query)
    assert estimate.sentence(query=1)


def test_many_queries_print_their_number(fit: Fit) -> None:
    estimate = fit.effect(do={"a1": [0, 1], "a2": 1, "a3": 0})
    assert len(estimate) == 2
    assert str(estimate) == "E[y | do(a1, a2, a3)]: 2 queries"


def test_the_sentence_of_contrasts_names_both_sides(fit: Fit) -> None:
    here, there = {"a1": 1, "a2": 2, "a3": 0}, {"a1": 0, "a2": 2, "a3": 0}
    difference = fit.contrast(do=here, versus=there)
    assert difference.sentence().startswith(
        "difference of E[y | do(a1, a2, a3)] at do(a1=1, a2=2, a3=0) versus do(a1=0, a2=2, a3=0) is "
    )
    ratio = fit.contrast(do=here, versus_given=there, kind="ratio", given={})
    assert ratio.name == "E[y | do(a1, a2, a3)] / E[y | a1, a2, a3]"
