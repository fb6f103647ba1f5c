"""A fitted model: ask it for effects, look at its draws, save it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.data.profile_store import data_from_dataset
from bayes_ivgen.effects import EffectPosterior, Estimate, NaturalRows, OutcomeNoise, Support, outcome, parse_queries
from bayes_ivgen.effects.estimate import DEFAULT_PROB
from bayes_ivgen.effects.families import FamilySpread, family_outcome, with_exposure
from bayes_ivgen.effects.offsets import dataset_offsets
from bayes_ivgen.effects.queries import Categories, Queries
from bayes_ivgen.errors import QueryError, SpecError, StorageError, SupportWarning
from bayes_ivgen.inference.chains import DEFAULT_TUNE
from bayes_ivgen.inference.diagnostics import mixing_table
from bayes_ivgen.inference.noise import VarianceModel
from bayes_ivgen.inference.residual_law import ResidualLaw
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.model import ActionGraph, Design, Priors
from bayes_ivgen.model.design import indicators
from bayes_ivgen.model.links import Link
from bayes_ivgen.statistics import SufficientStatistics

if TYPE_CHECKING:
    from bayes_ivgen.diagnostics import CheckResult
    from bayes_ivgen.interface.plotting import FitPlots

FORMAT = 1
CURVE_POINTS = 60
PROBES = 64


class Fit:
    """Posterior of an `InterventionModel`; made by ``model.fit(data)`` or `load`.

    Parameters
    ----------
    datatree : xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``log_prior`` (top-level priors),
        ``log_likelihood`` (one total a regime), ``observed_data`` (summaries, not rows),
        ``constant_data``, ``natural_rows`` (for responses), ``profiles`` (up to 10,000 rows of each
        regime, for `update`) and ``statistics``; ArviZ functions accept it.
    """

    def __init__(self, datatree: xr.DataTree) -> None:
        self.datatree = datatree
        self._content: dict[str, Any] = json.loads(datatree.attrs["bayes_ivgen_fit"])

    @cached_property
    def model(self) -> InterventionModel:
        """The specification that was fitted."""
        return InterventionModel.from_dict(self._content["model"], Priors.from_dict(self._content["priors"]))

    @cached_property
    def design(self) -> Design:
        """Columns, knots and coefficient layout."""
        return Design.from_dict(self._content["design"])

    @cached_property
    def graph(self) -> ActionGraph:
        """Which actions enter which confounding component, with what the data say about each pair."""
        evidence = self._content["graph_evidence"]
        table = None if evidence is None else pd.DataFrame(evidence).set_index(["cause", "effect"])
        return ActionGraph(self._content["graph"], evidence=table)

    @property
    def outcome_name(self) -> str:
        """Name of the outcome."""
        return str(self._content["outcome"])

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions."""
        return self.design.actions

    @property
    def categories(self) -> Categories:
        """Labels of the actions that do not hold numbers."""
        return self.effects.support.categories

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """The regimes of the data."""
        return tuple(Regime(tuple(names)) for names in self._content["regimes"])

    @cached_property
    def statistics(self) -> SufficientStatistics:
        """Sufficient statistics of the rows as the likelihood uses them, one entry a regime (normal only)."""
        self.refuse_unless_normal("sufficient statistics")
        return SufficientStatistics.from_dataset(self.datatree["statistics"].dataset)

    @cached_property
    def profiles(self) -> RegimeData:
        """Counts, ranges and a sample of the rows of each regime, as data whose rows are gone (normal only).

        Raises
        ------
        StorageError
            If the fit was saved by an earlier version, which did not keep them.
        """
        self.refuse_unless_normal("profiles of its rows")
        if "profiles" not in self.datatree.children:
            raise StorageError(
                "the fit was made by an earlier version, which kept no profiles of the rows; fit the rows again."
            )
        return data_from_dataset(self.datatree["profiles"].dataset)

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """R-hat and effective draws of the worst effect, scale, hyper-scale and noise scale.

        Effects are joint effects at up to 64 observed combinations of the actions; where the joint
        effect is not identified, effects under each of the regimes at hand.
        """
        posterior = self.datatree["posterior"].dataset
        probes = self.effects.observed[:PROBES]
        joint = Regime(self.actions)
        heads = self.design.structure.heads
        known = level_weights(joint, self.regimes, heads, separable=self.model.separable) is not None
        flags = indicators([joint] if known else self.regimes, self.actions)
        rows = np.concatenate([self.design.rows(probes, flag) for flag in flags])
        return mixing_table(
            {
                "effects": self.effects.project(rows),
                "tau": np.log(posterior["tau"].values),
                "hyper": np.log(posterior["hyper"].values),
            }
            | {
                name: np.log(posterior[name].values.reshape(*posterior["alpha"].shape, -1))
                for name in self.model.family.parameters
            }
        )

    @cached_property
    def effects(self) -> EffectPosterior:
        """The draws together with all that turns them into effects."""
        posterior = self.datatree["posterior"].dataset
        constant = self.datatree["constant_data"].dataset
        coefficients = np.concatenate([posterior["alpha"].values[..., None], posterior["beta"].values], axis=-1)
        return EffectPosterior(
            outcome=self.outcome_name,
            design=self.design,
            graph=self.graph,
            regimes=self.regimes,
            separable=self.model.separable,
            support=Support.from_dict(self._content["support"]),
            observed=constant["observed_rows"].values,
            coefficients=coefficients,
            covariate_rows=constant["covariate_rows"].values if "covariate_rows" in constant else None,
            link=Link.of(self.model.link, self.design.outcome_sd),
            symbol="location" if self.model.family.has_tail else "E",
            natural_rows=NaturalRows.from_dataset(self.datatree["natural_rows"].dataset)
            if "natural_rows" in self.datatree.children
            else None,
            lift_tests=self.lift_tests,
        )

    @cached_property
    def lift_tests(self) -> LiftTests | None:
        """The lift tests that the fit has seen beside the rows."""
        stored = self._content.get("lift_tests")
        return None if stored is None else LiftTests.from_dict(stored)

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

        Raises
        ------
        QueryError
            If an action is unknown, open, or both set and seen; if one that responds is a cause of a seen one.
        IdentificationError
            If the regimes at hand do not identify the effect, or none leaves a responding action alone; the
            message names what is missing.
        SupportError
            If a value lies far outside those that were tried.
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
        """
        queries = self._queries(do, given, rest, covariates)
        if self.model.family.rowwise:
            options = {"exposure": exposure, "extrapolate": extrapolate, "seed": seed}
            return _flagged(family_outcome(self.effects, self.spread, queries, **options), warn=not extrapolate)
        drawn = outcome(self.effects, self.noise, queries, extrapolate=extrapolate, seed=seed)
        drawn = with_exposure(drawn, exposure, self.model.link)
        return _flagged(drawn, warn=not extrapolate)

    @cached_property
    def noise(self) -> OutcomeNoise:
        """Variance and shape of the noise in every regime (normal only)."""
        self.refuse_unless_normal("noise model")
        return OutcomeNoise(
            kind=self.model.noise,
            variance=VarianceModel.from_dict(self._content["variance"]),
            law=ResidualLaw.from_dataset(self.datatree["noise"].dataset),
            sigma=self.datatree["posterior"].dataset["sigma"].values,
        )

    @cached_property
    def spread(self) -> FamilySpread:
        """Dispersion or scale of every regime under another likelihood than the normal one."""
        posterior = self.datatree["posterior"].dataset
        family = self.model.family
        drawn = {name: posterior[name].values for name in family.parameters}
        return FamilySpread(family, drawn, share=bool(self._content["settings"].get("share", False)))

    def refuse_unless_normal(self, what: str) -> None:
        """Raise a `SpecError` if rows enter the likelihood one by one: the fit has no `what`."""
        if self.model.family.rowwise:
            raise SpecError(
                f"a fit with likelihood={self.model.likelihood!r} has no {what}; see fit.spread and fit.datatree."
            )

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

        Raises
        ------
        IdentificationError
            If the regimes do not identify it. A difference (a ratio, with the log link) may be
            identified although its two effects are not.
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
        """
        return self.effects.confounding_bias(action, self._grid(action, values, "natural"))

    def queries(self, do: Mapping[str, Any]) -> Queries:
        """Questions about the joint regime; actions and covariates left out are averaged over observed values."""
        return self._queries(do, None, "hold", None)

    def _queries(self, do: Any, given: Any, rest: str | None, covariates: Any) -> Queries:
        names = self.design.structure.covariates
        return parse_queries(
            self.actions, do, given, rest, self.categories, covariates=covariates, covariate_names=names
        )

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
        """
        from bayes_ivgen.interface.lift_export import lift_tests_of

        return lift_tests_of(self, action, x, delta_x)

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
        """
        from bayes_ivgen.diagnostics import calibration_check

        return calibration_check(self.effects, data, action, held_out=held_out)

    @property
    def settings(self) -> dict[str, Any]:
        """Engine, seed and tuning of the fit."""
        return dict(self._content["settings"])

    @property
    def plot(self) -> FitPlots:
        """Pictures of all that the fit says: ``fit.plot.curves()``, ``bias``, ``surface``, ``contrasts`` and others."""
        from bayes_ivgen.interface.plotting import FitPlots

        return FitPlots(self)

    def dataset_offsets(self, prob: float = 0.9) -> pd.DataFrame:
        """Posterior of the offset of each data set, see `RegimeData.from_frame`; zero in every query.

        Units are those of the predictor: of the outcome with the identity link, of log E[Y] with ``link="log"``
        (exp(offset) is a factor on the mean), of -log(1 - E[Y]) with ``"log_complement"``.
        """
        return dataset_offsets(self.design, self.effects.coefficients, prob)

    def _grid(self, action: str, values: Any, which: Literal["tested", "natural"]) -> FloatArray:
        if action not in self.actions:
            raise QueryError(f"{action!r} is not an action. The actions are {list(self.actions)}.")
        if values is not None:
            return parse_queries([action], {action: values}, categories=self.categories).values[:, 0]
        support = self.effects.support
        places = (support.tested, support.natural) if which == "tested" else (support.natural, support.tested)
        tried = next(item for item in (place[action] for place in places) if item is not None)
        return np.linspace(tried.low, tried.high, CURVE_POINTS) if tried.levels is None else np.array(tried.levels)

    def update(
        self,
        added: Any,
        *,
        draws: int = 1000,
        chains: int = 4,
        tune: int = DEFAULT_TUNE,
        engine: Literal["conjugate", "nuts"] = "conjugate",
        seed: int | None = None,
        cores: int | None = None,
        progressbar: bool = True,
        nuts: Mapping[str, Any] | None = None,
    ) -> Fit:
        """Return the fit of all rows: those of this fit, which need not be at hand, and those added.

        The posterior given the sums X'X, X'y, y'y and n of both, exact: it is that of one fit of all
        rows with the columns of this one. Knots, centres, graph and the unit of the outcome stay. What
        is not a sum comes from samples: the noise law, support and natural rows use up to 10,000 kept
        rows of each regime, old and new in the proportion of their numbers.

        Parameters
        ----------
        added : RegimeData, RowSummary or path
            New rows, or sums over rows that stay where they are; a path leads to a saved summary.
        draws, chains, tune, engine, seed, cores, progressbar, nuts
            As in `InterventionModel.fit`.

        Returns
        -------
        Fit
            A new one; this one does not change.

        Raises
        ------
        SpecError
            If the likelihood is not normal, the fit has weights, the summary belongs to other columns,
            or a regime has rows in a summary only.
        DataError
            If the columns are not those of the fit, or a label is new.

        Warns
        -----
        DataWarning
            If new rows lie far beyond the range of the earlier ones.
        """
        from bayes_ivgen.interface.fitting import Sampling
        from bayes_ivgen.interface.updating import update_fit

        return update_fit(self, added, Sampling(draws, chains, tune, engine, seed, cores, progressbar, nuts))

    def save_design(self, path: str | Path) -> Path:
        """Write the columns of the fit as a JSON file: with it `RowSummary.of` sums rows on another machine.

        Knots, centres and labels are in it, but no row and no draw.

        Raises
        ------
        SpecError
            If the likelihood is not normal.
        StorageError
            If the file cannot be written.
        """
        from bayes_ivgen.interface.row_summary import FrozenDesign

        return FrozenDesign.of_fit(self).save(Path(path))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit as a Zarr folder; `load` gives bit-equal draws.

        Parameters
        ----------
        path : path
            Folder to write, by convention ending in ``.zarr``.
        overwrite : bool
            Replace what is there.

        Raises
        ------
        StorageError
            If something is there already, or it cannot be written; nothing half-written stays.
        """
        from bayes_ivgen.storage import save_datatree

        return save_datatree(self.datatree, Path(path), overwrite=overwrite)

    def report(
        self,
        path: str | Path,
        *,
        queries: Any = None,
        data: RegimeData | None = None,
        units: Mapping[str, str] | None = None,
        prob: float = DEFAULT_PROB,
        overwrite: bool = False,
    ) -> Path:
        """Write one HTML page that tells the fit: answers, pictures, checks, assumptions; it needs no network.

        Parameters
        ----------
        path : path
            File to write, ending in ``.html``.
        queries : Estimate, mapping or data frame, optional
            What is asked: an estimate such as ``fit.contrast(...)``, several as ``{"title": estimate}``, or a frame
            (or mapping) with one row a question and one column an action that is set; those left out are held at
            observed values. By default every action from its lower to its upper quartile, alone and together.
        data : RegimeData, optional
            The rows, for checks against them; by default those that the fit kept (normal likelihood only).
        units : mapping of str to str, optional
            Units of columns: ``{"tv": "thousand euro"}``.
        prob : float
            Mass of all intervals.
        overwrite : bool
            Replace what is there.

        Raises
        ------
        StorageError
            If something is there already, or it cannot be written; nothing half-written stays.
        QueryError
            If the queries, the units or the data do not belong to the fit.
        """
        from bayes_ivgen.interface.reporting import write_report

        options: dict[str, Any] = {"queries": queries, "data": data, "units": units, "prob": prob}
        return write_report(self, Path(path), **options, overwrite=overwrite)

    def __repr__(self) -> str:
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
            f"{len(reasons)} of {len(estimate)} queries are not supported by the data ({reasons.iloc[0]}). "
            "See the column 'reason' of .summary(), or pass extrapolate=True to accept the continuation of the curve.",
            SupportWarning,
            stacklevel=3,
        )
    return estimate
