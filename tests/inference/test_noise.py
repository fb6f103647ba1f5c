"""The additive variance model against worlds whose variances are known."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from bayes_ivgen import InterventionModel, RegimeData
from bayes_ivgen.inference.noise import Residuals, VarianceModel, fit_variance
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.simulate import boolean_example

REGIMES = np.array([[False, False], [True, False], [False, True]])


def _true_variance(actions: np.ndarray, was_set: np.ndarray) -> np.ndarray:
    a, b = actions.T
    return 0.1 + np.where(was_set[:, 0], 0.2 + 0.2 * a, 0.1) + np.where(was_set[:, 1], 0.3, 0.05 + 0.1 * b)


def _residuals(n: int, seed: int = 0, scale: float = 1.0) -> Residuals:
    rng = np.random.default_rng(seed)
    actions = rng.random((3 * n, 2))
    regime = np.repeat(np.arange(3), n)
    was_set = REGIMES[regime]
    error = scale * np.sqrt(_true_variance(actions, was_set)) * rng.normal(size=3 * n)
    return Residuals(actions, was_set, error, np.zeros(3 * n), regime)


def _fit(residuals: Residuals) -> VarianceModel:
    return fit_variance(residuals, ("a", "b"), ActionGraph.empty())


def test_the_variance_of_the_joint_regime_is_recovered_without_joint_rows() -> None:
    model = _fit(_residuals(10_000))
    grid = np.stack(np.meshgrid([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]), axis=-1).reshape(-1, 2)
    joint = np.ones(grid.shape, dtype=bool)
    # sum_r w_r^2 2 v_r^2 / n with weights (-1, 1, 1): about 0.015 for the level; allow four of them.
    np.testing.assert_allclose(model.variance(grid, joint), _true_variance(grid, joint), atol=0.06)
    for flags in REGIMES:
        was_set = np.broadcast_to(flags, grid.shape)
        np.testing.assert_allclose(model.variance(grid, was_set), _true_variance(grid, was_set), atol=0.06)


@pytest.mark.parametrize("n", [5, 30, 300])
def test_every_part_is_non_negative_with_any_number_of_rows(n: int) -> None:
    for seed in range(10):
        model = _fit(_residuals(n, seed))
        assert (model.values >= 0).all()
        assert np.isfinite(model.values).all()
        assert model.variance(np.array([[0.5, 0.5]]), np.array([[True, True]]))[0] > 0


def _slope(n: int, seed: int) -> float:
    model = _fit(_residuals(n, seed))
    ends = model.variance(np.array([[0.0, 0.5], [1.0, 0.5]]), np.array([[True, False], [True, False]]))
    return float((ends[1] - ends[0]) / ends.mean())


def test_few_rows_give_nearly_the_same_noise_everywhere() -> None:
    few = [_slope(20, seed) for seed in range(20)]
    assert np.sqrt(np.mean(np.square(few))) < 0.5 * _slope(5000, 0)


def test_units_of_the_residuals_do_not_matter() -> None:
    at = np.array([[0.2, 0.9], [0.7, 0.1]])
    small, large = (_fit(_residuals(2000, scale=scale)) for scale in (1.0, 1e6))
    flags = np.ones(at.shape, dtype=bool)
    np.testing.assert_allclose(large.variance(at, flags), 1e12 * small.variance(at, flags), rtol=1e-5)


def test_uncertainty_of_the_fitted_mean_is_added_back() -> None:
    residuals = _residuals(2000)
    shrunk = Residuals(
        residuals.actions, residuals.was_set, 0.0 * residuals.error, residuals.error**2, residuals.regime
    )
    at, flags = np.array([[0.5, 0.5]]), np.array([[True, True]])
    assert abs(_fit(shrunk).variance(at, flags)[0] / _fit(residuals).variance(at, flags)[0] - 1) < 0.3


def test_storage_is_exact() -> None:
    model = _fit(_residuals(200))
    again = VarianceModel.from_dict(json.loads(json.dumps(model.to_dict())))
    at = np.random.default_rng(0).random((20, 2))
    flags = np.random.default_rng(1).random((20, 2)) < 0.5
    np.testing.assert_array_equal(again.variance(at, flags), model.variance(at, flags))


def test_a_regime_without_residuals_leaves_the_others_alone() -> None:
    residuals = _residuals(2000)
    kept = residuals.regime != residuals.regime.max()
    silent = replace(residuals, error=residuals.error * kept, extra=residuals.extra * kept)
    at, flags = np.array([[0.5, 0.5]]), np.array([[False, False]])
    found = _fit(silent).variance(at, flags)
    assert np.isfinite(found).all()
    assert 0 < found[0] < 2 * _fit(residuals).variance(at, flags)[0]


def test_outcomes_that_the_actions_determine_are_fitted() -> None:
    world = boolean_example("example1")
    rows = world.sample_regimes({"obs": 300, "do(a1)": 300, "do(a2)": 300}, seed=0)
    data = RegimeData.from_frame(rows, outcome=world.outcome, actions=list(world.actions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = InterventionModel().fit(data, draws=50, tune=50, chains=2, cores=1, seed=0, progressbar=False)
        drawn = fit.outcome(do={"a1": 1, "a2": 1})
    assert np.isfinite(drawn.draws.values).all()
