"""Rows summed in the columns of a fit: what may leave a machine when its rows may not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pandas as pd
import xarray as xr

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.labels import LabelSet
from bayes_ivgen.data.merging import merged_data, recoded_like
from bayes_ivgen.data.profile_store import (
    GoneSource,
    columns_from_dict,
    data_from_dataset,
    label_sets_from_dict,
    label_sets_to_dict,
    profiles_to_dataset,
)
from bayes_ivgen.errors import SpecError, StorageError
from bayes_ivgen.interface.carried import refuse_carried
from bayes_ivgen.model import Design
from bayes_ivgen.shown import Shown
from bayes_ivgen.statistics import SufficientStatistics, accumulate

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit

FORMAT = 1
KIND = "bayes_ivgen_row_summary"
_DECODING_ERRORS = (OSError, ValueError, KeyError, TypeError, RuntimeError)


class FrozenDesign(NamedTuple):
    """Columns of a fit with all that it takes to sum other rows in them; it holds no row."""

    design: Design
    columns: ColumnNames
    label_sets: Mapping[str, LabelSet]

    @classmethod
    def of_fit(cls, fit: Fit) -> Self:
        """Take it from a fit."""
        refuse_carried(fit)
        known = fit.profiles
        return cls(fit.design, known.columns, known.label_sets)

    @property
    def key(self) -> str:
        """Fingerprint: summaries can be added if theirs are equal."""
        return hashlib.sha256(json.dumps(self.design.to_dict(), sort_keys=True).encode()).hexdigest()

    def save(self, path: Path) -> Path:
        """Write it as a JSON file.

        Raises
        ------
        StorageError
            If the file cannot be written.
        """
        content = {
            "bayes_ivgen_design": FORMAT,
            "design": self.design.to_dict(),
            "columns": asdict(self.columns),
            "label_sets": label_sets_to_dict(self.label_sets),
        }
        scratch = path.with_name(f".{path.name}.part")
        try:
            scratch.write_text(json.dumps(content))
            scratch.replace(path)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise StorageError(f"{path} cannot be written: {error}. Check the free space and the folder.") from error
        return path

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        StorageError
            If there is no such file, or it is something else.
        """
        try:
            content = json.loads(path.read_text())
            found = content["bayes_ivgen_design"]
            if found > FORMAT:
                raise StorageError(
                    f"{path} has format {found}; this version reads up to {FORMAT}. Upgrade with: python -m pip "
                    "install --upgrade bayes-ivgen"
                )
            return cls(
                Design.from_dict(content["design"]),
                columns_from_dict(content["columns"]),
                label_sets_from_dict(content["label_sets"]),
            )
        except FileNotFoundError as error:
            raise StorageError(f"there is no file {path}. Designs are written by fit.save_design(path).") from error
        except _DECODING_ERRORS as error:
            raise StorageError(
                f"{path} is not a design of bayes_ivgen, or damaged; designs are written by fit.save_design(path)."
            ) from error


