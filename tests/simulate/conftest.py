"""Checks of an exact effect against rows, for every simulated world."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from bayes_ivgen.simulate import SCM

LargestZ = Callable[[SCM, str, int, int], float]


@pytest.fixture(scope="session")
def largest_z() -> LargestZ:
    """Largest |z| over moment conditions ``E[(Y - E[Y | A, regime]) phi(A)] = 0``.

    phi is 1, each quarter of each action and each 2 x 2 cell of each pair of actions, so a wrong effect on
    any of these sets of rows shows; z is in Monte-Carlo standard errors of the mean.
    """

    def largest(scm: SCM, regime: str, n: int, seed: int) -> float:
        rows = scm.sample(n, regime, seed=seed)
        values = rows[list(scm.actions)]
        residual = (rows[scm.outcome] - scm.effect(values, do=regime)).to_numpy()
        ranks = values.rank(method="average").to_numpy() / (n + 1)
        quarters = np.floor(4 * ranks)
        tests = [np.ones(n)]
        tests += [(quarters[:, k] == q).astype(float) for k in range(len(scm.actions)) for q in range(4)]
        for k, j in combinations(range(len(scm.actions)), 2):
            tests += [((quarters[:, k] < 2) == s) * ((quarters[:, j] < 2) == t) * 1.0 for s in (0, 1) for t in (0, 1)]
        scores = [residual * phi for phi in tests if phi.sum() > n / 200]
        scores = [score for score in scores if np.abs(score).max() > 1e-12]  # Y without noise: exactly right
        return max((abs(s.mean()) / (s.std() / np.sqrt(n)) for s in scores), default=0.0)

    return largest
