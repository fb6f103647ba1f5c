"""The tables of a fit that its report tells."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identified import identified_table
from bayes_ivgen.effects import Estimate
from bayes_ivgen.effects.estimate import DEFAULT_PROB, check_prob
from bayes_ivgen.effects.reasons import shortened
from bayes_ivgen.errors import IdentificationError, IvgenWarning
from bayes_ivgen.inference.diagnostics import mixing_verdict
from bayes_ivgen.interface import picture_tables as tables
from bayes_ivgen.interface.assumptions import assumptions_of
from bayes_ivgen.interface.report_carried import carried_facts
from bayes_ivgen.interface.report_checks import checks_of
from bayes_ivgen.report import (
    Along,
    Answers,
    Evidence,
    Facts,
    Sampler,
    render,
    write_page,
)
from bayes_ivgen.report.blocks import interval
from bayes_ivgen.report.page import check_place

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit

USUAL = "Change from the lower to the upper quartile of an action, the other actions held at observed values"
MOST_SENSITIVE = 12
_LIBRARIES = ("bayes-ivgen", "pymc", "arviz", "xarray", "numpy")

Queries = Estimate | Mapping[str, Any] | pd.DataFrame | None


def write_report(
    fit: Fit,
    path: Path,
    *,
    queries: Queries,
    data: RegimeData | None,
    units: Mapping[str, str] | None,
    prob: float,
    overwrite: bool,
) -> Path:
    """Write the report of a fit; see `Fit.report`."""
    check_place(path, overwrite=overwrite)
    return write_page(
        render(facts_of(fit, queries=queries, data=data, units=units, prob=prob)), path, overwrite=overwrite
    )


def facts_of(
    fit: Fit, *, queries: Queries, data: RegimeData | None, units: Mapping[str, str] | None, prob: float
) -> Facts:
    """Collect all tables and sentences."""
    check_prob(prob)
    pictures = fit.plot.with_units(units or {})
    asked = _asked(fit, queries, prob)
    quantity = "location of" if fit.model.family.has_tail else "mean"
    question, answer = asked.headline(f"{quantity} {fit.outcome_name}", pictures.units.get(fit.outcome_name, ""))
    return Facts(
        outcome=fit.outcome_name,
        actions=fit.actions,
        units=pictures.units,
        quantity=quantity,
        prob=prob,
        question=question,
        answer=answer,
        regimes=tables.regime_table(fit),
        identified=_identified(fit),
        evidence=_evidence(fit),
        along=_along(fit, prob),
        answers=asked.answers,
        checks=checks_of(fit, data),
        sampler=_sampler(fit, asked),
        assumptions=assumptions_of(fit),
        settings=_settings(fit),
        carried=carried_facts(fit, prob),
    )


@dataclass(frozen=True, eq=False)
class _Asked:
    """Questions with their estimates; of the usual comparisons the last is the one in the headline."""

    answers: tuple[Answers, ...]
    estimates: tuple[tuple[str, Estimate], ...]
    moves: tuple[str, ...] = ()
    prob: float = DEFAULT_PROB

    def headline(self, quantity: str, unit: str) -> tuple[str, str]:
        """One question and its answer, a sentence each."""
        if not self.moves:
            _, estimate = self.estimates[0]
            more = sum(len(item) for _, item in self.estimates) - 1
            others = f" ({more} more below)" if more else ""
            return f"What is {estimate.name} at {estimate.conditions(0)}?{others}", estimate.sentence(self.prob)
        together = ", all at once" if len(self.moves) > 1 else ""
        question = f"By how much does the {quantity} change if one moves {_listed(self.moves)}{together}?"
        unit = f" {unit}" if unit else ""
        label, table = self.answers[0].labels, self.answers[0].table
        if self.answers[0].refused:
            return question, f"The rows do not tell. {self.answers[0].refused[-1][1]}"
        row = table.to_dict("records")[len(label) - 1]
        mean, lower, upper = interval(row["mean"], row["lower"], row["upper"])
        unsupported = "" if row["supported"] else f"; not supported by the data: {shortened(row['reason'])}"
        return question, f"By {mean}{unit} ({100 * self.prob:.3g} % interval {lower} to {upper}){unsupported}."


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _asked(fit: Fit, queries: Queries, prob: float) -> _Asked:
    if queries is None:
        return _usual(fit, prob)
    if isinstance(queries, Estimate):
        given: dict[str, Estimate] = {queries.name: queries}
    elif isinstance(queries, Mapping) and queries and all(isinstance(item, Estimate) for item in queries.values()):
        given = {str(title): item for title, item in queries.items()}
    else:
        frame = tables.as_questions(queries)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IvgenWarning)  # the page says it
            estimate = fit.effect(do=frame, rest=None if set(frame) == set(fit.actions) else "hold")
        given = {estimate.name: estimate}
    answers = tuple(
        Answers(title, tuple(map(item.conditions, range(len(item)))), item.summary(prob), item.neutral)
        for title, item in given.items()
    )
    return _Asked(answers, tuple(given.items()), prob=prob)


def _usual(fit: Fit, prob: float) -> _Asked:
    found = tables.usual_contrasts(fit)
    known = [(item.label, item.estimate) for item in found if item.estimate is not None]
    columns = ["mean", "sd", "lower", "upper", "supported", "reason"]
    parts = [estimate.summary(prob)[columns] for _, estimate in known]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    refused = tuple((item.label, item.reason) for item in found if item.estimate is None)
    answers = Answers(USUAL, tuple(label for label, _ in known), table, 0.0, refused)
    moves = tuple(item.words for item in found[: len(fit.actions)])
    return _Asked((answers,), tuple(known), moves, prob)


def _identified(fit: Fit) -> pd.DataFrame:
    table = identified_table(fit.regimes, fit.actions, fit.model.blocks or ())
    if not fit.model.separable:
        return table
    # Known levels identify more: ask the rule that answers questions.
    regimes = {regime.label: regime for regime in _subsets(fit.actions)}
    for label in table.index:
        try:
            fit.effects.require_level(regimes[str(label)])
        except IdentificationError:
            continue
        table.loc[label, "identified"] = True
        table.loc[label, "missing"] = ""
    return table


def _subsets(actions: tuple[str, ...]) -> Iterator[Regime]:
    """Regimes of the table of what is identified: all, or with many actions those of one, none and all."""
    sizes = range(len(actions) + 1) if len(actions) <= 6 else (0, 1, len(actions))
    return (Regime(names) for size in sizes for names in combinations(actions, size))


def _evidence(fit: Fit) -> Evidence:
    graph = fit.graph
    pairs = [] if graph.evidence is None else [(str(cause), str(effect)) for cause, effect in graph.evidence.index]
    records = [
        {"cause": pair[0], "effect": pair[1], "edge": pair in graph.edges, "p_value": p, "where": where}
        for pair, (p, where) in ((pair, graph.p_value(pair)) for pair in pairs)
    ]
    table = pd.DataFrame.from_records(records, columns=["cause", "effect", "edge", "p_value", "where"])
    return Evidence(graph.edges, table, learned=fit.model.graph == "learn")


def _along(fit: Fit, prob: float) -> dict[str, Along] | str:
    try:
        curves = {action: fit.response_curve(action).summary(prob) for action in fit.actions}
    except IdentificationError as error:
        return str(error)
    found = {}
    for action, curve in curves.items():
        tried, seen = (tables.tried_values(fit, action, was_set=flag) for flag in (True, False))
        try:
            observational = tables.readings(fit, action, prob).observational
            bias = fit.confounding_bias(action, tables.usual_range(fit, action)).summary(prob)
        except IdentificationError as error:
            found[action] = Along(curve, tried=tried, seen=seen, reason=str(error))
            continue
        bias.attrs["factor"] = fit.model.link != "identity"
        found[action] = Along(curve, observational, bias, tried, seen)
    return found


def _sampler(fit: Fit, asked: _Asked) -> Sampler:
    posterior = fit.datatree["posterior"].dataset
    mixed, verdict = mixing_verdict(fit.diagnostics, posterior.sizes["chain"] * posterior.sizes["draw"])
    lines = [line for line in str(fit.model.prior_table()).splitlines() if _is_used(line, posterior)]
    sensitivity = _sensitivity(fit, asked)
    note = "" if sensitivity is not None else "Nothing was answered, or the fit carries no prior densities to scale."
    return Sampler(fit.diagnostics, mixed, verdict, tuple(lines), sensitivity, note)


def _is_used(line: str, posterior: xr.Dataset) -> bool:
    """Whether a line of the table of priors is about a parameter of this fit."""
    return not line.startswith("hyper[") or line[6 : line.index("]")] in posterior["type"].values


def _sensitivity(fit: Fit, asked: _Asked) -> pd.DataFrame | None:
    if not asked.estimates or any(name not in fit.datatree.children for name in ("log_prior", "log_likelihood")):
        return None
    from arviz_stats import psense_summary

    labels: list[str] = []
    draws = []
    for title, estimate in asked.estimates:
        for query in range(min(len(estimate), MOST_SENSITIVE - len(labels))):
            labels.append(title if len(estimate) == 1 else estimate.conditions(query))
            draws.append(estimate.evaluate(slice(query, query + 1))[..., 0])
    tree = fit.datatree.copy()
    tree["posterior/answer"] = xr.DataArray(np.stack(draws, axis=-1), dims=("chain", "draw", "question"))
    with _without_log("arviz_stats.psense"):  # what it would print is on the page
        table = psense_summary(tree, var_names=["answer"], round_to=4)
    return table.set_index(pd.Index(labels))


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    log = logging.getLogger(name)
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def _settings(fit: Fit) -> dict[str, str]:
    model, posterior = fit.model, fit.datatree["posterior"].dataset
    shown = {
        "likelihood": f"{model.likelihood}, link {model.link}",
        "causal components": repr(model.causal),
        "confounding components": str(model.confounding),
        "graph": model.graph if isinstance(model.graph, str) else "given",
        "noise": model.noise,
        "draws": f"{posterior.sizes['chain']} chains of {posterior.sizes['draw']:,}",
        **{name: "not stated" if value is None else str(value) for name, value in fit.settings.items()},
        "coefficients": str(fit.design.n_coefficients),
        "made by": f"bayes-ivgen {fit.datatree.attrs['bayes_ivgen_version']}",
    }
    return shown | {f"{name} (this page)": version(name) for name in _LIBRARIES}
