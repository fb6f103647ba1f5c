"""Where two actions were seen together: an interaction that is free is known nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData

BINS = 8
LEAST_ROWS = 3


@dataclass(frozen=True, eq=False)
class PairTried:
    """Cells of two actions in which at least one regime has rows (theory notes, I).

    Attributes
    ----------
    edges : tuple of two ndarray
        Inner edges of the bins of either action: half-way between levels where they are few, else
        at equidistant points of the range.
    seen : ndarray of bool, shape (bins, bins)
        Whether some regime has at least three rows in the cell.
    gate : str or None
        For two members of a block, one of them: only regimes that set it count, and only queries
        that do are checked.
    """

    edges: tuple[FloatArray, FloatArray] = field(repr=False)
    seen: NDArray[np.bool_] = field(repr=False)
    gate: str | None = None

    @classmethod
    def of(cls, data: RegimeData, pair: tuple[str, str], gate: str | None = None) -> Self:
        """Count the sampled rows of every regime, or of those that set the gate."""
        columns = [data.index(name) for name in pair]
        edges = tuple(_edges(np.concatenate([p.sample[:, k] for p in data.profiles.values()])) for k in columns)
        seen = np.zeros([len(inner) + 1 for inner in edges], dtype=bool)
        for regime, profile in data.profiles.items():
            if gate is not None and not regime.sets(gate):
                continue
            cells = np.zeros(seen.shape, dtype=int)
            np.add.at(
                cells, tuple(np.searchsorted(e, profile.sample[:, k]) for e, k in zip(edges, columns, strict=True)), 1
            )
            seen |= cells >= LEAST_ROWS
        return cls((edges[0], edges[1]), seen, gate)

    def never_together(self, first: FloatArray, second: FloatArray) -> NDArray[np.bool_]:
        """Whether no regime has rows near (first, second); False where one of them is missing."""
        known = np.isfinite(first) & np.isfinite(second)
        return known & ~self.seen[_cell(self.edges[0], first), _cell(self.edges[1], second)]

    def why_not(self, pair: tuple[str, str], first: float, second: float) -> str:
        """Reason why a combination is not supported."""
        return (
            f"no regime has rows near {pair[0]}={first:.6g} together with {pair[1]}={second:.6g}, where their "
            "interaction would have to be seen"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return {"edges": [edges.tolist() for edges in self.edges], "seen": self.seen.tolist(), "gate": self.gate}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        first, second = (np.array(edges, dtype=float) for edges in data["edges"])
        return cls((first, second), np.array(data["seen"], dtype=bool), data["gate"])


def _edges(values: FloatArray) -> FloatArray:
    levels = np.unique(values)
    if len(levels) <= BINS:
        return np.asarray((levels[1:] + levels[:-1]) / 2)
    low, high = np.quantile(values, [0.001, 0.999])
    return np.linspace(float(low), float(high), BINS + 1)[1:-1]


def _cell(edges: FloatArray, values: FloatArray) -> NDArray[np.intp]:
    return np.searchsorted(edges, np.nan_to_num(values))
