"""What is missing where binned rows do not determine a query, and the experiment that would supply it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from bayes_ivgen.data import Regime
from bayes_ivgen.effects.bin_columns import Codes

if TYPE_CHECKING:
    from bayes_ivgen.effects.bin_support import BinSupport

LEAST_ROWS = 3


def missing_near(support: BinSupport, codes: Codes, regime: Regime, shown: Mapping[str, str]) -> str:
    """Name the combination that never occurred, the widest first: neighbouring bins count, then the bin alone."""
    for reach in (1, 0):
        for search in (_alone, _together):
            text = search(support, codes, regime, shown, reach)
            if text:
                return text
    return (
        f"the rows do not tell the contributions at {', '.join(shown.values())} apart, but rows of {regime.label} "
        "near there would"
    )


def _near(support: BinSupport, codes: Codes, j: int, k: int, reach: int) -> dict[Regime, int]:
    """Rows of each regime near the values of two actions; j = k asks for one."""
    (j, k), at = sorted((j, k)), []
    for i in (j, k):
        within = 0 if support.discrete[i] else reach
        at.append(slice(max(0, int(codes[i]) - within), int(codes[i]) + within + 1))
    return {regime: int(table[at[0], at[1]].sum()) for regime, table in support.counts[j, k].items()}


def _alone(support: BinSupport, codes: Codes, regime: Regime, shown: Mapping[str, str], reach: int) -> str:
    """Find an action whose value never occurred by itself, nor with its child set, which the query sets, too."""
    actions = support.actions
    for k, action in enumerate(actions):
        if not regime.sets(action):
            continue
        where = [one for one, n in _near(support, codes, k, k, reach).items() if n >= LEAST_ROWS]
        if any(not one.sets(action) for one in where):
            continue
        for members, others in support.columns.families:
            other = actions[members[0]]
            if k in others and regime.sets(other) and not any(one.sets(other) for one in where):
                both = Regime(tuple(a for a in actions if a == action or actions.index(a) in members))
                return (
                    f"{shown[action]} was never seen while {_names(actions, members)} was set, and never occurred by "
                    f"itself, but rows of {both.label} near {shown[action]} would tell, and so would rows in which "
                    f"{action} comes near it by itself"
                )
    return ""


def _together(support: BinSupport, codes: Codes, regime: Regime, shown: Mapping[str, str], reach: int) -> str:
    """Find two arguments of a confounding component that never occurred together in the role of the query."""
    actions = support.actions
    for members, others in support.columns.families:
        was_set = regime.sets(actions[members[0]])
        for j, k in combinations(others if was_set else (*members, *others), 2):
            near = _near(support, codes, j, k, reach)
            if sum(n for one, n in near.items() if one.sets(actions[members[0]]) == was_set) >= LEAST_ROWS:
                continue
            chosen = {j, k, *members} if was_set else {j, k} - {*members}
            repair = Regime(tuple(a for i, a in enumerate(actions) if i in chosen)).label
            pair = " and ".join(shown[actions[i]] for i in sorted((j, k)))
            return (
                f"{pair} were never seen together while {_names(actions, members)} was "
                f"{'set' if was_set else 'left alone'}, but rows of {repair} near there would tell"
            )
    return ""


def _names(actions: Sequence[str], members: Sequence[int]) -> str:
    return "+".join(actions[k] for k in members)
