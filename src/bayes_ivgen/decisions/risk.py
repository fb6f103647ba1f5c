"""What is maximised: the expected outcome, or the mean over the worst share of the posterior draws.

    CVaR_p(V) = max_t  t - E[(t - V)_+] / p = min { E[q V] : 0 <= q <= 1 / (p D), sum_s q_s = 1 }

over D draws (Rockafellar and Uryasev 2000, equation 9, and its dual). For any fixed q the right-hand side is a sum
over groups of items if V is, so dynamic programming bounds every choice from above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.decisions.knapsack import Amounts, IntArray

ROUNDS = 30
MOST_RANKED = 20_000
BLOCK = 64
CLOSE = 1e-10  # of the spread of the objective: bounds that differ by less are equal


@dataclass(frozen=True)
class Objective:
    """(1 - aversion) E[V] + aversion CVaR_share(V): the mean less `aversion` times how far the worst fall below it.

    Attributes
    ----------
    share : float or None
        Share p of the draws that count as the worst; None for the plain mean.
    aversion : float
        Weight of the risk, from 0 to 1.
    """

    share: float | None = None
    aversion: float = 1.0

    @property
    def neutral(self) -> bool:
        """Whether it is the plain mean."""
        return self.share is None

    def weights(self, values: FloatArray) -> FloatArray:
        """Weights of the draws, summing to one, whose mean of `values` (D,) is the objective; the q of the dual."""
        even = np.full(len(values), 1.0 / len(values))
        return even if self.share is None else (1 - self.aversion) * even + self.aversion * _worst(values, self.share)

    def of(self, values: FloatArray) -> FloatArray:
        """Objective of each row of `values`, shape (n, D)."""
        if self.share is None:
            return values.mean(axis=1)
        return np.array([float(self.weights(row) @ row) for row in values])

    def scores(self, values: FloatArray) -> FloatArray:
        """One number a draw whose plain mean is the objective, for its Monte-Carlo error; shape of `values` (D,).

        With t the quantile, t - (t - V)_+ / p is the influence of a draw on CVaR up to a constant.
        """
        if self.share is None:
            return values
        t = np.partition(values, k := int(np.ceil(self.share * len(values))) - 1)[k]
        tail = t - np.maximum(t - values, 0.0) / self.share
        return (1 - self.aversion) * values + self.aversion * tail


def worst_mean(values: FloatArray, share: float) -> float:
    """CVaR: mean of the worst share of the draws, shape (D,)."""
    return float(_worst(values, share) @ values)


def _worst(values: FloatArray, share: float) -> FloatArray:
    """Density on the smallest values, 1 / (share D) each, the remainder on the next one."""
    most = 1.0 / (share * len(values))
    whole = min(int(np.floor(share * len(values) + 1e-9)), len(values))
    order = np.argpartition(values, min(whole, len(values) - 1))
    weights = np.zeros(len(values))
    weights[order[:whole]] = most
    if whole < len(values):
        weights[order[whole]] = max(1.0 - whole * most, 0.0)
    return weights


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best choices and how far they are proved.

    Attributes
    ----------
    items : ndarray of int, shape (n, G)
        Choices in falling order of the objective.
    objective : ndarray of shape (n,)
        Their objective.
    gap : float
        No choice is better than the first by more than this; 0 where it is proved best.
    examined : int
        Choices that were evaluated.
    """

    items: IntArray
    objective: FloatArray
    gap: float
    examined: int = 0


def rank(
    amounts: Amounts, worths: Sequence[FloatArray], base: FloatArray, objective: Objective, wanted: int
) -> Ranking:
    """Return the best choices for V_s(i) = base_s + sum_g worths_g[i_g, s]; worths (items, D), base (D,).

    For the mean the choices of `Amounts.ranked` are the answer. For a risk they are ranked by E[q V] with the q
    that gives the least upper bound (`_tightest`), and evaluated until no later one can be better.
    """
    even = np.full(len(base), 1.0 / len(base))
    weights, met = (even, []) if objective.neutral else _tightest(amounts, worths, base, objective)
    pooled = [worth @ weights for worth in worths]
    level, scale = float(base @ weights), max(float(np.ptp(p)) for p in pooled)
    found: list[tuple[float, tuple[int, ...]]] = []
    waiting, seen, gap = list(met), set(met), 0.0

    def settle() -> None:
        values = draws_of(np.array(waiting), worths, base)
        found.extend(zip(objective.of(values).tolist(), waiting, strict=True))
        found.sort(key=lambda pair: -pair[0])
        del found[wanted:]
        waiting.clear()

    for bound, items in amounts.ranked(pooled):
        if objective.neutral:
            found.append((bound + level, items))
            if len(found) == wanted:
                break
            continue
        if len(found) == wanted and bound + level <= found[-1][0] + CLOSE * scale:
            break
        if len(seen) >= MOST_RANKED + len(met):
            if waiting:
                settle()
            gap = max(0.0, bound + level - found[0][0])
            break
        if items not in seen:
            waiting.append(items)
            seen.add(items)
        if len(waiting) >= BLOCK:
            settle()
    if waiting:
        settle()
    return Ranking(np.array([i for _, i in found]), np.array([v for v, _ in found]), gap, len(seen))


