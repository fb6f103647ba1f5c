"""Would the other regimes have predicted this one? Its rows against a fit that has not seen them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.diagnostics.bin_errors import errors_of_means
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.effects.means import mean_draws
from bayes_ivgen.effects.queries import Queries, value_text
from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 5000  # for the means
SCORED = 2000  # for outcomes
BLOCK = 500  # of rows that are evaluated at a time
MOST_CELLS = 12
BINS = 6
LEAST_ROWS = 5
PROB = 0.9
THRESHOLD = 0.01

OutcomeDraws = Callable[[Queries], FloatArray]
"""From queries to draws of the outcome, shape (chain, draw, query)."""


@dataclass(frozen=True, eq=False, repr=False)
class LeftOutResult(CheckResult):
    """A regime that was predicted by a fit which had not seen it; see `CheckResult` for the rest.

    Attributes
    ----------
    measures : mapping of str to float
        ``coverage_50`` and ``coverage_90`` of intervals for single outcomes, ``bins_inside`` (share of the 90 %
        intervals of the bins' means that hold the observed one), ``crps``, ``crps_in_sample`` (of the fit that saw
        the regime; lower is better, in units of the outcome), and ``supported`` (share of the rows).

    Examples
    --------
    >>> more = world.sample_regimes({**world.standard_regimes(200), "do(tv,web)": 100}, seed=2)
    >>> both = ivg.RegimeData.from_frame(more, outcome="sales", actions=["tv", "web"])
    >>> seen = model.fit(both, draws=100, chains=2, seed=0, progressbar=False)
    >>> left = seen.leave_out(both, ["do(tv,web)"], draws=100, chains=2, seed=0, progressbar=False)["do(tv,web)"]
    >>> sorted(left.measures)
    ['bins_inside', 'coverage_50', 'coverage_90', 'crps', 'crps_in_sample', 'supported']
    """

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw predicted against observed means of the bins.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> more = world.sample_regimes({**world.standard_regimes(200), "do(tv,web)": 100}, seed=2)
        >>> both = ivg.RegimeData.from_frame(more, outcome="sales", actions=["tv", "web"])
        >>> seen = model.fit(both, draws=100, chains=2, seed=0, progressbar=False)
        >>> left = seen.leave_out(both, ["do(tv,web)"], draws=100, chains=2, seed=0, progressbar=False)
        >>> ax = left["do(tv,web)"].plot()
        """
        from bayes_ivgen.plots import plot_predicted

        return plot_predicted(self.table, title=f"{self.name}: would we have predicted it?", prob=PROB, ax=ax)


def left_out_check(
    posterior: EffectPosterior, outcome: OutcomeDraws, in_sample: OutcomeDraws, data: RegimeData, regime: Regime
) -> LeftOutResult:
    r"""Compare the rows of a regime with what a fit of the other regimes says of them.

    The rows fall into bins i: cells of the set actions if these are few, else quantiles of the predicted mean.
    With d_i the mean outcome of a bin minus the mean of E[Y | a, R] over its rows, Q = d' (S + V)^-1 d is
    compared with chi-squared with one degree of freedom a bin; S holds the squared errors of the bins' means
    (`errors_of_means`), V is the posterior covariance of the predictions.

    Parameters
    ----------
    posterior : EffectPosterior
        Of the fit that has not seen the regime.
    outcome, in_sample : callable
        From queries to draws of the outcome, of that fit and of the one that saw all regimes.
    data : RegimeData
        Rows of all regimes.
    regime : Regime
        The regime that was left out.

    Returns
    -------
    LeftOutResult
        ``table`` has one row a bin: ``bin``, ``rows``, ``observed``, ``fit``, ``lower``, ``upper`` (90 % interval for
        the mean of the bin, its sampling error included), ``difference``, ``sd``, ``z``.

    Raises
    ------
    QueryError
        If the regime has too few rows.
    """
    rows = thinned(data.profiles[regime].sample, ROWS)
    if len(rows) < 2 * LEAST_ROWS:
        raise QueryError(
            f"{regime.label} has {len(rows)} rows; to hold predictions against them takes {2 * LEAST_ROWS} or more. "
            "Leave out another regime."
        )
    values, observed = rows[:, :-1], rows[:, -1]
    bins = _bins(posterior, data, regime, values)
    table, covariance = _bin_table(posterior, regime, values, observed, bins)
    difference = table["difference"].to_numpy()
    statistic = float(difference @ np.linalg.solve(covariance, difference))
    p_value = float(stats.chi2.sf(statistic, len(table)))
    scored = thinned(rows, SCORED)
    measures = _measures(posterior, outcome, in_sample, regime, scored)
    measures["bins_inside"] = float(np.mean(table["observed"].between(table["lower"], table["upper"])))
    return LeftOutResult(
        name=f"{regime.label} left out",
        passed=p_value >= THRESHOLD,
        statistic=statistic,
        p_value=p_value,
        threshold=THRESHOLD,
        table=table,
        finding=_finding(posterior, len(scored), table, measures),
        advice=(
            "The regimes that were left do not predict this one: additivity across confounders, the graph or stability "
            "over time is off, or it asks for values that they do not cover (see measures['supported']). Do not trust "
            "combinations that were not run beyond what fit.sensitivity allows."
        ),
        measures=measures,
    )


