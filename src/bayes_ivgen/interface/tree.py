"""The datatree of a fit: draws, their densities, and summaries of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.data.profile_store import profiles_to_dataset
from bayes_ivgen.effects import NaturalRows
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.inference.densities import log_likelihood, log_posterior, log_prior
from bayes_ivgen.model import Design
from bayes_ivgen.model.build import all_rows
from bayes_ivgen.model.pymc_model import coordinates
from bayes_ivgen.statistics import SufficientStatistics

OBSERVED_ROWS = 1000


def make_datatree(
    data: RegimeData,
    problem: GibbsProblem,
    statistics: SufficientStatistics,
    sigma_index: NDArray[np.intp],
    sampled: Mapping[str, FloatArray],
    record: xr.Dataset | None,
) -> xr.DataTree:
    """Lay draws out in the groups that ArviZ knows.

    Parameters
    ----------
    data : RegimeData
        The rows; only their summaries are kept.
    problem : GibbsProblem
        What was sampled.
    statistics : SufficientStatistics
        One entry a regime, as the likelihood uses them.
    sigma_index : ndarray of int, shape (R,)
        Which noise scale each regime has.
    sampled : mapping
        Draws as `run_chains` returns them.
    record : Dataset or None
        The sampler's own record; by default the log density of the draws, up to a constant.
    """
    design = problem.design
    chains, draws = sampled["tau"].shape[:2]
    counts = {"chain": np.arange(chains), "draw": np.arange(draws)}
    coords = counts | coordinates(design, problem.statistics.regimes)
    dims = ("chain", "draw")
    posterior = xr.Dataset(
        {
            "alpha": (dims, sampled["coefficients"][..., 0]),
            "beta": ((*dims, "coefficient"), sampled["coefficients"][..., 1:]),
            "tau": ((*dims, "term"), sampled["tau"]),
            "hyper": ((*dims, "type"), sampled["hyper"]),
            "sigma": ((*dims, "noise_scale"), sampled["sigma"]),
        },
        coords=coords,
        attrs={"units": f"standard deviations of {data.outcome}"},
    )
    prior = log_prior(design, problem.priors, sampled)
    likelihood = log_likelihood(design, statistics, sigma_index, sampled, problem.known)
    if record is None:
        record = xr.Dataset({"lp": (dims, log_posterior(design, problem.priors, sampled, prior, likelihood))})
    return xr.DataTree.from_dict(
        {
            "posterior": posterior,
            "sample_stats": record.assign_coords(counts),
            "log_prior": prior.assign_coords({name: coords[name] for name in (*counts, "type", "noise_scale")}),
            "log_likelihood": likelihood.assign_coords(counts),
            "observed_data": observed(data),
            "constant_data": constants(data, design),
            "natural_rows": NaturalRows.of(data).to_dataset(),
            "profiles": profiles_to_dataset(data),
            "statistics": statistics.to_dataset(),
        }
    )


def constants(data: RegimeData, design: Design) -> xr.Dataset:
    """Natural rows, the values of the covariates, and the scale of the model."""
    return xr.Dataset(
        {
            "observed_rows": (("sample", "input"), _natural_sample(data)),
            **_covariate_rows(data),
            "outcome_mean": design.outcome_mean,
            "outcome_sd": design.outcome_sd,
        },
        coords={"input": list(data.variables)},
    )


def observed(data: RegimeData) -> xr.Dataset:
    """Summaries of the rows of each regime."""
    profiles = list(data.profiles.values())
    moments = ("regime", "variable")
    return xr.Dataset(
        {
            "rows": ("regime", [profile.rows for profile in profiles]),
            "mean": (moments, np.array([profile.mean for profile in profiles])),
            "sd": (moments, np.array([profile.sd for profile in profiles])),
            "low": (moments, np.array([profile.low for profile in profiles])),
            "high": (moments, np.array([profile.high for profile in profiles])),
        },
        coords={"regime": [regime.label for regime in data.regimes], "variable": [*data.variables, data.outcome]},
    )


def _natural_sample(data: RegimeData) -> FloatArray:
    """Up to 1000 observed rows, evenly spaced: the observational ones, or all if there are none."""
    # Of the rows over which causal columns are centred: with up to 1000 of them averages agree exactly.
    profile = data.profiles.get(Regime())
    profiles = data.profiles.values() if profile is None else [profile]
    return thinned(np.concatenate([item.sample[:, :-1] for item in profiles]), OBSERVED_ROWS)


def _covariate_rows(data: RegimeData) -> dict[str, Any]:
    """Up to 1000 values of the covariates from all rows: the law over which effects are averaged."""
    if not data.covariates:
        return {}
    rows = all_rows(data)[:, len(data.actions) : -1]
    # Sorted, so that evenly spaced rows share the quantiles of the first covariate.
    return {
        "covariate_rows": (("covariate_sample", "covariate"), thinned(rows[np.lexsort(rows.T[::-1])], OBSERVED_ROWS))
    }
