"""Lift tests beside rows with a t law: one density in all three places, and in the start."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import InterventionModel, Polynomial, RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.inference.family_densities import family_log_likelihood
from bayes_ivgen.inference.family_nuts import whitened_model
from bayes_ivgen.inference.laplace import approximate
from bayes_ivgen.model.family_rows import collapse, read_rows
from bayes_ivgen.model.linear import LinearObservations

MODEL = InterventionModel(causal=Polynomial(2), confounding=Polynomial(1), graph="empty", likelihood="student_t")
FRAME = pd.DataFrame(
    {"channel": ["a", "b"], "x": [0.0, -1.0], "delta_x": [1.0, 2.0], "delta_y": [1.5, -0.4], "sigma": [0.02, 0.1]}
)


def test_the_densities_agree_and_are_those_of_the_tests(small_data: RegimeData) -> None:
    design, priors = MODEL.design(small_data), MODEL.prior_table()
    rows = collapse(read_rows(small_data, MODEL.family), MODEL.family, design)
    known = LinearObservations.of_lift_tests(LiftTests.from_frame(FRAME, ["a", "b"]), design)
    plain = MODEL.to_pymc(small_data, lift_tests=FRAME)
    assert {variable.name for variable in plain.observed_RVs} == {"outcome", "lift_tests"}
    rng = np.random.default_rng(1)
    point = {key: value + 0.3 * rng.normal(size=np.shape(value)) for key, value in plain.initial_point().items()}
    beta = np.append(point["alpha"], point["z"] * np.exp(point["tau_log__"])[design.term_index])
    everything = np.ones((1, 2), dtype=bool)
    expected = 0.0
    for test in FRAME.to_dict("records"):
        at = np.array([[0.3, 0.7]])
        before, after = at.copy(), at.copy()
        before[0, "ab".index(test["channel"])] = test["x"]
        after[0, "ab".index(test["channel"])] = test["x"] + test["delta_x"]
        change = design.outcome_sd * (design.rows(after, everything) - design.rows(before, everything)) @ beta
        expected += stats.norm.logpdf(test["delta_y"], change[0], test["sigma"])
    mode = {"mode": "FAST_COMPILE"}
    generative = plain.compile_logp(vars=[plain["lift_tests"]], **mode)
    assert float(generative(point)) == pytest.approx(expected, rel=1e-9)
    drawn = {name: np.exp(point[f"{name}_log__"])[None, None] for name in ("sigma", "nu")}
    stored = family_log_likelihood(design, rows, {"coefficients": beta[None, None], **drawn}, known)
    assert float(stored["lift_tests"].sum()) == pytest.approx(expected, rel=1e-9)
    laplace = approximate(rows, design, priors, rng, known=known)
    prior = np.append(priors.alpha_sd**-2, np.exp(-2 * point["tau_log__"])[design.term_index])
    factor = np.linalg.cholesky(laplace.precision + np.diag(prior))
    whitened = whitened_model(rows, design, priors, laplace, known)
    sampled = whitened.compile_logp(vars=[whitened["lift_tests"]], **mode)
    given = {key: value for key, value in point.items() if key not in ("alpha", "z")}
    given["whitened"] = factor.T @ beta - np.linalg.solve(factor, laplace.shift)
    assert float(sampled(given)) == pytest.approx(expected, rel=1e-7)


def test_the_start_knows_the_tests(small_data: RegimeData) -> None:
    design, priors = MODEL.design(small_data), MODEL.prior_table()
    rows = collapse(read_rows(small_data, MODEL.family), MODEL.family, design)
    known = LinearObservations.of_lift_tests(LiftTests.from_frame(FRAME, ["a", "b"]), design)
    found = approximate(rows, design, priors, np.random.default_rng(0), known=known)
    mean, factor = found.moments(design, priors)
    change = design.outcome_sd * known.rows @ mean
    assert change[0] == pytest.approx(1.5, abs=0.08)  # the rows alone say 1.0
    sd = design.outcome_sd * np.linalg.norm(np.linalg.solve(factor, known.rows.T), axis=0)
    assert sd[0] < 0.02