@dataclass(frozen=True, eq=False, repr=False)
class RowSummary(Shown):
    """Sums over rows in the columns of a fit: X'X, X'y, y'y, counts and ranges. No row is in it.

    Sums of separate rows add up to those of all rows, so that ``fit.update(summary)`` gives the
    posterior of all rows although they were never in one place.

    Attributes
    ----------
    statistics : SufficientStatistics
        One entry a regime.
    key : str
        Fingerprint of the columns.
    facts : RegimeData
        Counts, moments, ranges and levels of each regime, without rows.

    Examples
    --------
    >>> summary = ivg.RowSummary.of(data, fit)
    >>> summary.n_rows, summary.regimes
    (900, (Regime('obs'), Regime('do(tv)'), Regime('do(web)')))
    >>> (summary + summary).n_rows
    1800
    """

    statistics: SufficientStatistics = field(repr=False)
    key: str = field(repr=False)
    facts: RegimeData = field(repr=False)

    @classmethod
    def of(cls, data: RegimeData, design: Fit | FrozenDesign | str | Path, *, cores: int | None = None) -> Self:
        """Sum the rows of `data`.

        Parameters
        ----------
        data : RegimeData
            Rows with the columns of the fit.
        design : Fit or path
            The fit, or the file that ``fit.save_design(path)`` wrote on the machine where it is.
        cores : int, optional
            Threads, by default all cores.

        Returns
        -------
        RowSummary

        Raises
        ------
        DataError
            If the columns are not those of the fit, or a label is new.
        StorageError
            If the file cannot be read.

        Examples
        --------
        >>> path = fit.save_design(folder / "columns.json")
        >>> ivg.RowSummary.of(data, path)
        RowSummary of 900 rows (obs: 300, do(tv): 300, do(web): 300)
        """
        frozen = _frozen(design)
        own = RegimeData(frozen.columns, {}, GoneSource(), {}, frozen.label_sets)
        data = recoded_like(data, own)
        statistics = accumulate(data, frozen.design, cores=cores)
        profiles = {
            regime: replace(
                profile,
                sample=profile.sample[:0],
                sample_dataset=None if profile.sample_dataset is None else profile.sample_dataset[:0],
            )
            for regime, profile in data.profiles.items()
        }
        return cls(statistics, frozen.key, replace(own, profiles=profiles))

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.facts.n_rows

    @property
    def regimes(self) -> tuple[Regime, ...]:
        """Regimes of the rows."""
        return self.facts.regimes

    def __add__(self, other: RowSummary) -> RowSummary:
        """Summary of the rows of both.

        Raises
        ------
        SpecError
            If they were summed in different columns.
        """
        check_same_columns(self.key, other.key)
        return replace(self, statistics=self.statistics + other.statistics, facts=merged_data(self.facts, other.facts))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it as a Zarr folder.

        Parameters
        ----------
        path : path
            Folder to write.
        overwrite : bool
            Replace what is there.

        Returns
        -------
        Path
            The same path.

        Raises
        ------
        StorageError
            If something is there already, or it cannot be written; nothing half-written stays.

        Examples
        --------
        >>> ivg.RowSummary.of(data, fit).save(folder / "sums.zarr").name
        'sums.zarr'
        """
        from bayes_ivgen.storage import save_datatree

        tree = xr.DataTree.from_dict(
            {"statistics": self.statistics.to_dataset(), "profiles": profiles_to_dataset(self.facts)}
        )
        tree.attrs = {KIND: FORMAT, "key": self.key}
        return save_datatree(tree, Path(path), overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
            Folder that `save` wrote.

        Returns
        -------
        RowSummary

        Raises
        ------
        StorageError
            If there is no such folder, or it is something else.

        Examples
        --------
        >>> path = ivg.RowSummary.of(data, fit).save(folder / "sums2.zarr")
        >>> ivg.RowSummary.load(path).n_rows
        900
        """
        place = Path(path)
        if not place.exists():
            raise StorageError(f"there is no summary at {place}. Summaries are written by summary.save(path).")
        wrong = f"{place} is not a summary of rows, or damaged; summaries are written by summary.save(path)."
        try:
            with xr.open_datatree(place, engine="zarr", consolidated=False) as opened:
                if opened.attrs.get(KIND) != FORMAT:
                    raise StorageError(wrong)
                tree = opened.load()
            statistics = SufficientStatistics.from_dataset(tree["statistics"].dataset)
            return cls(statistics, str(tree.attrs["key"]), data_from_dataset(tree["profiles"].dataset))
        except _DECODING_ERRORS as error:
            raise StorageError(wrong) from error

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"rows": self.facts.summary()}

    def __str__(self) -> str:
        shown = ", ".join(f"{regime.label}: {profile.rows:,}" for regime, profile in self.facts.profiles.items())
        return f"RowSummary of {self.n_rows:,} rows ({shown})"


def check_same_columns(first: str, second: str) -> None:
    """Raise a `SpecError` unless two fingerprints are equal."""
    if first != second:
        raise SpecError(
            "the summary was made in the columns of another fit: knots and centres differ, so its sums do not add up "
            "with these. Write the design of this fit with fit.save_design(path), and sum the rows with "
            "RowSummary.of(data, path)."
        )


def _frozen(design: Any) -> FrozenDesign:
    if isinstance(design, FrozenDesign):
        return design
    if isinstance(design, str | Path):
        return FrozenDesign.load(Path(design))
    if hasattr(design, "datatree"):
        return FrozenDesign.of_fit(design)
    raise SpecError(
        f"design is a {type(design).__name__}; pass a fit, or the path of the file that fit.save_design(path) wrote."
    )
