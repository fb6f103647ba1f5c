"""Rows, draws and residuals of a model whose transforms are sampled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.inference.noise import Residuals
from bayes_ivgen.media.lagged import LaggedRows
from bayes_ivgen.media.transforms import Transforms, draws_of
from bayes_ivgen.model import Design
from bayes_ivgen.model.carried_model import CarriedProblem

if TYPE_CHECKING:
    from bayes_ivgen.interface.intervention_model import InterventionModel

Numbers = dict[str, dict[str, float]]


def sampled_problem(
    model: InterventionModel,
    data: RegimeData,
    reference: Transforms,
    regimes: tuple[Regime, ...],
    design: Design,
    tests: LiftTests | None = None,
) -> CarriedProblem:
    """Rows as they were read with the design of the model at the reference."""
    rows = LaggedRows.of(data, model.transforms or {}, reference, regimes)
    index, names = model.sigma_groups([regime.label for regime in regimes])
    return CarriedProblem(rows, design, index, names, model.transforms or {}, tests)


def means_of(draws: Mapping[str, Mapping[str, FloatArray]]) -> Numbers:
    """Posterior means by action and name."""
    return {action: {name: float(x.mean()) for name, x in named.items()} for action, named in draws.items()}


def errors_at_means(problem: CarriedProblem, posterior: xr.Dataset) -> FloatArray:
    """Outcome less its mean at the posterior means of all parameters, in units of the model; shape (n,)."""
    coefficients = np.append(posterior["alpha"].values.mean(), posterior["beta"].values.mean(axis=(0, 1)))
    return problem.outcome - problem.columns(means_of(draws_of(posterior))) @ coefficients


def residuals_at_means(problem: CarriedProblem, coefficients: FloatArray, parameters: Numbers) -> Residuals:
    """Residuals of all rows at the posterior means of what was sampled; `coefficients` are draws (draws, P)."""
    x, rows = problem.columns(parameters), problem.rows
    mean = coefficients.mean(axis=0)
    covariance = np.atleast_2d(np.cov(coefficients, rowvar=False))
    extra = np.maximum(np.einsum("np,np->n", x @ covariance, x), 0.0)
    causal, _ = rows.carried(parameters)
    return Residuals(causal, problem.was_set, problem.outcome - x @ mean, extra, rows.regime)


def reference_numbers(transforms: Transforms, reference: Transforms) -> Numbers:
    """Values of the reference for what is free; the memory at the median of its prior."""
    found: Numbers = {}
    for action, items in transforms.items():
        for item, chosen in zip(items, reference[action], strict=True):
            for name, prior in item.free.items():
                number = prior.quantiles(0.5)[0] if name == "memory" else float(getattr(chosen, name))
                found.setdefault(action, {})[name] = number
    return found
