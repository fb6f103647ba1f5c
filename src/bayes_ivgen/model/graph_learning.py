"""Learn which actions drive which from the regimes in which one of them was randomised.

In a regime that sets j, A_j is independent of A_k unless j is an ancestor of k (theory H). The
test compares Legendre polynomials of the ranks of both, so it sees any smooth dependence:
T = n |Q_j' Q_k|_F^2 with whitened scores Q is chi-square under independence, with as many degrees
of freedom as the product of their ranks.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from numpy.polynomial import legendre
from scipy import stats

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.model.graph import ActionGraph

RANK_DEGREE = 3
FALSE_DISCOVERY_RATE = 0.10


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
    left, values, _ = np.linalg.svd(np.asarray(scores, dtype=np.float64), full_matrices=False)
    return np.asarray(left[:, values > 1e-8 * values[0]] if values[0] > 0 else left[:, :0], dtype=np.float64)


def independence_test(x: FloatArray, y: FloatArray) -> tuple[float, int, float]:
    """Statistic, degrees of freedom and p-value of the rank test of independence."""
    left, right = rank_scores(x), rank_scores(y)
    freedom = left.shape[1] * right.shape[1]
    if freedom == 0:
        return 0.0, 0, 1.0
    statistic = len(x) * float(np.sum((left.T @ right) ** 2))
    return statistic, freedom, float(stats.chi2.sf(statistic, freedom))


def _same_law_test(set_values: FloatArray, natural: FloatArray) -> tuple[float, int, float]:
    """Two-sample version for an action that was set to a single value: compare the law of the other."""
    label = np.concatenate([np.zeros(len(set_values)), np.ones(len(natural))])
    return independence_test(label, np.concatenate([set_values, natural]))


def _pair_evidence(data: RegimeData, cause: str, effect: str) -> tuple[float, int, list[str]]:
    j, k = data.index(cause), data.index(effect)
    total, freedom, used = 0.0, 0, []
    for regime in data.regimes:
        # Actions set together may have been set dependently: only single tests are clean evidence.
        if regime.set_actions != (cause,):
            continue
        sample = data.profiles[regime].sample
        statistic, degrees, _ = independence_test(sample[:, j], sample[:, k])
        if degrees == 0 and Regime() in data.profiles:
            natural = data.profiles[Regime()].sample
            statistic, degrees, _ = _same_law_test(sample[:, k], natural[:, k])
        if degrees:
            total, freedom = total + statistic, freedom + degrees
            used.append(regime.label)
    return total, freedom, used


def graph_evidence(data: RegimeData) -> pd.DataFrame:
    """Test each ordered pair of actions for an effect of the first on the second.

    Returns
    -------
    DataFrame
        Indexed by (cause, effect): ``statistic``, ``df``, ``p_value`` and the ``regimes`` used;
        the p-value is missing where no regime sets the cause alone.
    """
    records = []
    for cause, effect in permutations(data.actions, 2):
        statistic, freedom, used = _pair_evidence(data, cause, effect)
        p_value = float(stats.chi2.sf(statistic, freedom)) if freedom else np.nan
        records.append((cause, effect, statistic, freedom, p_value, ", ".join(used)))
    columns = ["cause", "effect", "statistic", "df", "p_value", "regimes"]
    return pd.DataFrame.from_records(records, columns=columns).set_index(["cause", "effect"])


def learn_graph(data: RegimeData, false_discovery_rate: float = FALSE_DISCOVERY_RATE) -> ActionGraph:
    """Learn the ancestors of each action (Benjamini-Hochberg over all ordered pairs).

    Pairs that no regime tests are kept as possible edges in the order of the actions: a
    superfluous parent costs variance, a missing one biases (theory H). If the accepted edges form
    a cycle, the weakest edge of it is left out.

    Returns
    -------
    ActionGraph
        Its ``evidence`` holds the table of `graph_evidence` with the column ``edge``.
    """
    table = graph_evidence(data)
    tested = table["p_value"].dropna()
    accepted = pd.Series(False, index=table.index)
    if len(tested):
        adjusted = stats.false_discovery_control(tested.to_numpy())
        accepted[tested.index] = adjusted <= false_discovery_rate
    strength = table["p_value"].fillna(1.0)
    edges: list[tuple[str, str]] = []
    for pair in strength[accepted].sort_values(kind="stable").index:
        if not _reaches(edges, pair[1], pair[0]):
            edges.append(pair)
    for cause, effect in table.index[table["p_value"].isna()]:
        # Untested: keep it, along the order of the actions unless the opposite edge was tested and absent.
        absent_back = bool(table.loc[(effect, cause), "p_value"] >= 0) and not accepted[(effect, cause)]
        along = bool(table.loc[(effect, cause), "df"] == 0) and data.index(cause) < data.index(effect)
        if (absent_back or along) and not _reaches(edges, effect, cause):
            edges.append((cause, effect))
    evidence = table.assign(edge=[pair in edges for pair in table.index])
    parents = {action: [cause for cause in data.actions if (cause, action) in edges] for action in data.actions}
    return ActionGraph(parents, evidence=evidence)


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
