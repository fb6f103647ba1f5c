"""From a specification and data to a fit: graph, design, one pass over the rows, sampling."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.effects import Support
from bayes_ivgen.errors import SpecError
from bayes_ivgen.inference.chains import available_cores, run_chains
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.diagnostics import warn_if_not_mixed
from bayes_ivgen.inference.noise import VarianceModel, fit_variance, sample_residuals
from bayes_ivgen.inference.residual_law import ResidualLaw
from bayes_ivgen.interface.fit import FORMAT, Fit
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.model import ActionGraph, Design, Priors
from bayes_ivgen.model.graph_check import warn_if_contradicted
from bayes_ivgen.model.pymc_model import coordinates
from bayes_ivgen.statistics import SufficientStatistics, accumulate

OBSERVED_ROWS = 1000
RESERVED_NAMES = ("chain", "draw", "query", "mean", "sd", "lower", "upper", "supported", "reason")


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
) -> Fit:
    """Fit `model` to `data`; see `InterventionModel.fit`."""
    _check_data(data)
    _check_numbers(draws=draws, chains=chains, tune=tune, cores=cores, seed=seed)
    _check_engine(engine, nuts)
    graph = model.action_graph(data)
    if model.graph != "learn":
        warn_if_contradicted(data, graph, ordered=model.graph == "full")
    design = model.design(data, graph)
    priors = Priors.from_user(model.priors)
    labels = [regime.label for regime in data.regimes]
    index, names = model.sigma_groups(labels)
    seeds = np.random.SeedSequence(seed)
    with _stages(progressbar) as stage:
        advance = stage(f"reading {data.n_rows:,} rows", data.n_rows)
        statistics = accumulate(data, design, advance)
        grouped = statistics.grouped(index, len(names))
        problem = GibbsProblem(design, SufficientStatistics(names, *_arrays(grouped)), priors)
        if engine == "conjugate":
            finished = stage(f"sampling {chains} chains of {tune + draws:,} iterations", chains)
            sampled = run_chains(
                problem, draws=draws, chains=chains, tune=tune, seed=seeds, cores=cores, progress=lambda: finished(1)
            )
            record = _gibbs_record(problem, sampled)
    if engine == "nuts":
        from bayes_ivgen.inference.nuts import run_nuts

        sampled, record = run_nuts(
            problem,
            draws=draws,
            chains=chains,
            tune=tune,
            seed=seeds,
            cores=min(chains, available_cores()) if cores is None else cores,
            progressbar=progressbar,
            nuts=dict(nuts) if nuts is not None else None,
        )
    tree = _datatree(data, design, problem, statistics, sampled, record)
    residuals = sample_residuals(data, design, sampled["coefficients"].reshape(-1, design.n_coefficients))
    variance = fit_variance(residuals, data.actions, graph)
    tree["noise"] = xr.DataTree(ResidualLaw.of(tuple(labels), residuals.error, residuals.regime).to_dataset())
    settings = {"engine": engine, "seed": None if seed is None else int(seed), "tune": int(tune)}
    tree.attrs = _attributes(model, data, graph, design, priors, variance, **settings)
    fit = Fit(tree)
    warn_if_not_mixed(fit.diagnostics, draws * chains)
    return fit


def _check_engine(engine: str, nuts: Mapping[str, Any] | None) -> None:
    if engine not in ("conjugate", "nuts"):
        raise SpecError(f"engine={engine!r} is not known; valid are 'conjugate' and 'nuts'.")
    if nuts is not None and engine != "nuts":
        raise SpecError("nuts={...} holds options of the NUTS engine; pass engine='nuts' with it, or leave it out.")
    if not isinstance(nuts, Mapping | None):
        raise SpecError(f"nuts={nuts!r} must be a mapping of options, for example {{'target_accept': 0.95}}.")


def _check_data(data: RegimeData) -> None:
    if not isinstance(data, RegimeData):
        raise SpecError(
            f"data is a {type(data).__name__}; build it first, for example with "
            "RegimeData.from_frame(frame, outcome=..., actions=[...])."
        )
    actions = data.actions
    taken = [*RESERVED_NAMES, *(f"versus_{action}" for action in actions)]
    clash = next((action for action in actions if action in taken), None)
    if clash is not None:
        raise SpecError(
            f"the action {clash!r} has the name of a column or dimension of the results ({', '.join(RESERVED_NAMES)} "
            "and versus_ with the name of an action); rename the column."
        )


def _check_numbers(**numbers: int | None) -> None:
    for name, value in numbers.items():
        if name in ("cores", "seed") and value is None:
            continue
        least = 0 if name in ("tune", "seed") else 1
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise SpecError(f"{name}={value!r} must be a whole number, {least} or more.")


def _arrays(statistics: SufficientStatistics) -> tuple[Any, ...]:
    return statistics.rows, statistics.gram, statistics.cross, statistics.squares


def _gibbs_record(problem: GibbsProblem, sampled: dict[str, FloatArray]) -> xr.Dataset:
    """Log density of the draws up to a constant: the sampler's own record."""
    statistics, design, priors = problem.statistics, problem.design, problem.priors
    beta, tau, hyper, sigma = (sampled[name] for name in ("coefficients", "tau", "hyper", "sigma"))
    residual = np.stack(
        [
            squares - 2 * beta @ cross + np.einsum("cdp,cdp->cd", beta @ gram, beta)
            for squares, cross, gram in zip(statistics.squares, statistics.cross, statistics.gram, strict=True)
        ],
        axis=-1,
    )
    scale = hyper[..., design.type_index]
    nu = priors.tau_nu
    lp = (
        -np.sum(statistics.rows * np.log(sigma) + 0.5 * residual / sigma**2, axis=-1)
        - 0.5 * (beta[..., 0] / priors.alpha_sd) ** 2
        - np.sum(0.5 * (beta[..., 1:] / tau[..., design.term_index]) ** 2, axis=-1)
        - np.sum(np.log(tau[..., design.term_index]), axis=-1)
        - np.sum(np.log(scale) + (nu + 1) / 2 * np.log1p((tau / scale) ** 2 / nu), axis=-1)
        + np.sum(priors.sigma.log_density(sigma), axis=-1)
        + sum(priors.hyper[kind].log_density(hyper[..., i]) for i, kind in enumerate(design.types))
    )
    return xr.Dataset({"lp": (("chain", "draw"), lp)})


