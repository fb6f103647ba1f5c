"""Effects as functions of the coefficient draws (design 1.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import contrast_identified, level_weights, missing_regimes, shift_weights
from bayes_ivgen.effects.estimate import Estimate
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.effects.support import Support
from bayes_ivgen.errors import IdentificationError, QueryError
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.components import CausalComponent, ConfoundingComponent


@dataclass(frozen=True, eq=False)
class EffectPosterior:
    """Coefficient draws with all that is needed to turn them into effects.

    Attributes
    ----------
    outcome : str
        Name of the outcome.
    design : Design
        Columns and outcome scale.
    graph : ActionGraph
        Arguments of the confounding components.
    regimes : tuple of Regime
        The regimes of the data.
    separable : bool
        Whether the confounding levels were known to be zero.
    support : Support
        Where each action was tried.
    observed : ndarray of shape (m, K)
        A sample of natural values of the actions, for averages.
    coefficients : ndarray of shape (chain, draw, P)
        Draws of the intercept followed by beta, in units of the outcome's standard deviation.
    """

    outcome: str
    design: Design = field(repr=False)
    graph: ActionGraph
    regimes: tuple[Regime, ...]
    separable: bool
    support: Support = field(repr=False)
    observed: FloatArray = field(repr=False)
    coefficients: FloatArray = field(repr=False)

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions."""
        return self.design.actions

    def effect(self, queries: Queries, *, extrapolate: bool) -> Estimate:
        """E[Y | a, R] at each query (design equation 1).

        Raises
        ------
        IdentificationError
            If the regimes at hand do not identify it.
        SupportError
            If a query lies far outside the values that were tried.
        """
        self.require_level(queries.regime)
        support = self.support.check(queries, extrapolate=extrapolate)

        def evaluate(block: slice) -> FloatArray:
            return self.design.outcome_mean + self.design.outcome_sd * self.project(self.rows(queries, block))

        return self._estimate("effect", self.name(queries), queries, support, evaluate)

    def contrast(
        self, first: Queries, second: Queries, *, kind: Literal["difference", "ratio"], extrapolate: bool
    ) -> Estimate:
        """Difference or ratio of two effects, from the same draws.

        Raises
        ------
        IdentificationError
            If the regimes at hand do not identify it; a difference may be identified when its two
            effects are not (theory notes, B).
        """
        first, second = _same_length(first, second)
        self._require_contrast(first, second, kind)
        flags = [self.support.check(queries, extrapolate=extrapolate) for queries in (first, second)]
        reason = [
            "; ".join(dict.fromkeys(text for text in pair if text))
            for pair in zip(flags[0]["reason"], flags[1]["reason"], strict=True)
        ]
        support = pd.DataFrame({"supported": [not text for text in reason], "reason": reason})

        def evaluate(block: slice) -> FloatArray:
            upper, lower = self.rows(first, block), self.rows(second, block)
            if kind == "difference":
                return self.design.outcome_sd * self.project(upper - lower)
            mean, sd = self.design.outcome_mean, self.design.outcome_sd
            return (mean + sd * self.project(upper)) / (mean + sd * self.project(lower))

        names = self.name(first), self.name(second)
        sign = "-" if kind == "difference" else "/"
        name = f"{kind} of {names[0]}" if names[0] == names[1] else f"{names[0]} {sign} {names[1]}"
        frame = pd.concat([first.to_frame(), second.to_frame().add_prefix("versus_")], axis=1)
        return Estimate(
            kind="contrast",
            name=name,
            queries=frame,
            support=support,
            conditions=lambda i: f"{first.describe(i)} versus {second.describe(i)}",
            n_chains=self.coefficients.shape[0],
            n_draws=self.coefficients.shape[1],
            evaluate=evaluate,
        )

    def response_curve(self, action: str, values: FloatArray) -> Estimate:
        """Alpha + m_k(a_k): the joint effect along one action, the others held at observed values.

        Every causal column has mean zero over the observational rows, so averaging the joint effect
        over the observed values of the other actions leaves the intercept and m_k.
        """
        queries = self._along(action, values, Regime(self.actions))
        self.require_level(queries.regime)
        support = self.support.check(queries, extrapolate=True)
        keep = np.append(0, self.design.columns_of(action, CausalComponent))

        def evaluate(block: slice) -> FloatArray:
            rows = self._component_rows(action, values[block], was_set=True)
            projected = self.coefficients[..., keep] @ rows[:, keep].T
            return self.design.outcome_mean + self.design.outcome_sd * projected

        name = f"E[{self.outcome} | do({', '.join(self.actions)})]"
        return self._estimate("response_curve", name, queries, support, evaluate)

    def confounding_bias(self, action: str, values: FloatArray) -> Estimate:
        """Bias of reading an action's effect from rows in which it was not set: c_k over its own value.

        The parents of the action are averaged over their observed values.

        Raises
        ------
        IdentificationError
            If no regime leaves the action alone, or its causal component is not identified.
        """
        if self.support.natural[action] is None:
            raise IdentificationError(
                f"no regime leaves {action!r} alone, so there is no observational reading that could be biased; "
                "add rows of a regime that does not set it."
            )
        rest = tuple(name for name in self.actions if name != action)
        self._require(
            lambda regimes: shift_weights(Regime((action,)), Regime(), regimes, self.actions) is not None,
            Regime((action,)),
            f"the confounding bias of {action!r}",
        )
        queries = self._along(action, values, Regime(rest))
        support = self.support.check(queries, extrapolate=True)
        keep = self.design.columns_of(action, ConfoundingComponent)

        def evaluate(block: slice) -> FloatArray:
            rows = self._component_rows(action, values[block], was_set=False)
            return self.design.outcome_sd * (self.coefficients[..., keep] @ rows[:, keep].T)

        return self._estimate("confounding_bias", f"confounding bias of {action}", queries, support, evaluate)

    def rows(self, queries: Queries, block: slice) -> FloatArray:
        """Design rows of a block of queries, averaged over the actions that are held; (q, P)."""
        values = queries.values[block]
        was_set = np.array([queries.regime.sets(action) for action in self.actions])
        if not queries.averaged:
            return self.design.rows(values, np.broadcast_to(was_set, values.shape))
        averaged = np.array([action in queries.averaged for action in self.actions])
        rows = np.empty((len(values), self.design.n_coefficients))
        for i, value in enumerate(values):
            spread = np.where(averaged, self.observed, value)
            rows[i] = self.design.rows(spread, np.broadcast_to(was_set, spread.shape)).mean(axis=0)
        return rows

    def project(self, rows: FloatArray) -> FloatArray:
        """Draws of rows @ coefficients, shape (chain, draw, q)."""
        return self.coefficients @ rows.T

    def name(self, queries: Queries) -> str:
        """Return the quantity as a formula."""
        set_ = [action for action in self.actions if queries.regime.sets(action)]
        seen = [action for action in self.actions if not queries.regime.sets(action)]
        parts = ([f"do({', '.join(set_)})"] if set_ else []) + seen
        return f"E[{self.outcome} | {', '.join(parts)}]"

    def require_level(self, target: Regime) -> None:
        """Raise an `IdentificationError` unless E[Y | a, R] is identified."""

        def identified(regimes: Sequence[Regime]) -> bool:
            if level_weights(target, regimes, self.actions, separable=self.separable) is None:
                return False
            # With levels known to be zero the rule above asks nothing of the functions.
            return not self.separable or contrast_identified(
                self.actions, target, regimes, self.actions, self.graph.parents
            )

        what = f"E[{self.outcome} | a, {target.label}]"
        self._require(identified, target, what, ", or ask for a contrast that needs less")

    def _require(
        self, identified: Callable[[Sequence[Regime]], bool], target: Regime, what: str, instead: str = ""
    ) -> None:
        if identified(self.regimes):
            return
        missing = missing_regimes(target, self.regimes, self.actions, identified)
        have = ", ".join(regime.label for regime in self.regimes)
        raise IdentificationError(
            f"{what} is not identified by the regimes at hand ({have}). Missing: rows of "
            f"{' and '.join(regime.label for regime in missing)}. Add that experiment and fit again{instead}."
        )

    def _require_contrast(self, first: Queries, second: Queries, kind: str) -> None:
        if kind not in ("difference", "ratio"):
            raise QueryError(f"kind={kind!r} is not known; valid are 'difference' and 'ratio'.")
        if kind == "ratio" or first.regime != second.regime or first.averaged != second.averaged:
            same_values = first.averaged == second.averaged and np.array_equal(
                first.values, second.values, equal_nan=True
            )
            shift = shift_weights(first.regime, second.regime, self.regimes, self.actions)
            if kind == "difference" and same_values and shift is not None:
                return
            self.require_level(first.regime)
            self.require_level(second.regime)
            return
        changed = [
            action
            for k, action in enumerate(self.actions)
            if action not in first.averaged and np.any(first.values[:, k] != second.values[:, k])
        ]
        self._require(
            lambda regimes: contrast_identified(changed, first.regime, regimes, self.actions, self.graph.parents),
            first.regime,
            f"the contrast of {' and '.join(changed)} under {first.regime.label}",
        )

    def _along(self, action: str, values: FloatArray, regime: Regime) -> Queries:
        grid = np.full((len(values), len(self.actions)), np.nan)
        grid[:, self.actions.index(action)] = values
        averaged = tuple(name for name in self.actions if name != action)
        return Queries(self.actions, regime, grid, averaged, self.support.categories)

    def _component_rows(self, action: str, values: FloatArray, *, was_set: bool) -> FloatArray:
        k = self.actions.index(action)
        flags = np.full(len(self.actions), True)
        flags[k] = was_set
        rows = np.empty((len(values), self.design.n_coefficients))
        for i, value in enumerate(values):
            spread = self.observed.copy()
            spread[:, k] = value
            rows[i] = self.design.rows(spread, np.broadcast_to(flags, spread.shape)).mean(axis=0)
        return rows

    def _estimate(
        self,
        kind: str,
        name: str,
        queries: Queries,
        support: pd.DataFrame,
        evaluate: Callable[[slice], FloatArray],
    ) -> Estimate:
        chains, draws, _ = self.coefficients.shape
        return Estimate(kind, name, queries.to_frame(), support, queries.describe, chains, draws, evaluate)


def _same_length(first: Queries, second: Queries) -> tuple[Queries, Queries]:
    if len(first) == len(second):
        return first, second
    if 1 not in (len(first), len(second)):
        raise QueryError(
            f"do has {len(first)} queries and versus has {len(second)}; give one of them, or equally many."
        )
    length = max(len(first), len(second))

    def stretch(queries: Queries) -> Queries:
        values = np.broadcast_to(queries.values, (length, len(queries.actions))).copy()
        return replace(queries, values=values)

    return stretch(first), stretch(second)
