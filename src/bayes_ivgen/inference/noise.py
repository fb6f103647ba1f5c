"""The additive variance model: how noisy the outcome is at each action value, in every regime.

Given (a, R) the terms of the outcome are independent, so their variances add up as their means do
(design 1.3, n = 2):

    Var(Y | a, R) = v_U + sum_k [R_k v_k^int(a_k) + (1 - R_k) v_k^obs(a_k, a_pa(k))],  every part >= 0.

Each part is a broken line with non-negative values at its nodes, fitted to the squared residuals
e^2 + x' V x (V: posterior covariance of the coefficients) by iteratively reweighted non-negative
least squares. Differences between neighbouring nodes, and between setting and leaving an action,
are shrunk towards zero: with few rows the noise is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import RegimeData
from bayes_ivgen.model import ActionGraph, Design

NODES = 6
ROWS_PER_REGIME = 10_000
SHRINKAGE = 0.15  # prior sd of a difference between neighbouring nodes, in units of the mean variance
SETTING_SHRINKAGE = 0.9  # the same for the difference between setting and leaving an action: one a gate, well told
ITERATIONS = 5


@dataclass(frozen=True, eq=False)
class VariancePart:
    """A broken line in one action, at work where its gate is set (or not set).

    Attributes
    ----------
    gate : str or None
        The action whose setting switches the part; None for a part that is always at work.
    when_set : bool
        Whether the part is at work where the gate is set, or where it is not.
    argument : str
        The action or covariate it depends on.
    nodes : ndarray of shape (m,)
        Where the broken line bends; constant beyond.
    """

    gate: str | None
    when_set: bool
    argument: str
    nodes: FloatArray = field(repr=False)

    def columns(self, x: FloatArray) -> FloatArray:
        """Hat functions at x, shape (n, m)."""
        return np.stack([np.interp(x, self.nodes, unit) for unit in np.eye(len(self.nodes))], axis=1)


@dataclass(frozen=True, eq=False)
class VarianceModel:
    """Variance of the outcome as a function of (a, R), in squared units of the outcome's sd.

    Attributes
    ----------
    actions : tuple of str
        Names of the actions, then of the covariates.
    parts : tuple of VariancePart
        The broken lines.
    values : ndarray
        Constant v_U followed by the values at the nodes of each part; all non-negative.
    """

    actions: tuple[str, ...]
    parts: tuple[VariancePart, ...] = field(repr=False)
    values: FloatArray = field(repr=False)

    def columns(self, actions: FloatArray, was_set: NDArray[np.bool_]) -> FloatArray:
        """Columns of all parts for rows with their own regimes; shape (n, 1 + number of nodes)."""
        blocks = [np.ones((len(actions), 1))]
        for part in self.parts:
            columns = part.columns(actions[:, self.actions.index(part.argument)])
            if part.gate is not None:
                columns = columns * (was_set[:, self.actions.index(part.gate)] == part.when_set)[:, None]
            blocks.append(columns)
        return np.concatenate(blocks, axis=1)

    def variance(self, actions: FloatArray, was_set: NDArray[np.bool_]) -> FloatArray:
        """Var(Y | a, R) for rows of variables, shape (n, V), with flags of shape (n, K); shape (n,)."""
        return self.columns(actions, was_set) @ self.values

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the model exactly."""
        parts = [[part.gate, part.when_set, part.argument, part.nodes.tolist()] for part in self.parts]
        return {"actions": list(self.actions), "parts": parts, "values": self.values.tolist()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore a model written by `to_dict`."""
        parts = tuple(VariancePart(gate, flag, arg, np.array(nodes)) for gate, flag, arg, nodes in data["parts"])
        return cls(tuple(data["actions"]), parts, np.array(data["values"], dtype=float))


@dataclass(frozen=True, eq=False)
class Residuals:
    """A sample of rows with their residuals, all regimes together.

    Attributes
    ----------
    actions : ndarray of shape (n, V)
        Values of the actions and covariates.
    was_set : ndarray of shape (n, K)
        Which of the actions were set.
    error : ndarray of shape (n,)
        y - E[y | posterior mean], in units of the outcome's sd.
    extra : ndarray of shape (n,)
        Posterior variance of the fitted mean at the row.
    regime : ndarray of int, shape (n,)
        Position of the regime.
    """

    actions: FloatArray = field(repr=False)
    was_set: NDArray[np.bool_] = field(repr=False)
    error: FloatArray = field(repr=False)
    extra: FloatArray = field(repr=False)
    regime: NDArray[np.intp] = field(repr=False)


def sample_residuals(data: RegimeData, design: Design, coefficients: FloatArray) -> Residuals:
    """Residuals of up to 10,000 sampled rows of each regime.

    Parameters
    ----------
    data : RegimeData
        Its profiles hold the sample.
    design : Design
        Columns and outcome scale.
    coefficients : ndarray of shape (draws, P)
        Posterior draws, the intercept first.
    """
    mean = coefficients.mean(axis=0)
    centred = coefficients - mean
    covariance = centred.T @ centred / max(len(coefficients) - 1, 1)
    parts: list[tuple[FloatArray, NDArray[np.bool_], FloatArray, FloatArray, NDArray[np.intp]]] = []
    for r, (regime, profile) in enumerate(data.profiles.items()):
        rows, dataset = profile.sample, profile.sample_dataset
        if len(rows) > ROWS_PER_REGIME:
            kept = np.linspace(0, len(rows) - 1, ROWS_PER_REGIME).astype(int)
            rows, dataset = rows[kept], None if dataset is None else dataset[kept]
        actions = rows[:, :-1]
        active = design.active_columns(regime)
        x = design.regime_rows(actions, regime, dataset)
        error = (rows[:, -1] - design.outcome_mean) / design.outcome_sd - x @ mean[active]
        # Rounding can turn a variance of zero negative.
        extra = np.maximum(np.einsum("np,np->n", x @ covariance[np.ix_(active, active)], x), 0.0)
        was_set = np.broadcast_to([regime.sets(a) for a in data.actions], (len(actions), len(data.actions)))
        parts.append((actions, was_set, error, extra, np.full(len(rows), r)))
    return Residuals(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def fit_variance(
    residuals: Residuals,
    actions: Sequence[str],
    graph: ActionGraph,
    covariates: Sequence[str] = (),
    labels: Collection[str] = (),
) -> VarianceModel:
    """Fit the additive variance model to residuals; every covariate has a part of its own.

    `labels` names the variables whose values are codes.
    """
    parts = tuple(_parts(residuals, actions, graph, covariates, labels))
    n_values = 1 + sum(len(part.nodes) for part in parts)
    model = VarianceModel((*actions, *covariates), parts, np.zeros(n_values))
    columns = model.columns(residuals.actions, residuals.was_set)
    squares = residuals.error**2 + residuals.extra
    level = float(squares.mean())
    # A regime in which the actions determine the outcome has no residuals at all.
    means = np.maximum(_regime_means(squares, residuals.regime), np.finfo(float).eps * level)
    standard = residuals.error / np.sqrt(means)
    # Var(e^2) = (kurtosis - 1) v^2: heavy tails leave more to the prior.
    spread = max(float(np.mean(standard**4)) - 1.0, 2.0)
    penalty = _penalty(parts, n_values) / level
    variance = np.full(len(squares), level)
    for _ in range(ITERATIONS):
        weight = 1.0 / (spread * variance**2)
        gram = (columns * weight[:, None]).T @ columns + penalty.T @ penalty
        # A trace of shrinkage towards sharing the level out keeps the solution unique.
        gram[np.diag_indices_from(gram)] += 1e-6 * np.trace(gram) / len(gram)
        factor = np.linalg.cholesky(gram)
        values, _ = nnls(factor.T, np.linalg.solve(factor, columns.T @ (weight * squares)))
        variance = np.maximum(columns @ values, 0.05 * level)
    return VarianceModel(model.actions, parts, values)


def _regime_means(squares: FloatArray, regime: NDArray[np.intp]) -> FloatArray:
    return (np.bincount(regime, squares) / np.maximum(np.bincount(regime), 1))[regime]


def _parts(
    residuals: Residuals,
    actions: Sequence[str],
    graph: ActionGraph,
    covariates: Sequence[str],
    labels: Collection[str],
) -> list[VariancePart]:
    def nodes(name: str, values: FloatArray) -> FloatArray:
        # A broken line through codes has a node at each of them.
        return np.unique(values) if name in labels else _nodes(values)

    found = [
        VariancePart(None, True, name, nodes(name, residuals.actions[:, len(actions) + i]))
        for i, name in enumerate(covariates)
    ]
    for k, action in enumerate(actions):
        for when_set in (True, False):
            rows = residuals.was_set[:, k] == when_set
            if not rows.any():
                continue
            arguments = [action] if when_set else [action, *graph.parents_of(action)]
            for argument in arguments:
                values = residuals.actions[rows, actions.index(argument)]
                found.append(VariancePart(action, when_set, argument, nodes(argument, values)))
    return found


def _nodes(values: FloatArray) -> FloatArray:
    return np.unique(np.quantile(values, np.linspace(0.02, 0.98, NODES)))


def _penalty(parts: Sequence[VariancePart], n_values: int) -> FloatArray:
    """Rows of differences over their prior sd: neighbouring nodes; the means of setting and leaving an action."""
    starts = 1 + np.cumsum([0, *(len(part.nodes) for part in parts)])
    rows = []
    for start, part in zip(starts, parts, strict=False):
        for i in range(len(part.nodes) - 1):
            row = np.zeros(n_values)
            row[start + i], row[start + i + 1] = -1.0, 1.0
            rows.append(row / SHRINKAGE)
    for gate in dict.fromkeys(part.gate for part in parts if part.gate is not None):
        row = np.zeros(n_values)
        for start, part in zip(starts, parts, strict=False):
            if part.gate == gate:
                row[start : start + len(part.nodes)] = (1.0 if part.when_set else -1.0) / len(part.nodes)
        rows.append(row / SETTING_SHRINKAGE)
    return np.array(rows).reshape(-1, n_values)
