"""From a specification and data to a fit: graph, design, one pass over the rows, sampling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.effects import Support
from bayes_ivgen.effects.monotone import monotone_draws
from bayes_ivgen.errors import SpecError
from bayes_ivgen.inference.chains import run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.diagnostics import warn_if_divergent, warn_if_not_mixed
from bayes_ivgen.inference.noise import VarianceModel, fit_variance, sample_residuals
from bayes_ivgen.inference.residual_law import ResidualLaw
from bayes_ivgen.inference.weights import pilot_variance
from bayes_ivgen.interface.carried import carried_to_dict, history_dataset
from bayes_ivgen.interface.columns_in_use import check_columns_in_use
from bayes_ivgen.interface.fit import FORMAT, Fit
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.interface.tree import make_datatree
from bayes_ivgen.model import ActionGraph, Design, Priors
from bayes_ivgen.model.graph_check import warn_if_contradicted
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.progress import stages, timed
from bayes_ivgen.statistics import SufficientStatistics, accumulate
from bayes_ivgen.statistics.cores import available_cores

RESERVED_NAMES = ("chain", "draw", "query", "mean", "sd", "lower", "upper", "prior_share", "supported", "reason")


def fit_model(
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
    checkpoint: str | Path | None = None,
) -> Fit:
    """Fit `model` to `data`; see `InterventionModel.fit`."""
    check_data(data)
    check_columns_in_use(data, model.family)
    check_numbers(draws=draws, chains=chains, tune=tune, cores=cores, seed=seed)
    check_engine(engine, nuts)
    check_client(client, checkpoint)
    data = model.carry_over(data)
    tests = model.read_lift_tests(lift_tests, data)
    with timed(f"graph of {len(data.actions)} actions"):
        graph = model.action_graph(data)
    if model.graph != "learn":
        warn_if_contradicted(data, graph, ordered=model.graph == "full")
    design = model.design(data, graph)
    prepared = Prepared(model, data, graph, design, Priors.from_user(model.priors), tests)
    seeds = np.random.SeedSequence(seed)
    with stages(progressbar) as stage:
        where: dict[str, Any] = {"cores": cores, "client": client}
        advance = stage(f"reading {data.n_rows:,} rows", data.n_rows)
        statistics = accumulate(data, design, advance, checkpoint=checkpoint, **where)
        if model.weights == "variance":
            problem = prepared.problem(statistics)
            variance_of = pilot_variance(problem, data, graph, seeds.spawn(1)[0], cores)
            advance = stage(f"weighting {data.n_rows:,} rows", data.n_rows)
            statistics = accumulate(data, design, advance, variance_of, **where)
    sampling = Sampling(draws, chains, tune, engine, seed, cores, progressbar, nuts)
    return sample_fit(prepared, statistics, sampling, seeds)


class Prepared(NamedTuple):
    """What is fixed before the rows are summed."""

    model: InterventionModel
    data: RegimeData
    graph: ActionGraph
    design: Design
    priors: Priors
    tests: LiftTests | None

    def problem(self, statistics: SufficientStatistics) -> GibbsProblem:
        """Return the posterior to sample; statistics of regimes that share a noise scale are summed."""
        index, names = self.model.sigma_groups(statistics.regimes)
        grouped = replace(statistics.grouped(index, len(names)), regimes=names)
        known = None if self.tests is None else LinearObservations.of_lift_tests(self.tests, self.design)
        return GibbsProblem(self.design, grouped, self.priors, known)


class Sampling(NamedTuple):
    """Options of the sampler, checked."""

    draws: int
    chains: int
    tune: int
    engine: str
    seed: int | None
    cores: int | None
    progressbar: bool
    nuts: Mapping[str, Any] | None = None


def sample_fit(
    prepared: Prepared,
    statistics: SufficientStatistics,
    sampling: Sampling,
    seeds: np.random.SeedSequence,
) -> Fit:
    """Sample the posterior given the statistics, one entry a regime, and put the fit together.

    Of the rows only ``prepared.data.profiles`` is used.
    """
    model, data, graph, design, priors, tests = prepared
    problem = prepared.problem(statistics)
    sampled, record = _sampled(problem, sampling, seeds)
    if getattr(model.causal, "monotone", False):
        sampled["coefficients"] = monotone_draws(design, sampled["coefficients"])
    sigma_index, _ = model.sigma_groups(statistics.regimes)
    tree = make_datatree(data, problem, statistics, sigma_index, sampled, record)
    residuals = sample_residuals(data, design, sampled["coefficients"].reshape(-1, design.n_coefficients))
    variance = fit_variance(residuals, data.actions, graph, data.covariates, data.categories)
    if data.carried is not None:
        tree["history"] = xr.DataTree(history_dataset(data.carried))
    tree["noise"] = xr.DataTree(ResidualLaw.of(statistics.regimes, residuals.error, residuals.regime).to_dataset())
    settings = {
        "engine": sampling.engine,
        "seed": None if sampling.seed is None else int(sampling.seed),
        "tune": int(sampling.tune),
    }
    tree.attrs = attributes(model, data, graph, design, priors, variance, tests, **settings)
    fit = Fit(tree)
    warn_if_not_mixed(fit.diagnostics, sampling.draws * sampling.chains)
    warn_if_divergent(fit.datatree["sample_stats"].dataset)
    return fit


def _sampled(
    problem: GibbsProblem, sampling: Sampling, seeds: np.random.SeedSequence
) -> tuple[dict[str, Any], xr.Dataset | None]:
    draws, chains, tune = sampling.draws, sampling.chains, sampling.tune
    if sampling.engine == "conjugate":
        with stages(sampling.progressbar) as stage:
            finished = stage(f"sampling {chains} chains of {tune + draws:,} iterations", chains)
            options: dict[str, Any] = {"cores": sampling.cores, "progress": lambda: finished(1)}
            return run_chains(problem, draws=draws, chains=chains, tune=tune, seed=seeds, **options), None
    from bayes_ivgen.inference.nuts import run_nuts

    with timed(f"sampling {chains} chains of {tune + draws:,} iterations by NUTS"):
        return run_nuts(
            problem,
            draws=draws,
            chains=chains,
            tune=tune,
            seed=seeds,
            cores=min(chains, available_cores()) if sampling.cores is None else sampling.cores,
            progressbar=sampling.progressbar,
            nuts=dict(sampling.nuts) if sampling.nuts is not None else None,
        )


def check_engine(engine: str, nuts: Mapping[str, Any] | None) -> None:
    """Raise a `SpecError` unless the engine is known and its options go with it."""
    if engine not in ("conjugate", "nuts"):
        raise SpecError(f"engine={engine!r} is not known; valid are 'conjugate' and 'nuts'.")
    if nuts is not None and engine != "nuts":
        raise SpecError("nuts={...} holds options of the NUTS engine; pass engine='nuts' with it, or leave it out.")
    if not isinstance(nuts, Mapping | None):
        raise SpecError(f"nuts={nuts!r} must be a mapping of options, for example {{'target_accept': 0.95}}.")


def check_client(client: Any, checkpoint: str | Path | None = None) -> None:
    """Raise a `SpecError` unless this is a client of a Dask cluster, or None, and there is no checkpoint beside it."""
    if client is not None and checkpoint is not None:
        raise SpecError(
            "client and checkpoint do not go together: the cluster itself makes up for lost workers. Leave one out."
        )
    if client is not None and not (hasattr(client, "submit") and hasattr(client, "scatter")):
        raise SpecError(
            f"client={client!r} is a {type(client).__name__}; pass a distributed.Client, for example "
            "distributed.Client('tcp://HOST:8786')."
        )


def check_data(data: RegimeData) -> None:
    """Raise a `SpecError` unless this is data whose names are free."""
    if not isinstance(data, RegimeData):
        raise SpecError(
            f"data is a {type(data).__name__}; build it first, for example with "
            "RegimeData.from_frame(frame, outcome=..., actions=[...])."
        )
    names = data.variables
    taken = [*RESERVED_NAMES, *(f"versus_{name}" for name in names)]
    clash = next((name for name in names if name in taken), None)
    if clash is not None:
        raise SpecError(
            f"the {'action' if clash in data.actions else 'covariate'} {clash!r} has the name of a column or "
            f"dimension of the results ({', '.join(RESERVED_NAMES)} "
            "and versus_ with the name of an action); rename the column."
        )


def check_numbers(**numbers: int | None) -> None:
    """Raise a `SpecError` unless counts are whole numbers that are large enough."""
    for name, value in numbers.items():
        if name in ("cores", "seed") and value is None:
            continue
        least = 0 if name in ("tune", "seed") else 1
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise SpecError(f"{name}={value!r} must be a whole number, {least} or more.")


def attributes(
    model: InterventionModel,
    data: RegimeData,
    graph: ActionGraph,
    design: Design,
    priors: Priors,
    variance: VarianceModel | None,
    tests: LiftTests | None,
    **settings: Any,
) -> dict[str, Any]:
    """Return everything of a fit that is not an array, as text."""
    support = Support.of(data, design.structure, graph, separable=model.separable).with_lift_tests(tests)
    content = {
        "model": model.to_dict(),
        "priors": priors.to_dict(),
        "design": design.to_dict(),
        "graph": graph.to_dict(),
        "graph_evidence": None if graph.evidence is None else graph.evidence.reset_index().to_dict("list"),
        "regimes": [list(regime.set_actions) for regime in data.regimes],
        "outcome": data.outcome,
        "variance": None if variance is None else variance.to_dict(),
        "support": support.to_dict(),
        "lift_tests": None if tests is None else tests.to_dict(),
        "carried": carried_to_dict(data.carried),
        "settings": settings,
    }
    return {
        "bayes_ivgen_format": FORMAT,
        "bayes_ivgen_version": version("bayes-ivgen"),
        "bayes_ivgen_fit": json.dumps(content),
    }
