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
WORTH = "Weeks resemble those before them: in intervals of effects a row counts as {:.2f} independent ones."
REASONS = {
    "wash": (
        "An experiment also changes later weeks: a row counts as set where nearly all of its carry-over comes from "
        "weeks in which the action was set, as natural where nearly none does; the wash-in and wash-out in between are "
        "left out."
    ),
    "first weeks": "The first weeks of a series are left out, since the spends before them are not known.",
    "in between": "Weeks were thinned out, so that no two of a series share a spend.",
}


def carry_over(found: CarryOver) -> Section:
    """Show transforms and rows."""
    parts: list[Block] = [
        Paragraph(SATURATED if found.rows is None else STEADY),
        Table(CHOSEN, ("action", "transform", "numbers", "from"), found.transforms, frozenset({1, 2, 3})),
    ]
    if found.rows is not None:
        table = found.rows
        kept = int(table.loc[table["kept"], "rows"].sum())
        left_out = " ".join(table.loc[~table["kept"], "became"])
        worth = WORTH.format(found.row_worth) if found.row_worth < 1 else ""
        why = [text for word, text in REASONS.items() if word in left_out]
        cells = tuple((row["week"], row["became"], f"{row['rows']:,}") for row in table.to_dict("records"))
        caption = "What became of the rows: the label of the week, and what the row counts as."
        parts += [
            Paragraph(" ".join([f"{kept:,} of the {found.read:,} rows that were read count.", *why, worth]).rstrip()),
            Table(caption, ("label of the week", "the row counts as", "rows"), cells, frozenset({1})),
        ]
    title = "Saturation" if found.rows is None else "Carry-over"
    return Section("carry-over", title, tuple(parts))
