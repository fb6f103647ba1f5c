"""``bayes-ivgen report``: one HTML page from a saved fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bayes_ivgen.cli.effect import add_queries
from bayes_ivgen.cli.options import Flag
from bayes_ivgen.cli.output import check_target, file_size, say, working
from bayes_ivgen.cli.parsing import assignments_of, units_of, values_of

SUFFIXES = (".html", ".htm")


def report(
    fit: Path,
    /,
    *,
    out: Path,
    do: list[str] | None = None,
    queries: Path | None = None,
    unit: list[str] | None = None,
    prob: float = 0.9,
    overwrite: Flag = False,
) -> None:
    """Write one HTML page that tells a saved fit; it opens in any browser and needs no network.

    Example: bayes-ivgen report fit.zarr --out report.html --do tv=3,web=1

    Parameters
    ----------
    fit : path
        Folder that bayes-ivgen fit wrote.
    out : path
        File to write, ending in .html.
    do : list of str
        The question: actions that are set, tv=3,offer=B; the others are held at observed values. By default every
        action from its lower to its upper quartile, alone and together.
    queries : path
        CSV or Parquet file, one question a row, one column an action that is set.
    unit : list of str
        Unit of a column, may be repeated: "sales=thousand euro".
    prob : float
        Mass of the intervals.
    overwrite : bool
        Replace what is at --out.
    """
    check_target(out, overwrite=overwrite, suffixes=SUFFIXES)
    assigned = assignments_of(do, "--do")
    units = units_of(unit)
    from bayes_ivgen.storage import load

    fitted = load(fit)
    asked: dict[str, Any] = dict(values_of(assigned, fitted.categories, "--do"))
    add_queries(fitted, queries, None, asked, {})
    with working(f"writing {out}"):
        written = fitted.report(out, queries=asked or None, units=units, prob=prob, overwrite=overwrite)
    say(f"Wrote {written} ({file_size(written)}); open it in a browser.")
