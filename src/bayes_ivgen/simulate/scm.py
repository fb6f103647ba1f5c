"""The contract of every simulated world, and the sampling that all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError, QueryError, SpecError
from bayes_ivgen.simulate._checks import check_integer

FloatArray = npt.NDArray[np.float64]

ROW_STREAM = 1
"""First spawn key of the streams that draw rows; parameters are drawn with `default_rng(seed)` itself."""


class Latents(NamedTuple):
    """The unobserved variables of `n` rows."""

    confounders: npt.NDArray[Any]
    """C, shape (n, K)."""
    action_noise: npt.NDArray[Any]
    """V, shape (n, K)."""
    outcome_noise: FloatArray
    """U, shape (n,)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SCM(ABC):
    """A structural causal model whose interventional means are known exactly.

    ::

        Y   := F(A, C) + U               F additive over k unless a world says otherwise
        A_k := g_k(A_pa(k), C_k, V_k)    unless the experimenter sets A_k

    Parameters
    ----------
    actions : tuple of str
        Names of the K actions, in the order of the columns of every array.
    outcome : str
        Name of the outcome.
    parents : mapping of str to tuple of str
        The true graph among the actions: each action and its direct causes.
    seed : int
        Seed of the world. It enters the streams of the rows, so that two worlds sampled with the same
        seed do not share their noise.

    Raises
    ------
    SpecError
        If `parents` does not list every action once, names something else, or has a cycle.

    Examples
    --------
    >>> world = ivg.simulate.polynomial(n_actions=3, seed=1)
    >>> isinstance(world, ivg.simulate.SCM), world.actions, world.outcome
    (True, ('a1', 'a2', 'a3'), 'y')
    """

    actions: tuple[str, ...]
    outcome: str
    parents: Mapping[str, tuple[str, ...]]
    seed: int = 0

    def __post_init__(self) -> None:
        known = set(self.actions)
        if set(self.parents) != known or any(not set(names) <= known for names in self.parents.values()):
            raise SpecError(
                f"parents must map every action to its direct causes among {list(self.actions)}. "
                f"Got {dict(self.parents)!r} instead; give an action without causes an empty tuple."
            )
        try:
            TopologicalSorter(self.parents).prepare()
        except CycleError as error:
            raise SpecError(
                f"parents has the cycle {' <- '.join(error.args[1])}; the graph of the actions must be "
                "acyclic. Remove one of these edges."
            ) from error

    def sample(self, n: int, regime: Regime | str = "obs", seed: int = 0) -> pd.DataFrame:
        """Draw rows of one regime.

        Parameters
        ----------
        n : int
            Number of rows.
        regime : Regime or str
            Which actions are set, for example ``"obs"`` or ``"do(a1,a3)"``. Set values are drawn
            independently of everything else, from the law that the world documents.
        seed : int
            Seed of the rows. The stream depends on the seed, the world's own seed and the regime alone.

        Returns
        -------
        pandas.DataFrame
            Columns ``[*actions, outcome]``, `n` rows of floats.

        Raises
        ------
        DataError
            If `n` is not a positive integer, the seed is negative, or the regime cannot be read.

        Examples
        --------
        >>> world.sample(5, "do(tv)", seed=0).columns.tolist()
        ['tv', 'web', 'sales']
        """
        rows = check_integer(n, "n", least=1, error=DataError)
        key = check_integer(seed, "seed", least=0, error=DataError)
        parsed = self._read_regime(regime)
        values, outcome = self._simulate(rows, parsed, self._stream(key, parsed))
        return pd.DataFrame(values, columns=list(self.actions)).assign(**{self.outcome: outcome})

    def sample_regimes(self, counts: Mapping[Any, int], seed: int = 0) -> pd.DataFrame:
        """Draw rows of several regimes; the rows of one do not depend on which others are asked for.

        Parameters
        ----------
        counts : mapping of (Regime or str) to int
            Number of rows of each regime, for example ``{"obs": 1000, "do(a1)": 500}``.
        seed : int
            Seed of the rows, as in `sample`.

        Returns
        -------
        pandas.DataFrame
            Columns ``["regime", *actions, outcome]``; the regime is its canonical label.

        Raises
        ------
        DataError
            If `counts` is empty, names a regime twice, or an entry is not valid for `sample`.

        Examples
        --------
        >>> world.sample_regimes({"obs": 3, "do(tv)": 2})["regime"].tolist()
        ['obs', 'obs', 'obs', 'do(tv)', 'do(tv)']
        """
        if not counts:
            raise DataError("counts names no regime; pass for example scm.standard_regimes(1000).")
        tables: dict[str, pd.DataFrame] = {}
        for regime, n in counts.items():
            label = self._read_regime(regime).label
            if label in tables:
                raise DataError(f"counts names the regime {label!r} twice; add its two numbers of rows.")
            rows = check_integer(n, f"counts[{label!r}]", least=1, error=DataError)
            tables[label] = self.sample(rows, label, seed)
            tables[label].insert(0, "regime", label)
        return pd.concat(tables.values(), ignore_index=True)

    def standard_regimes(self, n_per_regime: int) -> dict[str, int]:
        """Observational rows and each single intervention, with the same number of rows.

        Parameters
        ----------
        n_per_regime : int
            Rows of each of them.

        Returns
        -------
        dict of str to int
            To be passed to `sample_regimes`.

        Raises
        ------
        DataError
            If it is not a positive integer.

        Examples
        --------
        >>> world.standard_regimes(100)
        {'obs': 100, 'do(tv)': 100, 'do(web)': 100}
        """
        rows = check_integer(n_per_regime, "n_per_regime", least=1, error=DataError)
        return {"obs": rows} | {f"do({action})": rows for action in self.actions}

    def effect(
        self,
        values: pd.DataFrame | npt.ArrayLike,
        do: Regime | str | Iterable[str] | None = None,
    ) -> FloatArray:
        """Exact ``E[Y | do(a_S), a_rest seen]``.

        Parameters
        ----------
        values : pandas.DataFrame or array_like, shape (n, K)
            Values of all actions: a frame with one column an action (in any order), or an array in the
            order of `actions`.
        do : Regime, str or iterable of str, optional
            Which actions are set: a regime (label), or a list of names; the others are *seen* at their
            values. ``None`` (default) is the joint effect, all actions set.

        Returns
        -------
        numpy.ndarray, shape (n,)

        Raises
        ------
        QueryError
            If `values` or `do` is not well formed, or this mixed effect has no closed form here.

        Examples
        --------
        >>> world.effect([[60, 40], [40, 30]]).shape
        (2,)
        >>> mixed = world.effect(pd.DataFrame({"web": [40], "tv": [60]}), do=["tv"])
        >>> mixed.shape
        (1,)
        """
        try:
            regime = Regime(self.actions) if do is None else self._read_regime(do)
        except DataError as error:
            raise QueryError(f"effect(do={do!r}): {error}") from error
        return self._effect(self._read_values(values), regime)

    @abstractmethod
    def _draw_latents(self, n: int, rng: np.random.Generator) -> Latents:
        """Draw C, V and U of `n` rows."""

    @abstractmethod
    def _draw_set_values(self, k: int, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw the values to which the experimenter sets action `k`, shape (n,)."""

    def _set_values(self, k: int, values: FloatArray, latents: Latents, rng: np.random.Generator) -> FloatArray:  # noqa: ARG002
        """Values of action `k` in rows of its experiment; a world may let some rows not comply. Shape (n,)."""
        return self._draw_set_values(k, len(values), rng)

    @abstractmethod
    def _mechanism(self, k: int, values: FloatArray, latents: Latents) -> FloatArray:
        """``g_k``; the columns of the parents of `k` are already filled in `values`. Shape (n,)."""

    @abstractmethod
    def _outcome(self, values: FloatArray, latents: Latents) -> FloatArray:
        """Y, shape (n,)."""

    @abstractmethod
    def _effect(self, values: FloatArray, regime: Regime) -> FloatArray:
        """Exact ``E[Y | a, regime]`` at checked values, shape (n,)."""

    def _simulate(self, n: int, regime: Regime, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Draw actions (n, K) and outcome (n,) in causal order."""
        latents = self._draw_latents(n, rng)
        values = np.empty((n, len(self.actions)))
        for k in self._causal_order:
            if regime.sets(self.actions[k]):
                values[:, k] = self._set_values(k, values, latents, rng)
            else:
                values[:, k] = self._mechanism(k, values, latents)
        return values, self._outcome(values, latents)

    @cached_property
    def _causal_order(self) -> list[int]:
        order = TopologicalSorter({a: self.parents[a] for a in self.actions}).static_order()
        return [self.actions.index(action) for action in order]

    def _parent_columns(self, k: int) -> list[int]:
        return [self.actions.index(parent) for parent in self.parents[self.actions[k]]]

    def _stream(self, seed: int, regime: Regime) -> np.random.Generator:
        identity = sum(1 << k for k, action in enumerate(self.actions) if regime.sets(action))
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(ROW_STREAM, self.seed, identity)))

    def _read_regime(self, regime: Regime | str | Iterable[str]) -> Regime:
        if isinstance(regime, str):
            return Regime.parse(regime, self.actions)
        return Regime.of(regime.set_actions if isinstance(regime, Regime) else regime, self.actions)

    def _read_values(self, values: pd.DataFrame | npt.ArrayLike) -> FloatArray:
        names = list(self.actions)
        if isinstance(values, pd.DataFrame):
            if sorted(map(str, values.columns)) != sorted(names):
                raise QueryError(
                    f"values must have exactly the columns {names}. Got {list(values.columns)} instead; "
                    "select them with values[list(scm.actions)]."
                )
            values = values[names].to_numpy()
        try:
            array = np.asarray(values, dtype=float)
        except (TypeError, ValueError) as error:
            raise QueryError(f"values must be numbers ({error}); convert them to floats first.") from error
        if array.ndim != 2 or array.shape[1] != len(names):
            raise QueryError(
                f"values must be an array of shape (n, {len(names)}), one column an action in the order "
                f"{names}. Got shape {array.shape} instead; one query is [[...]], a list in a list."
            )
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
            raise QueryError(f"values must be finite. Row {row} is {array[row].tolist()}; remove it or fill it in.")
        return array

    def _require_joint(self, regime: Regime) -> None:
        """Refuse mixed effects in worlds where the law of C given seen actions has no closed form."""
        seen = [action for action in self.actions if not regime.sets(action)]
        if seen:
            raise QueryError(
                f"{type(self).__name__} has no closed form for the effect of {regime.label!r} with {seen} "
                "seen: the law of their confounders given seen actions is not tractable. The joint effect "
                "is: call effect(values) without `do`. media_mix() and discrete() answer mixed effects."
            )


def action_names(n_actions: int) -> tuple[str, ...]:
    """``("a1", ..., "aK")``, the names in the paper's suites."""
    return tuple(f"a{k}" for k in range(1, n_actions + 1))


def parents_of(actions: Sequence[str], edges: npt.NDArray[Any]) -> dict[str, tuple[str, ...]]:
    """Graph of a (K, K) array in which a nonzero entry (k, j) says that j is a cause of k."""
    return {action: tuple(actions[j] for j in np.flatnonzero(edges[k]).tolist()) for k, action in enumerate(actions)}


def draw_edges(n_actions: int, probability: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Strictly lower triangular Bernoulli mask, shape (K, K)."""
    return np.tril(rng.random((n_actions, n_actions)) < probability, k=-1)