def _tightest(
    amounts: Amounts, worths: Sequence[FloatArray], base: FloatArray, objective: Objective
) -> tuple[FloatArray, list[tuple[int, ...]]]:
    """Weights w = (1 - aversion) / D + aversion q whose bound max_i E_w V(i) is the least; choices that were met.

    Column generation: the linear programme over q with the choices so far, then dynamic programming for the
    choice that violates it most, until both agree (the dual of Rockafellar and Uryasev's programme).
    """
    best, least = np.full(len(base), 1.0 / len(base)), np.inf
    columns: list[FloatArray] = []
    met: list[tuple[int, ...]] = []
    weights, top = best, -np.inf
    for _ in range(ROUNDS):
        value, items = amounts.best([(worth @ weights)[:, None] for worth in worths])
        bound = float(value[0] + base @ weights)
        if bound < least:
            best, least = weights, bound
        column = draws_of(items, worths, base)[0]
        choice = tuple(items[0].tolist())
        own = objective.weights(column)
        top = max(top, float(own @ column))
        if choice in met:
            break
        met.append(choice)
        columns.append(column)
        if least - top <= CLOSE * abs(least):
            break
        weights = own if len(columns) == 1 else _master(np.array(columns), objective)
    return best, met


def _master(columns: FloatArray, objective: Objective) -> FloatArray:
    """Weights that make the best of the columns (n, D) worst: min_q max_j E_w V_j."""
    from scipy.optimize import linprog

    n, draws = columns.shape
    aversion, share = objective.aversion, objective.share
    fixed = (1 - aversion) * columns.mean(axis=1)
    centre = columns.mean()  # shifts the bound only; keeps the programme well scaled
    table = np.concatenate([aversion * (columns - centre), -np.ones((n, 1))], axis=1)
    solved = linprog(
        np.append(np.zeros(draws), 1.0),
        A_ub=table,
        b_ub=-(fixed - (1 - aversion) * centre),
        A_eq=np.append(np.ones(draws), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[*[(0.0, 1.0 / ((share or 1.0) * draws))] * draws, (None, None)],
        method="highs",
    )
    if solved.x is None:  # the bound of any weights is valid, only less tight
        return objective.weights(columns[-1])
    return np.asarray((1 - aversion) / draws + aversion * _feasible(solved.x[:-1], 1.0 / ((share or 1.0) * draws)))


def _feasible(q: FloatArray, most: float) -> FloatArray:
    """Repair rounding: 0 <= q <= most and sum 1, without which E[q V] is no bound."""
    q = np.clip(q, 0.0, most)
    if (total := q.sum()) >= 1.0:
        return np.asarray(q / total)
    room = most - q
    return np.asarray(q + room * ((1.0 - total) / room.sum()))


def draws_of(items: IntArray, worths: Sequence[FloatArray], base: FloatArray) -> FloatArray:
    """Draws of the value of choices (n, G); shape (n, D)."""
    found = np.broadcast_to(base, (len(items), len(base))).copy()
    for g, worth in enumerate(worths):
        found += worth[items[:, g]]
    return found


Transform = Callable[[FloatArray], FloatArray]


def search(
    amounts: Amounts,
    worths: Sequence[FloatArray],
    base: FloatArray,
    mean: Transform,
    objective: Objective,
    *,
    start: IntArray,
    most: int,
    wanted: int,
) -> Ranking:
    """Return the best choices for V_s = mean(base_s + sum_g worths_g): an increasing function, not a sum.

    All choices are evaluated if there are at most `most`. Otherwise `start`, the choices that are best in some
    draw, and those with the largest mean predictor are; no choice beats the best of each draw, which bounds the gap.
    """
    ranked = amounts.ranked([worth.mean(axis=1) for worth in worths])
    pool = list(dict.fromkeys([items for _, items in islice(ranked, most + 1)]))
    complete = len(pool) <= most
    if not complete:
        pool = list(dict.fromkeys([*pool, *map(tuple, start.tolist())]))
    items = np.array(pool)
    size = max(1, 2**22 // len(base))
    parts = [objective.of(mean(draws_of(items[i : i + size], worths, base))) for i in range(0, len(items), size)]
    found = np.concatenate(parts)
    order = np.argsort(-found, kind="stable")[:wanted]
    gap = 0.0
    if not complete:
        top, _ = amounts.best(worths)
        gap = max(0.0, float(objective.of(mean(base + top)[None])[0] - found[order[0]]))
    return Ranking(items[order], found[order], gap, len(items))


def monte_carlo_errors(values: FloatArray, chains: int) -> FloatArray:
    """Return the standard error of the mean of each row (n, D), with autocorrelation."""
    from arviz_stats.base import array_stats

    spread = values.std(axis=1)
    moving = spread > 1e-14 * np.abs(values).max(initial=1e-300)
    found = np.zeros(len(values))
    if moving.any():
        arranged = values[moving].reshape(moving.sum(), chains, -1)
        effective = array_stats.ess(arranged, chain_axis=1, draw_axis=2, method="mean")
        found[moving] = spread[moving] / np.sqrt(np.maximum(effective, 1.0))
    return found
