"""What `allocate` returns: the best allocation, its rivals, the regret of the status quo, the frontier."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.decisions._choices import Choices
from bayes_ivgen.decisions._grid import Request
from bayes_ivgen.decisions._rounding import round_number
from bayes_ivgen.decisions.knapsack import Amounts, IntArray, TooManyAmountsError
from bayes_ivgen.decisions.risk import Objective, Ranking, draws_of, monte_carlo_errors, rank, search, worst_mean
from bayes_ivgen.effects import EffectPosterior, Estimate, Queries
from bayes_ivgen.effects.estimate import DEFAULT_PROB, check_prob
from bayes_ivgen.effects.flags import flags
from bayes_ivgen.errors import QueryError
from bayes_ivgen.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOP = 10
WORST = 0.1
BUDGETS = 15
MOST_AMOUNTS = 20_000  # of the frontier
FRONTIER_VALUES = 2e7
DRAW_MOVES = 6e8  # work of the optimum of each draw; beyond it draws are thinned
ERRORS = 2.0  # Monte-Carlo standard errors within which two objectives count as equal


@dataclass(frozen=True, eq=False, repr=False)
class Allocation(Shown):
    """The best allocation of a budget, made by `Fit.allocate`.

    Attributes
    ----------
    posterior : EffectPosterior
        The draws.
    choices : Choices
        Allowed values, their costs and what they add in each draw.
    amounts : Amounts
        What can be spent within the budget.
    objective : Objective
        What was maximised.
    ranking : Ranking
        The best choices, and how far they are proved.
    fixed : Queries
        A joint query with the covariates as they were held.
    present : ndarray of shape (K,) or None
        The status quo.
    request : Request
        What was asked for.
    extrapolate : bool
        Whether values outside the support were allowed.

    Examples
    --------
    >>> decision = fit.allocate(80, status_quo=now)
    >>> sorted(decision.best), decision.cost <= 80, decision.exact, decision.method.split(";")[0].startswith("dynamic")
    (['tv', 'web'], True, True, True)
    >>> decision.table["cost"].max() <= 80, len(decision.ties) >= 1
    (np.True_, True)
    >>> sorted(decision.draws.data_vars)
    ['optimal', 'optimum', 'outcome', 'regret', 'regret_of_status_quo', 'status_quo']
    >>> decision.gain.kind, decision.regret.kind, decision.effect.kind
    ('contrast', 'regret', 'effect')
    >>> decision.frontier["mean"].is_monotonic_increasing
    True
    """

    posterior: EffectPosterior = field(repr=False)
    choices: Choices = field(repr=False)
    amounts: Amounts = field(repr=False)
    objective: Objective
    ranking: Ranking = field(repr=False)
    fixed: Queries = field(repr=False)
    present: FloatArray | None = field(repr=False)
    request: Request = field(repr=False)
    extrapolate: bool = False

    @property
    def best(self) -> dict[str, Any]:
        """Value of each action, ready for ``fit.effect(do=...)``."""
        values = self.choices.values(self.ranking.items[:1])[0]
        return {action: self.choices.grid.plain(k, values[k]) for k, action in enumerate(self.posterior.actions)}

    @property
    def cost(self) -> float:
        """Cost of the best allocation."""
        return float(self._costs(self.ranking.items[:1])[0])

    @cached_property
    def effect(self) -> Estimate:
        """E[Y | do(best)], from all draws."""
        return self.posterior.effect(self._queries(self.choices.values(self.ranking.items[:1])), extrapolate=True)

    @property
    def exact(self) -> bool:
        """Whether no allowed allocation has a larger objective over the draws used, up to rounding."""
        return self.ranking.gap == 0.0

    @property
    def method(self) -> str:
        """How the best allocation was found and how far that is proved."""
        amounts, n = len(self.amounts.spent[-1]), self.ranking.examined
        if self.posterior.link.name != "identity":
            how = f"{n:,} allocations evaluated"
            how += ", all within the budget" if self.exact else ""
        elif self.objective.neutral:
            how = f"dynamic programming over {amounts:,} amounts of money"
        else:
            how = f"{n:,} allocations evaluated in the order of an upper bound"
        proof = "exact" if self.exact else f"no allocation is better by more than {self.ranking.gap:.3g}"
        stride = self.choices.stride
        return f"{how}; {proof}" + (f"; one draw in {stride} was used" if stride > 1 else "")

    @cached_property
    def _values(self) -> FloatArray:
        """Draws of the mean outcome of the ranked choices, shape (n, D)."""
        return self._means(self.ranking.items)

    def _means(self, items: IntArray) -> FloatArray:
        return self.posterior.link.mean(draws_of(items, self.choices.worths, self.choices.base))

    def _costs(self, items: IntArray) -> FloatArray:
        return np.sum([cost[items[:, g]] for g, cost in enumerate(self.choices.costs)], axis=0)

    def _queries(self, values: FloatArray) -> Queries:
        whole = np.repeat(self.fixed.values[:1], len(values), axis=0)
        whole[:, : values.shape[1]] = values
        return replace(self.fixed, values=whole)

    @cached_property
    def _optima(self) -> tuple[int, FloatArray, IntArray]:
        """Every how many draws; value (D',) and items (D', G) of the best choice in each of them."""
        work = sum(len(moves.item) for moves in self.amounts.moves) * len(self.choices.base)
        per_chain = len(self.choices.base) // self._chains
        stride = min(max(1, int(np.ceil(work / DRAW_MOVES))), max(1, per_chain // 50))
        every = self._every(stride)
        top, items = self.amounts.best([worth[:, every] for worth in self.choices.worths])
        return stride, self.posterior.link.mean(self.choices.base[every] + top), items

    @property
    def _chains(self) -> int:
        return self.posterior.coefficients.shape[0]

    def _every(self, stride: int) -> IntArray:
        """Positions of every so many draws of each chain among all draws that are used."""
        return np.arange(len(self.choices.base)).reshape(self._chains, -1)[:, ::stride].ravel()

    @cached_property
    def _errors(self) -> tuple[FloatArray, FloatArray]:
        """By how much each ranked choice falls short of the best, and the Monte-Carlo error of that; (n,) each."""
        scores = np.array([self.objective.scores(values) for values in self._values])
        short = scores[0] - scores
        return self.ranking.objective[0] - self.ranking.objective, monte_carlo_errors(short, self._chains)

    @cached_property
    def _tied(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        short, error = self._errors
        rounding = 1e-9 * max(float(np.abs(self.ranking.objective[0])), float(np.std(self._values[0])))
        return np.asarray(short <= ERRORS * error + rounding)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The ten best allocations, from the draws used.

        Returns
        -------
        DataFrame
            The values of the actions, ``cost``, ``mean``, ``lower`` and ``upper`` (90 % interval), ``worst`` (mean of
            the worst share of draws, ``attrs["share"]``), ``objective``, ``probability_best`` (share of the draws in
            which no allowed allocation is better), ``regret`` (expected shortfall from the best of each draw),
            ``tied`` (equal to the best within Monte-Carlo error), ``prior_share`` (as in `Estimate.summary`),
            ``supported`` and ``reason``.
        """
        return self._tabulated(np.arange(min(TOP, len(self.ranking.items))))

    @cached_property
    def ties(self) -> pd.DataFrame:
        """Allocations, up to 200, whose objective equals the best within Monte-Carlo error; the best comes first."""
        return self._tabulated(np.flatnonzero(self._tied))

    def _tabulated(self, rows: IntArray) -> pd.DataFrame:
        items = self.ranking.items[rows]
        stride, top, _ = self._optima
        values = self.choices.values(items)
        queries = self._queries(values)
        measured = pd.DataFrame(
            {"cost": self._costs(items), **self._spread(self._values[rows]), "objective": self.ranking.objective[rows]}
        )
        every = self._every(stride)
        own = self._values[rows][:, every]
        # A tie within one draw counts for all that reach the top there.
        rounding = 1e-12 * np.abs(top)
        measured["probability_best"] = (own >= top - rounding).mean(axis=1)
        measured["regret"] = (top - own).mean(axis=1)
        measured["tied"] = self._tied[rows]
        support = flags(self.posterior, queries, extrapolate=True)
        frame = queries.to_frame()[list(self.posterior.actions)].reset_index(drop=True)
        table = pd.concat([frame, measured, support], axis=1)
        table.index.name = "rank"
        table.attrs |= {"prob": DEFAULT_PROB, "share": self._share}
        return table

    @property
    def _share(self) -> float:
        return WORST if self.objective.share is None else self.objective.share

    def _spread(self, values: FloatArray) -> dict[str, Any]:
        tail = (1 - DEFAULT_PROB) / 2
        lower, upper = np.quantile(values, [tail, 1 - tail], axis=1)
        worst = [worst_mean(row, self._share) for row in values]
        return {"mean": values.mean(axis=1), "lower": lower, "upper": upper, "worst": worst}

    @cached_property
    def draws(self) -> xr.Dataset:
        """Posterior of the best allocation and of what is lost by not knowing it.

        Returns
        -------
        Dataset
            ``optimal`` (chain, draw, action): the allocation that is best in that draw; ``outcome``: the mean
            outcome of the recommended allocation; ``optimum``: that of the draw's own best; ``regret``: their
            difference; with a status quo, ``status_quo`` and ``regret_of_status_quo``.
        """
        stride, top, items = self._optima
        grid, values = self.choices.grid, self.choices.values(items)
        shown: Any = values
        if any(action in grid.categories for action in grid.actions):
            shown = np.array([[grid.plain(k, v) for k, v in enumerate(row)] for row in values], dtype=object)
        shape = (self._chains, -1)
        own = self._values[0][self._every(stride)]
        fields: dict[str, Any] = {
            "optimal": (("chain", "draw", "action"), shown.reshape(*np.reshape(top, shape).shape, -1)),
            "outcome": (("chain", "draw"), own.reshape(shape)),
            "optimum": (("chain", "draw"), top.reshape(shape)),
            "regret": (("chain", "draw"), (top - own).reshape(shape)),
        }
        if self.present is not None:
            now = self._now(self.choices.stride * stride)
            fields["status_quo"] = (("chain", "draw"), now)
            fields["regret_of_status_quo"] = (("chain", "draw"), top.reshape(shape) - now)
        total = self.posterior.coefficients.shape[1]
        coords = {
            "chain": np.arange(self._chains),
            "draw": np.arange(0, total, self.choices.stride)[::stride],
            "action": list(grid.actions),
        }
        return xr.Dataset(fields, coords=coords)

    def _now(self, stride: int) -> FloatArray:
        """Draws of the mean outcome of the status quo, shape (chain, draw)."""
        effect = self.posterior.effect(self._queries(self._require_present()[None]), extrapolate=True)
        return effect.evaluate(slice(0, 1))[:, ::stride, 0]

    def _require_present(self) -> FloatArray:
        if self.present is None:
            some = ", ".join(f"{action!r}: ..." for action in self.posterior.actions)
            raise QueryError(f"no status quo was given; pass allocate(..., status_quo={{{some}}}).")
        return self.present

    @cached_property
    def gain(self) -> Estimate:
        """E[Y | do(best)] - E[Y | do(status quo)], from all draws.

        Raises
        ------
        QueryError
            If no status quo was given.
        """
        first = self._queries(self.choices.values(self.ranking.items[:1]))
        second = self._queries(self._require_present()[None])
        return self.posterior.contrast(first, second, kind="difference", extrapolate=True)

    @cached_property
    def regret(self) -> Estimate:
        """Regret of the status quo: the outcome of the draw's best allowed allocation less that of the status quo.

        It is negative where the status quo is better than all that is allowed, because it costs more than the budget.

        Raises
        ------
        QueryError
            If no status quo was given.
        """
        queries = self._queries(self._require_present()[None])
        found = self.draws["regret_of_status_quo"].values[..., None]
        support = flags(self.posterior, queries, extrapolate=True)
        name = f"regret of the status quo in {self.posterior.name(queries)}"
        options = {"n_chains": found.shape[0], "n_draws": found.shape[1], "evaluate": lambda block: found[..., block]}
        return Estimate("regret", name, queries.to_frame(), support, queries.describe, **options)

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """The best allocation for each of a range of budgets, from the cheapest to twice the budget at most.

        Returns
        -------
        DataFrame
            ``budget``, the values of the actions, ``cost``, ``mean``, ``lower``, ``upper``, ``worst`` and ``gap`` (by
            how much an allocation could be better at most).
        """
        costs = self.choices.costs
        least, most = (float(sum(pick(cost) for cost in costs)) for pick in (np.min, np.max))
        budget = self.choices.grid.budget
        top = max(min(budget, most), min(most, 2 * budget - least))
        rows, gaps = [], []
        step = round_number((top - least) / BUDGETS) if top > least else 1.0
        inside = step * np.arange(np.ceil(least / step), np.floor(top / step) + 1)
        budgets = np.union1d(inside, [least, min(budget, top)])
        for amount in budgets:
            try:
                found = self._ranked(Amounts.of(costs, float(amount), MOST_AMOUNTS))
            except TooManyAmountsError:
                break
            rows.append(found.items[0])
            gaps.append(found.gap)
        items = np.array(rows)
        frame = self._queries(self.choices.values(items)).to_frame()[list(self.posterior.actions)]
        table = pd.concat(
            [
                pd.DataFrame({"budget": budgets[: len(items)]}),
                frame.reset_index(drop=True),
                pd.DataFrame({"cost": self._costs(items), **self._spread(self._means(items)), "gap": gaps}),
            ],
            axis=1,
        )
        table.attrs |= {"prob": DEFAULT_PROB, "share": self._share}
        return table

    def _ranked(self, amounts: Amounts) -> Ranking:
        worths, base, link = self.choices.worths, self.choices.base, self.posterior.link
        if link.name == "identity":
            return rank(amounts, worths, base, self.objective, 1)
        most = int(FRONTIER_VALUES / len(base))
        start = np.unique(self._optima[2], axis=0)
        return search(amounts, worths, base, link.mean, self.objective, start=start, most=most, wanted=1)

    def sentence(self, prob: float = DEFAULT_PROB) -> str:
        """Say in prose what to do, what it brings and how sure that is.

        Parameters
        ----------
        prob : float
            Mass of the intervals.

        Returns
        -------
        str

        Examples
        --------
        >>> print(fit.allocate(80).sentence().split(" the expected")[0])
        With a budget of 80
        """
        from bayes_ivgen.decisions._sentence import sentence_of

        return sentence_of(self, check_prob(prob))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the frontier: the best mean outcome for each budget, with this budget and the status quo.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> ax = fit.allocate(80, status_quo=now).plot()
        """
        from bayes_ivgen.plots import plot_frontier

        now = None
        if self.present is not None:
            now = (self.request.cost_of(self.present), float(self._now(1).mean()))
        label = self.posterior.name(self._queries(self.choices.values(self.ranking.items[:1])))
        chosen = (self.choices.grid.budget, float(self._values[0].mean()))
        return plot_frontier(self.frontier, label=label, chosen=chosen, status_quo=now, ax=ax)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"best": pd.DataFrame([self.best], index=pd.Index(["value"]))}

    def __str__(self) -> str:
        return self.sentence()
