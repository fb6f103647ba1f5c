"""What a fit consists of: its draws, its columns, and all that is derived from them once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.data.profile_store import data_from_dataset
from bayes_ivgen.data.series import Carried
from bayes_ivgen.effects import EffectPosterior, NaturalRows, OutcomeNoise, Support, parse_queries
from bayes_ivgen.effects.drawn_saturations import in_common_columns
from bayes_ivgen.effects.families import FamilySpread
from bayes_ivgen.effects.monotone import monotone_draws
from bayes_ivgen.effects.queries import Categories, Queries
from bayes_ivgen.errors import SpecError, StorageError
from bayes_ivgen.inference.diagnostics import mixing_table
from bayes_ivgen.inference.noise import VarianceModel
from bayes_ivgen.inference.residual_law import ResidualLaw
from bayes_ivgen.interface.carried import carried_from, check_carried_alike, refuse_sampled
from bayes_ivgen.interface.intervention_model import InterventionModel
from bayes_ivgen.media.carry_over import carry_over
from bayes_ivgen.media.dependence import spread
from bayes_ivgen.media.transforms import draws_of, parameter_of, sampled_saturations
from bayes_ivgen.model import ActionGraph, Design, Priors
from bayes_ivgen.model.design import indicators
from bayes_ivgen.model.links import Link
from bayes_ivgen.statistics import SufficientStatistics

if TYPE_CHECKING:
    pass

FORMAT = 1
PROBES = 64


class FitCore:
    """The parts of a fit. Users hold a `Fit`.

    Parameters
    ----------
    datatree : xarray.DataTree
        See `Fit`.
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
    def settings(self) -> dict[str, Any]:
        """Engine, seed and tuning of the fit."""
        return dict(self._content["settings"])

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
        return replace(data_from_dataset(self.datatree["profiles"].dataset), carried=self.carried)

    @cached_property
    def carried(self) -> Carried | None:
        """How spends were carried over: ``.rows``, ``.choice``, and the last weeks of each series; None if not.

        Examples
        --------
        >>> weekly_fit.carried.rows.query("became == 'do(tv)'")[["week", "rows"]].values.tolist()
        [['do(tv)', 137]]
        """
        history = self.datatree["history"].dataset if "history" in self.datatree.children else None
        return carried_from(self._content.get("carried"), history)

    @property
    def transforms(self) -> Mapping[str, Any]:
        """Carry-over and saturation of each action, all parameters numbers; empty without transforms.

        Of what was sampled these are posterior means; draws stand in ``datatree["posterior"]``, as ``adstock_alpha``
        or ``saturation_kappa``.

        Examples
        --------
        >>> weekly_fit.transforms["tv"][0].alpha, fit.transforms
        (0.5, {})
        """
        return {} if self.carried is None else dict(self.carried.transforms)

    def as_fitted(self, data: Any) -> Any:
        """Carry the spends of rows over as the fit does; rows that are, and those of a fit without transforms, stay.

        Methods of a fit that take data do this themselves.

        Parameters
        ----------
        data : RegimeData
            Rows as they were read, with a time if the fit has transforms.

        Returns
        -------
        RegimeData

        Raises
        ------
        SpecError
            If the fit has transforms and the rows have no order, or they were sampled.
        DataError
            If no row has a whole history.

        Examples
        --------
        >>> weekly.n_rows, weekly_fit.as_fitted(weekly).n_rows, fit.as_fitted(data) is data
        (720, 560, True)
        """
        if not isinstance(data, RegimeData):
            return data
        refuse_sampled(self.model.transforms)
        if data.carried is not None:
            check_carried_alike(data, self.transforms)
            return data
        if self.carried is None:
            return data
        return carry_over(data, self.carried.transforms)

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """R-hat and effective draws of the worst effect, scale, hyper-scale, noise scale and sampled transform.

        Effects are joint effects at up to 64 observed combinations of the actions; where the joint
        effect is not identified, effects under each of the regimes at hand.
        """
        posterior = self.datatree["posterior"].dataset
        return mixing_table(
            {
                "effects": self.effects.project(self._probes),
                "tau": np.log(posterior["tau"].values),
                "hyper": np.log(posterior["hyper"].values),
            }
            | {
                name: np.log(posterior[name].values.reshape(*posterior["alpha"].shape, -1))
                for name in self.model.family.parameters
            }
            | {str(name): posterior[name].values for name in posterior if parameter_of(str(name))}
        )

    @property
    def _probes(self) -> FloatArray:
        """Rows of joint effects at up to 64 observed combinations, or of effects under each regime; shape (q, P)."""
        natural = self.datatree["constant_data"].dataset["observed_rows"].values[:PROBES]
        joint = Regime(self.actions)
        heads = self.design.structure.heads
        known = level_weights(joint, self.regimes, heads, separable=self.model.separable) is not None
        flags = indicators([joint] if known else self.regimes, self.actions)
        return np.concatenate([self._drawn[0].rows(natural, flag) for flag in flags])

    @cached_property
    def _drawn(self) -> tuple[Design, FloatArray]:
        """Draws of the intercept followed by beta as the model has them, (chain, draw, P), and their columns.

        Curves of sampled saturations are written in columns that all draws share.
        """
        posterior = self.datatree["posterior"].dataset
        coefficients = np.concatenate([posterior["alpha"].values[..., None], posterior["beta"].values], axis=-1)
        saturations = sampled_saturations(self.model.transforms)
        if not saturations:
            return self.design, coefficients
        drawn = {a: {name: draws_of(posterior)[a][name] for name in s.free} for a, s in saturations.items()}
        natural = self.datatree["constant_data"].dataset["observed_rows"].values
        return in_common_columns(self.design, coefficients, drawn, natural)

    def with_row_worth(self, worth: float) -> Self:
        """Return the same draws for rows that count as so many independent ones each in the spread of effects.

        Parameters
        ----------
        worth : float
            Above 0, at most 1; see `independent_share`.

        Returns
        -------
        Fit

        Raises
        ------
        SpecError
            If `worth` is no such number.

        Examples
        --------
        >>> halved = fit.with_row_worth(0.5)
        >>> fit.row_worth, halved.row_worth
        (1.0, 0.5)
        """
        if not 0 < worth <= 1:
            raise SpecError(f"worth={worth!r} must be above 0 and at most 1, for example fit.independent_share(data).")
        tree = self.datatree.copy()
        content = {**self._content, "settings": {**self._content["settings"], "row_worth": float(worth)}}
        tree.attrs = {**self.datatree.attrs, "bayes_ivgen_fit": json.dumps(content)}
        return type(self)(tree)

    @property
    def row_worth(self) -> float:
        """How many independent rows each row counts as in the spread of effects; 1 where rows have no time.

        Examples
        --------
        >>> fit.row_worth, 0.4 < weekly_fit.row_worth < 0.8
        (1.0, True)
        """
        return float(self._content["settings"].get("row_worth", 1.0))

    @cached_property
    def effects(self) -> EffectPosterior:
        """The draws together with all that turns them into effects.

        Those of rows that are worth less than independent ones lie further from their mean than in the posterior.
        """
        posterior = self.datatree["posterior"].dataset
        constant = self.datatree["constant_data"].dataset
        design, coefficients = self._drawn
        if self.row_worth < 1.0:
            coefficients = spread(coefficients, self.row_worth)
            if getattr(self.model.causal, "monotone", False):
                coefficients = monotone_draws(design, coefficients)
        # Terms of common columns have no scales of their own.
        tau = None if "tau" not in posterior or design is not self.design else posterior["tau"].values
        return EffectPosterior(
            outcome=self.outcome_name,
            design=design,
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
            tau=tau,
            row_worth=self.row_worth,
        )

    @cached_property
    def lift_tests(self) -> LiftTests | None:
        """The lift tests that the fit has seen beside the rows."""
        stored = self._content.get("lift_tests")
        return None if stored is None else LiftTests.from_dict(stored)

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
        """Raise a `SpecError` if rows enter the likelihood one by one: the fit has no `what`.

        Parameters
        ----------
        what : str
            What was asked for, for the message.

        Raises
        ------
        SpecError
            If the likelihood is not normal.

        Examples
        --------
        >>> fit.refuse_unless_normal("noise model")
        """
        if self.model.family.rowwise:
            raise SpecError(
                f"a fit with likelihood={self.model.likelihood!r} has no {what}; see fit.spread and fit.datatree."
            )

    def queries(self, do: Mapping[str, Any]) -> Queries:
        """Questions about the joint regime; actions and covariates left out are averaged over observed values.

        Parameters
        ----------
        do : mapping or data frame
            Values of the actions that are set.

        Returns
        -------
        Queries

        Examples
        --------
        >>> len(fit.queries({"tv": [40, 60]}))
        2
        """
        return self._queries(do, None, "hold", None)

    def _queries(self, do: Any, given: Any, rest: str | None, covariates: Any) -> Queries:
        names = self.design.structure.covariates
        return parse_queries(
            self.actions, do, given, rest, self.categories, covariates=covariates, covariate_names=names
        )
