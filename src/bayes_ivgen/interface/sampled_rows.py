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
FITTED_DRAWS = 200  # from which posterior means and variances of rows are computed


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


def fitted_values(
    problem: CarriedProblem, coefficients: FloatArray, drawn: Mapping[str, Mapping[str, FloatArray]]
) -> tuple[FloatArray, FloatArray]:
    """Posterior mean and variance of the mean of each row, in units of the model; shape (n,) each.

    Of draws of coefficients, shape (chain, draw, P), each in columns of its own: along the ridge between ``kappa`` and
    a coefficient both vary widely, and the curve hardly.
    """
    flat = coefficients.reshape(-1, coefficients.shape[-1])
    named = {action: {name: x.ravel() for name, x in items.items()} for action, items in drawn.items()}
    mean, squares = np.zeros((2, len(problem.outcome)))
    chosen = np.unique(np.linspace(0, len(flat) - 1, FITTED_DRAWS).astype(int))
    for count, i in enumerate(chosen):
        at = {action: {name: float(x[i]) for name, x in items.items()} for action, items in named.items()}
        value = problem.columns(at) @ flat[i]
        step = value - mean
        mean += step / (count + 1)
        squares += step * (value - mean)
    return mean, squares / len(chosen)


def sampled_errors(problem: CarriedProblem, posterior: xr.Dataset) -> FloatArray:
    """Outcome less its posterior mean, in units of the model; shape (n,)."""
    coefficients = np.concatenate([posterior["alpha"].values[..., None], posterior["beta"].values], axis=-1)
    return problem.outcome - fitted_values(problem, coefficients, draws_of(posterior))[0]


def sampled_residuals(
    problem: CarriedProblem, coefficients: FloatArray, drawn: Mapping[str, Mapping[str, FloatArray]]
) -> Residuals:
    """Residuals of all rows, whose spends are carried over at posterior means; `coefficients` are (chain, draw, P)."""
    mean, extra = fitted_values(problem, coefficients, drawn)
    causal, _ = problem.rows.carried(means_of(drawn))
    return Residuals(causal, problem.was_set, problem.outcome - mean, extra, problem.rows.regime)


def reference_numbers(transforms: Transforms, reference: Transforms) -> Numbers:
    """Values of the reference for what is free; the memory at the median of its prior."""
    found: Numbers = {}
    for action, items in transforms.items():
        for item, chosen in zip(items, reference[action], strict=True):
            for name, prior in item.free.items():
                number = prior.quantiles(0.5)[0] if name == "memory" else float(getattr(chosen, name))
                found.setdefault(action, {})[name] = number
    return found
