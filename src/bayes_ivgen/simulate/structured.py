"""Smooth worlds with synergy, a covariate and blocks as dials; every effect is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate._checks import check_fraction, check_integer, check_nonnegative
from bayes_ivgen.simulate.scm import SCM, FloatArray, Latents, action_names, draw_edges, parents_of

COVARIATE = "x"


@dataclass(frozen=True, eq=False, kw_only=True)
class StructuredSCM(SCM):
    """World with Gaussian actions, one confounder a block, a covariate x, and smooth effects.

    ::

        X   ~ N(0, 1);   C_B := rho X + sqrt(1 - rho^2) E_B,   E_B ~ N(0, 1)
        A_k := sum_j edges[k, j] A_j + follow[k] C_B(k) + moved[k] X + noise_sd V_k
        Y   := sum_k [slope[k] A_k + wave[k] sin(A_k) + (lean[k] + mix[k] A_k) C_B(k)]
               + sum_{j<k} product[j, k] tanh(A_j) tanh(A_k) + q_1 X + q_2 (X^2 - 1) + outcome_sd U

    Given the actions and x the law of C is normal, so every effect is exact. Set actions are normal
    with mean zero and the standard deviation that they have by themselves.

    Parameters
    ----------
    units : tuple of tuple of int
        Blocks of actions with a common confounder: a partition of 0 .. K - 1.
    edges : numpy.ndarray, shape (K, K)
        Strength with which action j drives action k, strictly lower triangular.
    follow, moved, slope, wave, lean, mix : numpy.ndarray, shape (K,)
        As in the equations.
    product : numpy.ndarray, shape (K, K)
        Interactions of two actions, above the diagonal: synergy, or the inner life of a block.
    rho : float
        How strongly x predicts the confounders.
    trend : tuple of float
        q_1 and q_2.
    with_covariate : bool
        Whether rows show the column ``x``. Without it nothing depends on x.
    noise_sd, outcome_sd : float
        Scales of V and U.

    Examples
    --------
    >>> ivg.simulate.structured(3, seed=0, blocks=[["a1", "a3"]]).blocks
    [['a1', 'a3'], ['a2']]
    """

    units: tuple[tuple[int, ...], ...]
    edges: FloatArray
    follow: FloatArray
    moved: FloatArray
    slope: FloatArray
    wave: FloatArray
    lean: FloatArray
    mix: FloatArray
    product: FloatArray
    rho: float
    trend: tuple[float, float]
    with_covariate: bool
    noise_sd: float = 0.7
    outcome_sd: float = 1.0

    @property
    def blocks(self) -> list[list[str]]:
        """Names of the actions of each block."""
        return [[self.actions[k] for k in unit] for unit in self.units]

    @cached_property
    def _unit_of(self) -> npt.NDArray[np.intp]:
        return np.array([next(i for i, unit in enumerate(self.units) if k in unit) for k in range(len(self.actions))])

    @cached_property
    def _natural_sd(self) -> FloatArray:
        """Standard deviations of the actions in observational rows."""
        n = len(self.actions)
        common = np.eye(len(self.units))[self._unit_of] * self.follow[:, None]
        source = np.column_stack(
            [np.sqrt(1 - self.rho**2) * common, self.moved + self.rho * self.follow, self.noise_sd * np.eye(n)]
        )
        total = np.linalg.solve(np.eye(n) - self.edges, source)
        return np.asarray(np.sqrt((total**2).sum(axis=1)))

    def sample(self, n: int, regime: Regime | str = "obs", seed: int = 0) -> pd.DataFrame:
        """Draw rows of one regime as `SCM.sample` does, with the column ``x`` where there is a covariate.

        Parameters
        ----------
        n, regime, seed
            As in `SCM.sample`.

        Returns
        -------
        pandas.DataFrame
            Columns ``[*actions, outcome]``, with the covariate ``x`` before the outcome if the world has one.

        Examples
        --------
        >>> ivg.simulate.structured(2, seed=0, covariate=1.0).sample(3).columns.tolist()
        ['a1', 'a2', 'x', 'y']
        """
        frame = super().sample(n, regime, seed)
        if self.with_covariate:
            latents = self._draw_latents(n, self._stream(seed, self._read_regime(regime)))
            frame.insert(len(self.actions), COVARIATE, latents.confounders[:, -1])
        return frame

    def effect_at(
        self, values: pd.DataFrame | npt.ArrayLike, x: npt.ArrayLike, do: Regime | str | Sequence[str] | None = None
    ) -> FloatArray:
        """Exact effect at fixed values of the covariate, one a row or one for all; otherwise like `effect`.

        Parameters
        ----------
        values : pandas.DataFrame or array_like, shape (n, K)
            Values of all actions.
        x : array_like
            Values of the covariate, one a row or one for all.
        do : Regime, str or sequence of str, optional
            Which actions are set, by default all.

        Returns
        -------
        numpy.ndarray, shape (n,)

        Raises
        ------
        QueryError
            If the world has no covariate, or `values` or `do` is not well formed.

        Examples
        --------
        >>> ivg.simulate.structured(2, seed=0, covariate=1.0).effect_at([[0, 0], [1, 1]], 0.5).shape
        (2,)
        """
        if not self.with_covariate:
            raise QueryError("this world has no covariate; call effect(values, do), or structured(covariate=1.0).")
        regime = Regime(self.actions) if do is None else self._read_regime(do)
        return self._mean(self._read_values(values), regime, np.asarray(x, dtype=float))

    def averaged_effect(
        self, values: pd.DataFrame | npt.ArrayLike, x: npt.ArrayLike, do: Regime | str | Sequence[str] | None = None
    ) -> FloatArray:
        """Exact effect averaged over values of the covariate, for example those of the rows; shape (n,).

        Parameters
        ----------
        values : pandas.DataFrame or array_like, shape (n, K)
            Values of all actions.
        x : array_like
            Values of the covariate, to average over.
        do : Regime, str or sequence of str, optional
            Which actions are set, by default all.

        Returns
        -------
        numpy.ndarray, shape (n,)

        Raises
        ------
        QueryError
            As in `effect_at`.

        Examples
        --------
        >>> world = ivg.simulate.structured(2, seed=0, covariate=1.0)
        >>> world.averaged_effect([[0, 0]], world.sample(100)["x"]).shape
        (1,)
        """
        # The mean is a quadratic function of x: three points and two moments say all.
        low, middle, high = (self.effect_at(values, point, do) for point in (-1.0, 0.0, 1.0))
        points = np.asarray(x, dtype=float)
        first, second = points.mean(), (points**2).mean()
        return np.asarray(middle + first * (high - low) / 2 + second * ((high + low) / 2 - middle))

    def _mean(self, values: FloatArray, regime: Regime, x: FloatArray) -> FloatArray:
        x = np.broadcast_to(x, len(values))
        bounded = np.tanh(values)
        shown = values @ self.slope + np.sin(values) @ self.wave
        shown = shown + np.einsum("nj,jk,nk->n", bounded, self.product, bounded)
        confounders = self._expected_confounders(values, regime, x)[:, self._unit_of]
        shown = shown + ((self.lean + self.mix * values) * confounders).sum(axis=1)
        return np.asarray(shown + self.trend[0] * x + self.trend[1] * (x**2 - 1))

    def _expected_confounders(self, values: FloatArray, regime: Regime, x: FloatArray) -> FloatArray:
        """E[C_B | a, x, R] from the members of each block that were not set; shape (n, number of blocks)."""
        residual = values - values @ self.edges.T - np.outer(x, self.moved)
        free = np.array([not regime.sets(action) for action in self.actions])
        found = np.empty((len(values), len(self.units)))
        for i, unit in enumerate(self.units):
            seen = [k for k in unit if free[k]]
            precision = 1 / (1 - self.rho**2) + (self.follow[seen] ** 2).sum() / self.noise_sd**2
            pull = residual[:, seen] @ self.follow[seen] / self.noise_sd**2
            found[:, i] = (self.rho * x / (1 - self.rho**2) + pull) / precision
        return found

    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """At x = 0 and without q: over x ~ N(0, 1) the rest is linear in x, and q has mean zero."""
        at_zero = self._mean(values, regime, np.zeros(()))
        return np.asarray(at_zero + self.trend[1])

    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        x = rng.standard_normal(n)
        own = rng.standard_normal((n, len(self.units)))
        confounders = np.column_stack([self.rho * x[:, None] + np.sqrt(1 - self.rho**2) * own, x])
        return Latents(confounders, rng.standard_normal((n, len(self.actions))), rng.standard_normal(n))

    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        return self._natural_sd[k] * rng.standard_normal(n)

    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        parents = self._parent_columns(k)
        causes = values[:, parents] @ self.edges[k, parents] + self.moved[k] * latents.confounders[:, -1]
        own = self.follow[k] * latents.confounders[:, self._unit_of[k]] + self.noise_sd * latents.action_noise[:, k]
        return np.asarray(causes + own, dtype=float)

    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        x, bounded = latents.confounders[:, -1], np.tanh(values)
        confounders = latents.confounders[:, self._unit_of]
        total = values @ self.slope + np.sin(values) @ self.wave
        total = total + ((self.lean + self.mix * values) * confounders).sum(axis=1)
        total = total + np.einsum("nj,jk,nk->n", bounded, self.product, bounded)
        total = total + self.trend[0] * x + self.trend[1] * (x**2 - 1)
        return np.asarray(total + self.outcome_sd * latents.outcome_noise)


def structured(
    n_actions: int = 3,
    seed: int = 0,
    *,
    synergy: float = 0.0,
    covariate: float = 0.0,
    predicts: float = 0.0,
    blocks: Sequence[Sequence[str]] = (),
    separable: bool = False,
    edge_probability: float = 0.5,
) -> StructuredSCM:
    """Draw a smooth random world, actions in causal order.

    Parameters
    ----------
    n_actions : int
        Number K of actions, named ``a1`` to ``aK``.
    seed : int
        Seed of the world's parameters.
    synergy : float
        Size of the interactions of actions in different blocks.
    covariate : float
        How strongly x moves the actions and the outcome; above zero rows have a column ``x``.
    predicts : float
        Correlation of x with every confounder; needs a covariate. Unless the world is separable the
        effects of the actions then depend on x.
    blocks : sequence of sequences of str
        Actions that share a confounder and interact; those that are not named stand alone.
    separable : bool
        Whether confounders only add to the outcome (``mix`` is zero).
    edge_probability : float
        Probability that an action drives a later one.

    Returns
    -------
    StructuredSCM

    Raises
    ------
    SpecError
        If an argument is outside its range, or an action stands in two blocks or is unknown.

    Examples
    --------
    >>> world = ivg.simulate.structured(2, seed=0, covariate=1.0)
    >>> list(world.sample(3).columns)
    ['a1', 'a2', 'x', 'y']
    """
    n = check_integer(n_actions, "n_actions", least=1)
    own_seed = check_integer(seed, "seed", least=0)
    strength, moved = check_nonnegative(synergy, "synergy"), check_nonnegative(covariate, "covariate")
    rho = check_fraction(predicts, "predicts")
    if rho == 1.0 or (rho > 0 and moved == 0):
        raise SpecError(
            f"predicts={predicts} needs covariate above zero and must be below 1. Pass for example covariate=1.0, "
            "predicts=0.5."
        )
    actions = action_names(n)
    units = _units(blocks, actions)
    rng = np.random.default_rng(own_seed)

    def signed(low: float, high: float, *shape: int) -> FloatArray:
        return rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape)

    mask = draw_edges(n, check_fraction(edge_probability, "edge_probability"), rng)
    edges = np.where(mask, signed(0.3, 0.6, n, n), 0.0)
    inside = np.array([[any(j in unit and k in unit for unit in units) for k in range(n)] for j in range(n)])
    product = np.triu(np.where(inside, 1.0, strength) * signed(0.7, 1.3, n, n), 1)
    return StructuredSCM(
        actions=actions,
        outcome="y",
        parents=parents_of(actions, mask),
        seed=own_seed,
        units=units,
        edges=edges,
        follow=rng.uniform(0.6, 0.9, n),
        moved=moved * signed(0.3, 0.6, n),
        slope=signed(0.3, 0.8, n),
        wave=signed(0.3, 0.8, n),
        lean=rng.uniform(0.5, 1.0, n),
        mix=np.zeros(n) if separable else signed(0.2, 0.5, n),
        product=product,
        rho=rho,
        trend=(moved * float(rng.uniform(0.5, 1.0)), moved * float(rng.uniform(-0.4, 0.4))),
        with_covariate=moved > 0,
    )


def _units(blocks: Sequence[Sequence[str]], actions: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    named = [name for block in blocks for name in block]
    wrong = next((name for name in named if name not in actions or named.count(name) > 1), None)
    if wrong is not None:
        raise SpecError(
            f"blocks names {wrong!r}, which is not an action or stands twice. The actions are {list(actions)}; name "
            "each at most once."
        )
    found = [tuple(sorted(actions.index(name) for name in block)) for block in blocks if block]
    found += [(k,) for k, action in enumerate(actions) if action not in named]
    return tuple(sorted(found))
