"""Refit without a regime, and hold its rows against what the others say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.selecting import read_regimes
from bayes_ivgen.diagnostics.left_out import left_out_check
from bayes_ivgen.diagnostics.report import CheckReport
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects import EffectPosterior, outcome
from bayes_ivgen.effects.families import family_outcome
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.errors import IdentificationError, QueryError
from bayes_ivgen.interface.fit import Fit


def leave_regimes_out(
    fit: Fit, data: RegimeData, regimes: Iterable[Regime | str] | None, options: dict[str, Any]
) -> CheckReport:
    """Leave out one regime at a time; see `Fit.leave_out`."""
    _require_data_of_fit(fit, data)
    chosen = _identified_by_others(fit.effects) if regimes is None else read_regimes(data, regimes)
    if not chosen:
        raise QueryError("regimes names nothing; leave it out for all regimes that the others identify.")
    for regime in chosen:
        _require_identified(fit.effects, regime)
    results = {}
    for regime in chosen:
        without = fit.model.fit(data.without([regime]), lift_tests=_lift_frame(fit), **options)
        results[regime.label] = left_out_check(without.effects, _outcome_of(without), _outcome_of(fit), data, regime)
    return CheckReport(results)


def _require_data_of_fit(fit: Fit, data: RegimeData) -> None:
    require_same_columns(fit.effects, data)
    if data.regimes != fit.regimes:
        raise QueryError(
            f"the data hold {[regime.label for regime in data.regimes]}, but the fit is of "
            f"{[regime.label for regime in fit.regimes]}; pass the data of the fit."
        )
    if data.columns.exposure is not None:
        raise QueryError(
            f"rows of a regime cannot be predicted where they have an exposure ({data.columns.exposure!r}): it is not "
            "kept with the sample of the rows. Divide the outcome by it and read the data without exposure=."
        )


def _identified_by_others(posterior: EffectPosterior) -> tuple[Regime, ...]:
    found = tuple(regime for regime in posterior.regimes if _why_not(posterior, regime) is None)
    if not found:
        have = ", ".join(regime.label for regime in posterior.regimes)
        raise IdentificationError(
            f"no regime can be left out: none of those at hand ({have}) is identified by the others. It needs one that "
            "sets two actions beside its parts, for example do(a,b) beside obs, do(a) and do(b)."
        )
    return found


def _why_not(posterior: EffectPosterior, regime: Regime) -> str | None:
    others = tuple(other for other in posterior.regimes if other != regime)
    try:
        replace(posterior, regimes=others).require_level(regime)
    except IdentificationError as error:
        return str(error)
    return None


def _require_identified(posterior: EffectPosterior, regime: Regime) -> None:
    if _why_not(posterior, regime) is None:
        return
    others = ", ".join(other.label for other in posterior.regimes if other != regime)
    possible = [other.label for other in posterior.regimes if _why_not(posterior, other) is None]
    instead = f"Leave out {' or '.join(possible)}" if possible else "None of the regimes can be left out"
    raise IdentificationError(
        f"{regime.label} cannot be left out: the other regimes ({others}) do not identify its means, so nothing "
        f"would be tested. {instead}."
    )


def _outcome_of(fit: Fit) -> Callable[[Queries], FloatArray]:
    def draws(queries: Queries) -> FloatArray:
        if fit.model.family.rowwise:
            estimate = family_outcome(fit.effects, fit.spread, queries, exposure=None, extrapolate=True, seed=0)
        else:
            estimate = outcome(fit.effects, fit.noise, queries, extrapolate=True, seed=0)
        return estimate.draws.values

    return draws


def _lift_frame(fit: Fit) -> pd.DataFrame | None:
    if fit.lift_tests is None:
        return None
    content = fit.lift_tests.to_dict()
    return pd.DataFrame({"channel": content.pop("actions"), **content})
