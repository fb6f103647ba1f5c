"""Share of the prior variance that is left in an answer (design 1.6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Fit
from bayes_ivgen.effects.prior_share import level_columns, prior_shares
from bayes_ivgen.model.components import TermType

QuickFit = Callable[..., Fit]


def test_levels_are_left_out(fit: Fit) -> None:
    design = fit.design
    kinds = [design.terms[t].type for t in design.term_index]
    expected = [0, *(1 + i for i, kind in enumerate(kinds) if kind is TermType.LEVEL)]
    assert sorted(level_columns(design).tolist()) == expected
    rows = np.zeros((2, design.n_coefficients))
    rows[:, level_columns(design)] = 3.0
    share, sd = prior_shares(rows, design, fit.effects.coefficients, fit.datatree["posterior"]["tau"].values)
    assert np.isnan(share).all()
    assert sd.tolist() == [0.0, 0.0]


def test_draws_from_the_prior_have_all_of_it_left(fit: Fit) -> None:
    rng, design = np.random.default_rng(0), fit.design
    tau = np.tile(rng.uniform(0.1, 2.0, len(design.terms)), (2, 2000, 1))
    prior = rng.normal(size=(2, 2000, design.n_coefficients))
    prior[..., 1:] *= tau[..., design.term_index]
    rows = design.rows(fit.effects.observed[:50], np.ones(len(fit.actions), dtype=bool))
    share, sd = prior_shares(rows, design, prior, tau)
    assert np.abs(share - 1).max() < 5 * np.sqrt(2 / 400)  # a variance from 400 draws; capped at one
    half, less = prior_shares(rows, design, prior / 2, tau)
    np.testing.assert_allclose(less, sd / 2)
    assert np.abs(half - 0.25).max() < 0.25 * 5 * np.sqrt(2 / 400)


def test_what_the_prior_holds_near_zero_has_no_share(fit: Fit) -> None:
    rng, design = np.random.default_rng(0), fit.design
    tau = np.ones((2, 2000, len(design.terms)))
    coefficients = rng.normal(size=(2, 2000, design.n_coefficients))
    rows = np.zeros((3, design.n_coefficients))
    rows[:, np.setdiff1d(np.arange(design.n_coefficients), level_columns(design))[0]] = [0.0, 0.049, 0.051]
    share, sd = prior_shares(rows, design, coefficients, tau)
    assert np.isnan(share).tolist() == [True, True, False]
    assert share[2] > 0.8
    assert sd[1] == pytest.approx(0.049, rel=0.2)


def test_no_spike_where_a_curve_crosses_its_mean(quick_fit: QuickFit) -> None:
    rng, n = np.random.default_rng(3), 400
    frame = pd.DataFrame({"x": rng.normal(size=n), "regime": "do(x)"})
    frame["y"] = 0.3 * frame["x"] + rng.normal(size=n)
    fit = quick_fit(frame, ["x"])
    centre = float(frame["x"].mean())
    curve = fit.response_curve("x", [-2.0, centre, 2.0]).summary()["prior_share"]
    assert curve.isna().tolist() == [False, True, False]
    same = fit.contrast(do={"x": centre}, versus={"x": centre}).summary()
    assert same["prior_share"].isna().all()
    assert same["supported"].all()


def test_the_variance_agrees_with_linear_algebra(fit: Fit) -> None:
    """Gaussian given the scales: E[r'(H + D)^-1 r] + Var[r'(H + D)^-1 h] over draws of them, an independent route."""
    posterior, design, statistics = fit.datatree["posterior"].dataset, fit.design, fit.statistics
    rows = design.rows(fit.effects.observed[:40], np.ones(len(fit.actions), dtype=bool))
    share, sd = prior_shares(rows, design, fit.effects.coefficients, posterior["tau"].values)
    asked = rows.copy()
    asked[:, level_columns(design)] = 0.0
    tau = posterior["tau"].values.reshape(-1, len(design.terms))
    sigma = posterior["sigma"].values.reshape(len(tau), -1)
    variances, means, priors = [], [], []
    for d in range(0, len(tau), 3):
        scale = np.array([5.0, *tau[d][design.term_index]])  # 5: the prior of the intercept
        precision = np.tensordot(sigma[d] ** -2.0, statistics.gram, axes=1) + np.diag(scale**-2.0)
        solved = np.linalg.solve(precision, asked.T).T
        variances.append(np.einsum("qp,qp->q", asked, solved))
        means.append(solved @ (sigma[d] ** -2.0 @ statistics.cross))
        priors.append(asked**2 @ scale**2)
    total = np.mean(variances, axis=0) + np.var(means, axis=0)
    assert np.median(sd**2 / total) == pytest.approx(1.0, abs=0.3)  # variances of 300 draws that are correlated
    np.testing.assert_allclose(np.median(share * np.median(priors, axis=0) / sd**2), 1.0, atol=0.2)


def test_more_rows_leave_less(quick_fit: QuickFit) -> None:
    rng = np.random.default_rng(1)
    shares = []
    for n in (60, 2000):
        frame = pd.DataFrame({"x": rng.normal(size=2 * n), "regime": np.repeat(["obs", "do(x)"], n)})
        frame["y"] = np.sin(2 * frame["x"]) + rng.normal(size=2 * n)
        table = quick_fit(frame, ["x"]).effect(do={"x": [-1.0, 0.5, 1.0]}).summary()
        shares.append(table["prior_share"].to_numpy())
    assert (shares[1] < 0.5 * shares[0]).all()
    assert (shares[1] < 0.05).all()


def test_the_share_of_rows_that_are_worth_less_is_that_of_fewer_rows(fit: Fit) -> None:
    """Precision of rows 3 and of the prior 1 leave 1/4; rows worth a third each leave 1/2."""
    rng, design = np.random.default_rng(0), fit.design
    tau = np.ones((2, 2000, len(design.terms)))
    draws = rng.normal(0.0, np.sqrt(1 / (3 + 1)), (2, 2000, design.n_coefficients))
    rows = design.rows(fit.effects.observed[:20], np.ones(len(fit.actions), dtype=bool))
    alone, _ = prior_shares(rows, design, draws, tau)
    worth = 1 / 3
    fewer, sd = prior_shares(rows, design, draws / np.sqrt(worth), tau, worth)
    tolerance = 5 * np.sqrt(2 / 400)  # a variance from 400 draws
    assert np.abs(alone / (1 / 4) - 1).max() < tolerance
    assert np.abs(fewer / (1 / 2) - 1).max() < tolerance
    np.testing.assert_allclose(sd, np.sqrt(1 / worth) * prior_shares(rows, design, draws, tau)[1])
