"""What the report of a fit says of the fit against rows."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from bayes_ivgen.data import RegimeData
from bayes_ivgen.diagnostics import CheckReport, CheckResult
from bayes_ivgen.errors import DataError, DataWarning, SpecError, StorageError
from bayes_ivgen.interface import picture_tables as tables
from bayes_ivgen.interface.carried import weeks_share_spends
from bayes_ivgen.media.carry_over import THINNED
from bayes_ivgen.media.transforms import any_sampled
from bayes_ivgen.report import Calibration, Checks, Implication, Rows

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit

MOST_OUTCOMES = 6
NO_SINGLES = "No action was set alone in enough rows, so there is no check of calibration."
NOT_JUDGED = (
    "Not judged: weeks are not independent rows. They share the spends that carry over, and demand may remember, so "
    "that a verdict from them would come out too harsh. To have it judged by rows some weeks apart, pass the rows as "
    "they were read, in Python: fit.report(path, data=data), or fit.falsify(fit.thinned(data))."
)
SAMPLED = (
    "Transforms of this fit were sampled, so that its rows have no one carried-over or saturated spend to be checked "
    "at. Fit the posterior means as numbers, dataclasses.replace(fit.model, transforms=fit.transforms).fit(data): its "
    "report has the checks."
)
APART = (
    "Judged by {kept:,} of {all:,} rows, some weeks apart so that no two of a series share a spend (fit.thinned). "
    "Demand that remembers longer still makes p-values too small."
)


def checks_of(fit: Fit, data: RegimeData | None) -> Checks:
    """Collect the checks; weeks that share spends are shown and not judged, or judged by rows some weeks apart."""
    if data is None and any_sampled(fit.model.transforms):
        return Checks(note=SAMPLED)
    try:
        kept = fit.as_fitted(fit.profiles if data is None else data)
    except (SpecError, StorageError) as error:
        if data is not None:
            raise
        return Checks(note=f"No rows are at hand: {error} Pass the rows to the report to see the checks.")
    tables.check_columns(fit, kept)
    checked, note = _judged_by(fit, kept, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the page says it
        report = fit.falsify(kept if checked is None else checked, None if checked is not None else ["calibration"])
    calibrations, implications = _results(report)
    if not calibrations:
        note = f"{NO_SINGLES} {note}".strip()
    found = Checks(calibrations, note=note, implications=implications, judged=checked is not None)
    return _with_pictures(fit, kept, found)


def _judged_by(fit: Fit, kept: RegimeData, given: RegimeData | None) -> tuple[RegimeData | None, str]:
    """Return rows whose p-values can be trusted, none if there are none, and what to say of it."""
    if not weeks_share_spends(kept):
        carried = kept.carried
        apart = carried is not None and carried.series is not None
        return kept, APART.format(kept=kept.n_rows, all=_as_many(kept)) if apart else ""
    if given is None or given.series is None:
        return None, NOT_JUDGED
    try:
        thin = fit.thinned(given)
    except DataError as error:
        return None, f"{NOT_JUDGED} Of the rows that were passed: {error}"
    return thin, APART.format(kept=thin.n_rows, all=kept.n_rows)


def _as_many(thin: RegimeData) -> int:
    """Rows that there were before some were left out as weeks in between."""
    assert thin.carried is not None
    rows = thin.carried.rows
    return thin.n_rows + int(rows.loc[rows["became"] == THINNED, "rows"].sum())


def _results(report: CheckReport) -> tuple[tuple[Calibration, ...], tuple[Implication, ...]]:
    calibrations, implications = [], []
    for name, found in report.results.items():
        if name.startswith("calibration["):
            action = name.removeprefix("calibration[").removesuffix("]")
            calibrations.append(Calibration(action, found.passed, found.p_value, *_worst(found), found.advice))
        else:
            implications.append(Implication(name, found.passed, found.p_value, found.finding, found.advice))
    implications += [
        Implication(name, None, None, why) for name, why in report.not_tested.items() if "calibration" not in name
    ]
    return tuple(calibrations), tuple(implications)


def _worst(found: CheckResult) -> tuple[str, float]:
    """Say where fit and rows are furthest apart, and by how many standard deviations."""
    rows = found.table.to_dict("records")
    worst = max(rows, key=lambda row: abs(float(row["z"])))
    numbers = {name: f"{worst[name]:.4g}" for name in ("fit", "observed", "low", "high")}
    at = numbers["low"] if worst["low"] == worst["high"] else f"{numbers['low']} to {numbers['high']}"
    return f"fit {numbers['fit']}, rows {numbers['observed']} at {at}", abs(float(worst["z"]))


def _with_pictures(fit: Fit, data: RegimeData, found: Checks) -> Checks:
    if data.columns.exposure is not None:
        return replace(found, note=f"{found.note} Rows with an exposure are not drawn one by one.".strip())
    rows = tables.rows_of(fit, data, tables.PREDICTED_ROWS)
    outcomes = tuple(
        Rows(item.regime.label, item.outcome, tables.replicates(fit, item, seed=0)) for item in rows[:MOST_OUTCOMES]
    )
    return replace(found, residuals=tables.residual_table(fit, data), outcomes=outcomes)
