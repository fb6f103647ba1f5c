"""From a fit to the choice of the next experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.decisions.costs import Sizes
from bayes_ivgen.decisions.experiments import read_candidates
from bayes_ivgen.decisions.moments import CoefficientMoments, Scales
from bayes_ivgen.decisions.next_experiment import (
    Decision,
    Knowledge,
    NextExperiment,
    rank_experiments,
    read_decision,
)
from bayes_ivgen.decisions.questions import Question, read_questions
from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.inference.conjugate import GibbsProblem
from bayes_ivgen.media.transforms import sampled_saturations
from bayes_ivgen.model.linear import LinearObservations

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit


def next_experiment_of(
    fit: Fit, questions: Any, decision: Any, candidates: Any, rows: Any, budget: Any, cost: Any
) -> NextExperiment:
    """Rank candidate experiments; see `Fit.next_experiment`."""
    fit.refuse_unless_normal("closed form for what more rows would tell: the choice of experiments needs it")
    if fit.model.weights is not None:
        raise SpecError(
            f"the choice of experiments has no weights={fit.model.weights!r}: how much a new row counts would depend "
            "on its own noise. Fit with weights=None."
        )
    posterior = fit.effects
    if questions is None and decision is None:
        raise QueryError(
            "next_experiment needs questions={'do': {...}}, what you want to know, or decision={'do': {...}}, the "
            "options of which the best one will be taken."
        )
    options = None if decision is None else _decision(decision, fit)
    asked = options[0] if questions is None and options is not None else read_questions(questions, posterior)
    kinds = read_candidates(candidates, posterior)
    sizes = Sizes.read(kinds, fit.actions, rows, budget, cost)
    return rank_experiments(knowledge_of(fit), asked, kinds, sizes, None if options is None else options[1])


def _decision(given: Any, fit: Fit) -> tuple[list[Question], Decision]:
    """Options of a decision; what they cost beside stands under the key ``cost``."""
    items = [given] if isinstance(given, Mapping) else given
    if not isinstance(items, list | tuple) or not all(isinstance(item, Mapping) for item in items):
        raise QueryError(
            f"decision={given!r} is not a mapping; pass {{'do': frame of options, 'cost': what each one costs}}."
        )
    options = read_questions([{k: v for k, v in item.items() if k != "cost"} for item in items], fit.effects)
    offset = [_offset(item.get("cost", 0.0), option) for item, option in zip(items, options, strict=True)]
    return options, read_decision(options, fit.effects, -np.concatenate(offset))


def _offset(cost: Any, option: Question) -> FloatArray:
    try:
        return np.broadcast_to(np.asarray(cost, dtype=float), (len(option),))
    except (TypeError, ValueError) as error:
        raise QueryError(
            f"the cost of the options is {cost!r}; pass a number, or one for each of the {len(option)} options, in "
            "units of the outcome."
        ) from error


def knowledge_of(fit: Fit) -> Knowledge:
    """Gather what the choice needs from a fit."""
    model, statistics = fit.model, fit.statistics
    if sampled_saturations(model.transforms):
        raise SpecError(
            "the saturation of this fit was sampled, so that no one set of columns says what new rows would teach. Fit "
            "the posterior means as numbers, dataclasses.replace(fit.model, transforms=fit.transforms).fit(data), and "
            "ask that fit."
        )
    index, names = model.sigma_groups(statistics.regimes)
    known = None if fit.lift_tests is None else LinearObservations.of_lift_tests(fit.lift_tests, fit.design)
    problem = GibbsProblem(fit.design, statistics.grouped(index, len(names)), model.prior_table(), known)
    posterior = fit.datatree["posterior"].dataset
    tau, sigma = (posterior[name].values.reshape(-1, posterior[name].shape[-1]) for name in ("tau", "sigma"))
    moments = CoefficientMoments.of(problem, Scales(tau, sigma).thinned())
    noise = np.mean(sigma**2, axis=0)[index]
    return Knowledge(
        posterior=fit.effects,
        moments=replace(moments, covariance=moments.covariance / fit.row_worth),
        statistics=statistics,
        noise=dict(zip(statistics.regimes, noise.tolist(), strict=True)),
        variance=None if model.noise == "constant" else fit.noise.variance,
        profiles=fit.profiles,
        row_worth=fit.row_worth,
    )
