"""The model as a `pymc.Model`: names, prior predictive, and the log density by an independent route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats

from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.data import RegimeData
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.model.design import Design

QUICK = "FAST_COMPILE"  # compiling takes longer than all evaluations
MODEL = InterventionModel(causal=BSpline(5), confounding=Polynomial(2), graph=ActionGraph({"b": ["a"]}))


def by_hand(design: Design, data: RegimeData, model: InterventionModel, point: dict[str, np.ndarray]) -> float:
    """Log joint density in NumPy and SciPy alone: priors, rows, and the Jacobians of the log transforms."""
    priors = model.prior_table()
    x = {name: np.exp(point[f"{name}_log__"]) for name in ("hyper", "tau", "sigma")}
    total = sum(float(np.sum(point[f"{name}_log__"])) for name in x)
    total += float(stats.norm.logpdf(point["alpha"], 0, priors.alpha_sd))
    total += float(np.sum(stats.norm.logpdf(point["z"])))
    total += float(np.sum(stats.halfcauchy.logpdf(x["hyper"], scale=0.1)))
    for g, term in enumerate(design.terms):
        scale = x["hyper"][design.types.index(term.type)]
        total += float(np.log(2) + stats.t.logpdf(x["tau"][g], priors.tau_nu, scale=scale))
    total += float(np.sum(np.log(2) + stats.t.logpdf(x["sigma"], 4)))
    beta = np.concatenate(
        [
            [point["alpha"]],
            [
                point["z"][design.slices[term.name].start - 1 + i] * x["tau"][g]
                for g, term in enumerate(design.terms)
                for i in range(term.size)
            ],
        ]
    )
    index, _ = model.sigma_groups([regime.label for regime in data.regimes])
    for r, regime in enumerate(data.regimes):
        for batch in data.batches():
            if batch.regime == regime:
                was_set = np.tile([regime.sets(k) for k in data.actions], (len(batch.outcome), 1))
                mean = design.outcome_mean + design.outcome_sd * design.rows(batch.variables, was_set) @ beta
                sd = design.outcome_sd * x["sigma"][index[r]]
                total += float(np.sum(stats.norm.logpdf(batch.outcome, mean, sd)))
    return total


@pytest.mark.parametrize("noise", ["regime", "constant"])
def test_log_density_equals_numpy(noise: Any, small_data: RegimeData) -> None:
    model = InterventionModel(causal=MODEL.causal, confounding=MODEL.confounding, graph=MODEL.graph, noise=noise)
    design = model.design(small_data)
    pm_model = model.to_pymc(small_data)
    density, gradient = pm_model.compile_logp(mode=QUICK), pm_model.compile_dlogp(mode=QUICK)
    start = pm_model.initial_point()
    assert np.isfinite(density(start))
    assert np.isfinite(gradient(start)).all()
    rng = np.random.default_rng(0)
    for _ in range(5):
        point = {name: value + rng.normal(0, 0.7, np.shape(value)) for name, value in start.items()}
        assert density(point) == pytest.approx(by_hand(design, small_data, model, point), rel=1e-9)
        step = {name: rng.normal(size=np.shape(value)) for name, value in point.items()}
        ahead, behind = ({n: point[n] + s * 1e-5 * step[n] for n in point} for s in (1, -1))
        slope = (by_hand(design, small_data, model, ahead) - by_hand(design, small_data, model, behind)) / 2e-5
        flat = np.concatenate([np.ravel(step[variable.name]) for variable in pm_model.value_vars])
        assert gradient(point) @ flat == pytest.approx(slope, rel=1e-5, abs=1e-4)


def test_names_and_dims_are_those_of_a_fit(small_data: RegimeData) -> None:
    design = MODEL.design(small_data)
    pm_model = MODEL.to_pymc(small_data)
    coords = pm_model.coords
    assert coords["coefficient"] == design.coefficient_names
    assert coords["term"] == tuple(term.name for term in design.terms)
    assert coords["type"] == tuple(kind.value for kind in design.types)
    assert coords["noise_scale"] == ("obs", "do(a)", "do(b)")
    assert coords["action"] == ("a", "b")
    dims = {name: pm_model.named_vars_to_dims.get(name) for name in ("beta", "z", "tau", "hyper", "sigma", "outcome")}
    assert dims == {
        "beta": ("coefficient",),
        "z": ("coefficient",),
        "tau": ("term",),
        "hyper": ("type",),
        "sigma": ("noise_scale",),
        "outcome": ("row",),
    }


def test_prior_predictive_is_finite_and_in_units_of_the_outcome(small_data: RegimeData, make_prior: Any) -> None:
    tight = make_prior("HalfNormal", sigma=0.1)
    model = InterventionModel(
        causal=Polynomial(1),
        confounding=Polynomial(1),
        graph="empty",
        priors={
            "alpha": make_prior("Normal", mu=0, sigma=0.1),
            "sigma": make_prior("HalfNormal", sigma=0.1),
            **dict.fromkeys(["causal_linear", "level", "confounding_linear"], tight),
        },
    )
    with model.to_pymc(small_data):
        drawn = pm.sample_prior_predictive(40, random_seed=1, compile_kwargs={"mode": QUICK})
    outcome = drawn["prior_predictive"]["outcome"].values
    design = model.design(small_data)
    assert outcome.shape == (1, 40, 300)
    assert np.isfinite(outcome).all()
    assert abs(outcome.mean() - design.outcome_mean) < 0.5 * design.outcome_sd
    assert outcome.std() < design.outcome_sd
    beta, tau = drawn["prior"]["beta"].values, drawn["prior"]["tau"].values
    z = drawn["prior"]["z"].values
    np.testing.assert_allclose(beta, z * tau[..., design.term_index])


def test_one_prior_for_each_kind_of_term(small_data: RegimeData, make_prior: Any) -> None:
    model = InterventionModel(
        causal=Polynomial(1),
        confounding=Polynomial(1),
        graph="empty",
        priors={"level": make_prior("HalfNormal", sigma=0.5)},
    )
    pm_model = model.to_pymc(small_data)
    free = {variable.name for variable in pm_model.free_RVs}
    assert {"hyper_level", "hyper_causal_linear", "hyper_confounding_linear"} <= free
    assert pm_model["hyper"].eval(mode=QUICK).shape == (3,)
    start = pm_model.initial_point()
    density = pm_model.compile_logp(vars=pm_model["hyper_level"], mode=QUICK)
    value = {**start, "hyper_level_log__": np.array(-0.4)}
    x = np.exp(-0.4)
    assert density(value) == pytest.approx(stats.halfnorm.logpdf(x, scale=0.5) - 0.4)


def test_fit_uses_the_same_names(linear_data: Callable[..., RegimeData]) -> None:
    data = linear_data({"obs": 200, "do(a)": 200, "do(b)": 200}, drive=0.0)
    model = InterventionModel(causal=Polynomial(1), confounding=Polynomial(1), graph="empty")
    posterior = model.fit(data, draws=1000, chains=2, seed=0, cores=1, progressbar=False).datatree["posterior"].dataset
    coords = model.to_pymc(data).coords
    for dim in ("coefficient", "term", "type"):
        assert tuple(posterior[dim].values) == coords[dim]
    assert tuple(posterior["noise_scale"].values) == coords["noise_scale"]
    assert posterior["beta"].dims == ("chain", "draw", "coefficient")
    assert posterior["tau"].dims == ("chain", "draw", "term")
    assert posterior["hyper"].dims == ("chain", "draw", "type")
