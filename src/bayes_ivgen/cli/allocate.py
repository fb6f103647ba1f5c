"""``bayes-ivgen allocate``: what a saved fit would do with a budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_ivgen.cli.options import Flag
from bayes_ivgen.cli.output import (
    TABLE_SUFFIXES,
    WIDTH,
    check_target,
    decimals_for,
    fixed,
    number,
    say,
    show_table,
    table_width,
    working,
    write_table,
)
from bayes_ivgen.cli.parsing import assignments_of, values_of
from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bayes_ivgen.data.labels import Label
    from bayes_ivgen.interface import Fit

RESULTS = ("mean", "worst", "regret")


def allocate(
    fit: Path,
    /,
    *,
    budget: float,
    costs: list[str] | None = None,
    bounds: list[str] | None = None,
    steps: list[str] | None = None,
    risk: float | None = None,
    aversion: float = 1.0,
    status_quo: list[str] | None = None,
    covariates: list[str] | None = None,
    frontier: Flag = False,
    extrapolate: Flag = False,
    out: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Ask a saved fit for the best values of all actions within a budget.

    Prints the best allocation in a sentence and the ten best in a table: worst
    is the mean of the worst draws, regret what is lost on average by not
    knowing the curves.
    Example: bayes-ivgen allocate fit.zarr --budget 90 --status-quo tv=40,web=25,radio=10

    Parameters
    ----------
    fit : path
        Folder that bayes-ivgen fit wrote.
    budget : float
        Most that all actions may cost together.
    costs : list of str
        Cost of a unit of each action, tv=1,web=1.5; of each allowed value, offer:A=0,offer:B=5. By
        default 1 a unit.
    bounds : list of str
        Least and largest value of an action, tv=20:60; by default the range in which it was set.
    steps : list of str
        Step of an action, tv=5.
    risk : float
        Share of the posterior draws that count as the worst; without it the mean counts.
    aversion : float
        With --risk: weight of the worst draws, from 0 to 1.
    status_quo : list of str
        Present value of every action, for the gain.
    covariates : list of str
        Values of covariates, season=0.5; those left out are averaged over all rows.
    frontier : bool
        Also print the best allocation for a range of budgets.
    extrapolate : bool
        Allow values outside those at which the actions were set.
    out : path
        Also write the table (with --frontier, that of the budgets), as .csv or .parquet.
    overwrite : bool
        Replace what is at --out.
    """
    if out is not None:
        check_target(out, overwrite=overwrite, suffixes=TABLE_SUFFIXES)
    read = {
        option: assignments_of(items, option)
        for option, items in (
            ("--costs", costs), ("--bounds", bounds), ("--steps", steps), ("--status-quo", status_quo),
            ("--covariates", covariates),
        )
    }  # fmt: skip
    from bayes_ivgen.storage import load

    fitted = load(fit)
    categories = fitted.categories
    with working("allocating"):
        found = fitted.allocate(
            budget,
            costs=_costs_of(read["--costs"], fitted) or None,
            bounds=_bounds_of(read["--bounds"]) or None,
            steps=values_of(read["--steps"], {}, "--steps") or None,
            risk=risk,
            aversion=aversion,
            status_quo=values_of(read["--status-quo"], categories, "--status-quo") or None,
            covariates=dict(values_of(read["--covariates"], categories, "--covariates")) or None,
            extrapolate=extrapolate,
        )
        table = found.table
    say(found.sentence())
    title = f"The {len(table)} best, worst: mean of the worst {100 * table.attrs['share']:.3g} % of draws"
    _show(table, ["cost", *RESULTS], fitted.actions, title)
    if frontier:
        with working("one budget after another"):
            table = found.frontier
        _show(table, ["cost", *RESULTS[:2]], fitted.actions, "The best for each budget", first="budget")
    if not costs:
        say("A unit of every action counts as a cost of 1; --costs tv=1,web=1.5 says otherwise.")
    say(f"Found by {found.method}.")
    if out is not None:
        write_table(table, out)
        say(f"Wrote {len(table):,} rows to {out}.")


def _costs_of(assignments: Mapping[str, str], fitted: Fit) -> dict[str, Any]:
    """Read ``tv=1`` (a unit) and ``offer:B=5`` (one value)."""
    found: dict[str, Any] = {}
    for name, text in assignments.items():
        price = values_of({name: text}, {}, "--costs")[name]
        action = next((a for a in fitted.actions if name not in fitted.actions and name.startswith(f"{a}:")), None)
        if action is None:
            found[name] = price
            continue
        value: Label = values_of({action: name[len(action) + 1 :]}, fitted.categories, "--costs")[action]
        prices = found.setdefault(action, {})
        if not isinstance(prices, dict):
            raise QueryError(f"--costs gives {action!r} a cost of a unit and of single values; keep one of them.")
        prices[value] = price
    return found


def _bounds_of(assignments: Mapping[str, str]) -> dict[str, tuple[Any, Any]]:
    """Read ``tv=20:60``."""
    found = {}
    for name, text in assignments.items():
        low, colon, high = text.partition(":")
        if not colon:
            raise QueryError(f"--bounds '{name}={text}' is not action=low:high; write for example --bounds tv=20:60.")
        ends = [values_of({name: end}, {}, "--bounds")[name] for end in (low, high)]
        found[name] = (ends[0], ends[1])
    return found


def _show(table: pd.DataFrame, results: list[str], actions: tuple[str, ...], title: str, first: str = "") -> None:
    """Print a table of at most 80 columns: the values of the actions in columns, or together where they are many."""
    spread = (table["upper"] - table["lower"]).tolist()
    decimals = decimals_for([width / 4 for width in spread])
    leading = [first] if first else []
    keys = [[_cell(row[action]) for action in actions] for row in table.to_dict("records")]
    numbers = [
        [number(row["cost"]), *(fixed(row[name], decimals) for name in results[1:])] for row in table.to_dict("records")
    ]
    start = [[number(row[name]) for name in leading] for row in table.to_dict("records")]
    rows = [[*a, *b, *c] for a, b, c in zip(start, keys, numbers, strict=True)]
    headings = [*leading, *actions, *results]
    if table_width(headings, rows) <= WIDTH:
        show_table(headings, rows, title=title, left=0)
        return
    texts = [", ".join(f"{a}={v}" for a, v in zip(actions, key, strict=True)) for key in keys]
    rows = [[text, *a, *c] for text, a, c in zip(texts, start, numbers, strict=True)]
    show_table(["allocation", *leading, *results], rows, title=title)


def _cell(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
