"""Effects as tensors of the PyMC model, for likelihoods of the user's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects import EffectPosterior, Support, parse_queries
from bayes_ivgen.effects.means import spread_rows
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.errors import QueryError, SpecError, SupportWarning
from bayes_ivgen.media.saturation import Saturation
from bayes_ivgen.media.transforms import sampled_saturations
from bayes_ivgen.model.carried_columns import random_columns
from bayes_ivgen.model.components import CausalComponent
from bayes_ivgen.model.links import Link

if TYPE_CHECKING:
    import pymc as pm
    from pytensor.tensor import TensorVariable

    from bayes_ivgen.interface.intervention_model import InterventionModel


class PymcEffects:
    """What an `InterventionModel` says inside the model of `to_pymc`."""

    def effect_in(
        self,
        pm_model: pm.Model,
        data: RegimeData,
        do: Any = None,
        given: Any = None,
        *,
        rest: Literal["hold", "respond"] | None = None,
        covariates: Any = None,
        extrapolate: bool = False,
    ) -> TensorVariable:
        """E[Y | do(a_S), the others seen at a_rest] as a tensor of a model that `to_pymc` made (design equation 1).

        For likelihoods of your own, a survey or a panel, on anything that is a function of effects. Whether the rows
        identify the effect is not asked: your likelihood may be what does. A difference of two effects that differ
        in one action is a difference of its causal component, m_k(a_k) - m_k(a_k'), if there is no synergy.

        Parameters
        ----------
        pm_model : pymc.Model
            What ``model.to_pymc(data)`` returned, extended or not.
        data : RegimeData
            The data that it was made from.
        do, given, covariates, extrapolate
            As in `Fit.effect`.
        rest : {"hold"}, optional
            As in `Fit.effect`; actions cannot be left to respond here.

        Returns
        -------
        TensorVariable of shape (number of queries,)
            In units of the outcome (with an exposure, per unit of it).

        Raises
        ------
        SpecError
            If the model was made from another specification or other data.
        QueryError
            If an action is unknown, open, or both set and seen; with ``rest="respond"``.
        SupportError
            If a value lies far outside those that were tried.

        Warns
        -----
        SupportWarning
            If a query is not supported by the data.

        Examples
        --------
        >>> import pymc as pm
        >>> with model.to_pymc(data) as extended:
        ...     low, high = model.effect_in(extended, data, do={"tv": [30, 60]}, rest="hold")
        ...     survey = pm.Normal("survey", mu=high - low, sigma=1.5, observed=12.0)
        >>> extended["survey"] in extended.observed_RVs
        True
        """
        if rest == "respond":
            raise QueryError(
                "rest='respond' is not available inside a PyMC model: what responds is drawn from its own laws. Use "
                "rest='hold', state the action in do or in given, or ask a fit: fit.effect(..., rest='respond')."
            )
        effects = _effects(cast("InterventionModel", self), pm_model, data)
        queries = parse_queries(
            effects.actions,
            do,
            given,
            rest,
            effects.support.categories,
            covariates=covariates,
            covariate_names=effects.design.structure.covariates,
        )
        effects.require_whole_blocks(queries.regime)
        support = effects.support.check(queries, extrapolate=extrapolate)
        reasons = support.loc[~support["supported"], "reason"]
        if len(reasons) and not extrapolate:
            warnings.warn(
                f"{len(reasons)} of {len(queries)} queries are not supported by the data ({reasons.iloc[0]}). Pass "
                "extrapolate=True to accept the continuation of the curve, or ask at values that were tried.",
                SupportWarning,
                stacklevel=2,
            )
        return _tensor(pm_model, effects, queries, sampled_saturations(cast("InterventionModel", self).transforms))


def _effects(model: InterventionModel, pm_model: pm.Model, data: RegimeData) -> EffectPosterior:
    """All that turns coefficients into effects, without draws."""
    from bayes_ivgen.interface.tree import constants

    data = model.carry_over(data)
    graph = model.action_graph(data)
    design = model.design(data, graph)
    names = pm_model.coords.get("coefficient", ())
    if list(names) != list(design.coefficient_names):
        raise SpecError(
            f"pm_model has {len(names)} coefficients that are not the {len(design.coefficient_names)} of this model "
            "with these data; pass what model.to_pymc(data) returned, with the same model and data."
        )
    rows = constants(data, design)
    return EffectPosterior(
        outcome=data.outcome,
        design=design,
        graph=graph,
        regimes=data.regimes,
        separable=model.separable,
        support=Support.of(data, design.structure, None if model.separable else graph),
        observed=rows["observed_rows"].values,
        coefficients=np.zeros((1, 1, design.n_coefficients)),
        covariate_rows=rows["covariate_rows"].values if "covariate_rows" in rows else None,
        link=Link.of(model.link, design.outcome_sd),
    )


def _tensor(
    pm_model: pm.Model, effects: EffectPosterior, queries: Queries, saturations: Mapping[str, Saturation]
) -> TensorVariable:
    import pytensor.tensor as pt

    def predictor(rows: Any) -> Any:
        unit = effects.design.outcome_sd
        return effects.design.outcome_mean + unit * (pm_model["alpha"] + pt.constant(rows[:, 1:]) @ pm_model["beta"])

    if saturations:
        return _saturated(pm_model, effects, queries, saturations, predictor)
    if effects.link.name == "identity":
        return predictor(effects.rows(queries, slice(None)))
    if not queries.averaged:
        return _mean(effects.link, predictor(effects.rows(queries, slice(None))))
    # The means are averaged, not the predictors.
    means = [_mean(effects.link, predictor(spread_rows(effects, queries, value))).mean() for value in queries.values]
    return pt.stack(means)


def _saturated(
    pm_model: pm.Model,
    effects: EffectPosterior,
    queries: Queries,
    saturations: Mapping[str, Saturation],
    predictor: Callable[[Any], Any],
) -> Any:
    """Effects whose causal columns move with random saturations; the link is the identity."""
    import pytensor.tensor as pt

    design, rows = effects.design, effects.rows(queries, slice(None))
    random: Any = 0.0
    for component, place in zip(design.components, design.component_slices, strict=True):
        if not isinstance(component, CausalComponent) or component.action not in saturations:
            continue
        action = component.action
        rows[:, place] = 0.0
        given = queries.values[:, design.actions.index(action)]
        held = effects.observed[:, design.actions.index(action)]
        spends = np.array([held if np.isnan(value) else np.full(len(held), value) for value in given])
        free = {name: pm_model[f"saturation_{name}[{action}]"] for name in saturations[action].free}
        columns = random_columns(component, {action: pt.as_tensor(spends.ravel())}, free)
        part = columns @ pm_model["beta"][place.start - 1 : place.stop - 1]
        random = random + part.reshape(spends.shape).mean(axis=1)
    return predictor(rows) + design.outcome_sd * random


def _mean(link: Link, eta: Any) -> Any:
    import pytensor.tensor as pt

    return pt.exp(eta) if link.name == "log" else -pt.expm1(-link.hazard(eta, pt))
