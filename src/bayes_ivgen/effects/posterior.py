"""Effects as functions of the coefficient draws (design 1.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import contrast_identified, level_weights, missing_regimes, shift_weights
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.effects.comparison import changed_variables, lift_hint, lifted_actions, same_length, side_by_side
from bayes_ivgen.effects.estimate import Estimate
from bayes_ivgen.effects.flags import bias_flags, flags
from bayes_ivgen.effects.means import mean_draws
from bayes_ivgen.effects.natural_rows import NaturalRows
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.effects.respond import Responses
from bayes_ivgen.effects.support import Support
from bayes_ivgen.errors import IdentificationError, QueryError
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.components import CausalComponent, ConfoundingComponent, InteractionComponent
from bayes_ivgen.model.links import Link
from bayes_ivgen.model.structure import split_block


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
    observed : ndarray of shape (m, V)
        A sample of natural values of the actions with the covariates of these rows, for averages.
    covariate_rows : ndarray of shape (c, V - K), optional
        A sample of the covariates in all rows: the law over which effects are averaged.
    coefficients : ndarray of shape (chain, draw, P)
        Draws of the intercept followed by beta, in units of the outcome's standard deviation (of the
        predictor, where the link is not the identity).
    link : Link
        From the additive predictor to the mean of the outcome.
    symbol : str
        What the effects are: ``E``, or ``location`` where the likelihood is no model of the mean.
    natural_rows : NaturalRows or None
        What the laws of responding actions are learned from; None in fits of an earlier version.
    lift_tests : LiftTests or None
        Lift tests beside the rows: they identify differences along their action where they reach.
    tau : ndarray of shape (chain, draw, terms), optional
        Draws of the scales of the terms; without them no share of the prior is known.
    row_worth : float
        How many independent rows each row counts as in the spread of the coefficients.
    """

    outcome: str
    design: Design = field(repr=False)
    graph: ActionGraph
    regimes: tuple[Regime, ...]
    separable: bool
    support: Support = field(repr=False)
    observed: FloatArray = field(repr=False)
    coefficients: FloatArray = field(repr=False)
    covariate_rows: FloatArray | None = field(default=None, repr=False)
    link: Link = field(default_factory=Link)
    symbol: str = "E"
    natural_rows: NaturalRows | None = field(default=None, repr=False)
    lift_tests: LiftTests | None = field(default=None, repr=False)
    tau: FloatArray | None = field(default=None, repr=False)
    row_worth: float = 1.0

    @property
    def heads(self) -> tuple[str, ...]:
        """One action of each block; the rows of regimes are written in terms of them."""
        return self.design.structure.heads

    @cached_property
    def responses(self) -> Responses:
        """Draws of actions that are left to respond."""
        if self.natural_rows is None:
            raise QueryError(
                "this fit was saved without the rows from which responses are learned (an earlier version); fit "
                "again with model.fit(data), or ask with rest='hold' or given={...}."
            )
        return Responses(
            self.graph, self.natural_rows, self.design.structure, self.covariate_rows, self.support.categories
        )

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
        support = flags(self, queries, extrapolate=extrapolate)

        def evaluate(block: slice) -> FloatArray:
            return mean_draws(self, queries, block)

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
        first, second = same_length(first, second)
        self.require_contrast(first, second, kind)
        support = flags(self, first, versus=second, extrapolate=extrapolate)

        def evaluate(block: slice) -> FloatArray:
            if kind == self.link.compares and self._parallel(first, second):
                shift = self.project(self.rows(first, block) - self.rows(second, block))
                return self.link.factor(self.design.outcome_sd * shift)
            upper, lower = mean_draws(self, first, block), mean_draws(self, second, block)
            return upper - lower if kind == "difference" else upper / lower

        names = self.name(first), self.name(second)
        sign = "-" if kind == "difference" else "/"
        name = f"{kind} of {names[0]}" if names[0] == names[1] else f"{names[0]} {sign} {names[1]}"
        frame = side_by_side(first, second)
        return Estimate(
            kind="contrast",
            name=name,
            queries=frame,
            support=support,
            conditions=lambda i: first.describe_versus(second, i),
            n_chains=self.coefficients.shape[0],
            n_draws=self.coefficients.shape[1],
            evaluate=evaluate,
            neutral=0.0 if kind == "difference" else 1.0,
        )

    def response_curve(self, action: str, values: FloatArray) -> Estimate:
        """Joint effect along one action, the others (and the covariates) averaged at observed values.

        Every column of the causal components has mean zero over the observational rows, so that
        without interactions this is alpha + m_k(a_k). With synergy, blocks or covariates that enter
        m_k the interactions of k are averaged along: how s and m_k share out is a convention, their
        sum here is not. With another link than the identity
        the means, not the predictors, are averaged.
        """
        queries = self._along(action, values, Regime(self.actions))
        self.require_level(queries.regime)
        keep = np.append(0, self.design.columns_of(action, CausalComponent, InteractionComponent))
        support = flags(self, queries, extrapolate=True, rows=lambda few, at: _only(few.rows(queries, at), keep))

        def evaluate(block: slice) -> FloatArray:
            if self.link.name != "identity":
                return mean_draws(self, queries, block)
            projected = self.coefficients[..., keep] @ self.rows(queries, block)[:, keep].T
            return self.design.outcome_mean + self.design.outcome_sd * projected

        name = f"{self.symbol}[{self.outcome} | do({', '.join(self.actions)})]"
        return self._estimate("response_curve", name, queries, support, evaluate)

    def confounding_bias(self, action: str, values: FloatArray) -> Estimate:
        """Bias of reading an action's effect from rows in which it was not set: c_k over its own value.

        The parents of the action, the other members of its block and the covariates are averaged
        over the observational rows, on the scale of the predictor. With the log link it is the factor
        E[Y | seen] / E[Y | set], a geometric mean; with log_complement the factor of 1 - E[Y].

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
        unit = self.design.structure.unit(action)
        rest = tuple(name for name in self.actions if name not in unit)
        self._require(
            lambda regimes: shift_weights(Regime(unit), Regime(), regimes, self.heads) is not None,
            Regime(unit),
            f"the confounding bias of {action!r}",
        )
        queries = self._along(action, values, Regime(rest))
        keep = self.design.columns_of(action, ConfoundingComponent)
        support = bias_flags(self, queries, lambda few, at: _only(few._natural_rows(action, values[at], rest), keep))

        def evaluate(block: slice) -> FloatArray:
            rows = self._natural_rows(action, values[block], rest)
            return self.link.factor(self.design.outcome_sd * (self.coefficients[..., keep] @ rows[:, keep].T))

        of_what = {"log": "factor", "log_complement": f"factor of 1 - E[{self.outcome}]"}.get(self.link.name, "bias")
        bias = self._estimate("confounding_bias", f"confounding {of_what} of {action}", queries, support, evaluate)
        return replace(bias, neutral=0.0 if self.link.name == "identity" else 1.0)

    def rows(self, queries: Queries, block: slice) -> FloatArray:
        """Design rows of a block of queries, averaged over the actions that are held; (q, P).

        Where actions respond, one for each replicate of their laws; (replicate, q, P).
        """
        values = queries.values[block]
        was_set = np.array([queries.regime.sets(action) for action in self.actions])
        if queries.responding:
            rows = self.responses.average_rows(self.design, queries, block)
        elif not queries.averaged:
            return self.design.rows(values, was_set)
        else:
            rows = np.empty((len(values), self.design.n_coefficients))
            for i, value in enumerate(values):
                rows[i] = self.design.rows(self.spread(value), was_set).mean(axis=0)
        # The columns of q(x) have mean zero over all rows; the sample would only add its own error.
        for name in set(queries.averaged) & set(queries.covariates):
            rows[..., self.design.columns_of_covariate(name)] = 0.0
        return rows

    def spread(self, value: FloatArray) -> FloatArray:
        """Rows over which a query is averaged: NaN in `value` gets observed values; shape (n, V).

        Actions that are held take their natural values, covariates those of all rows, independently
        of each other: effects of all regimes are averaged over one law of the covariates.
        """
        k = len(self.actions)
        if self.covariate_rows is None or not np.isnan(value[k:]).any():
            return np.where(np.isnan(value), self.observed, value)
        n = len(self.covariate_rows)
        if np.isnan(value[:k]).any():  # every natural row counts equally
            n = len(self.observed) * -(-n // len(self.observed))
        order = np.random.default_rng(0).permutation(n)  # any fixed pairing of the two samples
        actions = np.resize(np.arange(len(self.observed)), n)
        covariates = np.resize(np.arange(len(self.covariate_rows)), n)[order]
        drawn = np.concatenate([self.observed[actions, :k], self.covariate_rows[covariates]], axis=1)
        return np.where(np.isnan(value), drawn, value)

    def project(self, rows: FloatArray) -> FloatArray:
        """Draws of rows @ coefficients, shape (chain, draw, q), in memory query by query; `rows` has their shape."""
        if rows.ndim == 3:
            return self.responses.project(self.coefficients, rows)
        chains, draws, size = self.coefficients.shape
        # Components that the regime switches off are zero, often all behind the causal ones.
        last = int(np.flatnonzero(rows.any(axis=0))[-1:].sum()) + 1
        projected = rows[:, :last] @ self.coefficients.reshape(-1, size)[:, :last].T
        return np.moveaxis(projected.reshape(-1, chains, draws), 0, 2)

    def name(self, queries: Queries) -> str:
        """Return the quantity as a formula."""
        set_ = [action for action in self.actions if queries.regime.sets(action)]
        seen = [action for action in queries.stated if not queries.regime.sets(action)]
        parts = ([f"do({', '.join(set_)})"] if set_ else []) + seen
        return f"{self.symbol}[{self.outcome} | {', '.join(parts)}]" if parts else f"{self.symbol}[{self.outcome}]"

    def require_level(self, target: Regime) -> None:
        """Raise an `IdentificationError` unless E[Y | a, R] is identified."""
        self.require_whole_blocks(target)

        def identified(regimes: Sequence[Regime]) -> bool:
            if level_weights(target, regimes, self.heads, separable=self.separable) is None:
                return False
            # With levels known to be zero the rule above asks nothing of the functions.
            return not self.separable or self._contrast_known(self.actions, target, regimes)

        what = f"{self.symbol}[{self.outcome} | a, {target.label}]"
        self._require(identified, target, what, ", or ask for a contrast that needs less")

    def require_whole_blocks(self, target: Regime) -> None:
        """Raise a `QueryError` if a regime sets part of a block."""
        block = split_block(target, self.design.structure.units)
        if block is None:
            return
        set_, seen = ([name for name in block if target.sets(name) == flag] for flag in (True, False))
        raise QueryError(
            f"the query sets {' and '.join(set_)} but not {' and '.join(seen)}, and splits the block {list(block)}: "
            "its regimes say only what happens when all of it is set, or nothing. Put all of them into do, or all into "
            "given; or fit with finer blocks."
        )

    def _contrast_known(
        self, changed: Collection[str], target: Regime, regimes: Sequence[Regime], lifted: Collection[str] = ()
    ) -> bool:
        units, parents = self.design.structure.units, self.graph.parents
        return contrast_identified(changed, target, regimes, self.actions, parents, lifted, units=units)

    def _require(
        self, identified: Callable[[Sequence[Regime]], bool], target: Regime, what: str, instead: str = ""
    ) -> None:
        if identified(self.regimes):
            return
        units = self.design.structure.units
        missing = missing_regimes(target, self.regimes, self.actions, identified, units=units)
        have = ", ".join(regime.label for regime in self.regimes)
        raise IdentificationError(
            f"{what} is not identified by the regimes at hand ({have}). Missing: rows of "
            f"{' and '.join(regime.label for regime in missing)}. Add that experiment and fit again{instead}."
        )

    def require_contrast(self, first: Queries, second: Queries, kind: str = "difference") -> None:
        """Raise an `IdentificationError` unless the comparison of the two is identified."""
        if kind not in ("difference", "ratio"):
            raise QueryError(f"kind={kind!r} is not known; valid are 'difference' and 'ratio'.")
        for queries in (first, second):
            self.require_whole_blocks(queries.regime)
        changed = changed_variables(first, second, self.graph)
        same_rest = first.averaged == second.averaged and first.responding == second.responding
        apart = kind == self.link.compares and self._parallel(first, second)
        # A covariate that changes moves all the confounding components: it needs what the level needs.
        whole = not apart or not same_rest or bool(set(changed) & set(first.covariates))
        if whole or first.regime != second.regime:
            same_values = (
                same_rest and not first.responding and np.array_equal(first.values, second.values, equal_nan=True)
            )
            shift = shift_weights(first.regime, second.regime, self.regimes, self.heads)
            if apart and same_values and shift is not None:
                return
            self.require_level(first.regime)
            self.require_level(second.regime)
            return
        lifted = lifted_actions(first, second, self.lift_tests)
        self._require(
            lambda regimes: self._contrast_known(changed, first.regime, regimes, lifted),
            first.regime,
            f"the contrast of {' and '.join(changed)} under {first.regime.label}",
            lift_hint(changed, lifted, self.lift_tests),
        )

    def _parallel(self, first: Queries, second: Queries) -> bool:
        """Whether the means of both sides are compared by their predictors alone, averages included."""
        if self.link.name == "identity":
            return True
        if first.responding or second.responding:
            return False
        if not (first.averaged or second.averaged):
            return True
        # Averaged factors of actions that are set cancel; those of seen actions depend on what else changes.
        return first.averaged == second.averaged and first.regime == second.regime == Regime(self.actions)

    def _along(self, action: str, values: FloatArray, regime: Regime) -> Queries:
        variables = self.design.variables
        grid = np.full((len(values), len(variables)), np.nan)
        grid[:, self.actions.index(action)] = values
        averaged = tuple(name for name in variables if name != action)
        covariates, categories = self.design.structure.covariates, self.support.categories
        return Queries(self.actions, regime, grid, averaged, covariates, categories=categories)

    def _natural_rows(self, action: str, values: FloatArray, set_actions: Sequence[str]) -> FloatArray:
        """Design rows along one action, averaged over the other variables of the natural rows."""
        k = self.actions.index(action)
        was_set = np.array([name in set_actions for name in self.actions])
        rows = np.empty((len(values), self.design.n_coefficients))
        for i, value in enumerate(values):
            spread = self.observed.copy()
            spread[:, k] = value
            rows[i] = self.design.rows(spread, was_set).mean(axis=0)
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


def _only(rows: FloatArray, columns: NDArray[np.intp]) -> FloatArray:
    """Set all other columns to zero."""
    kept = np.zeros_like(rows)
    kept[:, columns] = rows[:, columns]
    return kept
