"""A row with weight w counts as w rows: statistics, profiles, knots, graph, noise and draws agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen import InterventionModel, RegimeData
from bayes_ivgen.errors import DataError, SpecError
from bayes_ivgen.model import Design
from bayes_ivgen.statistics import SufficientStatistics, accumulate

NAMES: Any = {"outcome": "y", "actions": ["tv", "offer"]}


def table(n: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"tv": rng.gamma(2, 2, n), "offer": rng.choice(["A", "B", "C"], n)})
    y = np.sqrt(frame["tv"]) + (frame["offer"] == "A") + rng.normal(0, 1 + frame["tv"] / 5, n)
    return frame.assign(y=y, regime=np.resize(["obs", "do(tv)", "do(offer)", "do(tv,offer)"], n))


def weighted(frame: pd.DataFrame, weights: Any) -> RegimeData:
    return RegimeData.from_frame(frame.assign(n=weights), **NAMES, weights="n")


def repeated(frame: pd.DataFrame, weights: Any) -> RegimeData:
    return RegimeData.from_frame(frame.loc[frame.index.repeat(weights)], **NAMES)


def same(one: SufficientStatistics, two: SufficientStatistics) -> None:
    np.testing.assert_allclose(one.rows, two.rows)
    for left, right in ((one.gram, two.gram), (one.cross, two.cross), (one.squares, two.squares)):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-7)


@given(seed=st.integers(0, 10**6), largest=st.integers(1, 5))
@settings(max_examples=12, deadline=None)
def test_whole_weights_are_repeated_rows(seed: int, largest: int) -> None:
    frame = table(seed=seed % 7)
    times = np.random.default_rng(seed).integers(1, largest + 1, len(frame))
    one, two = weighted(frame, times), repeated(frame, times)
    for regime, profile in one.profiles.items():
        other = two.profiles[regime]
        assert (profile.weight, profile.rows) == (other.rows, (frame["regime"] == regime.label).sum())
        np.testing.assert_array_equal(profile.sample, other.sample)
        np.testing.assert_allclose(profile.mean, other.mean)
        np.testing.assert_allclose(profile.sd, other.sd)
    model = InterventionModel()
    graphs = [model.action_graph(data) for data in (one, two)]
    assert graphs[0].parents == graphs[1].parents
    designs = [model.design(data, graphs[0]) for data in (one, two)]
    assert designs[0].outcome_mean == pytest.approx(designs[1].outcome_mean)
    assert designs[0].outcome_sd == pytest.approx(designs[1].outcome_sd)
    probe = np.column_stack([np.linspace(0, 12, 30), np.resize([0, 1, 2], 30)])
    flags = np.zeros((30, 2), dtype=bool)
    np.testing.assert_allclose(designs[0].rows(probe, flags), designs[1].rows(probe, flags), atol=1e-9)
    same(accumulate(one, designs[0]), accumulate(two, designs[1]))


def statistics(data: RegimeData, design: Design) -> SufficientStatistics:
    """With a variance that differs between rows, as ``weights="variance"`` has it."""
    return accumulate(data, design, variance=lambda values, _: 1 + values[:, 0])


@given(scale=st.floats(0.01, 50), seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_statistics_are_linear_in_the_weights(scale: float, seed: int) -> None:
    """Fractions count as well; the geometric mean of the variances is weighted, too."""
    frame = table()
    weights = np.random.default_rng(seed).uniform(0.1, 3, len(frame))
    design = InterventionModel(graph="empty").design(weighted(frame, weights))
    once, more = statistics(weighted(frame, weights), design), statistics(weighted(frame, scale * weights), design)
    np.testing.assert_allclose(once.rows.sum(), weights.sum())
    for left, right in ((once.rows, more.rows), (once.gram, more.gram), (once.squares, more.squares)):
        np.testing.assert_allclose(scale * left, right, rtol=1e-7, atol=1e-7)
    times = np.random.default_rng(seed).integers(1, 4, len(frame))
    same(statistics(weighted(frame, times), design), statistics(repeated(frame, times), design))


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
@pytest.mark.parametrize("noise", ["additive", "constant"])
def test_fits_of_weighted_and_repeated_rows_are_the_same(noise: str) -> None:
    frame = table()
    times = np.resize([1, 2, 3], len(frame))
    options: Any = {"draws": 60, "chains": 2, "tune": 60, "seed": 3, "cores": 1, "progressbar": False}
    model = InterventionModel(graph="full", noise=noise)  # type: ignore[arg-type]
    fits = [model.fit(data, **options) for data in (weighted(frame, times), repeated(frame, times))]
    query = {"tv": [1.0, 4.0], "offer": ["A", "C"]}
    for ask in ("effect", "outcome"):
        tables = [getattr(fit, ask)(do=query).summary() for fit in fits]
        pd.testing.assert_frame_equal(tables[0], tables[1], rtol=1e-6)
    np.testing.assert_allclose(fits[0].noise.variance.values, fits[1].noise.variance.values, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
def test_variance_weights_and_row_weights_together() -> None:
    frame = table()
    times = np.resize([1, 2, 3], len(frame))
    options: Any = {"draws": 60, "chains": 2, "tune": 60, "seed": 3, "cores": 1, "progressbar": False}
    model = InterventionModel(graph="empty", weights="variance")
    one, two = (model.fit(data, **options) for data in (weighted(frame, times), repeated(frame, times)))
    query = {"tv": 4.0, "offer": "A"}
    pd.testing.assert_frame_equal(one.effect(do=query).summary(), two.effect(do=query).summary(), rtol=1e-5)


def test_weights_matter() -> None:
    """What would go unnoticed above if weights were left aside everywhere."""
    frame = table()
    heavy = weighted(frame, np.where(frame["offer"] == "A", 10.0, 1.0))
    design = InterventionModel(graph="empty").design(heavy)
    assert accumulate(heavy, design).rows.sum() == pytest.approx(len(frame) + 9 * (frame["offer"] == "A").sum())
    share = np.mean(np.concatenate([profile.sample[:, 1] for profile in heavy.profiles.values()]) == 0)
    assert share == pytest.approx(10 * (frame["offer"] == "A").sum() / heavy_total(heavy), abs=0.01)


def heavy_total(data: RegimeData) -> float:
    return sum(profile.weight for profile in data.profiles.values())


def test_to_pymc_repeats_rows_and_refuses_fractions() -> None:
    frame = table(40)
    model = InterventionModel(graph="empty")
    times = np.resize([1, 2, 3], len(frame))
    built = model.to_pymc(weighted(frame, times))
    assert built["outcome"].eval().shape == (times.sum(),)
    with pytest.raises(SpecError, match=r"weights must be whole numbers; 1.5 is not. Use model.fit\(data\)"):
        model.to_pymc(weighted(frame, np.resize([2, 1.5], len(frame))))
    model.to_pymc(RegimeData.from_frame(frame, **NAMES))


def test_weights_above_zero() -> None:
    frame = table()
    for wrong in (0.0, -1.0):
        with pytest.raises(DataError, match=f"the weights column 'n' of the frame is {wrong:g} in row 5; every entry"):
            weighted(frame, np.where(np.arange(len(frame)) == 5, wrong, 1.0))
    assert weighted(frame.drop(index=5), 1.0).n_rows == len(frame) - 1
