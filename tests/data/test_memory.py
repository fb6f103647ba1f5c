"""What a row of a series is worth in a test of independence, against the variance of simulated series."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import InterventionModel, Regime, RegimeData
from bayes_ivgen.data.memory import Memory
from bayes_ivgen.simulate import media_series

OBS = Regime()


def series(rng: np.random.Generator, memory: float, units: int, weeks: int) -> np.ndarray:
    x = rng.normal(size=(units, weeks))
    for t in range(1, weeks):
        x[:, t] = memory * x[:, t - 1] + np.sqrt(1 - memory**2) * x[:, t]
    return x.ravel()


def order(units: int, weeks: int) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(units), weeks), np.tile(np.arange(weeks), units)


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.8, 0.0), (0.8, 0.7)])
def test_a_row_is_worth_what_the_variance_of_correlations_says(first: float, second: float) -> None:
    rng = np.random.default_rng(0)
    units, weeks, repeats = 10, 40, 800
    unit, step = order(units, weeks)
    products, worth = [], []
    for _ in range(repeats):
        x, y = series(rng, first, units, weeks), series(rng, second, units, weeks)
        products.append(np.sum(x * y))
        if len(worth) < 40:
            rows = np.column_stack([x, y])
            worth.append(Memory.of(rows, [OBS] * len(rows), unit, step).worth([OBS], 0, 1))
    independent = units * weeks / np.var(products)
    # The variance of 800 sums is known to 5 %; ranks keep 6/pi asin(rho/2), hardly less than rho.
    assert np.mean(worth) == pytest.approx(min(1.0, independent), rel=0.15)


def test_gaps_other_series_and_other_regimes_are_no_neighbours() -> None:
    values = np.arange(6.0)[:, None] * np.ones(2)
    regimes = [OBS, OBS, OBS, OBS, Regime(("a",)), OBS]
    unit, step = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 5, 6, 7, 8])
    memory = Memory.of(values, regimes, unit, step)
    assert memory.rows == {OBS: 5, Regime(("a",)): 1}
    np.testing.assert_array_equal(np.flatnonzero(memory.pairs[OBS]) + 1, [1, 2, 4, 5])
    assert memory.pairs[OBS].sum() == 4  # 0-1, 0-5, 1-5 of the first series, 6-8 of the second
    assert memory.worth([Regime(("b",))], 0, 1) == 1.0


def test_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    unit, step = order(4, 30)
    rows = np.column_stack([series(rng, 0.8, 4, 30), series(rng, 0.8, 4, 30)])
    mixed = rng.permutation(len(rows))
    straight = Memory.of(rows, [OBS] * 120, unit, step).worth([OBS], 0, 1)
    assert Memory.of(rows[mixed], [OBS] * 120, unit[mixed], step[mixed]).worth([OBS], 0, 1) == pytest.approx(straight)
    assert straight < 0.6


def test_weeks_that_remember_make_no_edges_and_rows_without_time_stay_as_they_were() -> None:
    edges = {"time": 0, "none": 0}
    for seed in range(6):
        world = media_series(3, seed=seed, alpha="none")
        table = world.sample(10, 104, test_weeks=16, rest_weeks=16, hold=4, seed=seed)
        read = {"outcome": "sales", "actions": list(world.actions)}
        timed = RegimeData.from_frame(table, **read, time="week", unit="geo")
        plain = RegimeData.from_frame(table, **read)
        assert plain.memory is None
        # The test of single regimes only: the season moves all channels, and is no covariate here.
        for name, data in (("time", timed), ("none", plain)):
            p = InterventionModel(graph="empty").action_graph(data).evidence["p_value"]
            edges[name] += int((p < 0.02).sum())
    assert edges["none"] > 4 * max(edges["time"], 1)
    assert edges["time"] <= 3  # of 36 tests at 0.02


def test_true_edges_are_still_found() -> None:
    rng = np.random.default_rng(2)
    unit, step = order(10, 100)
    a = series(rng, 0.7, 10, 100)
    table = pd.DataFrame({"geo": unit, "week": step, "a": a, "b": 0.8 * a + series(rng, 0.7, 10, 100)})
    table = table.assign(y=table["a"] + rng.normal(size=len(a)), regime=np.where(unit < 5, "do(a)", "obs"))
    data = RegimeData.from_frame(table, outcome="y", actions=["a", "b"], time="week", unit="geo")
    assert InterventionModel().action_graph(data).edges == (("a", "b"),)
