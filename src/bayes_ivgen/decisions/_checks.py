"""Refusals of costs, bounds and steps that cannot be meant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_ivgen.decisions._rounding import inward
from bayes_ivgen.errors import QueryError, SupportError

if TYPE_CHECKING:
    from bayes_ivgen.decisions._grid import Request


def check_cost(request: Request, action: str) -> None:
    labels = request.support.categories.get(action)
    shown = "" if labels is None else ", ".join(f"{label!r}: {i}.0" for i, label in enumerate(labels))
    if request.costs is not None and action not in request.costs:
        raise QueryError(
            f"costs names no cost for {action!r}. Name every action, with 0 where it costs nothing: "
            f"costs={{{action!r}: {'1.0' if labels is None else '{' + shown + '}'}, ...}}."
        )
    cost = None if request.costs is None else request.costs[action]
    if labels is not None and not isinstance(cost, Mapping):
        raise QueryError(
            f"{action!r} has levels, not amounts: give the cost of each level that is allowed, "
            f"costs={{{action!r}: {{{shown}}}, ...}}."
        )
    if cost is None:
        return
    where = f"costs[{action!r}]"
    prices = cost.items() if isinstance(cost, Mapping) else [(None, cost)]
    if not prices:
        raise QueryError(f"{where} is empty; give the cost of at least one value.")
    for value, price in prices:
        at = where if value is None else f"{where}[{value!r}]"
        if finite(price, at, "a cost, 0 or more") < 0:
            raise QueryError(f"{at} is {price!r}, but a cost is 0 or more: savings are not spent here.")


def check_bounds(request: Request, action: str) -> None:
    if action not in request.bounds:
        return
    pair, where = request.bounds[action], f"bounds[{action!r}]"
    _refuse_beside_prices(request, action, "bounds")
    if isinstance(pair, str | Mapping) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise QueryError(f"{where} is {pair!r}; give the least and the largest value: bounds={{{action!r}: (0, 50)}}.")
    low, high = (finite(end, where, "a pair of numbers (low, high)") for end in pair)
    if low > high:
        raise QueryError(f"{where} is ({low:.6g}, {high:.6g}): the low end is above the high one; swap them.")
    tried = request.tried(action)
    if not request.extrapolate and (low < tried.low or high > tried.high):
        inside = inward(tried.low, tried.high)
        raise SupportError(
            f"{where} is ({low:.6g}, {high:.6g}), but {action} was only set from {inside[0]} to {inside[1]}. Pass "
            f"bounds inside that range, add an experiment there, or pass extrapolate=True to accept the "
            "continuation of the curve."
        )


def check_step(request: Request, action: str) -> None:
    if action not in request.steps:
        return
    _refuse_beside_prices(request, action, "steps")
    where = f"steps[{action!r}]"
    step = finite(request.steps[action], where, "a number above 0")
    if step <= 0:
        raise QueryError(f"{where} is {step:.6g}; a step is a number above 0, in units of {action}.")
    if action not in request.bounds:
        return
    low, high = map(float, request.bounds[action])
    count = (high - low) / step
    if abs(count - round(count)) > 1e-6 * max(1.0, count):
        whole = math.floor(count)
        fits = (high - low) / max(1, whole)
        raise QueryError(
            f"{where} = {step:.6g} does not divide the bounds of {action} ({low:.6g} to {high:.6g}): {whole} steps "
            f"lead to {low + whole * step:.6g}. Pass bounds={{{action!r}: ({low:.12g}, {low + whole * step:.12g})}}, "
            f"or steps={{{action!r}: {fits:.12g}}}."
        )


def _refuse_beside_prices(request: Request, action: str, what: str) -> None:
    if request.rate(action) is None or action in request.support.categories:
        raise QueryError(
            f"{what} names {action!r}, whose allowed values are those with a cost in costs[{action!r}]; take it out "
            f"of {what}, and list there what is allowed."
        )


def finite(value: Any, where: str, valid: str) -> float:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise QueryError(f"{where} is {value!r}; pass {valid}.")
    return float(value)


def mapping(source: Any, what: str, actions: Sequence[str], example: str) -> dict[str, Any]:
    if source is None:
        return {}
    if not isinstance(source, Mapping):
        raise QueryError(f"{what} is a {type(source).__name__}; pass a mapping such as {example}.")
    unknown = next((name for name in source if name not in actions), None)
    if unknown is not None:
        raise QueryError(f"{what} names {unknown!r}, which is not an action. The actions are {list(actions)}.")
    return dict(source)
