"""How much the rows of a series resemble those before them: what tests of independence have to allow for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime

LAGS = 26


@dataclass(frozen=True, eq=False)
class Memory:
    """Autocorrelations of the ranks of the variables within series, by regime.

    Attributes
    ----------
    correlation : dict of Regime to ndarray of shape (LAGS, V)
        At distances of 1 to LAGS steps.
    pairs : dict of Regime to ndarray of shape (LAGS,)
        Number of pairs of rows at each distance.
    rows : dict of Regime to int
        Number of rows.
    """

    correlation: Mapping[Regime, FloatArray] = field(repr=False)
    pairs: Mapping[Regime, FloatArray] = field(repr=False)
    rows: Mapping[Regime, int]

    @classmethod
    def of(
        cls, values: FloatArray, regimes: Sequence[Regime], unit: NDArray[np.int64], step: NDArray[np.int64]
    ) -> Self:
        """Measure it in rows of shape (n, V), each with its regime, series and time."""
        number = {regime: i for i, regime in enumerate(dict.fromkeys(regimes))}
        code = np.array([number[regime] for regime in regimes])
        correlation, pairs, rows = {}, {}, {}
        for regime, i in number.items():
            own = code == i
            correlation[regime], pairs[regime] = _autocorrelation(values[own], unit[own], step[own])
            rows[regime] = int(own.sum())
        return cls(correlation, pairs, rows)

    def worth(self, regimes: Iterable[Regime], j: int, k: int) -> float:
        """Return how many independent rows a row is worth in a test of independence of two variables.

        The sum of products of two independent series has the variance n (1 + 2 sum_h (n_h / n) rho_j(h) rho_k(h))
        (Bartlett 1935), n_h the pairs of rows h steps apart.
        """
        inflated = total = 0.0
        for regime in regimes:
            if regime in self.rows:
                rho = self.correlation[regime]
                inflated += self.rows[regime] + 2 * float(self.pairs[regime] @ (rho[:, j] * rho[:, k]))
                total += self.rows[regime]
        return min(1.0, total / inflated) if inflated > 0 else 1.0


def _autocorrelation(
    values: FloatArray, unit: NDArray[np.int64], step: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    n, v = values.shape
    ranks = (stats.rankdata(values, axis=0) - (n + 1) / 2) / n
    size = np.maximum((ranks**2).mean(axis=0), np.finfo(float).tiny)
    place = unit * (int(step.max(initial=0)) + LAGS + 1) + step
    order = np.argsort(place)
    place, ranks = place[order], ranks[order]
    correlation, pairs = np.zeros((LAGS, v)), np.zeros(LAGS)
    for lag in range(1, LAGS + 1):
        later = np.minimum(np.searchsorted(place, place + lag), n - 1)
        found = place[later] == place + lag
        pairs[lag - 1] = found.sum()
        if found.any():
            correlation[lag - 1] = (ranks[found] * ranks[later[found]]).mean(axis=0) / size
    return correlation, pairs
