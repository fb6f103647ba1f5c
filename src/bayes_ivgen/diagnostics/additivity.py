"""Additivity across confounders, where a combination of the regimes has to vanish (theory notes, L5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.diagnostics.many_tests import entry, worst_of
from bayes_ivgen.diagnostics.mean_tests import MeanRows, part_name, require_additive_mean
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import NotTestableError
from bayes_ivgen.model.graph import p_value_text


def additivity_check(posterior: EffectPosterior, data: RegimeData) -> CheckResult:
    r"""Test regimes that the others predict: sum_r v_r E[Y | a, R^r] = 0 for every v with sum_r v_r (1, R^r) = 0.

    With obs, do(1), do(2) and do(1,2) the restriction is E[Y | a, do(1,2)] = E[Y | a, do(1)] + E[Y | a, do(2)] -
    E[Y | a, obs] at every a. For each such regime r: a level, functions of each action and products of each pair
    that the rows of r alone have, tested against the residuals of the regression on the columns of the fit in all rows.

    Parameters
    ----------
    posterior : EffectPosterior
        ``fit.effects``.
    data : RegimeData
        The data of the fit, or rows of the same world; one of the regimes must be a combination of the others.

    Returns
    -------
    CheckResult
        ``table`` has one row a test: ``regime``, ``restriction``, ``part``, ``rows``, ``statistic``, ``df``,
        ``p_value``, ``p_adjusted`` (Holm).

    Raises
    ------
    QueryError
        If the data have other columns than the fit.
    NotTestableError
        If no regime is a combination of the others: observational rows and single tests never refute additivity. Or
        if there are fewer than seven rows a column.
    """
    require_same_columns(posterior, data)
    require_additive_mean(posterior, "additivity")
    found: list[dict[str, Any]] = []
    predicted = restrictions(data.regimes, posterior)
    if predicted:
        rows = MeanRows.of(posterior, data, data.regimes)
        rows.require_enough_rows("additivity")
        found = [item for regime, text in predicted.items() for item in _tests(rows, regime, text)]
    if not found:
        raise NotTestableError(_why_not(data, posterior))
    return worst_of(
        "Additivity",
        found,
        finding=lambda worst, n: (
            f"{worst['restriction']} is off most in its {worst['part']} ({p_value_text(worst['p_value'])} by itself, "
            f"of {n} tests)"
        ),
        advice=(
            "Confounders of different actions then do not simply add up (or a regime drifted): effects of "
            "combinations that were not run rest on just this assumption. Use fit.sensitivity to see how much of "
            "it your decision can bear, or run the combination itself."
        ),
    )


def restrictions(regimes: Sequence[Regime], posterior: EffectPosterior) -> dict[Regime, str]:
    """Regimes that are combinations of others, each with the formula; those that set most are taken first."""
    kept = list(regimes)
    found: dict[Regime, str] = {}
    for regime in sorted(regimes, key=lambda one: -len(one.set_actions)):
        others = [other for other in kept if other != regime]
        weights = level_weights(regime, others, posterior.heads) if len(others) > 1 else None
        if weights is not None:
            found[regime] = f"{regime.label} = {formula(weights, others)}"
            kept = others
    return found


def formula(weights: FloatArray, regimes: Sequence[Regime]) -> str:
    """Write sum_r w_r R^r, positive terms first: ``do(a) + do(b) - obs``."""
    terms = [(float(w), regime.label) for w, regime in zip(weights, regimes, strict=True) if abs(w) > 1e-9]
    text = ""
    for weight, label in sorted(terms, key=lambda item: item[0] < 0):
        size = "" if np.isclose(abs(weight), 1) else f"{abs(weight):.3g} "
        sign = " - " if weight < 0 else " + "
        text += f"{sign if text or weight < 0 else ''}{size}{label}"
    return text.strip()


def _tests(rows: MeanRows, regime: Regime, restriction: str) -> Iterator[dict[str, Any]]:
    n = int(rows.inside(regime).sum())
    actions = rows.posterior.actions
    for part in [(), *((action,) for action in actions), *combinations(actions, 2)]:
        test = rows.test_function(regime, part)
        if test.df:
            name = part_name(part)
            yield entry(test, n, regime=regime.label, restriction=restriction, part=name)


def _why_not(data: RegimeData, posterior: EffectPosterior) -> str:
    have = ", ".join(regime.label for regime in data.regimes)
    if len(posterior.heads) < 2:
        return "additivity cannot be tested: there is one action (or block) only, and nothing to add up."
    a, b = posterior.heads[:2]
    return (
        f"additivity across confounders cannot be tested: none of the regimes at hand ({have}) is a combination of the "
        "others. Worlds with and without it look the same in them. It needs a regime that sets two actions beside "
        f"its parts, such as {Regime((a, b)).label} beside obs, do({a}) and do({b})."
    )
