"""Exact choice of one item from each group under a budget (docs/theory/allocation.md).

A group is an action, or actions that interact, with one item for each value; an item has a cost and a worth.
Sums of worths are maximised by dynamic programming over the distinct amounts that can be spent, without
rounding, for one vector of worths or for many posterior draws at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray

IntArray = NDArray[np.intp]

SAME_COST = 1e-9  # of the budget: amounts that differ by less are one amount
BLOCK_BYTES = 64 * 2**20


class TooManyAmountsError(Exception):
    """More distinct amounts than the programme should hold; `found` counts those of the first groups."""

    def __init__(self, found: int) -> None:
        super().__init__(found)
        self.found = found


@dataclass(frozen=True, eq=False)
class Moves:
    """Ways from an amount spent on earlier groups to one spent on this group too; sorted by item.

    Attributes
    ----------
    source, item, target : ndarray of int, shape (moves,)
        Position among the earlier amounts, item of the group, position among the new amounts.
    starts : ndarray of int
        Where a run of moves begins in which every target stands once.
    """

    source: IntArray = field(repr=False)
    item: IntArray = field(repr=False)
    target: IntArray = field(repr=False)
    starts: IntArray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Amounts:
    """Distinct amounts that can be spent on the first 0, 1, ..., G groups within the budget.

    Attributes
    ----------
    spent : tuple of ndarray
        Sorted amounts; the first entry is the single amount zero.
    moves : tuple of Moves
        One for each group.
    """

    spent: tuple[FloatArray, ...] = field(repr=False)
    moves: tuple[Moves, ...] = field(repr=False)

    @classmethod
    def of(cls, costs: Sequence[FloatArray], budget: float, most: int) -> Amounts:
        """Build them from the cost of each item of each group.

        Raises
        ------
        TooManyAmountsError
            If there are more than `most`.
        """
        least = np.array([cost.min() for cost in costs])
        tolerance = SAME_COST * max(abs(budget), float(np.abs(least).sum()), 1e-300)
        spent, moves = [np.zeros(1)], []
        for g, cost in enumerate(costs):
            total = spent[-1][:, None] + cost[None, :]
            source, item = np.nonzero(total <= budget - least[g + 1 :].sum() + tolerance)
            if not len(source):
                raise ValueError("the budget is below the cheapest choice")
            sums = total[source, item]
            order = np.argsort(sums, kind="stable")
            fresh = np.concatenate([[True], np.diff(sums[order]) > tolerance])
            target = np.empty(len(sums), dtype=np.intp)
            target[order] = np.cumsum(fresh) - 1
            spent.append(sums[order][fresh])
            if len(spent[-1]) > most:
                raise TooManyAmountsError(len(spent[-1]))
            moves.append(_sorted_moves(source, item, target))
        return cls(tuple(spent), tuple(moves))

    def best(self, worths: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
        """Largest sum of worths and the items that reach it, for each draw.

        Among equal sums the cheapest is taken.

        Parameters
        ----------
        worths : sequence of ndarray of shape (items, D)
            Worth of each item of each group in each draw.

        Returns
        -------
        tuple of ndarray of shape (D,) and ndarray of int, shape (D, G)
        """
        draws = worths[0].shape[1]
        size = max(1, BLOCK_BYTES // (12 * sum(len(amounts) for amounts in self.spent)))
        parts = [self._best([w[:, i : i + size] for w in worths]) for i in range(0, draws, size)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _best(self, worths: Sequence[FloatArray]) -> tuple[FloatArray, IntArray]:
        draws = worths[0].shape[1]
        value, taken = np.zeros((1, draws)), []
        for moves, worth, spent in zip(self.moves, worths, self.spent[1:], strict=True):
            value, move = _forward(value, moves, worth, len(spent))
            taken.append(move)
        at, every = value.argmax(axis=0), np.arange(draws)  # the first of equals is the cheapest
        best, items = value[at, every], np.empty((draws, len(worths)), dtype=np.intp)
        for g in range(len(worths) - 1, -1, -1):
            move = taken[g][at, every]
            items[:, g], at = self.moves[g].item[move], self.moves[g].source[move]
        return best, items

    def by_amount(self, worths: Sequence[FloatArray]) -> list[FloatArray]:
        """Largest sum of worths (items,) of the first 0, 1, ..., G groups at each amount."""
        value, found = np.zeros((1, 1)), [np.zeros(1)]
        for moves, worth, spent in zip(self.moves, worths, self.spent[1:], strict=True):
            value, _ = _forward(value, moves, worth[:, None], len(spent))
            found.append(value[:, 0])
        return found

    def ranked(self, worths: Sequence[FloatArray]) -> Iterator[tuple[float, tuple[int, ...]]]:
        """All choices within the budget in falling order of their sum of worths, equal ones by cost.

        Best-first search from the last group; the largest sum of the earlier groups at each amount is known, so
        every choice that is started is finished in its turn.

        Parameters
        ----------
        worths : sequence of ndarray of shape (items,)

        Yields
        ------
        tuple of float and tuple of int
            The sum and the item of each group.
        """
        prefix, order = self.by_amount(worths), count()
        ways: dict[tuple[int, int], tuple[FloatArray, IntArray]] = {}
        last = len(worths)
        heap: list[tuple[float, float, int, int, int, int, float, tuple[int, ...]]] = []
        for at, (value, cost) in enumerate(zip(prefix[-1], self.spent[-1], strict=True)):
            heapq.heappush(heap, (-value, cost, next(order), last, at, 0, 0.0, ()))
        while heap:
            key, cost, _, g, at, rank, done, chosen = heapq.heappop(heap)
            if g == 0:
                yield -key, chosen
                continue
            if (g, at) not in ways:
                ways[g, at] = self._ways(g, at, worths[g - 1], prefix[g - 1])
            values, moves = ways[g, at]
            if rank + 1 < len(values):
                entry = (-(done + values[rank + 1]), cost, next(order), g, at, rank + 1, done, chosen)
                heapq.heappush(heap, entry)
            move = moves[rank]
            item = int(self.moves[g - 1].item[move])
            source = int(self.moves[g - 1].source[move])
            heapq.heappush(
                heap, (key, cost, next(order), g - 1, source, 0, done + worths[g - 1][item], (item, *chosen))
            )

    def _ways(self, g: int, at: int, worth: FloatArray, before: FloatArray) -> tuple[FloatArray, IntArray]:
        """Return the moves of group g (counted from 1) that end at an amount, best first, and what they reach."""
        moves = np.flatnonzero(self.moves[g - 1].target == at)
        values = worth[self.moves[g - 1].item[moves]] + before[self.moves[g - 1].source[moves]]
        order = np.argsort(-values, kind="stable")
        return values[order], moves[order]


def _sorted_moves(source: IntArray, item: IntArray, target: IntArray) -> Moves:
    # Two amounts may merge on the way to one target: such moves go into separate runs.
    turn = np.zeros(len(item), dtype=np.intp)
    order = np.lexsort([source, target, item])
    same = (np.diff(item[order]) == 0) & (np.diff(target[order]) == 0)
    for i in np.flatnonzero(same):
        turn[order[i + 1]] = turn[order[i]] + 1
    order = np.lexsort([target, turn, item])
    source, item, target, turn = source[order], item[order], target[order], turn[order]
    new = (np.diff(item) != 0) | (np.diff(turn) != 0)
    return Moves(source, item, target, np.concatenate([[0], np.flatnonzero(new) + 1]))


def _forward(value: FloatArray, moves: Moves, worth: FloatArray, size: int) -> tuple[FloatArray, NDArray[np.int32]]:
    """V_g(c') = max over moves into c' of V_{g-1}(c) + worth(item); value (amounts, D), worth (items, D)."""
    found = np.full((size, value.shape[1]), -np.inf)
    taken = np.zeros(found.shape, dtype=np.int32)
    for start, stop in zip(moves.starts, [*moves.starts[1:], len(moves.item)], strict=True):
        target = moves.target[start:stop]
        reached = value[moves.source[start:stop]] + worth[moves.item[start]]
        before = found[target]
        better = reached > before
        found[target] = np.where(better, reached, before)
        taken[target] = np.where(better, np.arange(start, stop, dtype=np.int32)[:, None], taken[target])
    return found, taken
