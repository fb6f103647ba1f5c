"""Projection of draws onto curves that do not decrease."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from bayes_ivgen import BSpline, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.effects.monotone import causal_increments, monotone_draws
from bayes_ivgen.errors import ConvergenceWarning, SpecError
from bayes_ivgen.media import Saturation


def rows(seed: int = 0, n: int = 120) -> pd.DataFrame:
    """A curve that saturates, with much noise."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 4, n), rng.uniform(0, 4, n)
    y = np.tanh(a) + 0.5 * np.tanh(b) + 0.7 * rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "y": y, "regime": "do(a,b)"})


def fitted(causal: Any, seed: int = 0) -> Any:
    data = RegimeData.from_frame(rows(seed), outcome="y", actions=["a", "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return InterventionModel(causal=causal, graph="empty").fit(data, draws=150, chains=2, tune=100, seed=0, cores=1)


@pytest.fixture(scope="module")
def free() -> Any:
    return fitted(BSpline())


@pytest.mark.parametrize("tail", ["learned", "linear", "clip"])
def test_no_draw_of_a_curve_decreases_tails_included(tail: Any) -> None:
    fit = fitted(BSpline(tail=tail, monotone=True))
    grid = np.linspace(-3, 7, 400)
    for action in ("a", "b"):
        draws = fit.response_curve(action, grid).draws.values
        fall = (draws[..., :-1] - draws[..., 1:]).max()
        assert fall < 2e-3 * (draws.max() - draws.min())
    assert fit.model == InterventionModel(causal=BSpline(tail=tail, monotone=True), graph="empty")


def test_free_draws_do_decrease(free: Any) -> None:
    draws = free.response_curve("b", np.linspace(0.1, 3.9, 50)).draws.values
    assert (np.diff(draws, axis=-1).min(axis=-1) < 0).mean() > 0.3


def test_draws_that_do_not_decrease_stay(free: Any) -> None:
    design, drawn = free.design, free.effects.coefficients
    moved = monotone_draws(design, drawn)
    fine = (drawn @ causal_increments(design).T).min(axis=-1) >= 0
    assert fine.any()
    assert not fine.all()
    np.testing.assert_array_equal(moved[fine], drawn[fine])
    assert (np.abs(moved[~fine] - drawn[~fine]).max(axis=-1) > 0).all()
    np.testing.assert_allclose(monotone_draws(design, moved)[fine], drawn[fine])


def test_the_projection_is_the_nearest_point(free: Any) -> None:
    """Against a general solver, in the metric of the posterior covariance."""
    design, drawn = free.design, free.effects.coefficients
    d = causal_increments(design)
    flat = drawn.reshape(-1, drawn.shape[-1])
    worst = int(np.argmin((flat @ d.T).min(axis=1)))
    moved = monotone_draws(design, drawn).reshape(flat.shape)[worst]
    covariance = np.cov(flat.T)
    covariance = 0.99 * covariance + 0.01 * np.diag(np.diag(covariance))
    root = np.linalg.cholesky(covariance)

    def loss(z: np.ndarray) -> tuple[float, np.ndarray]:
        return 0.5 * z @ z, z

    constraint = {"type": "ineq", "fun": lambda z: d @ (flat[worst] + root @ z), "jac": lambda _: d @ root}
    found = minimize(loss, np.zeros(len(root)), jac=True, constraints=[constraint], method="SLSQP",
                     options={"maxiter": 500, "ftol": 1e-10})  # fmt: skip
    z = np.linalg.solve(root, moved - flat[worst])
    assert (d @ moved).min() > -1e-7
    assert 0.5 * z @ z == pytest.approx(found.fun, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"confounding": BSpline(monotone=True)}, r"causal=BSpline\(monotone=True\)"),
        ({"causal": BSpline(monotone=True), "synergy": True}, "does not go with synergy"),
        ({"causal": BSpline(monotone=True), "blocks": [["a", "b"]]}, "does not go with blocks"),
        ({"causal": BSpline(monotone=True), "covariates": {"x": "causal"}}, "role 'causal'"),
    ],
)
def test_where_it_says_nothing_it_is_refused(options: Any, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        InterventionModel(**options)
    with pytest.raises(SpecError, match="valid are True and False"):
        BSpline(monotone=1)  # type: ignore[arg-type]


def test_a_table_of_labels_stays_free() -> None:
    frame = rows().assign(b=lambda x: np.where(x["b"] > 2, "high", "low"))
    data = RegimeData.from_frame(frame, outcome="y", actions=["a", "b"])
    model = InterventionModel(causal=BSpline(monotone=True), graph="empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = model.fit(data, draws=100, chains=2, tune=100, seed=0, cores=1)
    assert (np.diff(fit.response_curve("a", np.linspace(0.1, 3.9, 40)).draws.values) > -2e-3).all()
    change = fit.contrast(do={"a": 1.0, "b": "low"}, versus={"a": 1.0, "b": "high"}).draws
    assert (change < 0).mean() > 0.5  # "high" comes first: nothing holds it below


def test_a_polynomial_has_increments_too() -> None:
    fit = fitted(Polynomial(2))
    assert causal_increments(fit.design).shape[1] == fit.design.n_coefficients


@pytest.mark.parametrize("lam", [0.03, 1.0])
def test_no_draw_decreases_where_the_curve_is_saturated(lam: float) -> None:
    """With lam=0.03 the grid ends beyond s(x) = 1, which no spend reaches; all of it must stay inside the range."""
    curve = Saturation("michaelis_menten", lam=lam)
    data = RegimeData.from_frame(rows(0), outcome="y", actions=["a", "b"])
    model = InterventionModel(causal=BSpline(monotone=True), graph="empty", transforms={"a": curve, "b": curve})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = model.fit(data, draws=150, chains=2, tune=100, seed=0, cores=1)
    draws = fit.response_curve("b", np.linspace(0.01, 4, 300)).draws.values
    assert (draws[..., :-1] - draws[..., 1:]).max() < 5e-3 * (draws.max() - draws.min())
