"""Rows for likelihoods that need them: checked once, collapsed to cells of equal predictor.

Rows with the same actions, regime, data set and exposure have the same mean. What the families need
of such a cell is its number of rows and the sum of its outcomes (and of each regime what does not
depend on the mean), so discrete actions make the design small; nothing is approximated. A row with
weight w counts as w rows, in each of these sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.errors import DataError
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.families import Family
from bayes_ivgen.model.links import Link
from bayes_ivgen.model.repeated_rows import whole


class Rows(NamedTuple):
    """Rows of one regime: variables (n, V); all else of shape (n,), data sets as codes."""

    regime: Regime
    actions: FloatArray
    outcome: FloatArray
    exposure: FloatArray
    weight: FloatArray
    dataset: FloatArray


class ValueCounts(NamedTuple):
    """Distinct outcomes of each regime, how often they occur, and their regime: (U,); the last also as (U, R)."""

    value: FloatArray
    number: FloatArray
    regime: NDArray[np.intp]
    of_regime: FloatArray


@dataclass(frozen=True, eq=False)
class CollapsedRows:
    """Rows as the likelihood of a family sees them, G cells in the order of the regimes.

    Attributes
    ----------
    family : Family
        The working likelihood.
    link : Link
        From the predictor to the mean.
    regimes : tuple of Regime
        The R regimes.
    actions : ndarray of shape (G, V)
        Values of the actions and covariates.
    regime : ndarray of int, shape (G,)
        Position of the regime of a cell.
    count, total : ndarray of shape (G,)
        Number of rows and sum of their outcomes, both weighted.
    dataset : ndarray of shape (G,)
        Code of the data set.
    log_exposure : ndarray of shape (G,)
        Logarithm of the exposure.
    cell : ndarray of int, shape (n,)
        The cell of each row.
    outcome, weight : ndarray of shape (n,)
        Outcomes of the rows, in the order of the regimes, and how many rows each stands for.
    """

    family: Family
    link: Link
    regimes: tuple[Regime, ...]
    actions: FloatArray = field(repr=False)
    regime: NDArray[np.intp] = field(repr=False)
    count: FloatArray = field(repr=False)
    total: FloatArray = field(repr=False)
    dataset: FloatArray = field(repr=False)
    log_exposure: FloatArray = field(repr=False)
    cell: NDArray[np.intp] = field(repr=False)
    outcome: FloatArray = field(repr=False)
    weight: FloatArray = field(repr=False)

    @property
    def has_exposure(self) -> bool:
        """Whether an exposure other than one was given."""
        return bool(np.any(self.log_exposure != 0))

    @property
    def is_share(self) -> bool:
        """Whether a Bernoulli outcome holds values strictly between 0 and 1."""
        return self.family.name == "bernoulli" and bool(np.any((self.outcome > 0) & (self.outcome < 1)))

    @cached_property
    def regime_rows(self) -> FloatArray:
        """Number of rows of each regime, that is the sum of their weights; shape (R,)."""
        return np.bincount(self.regime, self.count, len(self.regimes))

    @cached_property
    def log_sum(self) -> FloatArray:
        """Sum of the log outcomes of each regime (gamma), shape (R,)."""
        return self._sums(np.log(self.outcome))

    @cached_property
    def log_factorial(self) -> FloatArray:
        """Sum of log y! in each regime (negative binomial), shape (R,)."""
        return self._sums(special.gammaln(self.outcome + 1.0))

    @cached_property
    def values(self) -> ValueCounts:
        """Distinct outcomes of each regime (negative binomial)."""
        pairs = np.column_stack([self.regime[self.cell], self.outcome])
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        number = np.bincount(which.ravel(), self.weight, len(distinct))
        regime = distinct[:, 0].astype(np.intp)
        return ValueCounts(distinct[:, 1], number, regime, np.eye(len(self.regimes))[regime])

    def _sums(self, of_row: FloatArray) -> FloatArray:
        """Weighted sum over the rows of each regime, shape (R,)."""
        return np.bincount(self.regime[self.cell], self.weight * of_row, len(self.regimes))

    def repeated(self) -> Self:
        """Each row as often as its weight says, for likelihoods with one term a row.

        Raises
        ------
        SpecError
            If a weight is not a whole number.
        """
        times = whole(self.weight, "model.fit(data, engine='nuts')")
        return replace(
            self,
            cell=np.repeat(self.cell, times),
            outcome=np.repeat(self.outcome, times),
            weight=np.ones(times.sum()),
        )

    def blocks(self, design: Design) -> list[tuple[NDArray[np.intp], FloatArray]]:
        """Active columns and rows of the design of each regime, in the order of the cells."""
        return [
            (design.active_columns(regime), design.regime_rows(self.actions[here], regime, self.dataset[here]))
            for regime, here in ((regime, self.regime == r) for r, regime in enumerate(self.regimes))
        ]


def read_rows(data: RegimeData, family: Family) -> list[Rows]:
    """All rows of the data, one entry a regime, with outcomes that the family allows.

    Raises
    ------
    DataError
        If outcomes are impossible under the family; the message counts them.
    """
    parts: dict[Regime, list[Rows]] = {regime: [] for regime in data.regimes}
    for batch in data.batches():
        weight, dataset = (getattr(batch, part) for part in ("weights", "dataset"))
        n = len(batch.outcome)
        row_weight = np.ones(n) if weight is None else weight
        codes = np.zeros(n) if dataset is None else dataset
        parts[batch.regime].append(
            Rows(batch.regime, batch.variables, batch.outcome, exposure_of(batch), row_weight, codes)
        )
    rows = [_joined(regime, pieces) for regime, pieces in parts.items()]
    family.check(np.concatenate([part.outcome for part in rows]), data.outcome)
    if family.link != "log" and any(np.any(part.exposure != 1.0) for part in rows):
        raise DataError(
            f"the data have an exposure, which likelihood={family.name!r} has no use for: only means on the log link "
            "scale with it. Use likelihood='negative_binomial' or 'gamma', or read the data without exposure=."
        )
    return rows


def exposure_of(batch: Any) -> FloatArray:
    """Exposure of the rows of a batch; ones where the data name none."""
    exposure = getattr(batch, "exposure", None)
    return np.ones(len(batch.outcome)) if exposure is None else np.asarray(exposure, dtype=float)


def _joined(regime: Regime, pieces: list[Rows]) -> Rows:
    return Rows(regime, *(np.concatenate(column) for column in list(zip(*pieces, strict=True))[1:]))


def predictor_scale(rows: list[Rows], family: Family) -> tuple[float, float]:
    """Centre and unit of the additive predictor: priors speak in these units.

    identity: mean and standard deviation of the outcome. log: log of the mean rate; the unit is the
    coefficient of variation, which is the standard deviation of log Y to first order, at most 1.
    log_complement: centre and unit are both -log(1 - mean). Means are weighted.

    Raises
    ------
    DataError
        If the outcome is the same in all rows, so that there is nothing to explain.
    """
    outcome, exposure, weight = (
        np.concatenate([getattr(part, name) for part in rows]) for name in ("outcome", "exposure", "weight")
    )
    if outcome.min() == outcome.max():
        raise DataError(
            f"the outcome is {outcome[0]:g} in all {len(outcome)} rows; there is nothing to explain. Check its column."
        )
    mean = float(np.average(outcome, weights=weight))
    sd = float(np.sqrt(np.average((outcome - mean) ** 2, weights=weight)))
    if family.link == "identity":
        return mean, sd
    if family.link == "log":
        return float(np.log((weight @ outcome) / (weight @ exposure))), min(sd / mean, 1.0)
    centre = -float(np.log1p(-mean))
    return centre, centre


def collapse(rows: list[Rows], family: Family, design: Design) -> CollapsedRows:
    """Merge rows of equal actions, regime, data set and exposure; the design gives the unit of the predictor."""
    pieces = list(_cells(rows, by_outcome=family.name == "student_t"))
    starts = np.cumsum([0, *(len(distinct) for distinct, _ in pieces)])
    cell = np.concatenate([start + inverse for start, (_, inverse) in zip(starts, pieces, strict=False)])
    distinct = np.concatenate([item for item, _ in pieces])
    outcome, weight = (np.concatenate([getattr(part, name) for part in rows]) for name in ("outcome", "weight"))
    v = rows[0].actions.shape[1]
    return CollapsedRows(
        family=family,
        link=Link.of(family.link, design.outcome_sd),
        regimes=tuple(part.regime for part in rows),
        actions=distinct[:, :v],
        regime=np.repeat(np.arange(len(rows)), np.diff(starts)),
        count=np.bincount(cell, weight, len(distinct)),
        total=np.bincount(cell, weight * outcome, len(distinct)),
        dataset=distinct[:, v + 1],
        log_exposure=np.log(distinct[:, v]),
        cell=cell,
        outcome=outcome,
        weight=weight,
    )


def _cells(rows: list[Rows], *, by_outcome: bool) -> Iterator[tuple[FloatArray, NDArray[np.intp]]]:
    for part in rows:
        keys = np.column_stack([part.actions, part.exposure, part.dataset])
        if by_outcome:  # a t law has no sums that stand for rows of several outcomes
            keys = np.column_stack([keys, part.outcome])
        distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
        yield distinct, inverse.ravel()
