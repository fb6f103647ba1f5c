"""Families: their densities against SciPy, collapsing, and what they refuse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.errors import DataError, SpecError
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import Design
from bayes_ivgen.model.families import FAMILIES, NUMPY, family_of, log_likelihood
from bayes_ivgen.model.family_rows import CollapsedRows, Rows, collapse, exposure_of, predictor_scale, read_rows
from bayes_ivgen.model.structure import Structure

REGIMES = (Regime(), Regime(("a",)))
ACTIONS = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 1.0], [2.0, 0.0]])


def make_rows(name: str, seed: int = 0, *, exposure: bool = False, n: int = 40) -> list[Rows]:
    """Two regimes of rows with few distinct actions; outcomes that the family allows."""
    rng = np.random.default_rng(seed)
    draw = {
        "gamma": lambda: rng.gamma(2.0, 1.5, n),
        "negative_binomial": lambda: rng.poisson(rng.gamma(2.0, 1.5, n)).astype(float),
        "bernoulli": lambda: rng.integers(2, size=n).astype(float),
        "student_t": lambda: rng.standard_t(4, n),
    }[name]
    sizes = rng.choice([0.5, 1.0, 2.0], (2, n)) if exposure else np.ones((2, n))
    return [
        Rows(regime, ACTIONS[rng.integers(4, size=n)], draw(), size, np.ones(n), np.zeros(n))
        for regime, size in zip(REGIMES, sizes, strict=True)
    ]


def collapsed(name: str, **options: Any) -> CollapsedRows:
    return collapse(
        make_rows(name, **options), FAMILIES[name], Design(("a", "b"), (), 0.7, 0.7, Structure((("a",), ("b",))))
    )


def by_hand(rows: CollapsedRows, eta: np.ndarray, spread: Any, nu: float) -> np.ndarray:
    """Log likelihood of each regime, row by row with the laws of SciPy."""
    regime = rows.regime[rows.cell]
    of_row = None if spread is None else spread[regime]
    mean = rows.link.mean(eta)[rows.cell] * np.exp(rows.log_exposure)[rows.cell]
    y, name = rows.outcome, rows.family.name
    if name == "gamma":
        terms = stats.gamma.logpdf(y, 1 / of_row, scale=mean * of_row)
    elif name == "negative_binomial":
        terms = stats.nbinom.logpmf(y, 1 / of_row, 1 / (1 + mean * of_row))
    elif name == "bernoulli":
        terms = stats.bernoulli.logpmf(y, mean)
    else:
        terms = stats.t.logpdf(y, nu, loc=mean, scale=of_row)
    return np.bincount(regime, terms, 2)


@pytest.mark.parametrize("exposure", [False, True])
@pytest.mark.parametrize("name", ["gamma", "negative_binomial", "bernoulli", "student_t"])
def test_cells_give_the_likelihood_of_the_rows(name: str, exposure: bool) -> None:
    rows = collapsed(name, exposure=exposure and FAMILIES[name].link == "log")
    assert len(rows.count) == (
        80
        if name == "student_t"
        else len(np.unique(np.column_stack([rows.regime, rows.actions, rows.log_exposure]), axis=0))
    )
    rng = np.random.default_rng(1)
    eta = 0.6 + 0.3 * rng.normal(size=len(rows.count))
    spread = None if rows.family.spread is None else np.array([0.4, 0.9])
    cells, regimes = log_likelihood(rows.family, rows, eta, spread, np.array(5.0), NUMPY)
    found = np.bincount(rows.regime, cells, 2) + regimes
    np.testing.assert_allclose(found, by_hand(rows, eta, spread, 5.0), rtol=1e-10)


def test_a_share_scores_like_so_many_successes_and_failures() -> None:
    eta = np.array([0.4])
    share, whole = (
        collapse(
            [Rows(Regime(), np.zeros((n, 1)), y, np.ones(n), np.ones(n), np.zeros(n))],
            FAMILIES["bernoulli"],
            Design(("a",), (), 0.4, 0.4, Structure((("a",),))),
        )
        for n, y in ((2, np.array([0.25, 0.75])), (4, np.array([1.0, 0.0, 1.0, 0.0])))
    )
    half, full = (log_likelihood(rows.family, rows, eta, None, None, NUMPY)[0] for rows in (share, whole))
    np.testing.assert_allclose(2 * half, full)
    assert share.is_share
    assert not whole.is_share


def test_the_predictor_has_units_that_do_not_depend_on_those_of_the_outcome() -> None:
    rows = make_rows("gamma", exposure=True)
    larger = [part._replace(outcome=100 * part.outcome) for part in rows]
    (centre, unit), (other, same) = (predictor_scale(part, FAMILIES["gamma"]) for part in (rows, larger))
    assert other == pytest.approx(centre + np.log(100))
    assert same == pytest.approx(unit)
    outcome, size = (np.concatenate([getattr(part, name) for part in rows]) for name in ("outcome", "exposure"))
    assert centre == pytest.approx(np.log(outcome.sum() / size.sum()))
    rate, shape = predictor_scale(make_rows("bernoulli"), FAMILIES["bernoulli"])
    assert rate == shape == pytest.approx(-np.log(1 - np.mean([part.outcome for part in make_rows("bernoulli")])))


def test_exposure_is_read_from_a_batch_where_it_has_one() -> None:
    outcome = np.ones(3)
    assert exposure_of(SimpleNamespace(outcome=outcome)).tolist() == [1, 1, 1]
    assert exposure_of(SimpleNamespace(outcome=outcome, exposure=None)).tolist() == [1, 1, 1]
    assert exposure_of(SimpleNamespace(outcome=outcome, exposure=np.array([1, 2, 3]))).tolist() == [1, 2, 3]


def frame(y: list[float]) -> pd.DataFrame:
    n = len(y)
    return pd.DataFrame({"regime": ["obs"] * (n // 2) + ["do(a)"] * (n - n // 2), "a": np.arange(n) % 5, "y": y})


def data_of(y: list[float]) -> RegimeData:
    return RegimeData.from_frame(frame(y), outcome="y", actions=["a"])


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("gamma", [0.0, -1.0, 2.0, 3.0], "2 of 24 values are at or below zero"),
        ("negative_binomial", [-1.0, 2.0, 0.0, 3.0], "1 of 24 values are below zero"),
        ("negative_binomial", [0.5, 2.5, 0.0, 3.0], "2 of 24 values are not whole numbers"),
        ("bernoulli", [0.0, 1.2, -0.1, 40.0], "3 of 24 values are outside 0 to 1"),
    ],
)
def test_impossible_outcomes_are_counted(name: str, wrong: list[float], message: str) -> None:
    family = FAMILIES[name]
    with pytest.raises(DataError, match=message):
        read_rows(data_of(wrong + [1.0] * 20), family)
    repaired = [0.0 if name == "bernoulli" else 2.0] * len(wrong) + [1.0] * 20
    assert sum(len(part.outcome) for part in read_rows(data_of(repaired), family)) == 24


@pytest.mark.parametrize(
    ("likelihood", "link", "message"),
    [
        ("poisson", "log", "intervals are too short.*likelihood='negative_binomial'"),
        ("lognormal", "log", r"models E\[log Y\].*likelihood='gamma' with link='log'"),
        ("bernoulli", "logit", "additive on the logit scale.*link='log_complement' with likelihood='bernoulli'"),
        ("gamma", "identity", "pass link='log' with it"),
        ("normal", "log", "likelihood='gamma' or 'negative_binomial'"),
        ("weibull", "log", "likelihood='weibull' is not available; valid here: 'normal', 'gamma'"),
        ("gamma", "sqrt", "link='sqrt' is not available; valid here: 'identity', 'log', 'log_complement'"),
    ],
)
def test_wrong_families_are_refused_with_the_next_step(likelihood: str, link: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        family_of(likelihood, link)


def test_the_next_steps_work() -> None:
    for likelihood, link in (("negative_binomial", "log"), ("gamma", "log"), ("bernoulli", "log_complement")):
        assert InterventionModel(likelihood=likelihood, link=link).family.name == likelihood  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"noise": "regime"}, "noise='regime' belongs to likelihood='normal'.*Leave it at noise='additive'"),
        ({"weights": "variance"}, "weights='variance' belongs to likelihood='normal'.*Leave it at weights=None"),
    ],
)
def test_arguments_of_the_normal_law_are_refused(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        InterventionModel(likelihood="gamma", link="log", **argument)
    InterventionModel(likelihood="gamma", link="log", noise="additive", weights=None)


def test_priors_have_the_names_of_the_family(make_prior: Any) -> None:
    prior = {"dispersion": make_prior("HalfNormal", sigma=0.5)}
    table = InterventionModel(likelihood="gamma", link="log", priors=prior).prior_table()
    assert "dispersion[regime] ~ HalfNormal(sigma=0.5)" in str(table)
    assert "sigma[regime]" not in str(table)
    with pytest.raises(SpecError, match=r"priors names 'dispersion'.*Valid names are .*'sigma'"):
        InterventionModel(priors=prior)
    with pytest.raises(SpecError, match="priors names 'sigma'"):
        InterventionModel(likelihood="bernoulli", link="log_complement", priors={"sigma": prior["dispersion"]})
    tails = InterventionModel(likelihood="student_t", priors={"nu": make_prior("Gamma", alpha=3, beta=0.2)})
    assert "nu ~ Gamma(alpha=3, beta=0.2)" in str(tails.prior_table())
