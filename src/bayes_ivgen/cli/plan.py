"""``bayes-ivgen plan``: ask a saved fit for a plan of spends by week."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_ivgen.cli.effect import show_estimate
from bayes_ivgen.cli.options import Flag
from bayes_ivgen.cli.output import TABLE_SUFFIXES, check_target, read_table, say, working, write_table
from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.data.series import SeriesNames
    from bayes_ivgen.interface import Fit
    from bayes_ivgen.interface.plan_estimate import PlanEstimate


def plan(
    fit: Path,
    spends: Path,
    /,
    *,
    versus: Path | None = None,
    total: Flag = False,
    sum_units: Flag = False,
    seasonality: int | None = None,
    trend: Flag = False,
    prob: float = 0.9,
    extrapolate: Flag = False,
    out: Path | None = None,
    overwrite: Flag = False,
) -> None:
    """Ask a saved fit what the outcome becomes under a plan of spends by week.

    For fits with --adstock: what is spent in a week carries over into later
    ones, also what was spent before the plan, which begins right after the
    fitted rows. The column carry-in is the share of what is at work that comes
    from there; weeks in which that still matters are marked as not supported.
    It cancels in a difference of two plans, unless demand changes what a spend
    does. Without a column of units answers are for one average unit.
    Example: bayes-ivgen plan fit.zarr plan.csv --versus even.csv --total

    Parameters
    ----------
    fit : path
        Folder that bayes-ivgen fit wrote.
    spends : path
        CSV or Parquet file, one week a row: the column of weeks and one of each action.
        With a column of units, a plan for each; columns of covariates are read.
    versus : path
        File of another plan of the same weeks: ask for the difference to it.
    total : bool
        The sum over all weeks instead of one answer a week.
    sum_units : bool
        For a file without a column of units: the sum over all units instead of one average unit.
    seasonality : int
        Add the season of the weeks, as the same option of bayes-ivgen fit did.
    trend : bool
        Add the trend that bayes-ivgen fit --trend made, as it was in the last fitted week.
    prob : float
        Mass of the intervals.
    extrapolate : bool
        Allow spends far outside those that were tried.
    out : path
        Also write the table, as .csv or .parquet.
    overwrite : bool
        Replace what is at --out.
    """
    if out is not None:
        check_target(out, overwrite=overwrite, suffixes=TABLE_SUFFIXES)
    from bayes_ivgen.effects.estimate import check_prob
    from bayes_ivgen.storage import load

    check_prob(prob)
    fitted = load(fit)
    asked = _read(fitted, spends, seasonality, trend)
    other = None if versus is None else _read(fitted, versus, seasonality, trend)
    estimate = fitted.plan(asked, versus=other, total=total, sum_units=sum_units, extrapolate=extrapolate)
    with working(f"evaluating {len(estimate):,} weeks"):
        table = estimate.summary(prob)
    show_estimate(replace(estimate, queries=_as_text(estimate.queries, fitted)), table, prob)
    _say_more(estimate, fitted)
    structure = fitted.design.structure
    left = [name for name in structure.covariates if name not in asked]
    if left and (versus is None or structure.covariates_in("causal")):  # otherwise they cancel
        say(
            f"Averaged over {', '.join(left)} in the fitted rows; columns of the plan, --seasonality and --trend say "
            "what they are in its weeks."
        )
    if out is not None:
        write_table(table.reset_index(drop=True), out)
        say(f"Wrote {len(table):,} rows to {out}.")


def _say_more(estimate: PlanEstimate, fitted: Fit) -> None:
    """Print what a table of weeks leaves unsaid: what weeks before the plan leave open, and which units are meant."""
    notes = [note for i in range(len(estimate)) if (note := estimate.note(i))]
    if notes and len(estimate) > 1:  # a single one is part of its sentence
        say(notes[0])
    names = None if fitted.carried is None else fitted.carried.series
    if names is not None and "for one average" in estimate.name:
        say(f"The mean over {len(names.units)} units ({names.unit}); --sum-units asks for their sum.")


def _read(fitted: Fit, path: Path, seasonality: int | None, trend: bool) -> pd.DataFrame:
    """Read the spends of a plan, with the columns of season and trend that are asked for."""
    frame = read_table(path)
    names = None if fitted.carried is None else fitted.carried.series
    if names is None or names.time not in frame:  # the plan itself says what is wrong
        return frame
    import pandas as pd

    from bayes_ivgen.media import seasonality as season_columns

    frame[names.time] = _times(frame[names.time], names, path)
    added = pd.DataFrame(index=frame.index)
    if seasonality is not None:
        added = season_columns(frame[names.time], order=seasonality)
    if trend:
        added = added.assign(trend=1.0)
    unknown = [name for name in added if name not in fitted.design.structure.covariates]
    if unknown:
        raise QueryError(
            f"--seasonality and --trend make {unknown[0]!r}, which is no covariate of the fit; give them as they were "
            "given to bayes-ivgen fit."
        )
    doubled = [name for name in added if name in frame]
    if doubled:
        raise QueryError(f"{path} has a column {doubled[0]!r} already; leave out the column or the option.")
    return frame.join(added)


def _times(times: pd.Series[Any], names: SeriesNames, path: Path) -> pd.Series[Any]:
    """Return the weeks of a file as the clock of the fit counts them: dates only where they are written as such."""
    import pandas as pd

    from bayes_ivgen.data.dates import iso_days, odd_one

    entries = times.tolist()
    if names.clock.kind != "date" or not any(isinstance(entry, str) for entry in entries):
        return times
    days = iso_days(entries)
    if days is None:
        raise QueryError(
            f"the column {names.time!r} of {path} holds {odd_one(entries)!r}; write all its dates as 2024-01-29 (year, "
            "month, day)."
        )
    return pd.Series(days, index=times.index, name=times.name)


def _as_text(queries: pd.DataFrame, fitted: Fit) -> pd.DataFrame:
    """Weeks are names in the table that is printed: 202401, not 202,401, and days without a time."""
    names = None if fitted.carried is None else fitted.carried.series
    if names is None or names.time not in queries:
        return queries
    times = queries[names.time]
    return queries.assign(**{names.time: times.map(lambda time: str(time).removesuffix(" 00:00:00"))})
