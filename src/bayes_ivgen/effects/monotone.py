"""Non-decreasing causal curves: draws projected onto the cone of monotone curves (docs/theory/monotone.md)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from bayes_ivgen.basis import FittedBasis, FittedBSpline, FittedCategorical, FittedSaturated
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.model import Design
from bayes_ivgen.model.components import CausalComponent

PIECES = 5  # grid points between two knots
GRID = 40  # grid points of other bases
BEYOND = 0.05  # widths of the range by which the grid reaches into the tails
SHRINK = 0.01  # of the covariance towards its diagonal: draws may be fewer than coefficients
TOLERANCE = 1e-9  # in units of the outcome's standard deviation


def monotone_draws(design: Design, coefficients: FloatArray) -> FloatArray:
    """Move each draw to the nearest one whose causal curves do not decrease.

    The nearest in the metric of the inverse posterior covariance S: with D the increments of all causal curves along
    a grid, the projection of b is b + S D' lambda, where lambda >= 0 minimises lambda' D S D' lambda / 2 + lambda' D b,
    a non-negative least squares problem.

    Parameters
    ----------
    design : Design
        Columns of the causal components.
    coefficients : ndarray of shape (chain, draw, P)
        Draws; those whose curves do not decrease stay as they are.

    Returns
    -------
    ndarray of shape (chain, draw, P)
    """
    increments = causal_increments(design)
    if not len(increments):
        return coefficients
    flat = coefficients.reshape(-1, coefficients.shape[-1])
    slopes = flat @ increments.T
    wrong = np.flatnonzero(slopes.min(axis=1) < -TOLERANCE)
    if not len(wrong):
        return coefficients
    centred = flat - flat.mean(axis=0)
    covariance = centred.T @ centred / max(len(flat) - 1, 1)
    covariance = (1 - SHRINK) * covariance + SHRINK * np.diag(np.diag(covariance))
    moved = covariance @ increments.T  # (P, m)
    gram = increments @ moved
    # nnls wants a square root F' F = D S D' and a right side r with F' r = -D b: both come from its eigenvectors.
    values, vectors = np.linalg.eigh(gram)
    kept = values > values[-1] * 1e-12
    root = np.sqrt(values[kept])
    factor = root[:, None] * vectors[:, kept].T
    inverse_root = vectors[:, kept] / root
    projected = flat.copy()
    with threadpool_limits(limits=1, user_api="blas"):  # small problems, one after another
        for i in wrong:
            multipliers, _ = nnls(factor, -(slopes[i] @ inverse_root), maxiter=50 * len(gram))
            projected[i] += moved @ multipliers
    return projected.reshape(coefficients.shape)


def causal_increments(design: Design) -> FloatArray:
    """Increments of the causal curves between neighbouring points of a grid, as linear functions of the coefficients.

    The grid covers the tested range of each action and reaches into both tails, where curves are straight. A table of
    labels is no curve and stays free.
    """
    rows = [np.empty((0, design.n_coefficients))]
    for component, columns in zip(design.components, design.component_slices, strict=True):
        if not isinstance(component, CausalComponent) or columns.start == columns.stop:
            continue
        if isinstance(component.basis, FittedCategorical):
            continue
        raised = np.diff(component.columns({component.action: _grid(component.basis)}), axis=0)
        raised = raised[np.abs(raised).max(axis=1) > 1e-12]  # constant tails ask nothing
        # Each curve's increments in units of its own: the solver compares them.
        full = np.zeros((len(raised), design.n_coefficients))
        full[:, columns] = raised / np.abs(raised).max(axis=1, keepdims=True)
        rows.append(full)
    return np.concatenate(rows)


def _grid(basis: FittedBasis) -> FloatArray:
    if isinstance(basis, FittedSaturated):
        inner = _grid(basis.basis)
        # The spends whose s(x) are those of the inner grid; s ends at 1, which no spend reaches.
        reached = inner[(inner > 0) & (inner < 1)]
        if inner.max() >= 1:
            reached = np.append(reached, (reached.max() + 1) / 2)
        return np.append([0.0] if inner.min() <= 0 else [], basis.saturation.inverse(reached))
    if not isinstance(basis, FittedBSpline):
        low, high = float(basis.low), float(basis.high)  # type: ignore[attr-defined]
        return np.linspace(low - BEYOND * (high - low), high + BEYOND * (high - low), GRID)
    width = basis.high - basis.low
    breaks = np.unique(basis.knots) if len(basis.knots) else np.array([0.0, 1.0])
    inside = [np.linspace(a, b, PIECES, endpoint=False) for a, b in pairwise(breaks)]
    unit = np.concatenate([[-BEYOND], *inside, [1.0, 1.0 + BEYOND]])
    return np.asarray(basis.low + width * unit)
