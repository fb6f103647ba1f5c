"""Effects with covariates against worlds in which everything is enumerated (theory F, T9)."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from covariate_worlds import PAIR, Kind, cells, covariate_world

from bayes_ivgen import Fit, InterventionModel, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, QueryError, SupportWarning
from bayes_ivgen.simulate import DiscreteSCM, structured

SEEDS: dict[Kind, int] = {"independent": 1, "mover": 2, "correlated": 3, "separable": 4}


def fit_to(rows: pd.DataFrame, actions: list[str], *, covariate: bool = True, **model: object) -> Fit:
    data = RegimeData.from_frame(rows, outcome="y", actions=actions, covariates=["x"] if covariate else [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return InterventionModel(**model).fit(data, draws=300, chains=2, tune=150, cores=1, seed=0, progressbar=False)


@pytest.fixture(scope="module")
def worlds() -> dict[Kind, tuple[DiscreteSCM, pd.DataFrame, Fit]]:
    found = {}
    for kind, seed in SEEDS.items():
        world = covariate_world(kind, seed)
        rows = world.sample_regimes({"obs": 1500, "do(a1)": 1500, "do(a2)": 1500}, seed=1)
        roles = {"x": "causal"} if kind == "correlated" else None
        found[kind] = world, rows, fit_to(rows, PAIR, graph="empty", covariates=roles)
    return found


def check(table: pd.DataFrame, truth: np.ndarray) -> None:
    z = (table["mean"] - truth) / table["sd"]
    assert z.abs().max() < 4
    assert np.sqrt((z**2).mean()) < 2
    assert table["sd"].mean() < 0.25 * truth.std()


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("set_actions", [PAIR, ["a1"], ["a2"], []], ids="+".join)
def test_effects_at_fixed_covariates(worlds: dict, kind: Kind, set_actions: list[str]) -> None:
    world, _, fit = worlds[kind]
    grid = cells()
    seen = [action for action in PAIR if action not in set_actions]
    estimate = fit.effect(do=grid[set_actions], given=grid[seen] if seen else None, covariates=grid[["x"]])
    check(estimate.summary(), world.effect(grid, do=set_actions))


@pytest.mark.parametrize("kind", SEEDS)
@pytest.mark.parametrize("set_actions", [PAIR, ["a1"]], ids="+".join)
def test_the_default_averages_over_all_rows(worlds: dict, kind: Kind, set_actions: list[str]) -> None:
    world, rows, fit = worlds[kind]
    grid = cells()
    share = rows["x"].mean()
    truth = world.effect(grid, do=set_actions)
    half = len(grid) // 2
    low, high = grid["x"] == 0, grid["x"] == 1
    expected = (1 - share) * truth[low] + share * truth[high]
    assert half == low.sum()
    points = grid[low]
    seen = [action for action in PAIR if action not in set_actions]
    estimate = fit.effect(do=points[set_actions], given=points[seen] if seen else None)
    check(estimate.summary(), expected)
    assert "averaged over x in all rows" in estimate.sentence()


def test_a_covariate_that_is_left_out_biases() -> None:
    """It moves both actions, so that they tell about each other's confounders."""
    world = structured(2, seed=4, covariate=2.0, edge_probability=0.0)
    rows = world.sample_regimes({"obs": 1500, "do(a1)": 1500, "do(a2)": 1500}, seed=4)
    points = world.sample(200, "do(a1,a2)", seed=2)[PAIR]
    expected = world.averaged_effect(points, rows["x"])
    right = fit_to(rows, PAIR).effect(do=points, extrapolate=True)
    wrong = fit_to(rows, PAIR, covariate=False).effect(do=points, extrapolate=True)
    errors = [np.sqrt(np.mean((table.summary()["mean"] - expected) ** 2)) for table in (right, wrong)]
    assert errors[1] > 2 * errors[0]
    assert errors[0] < 0.25 * expected.std()


def test_a_covariate_that_predicts_the_confounder_needs_its_causal_role(worlds: dict) -> None:
    """Theory F: m_k(a_k, x) = E[f_k(a_k, C_k) | x] depends on x unless f_k is separable."""
    world, rows, fit = worlds["correlated"]
    grid = cells()
    plain = fit_to(rows, PAIR, graph="empty").effect(do=grid[PAIR], covariates=grid[["x"]]).summary()
    right = fit.effect(do=grid[PAIR], covariates=grid[["x"]]).summary()
    errors = [np.sqrt(np.mean((table["mean"] - world.effect(grid, do=PAIR)) ** 2)) for table in (right, plain)]
    assert errors[1] > 2 * errors[0]


