"""Which effects a collection of regimes identifies (design 1.2; paper Theorem 1, Proposition 1).

Write the regimes as rows (1, R_1..R_K). The *level* of E[Y | a, R*] is identified if and only if
(1, R*) lies in their row space; a *contrast* of two values under one regime needs less, because
only the components that change have to be known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.regime import Regime

_TOLERANCE = 1e-9
_EXHAUSTIVE = 11


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
) -> tuple[Regime, ...]:
    """Find a smallest set of further regimes, out of ``obs`` and single tests, that identifies the level.

    Another condition than the level of `target` can be passed as `identified`. Returns an empty
    tuple if it holds already. Above `_EXHAUSTIVE` candidates a set
    of more than two is one from which no regime can be left out, not always a smallest one.
    """

    def known(collection: Sequence[Regime]) -> bool:
        return level_weights(target, collection, actions) is not None

    identified = identified or known
    candidates = [Regime(), *(Regime((action,)) for action in actions)]
    candidates = [regime for regime in candidates if regime not in regimes]
    largest = len(candidates) if len(candidates) <= _EXHAUSTIVE else 2
    for size in range(largest + 1):
        for extra in combinations(candidates, size):
            if identified([*regimes, *extra]):
                return extra
    kept = list(candidates)
    # With obs and all singles everything is identified; drop what is not needed, first what the target does not set.
    for regime in sorted(candidates, key=lambda one: set(one.set_actions) <= set(target.set_actions)):
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
) -> bool:
    """Whether a contrast under one regime, in which only `changed` actions differ, is identified.

    Component-wise rule of the theory notes, B (without synergy): with fam(l) = {l} and its parents,
    for each non-empty S inside some fam(l) that meets the changed actions let
    L(S) = {l : S in fam(l)}; single actions need (1, R*_L) in the row space of the (1, R^r_L),
    larger S need (1 - R*_L) in the row space of the (1 - R^r_L). For an action of `lifted`, whose own
    component lift tests know over the values in question, a row in which all of L is set joins the
    (1, R^r_L) of S = {k}: it holds m_k and no confounding component.
    """
    families = {action: frozenset({action, *parents.get(action, ())}) for action in actions}
    for subset in _subsets_of_families(families.values()):
        if not subset & set(changed):
            continue
        members = [action for action in actions if subset <= families[action]]
        rows = np.array([indicator(regime, members) for regime in regimes]).reshape(len(regimes), len(members))
        wanted = indicator(target, members)
        if len(subset) == 1:
            if subset <= set(lifted):
                rows = np.vstack([rows, np.ones(len(members))])
            found = _solve(np.append(1.0, wanted), np.column_stack([np.ones(len(rows)), rows]))
        else:
            found = _solve(1 - wanted, 1 - rows)
        if found is None:
            return False
    return True


def _subsets_of_families(families: Iterable[frozenset[str]]) -> set[frozenset[str]]:
    # Larger sets need no check: L(S) lies in L(T) for a pair T inside S, and weights that solve the
    # condition on L(T) solve it on every part of L(T).
    return {
        frozenset(chosen) for family in families for size in (1, 2) for chosen in combinations(sorted(family), size)
    }
