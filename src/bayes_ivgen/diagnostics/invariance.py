"""Whether actions that were left alone behave alike in all regimes, and whether set ones were set independently.

Both look at the actions only, never at the outcome (docs/theory/falsification.md, 1 and 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.diagnostics.many_tests import entry, worst_of
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.diagnostics.scores import (
    Projection,
    ScoreTest,
    adjustment,
    score_test,
    variable_scores,
)
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import NotTestableError
from bayes_ivgen.model.graph import p_value_text

ROWS = 10_000  # of each regime
DEGREE = 3
GIVEN_DEGREE = 2


def invariance_check(posterior: EffectPosterior, data: RegimeData) -> CheckResult:
    r"""Test that an action follows the same law, given the actions before it, in all regimes that leave it alone.

    For each action k and each regime r beside the reference (obs, or the largest) that leave k unset: scores e of
    A_k, residualised on a flexible regression on the actions before k in the order of the graph and on the covariates,
    against g = 1[R = r] (1, scores of these), in the rows of both regimes; S = sum e g, T = S' V^-1 S with the robust
    variance V. Holm's adjustment over all pairs (k, r).

    Parameters
    ----------
    posterior : EffectPosterior
        ``fit.effects``: its graph gives the order.
    data : RegimeData
        The data of the fit, or rows of the same world.

    Returns
    -------
    CheckResult
        ``table`` has one row a pair: ``action``, ``regime``, ``versus``, ``given``, ``rows``, ``statistic``, ``df``,
        ``p_value`` and ``p_adjusted``.

    Raises
    ------
    QueryError
        If the data have other columns than the fit.
    NotTestableError
        If no action is left alone by two regimes.
    """
    require_same_columns(posterior, data)
    found = list(_invariance_rows(posterior, data))
    if not found:
        raise NotTestableError(
            "invariance cannot be tested: no action is left alone by two regimes of the data. It needs rows of obs "
            "beside a single test, or of two tests that leave the same action alone."
        )
    return worst_of(
        "Invariance",
        found,
        finding=lambda worst, n: (
            f"of {n} comparisons of an action that was left alone in two regimes the largest difference is in "
            f"the law of {worst['action']}{_given(worst['given'])} between {worst['regime']} and {worst['versus']} "
            f"({p_value_text(worst['p_value'])} by itself)"
        ),
        advice=(
            "Confounders that actions share, another population or season in one of the regimes, or an edge that the "
            "graph lacks can cause it: the confounding that the fit takes from one regime is then not that of the "
            "other. Add what moves both actions as a covariate, set them as a block, or leave that regime out."
        ),
    )


def assignment_check(posterior: EffectPosterior, data: RegimeData) -> CheckResult:
    """Test that values which were set do not depend on actions that come before and were left alone.

    In each regime r, for each action j that it sets and each action l before j in the order of the graph that it
    leaves alone: rank scores of both against each other. Values that were randomised pass; a failure means that
    what was set follows what was there. A rule that reads observed actions does so too, and is harmless.

    Parameters
    ----------
    posterior : EffectPosterior
        ``fit.effects``: its graph gives the order.
    data : RegimeData
        The data of the fit, or rows of the same world.

    Returns
    -------
    CheckResult
        ``table`` has one row a pair: ``action``, ``regime``, ``versus`` (the action before), ``rows``,
        ``statistic``, ``df``, ``p_value``, ``p_adjusted``.

    Raises
    ------
    QueryError
        If the data have other columns than the fit.
    NotTestableError
        If no regime that sets an action leaves one before it alone.
    """
    require_same_columns(posterior, data)
    found = list(_assignment_rows(posterior, data))
    if not found:
        raise NotTestableError(
            "assignment cannot be tested: no regime sets an action (to more than one value) and leaves an action "
            "before it alone."
        )
    return worst_of(
        "Assignment",
        found,
        finding=lambda worst, n: (
            f"of {n} pairs of a set action and one before it that was left alone {worst['action']} depends "
            f"most on {worst['versus']} in {worst['regime']} ({p_value_text(worst['p_value'])} by itself)"
        ),
        advice=(
            "If the set values were drawn at random, what was set is not what happened in some rows (non-compliance), "
            "or the order of the graph is wrong. If they were chosen by a rule that reads observed actions, this is "
            "harmless for effects; a learned graph may then hold edges too many."
        ),
    )


def before(posterior: EffectPosterior, action: str) -> tuple[str, ...]:
    """Actions before this one in an order in which causes come before what they drive."""
    order = posterior.graph.order(posterior.actions)
    return order[: order.index(action)]


def _invariance_rows(posterior: EffectPosterior, data: RegimeData) -> Iterator[dict[str, Any]]:
    for action in posterior.actions:
        regimes = data.regimes_leaving(action)
        if len(regimes) < 2:
            continue
        reference = max(regimes, key=lambda regime: (regime.is_observational, data.profiles[regime].rows))
        given = (*before(posterior, action), *data.covariates)
        for regime in regimes:
            if regime == reference:
                continue
            test, rows = _same_law(data, action, given, (reference, regime))
            if test.df:
                where = {"action": action, "regime": regime.label, "versus": reference.label}
                yield entry(test, rows, **where, given=", ".join(given))


def _same_law(
    data: RegimeData, action: str, given: Sequence[str], regimes: tuple[Regime, Regime]
) -> tuple[ScoreTest, int]:
    """Compare p(a_k | given) between two regimes."""
    samples = [thinned(data.profiles[regime].sample, ROWS) for regime in regimes]
    rows = np.concatenate(samples)
    inside = np.repeat([0.0, 1.0], [len(sample) for sample in samples])
    columns = [adjustment(data, given, rows), *_dataset_columns(data, regimes)]
    known = Projection.on(np.concatenate(columns, axis=1))
    natural = variable_scores(data, action, rows[:, data.index(action)], DEGREE)
    moving = [variable_scores(data, name, rows[:, data.index(name)], GIVEN_DEGREE) for name in given]
    directions = inside[:, None] * np.concatenate([np.ones((len(rows), 1)), *moving], axis=1)
    return score_test(known.residual(natural), directions, known), len(rows)


def _dataset_columns(data: RegimeData, regimes: Sequence[Regime]) -> list[FloatArray]:
    """Return indicators of the data sets: what differs between them is not counted against a regime."""
    codes = [data.profiles[regime].sample_dataset for regime in regimes]
    known = [thinned(code, ROWS) for code in codes if code is not None]
    if len(known) < len(codes):
        return []
    pooled = np.concatenate(known)
    return [(pooled[:, None] == np.unique(pooled)[1:]).astype(float)]


def _assignment_rows(posterior: EffectPosterior, data: RegimeData) -> Iterator[dict[str, Any]]:
    for regime, profile in data.profiles.items():
        rows = thinned(profile.sample, ROWS)
        known = Projection.on(np.concatenate([np.ones((len(rows), 1)), *_dataset_columns(data, [regime])], axis=1))
        for action in regime.set_actions:
            own = known.residual(variable_scores(data, action, rows[:, data.index(action)], DEGREE))
            for other in before(posterior, action):
                if regime.sets(other):
                    continue
                natural = variable_scores(data, other, rows[:, data.index(other)], DEGREE)
                test = score_test(own, natural, known)
                if test.df:
                    yield entry(test, len(rows), action=action, regime=regime.label, versus=other)


def _given(names: str) -> str:
    return f" given {names}" if names else ""
