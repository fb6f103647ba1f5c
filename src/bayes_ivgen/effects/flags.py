"""What stands beside every answer: whether the data support it, why not, and how much of the prior is left in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.effects.bin_support import FAR_SHARE
from bayes_ivgen.effects.prior_share import prior_shares
from bayes_ivgen.effects.queries import Queries

if TYPE_CHECKING:
    from bayes_ivgen.effects.posterior import EffectPosterior

MOST_PRIOR = 0.3  # share of the prior variance left, above which an answer is the prior's
LEAST_SD = 0.3  # in standard deviations of the outcome: a narrower posterior tells enough, whatever the prior was
AVERAGED_ROWS = 200  # over which averaged queries are averaged here
BLOCK = 2000

RowsOf = Callable[["EffectPosterior", slice], FloatArray]


def flags(
    posterior: EffectPosterior,
    queries: Queries,
    *,
    extrapolate: bool,
    versus: Queries | None = None,
    rows: RowsOf | None = None,
) -> pd.DataFrame:
    """Flag each query, or each difference to `versus`.

    Parameters
    ----------
    posterior : EffectPosterior
        The draws.
    queries, versus : Queries
        One or two sides, of one length.
    extrapolate : bool
        Whether values far from those that were tried are let through.
    rows : callable, optional
        From a posterior with fewer rows to average over, and a block, to the columns that are asked about, (q, P).

    Returns
    -------
    DataFrame
        ``prior_share`` (float), ``supported`` (bool) and ``reason`` (empty where supported), one row a query.

    Raises
    ------
    SupportError
        As `Support.check`.
    """
    sides = [(queries, versus)] if versus is None else [(queries, versus), (versus, queries)]
    found = [_reasons(posterior, side, other, extrapolate=extrapolate) for side, other in sides]
    reasons = ["; ".join(dict.fromkeys(filter(None, texts))) for texts in zip(*found, strict=True)]
    share, sd = _shares(posterior, [side for side, _ in sides], rows)
    told = [
        text or (_prior_reason(queries, share[i]) if share[i] > MOST_PRIOR and sd[i] > LEAST_SD else "")
        for i, text in enumerate(reasons)
    ]
    return pd.DataFrame({"prior_share": share, "supported": [not text for text in told], "reason": told})


def bias_flags(posterior: EffectPosterior, queries: Queries, rows: RowsOf) -> pd.DataFrame:
    """Flag the confounding bias of what `queries` leave alone: their difference to the joint regime."""
    joint = replace(queries, regime=Regime(posterior.actions))
    reasons = list(posterior.support.check(queries, extrapolate=True, versus=joint)["reason"])
    share, _ = _shares(posterior, [queries], rows)
    return pd.DataFrame({"prior_share": share, "supported": [not text for text in reasons], "reason": reasons})


def _reasons(posterior: EffectPosterior, queries: Queries, versus: Queries | None, *, extrapolate: bool) -> list[str]:
    """Reasons from the stated values and, where actions respond, from what they would react to."""
    found = list(posterior.support.check(queries, extrapolate=extrapolate, versus=versus)["reason"])
    if not queries.responding:
        return found
    moved = [posterior.responses.why_not(queries, i) for i in range(len(queries))]
    told = ["; ".join(filter(None, pair)) for pair in zip(found, moved, strict=True)]
    bins = posterior.support.bins
    if bins is not None and versus is None:
        for i in np.flatnonzero([not text for text in told]):
            codes = bins.codes(posterior.responses.particles(queries, int(i), 1)[0])
            bad = ~bins.holds((codes, queries.regime))
            if bad.mean() > FAR_SHARE:
                shown = posterior.support.shown(queries, int(i))
                told[i] = bins.explain(codes[bad.argmax()], queries.regime, shown)
    return told


def _shares(posterior: EffectPosterior, sides: Sequence[Queries], rows: RowsOf | None) -> tuple[FloatArray, FloatArray]:
    n = len(sides[0])
    if posterior.tau is None:
        return np.full(n, np.nan), np.zeros(n)
    covariates = posterior.covariate_rows
    few = replace(
        posterior,
        observed=thinned(posterior.observed, AVERAGED_ROWS),
        covariate_rows=None if covariates is None else thinned(covariates, AVERAGED_ROWS),
    )
    parts = []
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        if rows is not None:
            asked = rows(few, block)
        else:
            asked = _rows(posterior, few, sides[0], block)
            if len(sides) > 1:
                asked = asked - _rows(posterior, few, sides[1], block)
        parts.append(prior_shares(asked, posterior.design, posterior.coefficients, posterior.tau, posterior.row_worth))
    share, sd = zip(*parts, strict=True)
    return np.concatenate(share), np.concatenate(sd)


def _rows(posterior: EffectPosterior, few: EffectPosterior, queries: Queries, block: slice) -> FloatArray:
    if not queries.responding:
        return few.rows(queries, block)
    was_set = np.array([queries.regime.sets(action) for action in queries.actions])
    drawn = [posterior.responses.particles(queries, i, 1)[0] for i in range(block.start, block.stop)]
    return np.array([posterior.design.rows(values, was_set).mean(axis=0) for values in drawn])


def _prior_reason(queries: Queries, share: float) -> str:
    return (
        f"the rows hardly tell the functions of the actions there: {100 * share:.0f} % of their prior variance is "
        f"left, but more rows near these values, best of {queries.regime.label}, would tell"
    )
