"""From a specification whose transforms have priors, and data, to a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects.monotone import monotone_draws
from bayes_ivgen.errors import SpecError
from bayes_ivgen.inference.carried_nuts import run_carried_nuts, run_pilot, statistics_at
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.diagnostics import warn_if_divergent, warn_if_not_mixed
from bayes_ivgen.inference.noise import fit_variance
from bayes_ivgen.inference.residual_law import ResidualLaw
from bayes_ivgen.interface.carried import history_dataset
from bayes_ivgen.interface.columns_in_use import check_columns_in_use
from bayes_ivgen.interface.fit import Fit
from bayes_ivgen.interface.fitting import Prepared, attributes, check_client, check_data, check_engine, check_numbers
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.interface.sampled_rows import (
    means_of,
    reference_numbers,
    sampled_problem,
    sampled_residuals,
)
from bayes_ivgen.interface.tree import make_datatree
from bayes_ivgen.media.lagged import at_values, check_row_count
from bayes_ivgen.media.transforms import draws_of
from bayes_ivgen.model.carried_model import CarriedProblem, carried_model
from bayes_ivgen.model.graph_check import warn_if_contradicted
from bayes_ivgen.progress import timed
from bayes_ivgen.statistics.cores import available_cores

if TYPE_CHECKING:
    import pymc as pm

DIMS = ("chain", "draw")


def fit_sampled_model(
    model: InterventionModel,
    data: RegimeData,
    *,
    draws: int,
    chains: int,
    tune: int,
    engine: str,
    seed: int | None,
    cores: int | None,
    progressbar: bool,
    nuts: Mapping[str, Any] | None,
    lift_tests: Any = None,
    client: Any = None,
    checkpoint: Any = None,
) -> Fit:
    """Fit `model` to `data`; see `InterventionModel.fit`."""
    check_data(data)
    check_numbers(draws=draws, chains=chains, tune=tune, cores=cores, seed=seed)
    check_engine(engine, nuts)
    check_client(client, checkpoint)
    _check_options(model, engine, client, checkpoint)
    prepared, problem = prepared_problem(model, data, lift_tests)
    if model.graph != "learn":
        warn_if_contradicted(prepared.data, prepared.graph, ordered=model.graph == "full")
    assert prepared.data.carried is not None  # the model has transforms
    start = reference_numbers(model.transforms or {}, prepared.data.carried.transforms)
    pilot_seed, sampler_seed = np.random.SeedSequence(seed).spawn(2)
    with timed("finding where to start"), threadpool_limits(limits=1, user_api="blas"):
        pilot = run_pilot(problem, lambda at: prepared.problem(statistics_at(problem, at)), start, pilot_seed)
    with timed(f"sampling {chains} chains of {tune + draws:,} iterations by NUTS"):
        sampled, record = run_carried_nuts(
            problem,
            prepared.priors,
            pilot,
            draws=draws,
            chains=chains,
            tune=tune,
            seed=sampler_seed,
            cores=min(chains, available_cores()) if cores is None else cores,
            progressbar=progressbar,
            nuts=dict(nuts) if nuts is not None else None,
        )
    if getattr(model.causal, "monotone", False):
        sampled["coefficients"] = monotone_draws(prepared.design, sampled["coefficients"])
    settings = {"engine": engine, "seed": None if seed is None else int(seed), "tune": int(tune)}
    fit = Fit(_datatree(prepared, problem, sampled, record, settings))
    warn_if_not_mixed(fit.diagnostics, draws * chains)
    warn_if_divergent(fit.datatree["sample_stats"].dataset)
    return fit


def sampled_pymc_model(model: InterventionModel, data: RegimeData, lift_tests: Any) -> pm.Model:
    """Return the generative model; see `InterventionModel.to_pymc`."""
    prepared, problem = prepared_problem(model, data, lift_tests)
    return carried_model(problem, prepared.priors)


def _check_options(model: InterventionModel, engine: str, client: Any, checkpoint: Any) -> None:
    if engine != "nuts":
        raise SpecError(
            f"engine={engine!r} works on sums of squares of the rows, which change with carry-over and saturation; an "
            "Adstock or Saturation with a prior is sampled by engine='nuts'. Or pass numbers, lists to choose from, or "
            "None there."
        )
    if client is not None or checkpoint is not None:
        idle = "client" if client is not None else "checkpoint"
        raise SpecError(
            f"{idle} is of no use where transforms are sampled: NUTS needs the rows themselves, in this process. "
            "Leave it out."
        )
    if model.weights is not None:
        raise SpecError(
            f"weights={model.weights!r} come from a first fit with numbers for all transforms; with an Adstock or a "
            "Saturation that has a prior pass weights=None."
        )


def prepared_problem(model: InterventionModel, data: RegimeData, lift_tests: Any) -> tuple[Prepared, CarriedProblem]:
    """Return what is fixed before sampling, with rows carried over by the reference, and the rows with their lags."""
    check_columns_in_use(data, model.family)
    check_row_count(data, model.transforms or {})
    carried = model.carry_over(data)
    assert carried.carried is not None  # the model has transforms
    tests = model.read_lift_tests(lift_tests, carried)
    graph = model.action_graph(carried)
    design = model.design(carried, graph)
    problem = sampled_problem(model, data, carried.carried.transforms, carried.regimes, design, tests)
    return Prepared(model, carried, graph, design, model.prior_table(), tests), problem


def _datatree(
    prepared: Prepared,
    problem: CarriedProblem,
    sampled: Mapping[str, FloatArray],
    record: xr.Dataset,
    settings: Mapping[str, Any],
) -> xr.DataTree:
    """Lay draws out as for other fits; statistics are those at the posterior means of the transforms."""
    model, data, graph, design, priors, tests = prepared
    dims = {variable: f"{variable}_action" for variable in problem.free}
    extra = xr.Dataset(
        {variable: ((*DIMS, dim), sampled[variable]) for variable, dim in dims.items()},
        coords={dim: problem.coords[dim] for dim in dims.values()},
    )
    drawn = draws_of(extra)
    means = means_of(drawn)
    assert data.carried is not None  # the model has transforms
    transforms = at_values(data.carried.transforms, means)
    carried = replace(data.carried, transforms=transforms)
    data = replace(data, carried=carried)
    statistics = statistics_at(problem, means)
    gibbs: GibbsProblem = prepared.problem(statistics)
    tree = make_datatree(data, gibbs, statistics, problem.sigma_index, sampled, record)
    _put(tree, "posterior", extra)
    densities = {
        variable: (
            (*DIMS, dim),
            np.stack([p.log_density(sampled[variable][..., i])
                      for i, p in enumerate(problem.free[variable].values())], axis=-1),
        )
        for variable, dim in dims.items()
    }  # fmt: skip
    _put(tree, "log_prior", xr.Dataset(densities, coords=extra.coords))
    likelihood = xr.Dataset({"outcome": ((*DIMS, "regime"), sampled["log_likelihood"])})
    if "log_likelihood_of_tests" in sampled:
        likelihood["lift_tests"] = ((*DIMS, "lift_test"), sampled["log_likelihood_of_tests"])
    _put(tree, "log_likelihood", likelihood)
    residuals = sampled_residuals(problem, sampled["coefficients"], drawn)
    variance = fit_variance(residuals, data.actions, graph, data.covariates, data.categories)
    tree["history"] = xr.DataTree(history_dataset(carried))
    tree["noise"] = xr.DataTree(ResidualLaw.of(statistics.regimes, residuals.error, residuals.regime).to_dataset())
    tree.attrs = attributes(model, data, graph, design, priors, variance, tests, **settings)
    return tree


def _put(tree: xr.DataTree, group: str, more: xr.Dataset) -> None:
    tree[group] = xr.DataTree(tree[group].to_dataset().assign(more.data_vars).assign_coords(more.coords))
