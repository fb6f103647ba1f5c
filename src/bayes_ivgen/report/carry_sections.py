"""Section about carry-over and saturation: numbers of each action, and what became of the rows."""

from __future__ import annotations

from bayes_ivgen.report.blocks import Block, Paragraph, Section, Table
from bayes_ivgen.report.facts import CarryOver

STEADY = (
    "A spend also works in later weeks, so that rows hold carried-over spends, and every question is about a steady "
    "spend a week: an answer at 80 is what 80 a week, week after week, comes to. What a plan brings week by week is "
    "fit.plan."
)
SATURATED = "Effects are of spends as they were read; what they bring is a function of the saturated spend."
CHOSEN = (
    "Carry-over and saturation of each action. Numbers that were given or chosen are taken as known in all intervals; "
    "sampled ones are uncertain in them."
)
FATE = (
    "{kept:,} of the {read:,} rows that were read count. An experiment also changes later weeks: a row counts as set "
    "where nearly all of its carry-over comes from weeks in which the action was set, as natural where nearly none "
    "does. Left out are the first weeks of a series, whose spends before are not known, and the wash-in and wash-out "
    "of experiments, which are in between{thinned}."
)


def carry_over(found: CarryOver) -> Section:
    """Show transforms and rows."""
    parts: list[Block] = [
        Paragraph(SATURATED if found.rows is None else STEADY),
        Table(CHOSEN, ("action", "transform", "numbers", "from"), found.transforms, frozenset({1, 2, 3})),
    ]
    if found.rows is not None:
        table = found.rows
        kept = int(table.loc[table["kept"], "rows"].sum())
        thinned = "; and weeks that were thinned out" if table["became"].str.contains("in between").any() else ""
        cells = tuple((row["week"], row["became"], f"{row['rows']:,}") for row in table.to_dict("records"))
        caption = "What became of the rows: the label of the week, and what the row counts as."
        parts += [
            Paragraph(FATE.format(kept=kept, read=found.read, thinned=thinned)),
            Table(caption, ("label of the week", "the row counts as", "rows"), cells, frozenset({1})),
        ]
    title = "Saturation" if found.rows is None else "Carry-over"
    return Section("carry-over", title, tuple(parts))