def _datatree(
    data: RegimeData,
    design: Design,
    problem: GibbsProblem,
    statistics: SufficientStatistics,
    sampled: dict[str, FloatArray],
    record: xr.Dataset,
) -> xr.DataTree:
    dims = ("chain", "draw")
    chains, draws = sampled["tau"].shape[:2]
    coords = coordinates(design, problem.statistics.regimes)
    counts = {"chain": np.arange(chains), "draw": np.arange(draws)}
    posterior = xr.Dataset(
        {
            "alpha": (dims, sampled["coefficients"][..., 0]),
            "beta": ((*dims, "coefficient"), sampled["coefficients"][..., 1:]),
            "tau": ((*dims, "term"), sampled["tau"]),
            "hyper": ((*dims, "type"), sampled["hyper"]),
            "sigma": ((*dims, "noise_scale"), sampled["sigma"]),
        },
        coords=counts | coords,
        attrs={"units": f"standard deviations of {data.outcome}"},
    )
    profiles = list(data.profiles.values())
    moments = ("regime", "variable")
    observed = xr.Dataset(
        {
            "rows": ("regime", [profile.rows for profile in profiles]),
            "mean": (moments, np.array([profile.mean for profile in profiles])),
            "sd": (moments, np.array([profile.sd for profile in profiles])),
            "low": (moments, np.array([profile.low for profile in profiles])),
            "high": (moments, np.array([profile.high for profile in profiles])),
        },
        coords={"regime": list(statistics.regimes), "variable": [*data.actions, data.outcome]},
    )
    constant = xr.Dataset(
        {
            "natural_actions": (("sample", "action"), _natural_sample(data)),
            "outcome_mean": design.outcome_mean,
            "outcome_sd": design.outcome_sd,
        },
        coords={"action": list(data.actions)},
    )
    return xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": record.assign_coords(counts),
            "observed_data": observed,
            "constant_data": constant,
            "statistics": statistics.to_dataset(),
        }
    )


def _natural_sample(data: RegimeData) -> FloatArray:
    """Up to 1000 observed rows, evenly spaced: the observational ones, or all if there are none."""
    # Of the rows over which causal columns are centred: with up to 1000 of them averages agree exactly.
    profile = data.profiles.get(Regime())
    profiles = data.profiles.values() if profile is None else [profile]
    sample = np.concatenate([item.sample[:, :-1] for item in profiles])
    if len(sample) <= OBSERVED_ROWS:
        return sample.copy()
    return sample[np.linspace(0, len(sample) - 1, OBSERVED_ROWS).astype(int)]


def _attributes(
    model: InterventionModel,
    data: RegimeData,
    graph: ActionGraph,
    design: Design,
    priors: Priors,
    variance: VarianceModel,
    **settings: Any,
) -> dict[str, Any]:
    content = {
        "model": model.to_dict(),
        "priors": priors.to_dict(),
        "design": design.to_dict(),
        "graph": graph.to_dict(),
        "graph_evidence": None if graph.evidence is None else graph.evidence.reset_index().to_dict("list"),
        "regimes": [list(regime.set_actions) for regime in data.regimes],
        "outcome": data.outcome,
        "variance": variance.to_dict(),
        "support": Support.of(data).to_dict(),
        "settings": settings,
    }
    return {
        "bayes_ivgen_format": FORMAT,
        "bayes_ivgen_version": version("bayes-ivgen"),
        "bayes_ivgen_fit": json.dumps(content),
    }


@contextmanager
def _stages(show: bool) -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """Name the stages of a fit on a progress bar; silent where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    visible = show and (console.is_terminal or console.is_jupyter)
    with Progress(*columns, console=console, disable=not visible, transient=True) as progress:

        def stage(description: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(description, total=total)
            return lambda amount: progress.advance(task, amount)

        yield stage
