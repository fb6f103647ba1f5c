"""What the commands print about carry-over: what became of the rows, and which parameters were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayes_ivgen.cli.output import number, say, show_table

if TYPE_CHECKING:
    from bayes_ivgen.data.series import Carried
    from bayes_ivgen.interface import Fit


def show_carried(carried: Carried) -> None:
    """Print what became of the rows, and the transforms of the actions."""
    if carried.series is not None:
        table = carried.rows.sort_values(["week", "rows"], ascending=[True, False], key=_last_obs)
        show_table(
            ["label of the week", "the row counts as", "rows"],
            [[row["week"], row["became"], f"{row['rows']:,}"] for row in table.to_dict("records")],
            title=(
                "What became of the rows. An experiment also changes later weeks: a row counts as set where its "
                "carry-over comes from weeks in which the action was set."
            ),
            left=2,
        )
    show_table(
        ["action", "transform", "parameters", "chosen\nfrom", "next worse\nby"],
        [
            [action, _kind(item), _parameters(item), *_origin(carried, action, item)]
            for action, items in carried.transforms.items()
            for item in items
        ],
        title=(
            "Carry-over and saturation; where they are chosen, by marginal likelihood, and the next best is so many "
            "log units worse. Questions are about a steady spend a week."
        ),
        left=3,
    )


def _last_obs(column: Any) -> Any:
    """Sort labels with obs first."""
    return column.map(lambda label: (label != "obs", label)) if column.name == "week" else column


def _kind(item: Any) -> str:
    from bayes_ivgen.media import Adstock

    if isinstance(item, Adstock):
        return f"{item.kind}, {item.l_max} weeks"
    return {"hill": "Hill", "michaelis_menten": "Michaelis-Menten"}.get(item.kind, str(item.kind))


def _parameters(item: Any) -> str:
    from bayes_ivgen.inference.carry_over_choice import parameters_text

    return parameters_text(item)


def _origin(carried: Carried, action: str, item: Any) -> tuple[str, str]:
    choice = carried.choice
    rows = choice[(choice["action"] == action) & (choice["transform"] == type(item).__name__.lower())]
    if rows.empty:
        return "given", "-"
    others = rows[~rows["chosen"].astype(bool)]["log_evidence"]
    return f"{len(rows)}", number(-float(others.max()), 2)


def show_share(fitted: Fit) -> None:
    """Print how many independent rows a row is worth."""
    if fitted.row_worth < 1.0:
        say(
            f"A row is worth {fitted.row_worth:.2f} independent ones, by how much residuals resemble those of the "
            "weeks before. Intervals of effects allow for it."
        )
    else:
        say("Rows count as independent.")
