"""Fits with a prior on saturation, of rows without time: the sampler against a grid, effects against their formula."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymc_extras.prior import Prior

from bayes_ivgen import Fit, InterventionModel, Polynomial, RegimeData, load
from bayes_ivgen.errors import ConvergenceWarning, SpecError
from bayes_ivgen.inference.carried_nuts import statistics_at
from bayes_ivgen.inference.conjugate import run_chain
from bayes_ivgen.inference.evidence import log_evidence
from bayes_ivgen.interface.sampled_fitting import prepared_problem
from bayes_ivgen.interface.sampled_rows import FITTED_DRAWS, fitted_values
from bayes_ivgen.media import Saturation

pytestmark = pytest.mark.xdist_group("sampled_saturation")
QUICK = "FAST_COMPILE"  # compiling takes longer than a few evaluations
HALF = 25.0
CURVE = Saturation("michaelis_menten", lam=Prior("LogNormal", mu=3.0, sigma=0.7))
MODEL = InterventionModel(
    causal=Polynomial(1), confounding=Polynomial(1), graph="empty", noise="constant", transforms={"tv": CURVE}
)


@pytest.fixture(scope="module")
def data() -> RegimeData:
    rng = np.random.default_rng(0)
    n = 300
    demand = rng.normal(size=(3 * n, 2))
    spends = 45.0 + 8.0 * demand + 6.0 * rng.normal(size=(3 * n, 2))  # normal: c_k is a line
    regime = np.repeat(["obs", "do(tv)", "do(web)"], n)
    for k, label in enumerate(("do(tv)", "do(web)")):
        spends[regime == label, k] = rng.uniform(5.0, 90.0, n)
    tv, web = spends.T
    sales = 100 * tv / (HALF + tv) + 0.5 * web + 8 * demand.sum(axis=1) + 8 * rng.normal(size=3 * n)
    frame = pd.DataFrame({"tv": tv, "web": web, "sales": sales, "regime": regime})
    return RegimeData.from_frame(frame, outcome="sales", actions=["tv", "web"])


@pytest.fixture(scope="module")
def fit(data: RegimeData) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MODEL.fit(data, engine="nuts", draws=300, tune=300, chains=2, cores=1, seed=0, progressbar=False)


def test_the_sampler_agrees_with_a_grid(data: RegimeData, fit: Fit) -> None:
    """p(y | lam) / p(y | lam0) is the mean ratio of evidences over scales drawn at lam0."""
    prepared, problem = prepared_problem(MODEL, data, None)
    groups = np.append(-1, prepared.design.term_index)

    def evidences(lam: float, scales: np.ndarray) -> np.ndarray:
        sums = statistics_at(problem, {"tv": {"lam": lam}})
        totals = [getattr(sums, name).sum(axis=0) for name in ("gram", "cross", "squares", "rows")]
        return np.array([log_evidence(*totals, groups, item)[0] for item in scales])

    start = float(fit.transforms["tv"][0].lam)
    kept = run_chain(
        prepared.problem(statistics_at(problem, {"tv": {"lam": start}})), 400, 200, np.random.SeedSequence(1)
    )
    scales = np.log(np.column_stack([kept["tau"], kept["sigma"]]))
    grid = np.exp(np.linspace(np.log(5), np.log(150), 40))  # even in log lam
    base = evidences(start, scales)
    logs = [np.log(np.mean(np.exp(evidences(float(lam), scales) - base))) for lam in grid]
    density = np.exp(np.array(logs) - max(logs) + CURVE.free["lam"].log_density(grid)) * grid
    density /= density.sum()
    mean = density @ np.log(grid)
    sd = np.sqrt(density @ (np.log(grid) - mean) ** 2)
    drawn = np.log(fit.datatree["posterior"]["saturation_lam"].sel(saturation_lam_action="tv"))
    ess = fit.diagnostics.loc["saturation_lam"]
    assert ess["ess_bulk"] > 150
    assert drawn.mean().item() == pytest.approx(mean, abs=4 * sd / np.sqrt(ess["ess_bulk"]))
    assert drawn.std().item() == pytest.approx(sd, rel=4 / np.sqrt(2 * ess["ess_tail"]))
    assert sd < 0.4  # the rows say something: the prior has 0.7
    assert abs(mean - np.log(HALF)) < 3 * sd


def test_effects_are_those_of_each_draw(data: RegimeData, fit: Fit) -> None:
    """Curves are interpolated in common columns: against their own columns, draw by draw."""
    problem = prepared_problem(MODEL, data, None)[1]
    posterior = fit.datatree["posterior"].dataset
    points = np.array([[0.0, 20.0], [3.0, 20.0], [40.0, 60.0], [88.0, 10.0]])
    drawn = fit.effect(do={"tv": points[:, 0], "web": points[:, 1]}, extrapolate=True).draws.values
    change = fit.contrast(do={"tv": 60.0, "web": 20.0}, versus={"tv": 20.0, "web": 20.0}).draws.values
    for chain, draw in ((0, 3), (1, 200)):
        design = problem.design_at({"tv": {"lam": float(posterior["saturation_lam"].values[chain, draw, 0])}})
        b = np.append(posterior["alpha"].values[chain, draw], posterior["beta"].values[chain, draw])
        at = design.rows(points, np.array([True, True])) @ b
        tolerance = 1e-5 * design.outcome_sd
        np.testing.assert_allclose(drawn[chain, draw], design.outcome_mean + design.outcome_sd * at, atol=tolerance)
        first, second = (design.rows(np.array([[x, 20.0]]), np.array([True, True]))[0] @ b for x in (60.0, 20.0))
        np.testing.assert_allclose(change[chain, draw], design.outcome_sd * (first - second), atol=tolerance)


def test_a_curve_is_the_effect_averaged_over_natural_values_of_the_others(fit: Fit) -> None:
    curve = fit.response_curve("tv", [10.0, 50.0]).draws.values
    web = fit.effects.observed[:, 1]
    expected = [fit.effect(do={"tv": x, "web": web}, extrapolate=True).draws.values.mean(axis=-1) for x in (10.0, 50.0)]
    np.testing.assert_allclose(curve, np.stack(expected, axis=-1), rtol=1e-8)


def test_the_noise_of_outcomes_is_that_of_the_likelihood(data: RegimeData, fit: Fit) -> None:
    """Not inflated by the ridge of kappa and its coefficient, along which the curve hardly moves."""
    problem = prepared_problem(MODEL, data, None)[1]
    sigma2 = np.mean(fit.datatree["posterior"]["sigma"].values ** 2)
    found = fit.noise.variance.variance(problem.rows.values, problem.was_set).mean()
    assert found == pytest.approx(sigma2, rel=0.1)  # a variance of 900 rows has a relative error of 0.05
    posterior = fit.datatree["posterior"].dataset
    b = np.concatenate([posterior["alpha"].values[..., None], posterior["beta"].values], axis=-1)
    lam = posterior["saturation_lam"].values[..., 0]
    mean, variance = fitted_values(problem, b, {"tv": {"lam": lam}})
    every = [problem.columns({"tv": {"lam": x}}) @ coefficients
             for x, coefficients in zip(lam.ravel(), b.reshape(lam.size, -1), strict=True)]  # fmt: skip
    np.testing.assert_allclose(mean, np.mean(every, axis=0), atol=5 * np.sqrt(variance.max() / FITTED_DRAWS))
    assert np.median(variance / np.var(every, axis=0)) == pytest.approx(1.0, abs=0.3)


def test_the_truth_lies_inside(fit: Fit) -> None:
    """Of the change from 20 to 60: 4.5 standard deviations either way would be far out."""
    change = fit.contrast(do={"tv": 60.0, "web": 20.0}, versus={"tv": 20.0, "web": 20.0}).draws
    truth = 100 * (60 / (HALF + 60) - 20 / (HALF + 20))
    assert abs(change.mean().item() - truth) < 4 * change.std().item()
    assert change.std().item() < 6


def test_it_is_saved_with_its_draws(fit: Fit, tmp_path: Path) -> None:
    again = load(fit.save(tmp_path / "fit.zarr"))
    assert again.model == fit.model == MODEL
    mean = fit.datatree["posterior"]["saturation_lam"].mean().item()
    assert again.transforms == fit.transforms == {"tv": (Saturation("michaelis_menten", lam=mean),)}
    do = {"tv": [10.0, 70.0], "web": 20.0}
    np.testing.assert_array_equal(again.effect(do=do).draws, fit.effect(do=do).draws)
    assert "saturation_lam[tv] ~ LogNormal(mu=3, sigma=0.7)" in str(fit.model.prior_table())
    assert fit.datatree["log_prior"]["saturation_lam"].shape == (2, 300, 1)
    assert "prior_share" not in fit.effect(do=do).summary() or fit.effect(do=do).summary()["prior_share"].isna().all()


def test_effects_inside_the_model_move_with_the_saturation(data: RegimeData, fit: Fit) -> None:
    pm_model = MODEL.to_pymc(data)
    posterior = fit.datatree["posterior"].dataset
    for do, rest in (({"tv": [10.0, 70.0], "web": 20.0}, None), ({"web": [10.0, 40.0]}, "hold")):
        tensor = MODEL.effect_in(pm_model, data, do=do, rest=rest)
        expected = fit.effect(do=do, rest=rest).draws.values[0, 7]
        inputs = {
            pm_model["alpha"]: posterior["alpha"].values[0, 7],
            pm_model["beta"]: posterior["beta"].values[0, 7],
            pm_model["saturation_lam[tv]"]: posterior["saturation_lam"].values[0, 7, 0],
        }
        np.testing.assert_allclose(tensor.eval(inputs, mode=QUICK), expected, rtol=1e-5)


def test_a_report_has_no_checks_and_says_why(data: RegimeData, fit: Fit, tmp_path: Path) -> None:
    """The profiles that a fit keeps are of one carry-over, which is that of no draw."""
    page = fit.report(tmp_path / "report.html").read_text()
    assert "Transforms of this fit were sampled" in page
    with pytest.raises(SpecError, match="were sampled"):
        fit.report(tmp_path / "other.html", data=data)


def test_too_many_rows_are_refused_before_they_are_read(data: RegimeData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.media.lagged.MOST_ROWS", 100)
    monkeypatch.setattr(type(data._source), "read", None)
    with pytest.raises(SpecError, match="900 rows; up to 100 are within reach"):
        MODEL.fit(data, engine="nuts")


def test_what_needs_numbers_is_refused(data: RegimeData, fit: Fit) -> None:
    with pytest.raises(SpecError, match="Adstock or Saturation with a prior is sampled by engine='nuts'"):
        MODEL.fit(data)
    with pytest.raises(SpecError, match=r"transforms=fit\.transforms"):
        fit.falsify(data)
    with pytest.raises(SpecError, match="were sampled"):  # also of rows that are carried over at the posterior means
        fit.falsify(replace(fit.model, transforms=fit.transforms).carry_over(data))
    with pytest.raises(SpecError, match=r"transforms=fit\.transforms"):
        fit.next_experiment(questions={"do": {"tv": 50.0, "web": 20.0}}, rows=200)
    numbers = replace(fit.model, transforms=fit.transforms).fit(data, draws=100, chains=2, seed=0, progressbar=False)
    assert numbers.falsify(data).results
    assert len(numbers.next_experiment(questions={"do": {"tv": 50.0, "web": 20.0}}, rows=200).table)


def test_the_report_says_what_was_sampled(fit: Fit, tmp_path: Path) -> None:
    page = fit.report(tmp_path / "report.html", prob=0.8).read_text()
    drawn = fit.datatree["posterior"]["saturation_lam"].values
    low, high = np.quantile(drawn, [0.1, 0.9])
    assert f"lam: mean {drawn.mean():.3g}, 80 % interval {low:.3g} to {high:.3g}" in page
    assert '<h2 id="carry-over-title">Saturation</h2>' in page  # nothing carries over
    assert "What became of the rows" not in page
