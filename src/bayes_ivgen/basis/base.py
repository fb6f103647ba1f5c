"""What every basis of one action offers, before and after it has seen the data."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Tail = Literal["linear", "clip"]


class FittedBasis(Protocol):
    """A basis with fixed knots: new rows can never move them."""

    @property
    def n_wiggle(self) -> int:
        """Number of penalised columns."""
        ...

    @property
    def n_linear(self) -> int:
        """Number of columns of main effects: 1 for a line, L - 1 for a table, 0 for an action seen at one level."""
        ...

    def columns(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Evaluate at `x`, shape (n,); returns (n, n_linear + n_wiggle), the linear column first.

        With `out`, of that shape, the columns are written there, and it is returned.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `basis.from_dict` restores the basis exactly."""
        ...


class Basis(Protocol):
    """The specification of a basis: frozen, printable, without data."""

    def margin(self) -> Basis:
        """Return the smaller basis of the same kind that enters products of two actions."""
        ...

    def fit(self, placed: FloatArray, centred: FloatArray, levels: FloatArray | None = None) -> FittedBasis:
        """Fix knots, centre and scale.

        Parameters
        ----------
        placed : ndarray of shape (n,)
            Values that decide where the knots lie: the rows in which the component is at work.
        centred : ndarray of shape (m,)
            Values over which every column has mean zero.
        levels : ndarray, optional
            The distinct values, if there are few.
        """
        ...


def written(columns: FloatArray, out: FloatArray | None) -> FloatArray:
    """Return `out` with the columns in it, or the columns where there is no `out`."""
    if out is None:
        return columns
    out[...] = columns
    return out


def penalised_transform(penalty: FloatArray, null_dimension: int = 2) -> FloatArray:
    """Columns that turn a quadratic penalty into a sum of squares, without its null space.

    With the eigenvalues d > 0 and eigenvectors U of `penalty`, T = U d^(-1/2) gives
    beta' S beta = |z|^2 for beta = T z: independent coefficients with one common scale
    (the mixed-model form of a P-spline; Wood 2017, section 5.8).

    Parameters
    ----------
    penalty : ndarray of shape (n, n)
        Symmetric and positive semi-definite.
    null_dimension : int
        Dimension of the null space: constants and straight lines.

    Returns
    -------
    ndarray of shape (n, n - null_dimension)
        Smoothest column first; signs fixed so that results do not depend on the LAPACK at hand.
    """
    values, vectors = np.linalg.eigh(penalty)
    vectors = vectors[:, null_dimension:]
    signs = np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(vectors.shape[1])])
    return vectors * signs / np.sqrt(values[null_dimension:])


def unit_scale(columns: FloatArray) -> float:
    """Scale that makes the variances of the columns add up to one.

    Coefficients with scale tau then give a function whose standard deviation over the rows is
    tau: priors speak about functions, not about columns.
    """
    total = float(np.sum(np.var(columns, axis=0)))
    return float(1.0 / np.sqrt(total)) if total > 0 else 1.0
