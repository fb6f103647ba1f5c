"""Weeks of a simulated media mix: exact truth against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate import media_series


def test_steady_effects_and_plans_are_means_of_the_equations() -> None:
    """The law of Y under set spends, drawn: C has its own law, whatever is spent."""
    world = media_series(2, seed=1, l_max=5)
    weeks, n = 14, 60_000
    rng = np.random.default_rng(0)
    spends = rng.uniform(5, 60, (weeks, 2))
    time = np.arange(weeks)
    demand = world._demand(n, weeks, rng)
    drawn = world.expected(np.broadcast_to(spends, (n, weeks, 2)), demand, time)
    error = 4 * drawn.std(axis=0) / np.sqrt(n)
    plan = world.plan(spends, time)
    assert np.isnan(plan[:4]).all()
    assert (np.abs(drawn.mean(axis=0) - plan)[4:] < error[4:]).all()
    steady = world.plan(np.tile([30.0, 12.0], (weeks, 1)), time)
    assert steady[-1] == pytest.approx(world.effect([[30.0, 12.0]], time[-1])[0])
    assert world.effect({"tv": 30.0, "web": 12.0}, time).item() == pytest.approx(
        np.mean([world.effect([[30.0, 12.0]], t)[0] for t in time])
    )


def test_rows_follow_the_equations() -> None:
    world = media_series(3, seed=2, memory=0.8)
    rows = world.sample(6, 400, test_weeks=10, rest_weeks=10, hold=5, seed=0)
    assert set(rows["regime"]) == {"obs", "do(tv)", "do(web)", "do(radio)"}
    assert rows.groupby("geo").size().tolist() == [400] * 6
    natural = np.log(rows.loc[rows["regime"] == "obs", "tv"])
    spread = np.sqrt(world.planning[0] ** 2 + world.noise[0] ** 2 + world.swing[0] ** 2 / 2)
    assert natural.std() == pytest.approx(spread, rel=0.1)
    tested = rows[rows["regime"] == "do(tv)"]
    low, high = world.set_range[0]
    assert tested["tv"].between(low, high).all()
    # Set spends stay for five weeks; natural ones remember demand.
    assert rows.loc[rows["regime"] == "do(tv)", "tv"].nunique() <= len(tested) / 3
    alone = world.sample(1, 3000, test_weeks=0, seed=0)
    assert np.corrcoef(np.log(alone["tv"][:-1]), np.log(alone["tv"][1:]))[0, 1] > 0.3
    assert set(alone["regime"]) == {"obs"}


def test_the_observational_reading_is_wrong() -> None:
    world = media_series(1, seed=0, alpha="none")
    rows = world.sample(20, 200, test_weeks=10, rest_weeks=10, seed=0)
    slopes = [np.polyfit(np.log(part["tv"]), part["sales"], 1)[0] for _, part in rows.groupby("regime")]
    assert slopes[1] > 1.3 * slopes[0]


def test_a_channel_follows_the_one_before_it() -> None:
    """Also where that one was set; the one that was set follows none."""
    world = media_series(2, seed=0, reaction=0.8)
    rows = world.sample(30, 200, test_weeks=20, rest_weeks=10, seed=0)
    for label, part in rows.groupby("regime"):
        slope, _ = np.polyfit(np.log(part["tv"]), np.log(part["web"]), 1)
        assert slope == pytest.approx(0.0 if label == "do(web)" else 0.8, abs=0.1)


def test_delayed_carry_over_has_its_peak_where_it_says() -> None:
    world = media_series(2, seed=0, alpha=[0.5, 0.3], theta=[2.0, 0.0], l_max=6)
    assert world.weights.argmax(axis=1).tolist() == [2, 0]
    np.testing.assert_allclose(world.weights[0, 1] / world.weights[0, 2], 0.5)
    np.testing.assert_allclose(world.weights[0, 0] / world.weights[0, 2], 0.5**4)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_channels": 9}, "n_channels"),
        ({"memory": 1.5}, "memory"),
        ({"alpha": [0.5]}, "one retention rate a channel"),
        ({"alpha": [0.5, 1.0]}, "below 1"),
        ({"alpha": "some"}, "'none'"),
        ({"theta": [1.0]}, "one delay a channel"),
        ({"theta": [1.0, 9.0]}, "one delay a channel"),
        ({"theta": [1.0, 1.0], "alpha": "none"}, "rates above 0"),
        ({"reaction": "much"}, "reaction=0.5"),
    ],
)
def test_wrong_arguments_are_refused(options: Any, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        media_series(**{"n_channels": 2, **options})


def test_wrong_spends_are_refused() -> None:
    world = media_series(2)
    with pytest.raises(QueryError, match="name no 'web'"):
        world.effect({"tv": 3.0})
    with pytest.raises(QueryError, match=r"different lengths \{'tv': 2, 'web': 3\}"):
        world.effect({"tv": [30.0, 60.0], "web": [1.0, 2.0, 3.0]})
    np.testing.assert_array_equal(
        world.effect({"tv": [30.0, 60.0], "web": 20.0}), world.effect([[30.0, 20.0], [60.0, 20.0]])
    )
    with pytest.raises(QueryError, match="has 3 columns"):
        world.effect([[1.0, 2.0, 3.0]])
