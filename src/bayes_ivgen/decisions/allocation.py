"""Which values of the actions are worth their cost: the best allocation of a budget under posterior uncertainty.

Maths and sources: docs/theory/allocation.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_ivgen.data import Regime
from bayes_ivgen.decisions._choices import Choices, TooManyCombinationsError
from bayes_ivgen.decisions._grid import Request
from bayes_ivgen.decisions._rounding import up
from bayes_ivgen.decisions.knapsack import SAME_COST, Amounts, TooManyAmountsError
from bayes_ivgen.decisions.result import Allocation
from bayes_ivgen.decisions.risk import Objective, rank, search
from bayes_ivgen.effects import EffectPosterior, Queries, parse_queries
from bayes_ivgen.effects.reasons import shortened
from bayes_ivgen.errors import QueryError, SupportWarning

POINTS = (40, 20, 10, 5)  # steps of the budget where the user states none; fewer if there are too many choices
MOST_AMOUNTS = 5_000
WANTED = 200  # choices that are ranked, for the table and the ties
MOST_VALUES = 2e8  # draws times allocations that are evaluated where the outcome is not a sum


def allocate(
    posterior: EffectPosterior,
    *,
    budget: float,
    costs: Mapping[str, Any] | None = None,
    bounds: Mapping[str, Any] | None = None,
    steps: Mapping[str, Any] | None = None,
    risk: float | None = None,
    aversion: float = 1.0,
    status_quo: Mapping[str, Any] | None = None,
    covariates: Any = None,
    extrapolate: bool = False,
) -> Allocation:
    """Maximise the expected outcome, or one that weighs the worst draws, under a budget; see `Fit.allocate`.

    Parameters
    ----------
    posterior : EffectPosterior
        ``fit.effects``.
    budget, costs, bounds, steps, risk, aversion, status_quo, covariates, extrapolate
        As in `Fit.allocate`.

    Returns
    -------
    Allocation

    Raises
    ------
    QueryError
        If the question is not well formed, or the budget below the cheapest allowed allocation.
    IdentificationError
        If the regimes do not identify the joint effect.
    SupportError
        If allowed values lie where their action was not set.

    Examples
    --------
    >>> ivg.decisions.allocate(fit.effects, budget=80).cost <= 80
    True
    """
    posterior.require_level(Regime(posterior.actions))
    objective = _objective(risk, aversion)
    request = Request.of(
        posterior.actions, posterior.support, budget=budget, costs=costs, bounds=bounds, steps=steps,
        extrapolate=extrapolate,
    )  # fmt: skip
    present = None if status_quo is None else request.status_quo(status_quo)
    fixed = _fixed(posterior, request, covariates)
    choices, amounts = _prepared(posterior, request, fixed, extrapolate=extrapolate)
    if posterior.link.name == "identity":
        ranking = rank(amounts, choices.worths, choices.base, objective, WANTED)
    else:
        most = int(MOST_VALUES / len(choices.base))
        _, start = amounts.best(choices.worths)
        options: dict[str, Any] = {"start": start, "most": most, "wanted": WANTED}
        ranking = search(amounts, choices.worths, choices.base, posterior.link.mean, objective, **options)
    found = Allocation(posterior, choices, amounts, objective, ranking, fixed, present, request, extrapolate)
    unsupported = found.table.loc[~found.table["supported"], "reason"]
    if not extrapolate and 0 in unsupported.index:
        warnings.warn(
            f"the best allocation is not supported by the data ({shortened(unsupported[0])}). Allow fewer values, or "
            "pass extrapolate=True to accept the continuation of the curves.",
            SupportWarning,
            stacklevel=3,
        )
    return found


def _objective(risk: Any, aversion: Any) -> Objective:
    def share(value: Any) -> bool:
        return isinstance(value, int | float | np.number) and not isinstance(value, bool) and 0 < float(value) <= 1

    if risk is None:
        if not isinstance(aversion, int | float | np.number) or aversion != 1.0:
            raise QueryError(
                f"aversion={aversion!r} weighs a risk, but risk is not given; pass risk=0.1, the share of draws that "
                "count as the worst, or leave aversion out."
            )
        return Objective()
    if not share(risk):
        raise QueryError(
            f"risk={risk!r} is not a share; pass the share of draws that count as the worst, such as risk=0.1."
        )
    if not share(aversion):
        raise QueryError(
            f"aversion={aversion!r} must be above 0 (the mean alone) and at most 1 (the worst draws alone), "
            "such as aversion=0.5."
        )
    return Objective(float(risk), float(aversion))


def _fixed(posterior: EffectPosterior, request: Request, covariates: Any) -> Queries:
    """Return a joint query with the covariates as they are to be held for all allocations."""
    categories = posterior.support.categories
    somewhere = {action: categories[action][0] if action in categories else 0.0 for action in request.actions}
    names = posterior.design.structure.covariates
    queries = parse_queries(
        posterior.actions, somewhere, None, None, categories, covariates=covariates,
        covariate_names=names,
    )  # fmt: skip
    if len(queries) > 1:
        raise QueryError(
            f"covariates hold {len(queries)} values, but an allocation is made for one; call allocate once for each."
        )
    if queries.averaged and posterior.link.name != "identity":
        open_ = ", ".join(f"{name!r}: ..." for name in queries.averaged)
        raise QueryError(
            f"with link={posterior.link.name!r} the outcome averaged over {' and '.join(queries.averaged)} is no "
            f"function of a sum of contributions. State the covariates: covariates={{{open_}}}."
        )
    return queries


def _prepared(
    posterior: EffectPosterior, request: Request, fixed: Queries, *, extrapolate: bool
) -> tuple[Choices, Amounts]:
    """Choices and the amounts they cost; chosen steps grow until both are few enough."""
    error: QueryError | None = None
    for points in POINTS:
        try:
            grid = request.grid(points)
        except QueryError as problem:  # too coarse for this budget: what was wrong with finer steps counts
            raise error or problem from None
        try:
            choices = Choices.of(posterior, grid, fixed, extrapolate=extrapolate)
            least = float(sum(cost.min() for cost in choices.costs))
            if least > grid.budget + SAME_COST * max(abs(grid.budget), least):
                raise QueryError(
                    f"the budget of {grid.budget:.6g} is below the cheapest combination that the data support, which "
                    f"costs {up(least)}. Pass budget={up(least)} or more, or extrapolate=True."
                )
            return choices, Amounts.of(choices.costs, grid.budget, MOST_AMOUNTS)
        except TooManyCombinationsError as problem:
            error = problem.for_user()
        except TooManyAmountsError:
            error = QueryError(
                f"the costs of the allowed values add up to more than {MOST_AMOUNTS:,} different amounts. Choose steps "
                "whose costs are multiples of one amount, or leave steps and bounds out: then they are."
            )
    raise error or QueryError("nothing to allocate.")
