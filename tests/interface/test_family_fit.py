"""Fits with other likelihoods: one by NUTS, the rest with draws of the Gaussian approximation for speed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from family_draws import gaussian_draws
from numpy.polynomial.hermite_e import hermegauss

import bayes_ivgen.inference.family_nuts as family_nuts
from bayes_ivgen import ActionGraph, BSpline, Fit, InterventionModel, Polynomial, RegimeData, load
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.effects.families import FamilySpread
from bayes_ivgen.errors import ConvergenceWarning, EstimandWarning, IdentificationError, QueryError, SpecError
from bayes_ivgen.model.families import FAMILIES
from bayes_ivgen.simulate import MultiplicativeSCM, multiplicative

KINDS = {"gamma": "amount", "negative_binomial": "count", "bernoulli": "sale", "student_t": "amount"}
WORLDS = {name: multiplicative(2, seed=1, kind=kind, edge_probability=1.0) for name, kind in KINDS.items()}
POINTS = pd.DataFrame({"a1": [0.0, 0.5, -0.5, 1.0], "a2": [0.5, 0.0, 0.3, -0.5]})
FittedFamily = Callable[..., Fit]


def spec(name: str, **options: Any) -> InterventionModel:
    graph = ActionGraph({"a2": ["a1"]})
    bases = {"causal": BSpline(5), "confounding": Polynomial(2)}
    return InterventionModel(likelihood=name, link=FAMILIES[name].link, graph=graph, **bases, **options)  # type: ignore[arg-type]


def table(name: str, n: int = 400, regimes: tuple[str, ...] = ("obs", "do(a1)", "do(a2)")) -> pd.DataFrame:
    return WORLDS[name].sample_regimes(dict.fromkeys(regimes, n), seed=4)


def read(rows: pd.DataFrame) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"])


def responding(world: MultiplicativeSCM, do: dict[str, float], action: str) -> float:
    """E[Y | do(a_S)] where one action responds: Gaussian given its parents, so that quadrature is exact."""
    k = world.actions.index(action)
    nodes, weights = hermegauss(60)
    parents = sum(world.edges[k, world.actions.index(name)] * value for name, value in do.items())
    points = pd.DataFrame({name: np.full(60, value) for name, value in do.items()})
    points[action] = parents + np.hypot(world.planning[k], world.noise[k]) * nodes
    set_ = [name for name in do if name != "x"]
    return float(weights @ world.effect(points[list(world.actions)], do=set_) / weights.sum())


@pytest.fixture
def approximate_fit(monkeypatch: pytest.MonkeyPatch) -> FittedFamily:
    """Return a function that fits without NUTS."""
    monkeypatch.setattr(family_nuts, "run_family_nuts", gaussian_draws)

    def fit(name: str, rows: pd.DataFrame | RegimeData | None = None, **options: Any) -> Fit:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EstimandWarning)
            data = rows if isinstance(rows, RegimeData) else read(table(name) if rows is None else rows)
            return spec(name, **options).fit(data, draws=400, chains=2, engine="nuts", seed=0, progressbar=False)

    return fit


@pytest.fixture(scope="module")
def counts_fit() -> Fit:
    """A real fit by NUTS: mixed Poisson counts, 2400 rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return spec("negative_binomial").fit(
            read(table("negative_binomial", 800)),
            draws=300,
            chains=2,
            tune=150,
            engine="nuts",
            seed=0,
            progressbar=False,
        )


