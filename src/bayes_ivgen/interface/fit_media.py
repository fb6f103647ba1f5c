"""Plans of spends by week and weeks that resemble their neighbours, as methods of a fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects.queries import Queries, value_text
from bayes_ivgen.errors import QueryError
from bayes_ivgen.interface.carried import refuse_sampled
from bayes_ivgen.interface.fit_core import FitCore
from bayes_ivgen.interface.plan_estimate import PlanEstimate, difference, far_reasons, summed
from bayes_ivgen.interface.sampled_plans import drawn_plan
from bayes_ivgen.interface.sampled_rows import means_of, sampled_errors, sampled_problem
from bayes_ivgen.media.carry_over import carried_rows, carry_over, set_by_week
from bayes_ivgen.media.dependence import Fitted, independent_share
from bayes_ivgen.media.plans import PlanRows, plan_rows
from bayes_ivgen.media.transforms import adstock_of, any_sampled, draws_of, sampled_adstocks
from bayes_ivgen.model.design import indicators

LEANING = 10  # rows


class FitMedia(FitCore):
    """Plans of spends by week and weeks that resemble their neighbours, as methods of a fit."""

    def plan(
        self,
        spends: Any,
        *,
        start: Any = None,
        versus: Any = None,
        total: bool = False,
        sum_units: bool = False,
        extrapolate: bool = False,
    ) -> PlanEstimate:
        """E[Y_t | do(spends)] by week, with what carries over from week to week and from the weeks before.

        All actions are set in every week of the plan. The first weeks also see the natural spends before it, as if
        they had been set: of what those tell about confounders the effect says nothing. The column ``carry_in`` has
        the share of the carry-over that comes from there, and weeks are flagged until it is less than 5 %
        (``1 - pure``). In a difference of two plans this part cancels unless demand changes what a spend does, so that
        it is told there and not flagged (docs/theory/carry_over.md).

        Parameters
        ----------
        spends : data frame or mapping
            A frame with the column of times and one column an action, and with the column of units for plans that
            differ between them; or a mapping of actions to spends by week. Without units every unit (geo) has the same
            plan, and answers are for one average unit: the mean over all. Columns of covariates are read; those left
            out are averaged over.
        start : time, optional
            First week of a mapping, by default the week after the last one of the fit, which is where a plan begins.
        versus : data frame or mapping, optional
            A plan of the same weeks; the answers are then differences.
        total : bool
            Sum over all weeks (and units in the plan) instead of one answer a week. Without units in the plan, it is
            the total of one average unit.
        sum_units : bool
            Where the plan names no units, sum over all instead of the mean; spends beside the answers are those of
            one unit.
        extrapolate : bool
            Allow carried-over spends far outside those that were tried.

        Returns
        -------
        Estimate
            One query a week (and unit): time, unit and planned spends are its columns.

        Raises
        ------
        QueryError
            If the fit carries nothing over, an action or a week is missing, or the plan does not follow on the rows;
            or if `sum_units` is given for a plan that names units, or rows that have none.
        IdentificationError, SupportError
            As `Fit.effect`.

        Examples
        --------
        >>> pulsed = {"tv": [60, 60, 20, 20, 20, 20], "web": 20}
        >>> by_week = weekly_fit.plan(pulsed, extrapolate=True)
        >>> by_week.summary()[["week", "tv", "supported"]].values.tolist()[1:4]
        [[61, 60.0, False], [62, 20.0, False], [63, 20.0, True]]
        >>> even = {"tv": [40] * 6, "web": 20}
        >>> weekly_fit.plan(pulsed, versus=even, total=True, extrapolate=True).name
        'total of difference of E[sales | do(plan)] for one average geo'
        """
        rows = self._plan_rows(spends, start, sum_units)
        estimate = self._plan_estimate(rows, extrapolate=extrapolate)
        if versus is not None:
            other = self._plan_rows(versus, start, sum_units)
            keys = [name for name in rows.shown.columns if name not in self.actions]
            if not rows.shown[keys].equals(other.shown[keys]):
                raise QueryError("versus= is a plan of other weeks or units; give both plans the same ones.")
            second = self._plan_estimate(other, extrapolate=extrapolate)
            estimate = difference(estimate, second, self.actions, additive=self.effects.link.name == "identity")
        if not total:
            return estimate
        assert self.carried is not None  # _plan_rows
        assert self.carried.series is not None
        return summed(estimate, self.actions, self.carried.series.time, self.carried.series.unit)

    def independent_share(self, data: RegimeData) -> float:
        """How many independent rows a row is worth for effects, by the correlation of residuals from week to week.

        Where demand remembers, weeks repeat each other. `InterventionModel.fit` computes the share of rows with a
        time and makes intervals of effects longer by its inverse root (docs/theory/carry_over.md, "Dependent rows").

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
        >>> 0.4 < weekly_fit.independent_share(weekly) < 0.8  # demand remembers
        True
        >>> weekly_fit.row_worth == weekly_fit.independent_share(weekly)
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
            posterior, kept = self.datatree["posterior"].dataset, problem.rows.place
            error, design = sampled_errors(problem, posterior), self._drawn[0]
            if design is not self.design:  # of common columns, the same at all saturations
                problem = replace(problem, design=design, transforms={})
            columns = problem.columns(means_of(draws_of(posterior)))
            regime_of = problem.rows.regime
        else:
            values, regimes, fate = carried_rows(data, series, self.transforms, set_by_week(data, series))
            kept = np.flatnonzero(fate == "")
            flags = indicators([regimes[i] for i in kept], self.actions)
            columns, error = self._columns_and_errors(data, values[kept], flags)
            regime_of = np.array([self.regimes.index(regimes[i]) for i in kept])
        error = error - error.mean()
        size = np.sqrt(_variances(error, regime_of, len(self.regimes)))[regime_of]
        draws = self._drawn[1].reshape(-1, columns.shape[1])
        fitted = Fitted(columns / size[:, None], np.cov(draws, rowvar=False), self._probes)
        return independent_share(error / size, series.unit_of[kept], series.step_of[kept], fitted)

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

    def _columns_and_errors(
        self, data: RegimeData, values: FloatArray, was_set: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """Return derivatives of the means by the coefficients, (n, P), and errors; over the means with the log link.

        Both times the root of the weight of the row.
        """
        names, design, n = data.columns, self.design, len(self.design.variables)

        def column(name: str | None) -> FloatArray | None:
            return None if name is None else values[:, names.read.index(name)]

        rows = design.rows(values[:, :n], was_set, column(names.dataset))
        eta = design.outcome_mean + design.outcome_sd * (rows @ self._drawn[1].mean(axis=(0, 1)))
        link, exposure, weight = self.effects.link, column(names.exposure), column(names.weights)
        mean, slope = link.mean(eta), link.slope(eta)
        if link.name == "log":
            slope = slope / mean
        mean = mean if exposure is None else mean * exposure
        error = (values[:, n] - mean) / (mean if link.name == "log" else 1.0)
        root = np.ones(len(values)) if weight is None else np.sqrt(weight)
        rows *= (design.outcome_sd * slope * root)[:, None]
        return rows, error * root

    def _plan_rows(self, spends: Any, start: Any, sum_units: bool) -> PlanRows:
        carried = self.carried
        if carried is None or carried.series is None:
            raise QueryError(
                "the fit carries no spend over from week to week, so that a plan is a list of effects: ask "
                "fit.effect(do=frame), or fit with transforms={...: ivg.media.Adstock(...)} on rows with a time."
            )
        covariates = {name: self.categories.get(name) for name in self.design.structure.covariates}
        labels = {name: found for name in self.actions if (found := self.categories.get(name)) is not None}
        return plan_rows(
            spends, carried, carried.series, self.actions, covariates, start, labels=labels, sum_units=sum_units
        )

    def _plan_estimate(self, rows: PlanRows, *, extrapolate: bool) -> PlanEstimate:
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
            parts = [weekly.evaluate(slice(int(ends[i]), int(ends[i + 1]))) for i in pieces]
            return np.stack([part.sum(axis=-1) if rows.summed else part.mean(axis=-1) for part in parts], axis=-1)

        keys = [name for name in rows.shown.columns if name not in self.actions]
        answers = replace(
            weekly,
            name=f"{self.effects.symbol}[{self.outcome_name} | do(plan)]{rows.of_units}",
            conditions=lambda i: ", ".join(f"{name}={_text(rows.shown[name].iloc[i])}" for name in keys),
            evaluate=evaluate,
        )
        assert self.carried is not None  # of whose series the rows are
        assert self.carried.series is not None
        reasons = weekly.support["reason"].to_numpy()
        far = far_reasons(reasons, rows.answer_of, len(rows.shown), self.carried.series.unit)
        return PlanEstimate.of(answers, rows.shown, far, rows.before, rows.carry_in)


def _variances(error: FloatArray, regime_of: NDArray[np.intp], n_regimes: int) -> FloatArray:
    """Mean squares by regime; those of a few rows lean on the mean of all."""
    rows, squares = (np.bincount(regime_of, weight, minlength=n_regimes) for weight in (None, error**2))
    return np.asarray((squares + LEANING * np.mean(error**2)) / (rows + LEANING))


def _text(value: Any) -> str:
    return value_text(value) if isinstance(value, float) else str(value)
