"""Fits with a prior on carry-over: the sampler against a grid, the model against the one with numbers."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc_extras.prior import Prior
from scipy import stats

from bayes_ivgen import Fit, InterventionModel, Polynomial, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, SpecError
from bayes_ivgen.inference.carried_nuts import collapsed_model, integrated, statistics_at
from bayes_ivgen.inference.conjugate import run_chain
from bayes_ivgen.inference.evidence import log_evidence
from bayes_ivgen.interface.sampled_fitting import prepared_problem
from bayes_ivgen.media import Adstock, Saturation
from bayes_ivgen.media.transforms import draws_of, parameter_of
from bayes_ivgen.simulate import media_series

pytestmark = pytest.mark.xdist_group("sampled_fit")
L_MAX = 4
QUICK = "FAST_COMPILE"  # compiling takes longer than a few evaluations
MEMORY = 0.3
BETA = Prior("Beta", alpha=2, beta=2)
WEB = Adstock(alpha=0.3, l_max=L_MAX)
HILL = Saturation("hill", kappa=Prior("LogNormal", mu=3.5, sigma=0.6), slope=Prior("Gamma", alpha=6, beta=4))


def spec(tv: Any = None, **options: Any) -> InterventionModel:
    tv = Adstock(alpha=BETA, l_max=L_MAX, memory=MEMORY) if tv is None else tv
    given = {"causal": Polynomial(2), "confounding": Polynomial(2), "graph": "empty", "noise": "constant"} | options
    return InterventionModel(transforms={"tv": tv, "web": WEB}, **given)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    world = media_series(2, seed=3, alpha=[0.6, 0.3], l_max=L_MAX, memory=MEMORY)
    return world.sample(20, 60, test_weeks=12, rest_weeks=8, hold=3, seed=1)


def read(table: pd.DataFrame, **options: Any) -> RegimeData:
    given = {"time": "week", "unit": "geo"} | options
    return RegimeData.from_frame(table, outcome="sales", actions=["tv", "web"], **given)


@pytest.fixture(scope="module")
def data(table: pd.DataFrame) -> RegimeData:
    return read(table)


@pytest.fixture(scope="module")
def fit(data: RegimeData) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return spec().fit(data, engine="nuts", draws=400, tune=300, chains=2, cores=1, seed=0, progressbar=False)


def test_the_sampler_agrees_with_a_grid(data: RegimeData, fit: Fit) -> None:
    """p(y | alpha) / p(y | alpha0) is the mean ratio of evidences over scales drawn at alpha0."""
    prepared, problem = prepared_problem(spec(), data, None)
    groups = np.append(-1, prepared.design.term_index)

    def sums(alpha: float) -> tuple[Any, ...]:
        statistics = statistics_at(problem, {"tv": {"alpha": alpha}})
        totals = [getattr(statistics, name).sum(axis=0) for name in ("gram", "cross", "squares", "rows")]
        return (*totals, groups)

    prior = problem.rows.adstocks["tv"].free["alpha"]
    grid = np.linspace(0.01, 0.99, 50)
    start = float(fit.transforms["tv"][0].alpha)
    kept = run_chain(
        prepared.problem(statistics_at(problem, {"tv": {"alpha": start}})), 400, 200, np.random.SeedSequence(1)
    )
    scales = np.log(np.column_stack([kept["tau"], kept["sigma"]]))
    base = sums(start)
    at_start = np.array([log_evidence(*base, item)[0] for item in scales])
    logs = []
    for alpha in grid:
        here = sums(float(alpha))
        ratio = np.array([log_evidence(*here, item)[0] for item in scales]) - at_start
        logs.append(np.log(np.mean(np.exp(ratio - ratio.max()))) + ratio.max())
    density = np.exp(np.array(logs) - max(logs) + prior.log_density(grid))
    density /= density.sum()
    mean = density @ grid
    sd = np.sqrt(density @ (grid - mean) ** 2)
    drawn = fit.datatree["posterior"]["adstock_alpha"].sel(adstock_alpha_action="tv")
    ess = float(fit.diagnostics.loc["adstock_alpha", "ess_bulk"])
    assert ess > 80
    assert drawn.mean().item() == pytest.approx(mean, abs=4 * sd / np.sqrt(ess))
    # The standard deviation of a sample of that size has a relative error of 1 / sqrt(2 ess).
    tail = float(fit.diagnostics.loc["adstock_alpha", "ess_tail"])
    assert drawn.std().item() == pytest.approx(sd, rel=4 / np.sqrt(2 * tail))
    assert sd < 0.15  # the rows say something: the prior has 0.22


def test_with_one_value_the_model_is_the_one_with_numbers(data: RegimeData) -> None:
    """Log densities at the same point; memory like the carry-over is confounding as a function of the spend."""
    alpha = 0.6
    point = Prior("Uniform", lower=alpha - 1e-9, upper=alpha + 1e-9)
    sampled = spec(Adstock(alpha=point, l_max=L_MAX, memory=alpha)).to_pymc(data)
    fixed = spec(Adstock(alpha=alpha, l_max=L_MAX)).to_pymc(data)
    rng = np.random.default_rng(0)
    start = {name: value + 0.3 * rng.normal(size=np.shape(value)) for name, value in fixed.initial_point().items()}
    terms = [
        fixed.compile_logp(vars=[fixed["outcome"]], sum=False, mode=QUICK),
        sampled.compile_logp(vars=[sampled["outcome"]], sum=False, mode=QUICK),
    ]
    more = start | {"adstock_alpha[tv]_interval__": np.array(0.0)}
    expected, found = terms[0](start)[0], terms[1](more)[0]
    # Rows within a regime are in another order.
    np.testing.assert_allclose(np.sort(found), np.sort(expected), rtol=1e-5)


def test_the_density_that_is_sampled_is_that_of_the_model(table: pd.DataFrame) -> None:
    """p(y, b | theta) = p(y | theta) p(b | y, theta): the last by the precision and mean of a Gaussian.

    Rows have weights, spends saturate, and lift tests stand beside them.
    """
    data = read(table.assign(times=1.0 + np.arange(len(table)) % 2), weights="times")
    lifts = pd.DataFrame({"channel": ["tv"], "x": [30.0], "delta_x": [10.0], "delta_y": [8.0], "sigma": [3.0]})
    adstock = Adstock("delayed", BETA, Prior("Uniform", lower=0, upper=2), L_MAX)
    model = spec((adstock, HILL), priors={"level": Prior("HalfNormal", sigma=0.1)})
    prepared, problem = prepared_problem(model, data, lifts)
    design = prepared.design
    collapsed, plain = collapsed_model(problem, prepared.priors), model.to_pymc(data, lift_tests=lifts)
    log_collapsed, log_plain = collapsed.compile_logp(mode=QUICK), plain.compile_logp(mode=QUICK)
    names = [*(f"{name}[tv]" for name in problem.free), "tau", "sigma"]
    parts = collapsed.replace_rvs_by_values([collapsed[name] for name in names])
    evaluate = collapsed.compile_fn(parts, inputs=collapsed.value_vars, on_unused_input="ignore", mode=QUICK)
    rng = np.random.default_rng(0)
    for _ in range(3):
        point = {name: np.asarray(value + 0.3 * rng.normal(size=np.shape(value)))
                 for name, value in collapsed.initial_point().items()}  # fmt: skip
        *free, tau, sigma = evaluate(point)
        at = {"tv": {str(parameter_of(name)): float(x) for name, x in zip(problem.free, free, strict=True)}}
        x, known = problem.columns(at), problem.lift_tests_at(at)
        assert known is not None
        weights = problem.rows.weights / sigma[problem.sigma_index][problem.rows.regime] ** 2
        scale = tau[design.term_index]
        precision = (
            (x * weights[:, None]).T @ x + known.gram + np.diag(np.append(prepared.priors.alpha_sd, scale) ** -2)
        )
        mean = np.linalg.solve(precision, (x * weights[:, None]).T @ problem.outcome + known.cross)
        b = mean + 0.01 * rng.normal(size=len(mean))
        conditional = stats.multivariate_normal(mean, np.linalg.inv(precision), allow_singular=True).logpdf(b)
        expected = log_plain(point | {"alpha": b[0], "z": b[1:] / scale}) - np.log(scale).sum() - conditional
        assert log_collapsed(point) == pytest.approx(float(expected), rel=1e-8)


def test_the_gradient_that_is_written_down_is_that_of_the_density() -> None:
    rng = np.random.default_rng(0)
    rows, outcome = rng.normal(size=(9, 4)), rng.normal(size=9)
    x, y = pt.dmatrix(), pt.dvector()
    density = integrated(x, y)
    evaluate = pytensor.function([x, y], [density, *pytensor.grad(density, [x, y])], mode=QUICK)
    value, by_rows, by_outcome = evaluate(rows, outcome)

    def expected(at: np.ndarray, seen: np.ndarray) -> float:  # y ~ N(0, I + X X')
        law = stats.multivariate_normal(np.zeros(9), np.eye(9) + at @ at.T)
        return float(law.logpdf(seen) + 4.5 * np.log(2 * np.pi))

    assert value == pytest.approx(expected(rows, outcome), rel=1e-12)
    step = 1e-5
    for i, j in ((0, 0), (3, 2), (8, 3)):
        moved = np.zeros_like(rows)
        moved[i, j] = step
        slope = (expected(rows + moved, outcome) - expected(rows - moved, outcome)) / (2 * step)
        assert by_rows[i, j] == pytest.approx(slope, rel=1e-6)
    moved = step * np.eye(9)[4]
    slope = (expected(rows, outcome + moved) - expected(rows, outcome - moved)) / (2 * step)
    assert by_outcome[4] == pytest.approx(slope, rel=1e-6)


def test_draws_have_names_and_stand_in_diagnostics(fit: Fit, tmp_path: Path) -> None:
    assert dict(fit.datatree["posterior"]["adstock_alpha"].sizes) == {
        "chain": 2, "draw": 400, "adstock_alpha_action": 1,
    }  # fmt: skip
    assert "adstock_alpha" in fit.diagnostics.index
    assert "adstock_alpha[tv] ~ Beta(alpha=2, beta=2)" in str(fit.model.prior_table())
    assert fit.datatree["log_prior"]["adstock_alpha"].shape == (2, 400, 1)
    again = load(fit.save(tmp_path / "fit.zarr"))
    assert again.model == fit.model == spec()
    assert again.transforms == fit.transforms
    mean = fit.datatree["posterior"]["adstock_alpha"].mean().item()
    assert fit.transforms["tv"] == (Adstock(alpha=mean, l_max=L_MAX),)
    spends = {"tv": [30.0, 60.0, 10.0], "web": 20.0}
    np.testing.assert_array_equal(again.plan(spends, extrapolate=True).draws, fit.plan(spends, extrapolate=True).draws)


def test_a_plan_uses_the_weights_of_each_draw(fit: Fit, table: pd.DataFrame) -> None:
    spends = {"tv": np.array([30.0, 90.0, 10.0]), "web": np.full(3, 20.0)}
    frame = pd.DataFrame({"geo": "g03", "week": [60, 61, 62], **spends})
    drawn = fit.plan(frame, extrapolate=True).draws
    before = table[table["geo"] == "g03"].sort_values("week")
    alphas = draws_of(fit.datatree["posterior"].dataset)["tv"]["alpha"]
    for draw in (0, 250, 399):
        steady = {}
        for action, alpha in (("tv", alphas[1, draw]), ("web", 0.3)):
            weights = Adstock(alpha=float(alpha), l_max=L_MAX).weights
            steady[action] = np.convolve(np.append(before[action], spends[action]), weights)[60:63]
        effect = fit.effect(do=steady, extrapolate=True).draws
        np.testing.assert_allclose(drawn[1, draw], effect[1, draw], rtol=1e-9)
    assert np.std(alphas) > 0.01


def test_residuals_and_likelihoods_are_those_of_the_rows(fit: Fit, data: RegimeData) -> None:
    problem = prepared_problem(spec(), data, None)[1]
    posterior = fit.datatree["posterior"].dataset
    drawn = draws_of(posterior)["tv"]["alpha"]
    x = problem.columns({"tv": {"alpha": float(drawn[0, 7])}})
    b = np.append(posterior["alpha"].values[0, 7], posterior["beta"].values[0, 7])
    sigma = posterior["sigma"].values[0, 7, 0] * fit.design.outcome_sd
    error = (problem.outcome - x @ b) * fit.design.outcome_sd
    density = -0.5 * (error / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)
    found = fit.datatree["log_likelihood"]["outcome"][0, 7]
    np.testing.assert_allclose(found, np.bincount(problem.rows.regime, density), rtol=1e-6)
    assert 0.1 < fit.independent_share(data) <= 1
    assert fit.outcome(do={"tv": 30.0, "web": 20.0}, seed=0).draws.std() > 5


def test_the_prior_predictive_law_is_that_of_the_model(data: RegimeData) -> None:
    with spec().to_pymc(data):
        drawn = pm.sample_prior_predictive(20, random_seed=0, compile_kwargs={"mode": QUICK})
    assert "adstock_alpha" in drawn["prior"]
    assert np.isfinite(drawn["prior_predictive"]["outcome"]).all()


def test_what_does_not_go_with_sampled_carry_over_is_refused(
    data: RegimeData, table: pd.DataFrame, fit: Fit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = spec()
    with pytest.raises(SpecError, match="sampled by engine='nuts'"):
        model.fit(data)
    with pytest.raises(SpecError, match="client is of no use where transforms are sampled"):
        model.fit(data, engine="nuts", client=type("Client", (), {"submit": 0, "scatter": 0})())
    with pytest.raises(SpecError, match="pass weights=None"):
        spec(noise="additive", weights="variance").fit(data, engine="nuts")
    with pytest.raises(SpecError, match="with likelihood='normal' only, not 'gamma'"):
        spec(noise="additive", likelihood="gamma", link="log").fit(data, engine="nuts")
    with pytest.raises(SpecError, match="pass the rows as they were read"):
        model.to_pymc(model.carry_over(data))
    with pytest.raises(SpecError, match="whole numbers"):
        model.to_pymc(read(table.assign(w=0.5), weights="w"))
    monkeypatch.setattr("bayes_ivgen.media.lagged.MOST_ROWS", 100)
    with pytest.raises(SpecError, match="up to 100 are within reach"):
        model.to_pymc(data)
    monkeypatch.undo()
    numbers = replace(fit.model, transforms=fit.transforms).fit(data, draws=400, chains=2, seed=0, progressbar=False)
    assert numbers.falsify(numbers.thinned(data, every=2)).results
    for refused in (
        lambda: fit.falsify(data),
        lambda: fit.check_calibration(data, "tv"),
        lambda: fit.thinned(data),
        lambda: fit.falsify(numbers.thinned(data)),
        lambda: fit.check_calibration(fit.profiles, "tv"),
        lambda: fit.report(tmp_path / "given.html", data=data),
        lambda: fit.leave_out(data),
        lambda: fit.placebo(data, "tv"),
    ):
        with pytest.raises(SpecError, match=r"were sampled.*transforms=fit\.transforms"):
            refused()
    assert not (tmp_path / "given.html").exists()
    page = fit.report(tmp_path / "kept.html").read_text()
    assert "Transforms of this fit were sampled" in page
    assert "The fit against the" not in page
    drawn = fit.datatree["posterior"]["adstock_alpha"].values
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert f"alpha: mean {drawn.mean():.3g}, 90 % interval {low:.3g} to {high:.3g}" in page
