"""Options that several commands share: which rows are read, and flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from bayes_ivgen.cli.output import working
from bayes_ivgen.cli.parsing import labels_of, names_of
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from bayes_ivgen.data import RegimeData

FileFormat = Literal["parquet", "csv"]
Flag = Annotated[bool, Parameter(show_default=False)]
_SUFFIXES: dict[str, FileFormat] = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """Which columns and rows are read.

    Parameters
    ----------
    outcome : str
        Name of the outcome column.
    actions : str
        Names of the action columns, separated by commas: tv,web,radio.
    regime : str
        Name of the column of regime labels: obs, do(tv), do(tv,web).
    label : list of str
        Your own label and what it sets, may be repeated: "spring test=tv"; "history=" if nothing was.
    exclude : list of str
        Leave out the rows with this label, may be repeated: "do(tv,web)".
    covariates : str
        Names of columns that no action causes, separated by commas: season,region.
    exposure : str
        Name of the column with the size of each row, for --link log.
    weights : str
        Name of the column that says how many rows like this one there are.
    dataset : str
        Name of the column that tells data sets apart; each gets an offset of its own.
    missing : {"refuse", "drop"}
        What happens to rows with a missing value: an error, or they are left out.
    time : str
        Name of the column of weeks (whole numbers or dates), for rows in order of time.
    unit : str
        With --time: name of the column that tells series apart: geo, shop.
    seasonality : int
        With --time: add this many sines and cosines of the year as covariates that move actions and outcome.
    trend : bool
        With --time: add a trend as a covariate that moves the outcome.
    format : {"parquet", "csv"}
        Format of the files; by default by their suffix.
    """

    outcome: str
    actions: str
    regime: str = "regime"
    label: list[str] | None = None
    exclude: list[str] | None = None
    covariates: str | None = None
    exposure: str | None = None
    weights: str | None = None
    dataset: str | None = None
    missing: Literal["refuse", "drop"] = "refuse"
    time: str | None = None
    unit: str | None = None
    seasonality: int | None = None
    trend: Flag = False
    format: FileFormat | None = None

    def check(self) -> None:
        """Raise a `DataError` if options of time are given without it, or the order of the season is not positive."""
        if self.seasonality is not None and self.seasonality < 1:
            raise DataError(f"--seasonality {self.seasonality} must be a number of harmonics, 1 or more.")
        needing = [("--seasonality", self.seasonality), ("--trend", self.trend), ("--unit", self.unit)]
        option = next((name for name, value in needing if value), None)
        if option is not None and self.time is None:
            raise DataError(f"{option} needs a time; name the column of weeks with --time, as in --time week.")

    @property
    def roles(self) -> dict[str, str] | None:
        """Where covariates enter the model; None where all of them enter as the model has it by default."""
        if self.seasonality is None and not self.trend:
            return None
        waves = [f"season_{wave}_{i + 1}" for i in range(self.seasonality or 0) for wave in ("sin", "cos")]
        roles = dict.fromkeys([*names_of(self.covariates or ""), *waves], "confounding")
        return roles | ({"trend": "outcome"} if self.trend else {})

    def derived(self, times: Any) -> pd.DataFrame:
        """Columns of season and trend at some times, by the names in `roles`."""
        import pandas as pd

        from bayes_ivgen.media import seasonality, trend

        parts = [] if self.seasonality is None else [seasonality(times, order=self.seasonality)]
        return pd.concat([*parts, *([trend(times)] if self.trend else [])], axis=1)


def read_rows(paths: Sequence[str], options: RowOptions, checkpoint: Path | None = None) -> RegimeData:
    """Read and check the rows of files, folders or patterns; notes of each part go to the folder `checkpoint`.

    Raises
    ------
    DataError
        If the format is not clear, or the rows cannot be used.
    """
    options.check()
    file_format = options.format or format_of(paths)
    labels = labels_of(options.label)
    from bayes_ivgen.data import RegimeData
    from bayes_ivgen.data.read_options import ReadOptions
    from bayes_ivgen.data.row_reading import read_files

    named = asdict(options) | {
        "actions": names_of(options.actions),
        "covariates": names_of(options.covariates or ""),
        "regime_labels": labels or None,
        "exclude": options.exclude or (),
        "derived": None if options.roles is None else options.derived,
    }
    where = list(paths) if len(paths) > 1 else paths[0]
    with working(f"reading {', '.join(paths)}"):
        return RegimeData._of(read_files(where, file_format, ReadOptions.of(named), checkpoint))


def format_of(paths: Sequence[str]) -> FileFormat:
    """Format of the files by their suffixes; a folder is judged by the files in it.

    Raises
    ------
    DataError
        If the suffixes are unknown or differ.
    """
    found = {_SUFFIXES.get(suffix) for path in paths for suffix in _suffixes(Path(path))}
    if len(found) == 1 and (only := found.pop()) is not None:
        return only
    raise DataError(
        f"the format of {', '.join(paths)} is not clear from the suffix; name files that end in .parquet or in "
        ".csv, or pass --format parquet or --format csv."
    )


def _suffixes(path: Path) -> set[str]:
    if not path.is_dir():
        return {path.suffix.lower()}
    inside = {file.suffix.lower() for file in path.rglob("*") if file.is_file()} & set(_SUFFIXES)
    return inside or {path.suffix.lower()}
