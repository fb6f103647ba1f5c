"""Costs of rows, budgets and the sizes of experiments that they allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_ivgen.data import Regime
from bayes_ivgen.decisions.experiments import Candidate, Experiment, read_regime
from bayes_ivgen.errors import QueryError


@dataclass(frozen=True)
class Sizes:
    """How many rows each candidate may have.

    Attributes
    ----------
    cost : mapping of Regime to float
        Cost of one row.
    rows : tuple of int
        Sizes to look at; empty for as many as the budget buys.
    budget : float or None
        The most that an experiment may cost.
    """

    cost: Mapping[Regime, float]
    rows: tuple[int, ...]
    budget: float | None

    @classmethod
    def read(cls, candidates: Sequence[Candidate], actions: Sequence[str], rows: Any, budget: Any, cost: Any) -> Sizes:
        """Check sizes, budget and costs.

        Raises
        ------
        QueryError
            If neither rows nor a budget is given, a number is not positive, a regime has no cost or is no candidate,
            or the budget pays for no experiment.
        """
        if rows is None and budget is None:
            raise QueryError(
                "how large may the experiment be? Pass rows=500 (or a list of sizes), or budget=1000.0 with the cost "
                "of a row, cost={'obs': 0.1, ...} or one number."
            )
        regimes = tuple(dict.fromkeys(candidate.regime for candidate in candidates))
        per_row = read_costs(cost, regimes, actions, "cost")
        limit = None if budget is None else positive(budget, "budget")
        found = cls(per_row, () if rows is None else _whole_numbers(rows), limit)
        cheapest = min(regimes, key=lambda regime: per_row[regime])
        least = min(found.rows, default=1) * per_row[cheapest]
        if limit is not None and least > limit * (1 + 1e-12):
            raise QueryError(
                f"budget={limit:.6g} pays for no experiment: the cheapest, {min(found.rows, default=1):,} rows of "
                f"{cheapest.label}, costs {least:.6g}. Pass budget={least:.6g} or more, or fewer rows."
            )
        return found

    def of(self, candidate: Candidate) -> list[Experiment]:
        """Return the experiments with rows of one kind."""
        cost = self.cost[candidate.regime]
        bought = 1 if self.budget is None else max(int(np.floor(self.budget / cost * (1 + 1e-12))), 1)
        return [Experiment(candidate.regime, candidate.setting, n, n * cost) for n in self.rows or (bought,)]

    def affordable(self, experiment: Experiment) -> bool:
        """Whether the budget pays for it."""
        return self.budget is None or experiment.cost <= self.budget * (1 + 1e-9)


def read_costs(given: Any, regimes: Sequence[Regime], actions: Sequence[str], what: str) -> dict[Regime, float]:
    """Return a positive number for each regime, from one number or a mapping of labels.

    Raises
    ------
    QueryError
        If one is not positive, a label is not one of the regimes, or a regime is left out.
    """
    if not isinstance(given, Mapping):
        return dict.fromkeys(regimes, positive(given, what))
    found = {read_regime(label, actions): positive(value, f"{what}[{label!r}]") for label, value in given.items()}
    labels = [regime.label for regime in regimes]
    extra = next((regime for regime in found if regime not in regimes), None)
    if extra is not None:
        raise QueryError(f"{what} names {extra.label!r}, which is not among the regimes {labels}; take it out.")
    missing = [regime.label for regime in regimes if regime not in found]
    if missing:
        raise QueryError(
            f"{what} has no entry for {missing[0]!r}; give one for each of {labels}, or one number for all."
        )
    return found


def positive(value: Any, what: str) -> float:
    """Return a positive finite number, else raise a `QueryError`."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value <= 0:
        raise QueryError(f"{what}={value!r} must be a positive number, for example 1.0.")
    return float(value)


def _whole_numbers(rows: Any) -> tuple[int, ...]:
    items = list(rows) if isinstance(rows, Iterable) and not isinstance(rows, str) else [rows]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int | np.integer) or item < 1:
            raise QueryError(f"rows={rows!r} must be a positive whole number, or a list of them, for example 500.")
    if not items:
        raise QueryError("rows is empty; pass a size such as rows=500, or a list of sizes.")
    return tuple(dict.fromkeys(int(item) for item in items))
