"""Exact discrete worlds of the theory notes: decomposition (T1), separable levels (T6), cumulants (T7), bias (T15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest

from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import level_weights

ACTIONS = ("a1", "a2", "a3")
BITS = list(product((0, 1), repeat=3))
REGIMES = [Regime(tuple(a for a, flag in zip(ACTIONS, bits, strict=True) if flag)) for bits in BITS]
STANDARD = [regime for regime in REGIMES if len(regime.set_actions) < 2]


@dataclass(frozen=True)
class World:
    """Three binary actions on a full graph, one binary confounder each; Y = sum_k f_k + pairs + binary noise."""

    prior: np.ndarray  # P(C_k = 1)
    mechanism: list[dict[tuple[int, ...], float]]  # P(A_k = 1 | earlier actions, C_k)
    parts: np.ndarray  # f_k(a_k, c_k), shape (3, 2, 2)
    pairs: np.ndarray  # g_jk(a, c_j, c_k) of the pairs (0, 1), (0, 2), (1, 2); shape (3, 8, 2, 2)
    policy: list[dict[tuple[int, ...], float]]  # P(set A_k = 1 | earlier actions): an adaptive experimenter

    @classmethod
    def draw(cls, seed: int, *, separable: bool = False, interaction: float = 0.0) -> World:
        rng = np.random.default_rng(seed)
        keys = [[(*earlier, c) for earlier in product((0, 1), repeat=k) for c in (0, 1)] for k in range(3)]
        earlier = [list(product((0, 1), repeat=k)) for k in range(3)]
        parts = rng.normal(size=(3, 2, 2))
        if separable:
            parts = rng.normal(size=(3, 2, 1)) + rng.normal(size=(3, 1, 2))
        return cls(
            rng.uniform(0.2, 0.8, 3),
            [{key: rng.uniform(0.1, 0.9) for key in part} for part in keys],
            parts,
            interaction * rng.normal(size=(3, 8, 2, 2)),
            [{key: rng.uniform(0.1, 0.9) for key in part} for part in earlier],
        )

    def confounders(self, a: tuple[int, ...], regime: Regime) -> tuple[np.ndarray, float]:
        """P(c | a, R), shape (2, 2, 2), and P(a | R)."""
        weight = np.ones((2, 2, 2))
        for c in BITS:
            for k, action in enumerate(ACTIONS):
                weight[c] *= self.prior[k] if c[k] else 1 - self.prior[k]
                table, key = (self.policy[k], a[:k]) if regime.sets(action) else (self.mechanism[k], (*a[:k], c[k]))
                weight[c] *= table[key] if a[k] else 1 - table[key]
        return weight / weight.sum(), float(weight.sum())

    def outcome(self, a: tuple[int, ...]) -> np.ndarray:
        """Return Y without its noise for each c, shape (2, 2, 2)."""
        values = np.zeros((2, 2, 2))
        for c in BITS:
            values[c] = sum(self.parts[k, a[k], c[k]] for k in range(3))
            for p, (j, k) in enumerate(((0, 1), (0, 2), (1, 2))):
                values[c] += self.pairs[p, int(4 * a[0] + 2 * a[1] + a[2]), c[j], c[k]]
        return values

    def moment(self, function: Callable[[np.ndarray], Any], a: tuple[int, ...], regime: Regime) -> Any:
        """E[function(Y) | a, R] with a fair coin of size 0.7 as noise."""
        weight, _ = self.confounders(a, regime)
        return sum(0.5 * np.sum(weight * function(self.outcome(a) + noise)) for noise in (0.0, 0.7))


def cumulants(world: World, a: tuple[int, ...], regime: Regime) -> np.ndarray:
    """Mean, variance, third cumulant and log characteristic function at two points."""
    m1, m2, m3 = (world.moment(lambda y, n=n: y**n, a, regime) for n in (1, 2, 3))
    logs = [np.log(world.moment(lambda y, t=t: np.exp(1j * t * y), a, regime)) for t in (0.2, 0.4)]
    return np.array([m1, m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3, *logs])


@pytest.mark.parametrize("seed", range(5))
def test_means_and_cumulants_of_all_regimes_follow_from_the_standard_ones(seed: int) -> None:
    """T1 and T7: whatever the experimenter's adaptive policy, at every combination of the actions."""
    world = World.draw(seed)
    for target in REGIMES:
        weights = level_weights(target, STANDARD, ACTIONS)
        assert weights is not None
        for a in BITS:
            parts = np.array([cumulants(world, a, regime) for regime in STANDARD])
            np.testing.assert_allclose(weights @ parts, cumulants(world, a, target), atol=1e-10)


def mean_level(world: World, action: str) -> float:
    """Gamma_k: the average of c_k over the observational law."""
    obs, test = Regime(), Regime((action,))
    return sum(
        world.confounders(a, obs)[1] * (world.moment(lambda y: y, a, obs) - world.moment(lambda y: y, a, test))
        for a in BITS
    )


@pytest.mark.parametrize("seed", range(5))
def test_levels_vanish_where_actions_and_confounders_do_not_interact(seed: int) -> None:
    """T6."""
    for action in ACTIONS:
        assert abs(mean_level(World.draw(seed, separable=True), action)) < 1e-12
    assert max(abs(mean_level(World.draw(seed), action)) for action in ACTIONS) > 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_the_bias_of_interacting_confounders_is_second_order(seed: int) -> None:
    """T15: joint - sum w_r E[Y | a, r] = sum over pairs of the integral of g_jk d(P_j - Q_j) d(P_k - Q_k)."""
    world = World.draw(seed, interaction=1.0)
    joint = Regime(ACTIONS)
    weights = level_weights(joint, STANDARD, ACTIONS)
    assert weights is not None
    for cell, a in enumerate(BITS):
        naive = weights @ np.array([world.moment(lambda y: y, a, regime) for regime in STANDARD])
        free, tied = (world.confounders(a, regime)[0] for regime in (joint, Regime()))
        gap = [free.sum(axis=tuple({0, 1, 2} - {k})) - tied.sum(axis=tuple({0, 1, 2} - {k})) for k in range(3)]
        pairs = ((0, 1), (0, 2), (1, 2))
        bias = sum(gap[j] @ world.pairs[p, cell] @ gap[k] for p, (j, k) in enumerate(pairs))
        assert abs(bias) > 1e-6
        np.testing.assert_allclose(world.moment(lambda y: y, a, joint) - naive, bias, atol=1e-12)
