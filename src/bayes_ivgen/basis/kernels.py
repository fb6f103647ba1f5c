"""Compiled loops over rows. They release the interpreter's lock, so that threads share the rows.

Importing this module imports numba, so bases do it where they evaluate rows, not at the top.
"""

from __future__ import annotations

import numba

from bayes_ivgen.basis.base import FloatArray


@numba.njit(nogil=True, cache=True)
def piecewise(
    x: FloatArray, shift: float, width: float, origins: FloatArray, coefficients: FloatArray, out: FloatArray
) -> None:
    """Evaluate several piecewise polynomials that share their pieces.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Where to evaluate, in units of the action.
    shift, width : float
        The pieces are in units of ``(x - shift) / width``.
    origins : ndarray of shape (m,)
        Ascending; piece i is at work from ``origins[i]`` on, piece 0 also below.
    coefficients : ndarray of shape (m, degree + 1, p)
        Of powers of the distance from ``origins[i]``, the highest first.
    out : ndarray of shape (n, p)
        Written to.
    """
    n_pieces, n_powers, n_columns = coefficients.shape
    for row in range(len(x)):
        value = (x[row] - shift) / width
        piece, end = 0, n_pieces
        while end - piece > 1:
            middle = (piece + end) // 2
            if value >= origins[middle]:
                piece = middle
            else:
                end = middle
        offset = value - origins[piece]
        for j in range(n_columns):
            out[row, j] = coefficients[piece, 0, j]
        for power in range(1, n_powers):  # Horner's rule, all columns abreast
            for j in range(n_columns):
                out[row, j] = out[row, j] * offset + coefficients[piece, power, j]


@numba.njit(nogil=True, cache=True)
def products(left: FloatArray, right: FloatArray, centre: FloatArray, scale: float, out: FloatArray) -> None:
    """Write all products of a column of `left` (n, p) with one of `right` (n, q), centred and scaled, to `out`."""
    n, p = left.shape
    q = right.shape[1]
    for row in range(n):
        for i in range(p):
            factor = left[row, i]
            for j in range(q):
                out[row, i * q + j] = (factor * right[row, j] - centre[i * q + j]) * scale
