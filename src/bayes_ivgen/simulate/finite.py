"""Worlds on finite sets: laws and effects by enumeration, violations of the assumptions as dials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate._checks import check_fraction, check_integer, check_nonnegative
from bayes_ivgen.simulate.scm import SCM, FloatArray, Latents, action_names, draw_edges, parents_of

IntArray = npt.NDArray[np.int64]
MAX_CELLS = 2_000_000


@dataclass(frozen=True, eq=False, kw_only=True)
class DiscreteSCM(SCM):
    """World with actions, confounders and noises on ``0, 1, ..., L - 1``.

    ::

        A_k := g_k[A_pa(k), C_k, V_k]
        Y   := F[A, C] + sd * N(0, 1),    or Bernoulli(F[A, C]) if outcome_sd is None

    Set actions are uniform over their levels.

    Parameters
    ----------
    mechanisms : tuple of numpy.ndarray of int
        g_k as a table of shape ``(*levels of the parents, levels of C_k, levels of V_k)``, the parents in
        the order of ``parents``.
    confounder_law : numpy.ndarray, shape (levels of C_1, ..., levels of C_K)
        Joint law of the confounders; a product in worlds that satisfy the assumptions.
    noise_law : numpy.ndarray, shape (levels of V_1, ..., levels of V_K)
        Joint law of the noises of the actions; likewise.
    outcome_mean : numpy.ndarray, shape (levels of A_1, ..., A_K, levels of C_1, ..., C_K)
        F, the mean of Y given actions and confounders.
    outcome_sd : float or None
        Standard deviation of Y around F; ``None`` for a binary Y.
    soft : float
        Share of the rows of an experiment in which a set action follows its own causes all the same
        (non-compliance). Rows and laws of the regimes show it; `effect` is that of setting in every row.

    Raises
    ------
    SpecError
        If a table has another shape, a law is not a law, or a binary mean is outside [0, 1].

    Examples
    --------
    >>> world = ivg.simulate.discrete(n_actions=2, n_levels=3, seed=0)
    >>> world.levels
    (3, 3)
    """

    mechanisms: tuple[IntArray, ...]
    confounder_law: FloatArray
    noise_law: FloatArray
    outcome_mean: FloatArray
    outcome_sd: float | None = None
    soft: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fraction(self.soft, "soft")
        for name in ("confounder_law", "noise_law"):
            _check_law(getattr(self, name), name, len(self.actions))
        if self.outcome_mean.shape != (*self.levels, *self.confounder_law.shape):
            raise SpecError(
                f"outcome_mean must have shape (*levels of the actions, *{self.confounder_law.shape}), two "
                f"axes an action. Got {self.outcome_mean.shape} instead; broadcast it to this shape."
            )
        for k, table in enumerate(self.mechanisms):
            parents = tuple(self.levels[j] for j in self._parent_columns(k))
            shape = (*parents, self.confounder_law.shape[k], self.noise_law.shape[k])
            if table.shape != shape or table.min() < 0 or table.max() >= self.levels[k]:
                raise SpecError(
                    f"mechanisms[{k}] must have shape {shape} and entries from 0 to {self.levels[k] - 1}. "
                    f"Got shape {table.shape}, entries {table.min()} to {table.max()}; correct the table."
                )
        if self.outcome_sd is None and (self.outcome_mean.min() < 0 or self.outcome_mean.max() > 1):
            raise SpecError(
                "outcome_mean must lie in [0, 1] for a binary outcome. Got values from "
                f"{self.outcome_mean.min()} to {self.outcome_mean.max()}; rescale it or pass outcome_sd=1.0."
            )

    @property
    def levels(self) -> tuple[int, ...]:
        """Number of levels of each action."""
        return self.outcome_mean.shape[: len(self.actions)]

    def joint_law(self, regime: Regime | str = "obs") -> FloatArray:
        """``p(a, c | regime)`` by enumeration.

        ::

            p(a, c | R) = p(c) sum_v p(v) prod_{k not in R} 1[g_k(a_pa(k), c_k, v_k) = a_k]
                          * prod_{k in R} 1 / L_k

        With `soft` > 0 the last factor is mixed with the one before it.

        Parameters
        ----------
        regime : Regime or str
            Which actions are set.

        Returns
        -------
        numpy.ndarray, shape (levels of A_1, ..., A_K, levels of C_1, ..., C_K)

        Raises
        ------
        DataError
            If the regime cannot be read.

        Examples
        --------
        >>> law = ivg.simulate.discrete(n_actions=2, seed=0).joint_law("do(a1)")
        >>> law.shape, round(float(law.sum()), 12)
        ((2, 2, 2, 2), 1.0)
        """
        return self._enumerate(self._read_regime(regime), self.soft)

    def _enumerate(self, regime: Regime, soft: float) -> FloatArray:
        n = len(self.actions)
        a, c, v = range(n), range(n, 2 * n), range(2 * n, 3 * n)
        operands: list[Any] = [self.confounder_law, list(c), self.noise_law, list(v)]
        for k, action in enumerate(self.actions):
            natural = soft if regime.sets(action) else 1.0
            if natural == 0.0:
                operands += [np.full(self.levels[k], 1.0 / self.levels[k]), [a[k]]]
                continue
            factor = (self.mechanisms[k][..., None] == np.arange(self.levels[k])) * natural
            operands += [factor + (1.0 - natural) / self.levels[k], [*self._parent_columns(k), c[k], v[k], a[k]]]
        law: FloatArray = np.einsum(*operands, [*a, *c], optimize="greedy")
        return law

    def law(self, regime: Regime | str = "obs") -> pd.DataFrame:
        """Probability and mean outcome of every cell of the actions.

        Parameters
        ----------
        regime : Regime or str
            Which actions are set.

        Returns
        -------
        pandas.DataFrame
            One row a cell; columns ``[*actions, "probability", "mean"]``, where ``mean`` is
            ``E[Y | a, regime]``, NaN where the probability is zero.

        Raises
        ------
        DataError
            If the regime cannot be read.

        Examples
        --------
        >>> ivg.simulate.discrete(n_actions=2, seed=0).law().columns.tolist()
        ['a1', 'a2', 'probability', 'mean']
        """
        probability, mean = self._cells(self._read_regime(regime), self.soft)
        frame = pd.DataFrame(np.indices(self.levels).reshape(len(self.levels), -1).T.astype(float))
        frame.columns = pd.Index(self.actions)
        return frame.assign(probability=probability.ravel(), mean=mean.ravel())

    def _cells(self, regime: Regime, soft: float = 0.0) -> tuple[FloatArray, FloatArray]:
        law = self._enumerate(regime, soft)
        axes = tuple(range(len(self.levels), law.ndim))
        probability = law.sum(axis=axes)
        total = (law * self.outcome_mean).sum(axis=axes)
        mean = np.full_like(total, np.nan)
        return probability, np.divide(total, probability, out=mean, where=probability > 0)

    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """``sum_c p(c | a, R) F[a, c]``."""
        for k, action in enumerate(self.actions):
            wrong = ~np.isin(values[:, k], np.arange(self.levels[k]))
            if wrong.any():
                raise QueryError(
                    f"{action!r} has the levels 0 to {self.levels[k] - 1}. Got {values[wrong, k][0]} in row "
                    f"{int(np.flatnonzero(wrong)[0])} of values; use one of the levels."
                )
        cells = tuple(values.astype(np.int64).T)
        effect: FloatArray = self._cells(regime)[1][cells]
        if np.isnan(effect).any():
            row = int(np.flatnonzero(np.isnan(effect))[0])
            raise QueryError(
                f"Row {row} of values, {values[row].tolist()}, never occurs in the regime {regime.label!r}: "
                "E[Y | a] is not defined there. The cells that occur have a positive probability in "
                f"law({regime.label!r}); the joint effect, effect(values) without `do`, always is defined."
            )
        return effect

    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        confounders = _draw_cells(self.confounder_law, n, rng)
        noises = _draw_cells(self.noise_law, n, rng)
        outcome_noise = rng.random(n) if self.outcome_sd is None else rng.standard_normal(n)
        return Latents(confounders, noises, outcome_noise)

    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        return rng.integers(self.levels[k], size=n).astype(float)

    def _set_values(self, k: int, values: FloatArray, latents: Latents, rng: np.random.Generator) -> FloatArray:
        chosen = super()._set_values(k, values, latents, rng)
        if self.soft == 0.0:
            return chosen
        return np.where(rng.random(len(chosen)) < self.soft, self._mechanism(k, values, latents), chosen)

    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        parents = values[:, self._parent_columns(k)].astype(np.int64)
        index = (*parents.T, latents.confounders[:, k], latents.action_noise[:, k])
        return np.asarray(self.mechanisms[k][index], dtype=float)

    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        mean = self.outcome_mean[(*values.astype(np.int64).T, *latents.confounders.T)]
        if self.outcome_sd is None:
            return np.asarray(latents.outcome_noise < mean, dtype=float)
        return np.asarray(mean + self.outcome_sd * latents.outcome_noise)


def discrete(
    n_actions: int = 3,
    n_levels: int = 2,
    seed: int = 0,
    *,
    edge_probability: float = 0.5,
    outcome_sd: float = 0.5,
    shared_confounder: float = 0.0,
    shared_noise: float = 0.0,
    synergy: float = 0.0,
    separable: bool = False,
    support_gap: float = 0.0,
    soft: float = 0.0,
) -> DiscreteSCM:
    """Draw a random world on finite sets; the order of causes is random, too.

    ::

        Y := sum_k f_k[A_k, C_k] + synergy * s[A] + U,   f_k, s with N(0, 1) entries

    With probability one half an action follows its confounder, otherwise it takes any level, so that the
    confounding is strong and every cell of the actions has positive probability in every regime.

    Parameters
    ----------
    n_actions : int
        Number K of actions, named ``a1`` to ``aK``.
    n_levels : int
        Number of levels of each action and each confounder.
    seed : int
        Seed of the world's parameters.
    edge_probability : float
        Probability of an edge between two actions, from the earlier to the later in a random order.
    outcome_sd : float
        Standard deviation of U, which is Gaussian.
    shared_confounder : float
        Violation: probability with which the confounder of the causally last action copies that of the
        first. Above zero the decomposition of the effects fails (K >= 2).
    shared_noise : float
        Violation: the same for the noises V of these two actions.
    synergy : float
        Size of an interaction s among the actions, which keeps all effects identified.
    separable : bool
        Whether ``f_k[a, c] = m_k[a] + l_k[c]``, so that the level of the confounding is zero.
    support_gap : float
        Violation: share of the rows in which the causally first action, left alone, takes level 1 where it
        would have taken level 0. At 1 its level 0 occurs in its own experiment only, and joint effects
        there are not identified if the action drives another one.
    soft : float
        Violation: share of the rows of an experiment in which the set action follows its own causes all
        the same.

    Returns
    -------
    DiscreteSCM
        The joint and every mixed effect are exact.

    Raises
    ------
    SpecError
        If an argument is outside its range, or the tables would be too large to enumerate.

    Examples
    --------
    >>> world = ivg.simulate.discrete(n_actions=2, n_levels=3, seed=0)
    >>> len(world.law("do(a1)"))
    9
    """
    n = check_integer(n_actions, "n_actions", least=1)
    size = check_integer(n_levels, "n_levels", least=2)
    own_seed = check_integer(seed, "seed", least=0)
    if size ** (2 * n) > MAX_CELLS:
        raise SpecError(
            f"discrete(n_actions={n}, n_levels={size}) needs tables of more than {MAX_CELLS} cells, the most "
            "that is enumerated. Use fewer actions or levels, for example n_actions=3, n_levels=2."
        )
    copies = [
        check_fraction(shared_confounder, "shared_confounder"),
        check_fraction(shared_noise, "shared_noise"),
    ]
    rng = np.random.default_rng(own_seed)
    order = rng.permutation(n)
    edges = np.zeros((n, n), dtype=bool)
    edges[np.ix_(order, order)] = draw_edges(n, check_fraction(edge_probability, "edge_probability"), rng)
    pair = (int(order[0]), int(order[-1]))
    actions = action_names(n)
    mechanisms = [_draw_mechanism(int(edges[k].sum()), size, rng) for k in range(n)]
    confounder_law = _with_copy(_draw_confounder_marginals(n, size, rng), copies[0], pair)
    noise_law = _with_copy(_draw_noise_marginals(n, size, rng), copies[1], pair)
    if (gap := check_fraction(support_gap, "support_gap")) > 0.0:
        mechanisms[pair[0]], noise_law = _with_gap(mechanisms[pair[0]], noise_law, gap, pair[0])
    return DiscreteSCM(
        actions=actions,
        outcome="y",
        parents=parents_of(actions, edges),
        seed=own_seed,
        mechanisms=tuple(mechanisms),
        confounder_law=confounder_law,
        noise_law=noise_law,
        outcome_mean=_draw_outcome(n, size, check_nonnegative(synergy, "synergy"), separable, rng),
        outcome_sd=check_nonnegative(outcome_sd, "outcome_sd"),
        soft=soft,
    )


def product_law(marginals: Sequence[npt.ArrayLike]) -> FloatArray:
    """Joint law of independent variables, one axis a variable."""
    grids = np.ix_(*(np.asarray(marginal, dtype=float) for marginal in marginals))
    law = np.ones(())
    for grid in grids:
        law = law * grid
    return law


def _draw_mechanism(n_parents: int, size: int, rng: np.random.Generator) -> IntArray:
    """Table with L + 1 levels of V: V = 0 lets the action follow C, the others reach every level."""
    parents = (size,) * n_parents
    shift = rng.integers(size, size=parents)
    follows = (shift[..., None] + np.arange(size)) % size
    free = rng.permuted(np.broadcast_to(np.arange(size), (*parents, size, size)), axis=-1)
    return np.concatenate([follows[..., None], free], axis=-1)


def _draw_confounder_marginals(n: int, size: int, rng: np.random.Generator) -> FloatArray:
    return np.asarray(0.5 / size + 0.5 * rng.dirichlet(np.ones(size), n))


def _draw_noise_marginals(n: int, size: int, rng: np.random.Generator) -> FloatArray:
    """Half of the mass on V = 0, where the action follows its confounder."""
    free = 0.25 / size + 0.25 * rng.dirichlet(np.ones(size), n)
    return np.column_stack([np.full(n, 0.5), free])


def _with_copy(marginals: FloatArray, copy: float, pair: tuple[int, int]) -> FloatArray:
    """Product law, mixed with weight `copy` with the law in which ``pair[1]`` equals ``pair[0]``."""
    independent = product_law(list(marginals))
    first, last = pair
    if first == last:
        return independent
    without_last = [np.ones_like(law) if k == last else law for k, law in enumerate(marginals)]
    index = np.indices(independent.shape)
    copied = product_law(without_last) * (index[first] == index[last])
    return np.asarray((1.0 - copy) * independent + copy * copied)


def _with_gap(table: IntArray, law: FloatArray, gap: float, k: int) -> tuple[IntArray, FloatArray]:
    """Double the levels of V_k; with weight `gap` the second half, which replaces level 0 by level 1."""
    return np.concatenate([table, np.maximum(table, 1)], axis=-1), np.concatenate([(1 - gap) * law, gap * law], axis=k)


def _draw_outcome(n: int, size: int, synergy: float, separable: bool, rng: np.random.Generator) -> FloatArray:
    """``F[a, c] = sum_k f_k[a_k, c_k] + synergy * s[a]``."""
    total = np.zeros((size,) * (2 * n))
    for k in range(n):
        term = rng.standard_normal((size, size))
        if separable:
            term = rng.standard_normal((size, 1)) + rng.standard_normal((1, size))
        shape = [1] * (2 * n)
        shape[k] = shape[n + k] = size
        total = total + term.reshape(shape)
    return np.asarray(total + synergy * rng.standard_normal((size,) * n).reshape((size,) * n + (1,) * n))


def _draw_cells(law: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """Draw cells of a joint law, shape (n, number of axes)."""
    flat = rng.choice(law.size, size=n, p=law.ravel())
    return np.column_stack(np.unravel_index(flat, law.shape)).astype(np.int64)


def _check_law(law: FloatArray, name: str, n_axes: int) -> None:
    if law.ndim != n_axes or law.min() < 0 or not np.isclose(law.sum(), 1.0, atol=1e-9):
        raise SpecError(
            f"{name} must have one axis an action ({n_axes}), no negative entry and the sum 1. Got shape "
            f"{law.shape}, least entry {law.min()} and sum {law.sum()}; divide it by its sum."
        )
