"""In which order coefficients are integrated out: each term sees the posterior with all others gone.

The terms are the leaves of a binary tree. A node is visited with its *cavity*: the precision A and shift h
of its coefficients, all others integrated out, its own priors left out. A node (X, Y) hands down

    to Y:  A_YY - A_YX (A_XX + D_X)^-1 A_XY   and   h_Y - A_YX (A_XX + D_X)^-1 h_X,
    to X:  the same with X and Y exchanged, after the scales in Y have been updated,

with D = diag(1 / tau^2). The columns are sorted by kind of term, so that some node holds all of a kind.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.model.design import Design

MOVE_KIND, UPDATE_TERM, DRAW_TERM, INTEGRATE_FIRST, INTEGRATE_SECOND, DRAW_SECOND = range(6)
Numbers = NDArray[np.intp]


class Schedule(NamedTuple):
    """The visits of one sweep in order, as data for `inference.kernels`.

    Attributes
    ----------
    steps : ndarray of shape (steps, 7)
        What to do; the level of the matrix (the posterior is at level 0, a second half goes one level up); the
        first row of the node in it; its first column in sorted order; its size; the size of its first half;
        the term or the kind that it is.
    sizes : ndarray of shape (levels,)
        Size of the matrix of each level.
    term_of : ndarray of shape (P - 1,)
        Term of each column in sorted order, without the intercept.
    columns : ndarray of shape (P,)
        Columns of the design in sorted order, the intercept first.
    """

    steps: Numbers
    sizes: Numbers
    term_of: Numbers
    columns: Numbers

    @classmethod
    def of(cls, design: Design) -> Schedule:
        """Halve the columns again and again: first between kinds of terms, then between terms."""
        visits = _Visits(design)
        if visits.order:
            visits.add(visits.order, level=0, row=0, column=0, draw=True)
        slices = [design.slices[design.terms[term].name] for term in visits.order]
        return cls(
            np.array(visits.steps, dtype=np.intp).reshape(-1, 7),
            np.array(visits.sizes, dtype=np.intp),
            np.repeat(np.array(visits.order, dtype=np.intp), [visits.size_of[term] for term in visits.order]),
            np.concatenate([np.zeros(1, np.intp), *(np.arange(part.start, part.stop) for part in slices)]),
        )


class _Visits:
    """Writes the steps of a schedule, node by node."""

    def __init__(self, design: Design) -> None:
        self.kind_of = design.type_index.tolist()
        self.size_of = [term.size for term in design.terms]
        self.order = sorted(range(len(design.terms)), key=lambda term: self.kind_of[term])
        self.steps: list[tuple[int, ...]] = []
        self.sizes: list[int] = []

    def add(self, terms: list[int], *, level: int, row: int, column: int, draw: bool) -> None:
        """Add the visit of the node of these neighbouring terms; with `draw`, draw its coefficients as well."""
        size, kind = self._columns(terms), self.kind_of[terms[0]]
        self.sizes += [0] * (level + 1 - len(self.sizes))
        self.sizes[level] = max(self.sizes[level], row + size)
        place = (level, row, column, size)
        if len(terms) == self.kind_of.count(kind) and kind == self.kind_of[terms[-1]]:
            self.steps.append((MOVE_KIND, *place, 0, kind))
        if len(terms) == 1:
            self.steps.append((UPDATE_TERM, *place, 0, terms[0]))
            self.steps += [(DRAW_TERM, *place, 0, 0)] * draw
            return
        cut = self._cut(terms)
        first, second = terms[:cut], terms[cut:]
        part = self._columns(first)
        self.steps.append((INTEGRATE_FIRST, *place, part, 0))
        self.add(second, level=level + 1, row=0, column=column + part, draw=False)
        self.steps.append((INTEGRATE_SECOND, *place, part, 0))
        self.add(first, level=level, row=row, column=column, draw=draw)
        self.steps += [(DRAW_SECOND, *place, part, 0)] * draw

    def _columns(self, terms: list[int]) -> int:
        return sum(self.size_of[term] for term in terms)

    def _cut(self, terms: list[int]) -> int:
        """Where to halve: between kinds if there are several, as close to the middle as possible."""
        between = [i for i in range(1, len(terms)) if self.kind_of[terms[i - 1]] != self.kind_of[terms[i]]]
        middle = self._columns(terms) / 2
        return min(between or range(1, len(terms)), key=lambda i: abs(self._columns(terms[:i]) - middle))
