"""``bayes-ivgen effect``: ask a saved fit for effects and contrasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bayes_ivgen.cli.options import Flag
from bayes_ivgen.cli.output import (
    TABLE_SUFFIXES,
    WIDTH,
    check_target,
    decimals_for,
    fixed,
    number,
    read_table,
    say,
    show_table,
    table_width,
    working,
    write_table,
)
from bayes_ivgen.cli.parsing import assignments_of, names_of, values_of
from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.effects import Estimate
    from bayes_ivgen.interface import Fit

MAX_ROWS = 20
_RESULTS = ("mean", "sd", "lower", "upper", "prior_share", "supported", "reason")


def effect(
    fit: Path,
    /,
    *,
    do: list[str] | None = None,
    given: list[str] | None = None,
    rest: str | None = None,
    covariates: list[str] | None = None,
    exposure: float | None = None,
    queries: Path | None = None,
    set_: Annotated[str | None, Parameter(name="--set")] = None,
    versus: Annotated[list[str] | None, Parameter(name=["--versus", "--against"])] = None,
    versus_given: list[str] | None = None,
    ratio: Flag = False,
    prob: float = 0.9,
    extrapolate: Flag = False,
    out: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Ask a saved fit what the outcome becomes when actions are set.

    Every action stands in --do or in --given, or --rest says what it does.
    Prints the mean outcome with its interval. The column prior is the share of
    the prior's variance that is left: near 0 % the rows answer; a large share
    is no alarm unless supported says no. Put quotes around names with spaces:
    --do "tv=3,web ads=1".
    Example: bayes-ivgen effect fit.zarr --do tv=3,web=1 --given radio=2

    Parameters
    ----------
    fit : path
        Folder that bayes-ivgen fit wrote.
    do : list of str
        Actions that are set: tv=3,offer=B.
    given : list of str
        Actions that are seen at these values while they follow their own causes: radio=2.
    rest : str
        What the other actions do; hold sets them to their observed values and averages, respond lets
        them follow their own causes.
    covariates : list of str
        Values of covariates, season=0.5; those left out are averaged over all rows.
    exposure : float
        Size of the row that is asked about, for fits with --link log; by default 1.
    queries : path
        CSV or Parquet file, one question a row, one column an action; other columns go along to --out.
    set_ : str
        Which columns of --queries are set, as tv,web, while the others are seen; by default all.
    versus : list of str
        Ask for the difference to these values instead; actions left out stay as in --do.
    versus_given : list of str
        The same for actions that are seen; those left out stay as in --given.
    ratio : bool
        With --versus: the ratio instead of the difference.
    prob : float
        Mass of the interval.
    extrapolate : bool
        Allow values far outside those that were tried.
    out : path
        Also write the table, as .csv or .parquet.
    overwrite : bool
        Replace what is at --out.
    """
    if out is not None:
        check_target(out, overwrite=overwrite, suffixes=TABLE_SUFFIXES)
    sides = [
        (option, assignments_of(items, option))
        for option, items in (
            ("--do", do), ("--given", given), ("--versus", versus), ("--versus-given", versus_given),
            ("--covariates", covariates),
        )
    ]  # fmt: skip
    if ratio and not any(values for _, values in sides[2:4]):
        raise QueryError("--ratio compares two effects; say with which one by --versus action=value.")
    from bayes_ivgen.effects.estimate import check_prob
    from bayes_ivgen.storage import load

    check_prob(prob)
    fitted = load(fit)
    read: list[dict[str, Any]] = [dict(values_of(values, fitted.categories, option)) for option, values in sides]
    set_values, seen_values, other_set, other_seen, fixed_values = read
    carried = add_queries(fitted, queries, set_, set_values, seen_values)
    options: dict[str, Any] = {"rest": rest, "covariates": fixed_values or None, "extrapolate": extrapolate}
    if other_set or other_seen:
        if exposure is not None:
            raise QueryError("--exposure goes with an effect, not with --versus; leave one of them out.")
        options |= {"versus": set_values | other_set or None, "versus_given": seen_values | other_seen or None}
        options |= {"kind": "ratio" if ratio else "difference"}
        estimate = fitted.contrast(do=set_values or None, given=seen_values or None, **options)
    else:
        estimate = fitted.effect(do=set_values or None, given=seen_values or None, exposure=exposure, **options)
    with working(f"evaluating {len(estimate):,} queries"):
        table = estimate.summary(prob)
    show_estimate(estimate, table, prob)
    if out is not None:
        _write(table, carried, out)


