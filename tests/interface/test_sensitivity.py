"""`az.psense_summary` on fits: parameters, effects, one prior at a time; both engines; after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.basis import Polynomial

GRAPH = ActionGraph({"web": ["tv"]})
DO = {"tv": [20.0, 40.0], "web": 20.0}


def sensitivity(fit: Fit, **options: Any) -> pd.DataFrame:
    """What docs/model.md shows."""
    tree = fit.datatree.copy()
    tree["posterior/joint"] = fit.effect(do=DO).draws
    return az.psense_summary(tree, var_names=["joint"], **options)


def test_all_parameters_have_a_sensitivity(fit: Fit) -> None:
    table = az.psense_summary(fit.datatree)
    posterior = fit.datatree["posterior"].dataset
    assert len(table) == sum(values[0, 0].size for values in posterior.data_vars.values())
    assert np.isfinite(table[["prior", "likelihood"]].to_numpy()).all()


def test_effects_have_a_sensitivity_and_the_fit_stays_as_it_is(fit: Fit, tmp_path: Path) -> None:
    table = sensitivity(fit)
    assert list(table.index) == ["joint[0]", "joint[1]"]
    assert "joint" not in fit.datatree["posterior"]
    again = load(fit.save(tmp_path / "fit.zarr"))
    pd.testing.assert_frame_equal(sensitivity(again), table)


def test_densities_take_little_room(fit: Fit) -> None:
    size = {name: group.dataset.nbytes for name, group in fit.datatree.children.items()}
    assert size["log_prior"] + size["log_likelihood"] < 0.2 * size["posterior"]


def test_the_prior_that_matters_is_named(data: RegimeData, make_prior: Any) -> None:
    """An intercept held near zero pulls effects away from the data; the prior of the noise does nothing."""
    found = {}
    for sd in (0.02, 5.0):
        priors = {"alpha": make_prior("Normal", mu=0, sigma=sd)}
        model = InterventionModel(causal=Polynomial(1), confounding=Polynomial(1), graph=GRAPH, priors=priors)
        fit = model.fit(data, draws=1000, chains=2, cores=1, seed=0, progressbar=False)
        found[sd] = {name: sensitivity(fit, prior_var_names=[name]) for name in ("alpha", "sigma")}
    assert found[0.02]["alpha"]["prior"].max() > 0.05
    assert "potential prior-data conflict" in set(found[0.02]["alpha"]["diagnosis"])
    for table in (found[0.02]["sigma"], found[5.0]["alpha"], found[5.0]["sigma"]):
        assert table["prior"].max() < 0.02


@pytest.mark.xdist_group("nuts")
def test_nuts_has_the_same_densities(data: RegimeData) -> None:
    model = InterventionModel(causal=Polynomial(1), confounding=Polynomial(1), graph=GRAPH)
    settings: dict[str, Any] = {"draws": 1000, "chains": 2, "seed": 0, "cores": 1, "progressbar": False}
    by_gibbs, by_nuts = (model.fit(data, engine=engine, **settings) for engine in ("conjugate", "nuts"))
    for group in ("log_prior", "log_likelihood"):
        one, two = by_gibbs.datatree[group].dataset, by_nuts.datatree[group].dataset
        assert dict(one.sizes) == dict(two.sizes)
        for name in one.data_vars:
            np.testing.assert_allclose(one[name].mean(["chain", "draw"]), two[name].mean(["chain", "draw"]), atol=0.3)
    one, two = (sensitivity(item)[["prior", "likelihood"]].to_numpy() for item in (by_gibbs, by_nuts))
    np.testing.assert_allclose(one, two, atol=0.06)
