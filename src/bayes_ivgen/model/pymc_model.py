"""The model as a plain `pymc.Model` with named dims; the definition both engines follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData
from bayes_ivgen.model.design import Design, indicators
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import PositivePrior, Priors
from bayes_ivgen.model.repeated_rows import repeated

if TYPE_CHECKING:
    import pymc as pm


def coordinates(design: Design, noise_scales: tuple[str, ...]) -> dict[str, Any]:
    """Coordinates of the dims ``coefficient``, ``term``, ``type`` and ``noise_scale``."""
    return {
        "coefficient": list(design.coefficient_names),
        "term": [term.name for term in design.terms],
        "type": [kind.value for kind in design.types],
        "noise_scale": list(noise_scales),
    }


def positive(name: str, prior: PositivePrior, **kwargs: Any) -> Any:
    """Return a PyMC variable with this prior, inside a model context."""
    import pymc as pm

    return getattr(pm, prior.distribution)(name, **dict(prior.parameters), **kwargs)


def scales(design: Design, priors: Priors) -> tuple[Any, Any, Any]:
    """Hyper-scales, term scales and noise scales, inside a model context (design 4.3)."""
    hyper, tau = term_scales(design, priors)
    return hyper, tau, positive("sigma", priors.sigma, dims="noise_scale")


def term_scales(design: Design, priors: Priors) -> tuple[Any, Any]:
    """Hyper-scales and term scales, inside a model context."""
    import pymc as pm
    import pytensor.tensor as pt

    distinct = {priors.hyper[kind] for kind in design.types}
    if len(distinct) == 1:
        hyper = positive("hyper", next(iter(distinct)), dims="type")
    else:
        parts = [positive(f"hyper_{kind.value}", priors.hyper[kind]) for kind in design.types]
        hyper = pm.Deterministic("hyper", pt.stack(parts), dims="type")
    tau = pm.HalfStudentT("tau", nu=priors.tau_nu, sigma=hyper[design.type_index], dims="term")
    return hyper, tau


def collect_rows(data: RegimeData) -> tuple[FloatArray, FloatArray, FloatArray]:
    """All rows in memory, as often as their weights say: actions (n, K), outcome (n,), regime index (n,)."""
    position = {regime: i for i, regime in enumerate(data.regimes)}
    batches = list(repeated(data))
    return (
        np.concatenate([batch.variables for batch in batches]),
        np.concatenate([batch.outcome for batch in batches]),
        np.concatenate([np.full(len(batch.outcome), position[batch.regime]) for batch in batches]),
    )


def rowwise_model(
    data: RegimeData,
    design: Design,
    priors: Priors,
    sigma_index: np.ndarray[Any, Any],
    sigma_names: tuple[str, ...],
    known: LinearObservations | None = None,
) -> pm.Model:
    """Build the generative model with one likelihood term a row.

    Parameters
    ----------
    data : RegimeData
        The rows; they are held in memory.
    design : Design
        The columns.
    priors : Priors
        The priors, in units of the outcome's standard deviation.
    sigma_index : ndarray of shape (number of regimes,)
        Which noise scale each regime has.
    sigma_names : tuple of str
        Names of the noise scales.
    known : LinearObservations, optional
        Lift tests; they become the observed variable ``lift_tests``.

    Raises
    ------
    SpecError
        If a weight is not a whole number.

    Notes
    -----
    ``outcome`` is in its own units; ``alpha``, ``beta``, ``tau``, ``hyper`` and ``sigma`` are in
    units of the outcome's standard deviation.
    """
    import pymc as pm

    actions, outcome, regime_index = collect_rows(data)
    dataset = np.concatenate([batch.dataset for batch in repeated(data)]) if data.datasets else None
    was_set = indicators(data.regimes, data.actions)[regime_index]
    coords = coordinates(design, sigma_names) | {"action": list(data.actions)}
    with pm.Model(coords=coords) as model:
        columns = pm.Data("design", design.rows(actions, was_set, dataset)[:, 1:], dims=("row", "coefficient"))
        index = pm.Data("sigma_index", sigma_index[regime_index], dims="row")
        alpha = pm.Normal("alpha", 0.0, priors.alpha_sd)
        _, tau, sigma = scales(design, priors)
        z = pm.Normal("z", 0.0, 1.0, dims="coefficient")
        beta = pm.Deterministic("beta", z * tau[design.term_index], dims="coefficient")
        mean = design.outcome_mean + design.outcome_sd * (alpha + columns @ beta)
        pm.Normal("outcome", mean, design.outcome_sd * sigma[index], observed=outcome, dims="row")
        observe_lift_tests(known, beta, design.outcome_sd)
    return model


def observe_lift_tests(known: LinearObservations | None, beta: Any, unit: float) -> None:
    """Add the observed variable ``lift_tests``, if there are any, inside a model context."""
    if known is not None:
        observe_changes(known, known.rows[:, 1:] @ beta, unit)


def observe_changes(known: LinearObservations, change: Any, unit: float) -> None:
    """Add the observed variable ``lift_tests`` of changes in units of the model, inside a model context."""
    import pymc as pm

    pm.modelcontext(None).add_coord("lift_test", np.arange(len(known.values)))
    change = unit * change
    pm.Normal("lift_tests", change, unit * known.sd, observed=unit * known.values, dims="lift_test")