def queries_of(posterior: EffectPosterior, regime: Regime, values: FloatArray) -> Queries:
    """Ask for each row's own values: set actions set, the others seen."""
    structure, categories = posterior.design.structure, posterior.support.categories
    return Queries(posterior.actions, regime, values, (), structure.covariates, categories=categories)


def crps(draws: FloatArray, observed: FloatArray) -> float:
    """Mean continuous ranked probability score of draws of shape (m, n) for n observations; lower is better."""
    ordered = np.sort(draws, axis=0)
    m = len(ordered)
    rank = 2 * np.arange(1, m + 1) - m - 1
    spread = (rank[:, None] * ordered).sum(axis=0) / m**2
    return float(np.mean(np.abs(draws - observed).mean(axis=0) - spread))


def _bins(posterior: EffectPosterior, data: RegimeData, regime: Regime, values: FloatArray) -> list[tuple[str, object]]:
    """Name and rows (mask) of each bin with enough rows."""
    set_columns = [posterior.actions.index(action) for action in regime.set_actions]
    cells, which = np.unique(values[:, set_columns], axis=0, return_inverse=True)
    which = which.ravel()
    if set_columns and len(cells) <= MOST_CELLS:
        names = [
            ", ".join(
                f"{a}={value_text(v, data.categories.get(a))}" for a, v in zip(regime.set_actions, c, strict=True)
            )
            for c in cells
        ]
    else:
        mean = posterior.coefficients.mean(axis=(0, 1))
        predicted = posterior.rows(queries_of(posterior, regime, values), slice(0, len(values))) @ mean
        which = np.searchsorted(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1]), predicted)
        names = [f"sixth {i + 1} of the predictions" for i in range(BINS)]
    masks = [which == i for i in range(len(names))]
    found = [(name, mask) for name, mask in zip(names, masks, strict=True) if mask.sum() >= LEAST_ROWS]
    return found or [("all rows", np.ones(len(values), dtype=bool))]


def _bin_table(
    posterior: EffectPosterior, regime: Regime, values: FloatArray, observed: FloatArray, bins: list[tuple[str, object]]
) -> tuple[pd.DataFrame, FloatArray]:
    draws, entries = [], []
    for name, mask in bins:
        inside = np.asarray(mask)
        draws.append(_mean_over(posterior, queries_of(posterior, regime, values[inside])))
        entries.append((name, int(inside.sum()), observed[inside].mean()))
    table = pd.DataFrame(entries, columns=["bin", "rows", "observed"])
    error = errors_of_means([observed[np.asarray(mask)] for _, mask in bins])
    covariance = np.diag(error**2) + np.atleast_2d(np.cov(np.array(draws)))
    sd = np.sqrt(np.diag(covariance))
    reach = float(stats.norm.ppf((1 + PROB) / 2)) * sd
    table["fit"] = np.mean(draws, axis=1)
    table = table.assign(lower=table["fit"] - reach, upper=table["fit"] + reach)
    table["difference"] = table["observed"] - table["fit"]
    return table.assign(sd=sd, z=table["difference"] / sd), covariance


def _mean_over(posterior: EffectPosterior, queries: Queries) -> FloatArray:
    """Draws of the mean over rows of E[Y | a, R]; shape (draws,)."""
    total = np.zeros(posterior.coefficients.shape[0] * posterior.coefficients.shape[1])
    for start in range(0, len(queries), BLOCK):
        block = slice(start, min(start + BLOCK, len(queries)))
        total += mean_draws(posterior, queries, block).reshape(len(total), -1).sum(axis=1)
    return total / len(queries)


def _measures(
    posterior: EffectPosterior, outcome: OutcomeDraws, in_sample: OutcomeDraws, regime: Regime, rows: FloatArray
) -> dict[str, float]:
    parts, sizes = [], []
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        queries, observed = queries_of(posterior, regime, some[:, :-1]), some[:, -1]
        draws = outcome(queries).reshape(-1, len(some))
        found = {}
        for prob in (0.5, PROB):
            lower, upper = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
            found[f"coverage_{100 * prob:.0f}"] = float(np.mean((lower <= observed) & (observed <= upper)))
        found["crps"] = crps(draws, observed)
        found["crps_in_sample"] = crps(in_sample(queries).reshape(-1, len(some)), observed)
        found["supported"] = float(posterior.support.check(queries, extrapolate=True)["supported"].mean())
        parts.append(found)
        sizes.append(len(some))
    return {name: float(np.average([part[name] for part in parts], weights=sizes)) for name in parts[0]}


def _finding(posterior: EffectPosterior, rows: int, table: pd.DataFrame, measures: dict[str, float]) -> str:
    worst = table.iloc[[int(np.argmax(np.abs(table["z"].to_numpy())))]].to_dict("records")[0]
    others = ", ".join(one.label for one in posterior.regimes)
    return (
        f"predicted from {others} alone, {100 * measures['coverage_90']:.0f} % of the outcomes in {rows:,} rows lie in "
        f"their 90 % intervals, and means of bins differ by up to {abs(worst['z']):.1f} standard deviations "
        f"({worst['fit']:.4g} against {worst['observed']:.4g} at {worst['bin']}); CRPS {measures['crps']:.3g} against "
        f"{measures['crps_in_sample']:.3g} of the fit that saw them"
    )
