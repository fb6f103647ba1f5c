"""BLAS and LAPACK inside compiled kernels: the routines of SciPy, called without Python in between.

The addresses of the routines differ from process to process. They are therefore an *argument* of the
kernels (`LIBRARY`), never a constant in them: compiled kernels are kept on disk. Matrices are column-major
views; of symmetric ones the lower triangle counts.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

_BLAS, _LAPACK = ("dgemv", "dtrsv", "dgemm", "dtrsm", "dsyrk"), ("dlacpy", "dpotrf", "dsytrd", "dormtr")
_GEMV, _TRSV, _GEMM, _TRSM, _SYRK, _LACPY, _POTRF, _SYTRD, _ORMTR = range(len(_BLAS + _LAPACK))
LIBRARY = np.array(
    [get_cython_function_address("scipy.linalg.cython_blas", name) for name in _BLAS]
    + [get_cython_function_address("scipy.linalg.cython_lapack", name) for name in _LAPACK]
)
BLOCK = 32  # columns of a triangular solve at a time
# Options are passed as numbers of 32 bits of which Fortran reads the first byte.
_LEFT, _RIGHT, _LOWER, _ALL, _PLAIN, _TRANSPOSED, _NONUNIT = (ord(letter) for letter in "LRLANTN")


def jit(function: Any = None, **options: Any) -> Any:
    """Compile a function when it is first called; it runs without the interpreter's lock."""
    if function is None:
        return partial(jit, **options)
    return njit(function, nogil=True, error_model="numpy", **options)


@intrinsic
def _fortran(typing_context: Any, address: Any, arguments: Any) -> Any:  # noqa: ARG001
    """Call a Fortran routine: arrays as they are, whole numbers as 32 bits, floats as 64, all by reference."""

    def pointer(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        if isinstance(kind, types.Array):
            return context.make_array(kind)(context, builder, value).data
        if isinstance(kind, types.Integer):
            value = builder.trunc(value, ir.IntType(32))
        return cgutils.alloca_once_value(builder, value)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        items = cgutils.unpack_tuple(builder, values[1])
        pointers = [
            builder.bitcast(pointer(context, builder, kind, item), byte)
            for kind, item in zip(signature.args[1], items, strict=True)
        ]
        routine = ir.FunctionType(ir.VoidType(), [byte] * len(pointers)).as_pointer()
        builder.call(builder.inttoptr(values[0], routine), pointers)
        return context.get_dummy_value()

    return types.void(types.intp, arguments), generate


@jit
def leading(a):
    """Distance in numbers between columns of a column-major view."""
    return max(1, a.strides[1] // a.itemsize)


@jit
def copy(library, a, b):
    """Copy A into B."""
    _fortran(library[_LACPY], (_ALL, a.shape[0], a.shape[1], a, leading(a), b, leading(b)))


@jit
def copy_lower(library, a, b):
    """Copy the lower triangle of A into B."""
    _fortran(library[_LACPY], (_LOWER, a.shape[0], a.shape[1], a, leading(a), b, leading(b)))


@jit
def cholesky(library, a):
    """Replace A by its factor L; returns 0, or the order of the first minor that is not positive."""
    info = np.empty(1, np.int32)
    _fortran(library[_POTRF], (_LOWER, a.shape[0], a, leading(a), info))
    return info[0]


@jit
def image(library, alpha, a, x, beta, y):
    """Turn y into alpha A x + beta y."""
    m, n = a.shape
    _fortran(library[_GEMV], (_PLAIN, m, n, alpha, a, leading(a), x, 1, beta, y, 1))


@jit
def preimage(library, alpha, a, x, beta, y):
    """Turn y into alpha A' x + beta y."""
    m, n = a.shape
    _fortran(library[_GEMV], (_TRANSPOSED, m, n, alpha, a, leading(a), x, 1, beta, y, 1))


@jit
def solve_vector(library, factor, x):
    """Turn x into L^-1 x."""
    _fortran(library[_TRSV], (_LOWER, _PLAIN, _NONUNIT, len(x), factor, leading(factor), x, 1))


@jit
def solve_back(library, factor, x):
    """Turn x into L'^-1 x."""
    _fortran(library[_TRSV], (_LOWER, _TRANSPOSED, _NONUNIT, len(x), factor, leading(factor), x, 1))


@jit
def subtract_from(library, transposed, a, b, c):
    """Turn C into C - A B, or with `transposed` into C - A B'."""
    m, n = c.shape
    options, k = (_PLAIN, _TRANSPOSED if transposed else _PLAIN), a.shape[1]
    _fortran(library[_GEMM], (*options, m, n, k, -1.0, a, leading(a), b, leading(b), 1.0, c, leading(c)))


@jit
def solve_right(library, factor, b):
    """Turn B into B L'^-1, block by block: most of it is then a product of matrices, twice as fast."""
    m, n = b.shape
    for j in range(0, n, BLOCK):
        k = min(j + BLOCK, n)
        options, corner, part = (_RIGHT, _LOWER, _TRANSPOSED, _NONUNIT), factor[j:k, j:k], b[:, j:k]
        _fortran(library[_TRSM], (*options, m, k - j, 1.0, corner, leading(corner), part, leading(part)))
        if k < n:
            subtract_from(library, True, part, factor[k:, j:k], b[:, k:])


@jit
def solve_left(library, factor, b):
    """Turn B into L^-1 B, block by block."""
    n, m = b.shape
    for j in range(0, n, BLOCK):
        k = min(j + BLOCK, n)
        options, corner, part = (_LEFT, _LOWER, _PLAIN, _NONUNIT), factor[j:k, j:k], b[j:k, :]
        _fortran(library[_TRSM], (*options, k - j, m, 1.0, corner, leading(corner), part, leading(part)))
        if k < n:
            subtract_from(library, False, factor[k:, j:k], part, b[k:, :])


@jit
def subtract_product(library, w, c):
    """Turn C into C - W W'."""
    n, k = w.shape
    _fortran(library[_SYRK], (_LOWER, _PLAIN, n, k, -1.0, w, leading(w), 1.0, c, leading(c)))


@jit
def subtract_crossproduct(library, z, c):
    """Turn C into C - Z' Z."""
    k, n = z.shape
    _fortran(library[_SYRK], (_LOWER, _TRANSPOSED, n, k, -1.0, z, leading(z), 1.0, c, leading(c)))


@jit
def tridiagonal(library, a, e):
    """Write A = Q T Q': return the diagonal and second diagonal of T, and turn e into Q' e; A is lost."""
    n = a.shape[0]
    if n == 1:
        diagonal = np.empty(1)
        diagonal[0] = a[0, 0]
        return diagonal, np.empty(0)
    diagonal, below, tau, info = np.empty(n), np.empty(n), np.empty(n), np.empty(1, np.int32)
    work = np.empty(64 * n)
    _fortran(library[_SYTRD], (_LOWER, n, a, leading(a), diagonal, below, tau, work, work.size, info))
    options = (_LEFT, _LOWER, _TRANSPOSED)
    _fortran(library[_ORMTR], (*options, n, 1, a, leading(a), tau, e, n, work, work.size, info))
    return diagonal, below
