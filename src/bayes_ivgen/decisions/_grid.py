"""From what the user allows to a finite list of values for each action, with the cost of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.labels import Label, codes_of, listed
from bayes_ivgen.decisions._checks import check_bounds, check_cost, check_step, finite, mapping
from bayes_ivgen.decisions._rounding import inward, ladder, round_number, up
from bayes_ivgen.decisions.knapsack import SAME_COST
from bayes_ivgen.effects import Support
from bayes_ivgen.effects.queries import Categories, value_text
from bayes_ivgen.effects.support import Tried
from bayes_ivgen.errors import QueryError, SupportError

LEAST_STEPS = 8  # inside the range of an action whose step is chosen for the user
HALVINGS = 6


@dataclass(frozen=True, eq=False)
class Grid:
    """Values that each action may take.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions.
    values : tuple of ndarray
        Allowed values of each action, sorted; codes where it has labels.
    costs : tuple of ndarray
        Cost of each value.
    budget : float
        Most that they may cost together.
    categories : mapping of str to sequence of labels
        Labels of the actions whose values are codes.
    """

    actions: tuple[str, ...]
    values: tuple[FloatArray, ...] = field(repr=False)
    costs: tuple[FloatArray, ...] = field(repr=False)
    budget: float
    categories: Categories = field(default_factory=dict, repr=False)

    def plain(self, k: int, value: float) -> Label:
        """Return a value of action k as the user writes it."""
        labels = self.categories.get(self.actions[k])
        return float(value) if labels is None else labels[int(value)]

    def text(self, values: Sequence[float]) -> str:
        """``tv=3, offer=B``."""
        named = zip(self.actions, values, strict=True)
        return ", ".join(f"{name}={value_text(value, self.categories.get(name))}" for name, value in named)


@dataclass(frozen=True, eq=False)
class Request:
    """What the user passed to `allocate`, against the support of the fit."""

    actions: tuple[str, ...]
    support: Support = field(repr=False)
    budget: float
    costs: Mapping[str, Any] | None
    bounds: Mapping[str, Any]
    steps: Mapping[str, Any]
    extrapolate: bool

    @classmethod
    def of(
        cls, actions: Sequence[str], support: Support, *, budget: Any, costs: Any, bounds: Any, steps: Any,
        extrapolate: bool,
    ) -> Request:  # fmt: skip
        """Check everything that does not depend on the choice of steps.

        Raises
        ------
        QueryError
            If a name is unknown, a cost is missing or negative, or something is not a number.
        SupportError
            If bounds leave the values at which an action was set.
        """
        names = tuple(actions)
        amount = finite(budget, "budget", "the most that the actions may cost together, such as budget=100")
        example = f"{{{names[0]!r}: "
        read = [
            mapping(source, what, names, f"{what}={example}{shown}}}")
            for source, what, shown in ((costs, "costs", "1.0"), (bounds, "bounds", "(0, 50)"), (steps, "steps", "5"))
        ]
        request = cls(names, support, amount, None if costs is None else read[0], read[1], read[2], extrapolate)
        for action in names:
            check_cost(request, action)
            check_bounds(request, action)
            check_step(request, action)
        if all(request.rate(action) == 0 for action in names):
            raise QueryError(
                f"no action costs anything, so that a budget of {amount:.6g} limits nothing; give the cost of a unit "
                f"of an action: costs={{{names[0]!r}: 1.0, ...}}."
            )
        return request

    def rate(self, action: str) -> float | None:
        """Cost of a unit; None for a price list."""
        if self.costs is None:
            return 1.0
        cost = self.costs[action]
        return None if isinstance(cost, Mapping) else float(cost)

    def tried(self, action: str) -> Tried:
        found = self.support.tested[action] or self.support.natural[action]
        if found is None:
            raise QueryError(f"{action!r} was never seen, so nothing is known about it.")
        return found

    def range_of(self, action: str) -> tuple[float, float]:
        """Least and largest value that is allowed."""
        if action in self.bounds:
            low, high = map(float, self.bounds[action])
            return low, high
        tried = self.tried(action)
        return tried.low, tried.high

    def grid(self, points: int) -> Grid:
        """Values of all actions; `points` is about how many steps of the budget chosen steps make.

        Raises
        ------
        SupportError
            If an allowed value lies where its action was not tried.
        QueryError
            If a value would pay money back, or the cheapest values cost more than the budget.
        """
        unit = self._unit(points)
        values, costs = [], []
        for action in self.actions:
            found, cost = self._values(action, unit, points)
            self._refuse_untried(action, found)
            values.append(found)
            costs.append(cost)
        made = Grid(self.actions, tuple(values), tuple(costs), self.budget, self.support.categories)
        cheapest = [int(cost.argmin()) for cost in costs]
        least = float(sum(cost.min() for cost in costs))
        if least > self.budget + SAME_COST * max(abs(self.budget), least):
            at = made.text([found[i] for found, i in zip(values, cheapest, strict=True)])
            raise QueryError(
                f"the budget of {self.budget:.6g} is {least - self.budget:.4g} below the cheapest allowed allocation, "
                f"which costs {up(least)} ({at}). Pass budget={up(least)} or more, or allow cheaper values by bounds."
            )
        return made

    def _unit(self, points: int) -> float:
        """Amount of money by which chosen steps move: a round number."""
        spans = []
        for action in self.actions:
            rate = self.rate(action)
            if rate and action not in self.support.categories:
                low, high = self.range_of(action)
                spans.append((rate * low, rate * high))
        least, most = sum(low for low, _ in spans), sum(high for _, high in spans)
        spendable = min(self.budget, most) - least
        return round_number((spendable if spendable > 0 else abs(least) or 1.0) / points)

    def _values(self, action: str, unit: float, points: int) -> tuple[FloatArray, FloatArray]:
        rate = self.rate(action)
        if rate is None:
            return self._priced(action)
        low, high = self.range_of(action)
        tried, stated = self.tried(action), action in self.bounds
        if rate > 0 and low < 0:
            raise QueryError(
                f"{action} may be {low:.6g}, which at a cost of {rate:.6g} a unit would pay money back. Pass "
                f"bounds={{{action!r}: (0, {inward(low, high)[1]})}}, or the cost of each value: "
                f"costs={{{action!r}: {{{inward(low, high)[0]}: 1.0, ...}}, ...}}."
            )
        if action in self.steps:
            step = float(self.steps[action])
            first = low if stated else math.ceil(low / step - 1e-9) * step
            found = ladder(first, low, high, step)
            if not len(found):
                raise QueryError(
                    f"steps[{action!r}] = {step:.6g} has no multiple from {low:.6g} to {high:.6g}, where {action} was "
                    f"set; pass a step of {(high - low) / LEAST_STEPS:.2g}, or bounds."
                )
        elif tried.levels is not None and not self.extrapolate:
            levels = np.array(tried.levels)
            found = levels[(levels >= low) & (levels <= high)]
            if not len(found):
                raise SupportError(
                    f"bounds[{action!r}] hold none of the levels at which {action} was set "
                    f"({', '.join(f'{level:.6g}' for level in levels)}); widen them, or pass extrapolate=True."
                )
        else:
            step = unit / rate if rate > 0 else round_number((high - low) / points or 1.0)
            for _ in range(HALVINGS):
                if (high - low) / step < LEAST_STEPS:
                    step /= 2
            found = ladder(math.ceil(low / step - 1e-9) * step, low, high, step)
            ends = [low, high] if stated or not len(found) else []
            found = np.append(found, [end for end in ends if not (np.abs(found - end) < 1e-6 * step).any()])
        found = np.unique(found)
        return found, rate * found

    def _priced(self, action: str) -> tuple[FloatArray, FloatArray]:
        prices = (self.costs or {})[action]
        labels = self.support.categories.get(action)
        if labels is None:
            found = np.array([finite(value, f"a value in costs[{action!r}]", "a number") for value in prices])
        else:
            found, unknown = codes_of(list(prices), labels)
            if unknown is not None:
                raise QueryError(
                    f"costs[{action!r}] names {unknown!r}, which is not one of its levels. They are {listed(labels)}."
                )
        order = np.argsort(found)
        return found[order], np.array([float(price) for price in prices.values()])[order]

    def _refuse_untried(self, action: str, values: FloatArray) -> None:
        if self.extrapolate:
            return
        tried, labels = self.tried(action), self.support.categories.get(action)
        for value in values.tolist():
            if labels is not None:
                why = "" if value in (tried.levels or ()) else tried.why_not_label(action, value, "set", labels)
            else:
                why = tried.why_not(action, value, "set")
            if why:
                raise SupportError(
                    f"{why}. Allow only values that were tried, add an experiment there, or pass extrapolate=True."
                )

    def status_quo(self, given: Any) -> FloatArray:
        """Values (K,) of what is done now.

        Raises
        ------
        QueryError
            If an action is missing or unknown, or a value is none or lies outside the bounds.
        """
        named = mapping(given, "status_quo", self.actions, f"status_quo={{{self.actions[0]!r}: 3.0, ...}}")
        missing = next((action for action in self.actions if action not in named), None)
        if missing is not None:
            raise QueryError(f"status_quo says nothing about {missing!r}; name the present value of every action.")
        return np.array([self._present(action, named[action]) for action in self.actions])

    def _present(self, action: str, value: Any) -> float:
        where = f"status_quo[{action!r}]"
        if self.rate(action) is not None:
            number = finite(value, where, f"the present value of {action}")
            low, high = self.range_of(action)
            if not low <= number <= high:
                kind = f"bounds of {action}" if action in self.bounds else f"range in which {action} was set"
                wider = f"({min(low, number):.12g}, {max(high, number):.12g})"
                more = "" if self.tried(action).low <= number <= self.tried(action).high else ", extrapolate=True"
                raise QueryError(
                    f"{where} is {number:.6g}, outside the {kind} ({low:.6g} to {high:.6g}). Leave "
                    f"status_quo out, or pass bounds={{{action!r}: {wider}}}{more}."
                )
            return number
        allowed, _ = self._priced(action)
        labels = self.support.categories.get(action)
        if labels is None:
            code = finite(value, where, f"the present value of {action}")
        else:
            codes, unknown = codes_of(value, labels)
            if unknown is not None:
                raise QueryError(f"{where} is {unknown!r}, which is not one of its levels. They are {listed(labels)}.")
            code = float(codes[0])
        if code not in allowed:
            raise QueryError(
                f"{where} is {value!r}, which has no cost in costs[{action!r}] and is not allowed. Add its cost there, "
                "or leave status_quo out."
            )
        return code

    def cost_of(self, values: FloatArray) -> float:
        """Cost of one allocation, on the grid or off it."""
        total = 0.0
        for action, value in zip(self.actions, values.tolist(), strict=True):
            rate = self.rate(action)
            if rate is not None:
                total += rate * value
                continue
            allowed, costs = self._priced(action)
            total += float(costs[allowed == value][0])
        return total
