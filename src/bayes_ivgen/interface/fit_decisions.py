"""What to do with a fit, as methods of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from bayes_ivgen.interface.fit_core import FitCore

if TYPE_CHECKING:
    from bayes_ivgen.decisions import Allocation, NextExperiment
    from bayes_ivgen.interface.fit import Fit


class FitDecisions(FitCore):
    """What to do with a fit, as methods of it."""

    def allocate(
        self,
        budget: float,
        *,
        costs: Mapping[str, Any] | None = None,
        bounds: Mapping[str, Any] | None = None,
        steps: Mapping[str, Any] | None = None,
        risk: float | None = None,
        aversion: float = 1.0,
        status_quo: Mapping[str, Any] | None = None,
        covariates: Any = None,
        extrapolate: bool = False,
    ) -> Allocation:
        """Allocate a budget: the values of all actions that maximise the joint effect under its uncertainty.

        Maximises (1 - aversion) E[V(a)] + aversion CVaR(V(a)) over the draws of V(a) = E[Y | do(a)], subject to
        sum_k cost_k a_k <= budget; CVaR is the mean over the worst share of the draws (docs/theory/allocation.md).

        Parameters
        ----------
        budget : float
            Most that all actions may cost together.
        costs : mapping, optional
            Cost of a unit of each action, or a price list {value: cost}, which actions with labels need and which
            names all values that are allowed. By default 1: actions are amounts of money.
        bounds : mapping, optional
            (low, high) of an action; by default the range in which it was set.
        steps : mapping, optional
            Step of an action: from its low bound if that is stated, else the multiples in its range. By default the
            levels at which it was set if they are few, else steps of a common, round cost, about 40 to the budget.
        risk : float, optional
            Share of the draws that count as the worst; by default the expected outcome is maximised.
        aversion : float
            Weight of the worst draws: 1 maximises their mean alone.
        status_quo : mapping, optional
            The present value of every action, for the gain and the regret.
        covariates : mapping, optional
            One value of each covariate; by default averaged over all rows (not with another link than the identity).
        extrapolate : bool
            Allow values outside those at which the actions were set.

        Returns
        -------
        Allocation
            With ``best``, ``table``, ``ties``, ``regret``, ``frontier``, ``draws``, ``sentence()`` and ``plot()``.

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
        >>> decision = fit.allocate(80, status_quo=now)
        >>> decision.cost <= 80, sorted(decision.best)
        (True, ['tv', 'web'])
        """
        from bayes_ivgen.decisions import allocate

        return allocate(
            self.effects, budget=budget, costs=costs, bounds=bounds, steps=steps, risk=risk, aversion=aversion,
            status_quo=status_quo, covariates=covariates, extrapolate=extrapolate,
        )  # fmt: skip

    def next_experiment(
        self,
        questions: Any = None,
        *,
        decision: Any = None,
        candidates: Any = None,
        rows: Any = None,
        budget: float | None = None,
        cost: Any = 1.0,
    ) -> NextExperiment:
        """Rank experiments that could be run next by what they are expected to tell.

        With C the design rows of the questions, M the posterior covariance of the coefficients, and n rows whose mean
        x x' is G and noise variance v, the variance C M C' falls to C (M^-1 + n G / v)^-1 C'
        (docs/theory/design_of_experiments.md).

        Parameters
        ----------
        questions : mapping or list of mappings, optional
            What you want to know: arguments of `effect` (``do``, ``given``, ``rest``, ``covariates``) or `contrast`
            (also ``versus``, ``versus_given``, ``versus_covariates``), ``{"do": {"tv": 3, "web": 1}}``.
        decision : mapping or list of mappings, optional
            Options of which the one with the largest effect will be taken, ``{"do": frame, "cost": [...]}``; ``cost``,
            in units of the outcome, is subtracted. Experiments are then ranked by how much better the choice will
            be on average. Without `questions` these are the options.
        candidates : list, optional
            Labels ``"do(tv)"``, mappings of the set actions to levels (each as often), a law with ``ppf`` (as frozen
            laws of scipy) or None (as tested before), or data frames of combinations. Actions that are not set follow
            their natural laws. By default obs, all singles and pairs, and the joint regime, set as before.
        rows : int or list of int, optional
            Sizes to look at; by default as many rows as the budget buys.
        budget : float, optional
            The most that the experiment may cost.
        cost : float or mapping of str to float
            Cost of one row, for each regime by its label.

        Returns
        -------
        NextExperiment
            With ``table``, ``ranking``, ``best``, ``sentence()`` and ``plot()``; ``update`` takes the new rows.

        Raises
        ------
        QueryError
            If a question, candidate, cost or size is not valid, or the budget pays for no experiment.
        SpecError
            If the likelihood is not normal, or the fit has weights.

        Examples
        --------
        >>> found = fit.next_experiment({"do": plan}, rows=200)
        >>> found.ranking["regime"].nunique()
        4
        """
        from bayes_ivgen.interface.experiment_choice import next_experiment_of

        return next_experiment_of(cast("Fit", self), questions, decision, candidates, rows, budget, cost)

    def to_lift_tests(self, action: str, x: Any, delta_x: Any) -> pd.DataFrame:
        """Summarise what the fit knows about setting one action, as lift tests for another model.

        Parameters
        ----------
        action : str
            The action that moves; everything else stays put.
        x, delta_x : float or array
            Values before, and their changes; numbers, or arrays of one length.

        Returns
        -------
        DataFrame
            ``channel``, ``x``, ``delta_x``, ``delta_y`` and ``sigma`` (mean and standard deviation of the posterior),
            one row a test. Rows of one posterior err together: hand over one row an action, or few far apart.

        Raises
        ------
        QueryError
            If the action is unknown, a change is zero, or the link is not the identity.
        IdentificationError
            If the data do not identify the change.

        Examples
        --------
        >>> fit.to_lift_tests("tv", x=[20.0, 40.0], delta_x=10.0).columns.tolist()
        ['channel', 'x', 'delta_x', 'delta_y', 'sigma']
        """
        from bayes_ivgen.interface.lift_export import lift_tests_of

        return lift_tests_of(cast("Fit", self), action, x, delta_x)
