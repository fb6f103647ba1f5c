"""Offsets of data sets: the same regime run at other times or places (theory notes A, stability)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from bayes_ivgen.basis.base import FloatArray, written
from bayes_ivgen.basis.categorical import level_contrasts
from bayes_ivgen.data.labels import Label
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.model.components.base import Term, TermType

DATASET = "\0dataset"  # among the values of a row; no column of the user can have this name


@dataclass(frozen=True)
class DatasetOffset:
    """One offset for each data set; they sum to zero and share one scale.

    delta_d = sum_j T_dj z_j with orthonormal contrasts T (`level_contrasts`): exchangeable data sets. Effects
    are those of the average (predictor) of the data sets, each counting once: the offset is zero in every query.
    """

    kind: ClassVar[str] = "dataset_offset"

    datasets: tuple[Label, ...]

    @property
    def members(self) -> tuple[str, ...]:
        """It belongs to no action."""
        return ()

    @property
    def terms(self) -> tuple[Term, ...]:
        """One term with a column less than data sets."""
        return (Term("dataset.offset", TermType.DATASET, len(self.datasets) - 1),)

    @property
    def contrasts(self) -> FloatArray:
        """Offsets as functions of the coefficients; shape (D, D - 1)."""
        return level_contrasts(len(self.datasets))

    def columns(self, values: Mapping[str, FloatArray], out: FloatArray | None = None) -> FloatArray:
        """Columns of rows whose data sets are the codes ``values[DATASET]``; zero without them, as in queries."""
        if DATASET not in values:
            return written(np.zeros((len(next(iter(values.values()))), len(self.datasets) - 1)), out)
        return written(self.contrasts[values[DATASET].astype(int)], out)

    def at_work(self, regime: Regime) -> float:  # noqa: ARG002
        """Return 1: in every regime."""
        return 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the component exactly."""
        return {"kind": self.kind, "datasets": list(self.datasets)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(tuple(data["datasets"]))


def with_dataset(values: dict[str, FloatArray], dataset: FloatArray | None) -> dict[str, FloatArray]:
    """Add the codes of the data sets, where they are known, to the values of rows by name."""
    return values if dataset is None else {**values, DATASET: dataset}
