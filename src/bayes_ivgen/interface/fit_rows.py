"""What a fit says of single rows, as methods of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from bayes_ivgen.data import RegimeData
from bayes_ivgen.interface.fit_core import FitCore

if TYPE_CHECKING:
    import xarray as xr
    from arviz_stats import ELPDData

    from bayes_ivgen.interface.fit import Fit


class FitRows(FitCore):
    """What a fit says of single rows, as methods of it."""

    def pointwise(
        self,
        data: RegimeData,
        *,
        rows: int | None = None,
        draws: int | None = None,
        law: Literal["outcome", "likelihood"] = "outcome",
        seed: int = 0,
        path: str | Path | None = None,
    ) -> xr.DataTree:
        """Log likelihood and predictive draws of each row, as ArviZ reads them.

        For ``az.plot_ppc_dist``, ``az.plot_loo_pit``, ``az.loo_score``, ``az.loo`` and ``az.compare``. The fit keeps
        no rows, so they are read again.

        Parameters
        ----------
        data : RegimeData
            The data of the fit, or other rows of its regimes.
        rows : int, optional
            As many rows, drawn at random by `seed`; all by default. The same data, `rows` and `seed` give the same
            rows whatever the model, so that models can be compared.
        draws : int, optional
            As many draws of each chain, evenly spaced; all by default.
        law : {"outcome", "likelihood"}
            The law of a row given the draws: that of `Fit.outcome` (variance at the row's actions, shape of the noise
            of its regime), or the normal one with a noise scale for each regime that the sampler used. Other
            likelihoods have one law.
        seed : int
            Of the choice of rows and of the predictive draws.
        path : path, optional
            A Zarr folder to write to block by block, where the arrays do not fit into memory; it is opened lazily.

        Returns
        -------
        xarray.DataTree
            ``posterior`` (the draws used), ``log_likelihood`` and ``posterior_predictive`` with dims chain, draw, row,
            ``observed_data`` (row) and ``constant_data`` (inputs: row, input); rows are numbered in the order in
            which the data are read, and carry their regime as a coordinate. Log densities are of the outcome in its
            own units; a row with weight w counts as w rows.

        Raises
        ------
        QueryError
            If the data have other columns or regimes, a number is not valid, the arrays are larger than 4 GiB without
            `path`, or the outcome holds shares.
        SpecError
            If ``law="likelihood"`` and the fit has weights of its own.
        StorageError
            If `path` exists or cannot be written.

        Examples
        --------
        >>> tree = fit.pointwise(data, rows=100, draws=20)
        >>> dict(tree["log_likelihood"].sizes)
        {'chain': 2, 'draw': 20, 'row': 100}
        """
        from bayes_ivgen.interface.pointwise import RowPredictions

        chosen = RowPredictions.of(cast("Fit", self), data, rows, draws, law, seed)
        return chosen.in_memory() if path is None else chosen.on_disk(Path(path))

    def loo(
        self,
        data: RegimeData,
        *,
        rows: int | None = None,
        draws: int | None = None,
        law: Literal["outcome", "likelihood"] = "outcome",
        seed: int = 0,
    ) -> ELPDData:
        """Leave-one-out cross-validation by Pareto-smoothed importance sampling, in one pass over the rows.

        What ``az.loo`` computes from `pointwise`, without holding more than a block of rows; the results go into
        ``az.compare``. A row is taken out of the likelihood that was sampled, and scored by `law`:

            elpd_i = log sum_s w_is p_law(y_i | draw s),   w_is proportional to 1 / p(y_i | draw s), smoothed

        (Vehtari, Gelman and Gabry 2017, equations 4 and 10.)

        Parameters
        ----------
        data : RegimeData
            As in `pointwise`.
        rows : int, optional
            As in `pointwise`; the result is that of the rows drawn, not scaled up.
        draws : int, optional
            As in `pointwise`.
        law : {"outcome", "likelihood"}
            As in `pointwise`.
        seed : int
            Of the choice of rows.

        Returns
        -------
        ELPDData
            Of ArviZ, with ``elpd``, ``se``, ``p``, and of each row ``elpd_i`` and ``pareto_k``.

        Raises
        ------
        QueryError, SpecError
            As in `pointwise`.

        Warns
        -----
        UserWarning
            If the Pareto k of a row is above the threshold.

        Examples
        --------
        >>> result = fit.loo(data, rows=100)
        >>> result.n_data_points, bool(result.se > 0)
        (100, True)
        """
        from bayes_ivgen.interface.pointwise import RowPredictions, psis_loo

        return psis_loo(RowPredictions.of(cast("Fit", self), data, rows, draws, law, seed))
