"""What every question returns: labelled draws, a tidy table, a sentence and a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.curve_sentence import curve_sentence, moving_action
from bayes_ivgen.effects.queries import value_text
from bayes_ivgen.effects.query_blocks import over_blocks, summarise
from bayes_ivgen.effects.query_labels import coordinates, is_plain
from bayes_ivgen.effects.reasons import shortened
from bayes_ivgen.errors import QueryError
from bayes_ivgen.shown import MOST_ROWS, Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_PROB = 0.9
BLOCK_BYTES = 16 * 2**20


def check_prob(prob: float) -> float:
    """Return `prob` if it is a probability strictly between 0 and 1, else raise a `QueryError`."""
    if isinstance(prob, bool) or not isinstance(prob, int | float) or not 0 < prob < 1:
        raise QueryError(f"prob={prob!r} must be a number between 0 and 1, for example 0.9.")
    return float(prob)


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Shown):
    """Posterior of a quantity at one or many queries.

    Attributes
    ----------
    kind : str
        ``effect``, ``contrast``, ``response_curve`` or ``confounding_bias``.
    name : str
        The quantity as a formula, for example ``E[sales | do(tv, web)]``.
    queries : DataFrame
        Values of the actions, one row a query.
    support : DataFrame
        ``prior_share``, ``supported`` and ``reason`` for each query.
    conditions : tuple of str
        The conditions of each query in words.
    n_chains, n_draws : int
        Shape of the posterior.
    evaluate : callable
        From a slice of queries to draws of shape (chain, draw, query); nothing is computed before
        it is asked for, so tables of many queries need little memory.
    neutral : float or None
        Value that means no difference, of contrasts and biases.

    Examples
    --------
    >>> effect = fit.effect(do={"tv": [40, 60], "web": 30})
    >>> len(effect), dict(effect.draws.sizes)
    (2, {'chain': 2, 'draw': 300, 'query': 2})
    """

    kind: str
    name: str
    queries: pd.DataFrame
    support: pd.DataFrame = field(repr=False)
    conditions: Callable[[int], str] = field(repr=False)
    n_chains: int
    n_draws: int
    evaluate: Callable[[slice], FloatArray] = field(repr=False)
    neutral: float | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def draws(self) -> xr.DataArray:
        """All draws, dims (chain, draw, query); the actions' values are coordinates of the queries.

        An index that the queries had labels them; one of several levels becomes a coordinate for each.

        Raises
        ------
        QueryError
            If a level of the index has no name, or that of an action.
        """
        coords = {
            "chain": np.arange(self.n_chains),
            "draw": np.arange(self.n_draws),
            **coordinates(self.queries.index, [str(name) for name in self.queries]),
            **{str(name): ("query", column.to_numpy()) for name, column in self.queries.items()},
        }
        values = np.empty((len(self), self.n_chains, self.n_draws))

        def fill(block: slice) -> None:
            values[block] = np.moveaxis(self.evaluate(block), 2, 0)

        over_blocks(fill, self._blocks())
        return xr.DataArray(np.moveaxis(values, 0, 2), dims=("chain", "draw", "query"), coords=coords, name=self.kind)

    def _blocks(self) -> list[slice]:
        size = max(1, BLOCK_BYTES // (8 * self.n_chains * self.n_draws))
        return [slice(start, min(start + size, len(self))) for start in range(0, len(self), size)]

    def summary(self, prob: float = DEFAULT_PROB) -> pd.DataFrame:
        """Mean, standard deviation and equal-tailed interval of each query.

        Parameters
        ----------
        prob : float
            Mass of the interval.

        Returns
        -------
        DataFrame
            One row a query: the actions' values, ``mean``, ``sd``, ``lower``, ``upper``,
            ``prior_share`` (posterior over prior variance of all but levels: near 0 the data answer, near 1
            the prior; NaN where the prior leaves next to nothing to learn beside levels), ``supported`` and
            ``reason``; the mass is in ``attrs["prob"]``.

        Raises
        ------
        QueryError
            If `prob` is no probability.

        Examples
        --------
        >>> table = fit.effect(do=plan).summary(prob=0.8)
        >>> table[["mean", "sd", "lower", "upper"]].shape, table.attrs["prob"]
        ((1, 4), 0.8)
        """
        tail = (1 - check_prob(prob)) / 2
        parts = over_blocks(lambda block: summarise(self.evaluate(block), [tail, 1 - tail]), self._blocks())
        table = pd.DataFrame(np.concatenate(parts), columns=["mean", "sd", "lower", "upper"])
        table.index = self.queries.index
        table = pd.concat([self.queries, table, self.support.set_index(self.queries.index)], axis=1)
        table.attrs["prob"] = prob
        return table

    def to_frame(self, backend: str = "pandas", prob: float = DEFAULT_PROB) -> Any:
        """Return `summary` as a frame of another library, categories kept.

        Parameters
        ----------
        backend : {"pandas", "polars", "pyarrow"}
            Library of the frame. All but pandas have no index: labels of the queries become columns.
        prob : float
            Mass of the interval.

        Returns
        -------
        data frame
            One row a query.

        Raises
        ------
        QueryError
            If the backend is unknown, or not installed.

        Examples
        --------
        >>> fit.effect(do=plan).to_frame("pyarrow").num_rows
        1
        """
        from bayes_ivgen.effects.backends import to_backend

        table = self.summary(prob)
        return to_backend(table if backend == "pandas" or is_plain(table.index) else table.reset_index(), backend)

    def sentence(self, prob: float = DEFAULT_PROB, query: int | None = None) -> str:
        """Tell about a whole curve, or about one query.

        Of response curves and biases it says what they are at both ends, and where they clearly differ from the first
        point, or from no bias: where the interval of the difference at that value leaves out zero.

        Parameters
        ----------
        prob : float
            Mass of the interval.
        query : int, optional
            Position of a query; by default a curve as a whole, else the first.

        Returns
        -------
        str

        Raises
        ------
        QueryError
            If there is no such query, or `prob` is no probability.

        Examples
        --------
        >>> print(fit.effect(do=plan).sentence().split(" is ")[0])
        E[sales | do(tv, web)] at do(tv=60, web=40)
        >>> "a change of" in fit.response_curve("tv").sentence()
        True
        """
        action = moving_action(self) if query is None else None
        if action is not None:
            return curve_sentence(self, action, check_prob(prob))
        query = 0 if query is None else query
        if not 0 <= query < len(self):
            raise QueryError(f"query={query} does not exist; there are {len(self)} queries, counted from 0.")
        tail = (1 - check_prob(prob)) / 2
        draws = over_blocks(self.evaluate, [slice(query, query + 1)])[0].ravel()
        lower, upper = np.quantile(draws, [tail, 1 - tail])
        text = (
            f"{self.name} at {self.conditions(query)} is {draws.mean():.4g} "
            f"({100 * prob:.3g} % interval {lower:.4g} to {upper:.4g})"
        )
        reason = shortened(str(self.support["reason"].iloc[query]))
        return f"{text}; not supported by the data: {reason}." if reason else f"{text}."

    def plot(self, ax: Axes | None = None, prob: float = DEFAULT_PROB) -> Axes:
        """Draw the estimate: a curve if the queries move one action, else one interval a query.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.
        prob : float
            Mass of the band or the intervals.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> ax = fit.response_curve("tv").plot(prob=0.8)
        """
        from bayes_ivgen.plots import MAX_ROWS, plot_curve, plot_forest

        table = self.summary(prob)
        moving = [str(name) for name, column in self.queries.items() if len(column.unique()) > 1]
        if len(moving) == 1 and len(self) > 4 and pd.api.types.is_float_dtype(self.queries[moving[0]]):
            return plot_curve(table, x=moving[0], label=self.name, prob=prob, neutral=self.neutral, ax=ax)
        if not moving:
            labels = [self.conditions(i) for i in range(min(len(self), MAX_ROWS))]
            return plot_forest(table, labels=labels, title=self.name, prob=prob, neutral=self.neutral, ax=ax)
        shown = self.queries[moving].head(MAX_ROWS).to_dict("records")
        labels = [", ".join(f"{name}={value_text(value)}" for name, value in row.items()) for row in shown]
        fixed = [f"{name}={value_text(column.iloc[0])}" for name, column in self.queries.items() if name not in moving]
        title = f"{self.name} at {', '.join(fixed)}" if fixed else self.name
        return plot_forest(table, labels=labels, title=title, prob=prob, neutral=self.neutral, ax=ax)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {f"{100 * DEFAULT_PROB:g} % intervals": self._first(MOST_ROWS + 1).summary()} if len(self) else {}

    def _first(self, n: int) -> Estimate:
        """Return the first `n` queries; what a notebook shows must not take the time of all."""
        return replace(self, queries=self.queries.iloc[:n], support=self.support.iloc[:n])

    def __str__(self) -> str:
        return self.sentence() if len(self) == 1 or moving_action(self) else f"{self.name}: {len(self)} queries"
