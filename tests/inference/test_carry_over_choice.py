"""Choice of carry-over and saturation by marginal likelihood, in worlds with known parameters."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import RegimeData
from bayes_ivgen.basis import BSpline, Polynomial
from bayes_ivgen.errors import DataWarning
from bayes_ivgen.inference.carry_over_choice import ScoredRows, choose_transforms
from bayes_ivgen.media import Adstock, Saturation
from bayes_ivgen.simulate import media_series


def read(rows: pd.DataFrame, actions: list[str]) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="sales", actions=actions, time="week", unit="geo")


def world_rows(alpha: list[float], memory: float = 0.7, seed: int = 0, hold: int = 2) -> pd.DataFrame:
    world = media_series(len(alpha), seed=seed, memory=memory, alpha=alpha)
    return world.sample(20, 120, hold=hold, test_weeks=20, rest_weeks=12, seed=seed)


def test_the_true_decay_is_chosen() -> None:
    data = read(world_rows([0.6, 0.0], memory=0.0), ["tv", "web"])
    grid = [0.0, 0.3, 0.6, 0.9]
    chosen, table = choose_transforms(data, {a: (Adstock(alpha=grid),) for a in ("tv", "web")}, BSpline())
    assert [chosen[a][0].alpha for a in ("tv", "web")] == [0.6, 0.0]
    assert list(table.columns) == ["action", "transform", "parameters", "log_evidence", "chosen"]
    assert table.groupby("action")["chosen"].sum().tolist() == [1, 1]
    assert (table.loc[table["chosen"], "log_evidence"] == 0).all()
    assert table.loc[table["parameters"] == "alpha=0.9", "log_evidence"].max() < -5


def test_confounders_that_remember_move_the_choice_by_a_step_at_most() -> None:
    data = read(world_rows([0.6, 0.0], memory=0.7), ["tv", "web"])
    grid = [0.0, 0.3, 0.6, 0.9]
    chosen, _ = choose_transforms(data, {a: (Adstock(alpha=grid),) for a in ("tv", "web")}, BSpline())
    for action, alpha in (("tv", 0.6), ("web", 0.0)):
        assert chosen[action][0].alpha == pytest.approx(alpha, abs=0.31)


def test_delays_and_halves_are_chosen_too() -> None:
    rng = np.random.default_rng(0)
    n = 900
    spend = np.repeat(rng.uniform(0.5, 20, n // 3), 3)
    truth = Adstock("delayed", alpha=0.5, theta=2.0, l_max=5)
    steady = np.convolve(spend, truth.weights)[:n]
    curve = Saturation("michaelis_menten", lam=4.0)
    frame = pd.DataFrame({"geo": "a", "week": np.arange(n), "tv": spend, "regime": "do(tv)"})
    frame["sales"] = 10 * curve(steady) + 0.3 * rng.normal(size=n)
    data = read(frame, ["tv"])
    asked = (Adstock("delayed", alpha=0.5, theta=[0, 1, 2, 3], l_max=5), Saturation("michaelis_menten", lam=[1, 4, 16]))
    chosen, table = choose_transforms(data, {"tv": asked}, Polynomial(1))
    assert chosen["tv"][0].theta == 2.0
    assert chosen["tv"][1].lam == 4.0
    assert set(table["transform"]) == {"adstock", "saturation"}


def test_a_flat_choice_is_told() -> None:
    rng = np.random.default_rng(0)
    n = 200
    level = np.repeat(rng.uniform(1, 9, 10), 20)  # hardly ever moves: all weights give nearly the same
    frame = pd.DataFrame({"geo": "a", "week": np.arange(n), "tv": level, "regime": "do(tv)"})
    frame["sales"] = 0.01 * level + rng.normal(size=n)
    asked = {"tv": (Adstock(alpha=[0.1, 0.2], l_max=3),)}
    with pytest.warns(DataWarning, match=r"tell next to nothing about the adstock of 'tv'.*Pass numbers"):
        choose_transforms(read(frame, ["tv"]), asked, BSpline())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose_transforms(read(frame.assign(sales=level + 0.01 * rng.normal(size=n)), ["tv"]), asked, BSpline())


def test_every_candidate_is_compared_on_the_same_rows() -> None:
    frame = world_rows([0.5])
    asked = {"tv": (Adstock(l_max=6),)}
    scored = ScoredRows.of(read(frame, ["tv"]), asked, BSpline())
    assert len(scored.outcome) == len(frame) - 20 * 5
    assert scored.spends["tv"].shape == (len(scored.outcome), 6)
    weighted = frame.assign(twice=2.0)
    data = RegimeData.from_frame(weighted, outcome="sales", actions=["tv"], time="week", unit="geo", weights="twice")
    fixed = {"tv": (Adstock(alpha=0.5, l_max=6),)}
    double = ScoredRows.of(data, asked, BSpline()).evidence(fixed)
    assert double == pytest.approx(2 * scored.evidence(fixed), rel=0.05)


def test_a_saturation_alone_is_chosen_without_time() -> None:
    rng = np.random.default_rng(0)
    spend = rng.uniform(0, 10, 400)
    frame = pd.DataFrame({"tv": spend, "regime": "do(tv)"})
    frame["sales"] = 5 * spend / (2 + spend) + 0.1 * rng.normal(size=400)
    data = RegimeData.from_frame(frame, outcome="sales", actions=["tv"])
    chosen, _ = choose_transforms(data, {"tv": (Saturation("michaelis_menten", lam=[0.5, 2, 8]),)}, Polynomial(1))
    assert chosen["tv"][0].lam == 2.0
