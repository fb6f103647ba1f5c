"""Which effects a collection of regimes identifies (design 1.2; paper Theorem 1, Proposition 1).

Write the regimes as rows (1, R_1..R_K). The *level* of E[Y | a, R*] is identified if and only if
(1, R*) lies in their row space; a *contrast* of two values under one regime needs less, because
only the components that change have to be known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime

_TOLERANCE = 1e-9
_FEW_UNITS = 4  # up to so many blocks every regime is a candidate for a missing experiment
_MOST_SETS = 3000  # of a size, beyond which they are not all tried

Units = tuple[tuple[str, ...], ...]
"""Blocks of actions: a partition of the actions, most often each on its own."""


def units_of(blocks: Iterable[Sequence[str]], actions: Sequence[str]) -> Units:
    """Blocks with the actions that none of them names as blocks of their own, in the order of the actions."""
    named = {action: tuple(a for a in actions if a in block) for block in blocks for action in block}
    return tuple(dict.fromkeys(named.get(action, (action,)) for action in actions))


def indicator(regime: Regime, actions: Sequence[str]) -> FloatArray:
    """Row (R_1..R_K) of a regime; shape (K,)."""
    return np.array([regime.sets(action) for action in actions], dtype=float)


def _solve(target: FloatArray, rows: FloatArray) -> FloatArray | None:
    """Weights w with least norm and w @ rows = target, or None if there are none."""
    if rows.size == 0:
        return None if np.any(target) else np.zeros(len(rows))
    weights, *_ = np.linalg.lstsq(rows.T, target, rcond=None)
    return weights if np.allclose(weights @ rows, target, atol=_TOLERANCE) else None


def level_weights(
    target: Regime, regimes: Sequence[Regime], actions: Sequence[str], *, separable: bool = False
) -> FloatArray | None:
    """Weights w_r with sum_r w_r (1, R^r) = (1, R*), or None if the level is not identified.

    Parameters
    ----------
    target : Regime
        The regime R* whose mean outcome is asked for.
    regimes : sequence of Regime
        The regimes at hand.
    actions : sequence of str
        All actions.
    separable : bool
        Whether the levels of all confounding components are known to be zero
        (``confounding="separable"``); then the columns of R drop out of the rule.
    """
    rows = np.array([[1.0, *indicator(regime, actions)] for regime in regimes]).reshape(-1, len(actions) + 1)
    wanted = np.array([1.0, *indicator(target, actions)])
    if separable:
        rows, wanted = rows[:, :1], wanted[:1]
    return _solve(wanted, rows)


def shift_weights(
    first: Regime, second: Regime, regimes: Sequence[Regime], actions: Sequence[str]
) -> FloatArray | None:
    """Weights that identify E[Y | a, first] - E[Y | a, second] at the same values, or None.

    The condition is that (0, R1 - R2) lies in the row space of the (1, R^r); neither of the two
    levels has to be identified.
    """
    rows = np.array([[1.0, *indicator(regime, actions)] for regime in regimes]).reshape(len(regimes), -1)
    return _solve(np.append(0.0, indicator(first, actions) - indicator(second, actions)), rows)


def missing_regimes(
    target: Regime,
    regimes: Sequence[Regime],
    actions: Sequence[str],
    identified: Callable[[Sequence[Regime]], bool] | None = None,
    *,
    units: Units | None = None,
) -> tuple[Regime, ...]:
    """Find a smallest set of further regimes that identifies the level; of equally many, those that set least.

    Candidates are obs, every single, every pair and the joint regime, up to four actions all
    regimes. The target itself is among them only if it sets one action or none: where a combination
    can be run, no model is needed. Another condition than the level of `target` can be passed as
    `identified`; blocks of actions that are set as a whole as `units`. Returns an empty tuple if the
    condition holds already. Beyond a few thousand sets of one size the answer is one from which no
    regime can be left out, not always a smallest one.
    """
    units = units or tuple((action,) for action in actions)
    heads = [unit[0] for unit in units]

    def known(collection: Sequence[Regime]) -> bool:
        return level_weights(target, collection, heads) is not None

    test = identified or known
    if test(regimes):
        return ()
    candidates = [regime for regime in _candidates(target, actions, units) if regime not in regimes]
    for size in range(1, len(candidates) + 1):
        if comb(len(candidates), size) > _MOST_SETS:
            break
        sets = sorted(combinations(candidates, size), key=lambda chosen: sum(len(one.set_actions) for one in chosen))
        sets = sets if identified else _spanning(target, regimes, sets, heads)
        found = next((chosen for chosen in sets if test([*regimes, *chosen])), None)
        if found is not None:
            return found
    singles = [Regime(), *(Regime(unit) for unit in units)]
    return _irreducible([regime for regime in singles if regime not in regimes], target, regimes, test)


def _candidates(target: Regime, actions: Sequence[str], units: Units) -> list[Regime]:
    n = len(units)
    sizes = range(n + 1) if n <= _FEW_UNITS else (0, 1, 2, n)
    found = []
    for size in sizes:
        for chosen in combinations(units, size):
            regime = Regime(tuple(action for action in actions if any(action in unit for unit in chosen)))
            if size <= 1 or regime != target:
                found.append(regime)
    return list(dict.fromkeys(found))


def _spanning(
    target: Regime, regimes: Sequence[Regime], sets: Sequence[tuple[Regime, ...]], heads: Sequence[str]
) -> list[tuple[Regime, ...]]:
    """Of the sets, those that with the regimes at hand span the row of the target: all at once, for speed."""

    def row(regime: Regime) -> list[float]:
        return [1.0, *indicator(regime, heads)]

    known = np.array([row(regime) for regime in regimes]).reshape(-1, len(heads) + 1)
    rows = np.array([[*known.tolist(), *map(row, chosen)] for chosen in sets])
    _, sizes, axes = np.linalg.svd(rows, full_matrices=False)
    inside = (axes @ np.array(row(target))) * (sizes > _TOLERANCE * len(heads))
    gap = (1.0 + indicator(target, heads).sum()) - np.sum(inside**2, axis=1)
    return [chosen for chosen, missing in zip(sets, gap, strict=True) if missing < 1e-6]


def _irreducible(
    singles: Sequence[Regime],
    target: Regime,
    regimes: Sequence[Regime],
    identified: Callable[[Sequence[Regime]], bool],
) -> tuple[Regime, ...]:
    # With obs and all singles everything is identified; drop what is not needed, first what the target does not set.
    kept = list(singles)
    for regime in sorted(singles, key=lambda one: set(one.set_actions) <= set(target.set_actions)):
        fewer = [other for other in kept if other != regime]
        if identified([*regimes, *fewer]):
            kept = fewer
    return tuple(kept)


def contrast_identified(
    changed: Collection[str],
    target: Regime,
    regimes: Sequence[Regime],
    actions: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    lifted: Collection[str] = (),
    *,
    units: Units | None = None,
) -> bool:
    """Whether a contrast under one regime, in which only `changed` actions differ, is identified.

    Component-wise rule of the theory notes, B: with fam(l) = {l} and its parents, for each changed
    action k and L(k) = {l : k in fam(l)}, (1, R*_L) must lie in the row space of the (1, R^r_L). With
    blocks l runs over them, fam(B) being the members and their parents outside B. Sets of more than
    one action need no check, and neither does synergy: docs/theory/identification.md.

    For an action of `lifted`, whose own component lift tests know over the values in question, a row
    in which all of L is set joins the (1, R^r_L): it holds m_k and no confounding component.

    Parameters
    ----------
    units : tuple of tuple of str, optional
        Blocks of actions that are set as a whole.
    """
    units = units or tuple((action,) for action in actions)
    families = {
        unit[0]: frozenset(unit) | {parent for action in unit for parent in parents.get(action, ())} for unit in units
    }
    for action in changed:
        members = [head for head, family in families.items() if action in family]
        known = [*regimes, Regime(tuple(members))] if action in lifted else regimes
        if level_weights(target, known, members) is None:
            return False
    return True
