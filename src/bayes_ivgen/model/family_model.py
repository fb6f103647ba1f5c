"""The model of the other families as a plain `pymc.Model` with named dims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayes_ivgen.model.design import Design, indicators
from bayes_ivgen.model.families import log_likelihood
from bayes_ivgen.model.family_rows import CollapsedRows
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.model.pymc_model import coordinates, observe_lift_tests, positive, term_scales

if TYPE_CHECKING:
    import pymc as pm


def family_coordinates(rows: CollapsedRows, design: Design) -> dict[str, Any]:
    """Coordinates of the dims, those of the normal model with one entry of ``noise_scale`` a regime."""
    return coordinates(design, tuple(regime.label for regime in rows.regimes))


def spread_variables(rows: CollapsedRows, design: Design, priors: Priors) -> tuple[Any, Any]:
    """Spread of each regime in units of the outcome, and nu; None where the family has none."""
    family = rows.family
    tail = positive("nu", priors.nu) if family.has_tail else None
    if family.spread is None:
        return None, tail
    spread = positive(family.spread, priors.spread[family.spread], dims="noise_scale")
    return (design.outcome_sd if family.spread == "sigma" else 1.0) * spread, tail


def family_model(
    rows: CollapsedRows, design: Design, priors: Priors, known: LinearObservations | None = None
) -> pm.Model:
    """Build the generative model with one likelihood term a row.

    Parameters
    ----------
    rows : CollapsedRows
        The rows; the design is evaluated once for rows of equal actions, regime, data set and exposure. A
        row with a weight is repeated.
    design : Design
        The columns, with the centre and the unit of the predictor.
    priors : Priors
        The priors, in units of the predictor.
    known : LinearObservations, optional
        Lift tests (identity link only); they become the observed variable ``lift_tests``.

    Raises
    ------
    SpecError
        If a weight is not a whole number.

    Notes
    -----
    The predictor is ``eta = outcome_mean + outcome_sd * (alpha + design @ beta)``; ``dispersion`` has
    no unit, ``sigma`` is in units of the outcome's standard deviation.
    """
    import pymc as pm

    rows = rows.repeated()
    was_set = indicators(rows.regimes, design.actions)[rows.regime]
    with pm.Model(coords=family_coordinates(rows, design)) as model:
        columns = pm.Data(
            "design", design.rows(rows.actions, was_set, rows.dataset)[:, 1:], dims=("cell", "coefficient")
        )
        cell = pm.Data("cell_of_row", rows.cell, dims="row")
        regime = pm.Data("regime_of_cell", rows.regime, dims="cell")
        offset = pm.Data("log_exposure", rows.log_exposure, dims="cell")
        alpha = pm.Normal("alpha", 0.0, priors.alpha_sd)
        _, tau = term_scales(design, priors)
        z = pm.Normal("z", 0.0, 1.0, dims="coefficient")
        beta = pm.Deterministic("beta", z * tau[design.term_index], dims="coefficient")
        eta = design.outcome_mean + design.outcome_sd * (alpha + columns @ beta)
        spread, tail = spread_variables(rows, design, priors)
        of_row = None if spread is None else spread[regime[cell]]
        _outcome(rows, (eta + offset)[cell] if rows.family.link == "log" else eta[cell], of_row, tail)
        observe_lift_tests(known, beta, design.outcome_sd)
    return model


def _outcome(rows: CollapsedRows, predictor: Any, spread: Any, tail: Any) -> None:
    """Add the observed variable ``outcome``, inside a model context."""
    import pymc as pm
    import pytensor.tensor as pt

    observed: dict[str, Any] = {"observed": rows.outcome, "dims": "row"}
    name = rows.family.name
    if name == "gamma":
        pm.Gamma("outcome", alpha=1 / spread, beta=pt.exp(-predictor) / spread, **observed)
    elif name == "negative_binomial":
        pm.NegativeBinomial("outcome", mu=pt.exp(predictor), alpha=1 / spread, **observed)
    elif name == "student_t":
        pm.StudentT("outcome", nu=tail, mu=predictor, sigma=spread, **observed)
    else:
        hazard = rows.link.hazard(predictor, pt)

        def log_density(value: Any, hazard: Any) -> Any:
            return value * pt.log(-pt.expm1(-hazard)) - (1 - value) * hazard

        def law(hazard: Any, size: Any) -> Any:  # of a binary outcome; shares have its density as a score only
            return pt.cast(pm.Bernoulli.dist(p=-pt.expm1(-hazard), size=size), "float64")

        pm.CustomDist("outcome", hazard, dist=law, logp=log_density, **observed)


def cell_likelihood(rows: CollapsedRows, predictor: Any, spread: Any, tail: Any) -> Any:
    """Log likelihood of all rows as a tensor, from the collapsed cells."""
    import pytensor.tensor as pt

    cells, regimes = log_likelihood(rows.family, rows, predictor, spread, tail, pt)
    return pt.sum(cells) + pt.sum(regimes)
