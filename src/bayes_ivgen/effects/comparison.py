"""What two sides of a contrast have in common, and what lift tests know of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.errors import QueryError
from bayes_ivgen.model import ActionGraph


def changed_variables(first: Queries, second: Queries, graph: ActionGraph) -> list[str]:
    """Actions and covariates that differ between two sides of a contrast under one regime."""
    differs = np.any(first.values != second.values, axis=0)
    changed = [name for k, name in enumerate(first.variables) if name in first.stated and differs[k]]
    # What responds to them differs, too; what does not is drawn alike on both sides.
    return changed + [a for a in first.responding if set(graph.ancestors_of(a)) & set(changed)]


def lifted_actions(first: Queries, second: Queries, tests: LiftTests | None) -> list[str]:
    """Actions whose values on either side lie where lift tests hang together, in every query."""
    return [
        action
        for k, action in enumerate(first.actions)
        if tests is not None
        and action in first.stated
        and action in tests.actions
        and tests.connect(action, first.values[:, k], second.values[:, k])
    ]


def lift_hint(changed: Sequence[str], lifted: Sequence[str], tests: LiftTests | None) -> str:
    """Say what to do about an action whose lift tests do not reach the values asked for."""
    missed = [action for action in changed if tests is not None and action in tests.actions and action not in lifted]
    if tests is None or not missed:
        return ""
    ranges = " and ".join(f"{low:.6g} to {high:.6g}" for low, high in tests.ranges(missed[0]))
    return f"; the lift tests of {missed[0]!r} tell about changes inside {ranges} only, ask for values there"


def same_length(first: Queries, second: Queries) -> tuple[Queries, Queries]:
    """Stretch a single query to the number of queries on the other side."""
    if len(first) == len(second):
        return first, second
    if 1 not in (len(first), len(second)):
        raise QueryError(
            f"do has {len(first)} queries and versus has {len(second)}; give one of them, or equally many."
        )
    length = max(len(first), len(second))

    def stretch(queries: Queries) -> Queries:
        values = np.broadcast_to(queries.values, (length, queries.values.shape[1])).copy()
        return replace(queries, values=values, labels=queries.labels.stretched(length))

    return stretch(first), stretch(second)


def side_by_side(first: Queries, second: Queries) -> pd.DataFrame:
    """Both sides of a contrast in one table; those of the second with the prefix ``versus_``.

    Raises
    ------
    QueryError
        If both sides have an index and they differ.
    """
    index = replace(first.labels, index=first.labels.beside(second.labels)).index_of(len(first))
    return pd.concat(
        [first.to_frame().set_axis(index), second.to_frame().add_prefix("versus_").set_axis(index)], axis=1
    )
