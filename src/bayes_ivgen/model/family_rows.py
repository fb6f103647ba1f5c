"""Rows for likelihoods that need them: checked once, collapsed to cells of equal predictor.

Rows with the same actions, regime and exposure have the same mean. What the families need of such
a cell is its number of rows and the sum of its outcomes (and of each regime what does not depend
on the mean), so discrete actions make the design small; nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.errors import DataError
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.families import Family
from bayes_ivgen.model.links import Link


class Rows(NamedTuple):
    """Rows of one regime: actions (n, K), outcome (n,) and exposure (n,)."""

    regime: Regime
    actions: FloatArray
    outcome: FloatArray
    exposure: FloatArray


class ValueCounts(NamedTuple):
    """Distinct outcomes of each regime with their numbers, shape (U,), and their regime, also as (U, R) of 0 and 1."""

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
    actions : ndarray of shape (G, K)
        Values of the actions.
    regime : ndarray of int, shape (G,)
        Position of the regime of a cell.
    count, total : ndarray of shape (G,)
        Number of rows and sum of their outcomes.
    log_exposure : ndarray of shape (G,)
        Logarithm of the exposure.
    cell : ndarray of int, shape (n,)
        The cell of each row.
    outcome : ndarray of shape (n,)
        Outcomes of the rows, in the order of the regimes.
    """

    family: Family
    link: Link
    regimes: tuple[Regime, ...]
    actions: FloatArray = field(repr=False)
    regime: NDArray[np.intp] = field(repr=False)
    count: FloatArray = field(repr=False)
    total: FloatArray = field(repr=False)
    log_exposure: FloatArray = field(repr=False)
    cell: NDArray[np.intp] = field(repr=False)
    outcome: FloatArray = field(repr=False)

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
        """Number of rows of each regime, shape (R,)."""
        return np.bincount(self.regime, self.count, len(self.regimes))

    @cached_property
    def log_sum(self) -> FloatArray:
        """Sum of the log outcomes of each regime (gamma), shape (R,)."""
        return np.bincount(self.regime[self.cell], np.log(self.outcome), len(self.regimes))

    @cached_property
    def log_factorial(self) -> FloatArray:
        """Sum of log y! in each regime (negative binomial), shape (R,)."""
        return np.bincount(self.regime[self.cell], special.gammaln(self.outcome + 1.0), len(self.regimes))

    @cached_property
    def values(self) -> ValueCounts:
        """Distinct outcomes of each regime (negative binomial)."""
        pairs = np.column_stack([self.regime[self.cell], self.outcome])
        distinct, count = np.unique(pairs, axis=0, return_counts=True)
        regime = distinct[:, 0].astype(np.intp)
        return ValueCounts(distinct[:, 1], count.astype(float), regime, np.eye(len(self.regimes))[regime])

    def blocks(self, design: Design) -> list[tuple[NDArray[np.intp], FloatArray]]:
        """Active columns and rows of the design of each regime, in the order of the cells."""
        return [
            (design.active_columns(regime), design.regime_rows(self.actions[self.regime == r], regime))
            for r, regime in enumerate(self.regimes)
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
        parts[batch.regime].append(Rows(batch.regime, batch[1], batch.outcome, exposure_of(batch)))
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
    log_complement: centre and unit are both -log(1 - mean).

    Raises
    ------
    DataError
        If the outcome is the same in all rows, so that there is nothing to explain.
    """
    outcome = np.concatenate([part.outcome for part in rows])
    exposure = np.concatenate([part.exposure for part in rows])
    mean, sd = float(outcome.mean()), float(outcome.std())
    if sd == 0:
        raise DataError(
            f"the outcome is {mean:g} in all {len(outcome)} rows; there is nothing to explain. Check its column."
        )
    if family.link == "identity":
        return mean, sd
    if family.link == "log":
        return float(np.log(outcome.sum() / exposure.sum())), min(sd / mean, 1.0)
    centre = -float(np.log1p(-mean))
    return centre, centre


def collapse(rows: list[Rows], family: Family, design: Design) -> CollapsedRows:
    """Merge rows of equal actions, regime and exposure; the design gives the unit of the predictor."""
    pieces = list(_cells(rows, keep_rows=family.name == "student_t"))
    starts = np.cumsum([0, *(len(distinct) for distinct, _ in pieces)])
    cell = np.concatenate([start + inverse for start, (_, inverse) in zip(starts, pieces, strict=False)])
    distinct = np.concatenate([item for item, _ in pieces])
    outcome = np.concatenate([part.outcome for part in rows])
    return CollapsedRows(
        family=family,
        link=Link.of(family.link, design.outcome_sd),
        regimes=tuple(part.regime for part in rows),
        actions=distinct[:, :-1],
        regime=np.repeat(np.arange(len(rows)), np.diff(starts)),
        count=np.bincount(cell, minlength=len(distinct)).astype(float),
        total=np.bincount(cell, outcome, len(distinct)),
        log_exposure=np.log(distinct[:, -1]),
        cell=cell,
        outcome=outcome,
    )


def _cells(rows: list[Rows], *, keep_rows: bool) -> Iterator[tuple[FloatArray, NDArray[np.intp]]]:
    for part in rows:
        keys = np.column_stack([part.actions, part.exposure])
        if keep_rows:  # a t law has no sums that stand for its rows
            yield keys, np.arange(len(keys))
            continue
        distinct, inverse = np.unique(keys, axis=0, return_inverse=True)
        yield distinct, inverse.ravel()
