"""A fitted model: ask it for effects, look at its draws, save it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects import Estimate, outcome, parse_queries
from bayes_ivgen.effects.families import family_outcome, with_exposure
from bayes_ivgen.effects.offsets import dataset_offsets
from bayes_ivgen.effects.reasons import shortened
from bayes_ivgen.errors import QueryError, SupportWarning

if TYPE_CHECKING:
    from bayes_ivgen.interface.plotting import FitPlots

from bayes_ivgen.interface.fit_checks import FitChecks
from bayes_ivgen.interface.fit_core import FORMAT
from bayes_ivgen.interface.fit_decisions import FitDecisions
from bayes_ivgen.interface.fit_growth import FitGrowth
from bayes_ivgen.interface.fit_media import FitMedia
from bayes_ivgen.interface.fit_rows import FitRows
from bayes_ivgen.shown import Shown

__all__ = ["FORMAT", "Fit"]
CURVE_POINTS = 60


class Fit(Shown, FitChecks, FitRows, FitDecisions, FitGrowth, FitMedia):
    """Posterior of an `InterventionModel`; made by ``model.fit(data)`` or `load`.

    Parameters
    ----------
    datatree : xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``log_prior`` (top-level priors),
        ``log_likelihood`` (one total a regime), ``observed_data`` (summaries, not rows),
        ``constant_data``, ``natural_rows`` (for responses), ``profiles`` (up to 10,000 rows of each
        regime, for `update`) and ``statistics``; ArviZ functions accept it.

    Examples
    --------
    >>> fit.actions, fit.outcome_name, fit.categories, fit.regimes
    (('tv', 'web'), 'sales', {}, (Regime('obs'), Regime('do(tv)'), Regime('do(web)')))
    >>> fit.graph.edges, fit.model == model, fit.settings["engine"]
    ((('tv', 'web'),), True, 'conjugate')
    >>> bool(fit.diagnostics.loc["effects", "r_hat"] < 1.1)
    True
    >>> fit.statistics.rows.tolist(), fit.profiles.n_rows, fit.lift_tests is None
    ([300.0, 300.0, 300.0], 900, True)
    >>> fit.effects.coefficients.shape == (2, 300, fit.design.n_coefficients)
    True
    >>> fit.noise.kind  # of the normal likelihood; with another one fit.spread
    'additive'
    """

    def effect(
        self,
        do: Any = None,
        given: Any = None,
        *,
        rest: Literal["hold", "respond"] | None = None,
        covariates: Any = None,
        exposure: Any = None,
        extrapolate: bool = False,
    ) -> Estimate:
        """Interventional mean: E[Y | do(a_S), the others seen at a_rest].

        Parameters
        ----------
        do : mapping or data frame, optional
            Values of the actions that are set: numbers, arrays of one length, or the columns of a
            frame with one query a row.
        given : mapping or data frame, optional
            Values at which the other actions are seen while they follow their own causes. Seeing is
            not setting: a seen value tells about its confounder.
        rest : {"hold", "respond"}, optional
            What the actions in neither do. ``"hold"``: they are set to their observed values, and
            averaged over. ``"respond"``: they follow their own causes, so that what reacts to the
            actions that are set moves with them; their laws, given their causes and the covariates
            that move actions, come from up to 5,000 rows of each regime (docs/theory/respond.md).
            Beside `given`, only where no responding action is a cause of a seen one.
        covariates : mapping or data frame, optional
            Values of the covariates. Those left out are averaged over all rows of the data,
            whatever their regime; also where actions are seen. Responding actions follow them.
        exposure : float or array, optional
            Size of the row that is asked about, log link only; by default 1, so that the effect is a rate.
        extrapolate : bool
            Allow values far outside those that were tried.

        Returns
        -------
        Estimate
            One query a row of `do`; ``draws`` has dims (chain, draw, query), in units of the outcome.

        Raises
        ------
        QueryError
            If an action is unknown, open, or both set and seen; if one that responds is a cause of a seen one.
        IdentificationError
            If the regimes at hand do not identify the effect, or none leaves a responding action alone; the
            message names what is missing.
        SupportError
            If a value lies far outside those that were tried.

        Examples
        --------
        >>> effect = fit.effect(do=plan)
        >>> effect.draws.sizes["draw"], effect.name
        (300, 'E[sales | do(tv, web)]')
        >>> fit.effect(do={"tv": 60}, rest="respond").name
        'E[sales | do(tv)]'
        >>> fit.effect(do={"tv": 60}, given={"web": 40}).name
        'E[sales | do(tv), web]'
        >>> frame = pd.DataFrame({"tv": [40, 50, 60], "web": [30, 30, 30]})
        >>> fit.effect(do=frame).summary()[["mean", "sd", "lower", "upper"]].shape
        (3, 4)
        """
        queries = self._queries(do, given, rest, covariates)
        estimate = self.effects.effect(queries, extrapolate=extrapolate)
        return _flagged(with_exposure(estimate, exposure, self.model.link), warn=not extrapolate)

    def outcome(
        self,
        do: Any = None,
        given: Any = None,
        *,
        rest: Literal["hold", "respond"] | None = None,
        covariates: Any = None,
        exposure: Any = None,
        extrapolate: bool = False,
        seed: int = 0,
    ) -> Estimate:
        """Posterior predictive draws of the outcome itself: the effect plus the noise of that regime.

        Parameters
        ----------
        do, given, rest, covariates, exposure, extrapolate
            As in `effect`.
        seed : int
            Seed of the noise; the same seed gives the same draws.

        Returns
        -------
        Estimate
            Its interval covers single outcomes, not their mean.

        Raises
        ------
        QueryError, IdentificationError, SupportError
            As in `effect`.

        Examples
        --------
        >>> mean, single = fit.effect(do=plan).summary().iloc[0], fit.outcome(do=plan).summary().iloc[0]
        >>> bool(single["sd"] > mean["sd"])
        True
        """
        queries = self._queries(do, given, rest, covariates)
        if self.model.family.rowwise:
            options = {"exposure": exposure, "extrapolate": extrapolate, "seed": seed}
            return _flagged(family_outcome(self.effects, self.spread, queries, **options), warn=not extrapolate)
        drawn = outcome(self.effects, self.noise, queries, extrapolate=extrapolate, seed=seed)
        drawn = with_exposure(drawn, exposure, self.model.link)
        return _flagged(drawn, warn=not extrapolate)

    def contrast(
        self,
        do: Any = None,
        versus: Any = None,
        *,
        given: Any = None,
        versus_given: Any = None,
        rest: Literal["hold", "respond"] | None = None,
        covariates: Any = None,
        versus_covariates: Any = None,
        kind: Literal["difference", "ratio"] = "difference",
        extrapolate: bool = False,
    ) -> Estimate:
        """Difference or ratio of two effects, draw by draw.

        Parameters
        ----------
        do, versus : mapping or data frame
            Values of the actions that are set on either side.
        given, versus_given : mapping or data frame, optional
            Values at which the others are seen; `versus_given` is `given` unless stated.
        rest, extrapolate
            As in `effect`, for both sides.
        covariates, versus_covariates : mapping or data frame, optional
            Values of the covariates; `versus_covariates` is `covariates` unless stated.
        kind : {"difference", "ratio"}
            How the two effects are compared.

        Returns
        -------
        Estimate
            One query a row; its sentence names both sides.

        Raises
        ------
        IdentificationError
            If the regimes do not identify it. A difference (a ratio, with the log link) may be
            identified although its two effects are not.
        QueryError
            If there is nothing to compare with, or a side is not well formed; see `effect`.

        Examples
        --------
        >>> gain = fit.contrast(do=plan, versus=now)
        >>> gain.kind, gain.neutral
        ('contrast', 0.0)
        >>> fit.contrast(do=plan, versus=now, kind="ratio").neutral
        1.0
        """
        if versus is None and versus_given is None and versus_covariates is None:
            raise QueryError("contrast needs versus={...}: the values that the first ones are compared with.")
        if versus is None and versus_given is None:
            versus = do
        first = self._queries(do, given, rest, covariates)
        second = self._queries(
            versus,
            given if versus_given is None else versus_given,
            rest,
            covariates if versus_covariates is None else versus_covariates,
        )
        compared = self.effects.contrast(first, second, kind=kind, extrapolate=extrapolate)
        return _flagged(compared, warn=not extrapolate)

    def response_curve(self, action: str, values: Any = None) -> Estimate:
        """Joint effect along one action, the others set to their observed values on average.

        With synergy it holds for these observed values: elsewhere the curve has another shape.
        Covariates are averaged over all rows of the data.

        Parameters
        ----------
        action : str
            The action that moves.
        values : array, optional
            Where to evaluate; by default 60 points, or the levels, of the tested range.

        Returns
        -------
        Estimate
            One query a value.

        Raises
        ------
        QueryError
            If the action is unknown.
        IdentificationError
            If the regimes do not identify the joint effect.

        Examples
        --------
        >>> len(fit.response_curve("tv")), len(fit.response_curve("tv", [30, 60]))
        (60, 2)
        """
        return self.effects.response_curve(action, self._grid(action, values, "tested"))

    def confounding_bias(self, action: str, values: Any = None) -> Estimate:
        """By how much the observational reading is off along one action, others averaged.

        With the log link it is a factor, with log_complement one of 1 - E[Y].

        Parameters
        ----------
        action : str
            The action.
        values : array, optional
            Where to evaluate; by default 60 points, or the levels, of its natural range.

        Returns
        -------
        Estimate
            One query a value.

        Raises
        ------
        QueryError
            If the action is unknown.
        IdentificationError
            If the regimes do not identify it.

        Examples
        --------
        >>> fit.confounding_bias("tv", [30, 60]).summary().shape[0]
        2
        """
        return self.effects.confounding_bias(action, self._grid(action, values, "natural"))

    @property
    def plot(self) -> FitPlots:
        """Pictures of all that the fit says: ``fit.plot.curves()``, ``bias``, ``surface``, ``contrasts`` and others.

        ``fit.plot()`` draws the curves.

        Examples
        --------
        >>> ax = fit.plot.curves("tv")
        """
        from bayes_ivgen.interface.plotting import FitPlots

        return FitPlots(self)

    def dataset_offsets(self, prob: float = 0.9) -> pd.DataFrame:
        """Posterior of the offset of each data set, see `RegimeData.from_frame`; zero in every query.

        Units are those of the predictor: of the outcome with the identity link, of log E[Y] with ``link="log"``
        (exp(offset) is a factor on the mean), of -log(1 - E[Y]) with ``"log_complement"``.

        Parameters
        ----------
        prob : float
            Mass of the interval.

        Returns
        -------
        DataFrame
            One row a data set: ``mean``, ``sd``, ``lower``, ``upper``.

        Raises
        ------
        QueryError
            If the data do not tell data sets apart.

        Examples
        --------
        >>> waves = rows.assign(wave=np.resize(["spring", "summer"], len(rows)))
        >>> two = ivg.RegimeData.from_frame(waves, outcome="sales", actions=["tv", "web"], dataset="wave")
        >>> model.fit(two, draws=100, chains=2, seed=0, progressbar=False).dataset_offsets().index.tolist()
        ['spring', 'summer']
        """
        return dataset_offsets(self.effects.design, self.effects.coefficients, prob)

    def _grid(self, action: str, values: Any, which: Literal["tested", "natural"]) -> FloatArray:
        if action not in self.actions:
            raise QueryError(f"{action!r} is not an action. The actions are {list(self.actions)}.")
        if values is not None:
            return parse_queries([action], {action: values}, categories=self.categories).values[:, 0]
        support = self.effects.support
        places = (support.tested, support.natural) if which == "tested" else (support.natural, support.tested)
        tried = next(item for item in (place[action] for place in places) if item is not None)
        return np.linspace(tried.low, tried.high, CURVE_POINTS) if tried.levels is None else np.array(tried.levels)

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"mixing of the chains": self.diagnostics}

    def __str__(self) -> str:
        posterior = self.datatree["posterior"].dataset
        regimes = ", ".join(regime.label for regime in self.regimes)
        return (
            f"Fit of {self.outcome_name!r} given {list(self.actions)}: {posterior.sizes['chain']} chains of "
            f"{posterior.sizes['draw']} draws, {self.design.n_coefficients} coefficients; regimes {regimes}"
        )


def _flagged(estimate: Estimate, *, warn: bool) -> Estimate:
    """Issue one `SupportWarning` if queries leave the region that the data support."""
    reasons = estimate.support.loc[~estimate.support["supported"], "reason"]
    if warn and len(reasons):
        warnings.warn(
            f"{len(reasons)} of {len(estimate)} queries are not supported by the data ({shortened(reasons.iloc[0])}). "
            "See the column 'reason' of .summary(), or pass extrapolate=True to accept the continuation of the curve.",
            SupportWarning,
            stacklevel=3,
        )
    return estimate
