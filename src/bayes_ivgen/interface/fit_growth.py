"""Where a fit goes: on with more rows, and to files; as methods of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects.estimate import DEFAULT_PROB
from bayes_ivgen.inference.chains import DEFAULT_TUNE
from bayes_ivgen.interface.fit_core import FitCore

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit


class FitGrowth(FitCore):
    """Where a fit goes: on with more rows, and to files; as methods of it."""

    def update(
        self,
        added: Any,
        *,
        draws: int = 1000,
        chains: int = 4,
        tune: int = DEFAULT_TUNE,
        engine: Literal["conjugate", "nuts"] = "conjugate",
        seed: int | None = None,
        cores: int | None = None,
        progressbar: bool = True,
        nuts: Mapping[str, Any] | None = None,
    ) -> Fit:
        """Return the fit of all rows: those of this fit, which need not be at hand, and those added.

        The posterior given the sums X'X, X'y, y'y and n of both, exact: it is that of one fit of all
        rows with the columns of this one. Knots, centres, graph and the unit of the outcome stay. What
        is not a sum comes from samples: the noise law, support and natural rows use up to 10,000 kept
        rows of each regime, old and new in the proportion of their numbers.

        Parameters
        ----------
        added : RegimeData, RowSummary or path
            New rows, or sums over rows that stay where they are; a path leads to a saved summary.
        draws, chains, tune, engine, seed, cores, progressbar, nuts
            As in `InterventionModel.fit`.

        Returns
        -------
        Fit
            A new one; this one does not change.

        Raises
        ------
        SpecError
            If the likelihood is not normal, the fit has weights, the summary belongs to other columns,
            or a regime has rows in a summary only.
        DataError
            If the columns are not those of the fit, or a label is new.

        Warns
        -----
        DataWarning
            If new rows lie far beyond the range of the earlier ones.

        Examples
        --------
        >>> later = world.sample_regimes({"do(tv)": 100}, seed=5)
        >>> more = ivg.RegimeData.from_frame(later, outcome="sales", actions=["tv", "web"])
        >>> fit.update(more, draws=100, chains=2, seed=0, progressbar=False).statistics.rows.tolist()
        [300.0, 400.0, 300.0]
        """
        from bayes_ivgen.interface.fitting import Sampling
        from bayes_ivgen.interface.updating import update_fit

        return update_fit(
            cast("Fit", self), added, Sampling(draws, chains, tune, engine, seed, cores, progressbar, nuts)
        )

    def save_design(self, path: str | Path) -> Path:
        """Write the columns of the fit as a JSON file: with it `RowSummary.of` sums rows on another machine.

        Knots, centres and labels are in it, but no row and no draw.

        Parameters
        ----------
        path : path
            File to write.

        Returns
        -------
        Path
            The same path.

        Raises
        ------
        SpecError
            If the likelihood is not normal.
        StorageError
            If the file cannot be written.

        Examples
        --------
        >>> fit.save_design(folder / "design.json").name
        'design.json'
        """
        from bayes_ivgen.interface.row_summary import FrozenDesign

        return FrozenDesign.of_fit(cast("Fit", self)).save(Path(path))

    def report(
        self,
        path: str | Path,
        *,
        queries: Any = None,
        data: RegimeData | None = None,
        units: Mapping[str, str] | None = None,
        prob: float = DEFAULT_PROB,
        overwrite: bool = False,
    ) -> Path:
        """Write one HTML page that tells the fit: answers, pictures, checks, assumptions; it needs no network.

        Parameters
        ----------
        path : path
            File to write, ending in ``.html``.
        queries : Estimate, mapping or data frame, optional
            What is asked: an estimate such as ``fit.contrast(...)``, several as ``{"title": estimate}``, or a frame
            (or mapping) with one row a question and one column an action that is set; those left out are held at
            observed values. By default every action from its lower to its upper quartile, alone and together.
        data : RegimeData, optional
            The rows, for checks against them; by default those that the fit kept (normal likelihood only). Weeks that
            share spends are judged by rows some weeks apart (`thinned`), or, without the rows as they were read, shown
            and not judged.
        units : mapping of str to str, optional
            Units of columns: ``{"tv": "thousand euro"}``.
        prob : float
            Mass of all intervals.
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
        QueryError
            If the queries, the units or the data do not belong to the fit.
        SpecError
            If data are passed and transforms were sampled.

        Examples
        --------
        >>> fit.report(folder / "report.html", units={"sales": "thousand euro"}).name
        'report.html'
        """
        from bayes_ivgen.interface.reporting import write_report

        options: dict[str, Any] = {"queries": queries, "data": data, "units": units, "prob": prob}
        return write_report(cast("Fit", self), Path(path), **options, overwrite=overwrite)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit as a Zarr folder; `load` gives bit-equal draws.

        Parameters
        ----------
        path : path
            Folder to write, by convention ending in ``.zarr``.
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
        >>> fit.save(folder / "fit.zarr").name
        'fit.zarr'
        """
        from bayes_ivgen.storage import save_datatree

        return save_datatree(self.datatree, Path(path), overwrite=overwrite)
