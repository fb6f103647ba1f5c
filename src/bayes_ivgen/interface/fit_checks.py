"""Checks that could refute a fit, as methods of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.inference.chains import DEFAULT_TUNE
from bayes_ivgen.interface.carried import warn_about_dependent_rows
from bayes_ivgen.interface.fit_core import FitCore

if TYPE_CHECKING:
    from bayes_ivgen.diagnostics import CheckReport, CheckResult, Sensitivity
    from bayes_ivgen.interface.fit import Fit


class FitChecks(FitCore):
    """Checks that could refute a fit, as methods of it."""

    def check_calibration(self, data: RegimeData, action: str, *, held_out: bool = False) -> CheckResult:
        """Hold the effect of one action, the others left to respond, against the rows that set it alone.

        In those rows E[Y | do(a_j)] is a plain mean: it needs none of the model's assumptions. With
        covariates both sides are taken at the covariates of these rows.

        Parameters
        ----------
        data : RegimeData
            The data of the fit, or with ``held_out=True`` new rows of the same world.
        action : str
            An action that was set alone.
        held_out : bool
            Whether the fit has not seen these rows.

        Returns
        -------
        CheckResult
            With ``passed``, ``statistic``, ``p_value``, ``table`` and ``sentence()``.

        Raises
        ------
        QueryError
            If the action is unknown, or the data have other columns or no rows that set it alone.
        NotTestableError
            If there are too few rows for a mean, or their outcome does not vary.

        Examples
        --------
        >>> print(fit.check_calibration(data, "tv").name)
        Calibration of do(tv)
        """
        from bayes_ivgen.diagnostics import calibration_check

        data = self.as_fitted(data)
        warn_about_dependent_rows(data)
        return calibration_check(self.effects, data, action, held_out=held_out)

    def falsify(self, data: RegimeData, checks: Sequence[str] | None = None, *, held_out: bool = False) -> CheckReport:
        """Try to refute the assumptions of the fit by what they imply for the rows at hand.

        ``"invariance"``: an action that is left alone follows the same law, given those before it, in all regimes.
        ``"assignment"``: set values do not depend on what was left alone. ``"interactions"``: regimes differ in
        functions of (a_j, a_pa(j)) only. ``"additivity"``: regimes that set several actions are what the others add up
        to. ``"calibration"``: `check_calibration` of each action. docs/falsification.md says what each can see.

        Parameters
        ----------
        data : RegimeData
            The data of the fit, or with ``held_out=True`` new rows of the same world.
        checks : sequence of str, optional
            Names of checks; by default all.
        held_out : bool
            Whether the fit has not seen these rows.

        Returns
        -------
        CheckReport
            ``summary()`` is one table; ``report["invariance"]`` one `CheckResult`; what cannot be tested
            with these regimes is in ``not_tested`` with the reason.

        Raises
        ------
        QueryError
            If a name is unknown, or the data have other columns than the fit.

        Examples
        --------
        >>> report = fit.falsify(data, ["invariance", "calibration"])
        >>> list(report), report.not_tested
        (['invariance', 'calibration[tv]', 'calibration[web]'], {})
        """
        from bayes_ivgen.diagnostics import run_checks

        data = self.as_fitted(data)
        warn_about_dependent_rows(data)
        return run_checks(self.effects, data, checks, held_out=held_out)

    def leave_out(
        self,
        data: RegimeData,
        regimes: Sequence[Regime | str] | None = None,
        *,
        draws: int = 1000,
        chains: int = 4,
        tune: int = DEFAULT_TUNE,
        seed: int | None = None,
        cores: int | None = None,
        progressbar: bool = True,
    ) -> CheckReport:
        """Fit again without each regime that the others identify, and predict it.

        Parameters
        ----------
        data : RegimeData
            The data of the fit.
        regimes : sequence of Regime or str, optional
            Regimes or labels to leave out, one at a time; by default all that the others identify.
        draws, chains, tune, seed, cores, progressbar
            As in `InterventionModel.fit`; the engine is that of this fit.

        Returns
        -------
        CheckReport
            One `LeftOutResult` a regime: coverage of outcomes and of binned means, CRPS beside that of this fit, a
            test of the means, ``plot()``.

        Raises
        ------
        IdentificationError
            If the others do not identify a regime of `regimes`, or any.
        QueryError
            If the data are not those of the fit.
        DataError
            If a label is unknown.

        Examples
        --------
        >>> more = world.sample_regimes({**world.standard_regimes(200), "do(tv,web)": 100}, seed=2)
        >>> both = ivg.RegimeData.from_frame(more, outcome="sales", actions=["tv", "web"])
        >>> seen = model.fit(both, draws=100, chains=2, seed=0, progressbar=False)
        >>> list(seen.leave_out(both, ["do(tv,web)"], draws=100, chains=2, seed=0, progressbar=False))
        ['do(tv,web)']
        """
        from bayes_ivgen.interface.leave_out import leave_regimes_out

        engine = self._content["settings"]["engine"]
        options = {"draws": draws, "chains": chains, "tune": tune, "engine": engine, "seed": seed}
        return leave_regimes_out(
            cast("Fit", self), self.as_fitted(data), regimes, {**options, "cores": cores, "progressbar": progressbar}
        )

    def placebo(
        self,
        data: RegimeData,
        action: str,
        regime: Regime | str | None = None,
        *,
        draws: int = 1000,
        chains: int = 4,
        tune: int = DEFAULT_TUNE,
        seed: int = 0,
        cores: int | None = None,
        progressbar: bool = True,
    ) -> CheckResult:
        """Label half of the rows of one regime as a test of an action, at random: the fit must find no confounding.

        Parameters
        ----------
        data : RegimeData
            The data of the fit.
        action : str
            The action that is said to have been set.
        regime : Regime or str, optional
            Whose rows; by default the largest regime that leaves the action alone. Up to 100,000 rows are used.
        draws, chains, tune, cores, progressbar
            As in `InterventionModel.fit`; the engine is that of this fit.
        seed : int
            Of the labels and the draws.

        Returns
        -------
        CheckResult

        Raises
        ------
        QueryError
            If the data are not those of the fit, the action is unknown, or too few rows leave it alone.

        Examples
        --------
        >>> fit.placebo(data, "tv", draws=100, chains=2, progressbar=False).name
        'Placebo test of tv'
        """
        from bayes_ivgen.interface.placebo import placebo_check

        engine = self._content["settings"]["engine"]
        options = {"draws": draws, "chains": chains, "tune": tune, "engine": engine, "cores": cores}
        return placebo_check(
            cast("Fit", self), self.as_fitted(data), action, regime, seed, {**options, "progressbar": progressbar}
        )

    def sensitivity(
        self,
        do: Any = None,
        versus: Any = None,
        *,
        given: Any = None,
        rest: Literal["hold"] | None = None,
        covariates: Any = None,
        threshold: float = 0.0,
    ) -> Sensitivity:
        """How much interaction of confounders a decision about a combination that was never run can bear.

        Strength 1: where the confounders of two actions each add one sd(Y) beyond what the actions tell of them,
        both together add another one. Single tests never show it (docs/theory/falsification.md).

        Parameters
        ----------
        do, given, rest, covariates
            One query, as in `effect`.
        versus : mapping or data frame, optional
            Values of the set actions on the other side of a difference.
        threshold : float
            The decision: whether the effect, or the difference, lies above or below.

        Returns
        -------
        Sensitivity
            ``band(strength)``, ``tipping_point()``, ``table()`` (a row a pair), ``sentence()``, ``plot()``.

        Raises
        ------
        QueryError
            If there is more than one query, or actions respond.
        NotTestableError
            If the effect does not rest on additivity across confounders, or the link is not the identity.
        IdentificationError
            If the regimes do not identify the effect.

        Examples
        --------
        >>> found = fit.sensitivity(do=plan, versus=now)
        >>> found.pairs, found.threshold
        ((('tv', 'web'),), 0.0)
        """
        from bayes_ivgen.diagnostics import sensitivity_of

        query = self._queries(do, given, rest, covariates)
        other = None if versus is None else self._queries(versus, given, rest, covariates)
        return sensitivity_of(self.effects, query, other, threshold)
