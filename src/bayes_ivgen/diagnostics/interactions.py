"""Whether the mean of any regime has a part that the decomposition has no place for (theory notes, L2 and L3)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.diagnostics.additivity import restrictions
from bayes_ivgen.diagnostics.many_tests import entry, worst_of
from bayes_ivgen.diagnostics.mean_tests import MeanRows, part_name, require_additive_mean
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import NotTestableError
from bayes_ivgen.model.graph import p_value_text


def interactions_check(posterior: EffectPosterior, data: RegimeData) -> CheckResult:
    """Test that regimes differ in functions of (a_j, a_pa(j)) only, and that nothing else interacts.

    In every regime, for each pair of variables that lies in no family of an action left alone and is no synergy of the
    model, products of their scores; for each action its scores, and a level, in the rows of that regime alone.
    Each is tested against the residuals of a regression on the columns of the fit, where it is not a combination of
    these. Regimes that other regimes predict are left to `additivity_check`.

    Parameters
    ----------
    posterior : EffectPosterior
        ``fit.effects``: its design and graph say what is allowed.
    data : RegimeData
        The data of the fit, or rows of the same world.

    Returns
    -------
    CheckResult
        ``table`` has one row a test: ``regime``, ``part``, ``rows``, ``statistic``, ``df``, ``p_value``,
        ``p_adjusted`` (Holm).

    Raises
    ------
    QueryError
        If the data have other columns than the fit.
    NotTestableError
        If the components do not add up to the mean, all functions of all actions are allowed, or there are fewer than
        seven rows a column.
    """
    require_same_columns(posterior, data)
    require_additive_mean(posterior, "interactions")
    predicted = restrictions(data.regimes, posterior)
    regimes = [regime for regime in data.regimes if regime not in predicted]
    rows = MeanRows.of(posterior, data, regimes)
    rows.require_enough_rows("interactions")
    found = [item for regime in regimes for item in _tests(rows, regime)]
    if not found:
        raise NotTestableError(
            "interactions cannot be tested: with these regimes, or so few rows, the model allows every function of "
            "every regime. It needs at least two actions, of which one was set alone."
        )
    return worst_of(
        "Interactions",
        found,
        finding=lambda worst, n: (
            f"of {n} functions that the decomposition rules out the rows ask most for one of {worst['part']} "
            f"in {worst['regime']} ({p_value_text(worst['p_value'])} by itself)"
        ),
        advice=(
            "In rows that set one of two actions and leave alone nothing that both drive, an interaction is synergy: "
            "pass synergy=[...]. Elsewhere confounders that actions share, an edge that the graph lacks, or a shape "
            "that the bases cannot follow can cause it."
        ),
    )


def _tests(rows: MeanRows, regime: Regime) -> Iterator[dict[str, Any]]:
    n = int(rows.inside(regime).sum())
    actions, covariates = rows.posterior.actions, rows.posterior.design.structure.covariates
    parts: list[tuple[str, ...]] = [(), *((action,) for action in actions)]
    allowed = rows.allowed_pairs(regime)
    pairs = [*combinations(actions, 2), *((action, name) for action in actions for name in covariates)]
    parts += [pair for pair in pairs if frozenset(pair) not in allowed]
    for part in parts:
        test = rows.test_function(regime, part)
        if test.df:
            yield entry(test, n, regime=regime.label, part=part_name(part))
