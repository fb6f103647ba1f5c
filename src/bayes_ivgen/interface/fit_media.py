"""Plans of spends by week and weeks that resemble their neighbours, as methods of a fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects import Estimate
from bayes_ivgen.effects.queries import Queries, value_text
from bayes_ivgen.errors import QueryError
from bayes_ivgen.interface.carried import refuse_sampled
from bayes_ivgen.interface.fit_core import FitCore
from bayes_ivgen.interface.sampled_plans import drawn_plan
from bayes_ivgen.interface.sampled_rows import errors_at_means, sampled_problem
from bayes_ivgen.media.carry_over import carried_rows, carry_over, set_by_week
from bayes_ivgen.media.dependence import independent_share
from bayes_ivgen.media.plans import PlanRows, plan_rows
from bayes_ivgen.media.transforms import adstock_of, any_sampled, sampled_adstocks
from bayes_ivgen.model.design import indicators


class FitMedia(FitCore):
    """Plans of spends by week and weeks that resemble their neighbours, as methods of a fit."""

    def plan(
        self, spends: Any, *, start: Any = None, versus: Any = None, total: bool = False, extrapolate: bool = False
    ) -> Estimate:
        """E[Y_t | do(spends)] by week, with what carries over from week to week and from the weeks before.

        All actions are set in every week of the plan. The first weeks also see the natural spends before it, as if
        they had been set: of what those tell about confounders the effect says nothing, and such weeks are flagged
        until less than 5 % (``1 - pure``) of the carry-over comes from them (docs/theory/carry_over.md).

        Parameters
        ----------
        spends : data frame or mapping
            A frame with the column of times and one column an action, and with the column of units for plans that
            differ between them; or a mapping of actions to spends by week. Without units every unit has the same
            plan, and answers are means over units. Columns of covariates are read; those left out are averaged over.
        start : time, optional
            First week of a mapping, by default the week after the last one of the fit, which is where a plan begins.
        versus : data frame or mapping, optional
            A plan of the same weeks; the answers are then differences.
        total : bool
            Sum over all weeks (and units in the plan) instead of one answer a week.
        extrapolate : bool
            Allow carried-over spends far outside those that were tried.

        Returns
        -------
        Estimate
            One query a week (and unit): time, unit and planned spends are its columns.

        Raises
        ------
        QueryError
            If the fit carries nothing over, an action or a week is missing, or the plan does not follow on the rows.
        IdentificationError, SupportError
            As `Fit.effect`.

        Examples
        --------
        >>> pulsed = {"tv": [60, 60, 20, 20, 20, 20], "web": 20}
        >>> by_week = weekly_fit.plan(pulsed, extrapolate=True)
        >>> by_week.summary()[["week", "tv", "supported"]].values.tolist()[1:4]
        [[61, 60.0, False], [62, 20.0, False], [63, 20.0, True]]
        >>> weekly_fit.plan(pulsed, versus={"tv": [40] * 6, "web": 20}, total=True, extrapolate=True).name
        'total of difference of E[sales | do(plan)]'
        """
        rows = self._plan_rows(spends, start)
        estimate = self._plan_estimate(rows, extrapolate=extrapolate)
        if versus is not None:
            other = self._plan_rows(versus, start)
            keys = [name for name in rows.shown.columns if name not in self.actions]
            if not rows.shown[keys].equals(other.shown[keys]):
                raise QueryError("versus= is a plan of other weeks or units; give both plans the same ones.")
            estimate = _difference(estimate, self._plan_estimate(other, extrapolate=extrapolate), self.actions)
        return _summed(estimate, self.actions) if total else estimate

    def independent_share(self, data: RegimeData) -> float:
        """How many independent rows a row is worth, by the correlation of residuals from week to week.

        Where demand remembers, intervals of a fit that takes rows as independent are too short. Read the rows again
        with a column of this share as ``weights=`` and fit again (docs/media_mix.md has measured coverage).

        Parameters
        ----------
        data : RegimeData
            The rows of the fit as they were read, with a time.

        Returns
        -------
        float
            Above 0, at most 1.

        Raises
        ------
        QueryError
            If the rows have no order, or other columns than the fit.

        Examples
        --------
        >>> 0.1 < weekly_fit.independent_share(weekly) < 0.6  # demand remembers: about 0.3
        True
        """
        require_same_columns(self.effects, data)
        series = data.series
        if series is None:
            raise QueryError(
                "the data say nothing of time; pass the rows as they were read, with "
                "RegimeData.from_frame(..., time='week')."
            )
        if any_sampled(self.model.transforms):
            problem = sampled_problem(self.model, data, self.transforms, self.regimes, self.design)
            error = errors_at_means(problem, self.datatree["posterior"].dataset)
            at = problem.rows.place
            return independent_share(error - error.mean(), series.unit_of[at], series.step_of[at])
        values, regimes, fate = carried_rows(data, series, self.transforms, set_by_week(data, series))
        kept = fate == ""
        flags = indicators([regimes[i] for i in np.flatnonzero(kept)], self.actions)
        residual = self._residuals(data, values[kept], flags)
        return independent_share(residual - residual.mean(), series.unit_of[kept], series.step_of[kept])

    def thinned(self, data: RegimeData, every: int | None = None) -> RegimeData:
        """Rows of a fit with carry-over, some weeks apart: for checks whose p-values take rows as independent.

        Parameters
        ----------
        data : RegimeData
            The rows as they were read, with a time.
        every : int, optional
            Keep each so many-th week; by default as many as the longest carry-over has, so that no two rows of a
            series share a spend. Where demand remembers longer, take more.

        Returns
        -------
        RegimeData
            Of carried-over spends, to be passed to `falsify` or `check_calibration`.

        Raises
        ------
        QueryError
            If the fit carries nothing over, the rows have no order, or `every` is not a whole number, 1 or more.
        DataError
            If no row is left.
        SpecError
            If transforms were sampled.

        Examples
        --------
        >>> weekly_fit.thinned(weekly, every=4).n_rows < weekly_fit.as_fitted(weekly).n_rows / 3
        True
        """
        longest = max((item.l_max for items in self.transforms.values() if (item := adstock_of(items))), default=0)
        if not longest or not isinstance(data, RegimeData) or data.series is None:
            raise QueryError(
                "only rows in order of time whose spends are carried over can be thinned: pass those of a fit with an "
                "Adstock as they were read, with RegimeData.from_frame(..., time='week')."
            )
        step = longest if every is None else every
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 1:
            raise QueryError(f"every={every!r} must be a whole number of weeks, 1 or more, for example {longest}.")
        refuse_sampled(self.model.transforms)
        require_same_columns(self.effects, data)
        return carry_over(data, self.transforms, every=int(step))

    def _residuals(self, data: RegimeData, values: FloatArray, was_set: NDArray[np.bool_]) -> FloatArray:
        """Outcomes less their posterior means, shape (n,); over these means with the log link."""
        names, design, n = data.columns, self.design, len(self.design.variables)
        waves = None if names.dataset is None else values[:, names.read.index(names.dataset)]
        linear = design.rows(values[:, :n], was_set, waves) @ self.effects.coefficients.mean(axis=(0, 1))
        mean = self.effects.link.mean(design.outcome_mean + design.outcome_sd * linear)
        if names.exposure is not None:
            mean = mean * values[:, names.read.index(names.exposure)]
        residual = values[:, n] - mean
        return np.asarray(residual / mean if self.effects.link.name == "log" else residual)

    def _plan_rows(self, spends: Any, start: Any) -> PlanRows:
        carried = self.carried
        if carried is None or carried.series is None:
            raise QueryError(
                "the fit carries no spend over from week to week, so that a plan is a list of effects: ask "
                "fit.effect(do=frame), or fit with transforms={...: ivg.media.Adstock(...)} on rows with a time."
            )
        covariates = {name: self.categories.get(name) for name in self.design.structure.covariates}
        return plan_rows(spends, carried, carried.series, self.actions, covariates, start)

    def _plan_estimate(self, rows: PlanRows, *, extrapolate: bool) -> Estimate:
        covariates = self.design.structure.covariates
        table = np.full((len(rows.values), len(covariates)), np.nan)
        for k, name in enumerate(covariates):
            if name in rows.covariates:
                table[:, k] = rows.covariates[name]
        averaged = tuple(name for name in covariates if name not in rows.covariates)
        values = np.column_stack([rows.values, table])
        queries = Queries(self.actions, Regime(self.actions), values, averaged, covariates, categories=self.categories)
        weekly = self.effects.effect(queries, extrapolate=extrapolate)
        if sampled_adstocks(self.model.transforms):
            posterior = self.datatree["posterior"].dataset
            weekly = replace(weekly, evaluate=drawn_plan(self.effects, self.model, posterior, rows, queries))
        ends = np.append(np.flatnonzero(np.diff(rows.answer_of, prepend=-1)), len(values))

        def evaluate(block: slice) -> FloatArray:
            pieces = range(*block.indices(len(rows.shown)))
            return np.stack(
                [weekly.evaluate(slice(int(ends[i]), int(ends[i + 1]))).mean(axis=-1) for i in pieces], axis=-1
            )

        far = weekly.support["reason"].to_numpy()
        reasons = [
            "; ".join(dict.fromkeys(text for text in (why, *far[rows.answer_of == i]) if text))
            for i, why in enumerate(rows.reasons)
        ]
        keys = [name for name in rows.shown.columns if name not in self.actions]
        return replace(
            weekly,
            kind="plan",
            name=f"{self.effects.symbol}[{self.outcome_name} | do(plan)]",
            queries=rows.shown,
            support=pd.DataFrame({"supported": [not text for text in reasons], "reason": reasons}),
            conditions=lambda i: ", ".join(f"{name}={_text(rows.shown[name].iloc[i])}" for name in keys),
            evaluate=evaluate,
        )


def _difference(first: Estimate, second: Estimate, actions: tuple[str, ...]) -> Estimate:
    reasons = [
        "; ".join(dict.fromkeys(text for text in pair if text))
        for pair in zip(first.support["reason"], second.support["reason"], strict=True)
    ]
    return replace(
        first,
        kind="contrast",
        name=f"difference of {first.name}",
        queries=pd.concat([first.queries, second.queries[list(actions)].add_prefix("versus_")], axis=1),
        support=pd.DataFrame({"supported": [not text for text in reasons], "reason": reasons}),
        evaluate=lambda block: first.evaluate(block) - second.evaluate(block),
        neutral=0.0,
    )


def _summed(weekly: Estimate, actions: tuple[str, ...]) -> Estimate:
    n = len(weekly)
    spends = [name for name in weekly.queries if name in actions or str(name).startswith("versus_")]
    reasons = [text for text in weekly.support["reason"] if text]
    reason = f"{len(reasons)} of {n} weeks: {reasons[0]}" if reasons else ""
    return replace(
        weekly,
        name=f"total of {weekly.name}",
        queries=weekly.queries[spends].sum().to_frame().T.rename_axis("query").assign(weeks=n),
        support=pd.DataFrame({"supported": [not reason], "reason": [reason]}),
        conditions=lambda _: f"{n} weeks",
        evaluate=lambda _: weekly.evaluate(slice(0, n)).sum(axis=-1, keepdims=True),
    )


def _text(value: Any) -> str:
    return value_text(value) if isinstance(value, float) else str(value)
