"""Learn which actions drive which from the regimes in which one of them was randomised.

In a regime that sets j, A_j is independent of A_k unless j is an ancestor of k (theory H). The
test compares Legendre polynomials of the ranks of both, so it sees any smooth dependence:
T = n |Q_j' Q_k|_F^2 with whitened scores Q is chi-square under independence, with as many degrees
of freedom as the product of their ranks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial import legendre
from scipy import stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.basis.product import product_columns
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identification import Units
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.model.graph import ActionGraph

RANK_DEGREE = 3
FALSE_DISCOVERY_RATE = 0.10
GIVEN_DEGREE = 6  # of the scores that are conditioned on: what they leave behind looks like an edge
KEEP_BELOW = 0.2  # an edge beside a longer path stays unless its p-value is above this
CONDITIONAL_ROWS = 20_000  # of each regime in conditional tests

Edge = tuple[str, str]


def rank_scores(x: FloatArray, degree: int = RANK_DEGREE) -> FloatArray:
    """Legendre polynomials of degree 1 to `degree` of the mid-ranks of x, whitened.

    Returns
    -------
    ndarray of shape (n, rank)
        Orthonormal columns with mean zero; fewer than `degree` if x has few distinct values.
    """
    ranks = (stats.rankdata(x) - 0.5) / len(x)
    scores = legendre.legvander(2 * ranks - 1, degree)[:, 1:]
    scores -= scores.mean(axis=0)
    return _whitened(np.asarray(scores, dtype=np.float64))


def level_scores(codes: FloatArray) -> FloatArray:
    """Return indicators of the levels of unordered labels, whitened: one column less than levels that occur."""
    indicators = (codes[:, None] == np.unique(codes)).astype(float)
    return _whitened(indicators[:, 1:] - indicators[:, 1:].mean(axis=0))


def _scores(data: RegimeData, name: str, values: FloatArray, degree: int = RANK_DEGREE) -> FloatArray:
    """Scores of one action: levels of unordered labels, else ranks (codes of ordered labels are in their order)."""
    return level_scores(values) if _unordered(data, name) else rank_scores(values, degree)


def _within(scores: FloatArray, dataset: FloatArray | None) -> FloatArray:
    """Take out the means of the data sets: a drift of both actions is no effect of one on the other."""
    if dataset is None or len(np.unique(dataset)) == 1:
        return scores
    groups = (dataset[:, None] == np.unique(dataset)).astype(float)
    return _whitened(scores - groups @ (groups.T @ scores / groups.sum(axis=0)[:, None]))


def _unordered(data: RegimeData, name: str) -> bool:
    found = data.label_sets.get(name)
    return found is not None and not found.ordered and len(found.labels) > 2


def _whitened(scores: FloatArray) -> FloatArray:
    """Orthonormal columns of the same span; the first keeps the direction of the first score."""
    factor, triangle = np.linalg.qr(scores)
    size = np.abs(np.diag(triangle))
    return np.asarray(factor[:, size > 1e-8 * max(float(size.max(initial=0.0)), 1e-300)], dtype=np.float64)


class RankTest(NamedTuple):
    """Statistic, degrees of freedom and p-value of the smooth test; p-value of the monotone test."""

    statistic: float
    df: int
    p_value: float
    p_monotone: float


def _worth(data: RegimeData, regimes: Iterable[Regime], cause: str, effect: str) -> float:
    """How many independent rows a row is worth: weeks resemble those before them."""
    return 1.0 if data.memory is None else data.memory.worth(regimes, data.index(cause), data.index(effect))


def _compare(left: FloatArray, right: FloatArray, n: float) -> RankTest:
    freedom = left.shape[1] * right.shape[1]
    if freedom == 0:
        return RankTest(0.0, 0, 1.0, 1.0)
    statistic = n * float(np.sum((left.T @ right) ** 2))
    monotone = n * float(left[:, 0] @ right[:, 0]) ** 2
    return RankTest(statistic, freedom, float(stats.chi2.sf(statistic, freedom)), float(stats.chi2.sf(monotone, 1)))


def independence_test(x: FloatArray, y: FloatArray) -> RankTest:
    """Rank test of independence: of any smooth dependence, and of a monotone one."""
    return _compare(rank_scores(x), rank_scores(y), len(x))


def _same_law_test(
    data: RegimeData, effect: str, set_values: FloatArray, natural: FloatArray, worth: float = 1.0
) -> RankTest:
    """Two-sample version for an action that was set to a single value: compare the law of the other."""
    label = np.concatenate([np.zeros(len(set_values)), np.ones(len(natural))])
    scores = _scores(data, effect, np.concatenate([set_values, natural]))
    return _compare(rank_scores(label), scores, len(label) * worth)


def _single_test(data: RegimeData, cause: str, effect: str, units: Units = ()) -> RankTest:
    # Actions set together may have been set dependently: only single tests are clean evidence.
    regime = Regime((cause,))
    if regime not in data.profiles:
        return _block_test(data, cause, effect, units)
    j, k = data.index(cause), data.index(effect)
    sample = data.profiles[regime].sample
    scores = _scores(data, cause, sample[:, j]), _scores(data, effect, sample[:, k])
    left, right = (_within(score, data.profiles[regime].sample_dataset) for score in scores)
    result = _compare(left, right, len(sample) * _worth(data, [regime], cause, effect))
    if result.df == 0 and Regime() in data.profiles:
        natural = data.profiles[Regime()].sample[:, k]
        worth = _worth(data, [regime, Regime()], effect, effect)
        result = _same_law_test(data, effect, sample[:, k], natural, worth)
    if not result.df:
        return RankTest(0.0, 0, np.nan, np.nan)
    # Labels without order have no monotone relation to anything.
    return result._replace(p_monotone=np.nan) if _unordered(data, cause) or _unordered(data, effect) else result


def _block_test(data: RegimeData, cause: str, effect: str, units: Units) -> RankTest:
    """Independence given the other members of the cause's block, where the block is set.

    They may have been set dependently, and their own effects are no evidence about `cause`; what
    is left are directed paths that avoid them (theory H).
    """
    nothing = RankTest(0.0, 0, np.nan, np.nan)
    unit = next((unit for unit in units if cause in unit), ())
    profile = data.profiles.get(Regime(unit))
    if len(unit) < 2 or effect in unit or profile is None:
        return nothing
    rows = thinned(profile.sample, CONDITIONAL_ROWS)
    given = [rank_scores(rows[:, data.index(name)], GIVEN_DEGREE) for name in unit if name != cause]
    known, _ = np.linalg.qr(np.concatenate(given, axis=1))
    pair = (rank_scores(rows[:, data.index(name)]) for name in (cause, effect))
    left, right = (_whitened(x - known @ (known.T @ x)) for x in pair)
    result = _compare(left, right, len(rows) * _worth(data, [Regime(unit)], cause, effect))
    return result if result.df else nothing


def graph_evidence(data: RegimeData, units: Units = ()) -> pd.DataFrame:
    """Test each ordered pair of actions for an effect of the first on the second.

    A member of a block of `units` is tested where the block is set, given the other members.

    Returns
    -------
    DataFrame
        Indexed by (cause, effect): ``statistic``, ``df`` and ``p_value`` of the test of any smooth
        dependence in the regime that sets the cause alone, and ``p_monotone``; the p-values are
        missing where there is no such regime. Labels without order are compared level by level, and
    have no ``p_monotone``.
    """
    pairs = list(permutations(data.actions, 2))
    # Given names, so that a single action leaves an empty table of the same shape.
    index = pd.MultiIndex.from_arrays([[pair[side] for pair in pairs] for side in (0, 1)], names=["cause", "effect"])
    return pd.DataFrame(
        [_single_test(data, *pair, units) for pair in pairs], index=index, columns=list(RankTest._fields)
    )


def smallest_p_values(table: pd.DataFrame) -> pd.Series:
    """Twice the smaller p-value of the two tests of each pair."""
    return (2.0 * table[["p_value", "p_monotone"]].min(axis=1)).clip(upper=1.0)


def learn_graph(data: RegimeData, false_discovery_rate: float = FALSE_DISCOVERY_RATE, units: Units = ()) -> ActionGraph:
    """Learn which actions drive which, in three steps.

    1. Ancestors from single tests: pairs accepted by Benjamini-Hochberg over all ordered pairs, by
       the smaller of the p-values of the test of any smooth dependence and of a monotone one.
       Pairs that no regime tests are kept: a superfluous parent costs variance, a missing one
       biases (theory H).
    2. Weak edges: p(a_k | ancestors) is the same in every regime that leaves k unset, so a pair
       without a path is tested again on *all* these rows given the parents found so far, in the
       direction that its single tests prefer.
    3. Parents: an edge beside a longer path is dropped if the two actions are independent given the
       other parents.

    No step closes a cycle; of two edges that would, the weaker is left out. Edges inside a block of
    `units` play no part in the model and are left out; covariates are conditioned on in steps 2 and 3.

    Returns
    -------
    ActionGraph
        Its ``evidence`` holds the table of `graph_evidence` with ``p_conditional`` (steps 2 and 3)
        and ``edge``.
    """
    table = graph_evidence(data, units)
    block_of = {action: unit for unit in units for action in unit}
    across = [block_of.get(cause, cause) != block_of.get(effect, effect) for cause, effect in table.index]
    table = table.loc[np.array(across, dtype=bool)]
    smallest = smallest_p_values(table)
    edges = _tested_edges(data, table, smallest, false_discovery_rate)
    conditional: dict[tuple[str, str], float] = {}
    _add_weak_edges(data, edges, smallest, conditional, false_discovery_rate)
    _drop_indirect_edges(data, edges, conditional)
    evidence = table.assign(
        p_conditional=[conditional.get(pair, np.nan) for pair in table.index],
        edge=[pair in edges for pair in table.index],
    )
    parents = {action: [cause for cause in data.actions if (cause, action) in edges] for action in data.actions}
    return ActionGraph(parents, evidence=evidence)


def _tested_edges(data: RegimeData, table: pd.DataFrame, p_values: pd.Series, rate: float) -> list[Edge]:
    tested = p_values[table["df"] > 0]
    accepted = pd.Series(False, index=table.index)
    if len(tested):
        accepted[tested.index] = stats.false_discovery_control(tested.to_numpy()) <= rate
    edges: list[Edge] = []
    for pair in p_values[accepted].sort_values(kind="stable").index:
        if not _reaches(edges, pair[1], pair[0]):
            edges.append(pair)
    for cause, effect in table.index[table["df"] == 0]:
        # Untested: keep it, along the order of the actions unless the opposite edge was tested and absent.
        back_tested = bool(table.loc[(effect, cause), "df"] > 0)
        absent_back = back_tested and not accepted[(effect, cause)]
        along = not back_tested and data.index(cause) < data.index(effect)
        if (absent_back or along) and not _reaches(edges, effect, cause):
            edges.append((cause, effect))
    return edges


def _add_weak_edges(
    data: RegimeData, edges: list[Edge], p_values: pd.Series, conditional: dict[Edge, float], rate: float
) -> None:
    candidates: list[Edge] = []
    for first, second in combinations(data.actions, 2):
        if _reaches(edges, first, second) or _reaches(edges, second, first):
            continue
        if (first, second) not in p_values.index:  # inside one block
            continue
        forward = p_values[(first, second)] <= p_values[(second, first)]
        candidates.append((first, second) if forward else (second, first))
    for effect in data.actions:
        causes = [cause for cause, child in candidates if child == effect]
        given = [parent for parent, child in edges if child == effect]
        conditional.update(
            zip(((cause, effect) for cause in causes), conditional_tests(data, causes, effect, given), strict=True)
        )
    if not candidates:
        return
    adjusted = stats.false_discovery_control([conditional[pair] for pair in candidates])
    for p_value, pair in sorted(zip(adjusted, candidates, strict=True)):
        if p_value <= rate and not _reaches(edges, pair[1], pair[0]):
            edges.append(pair)


def _drop_indirect_edges(data: RegimeData, edges: list[Edge], conditional: dict[Edge, float]) -> None:
    for cause, effect in list(edges):
        others = [edge for edge in edges if edge != (cause, effect)]
        if not _reaches(others, cause, effect):
            continue
        given = [parent for parent, child in others if child == effect]
        conditional[(cause, effect)] = conditional_test(data, cause, effect, given)
        if conditional[(cause, effect)] > KEEP_BELOW:
            edges.remove((cause, effect))


def conditional_test(data: RegimeData, cause: str, effect: str, given: list[str]) -> float:
    """P-value of independence of two actions given others, on all rows that leave the effect unset.

    Covariates are always among the others: one that moves both actions would look like an edge.
    Rank scores of both are residualised on the scores of `given` and their products, and on the
    regime; then compared as in `independence_test`.
    """
    return next(conditional_tests(data, [cause], effect, given))


def conditional_tests(data: RegimeData, causes: Sequence[str], effect: str, given: list[str]) -> Iterator[float]:
    """Yield `conditional_test` for several causes of one effect; what they share is computed once."""
    profiles = [data.profiles[regime] for regime in data.regimes_leaving(effect)]
    if not profiles or not causes:
        yield from [1.0] * len(causes)
        return
    samples = [thinned(profile.sample, CONDITIONAL_ROWS) for profile in profiles]
    rows = np.concatenate(samples)
    blocks = [np.repeat(np.eye(len(samples)), [len(sample) for sample in samples], axis=0)]
    datasets = [
        thinned(profile.sample_dataset, CONDITIONAL_ROWS) for profile in profiles if profile.sample_dataset is not None
    ]
    if datasets:
        pooled = np.concatenate(datasets)
        blocks.append((pooled[:, None] == np.unique(pooled)[1:]).astype(float))
    scores = {name: _scores(data, name, rows[:, data.index(name)], GIVEN_DEGREE) for name in (*given, *data.covariates)}
    blocks += scores.values()
    crossed = [block if name in data.label_sets else block[:, :1] for name, block in scores.items()]
    blocks += [product_columns(list(pair)) for pair in combinations(crossed, 2)]
    known, _ = np.linalg.qr(np.concatenate(blocks, axis=1))

    def residual(name: str) -> FloatArray:
        raw = _scores(data, name, rows[:, data.index(name)])
        return _whitened(raw - known @ (known.T @ raw))

    right = residual(effect)
    for cause in causes:
        worth = _worth(data, data.regimes_leaving(effect), cause, effect)
        result = _compare(residual(cause), right, len(rows) * worth)
        unordered = _unordered(data, cause) or _unordered(data, effect)
        yield result.p_value if unordered else min(1.0, 2 * min(result.p_value, result.p_monotone))


def _reaches(edges: list[tuple[str, str]], start: str, goal: str) -> bool:
    queue, seen = [start], {start}
    while queue:
        node = queue.pop()
        if node == goal:
            return True
        for parent, child in edges:
            if parent == node and child not in seen:
                seen.add(child)
                queue.append(child)
    return False
