"""Regimes beyond obs and singles: they are used, and rows of the joint regime improve a fit (design 1.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bayes_ivgen import Fit
from bayes_ivgen.simulate import structured

QuickFit = Callable[..., Fit]
ACTIONS = ["a1", "a2", "a3"]
SINGLES = {"obs": 400, "do(a1)": 400, "do(a2)": 400, "do(a3)": 400}


@pytest.mark.parametrize(
    "labels",
    [
        ["obs", "do(a1,a2)", "do(a3)"],
        ["do(a1)", "do(a1,a2)", "do(a1,a3)"],
        ["obs", "do(a1,a2)", "do(a1,a3)", "do(a2,a3)"],
    ],
    ids="+".join,
)
def test_the_joint_effect_from_pairs(quick_fit: QuickFit, labels: list[str]) -> None:
    world = structured(3, seed=2)
    fit = quick_fit(world.sample_regimes(dict.fromkeys(labels, 2500), seed=0), ACTIONS)
    points = world.sample(200, "do(a1,a2,a3)", seed=1)[ACTIONS]
    table, truth = fit.effect(do=points, extrapolate=True).summary(), world.effect(points)
    z = (table["mean"] - truth) / table["sd"]
    assert np.sqrt((z**2).mean()) < 2.5
    assert np.sqrt(((table["mean"] - truth) ** 2).mean()) < 0.35 * truth.std()


def test_rows_of_the_joint_regime_improve_a_fit(quick_fit: QuickFit) -> None:
    """Over worlds: 400 joint rows beside 1600 others take a large part of the error away."""
    errors: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(6):
        world = structured(3, seed=40 + seed)
        points = world.sample(200, "do(a1,a2,a3)", seed=7)[ACTIONS]
        for joint, found in errors.items():
            counts = SINGLES | ({"do(a1,a2,a3)": 400} if joint else {})
            fit = quick_fit(world.sample_regimes(counts, seed=seed), ACTIONS, draws=100, tune=100)
            mean = fit.effect(do=points, extrapolate=True).summary()["mean"]
            found.append(float(np.sqrt(np.mean((mean - world.effect(points)) ** 2))))
    gain = np.array(errors[False]) - np.array(errors[True])
    assert gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain))  # beyond twice its standard error
    assert np.mean(errors[True]) < 0.85 * np.mean(errors[False])
