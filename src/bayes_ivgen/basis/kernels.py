"""Compiled loops over rows. They release the interpreter's lock, so that threads share the rows.

Importing this module imports numba, so bases do it where they evaluate rows, not at the top.
"""

from __future__ import annotations

import numba
import numpy as np

from bayes_ivgen.basis.base import FloatArray


@numba.njit(nogil=True, cache=True)
def piecewise(x: FloatArray, origins: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Evaluate several piecewise polynomials that share their pieces.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Where to evaluate.
    origins : ndarray of shape (m,)
        Ascending; piece i is at work from ``origins[i]`` on, piece 0 also below.
    coefficients : ndarray of shape (m, degree + 1, p)
        Of powers of ``x - origins[i]``, the highest first.

    Returns
    -------
    ndarray of shape (n, p)
    """
    n_pieces, n_powers, n_columns = coefficients.shape
    out = np.empty((len(x), n_columns))
    for row in range(len(x)):
        value = x[row]
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
    return out


@numba.njit(nogil=True, cache=True)
def products(left: FloatArray, right: FloatArray, centre: FloatArray, scale: float) -> FloatArray:
    """All products of a column of `left` (n, p) with one of `right` (n, q), centred and scaled; (n, p q)."""
    n, p = left.shape
    q = right.shape[1]
    out = np.empty((n, p * q))
    for row in range(n):
        for i in range(p):
            factor = left[row, i]
            for j in range(q):
                out[row, i * q + j] = (factor * right[row, j] - centre[i * q + j]) * scale
    return out
