"""The mixing table against ArviZ on chains whose autocorrelation is known."""

from __future__ import annotations

import re
import warnings

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_ivgen.errors import ConvergenceWarning
from bayes_ivgen.inference.diagnostics import mixing_table, warn_if_divergent, warn_if_not_mixed


def autoregressive(rho: float, chains: int = 4, draws: int = 5000, size: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.empty((chains, draws, size))
    x[:, 0] = rng.normal(size=(chains, size))
    noise = rng.normal(size=x.shape) * np.sqrt(1 - rho**2)
    for i in range(1, draws):
        x[:, i] = rho * x[:, i - 1] + noise[:, i]
    return x


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_draws_of_known_chains(rho: float) -> None:
    values = autoregressive(rho)
    table = mixing_table({"x": values})
    assert table.loc["x", "ess_bulk"] == pytest.approx(20_000 * (1 - rho) / (1 + rho), rel=0.2)
    assert table.loc["x", "r_hat"] < 1.01


def test_the_worst_entry_is_that_of_arviz() -> None:
    values = np.concatenate([autoregressive(0.2, size=2), autoregressive(0.8, size=1, seed=1)], axis=2)
    values[0, :, 1] += 0.1
    data = xr.Dataset({"x": (("chain", "draw", "i"), values)})
    row = mixing_table({"x": values}).loc["x"]
    assert row["r_hat"] == pytest.approx(float(az.rhat(data)["x"].max()))
    assert row["ess_bulk"] == pytest.approx(float(az.ess(data, method="bulk")["x"].min()))
    assert row["ess_tail"] == pytest.approx(float(az.ess(data, method="tail", prob=0.9)["x"].min()))


def test_chains_that_disagree_have_a_large_r_hat() -> None:
    values = autoregressive(0.0)
    values[0] += 2.0
    assert mixing_table({"x": values}).loc["x", "r_hat"] > 1.2


def test_empty_quantities_and_single_chains() -> None:
    single = autoregressive(0.3, chains=1)
    table = mixing_table({"effects": single, "none": np.empty((1, 100, 0)), "short": single[:, :3]})
    assert list(table.index) == ["effects"]
    assert np.isnan(table.loc["effects", "r_hat"])
    assert table.loc["effects", "ess_bulk"] > 1000
    assert mixing_table({}).empty


def table_of(r_hat: float, bulk: float) -> pd.DataFrame:
    return pd.DataFrame({"r_hat": [r_hat], "ess_bulk": [bulk], "ess_tail": [bulk]}, index=["effects"])


@pytest.mark.parametrize(
    ("r_hat", "bulk", "draws", "message"),
    [
        (1.05, 900.0, 4000, "R-hat of the effects is up to 1.050 (aim below 1.01), effective draws down to 900"),
        (1.0, 399.0, 4000, "effective draws down to 399 (aim above 400)"),
        (1.0, 49.0, 500, "effective draws down to 49 (aim above 50)"),
        (float("nan"), 10.0, 500, "effective draws down to 10 (aim above 50)"),
    ],
)
def test_chains_that_did_not_mix_are_warned_about(r_hat: float, bulk: float, draws: int, message: str) -> None:
    with pytest.warns(ConvergenceWarning, match=re.escape(message)) as caught:
        warn_if_not_mixed(table_of(r_hat, bulk), draws)
    assert "fit(..., draws=4000, tune=1000); see fit.diagnostics" in str(caught[0].message)


@pytest.mark.parametrize(
    ("r_hat", "bulk", "draws"), [(1.009, 401.0, 4000), (1.0, 51.0, 500), (float("nan"), 401, 4000)]
)
def test_chains_that_mixed_are_not(r_hat: float, bulk: float, draws: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_not_mixed(table_of(r_hat, bulk), draws)
        warn_if_not_mixed(pd.DataFrame(), draws)


def test_many_divergent_transitions_are_told() -> None:
    diverging = np.zeros((2, 100), dtype=bool)
    diverging[0, :2] = True
    record = xr.Dataset({"diverging": (("chain", "draw"), diverging)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_divergent(record)  # one of a hundred
        warn_if_divergent(xr.Dataset({"lp": (("chain", "draw"), np.zeros((2, 100)))}))
    record["diverging"][1, 5] = True
    with pytest.warns(ConvergenceWarning, match=r"3 of 200 transitions of NUTS diverged.*target_accept"):
        warn_if_divergent(record)
