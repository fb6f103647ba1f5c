"""Curves whose saturation differs from draw to draw, written in columns that do not (docs/theory/carry_over.md).

A draw of m_k is b'c(s(x)) with a saturation s of its own. Effects are rows of a design times draws of coefficients, so
that the curves of all draws are interpolated in one spline of w(x) = sqrt(x) / (sqrt(h) + sqrt(x)), h the spend of half
the effect at the reference: w takes all spends to [0, 1), and powers of x of one half and more to functions without
a vertical tangent at 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from bayes_ivgen.basis import BSpline, FittedSaturated, Saturated
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.media.saturation import Saturation, saturation_values
from bayes_ivgen.model import Design
from bayes_ivgen.model.components import CausalComponent

N_BASIS = 128  # functions of the common spline
NODES = 4 * N_BASIS
TOP = 0.999  # of w, a million times h
AT_ZERO = 1e3  # root of the weight of the spend zero: curves of small slopes jump there, and it is asked for most
AT_ONCE = 250  # draws whose curves are evaluated together

Drawn = Mapping[str, Mapping[str, FloatArray]]


def in_common_columns(
    design: Design, coefficients: FloatArray, drawn: Drawn, observed: FloatArray
) -> tuple[Design, FloatArray]:
    """Return a design that no draw changes, and the coefficients of the same functions in its columns.

    Parameters
    ----------
    design : Design
        At the reference.
    coefficients : ndarray of shape (chain, draw, P)
        Draws, each for the design at its own saturations.
    drawn : dict of str to dict of str to ndarray of shape (chain, draw)
        Parameters of saturations that were sampled, by action and name.
    observed : ndarray of shape (m, V)
        Natural rows, over which the new columns have mean zero; the intercept takes the rest.
    """
    shape = coefficients.shape[:2]
    alpha = coefficients[..., 0].copy()
    components, blocks = list(design.components), [alpha[..., None]]
    for i, (component, place) in enumerate(zip(design.components, design.component_slices, strict=True)):
        block = coefficients[..., place]
        if isinstance(component, CausalComponent) and component.action in drawn and block.shape[-1]:
            assert isinstance(component.basis, FittedSaturated)
            common, nodes = _common_basis(component.basis, observed[:, design.actions.index(component.action)])
            named = {name: x.reshape(-1, 1) for name, x in drawn[component.action].items()}
            flat = block.reshape(-1, block.shape[-1])
            curves = np.concatenate(list(_curves(component.basis, named, flat, nodes)))
            weights = np.where(nodes == 0.0, AT_ZERO, 1.0)[:, None]
            columns = weights * np.column_stack([np.ones(len(nodes)), common.columns(nodes)])
            found = np.linalg.lstsq(columns, weights * curves.T, rcond=None)[0].T.reshape(*shape, -1)
            alpha += found[..., 0]
            block = found[..., 1:]
            components[i] = replace(component, basis=common)
        blocks.append(block)
    blocks[0] = alpha[..., None]
    return replace(design, components=tuple(components)), np.concatenate(blocks, axis=-1)


def _common_basis(basis: FittedSaturated, observed: FloatArray) -> tuple[FittedSaturated, FloatArray]:
    """Return the spline in which the curves of an action are written, and the spends at which it meets them."""
    even = Saturation("hill", kappa=float(basis.saturation.inverse(0.5)), slope=0.5)
    nodes = even.inverse(np.linspace(0.0, TOP, NODES))
    return Saturated(BSpline(N_BASIS, knots="equidistant", tail="clip"), even).fit(nodes, observed), nodes


def _curves(
    basis: FittedSaturated, named: Mapping[str, FloatArray], coefficients: FloatArray, nodes: FloatArray
) -> Iterator[FloatArray]:
    """Values of the curve of each draw at the nodes, (draws, nodes), some draws at a time."""
    s = basis.saturation
    for start in range(0, len(coefficients), AT_ONCE):
        here = slice(start, start + AT_ONCE)
        parameters = {**s.parameters, **{name: x[here] for name, x in named.items()}}
        values = saturation_values(s.kind, parameters, nodes)
        columns = basis.basis.columns(values.ravel()).reshape(*values.shape, -1)
        yield np.einsum("dnp,dp->dn", columns, coefficients[here])
