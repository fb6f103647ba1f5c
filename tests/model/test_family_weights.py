"""Weights and data sets under the row-wise likelihoods: weight two is the row given twice, everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import ActionGraph, BSpline, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.data import Regime
from bayes_ivgen.errors import DataError, SpecError
from bayes_ivgen.inference.family_densities import family_log_likelihood
from bayes_ivgen.inference.family_nuts import whitened_model
from bayes_ivgen.inference.laplace import Laplace, approximate
from bayes_ivgen.model import Design
from bayes_ivgen.model.families import FAMILIES, NUMPY, log_likelihood
from bayes_ivgen.model.family_rows import CollapsedRows, Rows, collapse, predictor_scale, read_rows
from bayes_ivgen.model.structure import Structure
from bayes_ivgen.simulate import multiplicative

KINDS = {"gamma": "amount", "negative_binomial": "count", "bernoulli": "sale", "student_t": "amount"}
ALL = pytest.mark.parametrize("name", list(KINDS))
QUICK = "FAST_COMPILE"


def spec(name: str) -> InterventionModel:
    return InterventionModel(
        causal=BSpline(5),
        confounding=Polynomial(2),
        graph=ActionGraph({"a2": ["a1"]}),
        likelihood=name,  # type: ignore[arg-type]
        link=FAMILIES[name].link,
    )


def table(name: str, n: int = 60) -> pd.DataFrame:
    """Rows with whole and fractional weights, an exposure and two data sets with rows of every regime."""
    world = multiplicative(2, seed=1, kind=KINDS[name])
    rows = world.sample_regimes(world.standard_regimes(n), seed=1).round({"a1": 1, "a2": 1})
    rng = np.random.default_rng(7)
    return rows.assign(
        whole=rng.integers(1, 5, len(rows)),
        share=rng.uniform(0.2, 3.0, len(rows)),
        days=rng.choice([1.0, 2.0], len(rows)),
        wave=np.resize(["early", "late"], len(rows)),
    )


def read(name: str, rows: pd.DataFrame, **parts: str) -> RegimeData:
    if FAMILIES[name].link == "log":
        parts["exposure"] = "days"
    return RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"], dataset="wave", **parts)


def repeated(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.loc[rows.index.repeat(rows["whole"])]


def cells_of(name: str, data: RegimeData) -> tuple[CollapsedRows, Design]:
    model = spec(name)
    design = model.design(data)
    return collapse(read_rows(data, model.family), model.family, design), design


def laplace_of(name: str, data: RegimeData) -> Laplace:
    return approximate(*cells_of(name, data), spec(name).prior_table(), np.random.default_rng(0))


def draws_of(rows: CollapsedRows, design: Design, n: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    drawn = {"coefficients": 0.3 * rng.normal(size=(1, n, design.n_coefficients)), "nu": np.full((1, n), 5.0)}
    drawn["dispersion"] = drawn["sigma"] = np.exp(rng.normal(-0.5, 0.3, (1, n, len(rows.regimes))))
    return drawn


@ALL
def test_whole_weights_are_repeated_rows(name: str) -> None:
    rows = table(name)
    one, two = read(name, rows, weights="whole"), read(name, repeated(rows))
    (cells, design), (others, same) = (cells_of(name, data) for data in (one, two))
    assert (design.outcome_mean, design.outcome_sd) == pytest.approx((same.outcome_mean, same.outcome_sd), rel=1e-12)
    assert cells.count.sum() == rows["whole"].sum()
    for what in ("actions", "regime", "dataset", "log_exposure", "count", "total", "regime_rows"):
        np.testing.assert_allclose(getattr(cells, what), getattr(others, what), err_msg=what)
    if name == "negative_binomial":
        for what in ("log_factorial", "values"):
            for left, right in zip(getattr(cells, what), getattr(others, what), strict=True):
                np.testing.assert_allclose(left, right, err_msg=what)
    if name == "gamma":
        np.testing.assert_allclose(cells.log_sum, others.log_sum)
    drawn = draws_of(cells, design)
    densities = [family_log_likelihood(same, item, drawn)["outcome"] for item in (cells, others)]
    np.testing.assert_allclose(densities[0], densities[1], rtol=1e-10)
    starts = [laplace_of(name, data) for data in (one, two)]
    for what in ("precision", "shift", "spread", "log_tau"):
        np.testing.assert_allclose(*(getattr(item, what) for item in starts), rtol=1e-6, atol=1e-6, err_msg=what)


@ALL
def test_a_fraction_scales_the_density_of_its_row(name: str) -> None:
    """Log likelihood of each regime against the laws of SciPy, each row times its weight."""
    rows, _ = cells_of(name, read(name, table(name), weights="share"))
    eta = rows.link.width + 0.6 + 0.2 * np.sin(np.arange(len(rows.count)))
    spread = None if rows.family.spread is None else np.array([0.4, 0.9, 0.6])
    cells, regimes = log_likelihood(rows.family, rows, eta, spread, np.array(5.0), NUMPY)
    found = np.bincount(rows.regime, cells, 3) + regimes
    regime, y = rows.regime[rows.cell], rows.outcome
    mean = (rows.link.mean(eta) * np.exp(rows.log_exposure))[rows.cell]
    of_row = np.ones(len(y)) if spread is None else spread[regime]
    terms = {
        "gamma": lambda: stats.gamma.logpdf(y, 1 / of_row, scale=mean * of_row),
        "negative_binomial": lambda: stats.nbinom.logpmf(y, 1 / of_row, 1 / (1 + mean * of_row)),
        "bernoulli": lambda: stats.bernoulli.logpmf(y, mean),
        "student_t": lambda: stats.t.logpdf(y, 5.0, loc=mean, scale=of_row),
    }[name]()
    assert not np.allclose(rows.weight, np.round(rows.weight))
    np.testing.assert_allclose(found, np.bincount(regime, rows.weight * terms, 3), rtol=1e-10)


@ALL
def test_a_row_split_into_fractions_is_the_row(name: str) -> None:
    rows = table(name, 61)  # odd: medians do not fall between two rows
    part = np.random.default_rng(2).uniform(0.1, 0.9, len(rows))
    split = pd.concat([rows.assign(share=part), rows.assign(share=1 - part)])
    data, family = read(name, rows), FAMILIES[name]
    design, priors = spec(name).design(data), spec(name).prior_table()
    pieces = [read_rows(item, family) for item in (read(name, split, weights="share"), data)]
    np.testing.assert_allclose(*(predictor_scale(item, family) for item in pieces))
    cells = [collapse(item, family, design) for item in pieces]
    starts = [approximate(item, design, priors, np.random.default_rng(0)) for item in cells]
    for what in ("precision", "shift", "spread", "log_tau"):
        np.testing.assert_allclose(*(getattr(item, what) for item in starts), rtol=1e-5, atol=1e-5, err_msg=what)
    drawn = draws_of(cells[0], design)
    densities = [family_log_likelihood(design, item, drawn)["outcome"] for item in cells]
    np.testing.assert_allclose(densities[0], densities[1], rtol=1e-10)


@ALL
def test_the_three_densities_agree(name: str) -> None:
    """`to_pymc` with its repeated rows, the model that NUTS samples, and the stored log likelihood."""
    rows = table(name)
    model, data = spec(name), read(name, rows, weights="whole")
    built, priors = model.to_pymc(data), model.prior_table()
    assert built["outcome"].eval().shape == (rows["whole"].sum(),)
    cells, design = cells_of(name, data)
    rng = np.random.default_rng(0)
    point = {key: value + 0.3 * rng.normal(size=np.shape(value)) for key, value in built.initial_point().items()}
    point["z"][design.slices["dataset.offset"].start - 1] = 3.0
    beta = point["z"] * np.exp(point["tau_log__"])[design.term_index]
    drawn = {"coefficients": np.append(point["alpha"], beta)[None, None]}
    drawn |= {key: np.exp(point[f"{key}_log__"])[None, None] for key in model.family.parameters}
    expected = float(family_log_likelihood(design, cells, drawn)["outcome"].sum())
    density = built.compile_logp(vars=built.observed_RVs, mode=QUICK)
    assert float(density(point)) == pytest.approx(expected, rel=1e-10)
    laplace = approximate(cells, design, priors, rng)
    prior = np.append(priors.alpha_sd**-2, np.exp(-2 * point["tau_log__"])[design.term_index])
    factor = np.linalg.cholesky(laplace.precision + np.diag(prior))
    at = factor.T @ drawn["coefficients"][0, 0] - np.linalg.solve(factor, laplace.shift)
    whitened = whitened_model(cells, design, priors, laplace)
    sampled = whitened.compile_logp(vars=[whitened["rows"]], mode=QUICK)
    given = {key: value for key, value in point.items() if key not in ("alpha", "z")} | {"whitened": at}
    assert float(sampled(given)) == pytest.approx(expected, rel=1e-8)


def test_to_pymc_refuses_fractions_with_the_next_step() -> None:
    rows = table("gamma")
    with pytest.raises(SpecError, match=r"must be whole numbers; .* is not. Use model.fit\(data, engine='nuts'\)"):
        spec("gamma").to_pymc(read("gamma", rows, weights="share"))
    spec("gamma").to_pymc(read("gamma", rows))  # the other way out; test_family_fit has the fit


@ALL
def test_data_sets_are_cells_with_offsets(name: str) -> None:
    rows = table(name)
    data = read(name, rows)
    cells, design = cells_of(name, data)
    outcome = ["y"] if name == "student_t" else []
    size = ["days"] if FAMILIES[name].link == "log" else []
    assert len(cells.count) == len(rows.drop_duplicates(["regime", "a1", "a2", "wave", *size, *outcome]))
    offset = design.slices["dataset.offset"]
    contrast = design.components[-1].contrasts[:, 0]  # type: ignore[union-attr]
    for (active, x), regime in zip(cells.blocks(design), range(3), strict=True):
        where = np.flatnonzero(active == offset.start)
        np.testing.assert_allclose(x[:, where[0]], contrast[cells.dataset[cells.regime == regime].astype(int)])
    assert set(cells.dataset) == {0.0, 1.0}
    early = np.array([data.datasets[int(code)] == "early" for code in cells.dataset])
    labels = [regime.label for regime in cells.regimes]
    for r, label in enumerate(labels):
        chosen = rows[(rows["regime"] == label) & (rows["wave"] == "early")]
        assert cells.count[early & (cells.regime == r)].sum() == len(chosen)
        assert cells.total[early & (cells.regime == r)].sum() == pytest.approx(chosen["y"].sum())


@pytest.mark.parametrize("name", ["gamma", "bernoulli", "student_t"])
def test_the_unit_of_the_predictor_is_weighted(name: str) -> None:
    y = np.array([0.25, 0.5, 1.0])
    n, weight = len(y), np.array([3.0, 1.0, 0.5])
    rows = [Rows(Regime(), np.zeros((n, 1)), y, np.array([1.0, 2.0, 1.0]), weight, np.zeros(n))]
    centre, unit = predictor_scale(rows, FAMILIES[name])
    mean = 1.75 / 4.5
    sd = np.sqrt((3 * 0.25**2 + 0.5**2 + 0.5) / 4.5 - mean**2)
    expected = {
        "gamma": (np.log(1.75 / 5.5), sd / mean),
        "bernoulli": (-np.log(1 - mean), -np.log(1 - mean)),
        "student_t": (mean, sd),
    }[name]
    assert (centre, unit) == pytest.approx(expected)


def test_an_outcome_that_never_varies_is_refused_whatever_the_weights() -> None:
    n, y = 3, np.full(3, 0.1)
    weight = np.random.default_rng(0).uniform(0.1, 2.0, n)  # their rounding makes the standard deviation 1e-17
    rows = [Rows(Regime(), np.zeros((n, 1)), y, np.ones(n), weight, np.zeros(n))]
    with pytest.raises(DataError, match=r"the outcome is 0.1 in all 3 rows; there is nothing to explain"):
        predictor_scale(rows, FAMILIES["gamma"])
    predictor_scale([rows[0]._replace(outcome=y + np.arange(3))], FAMILIES["gamma"])


def test_equal_outcomes_of_a_t_law_share_a_cell() -> None:
    y = np.array([1.0, 2.0, 1.0])
    rows = [Rows(Regime(), np.zeros((3, 1)), y, np.ones(3), np.array([1.0, 2.0, 0.5]), np.zeros(3))]
    design: Any = Design(("a",), (), 0.0, 1.0, Structure((("a",),)))
    cells = collapse(rows, FAMILIES["student_t"], design)
    np.testing.assert_allclose(cells.count, [1.5, 2.0])
    np.testing.assert_allclose(cells.total / cells.count, [1.0, 2.0])


def test_weights_of_a_t_law_are_information_not_outliers() -> None:
    """Three of each row hold three times what one of each does; priors and dispersion move it a little."""
    rows = table("student_t", 150)
    (once, design), (thrice, _) = (
        cells_of("student_t", read("student_t", rows.assign(whole=w), weights="whole")) for w in (1, 3)
    )
    priors = spec("student_t").prior_table()
    one, three = (approximate(cells, design, priors, np.random.default_rng(0)) for cells in (once, thrice))
    assert 2.5 < np.trace(three.precision) / np.trace(one.precision) < 3.5
