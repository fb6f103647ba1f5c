"""Per-regime sufficient statistics of the Gaussian model: X'X, X'y, y'y and n (design 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.errors import DataError


@dataclass(frozen=True, eq=False)
class SufficientStatistics:
    """Everything the posterior needs from the rows; adding two of them merges the rows.

    The outcome is scaled to (y - mean) / sd as the design says.

    Attributes
    ----------
    regimes : tuple of str
        Labels of the R regimes.
    rows : ndarray of shape (R,)
        Number of rows n_r, or the sum of their weights.
    gram : ndarray of shape (R, P, P)
        X_r' X_r.
    cross : ndarray of shape (R, P)
        X_r' y_r.
    squares : ndarray of shape (R,)
        y_r' y_r.
    """

    regimes: tuple[str, ...]
    rows: FloatArray = field(repr=False)
    gram: FloatArray = field(repr=False)
    cross: FloatArray = field(repr=False)
    squares: FloatArray = field(repr=False)

    @classmethod
    def zeros(cls, regimes: tuple[str, ...], n_coefficients: int) -> Self:
        """Statistics of no rows."""
        r, p = len(regimes), n_coefficients
        return cls(regimes, np.zeros(r), np.zeros((r, p, p)), np.zeros((r, p)), np.zeros(r))

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        """Statistics of the rows of both; a regime may stand in one of them only.

        Raises
        ------
        DataError
            If the two belong to designs with different numbers of coefficients.
        """
        if self.gram.shape[1] != other.gram.shape[1]:
            raise DataError(
                f"the statistics belong to different designs ({self.gram.shape[1]} and {other.gram.shape[1]} "
                "coefficients); accumulate both with one design."
            )
        regimes = tuple(dict.fromkeys([*self.regimes, *other.regimes]))
        total = SufficientStatistics.zeros(regimes, self.gram.shape[1])
        for part in (self, other):
            where = [regimes.index(label) for label in part.regimes]
            total.rows[where] += part.rows
            total.gram[where] += part.gram
            total.cross[where] += part.cross
            total.squares[where] += part.squares
        return total

    def ordered(self, regimes: tuple[str, ...]) -> SufficientStatistics:
        """Return the same entries in the order of `regimes`."""
        where = [self.regimes.index(label) for label in regimes]
        return SufficientStatistics(regimes, self.rows[where], self.gram[where], self.cross[where], self.squares[where])

    def residual_squares(self, beta: FloatArray) -> FloatArray:
        """Sum of squared residuals of each regime at coefficients beta of shape (P,); shape (R,)."""
        squares = self.squares - 2 * self.cross @ beta + (self.gram @ beta) @ beta
        return np.maximum(squares, 0.0)

    def grouped(self, index: NDArray[np.intp], n_groups: int) -> SufficientStatistics:
        """Sum the regimes with the same index, for noise that several regimes share."""
        total = SufficientStatistics.zeros(tuple(str(i) for i in range(n_groups)), self.gram.shape[1])
        np.add.at(total.rows, index, self.rows)
        np.add.at(total.gram, index, self.gram)
        np.add.at(total.cross, index, self.cross)
        np.add.at(total.squares, index, self.squares)
        return total

    def to_dataset(self) -> xr.Dataset:
        """Return a labelled dataset for storage."""
        return xr.Dataset(
            {
                "rows": ("regime", self.rows),
                "gram": (("regime", "column", "column_other"), self.gram),
                "cross": (("regime", "column"), self.cross),
                "squares": ("regime", self.squares),
            },
            coords={"regime": list(self.regimes)},
        )

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> Self:
        """Restore statistics written by `to_dataset`."""
        return cls(
            tuple(str(label) for label in data["regime"].values),
            data["rows"].values.astype(float),
            data["gram"].values.astype(float),
            data["cross"].values.astype(float),
            data["squares"].values.astype(float),
        )