@pytest.fixture(scope="module")
def summer() -> tuple[pd.DataFrame, Fit]:
    """Tests were run in another season than history: x has another law there."""
    rng = np.random.default_rng(5)
    tables = []
    for label, n, centre in (("obs", 900, -0.5), ("do(a)", 600, 1.0), ("do(b)", 600, 1.0)):
        x, c = rng.normal(centre, 1.0, n), rng.normal(size=(2, n))
        a = rng.normal(size=n) * 1.5 if label == "do(a)" else c[0] + 0.8 * x + rng.normal(size=n)
        b = rng.normal(size=n) * 1.5 if label == "do(b)" else c[1] - 0.5 * x + rng.normal(size=n)
        y = a - 0.5 * b + 2.0 * x + 0.8 * c[0] + 0.8 * c[1] + rng.normal(size=n)
        tables.append(pd.DataFrame({"regime": label, "a": a, "b": b, "x": x, "y": y}))
    rows = pd.concat(tables, ignore_index=True)
    return rows, fit_to(rows, ["a", "b"], graph="empty")


def test_the_law_of_the_covariates_is_never_that_of_a_regime(summer: tuple[pd.DataFrame, Fit]) -> None:
    rows, fit = summer
    expected = 2.0 * rows["x"].mean()  # at a = b = 0
    assert abs(expected - 2.0 * rows.loc[rows["regime"] == "obs", "x"].mean()) > 1.0
    for question in ({"do": {"a": 0, "b": 0}}, {"do": {"b": 0}, "rest": "hold"}):
        held = rows.loc[rows["regime"] == "obs", "a"].mean() if "rest" in question else 0.0
        row = fit.effect(**question).summary().iloc[0]
        assert abs(row["mean"] - expected - held) < 3.5 * row["sd"]
        assert row["sd"] < 0.2


def test_curve_bias_contrast_and_outcome_with_a_covariate(summer: tuple[pd.DataFrame, Fit]) -> None:
    rows, fit = summer
    grid = np.array([-1.0, 0.0, 1.0])
    curve, held = fit.response_curve("a", grid), fit.effect(do={"a": grid}, rest="hold")
    np.testing.assert_allclose(curve.draws, held.draws, rtol=1e-6, atol=1e-6)
    assert "averaged over x in all rows" in curve.sentence()
    bias = fit.confounding_bias("a", grid).summary()
    assert (bias["mean"].diff().iloc[1:] > 0).all()  # seeing more of a means more of its confounder
    step = fit.contrast(do={"a": 1, "b": 0}, versus={"a": 0, "b": 0}).summary().iloc[0]
    assert abs(step["mean"] - 1.0) < 3.5 * step["sd"]
    told = fit.contrast(do={"a": 1, "b": 0}, versus={"a": 0, "b": 0}).sentence()
    assert " at do(a=1, b=0) versus do(a=0, b=0), averaged over x in all rows is " in told
    season = fit.contrast(do={"a": 0, "b": 0}, covariates={"x": 1}, versus_covariates={"x": 0}).summary().iloc[0]
    assert abs(season["mean"] - 2.0) < 3.5 * season["sd"]
    fixed = fit.outcome(do={"a": 0, "b": 0}, covariates={"x": 0}).draws.std()
    mixed = fit.outcome(do={"a": 0, "b": 0}).draws.std()
    assert mixed**2 - fixed**2 == pytest.approx((2.0 * rows["x"].std()) ** 2, rel=0.3)


def test_queries_about_covariates_are_checked(summer: tuple[pd.DataFrame, Fit], small_data: RegimeData) -> None:
    _, fit = summer
    with pytest.raises(QueryError, match=r"covariates names 'z', which is not a covariate. The covariates are \['x'\]"):
        fit.effect(do={"a": 0, "b": 0}, covariates={"z": 1})
    with pytest.warns(SupportWarning, match=r"x=7 is above the values at which it was observed"):
        fit.effect(do={"a": 0, "b": 0}, covariates={"x": 7.0})
    bare = InterventionModel().fit(small_data, draws=150, chains=2, tune=100, cores=1, seed=0, progressbar=False)
    with pytest.raises(QueryError, match=r"covariates is given, but the model has none\. Leave covariates out"):
        bare.effect(do={"a": 0, "b": 0}, covariates={"x": 1})
    bare.effect(do={"a": 0, "b": 0})


def test_saved_and_loaded(summer: tuple[pd.DataFrame, Fit], tmp_path: Path) -> None:
    _, fit = summer
    again = load(fit.save(tmp_path / "fit.zarr"))
    for question in ({"do": {"a": 1, "b": 0}}, {"do": {"a": 1, "b": 0}, "covariates": {"x": 0.5}}):
        np.testing.assert_array_equal(again.effect(**question).draws, fit.effect(**question).draws)
    assert "x" in list(fit.datatree["observed_data"]["variable"].values)


def test_an_edge_that_is_the_covariate_is_not_learned() -> None:
    """Without conditioning x looks like an edge in the tests on all rows."""
    world = structured(2, seed=3, covariate=2.0, edge_probability=0.0)
    rows = world.sample_regimes({"obs": 4000, "do(a1)": 60, "do(a2)": 60}, seed=0)
    read = {"outcome": "y", "actions": PAIR}
    model = InterventionModel()
    assert model.action_graph(RegimeData.from_frame(rows, **read, covariates=["x"])).edges == ()
    assert len(model.action_graph(RegimeData.from_frame(rows, **read)).edges) == 1
