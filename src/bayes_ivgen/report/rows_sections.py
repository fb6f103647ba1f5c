"""Sections about the rows: regimes, what they identify, the graph."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_ivgen.plots import plot_graph, plot_regimes
from bayes_ivgen.report.blocks import Block, Paragraph, Section, Table, number, p_value
from bayes_ivgen.report.facts import Facts
from bayes_ivgen.report.pictures import picture

MOST_PAIRS = 42
ROW_HEIGHT = 0.3


def rows(facts: Facts) -> Section:
    """Rows and ranges of each regime."""
    table, names = facts.regimes, facts.actions
    counts = table.drop_duplicates("regime")[["regime", "rows"]]
    total = int(counts["rows"].sum())
    cells = []
    for regime, group in table.groupby("regime", sort=False):
        per = {str(item["variable"]): item for item in group.to_dict("records")}
        cells.append((str(regime), f"{int(group['rows'].iloc[0]):,}", *(_range(per[name]) for name in names)))
    listed = ", ".join(f"{regime} {count:,}" for regime, count in counts.itertuples(index=False))
    shown = picture(
        lambda ax: plot_regimes(table, ax=ax),
        alt=f"One row a regime, one column an action; bars show where each action moved. Rows: {listed}. "
        "The ranges are in the table below.",
        caption="Thick blue: the experimenter set the action; thin orange: it followed its own causes; the dot is its "
        "mean. Bars in one column share a scale; the shaded field is the range of the tests.",
        height=1.3 + ROW_HEIGHT * len(counts) + (0.5 if len(names) > 5 else 0.0),
    )
    text = (
        f"{total:,} rows in {len(counts)} {'regime' if len(counts) == 1 else 'regimes'}. A regime says which actions "
        "the experimenter set; obs are rows in which all actions followed their own causes."
    )
    if facts.carried is not None and facts.carried.read > total:
        text += f" {facts.carried.read:,} were read; what became of the others stands under carry-over."
    caption = "Rows of each regime, and the range of each action; a star marks actions that were set."
    headings = ("regime", "rows", *(facts.label(name) for name in names))
    return Section("rows", "Data and regimes", (Paragraph(text), shown, Table(caption, headings, tuple(cells))))


def _range(item: dict[Any, Any]) -> str:
    star = " *" if item["was_set"] else ""
    if pd.isna(item["mean"]):
        return f"labels{star}"
    low, high = number(item["low"], 3), number(item["high"], 3)
    return f"{low}{star}" if low == high else f"{low} to {high}{star}"


def identified(facts: Facts) -> Section:
    """Which effects the regimes identify."""
    table = facts.identified
    cells = tuple(
        (str(effect), "yes" if row["identified"] else "no", str(row["missing"]) or "-")
        for effect, row in zip(table.index, table.to_dict("records"), strict=True)
    )
    known = int(table["identified"].sum())
    text = (
        f"{known} of the {len(table)} effects below follow from the regimes at hand, whatever the contributions look "
        "like. Identified means that enough rows of these regimes would settle it; how far these rows do is in the "
        "intervals."
    )
    caption = "Mean outcome when these actions are set, and the experiments that are missing where it is unknown."
    parts: tuple[Block, ...] = (
        Paragraph(text, "good" if known == len(table) else "bad"),
        Table(caption, ("effect", "identified", "missing rows"), cells, frozenset({1, 2})),
    )
    return Section("identified", "What is identified", parts)


def evidence(facts: Facts) -> Section:
    """Which action drives which."""
    found = facts.evidence
    words = ", ".join(f"{cause} drives {effect}" for cause, effect in found.edges) or "no action drives another one"
    origin = "learned from rows in which an action was set" if found.learned else "given with the model"
    text = (
        f"The graph was {origin}: {words}. It says which actions enter each confounding term. A missing arrow biases "
        "effects; a superfluous one only widens intervals."
    )
    p_of = {(row["cause"], row["effect"]): row["p_value"] for row in found.pairs.to_dict("records")}
    shown = picture(
        lambda ax: plot_graph(
            facts.actions, found.edges, p_values={edge: p_of[edge] for edge in found.edges if edge in p_of}, ax=ax
        ),
        alt=f"Graph of the actions: {words}.",
        caption="Arrows lead from causes to what they drive; numbers are p-values of independence.",
        height=_graph_height(found.edges),
    )
    parts: list[Block] = [Paragraph(text), shown]
    if len(found.pairs):
        ordered = found.pairs.sort_values("p_value", kind="stable").head(MOST_PAIRS)
        cells = tuple(
            (
                f"{row['cause']} → {row['effect']}",
                "yes" if row["edge"] else "no",
                p_value(row["p_value"]),
                row["where"] or "-",
            )
            for row in ordered.to_dict("records")
        )
        more = f"; the first {MOST_PAIRS} of {len(found.pairs)}" if len(found.pairs) > MOST_PAIRS else ""
        caption = f"What the rows say about each pair: small p-values speak for an arrow{more}."
        parts.append(Table(caption, ("pair", "arrow", "p-value", "from"), cells, frozenset({1, 3})))
    else:
        parts.append(
            Paragraph("The rows were not asked about any pair: no regime sets an action that could drive another.")
        )
    return Section("graph", "Which action drives which", tuple(parts))


def _graph_height(edges: tuple[tuple[str, str], ...]) -> float:
    depth: dict[str, int] = {}
    for _ in edges:
        for cause, effect in edges:
            depth[effect] = max(depth.get(effect, 0), depth.get(cause, 0) + 1)
    return min(6.0, 1.6 + 0.9 * max(depth.values(), default=0))
