"""Whether a graph that the user gave fits the regimes in which one action was randomised.

A missing parent biases (theory H), so a graph that leaves out an edge which the data show is worth
a warning; a superfluous edge costs variance only, and is left to the user.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.errors import GraphWarning, SpecError
from bayes_ivgen.model.graph import ActionGraph, p_value_text
from bayes_ivgen.model.graph_learning import Edge, graph_evidence, smallest_p_values

FALSE_ALARMS = 0.01
LEAST_EXPECTED = 10.0  # rows in a cell: below, chi-square is too light for actions that hardly ever move
NAMED = 6


def with_evidence(data: RegimeData, graph: ActionGraph) -> ActionGraph:
    """Return the same graph with the table of `graph_evidence` and the column ``edge``."""
    table = graph_evidence(data)
    return ActionGraph(graph.parents, evidence=table.assign(edge=[pair in graph.edges for pair in table.index]))


def missing_edges(data: RegimeData, graph: ActionGraph) -> dict[Edge, float]:
    """Pairs that depend strongly where the first was set alone, although the graph has no path between them.

    Benjamini-Hochberg at 0.01 over the tested pairs without a path from the first to the second. If
    the graph is right none of them depends, so that about one data set in a hundred gives a false alarm.
    With the true graph it was 9 of 1,200 simulated data sets, 0.75 % (``python benchmarks/graph.py
    --seeds 200 --first-seed 1000 --rows 1200 6000 --only warning``).

    Returns
    -------
    dict
        P-value of each (cause, effect), strongest first.
    """
    table = graph_evidence(data) if graph.evidence is None else graph.evidence
    tested: dict[Any, float] = smallest_p_values(table)[table["df"] > 0].to_dict()
    candidates = {
        (cause, effect): p
        for (cause, effect), p in sorted(tested.items(), key=lambda item: item[1])
        if cause not in graph.ancestors_of(effect) and _moves_enough(data, cause, effect)
    }
    if not candidates:
        return {}
    adjusted = stats.false_discovery_control(list(candidates.values()))
    return {pair: candidates[pair] for pair, p in zip(candidates, adjusted, strict=True) if p <= FALSE_ALARMS}


def _moves_enough(data: RegimeData, cause: str, effect: str) -> bool:
    """Whether enough rows are expected in which both are away from their commonest values."""
    sample = data.profiles[Regime((cause,))].sample
    n, away = len(sample), _away(sample[:, data.index(cause)])
    if away == 0:  # set to one level: compared with the rows of obs
        natural = data.profiles[Regime()].sample
        sample, away = np.concatenate([sample, natural]), min(n, len(natural))
        n = len(sample)
    return away * _away(sample[:, data.index(effect)]) / n >= LEAST_EXPECTED


def _away(values: FloatArray) -> int:
    return len(values) - int(np.unique_counts(values).counts.max())


def contradiction(data: RegimeData, graph: ActionGraph, *, ordered: bool = False) -> str | None:
    """Say which edges are missing, what follows and what to pass instead; None if nothing is missing.

    Parameters
    ----------
    data : RegimeData
        The rows.
    graph : ActionGraph
        A graph over its actions.
    ordered : bool
        Whether the graph stands for the order of the actions: then another order is suggested.
    """
    missing = missing_edges(data, graph)
    if not missing:
        return None
    cases = [
        f"{cause} drives {effect} ({p_value_text(p)} in the {data.profiles[Regime((cause,))].rows:,} rows "
        f"of {Regime((cause,)).label})"
        for (cause, effect), p in list(missing.items())[:NAMED]
    ]
    more = f", and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    causes = list(dict.fromkeys(cause for cause, _ in missing))
    suggested = _suggestion(data, graph, missing, ordered=ordered)
    several = len(missing) > 1
    return (
        f"the data contradict the graph: {'; '.join(cases)}{more}, but the graph has no path there. The causal "
        f"{'effects' if len(causes) > 1 else 'effect'} of {_listed(causes)} would absorb the confounding that goes "
        f"through the missing {'edges' if several else 'edge'}, which biases. Pass "
        + (f"graph={suggested} or " if suggested else "")
        + f'graph="learn"; keep the graph only if {_listed(causes)} {"were" if len(causes) > 1 else "was"} not set '
        "independently of the other actions there."
    )


def warn_if_contradicted(data: RegimeData, graph: ActionGraph, *, ordered: bool = False) -> None:
    """Issue a `GraphWarning` with the text of `contradiction`."""
    message = contradiction(data, graph, ordered=ordered)
    if message is not None:
        warnings.warn(message, GraphWarning, stacklevel=4)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _suggestion(data: RegimeData, graph: ActionGraph, missing: dict[Edge, float], *, ordered: bool) -> str | None:
    """Source of a graph that the data do not contradict, or None if none is near at hand."""
    try:
        if ordered:
            # What is missing in the empty graph is all that the data show, and the new order must keep it.
            shown = missing_edges(data, ActionGraph({}, evidence=graph.evidence)) | missing
            order = ActionGraph(_grouped(shown, data.actions)).order(data.actions)
            better, text = ActionGraph.full(order), f"ActionGraph.full({json.dumps(order, ensure_ascii=False)})"
        else:
            kept = [(parent, child) for parent, child in graph.edges if (child, parent) not in missing]
            parents = _grouped([*kept, *missing], data.actions)
            better, text = ActionGraph(parents), f"ActionGraph({json.dumps(parents, ensure_ascii=False)})"
    except SpecError:  # a cycle
        return None
    return None if missing_edges(data, ActionGraph(better.parents, evidence=graph.evidence)) else text


def _grouped(edges: Iterable[Edge], actions: tuple[str, ...]) -> dict[str, list[str]]:
    wanted = set(edges)
    parents = {child: [cause for cause in actions if (cause, child) in wanted] for child in actions}
    return {child: causes for child, causes in parents.items() if causes}
