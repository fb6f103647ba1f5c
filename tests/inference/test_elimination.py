"""The schedule of a sweep visits every term and every kind of term once, in matrices that are large enough."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen.inference.elimination import (
    DRAW_SECOND,
    DRAW_TERM,
    INTEGRATE_FIRST,
    INTEGRATE_SECOND,
    MOVE_KIND,
    UPDATE_TERM,
    Schedule,
)


def layout(terms: Sequence[tuple[int, int]]) -> SimpleNamespace:
    """What the schedule reads of a design: terms of (kind, size)."""
    present = sorted({kind for kind, _ in terms})
    ends = 1 + np.cumsum([size for _, size in terms], dtype=int)
    named = [SimpleNamespace(name=i, size=size) for i, (_, size) in enumerate(terms)]
    return SimpleNamespace(
        terms=named,
        type_index=np.array([present.index(kind) for kind, _ in terms], dtype=np.intp),
        slices={term.name: slice(int(end) - term.size, int(end)) for term, end in zip(named, ends, strict=True)},
    )


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), max_size=12))
def test_every_term_and_kind_is_visited_once(terms: list[tuple[int, int]]) -> None:
    design = layout(terms)
    schedule = Schedule.of(design)  # type: ignore[arg-type]
    n = sum(size for _, size in terms)
    assert sorted(schedule.columns) == list(range(n + 1))
    assert schedule.columns[0] == 0
    what, level, row, column, size, part, which = schedule.steps.T
    assert sorted(which[what == UPDATE_TERM]) == list(range(len(terms)))
    assert sorted(which[what == MOVE_KIND]) == sorted(set(design.type_index.tolist()))
    for step in schedule.steps:
        inside = schedule.term_of[step[3] : step[3] + step[4]]
        if step[0] == UPDATE_TERM:
            assert set(inside) == {step[6]}
            assert len(inside) == terms[step[6]][1]
        if step[0] == MOVE_KIND:
            assert set(inside) == set(np.flatnonzero(design.type_index == step[6]))
    if terms:
        assert np.all(row + size <= schedule.sizes[level])
        assert schedule.sizes[0] == n
        integrated = what == INTEGRATE_FIRST
        assert np.all((size - part)[integrated] <= schedule.sizes[level[integrated] + 1])
        assert np.count_nonzero(integrated) == np.count_nonzero(what == INTEGRATE_SECOND) == len(terms) - 1
        # Coefficients are drawn once, after every update: those of the last node, then the second halves going back.
        drawing = np.isin(what, [DRAW_TERM, DRAW_SECOND])
        assert np.all(np.diff(drawing.astype(int)) >= 0)
        assert np.sum(np.where(what == DRAW_TERM, size, size - part)[drawing]) == n
    np.testing.assert_array_equal(column < max(n, 1), True)
