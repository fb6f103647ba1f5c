"""From a specification with another likelihood than the normal one, and data, to a fit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects import NaturalRows
from bayes_ivgen.effects.monotone import monotone_draws
from bayes_ivgen.errors import EstimandWarning, SpecError
from bayes_ivgen.inference.diagnostics import warn_if_divergent, warn_if_not_mixed
from bayes_ivgen.inference.family_densities import family_log_likelihood, family_log_prior
from bayes_ivgen.inference.laplace import approximate
from bayes_ivgen.interface.carried import history_dataset
from bayes_ivgen.interface.columns_in_use import check_columns_in_use
from bayes_ivgen.interface.fit import Fit
from bayes_ivgen.interface.fitting import attributes, check_data, check_engine, check_numbers
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.interface.tree import constants, observed
from bayes_ivgen.model import Design, Priors
from bayes_ivgen.model.family_model import family_coordinates
from bayes_ivgen.model.family_rows import CollapsedRows, collapse, read_rows
from bayes_ivgen.model.graph_check import warn_if_contradicted
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.progress import timed
from bayes_ivgen.statistics.cores import available_cores


def fit_family_model(
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
    check_columns_in_use(data, model.family)
    check_numbers(draws=draws, chains=chains, tune=tune, cores=cores, seed=seed)
    check_engine(engine, nuts)
    if client is not None or checkpoint is not None:
        idle = "client" if client is not None else "checkpoint"
        raise SpecError(
            f"{idle} is of no use with likelihood={model.likelihood!r}: NUTS needs the rows themselves, in this "
            "process. Leave it out, or fit with likelihood='normal'."
        )
    _check_family(model, engine)
    data = model.carry_over(data)
    tests = model.read_lift_tests(lift_tests, data)
    graph = model.action_graph(data)
    if model.graph != "learn":
        warn_if_contradicted(data, graph, ordered=model.graph == "full")
    design, priors = model.design(data, graph), model.prior_table()
    with timed(f"reading {data.n_rows:,} rows"):
        rows = collapse(read_rows(data, model.family), model.family, design)
    known = None if tests is None else LinearObservations.of_lift_tests(tests, design)
    pilot_seed, sampler_seed = np.random.SeedSequence(seed).spawn(2)
    laplace = approximate(rows, design, priors, np.random.default_rng(pilot_seed), known=known)
    from bayes_ivgen.inference.family_nuts import run_family_nuts

    with timed(f"sampling {chains} chains of {tune + draws:,} iterations by NUTS"):
        sampled, record = run_family_nuts(
            rows,
            design,
            priors,
            laplace,
            draws=draws,
            chains=chains,
            tune=tune,
            seed=sampler_seed,
            cores=min(chains, available_cores()) if cores is None else cores,
            progressbar=progressbar,
            nuts=dict(nuts) if nuts is not None else None,
            known=known,
        )
    if getattr(model.causal, "monotone", False):
        sampled["coefficients"] = monotone_draws(design, sampled["coefficients"])
    tree = _datatree(data, rows, design, priors, sampled, record, known)
    settings = {"engine": engine, "seed": None if seed is None else int(seed), "tune": int(tune)}
    if data.carried is not None:
        tree["history"] = xr.DataTree(history_dataset(data.carried))
    tree.attrs = attributes(model, data, graph, design, priors, None, tests, share=rows.is_share, **settings)
    fit = Fit(tree)
    warn_if_not_mixed(fit.diagnostics, draws * chains)
    warn_if_divergent(fit.datatree["sample_stats"].dataset)
    return fit


def _check_family(model: InterventionModel, engine: str) -> None:
    if engine != "nuts":
        raise SpecError(
            f"engine={engine!r} samples from sums of squares, which likelihood={model.likelihood!r} does not have. "
            "Pass engine='nuts' to fit."
        )
    if model.likelihood == "student_t":
        warnings.warn(
            "likelihood='student_t' changes the estimand: effects are about the location of the outcome, which is not "
            "its mean where the noise is skew, and locations of sums of confounders do not add up exactly. Keep it for "
            "symmetric outliers; likelihood='normal' estimates the mean.",
            EstimandWarning,
            stacklevel=4,
        )


def _datatree(
    data: RegimeData,
    rows: CollapsedRows,
    design: Design,
    priors: Priors,
    sampled: Mapping[str, np.ndarray[Any, Any]],
    record: xr.Dataset,
    known: LinearObservations | None,
) -> xr.DataTree:
    """Lay draws out in the groups that ArviZ knows, as for the normal model."""
    chains, draws = sampled["tau"].shape[:2]
    counts = {"chain": np.arange(chains), "draw": np.arange(draws)}
    coords = counts | family_coordinates(rows, design)
    dims = ("chain", "draw")
    variables = {
        "alpha": (dims, sampled["coefficients"][..., 0]),
        "beta": ((*dims, "coefficient"), sampled["coefficients"][..., 1:]),
        "tau": ((*dims, "term"), sampled["tau"]),
        "hyper": ((*dims, "type"), sampled["hyper"]),
        **{
            name: (dims if sampled[name].ndim == 2 else (*dims, "noise_scale"), sampled[name])
            for name in rows.family.parameters
        },
    }
    unit = f"standard deviations of {data.outcome}" if rows.link.name == "identity" else "units of the predictor"
    prior = family_log_prior(design, priors, sampled)
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(variables, coords=coords, attrs={"units": unit}),
            "sample_stats": record.assign_coords(counts),
            "log_prior": prior.assign_coords({name: coords[name] for name in (*counts, "type", "noise_scale")}),
            "log_likelihood": family_log_likelihood(design, rows, sampled, known).assign_coords(counts),
            "observed_data": observed(data),
            "constant_data": constants(data, design),
            "natural_rows": NaturalRows.of(data).to_dataset(),
        }
    )