@pytest.mark.xdist_group("nuts")
class TestNuts:
    """One compiled model serves all of these."""

    def test_joint_and_mixed_effects_of_counts_are_found(self, counts_fit: Fit) -> None:
        world = WORLDS["negative_binomial"]
        for do in (["a1", "a2"], ["a1"], ["a2"], []):
            given = [name for name in POINTS if name not in do]
            summary = counts_fit.effect(do=POINTS[do] if do else {}, given=POINTS[given] if given else {}).summary(0.9)
            truth = world.effect(POINTS, do=do)
            z = (summary["mean"] - truth) / summary["sd"]
            assert z.abs().max() < 4, do
            assert np.sqrt((z**2).mean()) < 2.2, do
            assert summary["sd"].mean() < 0.15 * truth.mean(), do

    def test_lift_tests_of_a_log_link_are_refused_and_the_advice_works(self, counts_fit: Fit) -> None:
        with pytest.raises(QueryError, match=r"link='log' they depend on where the other actions stand.*fit.contrast"):
            counts_fit.to_lift_tests("a1", 0.0, 1.0)
        moved = counts_fit.contrast(do={"a1": 0.5, "a2": 0.0}, versus={"a1": 0.0, "a2": 0.0})
        assert np.isfinite(moved.summary()["mean"]).all()

    def test_the_chains_mix_without_divergences(self, counts_fit: Fit) -> None:
        assert int(counts_fit.datatree["sample_stats"]["diverging"].sum()) == 0
        table = counts_fit.diagnostics
        assert list(table.index) == ["effects", "tau", "hyper", "dispersion"]
        assert table.loc["effects", "ess_bulk"] > 150
        assert table["r_hat"].max() < 1.06

    def test_dispersion_is_that_of_the_confounded_outcome(self, counts_fit: Fit) -> None:
        """1 + dispersion = (1 + 0.3) exp(sum of Var(log f)), at least that of the gamma factor alone."""
        dispersion = counts_fit.datatree["posterior"]["dispersion"].mean(("chain", "draw"))
        assert ((dispersion > 0.3) & (dispersion < 0.8)).all()

    def test_arviz_reads_it(self, counts_fit: Fit) -> None:
        assert az.summary(counts_fit.datatree, var_names=["alpha", "dispersion"]).shape[0] == 4
        sensitivity = az.psense_summary(counts_fit.datatree, var_names=["alpha"])
        assert (sensitivity["likelihood"] > 0.03).all()
        likelihood = counts_fit.datatree["log_likelihood"]["outcome"]
        assert likelihood.dims == ("chain", "draw", "regime")

    def test_counts_respond(self, counts_fit: Fit) -> None:
        world = WORLDS["negative_binomial"]
        for value in (-0.5, 0.5):
            truth = responding(world, {"a1": value}, "a2")
            table = counts_fit.effect(do={"a1": value}, rest="respond").summary().iloc[0]
            assert abs(table["mean"] - truth) < 4 * table["sd"]
            assert table["sd"] < 0.15 * truth
            drawn = counts_fit.outcome(do={"a1": value}, rest="respond", seed=1).draws
            assert abs(drawn.mean() - table["mean"]) < 4 * drawn.std() / np.sqrt(600)

    def test_outcome_draws_take_one_value_of_what_responds(
        self, counts_fit: Fit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without the noise of the counts what is left is the spread of E[Y | do(a1), a2] over a2."""
        monkeypatch.setattr(FamilySpread, "draw", lambda _, mean, *__: mean)
        world, value = WORLDS["negative_binomial"], 0.5
        drawn = counts_fit.outcome(do={"a1": value}, rest="respond", seed=1).draws
        k = world.actions.index("a2")
        a2 = world.edges[k, 0] * value + np.hypot(world.planning[k], world.noise[k]) * np.random.default_rng(0).normal(
            size=20_000
        )
        means = world.effect(pd.DataFrame({"a1": value, "a2": a2}), do=["a1"])
        assert abs(drawn.mean() - means.mean()) < 4 * means.std() / np.sqrt(600)
        assert float(drawn.std()) == pytest.approx(means.std(), rel=0.2)

    def test_it_is_saved_and_loaded(self, counts_fit: Fit, tmp_path: Path) -> None:
        again = load(counts_fit.save(tmp_path / "fit.zarr"))
        assert again.model == counts_fit.model
        for ask in (
            lambda fit: fit.effect(do=POINTS),
            lambda fit: fit.outcome(do=POINTS, seed=3),
            lambda fit: fit.contrast(do=POINTS, versus={"a1": 0.1, "a2": 0.1}, kind="ratio"),
            lambda fit: fit.confounding_bias("a2"),
            lambda fit: fit.effect(do={"a1": 0.5}, rest="respond"),
        ):
            xr.testing.assert_identical(ask(again).draws, ask(counts_fit).draws)


@pytest.mark.slow
@pytest.mark.xdist_group("nuts")
@pytest.mark.parametrize("name", ["gamma", "bernoulli"])
def test_nuts_finds_effects_under_the_other_families(name: str) -> None:
    fit = spec(name).fit(
        read(table(name, 1500)), draws=500, chains=2, tune=200, engine="nuts", seed=0, progressbar=False
    )
    summary, truth = fit.effect(do=POINTS).summary(), WORLDS[name].effect(POINTS)
    z = (summary["mean"] - truth) / summary["sd"]
    assert z.abs().max() < 4
    assert np.sqrt((z**2).mean()) < 2.2
    assert int(fit.datatree["sample_stats"]["diverging"].sum()) <= 2


def test_the_conjugate_engine_is_refused_with_the_next_step() -> None:
    data = read(table("gamma", 50))
    with pytest.raises(SpecError, match=r"engine='conjugate'.*Pass engine='nuts' to fit"):
        spec("gamma").fit(data)


def test_a_t_likelihood_warns_that_the_estimand_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_nuts, "run_family_nuts", gaussian_draws)
    with pytest.warns(EstimandWarning, match="about the location of the outcome, which is not its mean"):
        fit = spec("student_t").fit(
            read(table("student_t", 200)), draws=300, chains=2, engine="nuts", progressbar=False
        )
    assert fit.effect(do=POINTS).sentence().startswith("location[y | do(a1, a2)]")


def test_what_belongs_to_the_normal_law_is_refused_by_name(approximate_fit: FittedFamily) -> None:
    fit = approximate_fit("gamma")
    with pytest.raises(SpecError, match=r"likelihood='gamma' has no sufficient statistics; see fit.spread"):
        _ = fit.statistics
    with pytest.raises(SpecError, match=r"has no noise model; see fit.spread"):
        _ = fit.noise
    with pytest.raises(SpecError, match=r"likelihood='gamma' has no closed form for what more rows would tell"):
        fit.next_experiment({"do": POINTS}, rows=100)
    assert fit.spread.drawn["dispersion"].shape == (2, 400, 3)


@pytest.mark.parametrize("name", ["gamma", "negative_binomial", "bernoulli"])
def test_effects_stay_where_outcomes_can_be(approximate_fit: FittedFamily, name: str) -> None:
    draws = approximate_fit(name).effect(do={"a1": [-1.8, 0.0, 1.8], "a2": [1.8, 0.0, -1.8]}).draws
    assert float(draws.min()) > 0
    if name == "bernoulli":
        assert float(draws.max()) < 1


@pytest.mark.parametrize("name", ["gamma", "bernoulli"])
def test_contrasts_and_curves_follow_from_effects(approximate_fit: FittedFamily, name: str) -> None:
    fit = approximate_fit(name)
    high, low = {"a1": 1.0, "a2": 0.2}, {"a1": -0.5, "a2": 0.2}
    first, second = fit.effect(do=high).draws.values, fit.effect(do=low).draws.values
    for kind, expected in (("difference", first - second), ("ratio", first / second)):
        np.testing.assert_allclose(fit.contrast(do=high, versus=low, kind=kind).draws.values, expected, rtol=1e-9)
    held, other = (fit.effect(do={"a1": a}, rest="hold").draws.values for a in (1.0, -0.5))
    for kind, expected in (("difference", held - other), ("ratio", held / other)):
        found = fit.contrast(do={"a1": 1.0}, versus={"a1": -0.5}, rest="hold", kind=kind)
        np.testing.assert_allclose(found.draws.values, expected, rtol=1e-9)
    curve = fit.response_curve("a1", [-0.5, 1.0]).draws.values
    np.testing.assert_allclose(curve, np.concatenate([other, held], axis=-1))


def test_held_actions_are_averaged_over_means_not_predictors(approximate_fit: FittedFamily) -> None:
    fit = approximate_fit("gamma")
    seen = fit.effects.observed[:, 1]
    each = fit.effect(do={"a1": np.full(len(seen), 0.3), "a2": seen}, extrapolate=True).draws.values
    held = fit.effect(do={"a1": 0.3}, rest="hold").draws.values
    np.testing.assert_allclose(held[..., 0], each.mean(axis=-1))
    assert (held[..., 0] > np.exp(np.log(each).mean(axis=-1)) * 1.001).all()


@pytest.mark.parametrize("name", ["gamma", "bernoulli"])
def test_the_confounding_bias_is_a_factor(approximate_fit: FittedFamily, name: str) -> None:
    fit = approximate_fit(name)
    found = fit.confounding_bias("a1", [0.4])  # a1 has no parents: nothing to average over
    seen, set_ = fit.effect(do={"a2": 0.1}, given={"a1": 0.4}).draws, fit.effect(do={"a1": 0.4, "a2": 0.1}).draws
    if name == "gamma":
        np.testing.assert_allclose(found.draws.values, (seen / set_).values, rtol=1e-9)
        assert found.name == "confounding factor of a1"
    else:
        np.testing.assert_allclose(found.draws.values, ((1 - seen) / (1 - set_)).values, rtol=1e-3)
        assert found.name == "confounding factor of 1 - E[y] of a1"


def test_a_ratio_needs_less_than_its_levels_with_the_log_link(approximate_fit: FittedFamily) -> None:
    """a2 is a leaf: do(a2) alone identifies factors of its own effect, but no level."""
    high, low = {"a1": 0.2, "a2": 0.5}, {"a1": 0.2, "a2": -0.5}
    fit = approximate_fit("gamma", table("gamma", 800, ("do(a2)",)))
    with pytest.raises(IdentificationError, match="is not identified"):
        fit.effect(do=high)
    with pytest.raises(IdentificationError, match="is not identified"):
        fit.contrast(do=high, versus=low)
    ratio = fit.contrast(do=high, versus=low, kind="ratio").summary()
    truth = np.divide(*WORLDS["gamma"].effect([[0.2, 0.5], [0.2, -0.5]]))
    assert abs(ratio["mean"][0] - truth) < 4 * ratio["sd"][0]
    sales = approximate_fit("bernoulli", table("bernoulli", 800, ("do(a2)",)))
    for kind in ("difference", "ratio"):
        with pytest.raises(IdentificationError, match="is not identified"):
            sales.contrast(do=high, versus=low, kind=kind)


def test_outcome_draws_follow_the_family(approximate_fit: FittedFamily) -> None:
    query = {"a1": 0.2, "a2": 0.1}
    for name in ("gamma", "negative_binomial"):
        fit = approximate_fit(name)
        weights = level_weights(fit.regimes[0].of(fit.actions, fit.actions), fit.regimes, fit.actions)
        assert weights is not None
        log_inflation = np.log1p(fit.datatree["posterior"]["dispersion"].values) @ weights
        mean = fit.effect(do=query).draws.values[..., 0]
        drawn = np.stack([fit.outcome(do=query, seed=seed).draws.values[..., 0] for seed in range(60)])
        variance = np.expm1(log_inflation) * mean**2 + (mean if name == "negative_binomial" else 0)
        n = drawn.size
        assert abs((drawn - mean).mean()) < 4.5 * np.sqrt(variance.mean() / n)
        squares = (drawn - mean) ** 2
        assert abs((squares - variance).mean()) < 4.5 * (squares - variance).std() / np.sqrt(n)
    sales = approximate_fit("bernoulli")
    assert set(np.unique(sales.outcome(do=query).draws)) == {0.0, 1.0}


def test_shares_have_effects_but_no_outcome_draws(approximate_fit: FittedFamily) -> None:
    rows = table("bernoulli")
    fit = approximate_fit("bernoulli", rows.assign(y=np.clip(0.1 + 0.5 * rows["y"], 0, 1)))
    assert 0.1 < fit.effect(do=POINTS).summary()["mean"].mean() < 0.6
    with pytest.raises(QueryError, match=r"holds shares.*ask fit.effect"):
        fit.outcome(do=POINTS)


def test_an_exposure_scales_means_and_outcomes(approximate_fit: FittedFamily) -> None:
    fit = approximate_fit("negative_binomial")
    rate = fit.effect(do=POINTS).draws.values
    np.testing.assert_allclose(fit.effect(do=POINTS, exposure=7.0).draws.values, 7 * rate)
    sizes = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(fit.effect(do=POINTS, exposure=sizes).draws.values, sizes * rate)
    large = fit.outcome(do=POINTS, exposure=1e4).draws.values
    assert np.corrcoef(large.mean(axis=(0, 1)), rate.mean(axis=(0, 1)))[0, 1] > 0.9
    assert large.mean() == pytest.approx(1e4 * rate.mean(), rel=0.1)
    for wrong in (0.0, -1.0, [1.0, 2.0], "two", np.nan):
        with pytest.raises(QueryError, match="pass a positive number, or one for each"):
            fit.effect(do=POINTS, exposure=wrong)
    with pytest.raises(QueryError, match="no meaning with link='log_complement'"):
        approximate_fit("bernoulli").effect(do=POINTS, exposure=2.0)


def test_responses_under_the_log_link_average_means_given_the_covariate(approximate_fit: FittedFamily) -> None:
    """The first action of this world plays x: it drives both others, and nobody sets it."""
    drawn = multiplicative(3, seed=1, kind="amount", edge_probability=1.0)
    names = ("x", "a1", "a2")
    world = replace(drawn, actions=names, parents={"x": (), "a1": ("x",), "a2": ("x", "a1")})
    rows = world.sample_regimes({"obs": 1500, "do(a1)": 1500, "do(a2)": 1500}, seed=4)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"], covariates=["x"])
    fit = approximate_fit("gamma", data)
    fixed = {x: responding(world, {"x": x, "a1": 0.5}, "a2") for x in (-0.5, 0.5)}
    for x, truth in fixed.items():
        table = fit.effect(do={"a1": 0.5}, covariates={"x": x}, rest="respond").summary().iloc[0]
        assert abs(table["mean"] - truth) < 4 * table["sd"]
        assert table["sd"] < 0.1 * truth
    assert abs(fixed[0.5] / fixed[-0.5] - 1) > 0.3
    # over all rows: means are averaged, not their logarithms
    truths = np.array([responding(world, {"x": x, "a1": 0.5}, "a2") for x in rows["x"].iloc[::10]])
    mixed = fit.effect(do={"a1": 0.5}, rest="respond")
    table = mixed.summary().iloc[0]
    assert abs(table["mean"] - truths.mean()) < 4 * np.hypot(table["sd"], truths.std() / np.sqrt(len(truths)))
    law = fit.effects.covariate_rows
    assert law is not None
    apart = fit.effect(do={"a1": 0.5}, covariates={"x": law[5::10, 0]}, rest="respond", extrapolate=True).draws.values
    gap = np.mean(apart) - np.mean(np.exp(np.log(apart).mean(axis=-1)))
    assert abs(float(mixed.draws.mean()) - np.mean(apart)) < gap / 4
