"""Weeks of a media mix by geo: autocorrelated demand, season and trend, carry-over, saturation, experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate._checks import check_fraction, check_integer
from bayes_ivgen.simulate.media import CHANNELS, TYPICAL_SPENDS

FloatArray = NDArray[np.float64]
YEAR = 52
CYCLE = 52.1775


@dataclass(frozen=True, eq=False, kw_only=True)
class MediaSeriesSCM:
    """Weekly spends and sales of geos with one demand signal a channel that planners see; made by `media_series`.

    With C_kt a stationary autoregression of its own in each geo (standard normal, correlation `memory` from week to
    week), V and U standard normal, and w_k the weights of carry-over::

        log A_kt := log_spend_k + planning_k C_kt + swing_k sin(2 pi t / 52.1775) + noise_k V_kt
                    + reaction (log A_k-1,t - log_spend_k-1)
        x~_kt = sum_l w_kl A_k,t-l,   sat_k(x) = x^slope_k / (kappa_k^slope_k + x^slope_k)
        Y_t := baseline + season sin(2 pi t / 52.1775) + growth t / 52 + sum_k [
               lift_k sat_k(x~_kt) exp(boost_k C_kt - boost_k^2 / 2) + demand_k C_kt ] + sd U_t

    Set spends do not depend on C, so that under joint intervention for as many weeks as the carry-over is long
    E[Y_t] = baseline + season + growth + sum_k lift_k sat_k(x~_kt), exactly.

    Parameters
    ----------
    actions : tuple of str
    log_spend, planning, noise, swing, kappa, slope, lift, boost, demand : numpy.ndarray, shape (K,)
    alpha, theta : numpy.ndarray, shape (K,)
        Retention rate of the carry-over, and the delay of its peak in weeks: NaN where it is geometric.
    weights : numpy.ndarray, shape (K, l_max)
        Its weights, which sum to one.
    memory, baseline, season, growth, outcome_sd, reaction : float
    seed : int

    Examples
    --------
    >>> series.actions, series.outcome, series.l_max, series.alpha.tolist()
    (('tv', 'web'), 'sales', 4, [0.5, 0.2])
    >>> series.set_range.shape
    (2, 2)
    """

    actions: tuple[str, ...]
    log_spend: FloatArray = field(repr=False)
    planning: FloatArray = field(repr=False)
    noise: FloatArray = field(repr=False)
    swing: FloatArray = field(repr=False)
    kappa: FloatArray = field(repr=False)
    slope: FloatArray = field(repr=False)
    lift: FloatArray = field(repr=False)
    boost: FloatArray = field(repr=False)
    demand: FloatArray = field(repr=False)
    alpha: FloatArray
    theta: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    memory: float
    baseline: float
    season: float
    growth: float
    outcome_sd: float
    seed: int
    reaction: float = 0.0

    @property
    def outcome(self) -> str:
        """Name of the outcome."""
        return "sales"

    @property
    def l_max(self) -> int:
        """Number of weeks in which a spend is at work."""
        return self.weights.shape[1]

    @property
    def set_range(self) -> FloatArray:
        """Least and largest set spend of each channel, shape (K, 2): two standard deviations of the natural log."""
        width = 2.0 * np.hypot(self.planning, self.noise)
        return np.exp(np.column_stack([self.log_spend - width, self.log_spend + width]))

    def sample(
        self,
        geos: int = 20,
        weeks: int = 120,
        *,
        test_weeks: int = 12,
        rest_weeks: int = 8,
        hold: int = 1,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Draw weeks of all geos, with experiments that set one channel in one geo for some weeks.

        Parameters
        ----------
        geos, weeks : int
            Size of the table.
        test_weeks, rest_weeks : int
            Length of an experiment, and of the natural weeks between two of a geo; 0 test weeks are none at all.
        hold : int
            For how many weeks in an experiment a set spend is kept before a new one is drawn.
        seed : int
            Of the rows.

        Returns
        -------
        DataFrame
            ``geo``, ``week``, the actions, ``sales`` and ``regime``.

        Raises
        ------
        SpecError
            If a size is outside its range.

        Examples
        --------
        >>> sorted(series.sample(geos=4, weeks=40, test_weeks=8, seed=0)["regime"].unique())
        ['do(tv)', 'do(web)', 'obs']
        """
        sizes = {"geos": geos, "weeks": weeks, "hold": hold}
        for name, value in sizes.items():
            check_integer(value, name, least=1)
        check_integer(test_weeks, "test_weeks", least=0)
        check_integer(rest_weeks, "rest_weeks", least=1)
        rng = np.random.default_rng(seed)
        burn = self.l_max - 1  # weeks before the table, natural
        k = len(self.actions)
        which = self._experiments(geos, weeks, test_weeks, rest_weeks, rng)
        c = self._demand(geos, weeks + burn, rng)
        time = np.arange(-burn, weeks)
        natural = self.log_spend + self.planning * c + self.noise * rng.standard_normal(c.shape)
        natural = natural + self.swing * np.sin(2 * np.pi * time / CYCLE)[:, None]
        low, high = np.log(self.set_range).T
        fresh = np.exp(rng.uniform(low, high, (geos, weeks, k)))[:, np.arange(weeks) // hold * hold]
        spends = np.empty_like(natural)
        for j in range(k):
            moved = self.reaction * (np.log(spends[..., j - 1]) - self.log_spend[j - 1]) if j else 0.0
            spends[..., j] = np.exp(natural[..., j] + moved)
            spends[:, burn:, j] = np.where(which == j, fresh[..., j], spends[:, burn:, j])
        y = self.expected(spends, c, time)[:, burn:] + self.outcome_sd * rng.standard_normal((geos, weeks))
        label = np.array([*(f"do({a})" for a in self.actions), "obs"], dtype=object)[which]
        geo, week = np.meshgrid(np.arange(geos), np.arange(weeks), indexing="ij")
        columns = {a: spends[:, burn:, j].ravel() for j, a in enumerate(self.actions)}
        return pd.DataFrame(
            {"geo": [f"g{i:02d}" for i in geo.ravel()], "week": week.ravel(), **columns, "sales": y.ravel(),
             "regime": label.ravel()}
        )  # fmt: skip

    def _experiments(self, geos: int, weeks: int, test: int, rest: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Which action is set, shape (geos, weeks); -1 for none. Channels take turns in random order."""
        which = np.full((geos, weeks), -1)
        if test == 0:
            return which
        turn = 0
        for geo in range(geos):
            week = int(rng.integers(0, test + rest))
            while week < weeks:
                which[geo, week : week + test] = turn % len(self.actions)
                turn += 1
                week += test + rest
        return which

    def _demand(self, geos: int, weeks: int, rng: np.random.Generator) -> FloatArray:
        c = rng.standard_normal((geos, weeks, len(self.actions)))
        for t in range(1, weeks):
            c[:, t] = self.memory * c[:, t - 1] + np.sqrt(1 - self.memory**2) * c[:, t]
        return c

    def expected(self, spends: FloatArray, demand: FloatArray, time: NDArray[np.intp]) -> FloatArray:
        """Mean of Y given spends and demand of every week, shape (..., weeks, K) each; (..., weeks).

        The first ``l_max - 1`` weeks lack a history and are NaN.

        Parameters
        ----------
        spends : ndarray, shape (..., weeks, K)
            Spends by week, set or not.
        demand : ndarray, shape (..., weeks, K)
            Confounders by week.
        time : ndarray, shape (weeks,)
            The weeks.

        Returns
        -------
        ndarray, shape (..., weeks)

        Examples
        --------
        >>> spends = np.full((6, 2), 30.0)
        >>> series.expected(spends, np.zeros((6, 2)), np.arange(6)).round(1).tolist()[:4]
        [nan, nan, nan, 439.4]
        """
        steady = np.full_like(spends, np.nan)
        for lag_end in range(self.l_max - 1, spends.shape[-2]):
            window = spends[..., lag_end - self.l_max + 1 : lag_end + 1, :][..., ::-1, :]
            steady[..., lag_end, :] = np.einsum("...lk,kl->...k", window, self.weights)
        response = self.lift * self.saturated(steady) * np.exp(self.boost * demand - self.boost**2 / 2)
        total = (response + self.demand * demand).sum(axis=-1)
        return np.asarray(self.baseline + self.at(time) + total)

    def saturated(self, x: Any) -> FloatArray:
        """Share of the largest effect at steady spends, shape (..., K).

        Parameters
        ----------
        x : array, shape (..., K)
            Steady spends a week.

        Returns
        -------
        ndarray, shape (..., K)

        Examples
        --------
        >>> series.saturated(series.kappa).tolist()
        [0.5, 0.5]
        """
        ratio = (np.asarray(x, dtype=float) / self.kappa) ** self.slope
        return np.asarray(ratio / (1 + ratio))

    def at(self, time: Any) -> FloatArray:
        """Season and growth at some weeks.

        Parameters
        ----------
        time : array
            Weeks.

        Returns
        -------
        ndarray
            As many as weeks, in units of the outcome.

        Examples
        --------
        >>> float(series.at(0))
        0.0
        """
        time = np.asarray(time, dtype=float)
        return np.asarray(self.season * np.sin(2 * np.pi * time / CYCLE) + self.growth * time / YEAR)

    def effect(self, values: Any, time: Any = 0.0) -> FloatArray:
        """E[Y | do(a)] of steady spends a, averaged over the weeks `time`, exactly.

        Parameters
        ----------
        values : array of shape (q, K), data frame or mapping
            Steady spends a week.
        time : array, optional
            Weeks over whose season and growth the effect is averaged.

        Returns
        -------
        numpy.ndarray, shape (q,)

        Raises
        ------
        QueryError
            If values do not name all actions, or have different lengths.

        Examples
        --------
        >>> series.effect({"tv": [30, 60], "web": 20}).shape
        (2,)
        """
        rows = self._values(values)
        return np.asarray(self.baseline + np.mean(self.at(time)) + self.saturated(rows) @ self.lift)

    def plan(self, spends: Any, time: Any) -> FloatArray:
        """E[Y_t | do(spends of all these weeks)] of one geo; NaN for the first ``l_max - 1`` weeks, which are history.

        Parameters
        ----------
        spends : array of shape (weeks, K), data frame or mapping
            Spends by week.
        time : array of shape (weeks,)
            The weeks.

        Returns
        -------
        numpy.ndarray, shape (weeks,)

        Raises
        ------
        QueryError
            If spends do not name all actions, or have different lengths.

        Examples
        --------
        >>> steady = series.plan(np.full((6, 2), 30.0), np.arange(6))
        >>> bool(np.isclose(steady[5], series.effect([[30.0, 30.0]], time=5)[0]))  # after l_max weeks
        True
        """
        rows = self._values(spends)
        steady = np.full_like(rows, np.nan)
        for j, weights in enumerate(self.weights):
            steady[self.l_max - 1 :, j] = np.convolve(rows[:, j], weights, mode="valid")
        return np.asarray(self.baseline + self.at(time) + self.saturated(steady) @ self.lift)

    def _values(self, values: Any) -> FloatArray:
        if isinstance(values, Mapping | pd.DataFrame):
            missing = [a for a in self.actions if a not in values]
            if missing:
                raise QueryError(
                    f"values name no {missing[0]!r}; the actions are {list(self.actions)}. Give all of them."
                )
            columns = [np.atleast_1d(np.asarray(values[a], dtype=float)) for a in self.actions]
            lengths = {a: len(column) for a, column in zip(self.actions, columns, strict=True)}
            if len(set(lengths.values()) - {1}) > 1:
                raise QueryError(f"values have different lengths {lengths}; give one number, or arrays of one length.")
            values = np.column_stack(np.broadcast_arrays(*columns))
        rows = np.atleast_2d(np.asarray(values, dtype=float))
        if rows.shape[1] != len(self.actions):
            raise QueryError(f"values has {rows.shape[1]} columns; it needs one for each of {list(self.actions)}.")
        return rows


def media_series(
    n_channels: int = 3,
    seed: int = 0,
    *,
    memory: float = 0.7,
    alpha: Sequence[float] | Literal["none"] | None = None,
    l_max: int = 8,
    theta: Sequence[float] | None = None,
    reaction: float = 0.0,
) -> MediaSeriesSCM:
    """Draw a media mix with weeks and geos whose observational reading is clearly wrong.

    Parameters
    ----------
    n_channels : int
        How many of ``tv, web, radio, social, search, print, outdoor, email``: 1 to 8.
    seed : int
        Seed of the parameters.
    memory : float
        Correlation of demand from week to week, 0 to 1.
    alpha : sequence of float, "none" or None
        Retention rates of the channels; "none" for no carry-over, None for values of 0.2 to 0.8.
    l_max : int
        Weeks in which a spend is at work.
    theta : sequence of float, optional
        Delays of the peaks in weeks, for delayed carry-over alpha^((l - theta)^2) instead of the geometric one.
    reaction : float
        By how many percent a channel is raised where the one before it is one percent higher, in the same week.

    Returns
    -------
    MediaSeriesSCM

    Raises
    ------
    SpecError
        If an argument is outside its range.

    Examples
    --------
    >>> mix = ivg.simulate.media_series(2, seed=1, alpha=[0.5, 0.0])
    >>> mix.weights[:, :2].round(2).tolist()
    [[0.5, 0.25], [1.0, 0.0]]
    >>> list(mix.sample(geos=2, weeks=30).columns)
    ['geo', 'week', 'tv', 'web', 'sales', 'regime']
    """
    n = check_integer(n_channels, "n_channels", least=1, most=len(CHANNELS))
    own_seed = check_integer(seed, "seed", least=0)
    length = check_integer(l_max, "l_max", least=1)
    rng = np.random.default_rng(own_seed)
    drawn = rng.uniform(0.2, 0.8, n)
    rates = np.zeros(n) if isinstance(alpha, str) else drawn if alpha is None else np.asarray(alpha, dtype=float)
    if (isinstance(alpha, str) and alpha != "none") or rates.shape != (n,) or (rates < 0).any() or (rates >= 1).any():
        raise SpecError(
            f"alpha={alpha!r} must be one retention rate a channel, each at least 0 and below 1, for example "
            f"alpha={[0.5] * n}; 'none'; or None."
        )
    if isinstance(reaction, bool) or not isinstance(reaction, int | float) or not np.isfinite(reaction):
        raise SpecError(f"reaction={reaction!r} must be a number, for example reaction=0.5, or 0 for none.")
    weights = rates[:, None] ** np.arange(length)
    delays = np.full(n, np.nan)
    if theta is not None:
        delays = np.asarray(theta, dtype=float)
        if delays.shape != (n,) or not ((delays >= 0) & (delays <= length - 1)).all() or (rates == 0).any():
            raise SpecError(
                f"theta={theta!r} must be one delay a channel from 0 to l_max - 1, for example theta={[1.0] * n}, with "
                "retention rates above 0."
            )
        weights = rates[:, None] ** (np.arange(length) - delays[:, None]) ** 2
    spend = np.array(TYPICAL_SPENDS[:n]) * rng.uniform(0.8, 1.25, n)
    return MediaSeriesSCM(
        actions=CHANNELS[:n],
        log_spend=np.log(spend),
        planning=rng.uniform(0.35, 0.5, n),
        noise=rng.uniform(0.3, 0.4, n),
        swing=rng.uniform(0.1, 0.3, n),
        kappa=spend * rng.uniform(0.8, 1.6, n),
        slope=rng.uniform(1.0, 1.6, n),
        lift=rng.uniform(80.0, 140.0, n),
        boost=rng.uniform(0.1, 0.3, n),
        demand=rng.uniform(12.0, 20.0, n),
        alpha=rates,
        theta=delays,
        weights=weights / weights.sum(axis=1, keepdims=True),
        memory=check_fraction(memory, "memory"),
        baseline=300.0,
        season=25.0,
        growth=10.0,
        outcome_sd=15.0,
        seed=own_seed,
        reaction=float(reaction),
    )