def add_queries(
    fitted: Fit, path: Path | None, chosen: str | None, set_values: dict[str, Any], seen_values: dict[str, Any]
) -> pd.DataFrame | None:
    """Add the columns of a file of queries to the two sides; return the columns that are not actions."""
    if path is None:
        if chosen is not None:
            raise QueryError("--set names columns of --queries; give the file, or use --do action=value.")
        return None
    frame = read_table(path)
    columns = [str(name) for name in frame.columns if name in fitted.actions]
    if not columns:
        raise QueryError(
            f"{path} has no column with the name of an action. The actions are {list(fitted.actions)}, "
            f"its columns {[str(name) for name in frame.columns]}; rename its columns."
        )
    names = columns if chosen is None else names_of(chosen)
    missing = [name for name in names if name not in columns]
    if missing:
        raise QueryError(
            f"--set names {missing[0]!r}, which is not an action with a column in {path}. Such columns are {columns}."
        )
    for name in columns:
        if name in set_values or name in seen_values:
            raise QueryError(f"{name!r} has a column in {path} and a value in --do or --given; keep one of them.")
        (set_values if name in names else seen_values)[name] = frame[name].to_numpy()
    rest = frame.drop(columns=columns)
    if len(rest.columns):
        say(f"Not actions of this fit, only carried along: {', '.join(map(str, rest.columns))}.")
    return rest


def show_estimate(estimate: Estimate, table: pd.DataFrame, prob: float) -> None:
    """Print the sentence of a single query, and a table of at most 80 columns."""
    spread = table["sd"].to_numpy()
    decimals = decimals_for(spread[:MAX_ROWS].tolist())
    tail = 50 * (1 - prob)
    told = "prior_share" in table  # plans do not have it
    before = "carry_in" in table and bool((table["carry_in"] > 0).any())
    last = [*(["prior"] if told else []), *(["carry-in"] if before else []), "supported"]
    headings = ["mean", "sd", f"{tail:.3g} %", f"{100 - tail:.3g} %", *last]
    cells = [
        [
            *(fixed(row[name], decimals) for name in ("mean", "sd", "lower", "upper")),
            *([_share(row["prior_share"])] if told else []),
            *([_share(row["carry_in"])] if before else []),
            "yes" if row["supported"] else "no",
        ]
        for row in table.head(MAX_ROWS).to_dict("records")
    ]
    if len(estimate) == 1:
        say(estimate.sentence(prob))
        show_table(headings, cells, left=0)
        return
    moving, fixed_part = _moving(estimate.queries)
    at = f" at {', '.join(f'{name}={number(value)}' for name, value in fixed_part.items())}" if fixed_part else ""
    title = f"{estimate.name}{at}, {len(estimate):,} queries"
    keys = [[_cell(row[name]) for name in moving] for row in estimate.queries.head(MAX_ROWS).to_dict("records")]
    rows = [[*key, *row] for key, row in zip(keys, cells, strict=True)]
    if table_width([*moving, *headings], rows) <= WIDTH:
        show_table([*moving, *headings], rows, title=title, left=0)
    else:
        texts = [", ".join(f"{name}={value}" for name, value in zip(moving, key, strict=True)) for key in keys]
        rows = [[text, *row] for text, row in zip(texts, cells, strict=True)]
        show_table(["query", *headings], rows, title=title)
    if len(table) > MAX_ROWS:
        say(f"The first {MAX_ROWS} of {len(table):,}; --out table.csv writes all.")
    unsupported = table[~table["supported"]]
    if len(unsupported):
        say(f"Not supported by the data: {len(unsupported):,}, the first because {unsupported['reason'].iloc[0]}.")


def _share(value: float) -> str:
    return "-" if value != value else f"{100 * value:.0f} %"


def _cell(value: Any) -> str:
    return number(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _moving(queries: pd.DataFrame) -> tuple[list[str], dict[str, Any]]:
    """Columns that differ between the queries, and the values of those that do not."""
    moving = [str(name) for name in queries.columns if (queries[name] != queries[name].iloc[0]).any()]
    fixed_part = {str(name): queries[name].iloc[0] for name in queries.columns if name not in moving}
    return moving, fixed_part


def _write(table: pd.DataFrame, carried: pd.DataFrame | None, out: Path) -> None:
    import pandas as pd

    written = table.reset_index(drop=True)
    if carried is not None:
        clash = [str(name) for name in carried.columns if name in (*_RESULTS, *written.columns)]
        carried = carried.rename(columns={name: f"{name}_given" for name in clash})
        written = pd.concat([carried, written], axis=1)
    write_table(written, out)
    say(f"Wrote {len(written):,} rows to {out}.")
