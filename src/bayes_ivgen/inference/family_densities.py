"""Log densities of kept draws under the other families: top-level priors, rows of each regime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.densities import DIMS, log_prior_of_scales
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.families import NUMPY, log_likelihood
from bayes_ivgen.model.family_rows import CollapsedRows
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors

BLOCK_VALUES = 4_000_000  # numbers held at once


def family_log_prior(design: Design, priors: Priors, drawn: Mapping[str, FloatArray]) -> xr.Dataset:
    """Log density of the draws under the top-level priors; parameters of spread under their names."""
    found = log_prior_of_scales(design, priors, drawn)
    for name, prior in priors.spread.items():
        dims = DIMS if drawn[name].ndim == 2 else (*DIMS, "noise_scale")
        found[name] = (dims, prior.log_density(drawn[name]) + prior.log_normaliser)
    return found


def family_log_likelihood(
    design: Design, rows: CollapsedRows, drawn: Mapping[str, FloatArray], known: LinearObservations | None = None
) -> xr.Dataset:
    """Log likelihood of all rows of each regime, ``outcome`` with dims chain, draw, regime.

    A row counts by its weight. With lift tests there is also ``lift_tests`` with dims chain, draw, lift_test.

    Parameters
    ----------
    design : Design
        Columns, centre and unit of the predictor.
    rows : CollapsedRows
        The rows.
    drawn : mapping
        Draws as `run_family_nuts` returns them.
    known : LinearObservations, optional
        Lift tests.
    """
    chains, draws = drawn["coefficients"].shape[:2]
    flat = {name: values.reshape(chains * draws, *values.shape[2:]) for name, values in drawn.items()}
    size = max(1, BLOCK_VALUES // len(rows.count))
    blocks, membership = rows.blocks(design), np.eye(len(rows.regimes))[rows.regime]
    totals = [
        _block(design, rows, {name: values[start : start + size] for name, values in flat.items()}, blocks, membership)
        for start in range(0, chains * draws, size)
    ]
    values = np.concatenate(totals).reshape(chains, draws, -1)
    labels = [regime.label for regime in rows.regimes]
    found = xr.Dataset({"outcome": ((*DIMS, "regime"), values)}, coords={"regime": labels})
    if known is not None:
        found["lift_tests"] = ((*DIMS, "lift_test"), known.log_density(drawn["coefficients"], design.outcome_sd))
    return found


def _block(
    design: Design, rows: CollapsedRows, drawn: Mapping[str, FloatArray], blocks: Any, membership: FloatArray
) -> FloatArray:
    scaled = np.concatenate([drawn["coefficients"][:, active] @ x.T for active, x in blocks], axis=1)
    predictor = design.outcome_mean + design.outcome_sd * scaled
    family = rows.family
    unit = design.outcome_sd if family.spread == "sigma" else 1.0
    spread = None if family.spread is None else unit * drawn[family.spread]
    cells, regimes = log_likelihood(family, rows, predictor, spread, drawn.get("nu"), NUMPY)
    return cells @ membership + regimes
