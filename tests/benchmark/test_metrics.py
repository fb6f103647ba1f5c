"""Scores against independent routes."""

from __future__ import annotations

from dataclasses import replace
from math import erf, exp, pi, sqrt

import numpy as np
import pytest

from bayes_ivgen.baselines import Prediction
from bayes_ivgen.benchmark import TASKS
from bayes_ivgen.benchmark.metrics import METRICS, coverage, crps, graph_rates, score
from bayes_ivgen.benchmark.worlds import Stage, make_stage
from bayes_ivgen.errors import BenchmarkError


@pytest.fixture(scope="module")
def stage() -> Stage:
    return make_stage(TASKS["smoke"].cells("smoke", [0])[0])


def test_the_truth_has_no_excess_and_noise_remains(stage: Stage) -> None:
    scores = score(Prediction(stage.truth), stage)
    assert set(scores) == set(METRICS) - {"seconds"}
    assert scores["excess"] == 0
    assert scores["rmse"] > scores["sd_truth"] / 2 > 0
    assert np.isnan(scores["coverage_90"])
    shifted = score(Prediction(stage.truth + 0.3), stage)
    assert shifted["excess"] == pytest.approx(0.3)


def test_the_first_queries_are_the_fresh_rows(stage: Stage) -> None:
    experiment = stage.experiment
    actions = list(experiment.actions)
    np.testing.assert_array_equal(experiment.queries[: len(experiment.fresh)], experiment.fresh[actions])


def test_crps_of_a_normal_agrees_with_its_closed_form() -> None:
    draws = np.random.default_rng(0).standard_normal((4000, 1))
    for y in (-1.0, 0.0, 2.5):
        density, below = exp(-(y**2) / 2) / sqrt(2 * pi), (1 + erf(y / sqrt(2))) / 2
        exact = y * (2 * below - 1) + 2 * density - 1 / sqrt(pi)
        assert crps(draws, np.array([y])) == pytest.approx(exact, abs=0.03)


def test_coverage() -> None:
    draws = np.linspace(0, 1, 101)[:, None] * np.ones(4)
    assert coverage(draws, np.array([0.5, 0.2, 0.9, 2.0]), 0.5) == 0.25
    assert coverage(draws, np.array([0.5, 0.2, 0.9, 2.0]), 0.9) == 0.75


def test_graph_rates() -> None:
    actions, true = ("a", "b", "c"), frozenset({("a", "b"), ("b", "c")})
    assert graph_rates((("a", "b"), ("a", "c")), true, actions) == {"edges_found": 0.5, "edges_false": 1.0}
    assert np.isnan(graph_rates(None, true, actions)["edges_found"])
    assert np.isnan(graph_rates((), frozenset(), ("a",))["edges_false"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": np.zeros(3)}, r"mean must have shape \(300\). Got \(3,\)"),
        ({"mean": np.full(300, np.nan)}, "mean has entries that are not finite"),
        ({"effect_draws": np.zeros((5, 2))}, r"effect_draws must have shape \(draws, 300\)"),
        ({"outcome_draws": np.zeros((5, 2))}, r"outcome_draws must have shape \(draws, 200\)"),
    ],
)
def test_answers_that_break_the_contract(stage: Stage, change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        score(replace(Prediction(stage.truth), **change), stage)
