"""Log likelihood and predictive draws of single rows, in the groups that ArviZ reads; PSIS-LOO in one pass."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.sources import Batch
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.effects.row_laws import FamilyLaw, LawName, NormalLikelihood, OutcomeLaw, RowLaw, predictor_of
from bayes_ivgen.errors import QueryError, SpecError

if TYPE_CHECKING:
    from arviz_stats import ELPDData

    from bayes_ivgen.interface.fit import Fit

BLOCK_VALUES = 2_000_000  # draws times rows held at a time
MOST_BYTES = 4 * 2**30  # of a datatree in memory
DIMS = ("chain", "draw", "row")


class Numbered(NamedTuple):
    """Rows of one regime, and their numbers in the order in which the data are read."""

    batch: Batch
    number: NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class RowPredictions:
    """The rows that were chosen, and what the fit says of each.

    Attributes
    ----------
    fit : Fit
        The fit.
    data : RegimeData
        The rows.
    numbers : ndarray of int, shape (m,)
        Which rows, in increasing order.
    draws : slice
        Which draws of each chain.
    law : {"outcome", "likelihood"}
        See `bayes_ivgen.effects.row_laws`.
    seed : int
        Of the predictive draws; each row has random numbers of its own.
    """

    fit: Fit
    data: RegimeData
    numbers: NDArray[np.intp] = field(repr=False)
    draws: slice
    law: LawName
    seed: int

    @classmethod
    def of(cls, fit: Fit, data: RegimeData, rows: int | None, draws: int | None, law: LawName, seed: int) -> Self:
        """Check the arguments; see `Fit.pointwise`."""
        data = fit.as_fitted(data)
        require_same_columns(fit.effects, data)
        if not set(data.regimes) <= set(fit.regimes):
            new = [regime.label for regime in data.regimes if regime not in fit.regimes]
            raise QueryError(
                f"the data hold {new}, of which the fit has seen no row; pass the data of the fit, or "
                f"data.without({new})."
            )
        _check(fit, law)
        kept = fit.effects.coefficients.shape[1]
        for name, value, most in (("rows", rows, None), ("draws", draws, kept), ("seed", seed, None)):
            _check_count(name, value, most)
        total = data.n_rows
        chosen = np.arange(total)
        if rows is not None and rows < total:
            chosen = np.sort(np.random.default_rng(seed).choice(total, size=rows, replace=False))
        step = 1 if draws is None else kept // draws
        stop = kept if draws is None else step * draws
        return cls(fit, data, chosen, slice(0, stop, step), law, int(seed))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of chains, and of draws of each."""
        chains, draws, _ = self.fit.effects.coefficients.shape
        return chains, len(range(draws)[self.draws])

    @property
    def n_draws(self) -> int:
        """Number of draws of all chains."""
        return self.shape[0] * self.shape[1]

    def blocks(self) -> Iterator[Numbered]:
        """Yield the chosen rows in blocks of one regime each."""
        size, first = max(1, BLOCK_VALUES // self.n_draws), 0
        for batch in self.data.batches():
            last = first + len(batch.outcome)
            inside = self.numbers[slice(*np.searchsorted(self.numbers, [first, last]))]
            for start in range(0, len(inside), size):
                number = inside[start : start + size]
                yield Numbered(_rows_of(batch, number - first), number)
            first = last

    def row_law(self, law: LawName) -> RowLaw:
        """Return the law of the rows by its name."""
        fit, posterior = self.fit, self.fit.effects
        if fit.model.family.rowwise:
            return FamilyLaw(posterior, fit.spread, self.draws)
        if law == "outcome":
            return OutcomeLaw(posterior, fit.noise, self.draws)
        index, _ = fit.model.sigma_groups([regime.label for regime in fit.regimes])
        sigma = posterior.design.outcome_sd * fit.noise.sigma[:, self.draws].reshape(self.n_draws, -1)
        return NormalLikelihood({regime: sigma[:, i] for regime, i in zip(fit.regimes, index, strict=True)})

    def log_density(self, batch: Batch, predictor: FloatArray, law: LawName) -> FloatArray:
        """Log density of the rows, shape (S, n); a row with weight w counts as w rows."""
        found = self.row_law(law).log_density(batch, predictor)
        return found if batch.weights is None else found * batch.weights

    def generators(self, number: NDArray[np.intp]) -> Iterator[np.random.Generator]:
        """Random numbers of each row: the same, whatever block it is in."""
        return (np.random.default_rng([self.seed, int(row)]) for row in number)

    def dataset(self, values: FloatArray, block: Numbered) -> xr.Dataset:
        """Label values of shape (S, n)."""
        chains, draws = self.shape
        coords = {"chain": np.arange(chains), "draw": np.arange(draws), **self._row_coords(block)}
        named = {self.fit.outcome_name: (DIMS, values.reshape(chains, draws, -1))}
        return xr.Dataset(named, coords=coords)

    def _row_coords(self, block: Numbered) -> dict[str, Any]:
        # of one width in all blocks, so that they can be written one after the other
        width = max(len(regime.label) for regime in self.data.regimes)
        labels = np.full(len(block.number), block.batch.regime.label, dtype=f"<U{width}")
        return {"row": block.number, "regime": ("row", labels)}

    def trees(self) -> Iterator[xr.DataTree]:
        """Yield the groups of one block of rows at a time."""
        law, name = self.row_law(self.law), self.fit.outcome_name
        for block in self.blocks():
            batch, coords = block.batch, self._row_coords(block)
            predictor = predictor_of(self.fit.effects, batch, self.draws)
            inputs = {"inputs": (("row", "input"), batch.variables)}
            yield xr.DataTree.from_dict(
                {
                    "log_likelihood": self.dataset(self.log_density(batch, predictor, self.law), block),
                    "posterior_predictive": self.dataset(
                        law.draw(batch, predictor, self.generators(block.number)), block
                    ),
                    "observed_data": xr.Dataset({name: ("row", batch.outcome)}, coords=coords),
                    "constant_data": xr.Dataset(inputs, coords=coords | {"input": list(self.data.variables)}),
                }
            )

    def posterior(self) -> xr.Dataset:
        """Return the draws that are used, numbered anew."""
        chosen = self.fit.datatree["posterior"].dataset.isel(draw=self.draws)
        return chosen.assign_coords(draw=np.arange(self.shape[1]))

    def in_memory(self) -> xr.DataTree:
        """Return all groups at once."""
        needed = 16 * self.n_draws * len(self.numbers)
        if needed > MOST_BYTES:
            fitting = MOST_BYTES // (16 * self.n_draws)
            raise QueryError(
                f"{len(self.numbers):,} rows times {self.n_draws:,} draws take {needed / 2**30:.0f} GiB. Pass "
                f"rows={fitting} or fewer, fewer draws, or path=... to write them to disk; fit.loo(data) needs none "
                "of them."
            )
        parts = list(self.trees())
        groups = ("log_likelihood", "posterior_predictive", "observed_data", "constant_data")
        joined = {name: xr.concat([part[name].dataset for part in parts], dim="row") for name in groups}
        return xr.DataTree.from_dict({"posterior": self.posterior(), **joined})

    def on_disk(self, path: Path) -> xr.DataTree:
        """Write the groups block by block to a Zarr folder and open it."""
        from bayes_ivgen.storage import write_row_blocks

        write_row_blocks(self.posterior(), self.trees(), path)
        return xr.open_datatree(path, engine="zarr", consolidated=False)


def psis_loo(chosen: RowPredictions) -> ELPDData:
    """PSIS-LOO of the rows, one block at a time; see `Fit.loo`."""
    import arviz as az

    name = chosen.fit.outcome_name
    # A row is taken out of the likelihood that was sampled, whatever law scores it.
    sampled: LawName = "likelihood" if chosen.fit.model.weights is None else "outcome"
    reff = _relative_efficiency(chosen)
    elpd, k, lppd = [], [], []
    result: Any = None
    for block in chosen.blocks():
        batch = block.batch
        predictor = predictor_of(chosen.fit.effects, batch, chosen.draws)
        scored = chosen.dataset(chosen.log_density(batch, predictor, chosen.law), block)
        same = sampled == chosen.law
        weighing = scored if same else chosen.dataset(chosen.log_density(batch, predictor, sampled), block)
        log_weights, pareto_k = weighing[name].azstats.psislw(r_eff=reff, dim=["chain", "draw"])
        tree = xr.DataTree.from_dict({"log_likelihood": scored})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a block; those of all rows follow
            result = az.loo(tree, pointwise=True, reff=reff, log_weights=log_weights, pareto_k=pareto_k)
        elpd.append(result.elpd_i)
        k.append(result.pareto_k)
        lppd.append(special.logsumexp(scored[name].values, axis=(0, 1)) - np.log(chosen.n_draws))
    elpd_i, pareto_k = xr.concat(elpd, dim="row"), xr.concat(k, dim="row")
    return _total(result, elpd_i, pareto_k, float(np.concatenate(lppd).sum()))


def _total(result: Any, elpd_i: xr.DataArray, pareto_k: xr.DataArray, lppd: float) -> ELPDData:
    """Put the rows of all blocks into one result of ArviZ."""
    from dataclasses import replace

    n = elpd_i.sizes["row"]
    bad = int((pareto_k > result.good_k).sum())
    if bad:
        warnings.warn(
            f"the Pareto k of {bad} of {n:,} rows is above {result.good_k:.2f}: their leave-one-out densities are "
            "uncertain. See .pareto_k for which; more draws help, and so does a fit without them.",
            stacklevel=4,
        )
    elpd = float(elpd_i.sum())
    return replace(
        result,
        elpd=elpd,
        se=float(np.sqrt(n * elpd_i.var())),
        p=lppd - elpd,
        n_data_points=n,
        warning=bad > 0,
        elpd_i=elpd_i,
        pareto_k=pareto_k,
        log_weights=None,
    )


def _relative_efficiency(chosen: RowPredictions) -> float:
    """Effective draws a draw, the mean over alpha and beta."""
    import arviz as az

    if chosen.shape[0] == 1:
        return 1.0
    ess = az.ess(chosen.posterior()[["alpha", "beta"]], method="mean")
    values = np.concatenate([np.ravel(ess[name].values) for name in ("alpha", "beta")])
    return float(values.mean() / chosen.n_draws)


def _check(fit: Fit, law: str) -> None:
    if law not in ("outcome", "likelihood"):
        raise QueryError(f"law={law!r} is not known; valid are 'outcome' and 'likelihood'.")
    if law == "likelihood" and fit.model.weights is not None:
        raise SpecError(
            f"the likelihood of a fit with weights={fit.model.weights!r} weighs rows by a first fit that is not kept; "
            "pass law='outcome'."
        )
    if fit.model.family.rowwise and fit.spread.share:
        raise QueryError(
            "the outcome holds shares, and the working likelihood knows their mean only, not their law; rows have no "
            "density. Compare means instead, with fit.leave_out."
        )


def _check_count(name: str, value: Any, most: int | None) -> None:
    if value is None and name != "seed":
        return
    least = 0 if name == "seed" else 1
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"{least} to {most}"
        raise QueryError(f"{name}={value!r} must be a whole number, {span}.")


def _rows_of(batch: Batch, which: NDArray[np.intp]) -> Batch:
    parts = {name: getattr(batch, name) for name in ("weights", "exposure", "dataset")}
    kept = {name: None if values is None else values[which] for name, values in parts.items()}
    return Batch(batch.regime, batch.variables[which], batch.outcome[which], **kept)
