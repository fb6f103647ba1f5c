"""Recovery of a known truth by a whole fit: joint effects of a media mix with strong confounding."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bayes_ivgen.data import RegimeData
from bayes_ivgen.interface import Fit, InterventionModel
from bayes_ivgen.simulate import SCM, media_mix


@pytest.fixture(scope="session")
def world() -> SCM:
    return media_mix(n_channels=3, seed=0)


@pytest.fixture(scope="session")
def media_fit(world: SCM) -> Fit:
    rows = world.sample_regimes({"obs": 1500, "do(tv)": 700, "do(web)": 700, "do(radio)": 700}, seed=1)
    data = RegimeData.from_frame(rows, outcome=world.outcome, actions=list(world.actions))
    return InterventionModel().fit(data, draws=500, chains=4, seed=0, cores=2, progressbar=False)


@pytest.fixture(scope="session")
def comparison(world: SCM, media_fit: Fit) -> tuple[xr.DataArray, np.ndarray]:
    """Draws and truth of the joint effect at 300 combinations inside the tested ranges."""
    queries = world.sample(300, "do(tv,web,radio)", seed=9)[list(world.actions)]
    tested = media_fit.datatree["observed_data"].dataset
    for action in world.actions:
        part = tested.sel(regime=f"do({action})", variable=action)
        queries[action] = queries[action].clip(float(part["low"]), float(part["high"]))
    return media_fit.effect(do=queries).draws, world.effect(queries)


def test_joint_effects_are_recovered(comparison: tuple[xr.DataArray, np.ndarray], media_fit: Fit) -> None:
    # One test, because each worker of xdist would make the fit again.
    draws, truth = comparison
    mean, sd = draws.mean(("chain", "draw")).values, draws.std(("chain", "draw")).values
    z = (mean - truth) / sd
    assert np.abs(z).max() < 4.5
    assert np.sqrt(np.mean(z**2)) < 1.5
    low, high = np.quantile(draws.values, [0.05, 0.95], axis=(0, 1))
    assert np.mean((low <= truth) & (truth <= high)) > 0.7
    assert np.sqrt(np.mean((mean - truth) ** 2)) < 0.33 * truth.std()
    assert media_fit.diagnostics.loc["effects", "r_hat"] < 1.01
    assert media_fit.diagnostics["ess_bulk"].min() > 100
