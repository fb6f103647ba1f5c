r"""How much interaction of confounders a decision can bear (docs/theory/falsification.md, "Sensitivity").

Additivity across confounders cannot be refuted by observational rows and single tests. Suppose the outcome has further
terms theta_jk / sd(Y) (f_j - h_j) (f_k - h_k): what the confounders of j and k add beyond what the actions tell of
them, multiplied. Such terms change no mean of rows in which fewer than two actions were set, and shift a query by

    sum_{j<k} theta_jk kappa_jk c_j(a) c_k(a) / sd(Y),   kappa_jk = R*_j R*_k - sum_r w_r R^r_j R^r_k,

exactly: second order in the confounding biases c_j, which the fit knows. Where regimes at hand set both actions, kappa
is that of the plug-in sum_r w_r E[Y | a, R^r]; a fit has no function of both actions in which to put what their rows
say, so that the larger of |kappa| and R*_j R*_k is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.effects.estimate import DEFAULT_PROB, check_prob
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.errors import NotTestableError, QueryError
from bayes_ivgen.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = 41
LARGEST = 10.0  # interaction beyond which a tipping point is not looked for
UNIT = (
    "At a strength of 1 two confounders that each raise the outcome by one of its standard deviations add one more "
    "together."
)


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Shown):
    """An effect, or a difference of two, under interaction of confounders of stated size.

    Attributes
    ----------
    name : str
        The quantity.
    conditions : str
        Its values, in words.
    draws : ndarray of shape (S,)
        Posterior of the quantity without interaction.
    shifts : ndarray of shape (S, number of pairs)
        By how much theta_jk = 1 moves it, draw by draw.
    pairs : tuple of (str, str)
        Pairs of actions (heads of blocks) whose confounders might interact.
    threshold : float
        The decision: whether the quantity lies above or below.

    Examples
    --------
    >>> found = fit.sensitivity(do=plan, versus=now)
    >>> found.pairs, found.reach.shape == found.draws.shape
    ((('tv', 'web'),), True)
    """

    name: str
    conditions: str
    draws: FloatArray = field(repr=False)
    shifts: FloatArray = field(repr=False)
    pairs: tuple[tuple[str, str], ...] = field(repr=False)
    threshold: float

    @property
    def reach(self) -> FloatArray:
        """Largest shift if every ``|theta_jk|`` is at most 1; shape (S,)."""
        return np.asarray(np.abs(self.shifts).sum(axis=1))

    def band(self, strength: float, prob: float = DEFAULT_PROB) -> tuple[float, float]:
        """Interval that holds whatever the interactions, as long as every ``|theta_jk|`` is at most `strength`.

        Parameters
        ----------
        strength : float
            0 or more.
        prob : float
            Mass of the band.

        Returns
        -------
        low, high : float
            In units of the outcome.

        Raises
        ------
        QueryError
            If `strength` is negative or `prob` no probability.

        Examples
        --------
        >>> found = fit.sensitivity(do=plan, versus=now)
        >>> low, high = found.band(0.0)
        >>> wide = found.band(1.0)
        >>> wide[0] < low < high < wide[1]
        True
        """
        if not np.isfinite(strength) or strength < 0:
            raise QueryError(f"strength={strength!r} must be a finite number, 0 or more, for example 0.5.")
        tail = (1 - check_prob(prob)) / 2
        low = np.quantile(self.draws - strength * self.reach, tail)
        return float(low), float(np.quantile(self.draws + strength * self.reach, 1 - tail))

    def tipping_point(self, prob: float | None = DEFAULT_PROB) -> float:
        """Smallest strength at which the decision is open: the band holds the threshold.

        Parameters
        ----------
        prob : float or None
            Mass of the band; None asks when the posterior mean can cross the threshold.

        Returns
        -------
        float
            0 if the interval holds the threshold without any interaction; infinity if no strength up to 10 is enough.

        Raises
        ------
        QueryError
            If `prob` is no probability.

        Examples
        --------
        >>> fit.sensitivity(do=plan, versus=now).tipping_point() >= 0
        True
        """
        above = self.draws.mean() > self.threshold
        if prob is None:
            reach, gap = float(self.reach.mean()), abs(float(self.draws.mean()) - self.threshold)
            return 0.0 if gap == 0 else (gap / reach if reach > 0 and gap <= LARGEST * reach else np.inf)

        def still(strength: float) -> bool:
            low, high = self.band(strength, prob)
            return low > self.threshold if above else high < self.threshold

        if not still(0.0):
            return 0.0
        if still(LARGEST):
            return np.inf
        low, high = 0.0, LARGEST
        while high - low > 1e-4:
            middle = (low + high) / 2
            low, high = (middle, high) if still(middle) else (low, middle)
        return high

    def table(self) -> pd.DataFrame:
        """One row a pair: mean and standard deviation of the shift that theta_jk = 1 causes, largest first.

        Returns
        -------
        DataFrame
            ``pair``, ``shift``, ``sd``.

        Examples
        --------
        >>> fit.sensitivity(do=plan).table()["pair"].tolist()
        ['tv x web']
        """
        found = pd.DataFrame(
            {
                "pair": [" x ".join(pair) for pair in self.pairs],
                "shift": self.shifts.mean(axis=0),
                "sd": self.shifts.std(axis=0),
            }
        )
        return found.sort_values("shift", key=np.abs, ascending=False, ignore_index=True)

    def summary(self, strengths: Sequence[float] = (0.0, 0.25, 0.5, 1.0), prob: float = DEFAULT_PROB) -> pd.DataFrame:
        """One row a strength: ``strength``, ``lower``, ``upper``, and ``open``, whether the threshold lies between.

        Parameters
        ----------
        strengths : sequence of float
            Where to evaluate the band.
        prob : float
            Mass of the band.

        Returns
        -------
        DataFrame

        Examples
        --------
        >>> fit.sensitivity(do=plan, versus=now).summary([0, 1])["strength"].tolist()
        [0, 1]
        """
        rows = [(strength, *self.band(strength, prob)) for strength in strengths]
        found = pd.DataFrame(rows, columns=["strength", "lower", "upper"])
        return found.assign(open=(found["lower"] <= self.threshold) & (self.threshold <= found["upper"]))

    def sentence(self, prob: float = DEFAULT_PROB) -> str:
        """One sentence of prose about the tipping point.

        Parameters
        ----------
        prob : float
            Mass of the band.

        Returns
        -------
        str

        Examples
        --------
        >>> fit.sensitivity(do=plan, versus=now).sentence().startswith("difference of E[sales")
        True
        """
        side = "above" if self.draws.mean() > self.threshold else "below"
        tip = self.tipping_point(prob)
        start = f"{self.name} at {self.conditions} is {self.draws.mean():.4g}"
        if tip == 0:
            return f"{start}, and its {100 * prob:.3g} % interval holds {self.threshold:g} even without interaction."
        largest = self.table().iloc[0]["pair"]
        if np.isinf(tip):
            return (
                f"{start}, {side} {self.threshold:g}; interaction of confounders does not change that, up to a "
                f"strength of {LARGEST:g}. {UNIT}"
            )
        return (
            f"{start}, {side} {self.threshold:g} with {100 * prob:.3g} % intervals as long as the interaction of "
            f"confounders stays below a strength of {tip:.2g}; the pair {largest} matters most. {UNIT}"
        )

    def plot(self, ax: Axes | None = None, prob: float = DEFAULT_PROB) -> Axes:
        """Draw the band against the strength of the interaction, with the threshold.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.
        prob : float
            Mass of the band.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> ax = fit.sensitivity(do=plan, versus=now).plot()
        """
        from bayes_ivgen.plots import plot_band

        tip = self.tipping_point(prob)
        most = 1.0 if tip == 0 or np.isinf(tip) else max(1.0, 1.3 * tip)
        table = self.summary(np.linspace(0, most, GRID).tolist(), prob)
        title = f"{self.name} at {self.conditions}"
        return plot_band(table, threshold=self.threshold, tip=tip, title=title, prob=prob, ax=ax)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"bands": self.summary(), "pairs": self.table()}

    def __str__(self) -> str:
        return self.sentence()


def sensitivity_of(posterior: EffectPosterior, query: Queries, versus: Queries | None, threshold: float) -> Sensitivity:
    """Sensitivity of one effect, or of the difference of two, to interaction of confounders.

    Raises
    ------
    QueryError
        If there is more than one query, an action responds, or the threshold is not a finite number.
    NotTestableError
        If the components do not add up to the mean, or no pair of actions is set together.
    IdentificationError
        If the effect is not identified.
    """
    sides = [query] if versus is None else [query, versus]
    _check(posterior, sides, threshold)
    heads = posterior.heads
    pairs = tuple(combinations(heads, 2))
    draws, shifts = np.zeros(1), np.zeros((1, len(pairs)))
    for sign, side in zip((1.0, -1.0), sides, strict=False):
        estimate = posterior.effect(side, extrapolate=True)
        draws = draws + sign * estimate.draws.values.ravel()
        shifts = shifts + sign * _shifts(posterior, side, pairs)
    if not np.any(shifts):
        raise NotTestableError(
            "the query does not rest on additivity across confounders: the rows of its own regime, or single tests, "
            "tell it. Ask for actions that were never set together."
        )
    name = posterior.name(query)
    if versus is not None:
        other = posterior.name(versus)
        name = f"difference of {name}" if name == other else f"{name} - {other}"
    conditions = query.describe(0) if versus is None else query.describe_versus(versus, 0)
    return Sensitivity(name, conditions, draws, shifts, pairs, float(threshold))


def _check(posterior: EffectPosterior, sides: Sequence[Queries], threshold: float) -> None:
    if posterior.link.name != "identity" or posterior.symbol != "E":
        raise NotTestableError(
            "the sensitivity formula is of means on the identity link; this fit has another link or a location. Fit "
            "with likelihood='normal' to use it."
        )
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not np.isfinite(threshold):
        raise QueryError(f"threshold={threshold!r} must be a finite number, for example 0.")
    for side in sides:
        if len(side) != 1:
            raise QueryError(f"sensitivity takes one query at a time; these are {len(side)}. Call it once for each.")
        if side.responding:
            raise QueryError(
                "sensitivity has no formula where actions respond; pass rest='hold', or values for all actions."
            )


def kappa(target: Regime, regimes: Sequence[Regime], heads: Sequence[str], pair: tuple[str, str]) -> float:
    """R*_j R*_k - sum_r w_r R^r_j R^r_k: the share of an interaction that the regimes at hand miss."""
    weights = level_weights(target, regimes, heads)
    if weights is None:  # known through separability only: no weights, and all of it is missed
        return float(target.sets(pair[0]) and target.sets(pair[1]))
    together = np.array([regime.sets(pair[0]) and regime.sets(pair[1]) for regime in regimes], dtype=float)
    return float(target.sets(pair[0]) and target.sets(pair[1])) - float(weights @ together)


def missed(target: Regime, regimes: Sequence[Regime], heads: Sequence[str], pair: tuple[str, str]) -> float:
    """Share of an interaction that a fit of these regimes may miss: `kappa`, or 1 where that is more and both are set.

    Rows that set both actions show the interaction, but an additive fit averages over it.
    """
    share = kappa(target, regimes, heads, pair)
    both = float(target.sets(pair[0]) and target.sets(pair[1]))
    return share if abs(share) > both else both


def _shifts(posterior: EffectPosterior, query: Queries, pairs: Sequence[tuple[str, str]]) -> FloatArray:
    """Shift of the query for theta_jk = 1, shape (S, number of pairs)."""
    spread = posterior.spread(query.values[0]) if query.averaged else query.values[:1]
    biases = {head: _bias(posterior, head, spread) for head in posterior.heads}
    scale = posterior.design.outcome_sd
    shares = (missed(query.regime, posterior.regimes, posterior.heads, pair) for pair in pairs)
    found = [
        share * (biases[first] * biases[second]).mean(axis=1) / scale
        for share, (first, second) in zip(shares, pairs, strict=True)
    ]
    return np.stack(found, axis=1) if found else np.zeros((posterior.coefficients[..., 0].size, 0))


def _bias(posterior: EffectPosterior, head: str, values: FloatArray) -> FloatArray:
    """Draws of c_k in units of the outcome at rows of the variables, shape (S, n)."""
    unit = posterior.design.structure.unit(head)
    was_set = np.ones(len(posterior.actions), dtype=bool)
    left = np.array([action not in unit for action in posterior.actions])
    rows = posterior.design.rows(values, left) - posterior.design.rows(values, was_set)
    drawn = posterior.project(rows)
    return np.asarray(posterior.design.outcome_sd * drawn.reshape(-1, len(values)))
