"""``bayes-ivgen check``: what the rows can say, before anything is fitted."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from bayes_ivgen.cli.carried import show_carried
from bayes_ivgen.cli.media_options import MediaOptions, transforms_of
from bayes_ivgen.cli.messages import in_command_words
from bayes_ivgen.cli.options import RowOptions, read_rows
from bayes_ivgen.cli.output import number, say, show_table
from bayes_ivgen.cli.parsing import graph_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from bayes_ivgen.data import Regime, RegimeData
    from bayes_ivgen.model import ActionGraph

MAX_ROWS = 30
MAX_LEVELS = 6
NO_TRANSFORMS = MediaOptions()
_TESTS = {"p_value": "any form", "p_monotone": "monotone", "p_conditional": "all rows,\ngiven others"}


def check(paths: list[str], /, *, rows: RowOptions, graph: str = "learn", media: MediaOptions = NO_TRANSFORMS) -> None:
    """Say what the rows can answer, before anything is fitted.

    Prints rows and ranges, which effects the regimes identify and which
    experiment is missing, the graph with its evidence, and parts of the model
    that too few rows inform. It takes the options of bayes-ivgen fit that say
    what is read, and --adstock and --saturation.
    Example: bayes-ivgen check rows.parquet --outcome sales --actions tv,web,radio

    Parameters
    ----------
    paths : list of str
        Files, a folder of files, or a pattern such as "rows/*.parquet".
    graph : str
        Which actions drive which: learn, full, empty, or child:parent+parent as web:tv,social:web+radio.
    """
    chosen, transforms = graph_of(graph), transforms_of(rows, media)
    data = read_rows(paths, rows)
    from bayes_ivgen.errors import DataWarning
    from bayes_ivgen.interface import InterventionModel

    roles: dict[str, Any] | None = rows.roles
    model = InterventionModel(graph=chosen, covariates=roles, transforms=transforms)
    data = model.carry_over(data)
    found = model.action_graph(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        model.design(data, found)
    if data.carried is not None:
        show_carried(data.carried)
    _show_rows(data)
    _show_values(data)
    _show_identified(data)
    _show_graph(data, found, graph)
    _show_thin([str(item.message) for item in caught if issubclass(item.category, DataWarning)])


def _show_rows(data: RegimeData) -> None:
    show_table(
        ["regime", "rows", f"mean of {data.outcome}", "sd", "least", "largest"],
        [
            [regime.label, f"{profile.rows:,}"]
            + [number(float(values[-1])) for values in (profile.mean, profile.sd, profile.low, profile.high)]
            for regime, profile in data.profiles.items()
        ],
        title=f"Rows: {data.n_rows:,} in {len(data.regimes)} {'regime' if len(data.regimes) == 1 else 'regimes'}.",
    )


def _show_values(data: RegimeData) -> None:
    show_table(
        ["action", "was set to", "in rows", "left alone it was", "in rows"],
        [
            [
                action,
                *_tried(data, action, data.regimes_setting(action)),
                *_tried(data, action, data.regimes_leaving(action)),
            ]
            for action in data.actions
        ],
        title="Values that were tried; effects are supported where an action was set.",
    )


def _tried(data: RegimeData, action: str, regimes: Sequence[Regime]) -> list[str]:
    if not regimes:
        return ["-", "0"]
    from bayes_ivgen.effects.support import Tried

    rows = f"{sum(data.profiles[regime].rows for regime in regimes):,}"
    tried = Tried.of(data, action, tuple(regimes))
    if tried is None:
        return ["-", rows]
    if (labels := data.categories.get(action)) is not None and tried.levels is not None:
        return [", ".join(str(labels[int(code)]) for code in tried.levels), rows]
    if tried.levels is not None and len(tried.levels) <= MAX_LEVELS:
        return [", ".join(number(level) for level in tried.levels), rows]
    return [f"{number(tried.low)} to {number(tried.high)}", rows]


def _show_identified(data: RegimeData) -> None:
    table = data.identified()
    missing = table[~table["identified"]]
    if missing.empty:
        others = "" if len(table) == 2 else f" and the {len(table) - 1} others that were checked"
        say(f"Identified: the joint effect {table.index[-1]}{others}.\n")
        return
    known = ", ".join(str(name) for name in table.index[table["identified"]])
    say(f"Identified: {known or 'nothing'}.")
    rows = [[str(name), str(text)] for name, text in missing["missing"].head(MAX_ROWS).items()]
    more = f" (the first {MAX_ROWS} of {len(missing)})" if len(missing) > MAX_ROWS else ""
    show_table(["not identified", "what is missing"], rows, title=None, left=2)
    if more:
        say(f"Only some are shown{more}.")


def _show_graph(data: RegimeData, graph: ActionGraph, choice: str) -> None:
    edges = ", ".join(f"{parent} -> {child}" for parent, child in graph.edges) or "no action drives another one"
    if choice != "learn" or graph.evidence is None:
        from bayes_ivgen.model.graph_check import contradiction

        say(f"Graph ({'given' if choice not in ('full', 'empty') else choice}): {edges}\n")
        against = contradiction(data, graph, ordered=choice == "full")
        if against is not None:
            say(f"But {in_command_words(against)}\n")
        return
    say(f"Graph (learned): {edges}")
    if graph.evidence.empty:
        say()
        return
    told = [name for name in _TESTS if name in graph.evidence.columns]
    tests = [name for name in told if graph.evidence[name].notna().any()] or told[:1]
    strength = graph.evidence[tests].min(axis=1).rename("strength")
    table = graph.evidence.join(strength).reset_index()
    table = table.sort_values(["edge", "strength"], ascending=[False, True], na_position="first")
    rows = [
        [f"{row['cause']} -> {row['effect']}", *(_p_value(row[name]) for name in tests), _verdict(row, tests)]
        for row in table.head(MAX_ROWS).to_dict("records")
    ]
    headings = ["pair", *(_TESTS[name] for name in tests), "drives it"]
    title = (
        "Does the first drive the second? P-values of independence in rows that set the first alone, unless stated; "
        "small ones say yes."
    )
    if data.memory is not None:
        title += " They allow for weeks that resemble those before them."
    show_table(headings, rows, title=title)
    if len(table) > MAX_ROWS:
        say(f"The first {MAX_ROWS} of {len(table)} pairs.")


def _p_value(value: float) -> str:
    if value != value:
        return "-"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def _verdict(row: Mapping[Hashable, Any], tests: Sequence[str]) -> str:
    if all(row[name] != row[name] for name in tests):  # all missing: nothing tests this pair
        return "untested, kept" if row["edge"] else "untested, left out"
    return "yes" if row["edge"] else "no"


def _show_thin(messages: Sequence[str]) -> None:
    if not messages:
        say("Too few rows for a part of the model: none; every part has more rows than coefficients.")
        return
    say("Too few rows for a part of the model:")
    for message in messages:
        say(f"- {in_command_words(message)}")
