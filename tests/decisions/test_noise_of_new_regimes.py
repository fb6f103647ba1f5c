"""The noise that is expected of a regime which was never run: that of the world, not less."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bayes_ivgen import Fit, Regime
from bayes_ivgen.decisions.experiments import draw_rows, read_candidates
from bayes_ivgen.interface.experiment_choice import knowledge_of
from bayes_ivgen.model.design import indicators
from bayes_ivgen.simulate import media_mix

CHANNELS = ["tv", "web", "radio"]
LABEL = "do(tv,web,radio)"


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.IvgenWarning")
def test_the_noise_of_a_new_regime_is_that_of_the_world(quick_fit: Callable[..., Fit]) -> None:
    found = []
    for seed in range(3):
        world = media_mix(3, seed=seed)
        fit = quick_fit(world.sample_regimes(world.standard_regimes(400), seed=seed), CHANNELS, "sales")
        knowledge = knowledge_of(fit)
        (candidate,) = read_candidates([LABEL], fit.effects)
        values = draw_rows(candidate, fit.effects, knowledge.profiles)
        flags = np.broadcast_to(indicators([candidate.regime], fit.actions), (len(values), 3))
        rows = world.sample(20_000, LABEL, seed=5)
        truth = (rows["sales"] - world.effect(rows[CHANNELS], do=CHANNELS)).var() / fit.design.outcome_sd**2
        found.append(knowledge._noise(LABEL, values, flags) / truth)
    # A variance of 400 rows is known to 7 % at kurtosis 3; weights 1, 1, 1, -2 and the mean of three worlds: 9 %.
    assert np.mean(found) == pytest.approx(1.0, abs=0.15)


def test_regimes_at_hand_keep_their_own_noise(fit: Fit) -> None:
    knowledge = knowledge_of(fit)
    values = np.asarray(fit.effects.observed[:5])
    flags = np.broadcast_to(indicators([Regime(("tv",))], fit.actions), (5, 3))
    assert knowledge._noise("do(tv)", values, flags) == knowledge.noise["do(tv)"]
