"""What stands beside every answer: `prior_share`, `supported` and `reason` in every table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import ActionGraph, Fit
from bayes_ivgen.effects.flags import flags
from bayes_ivgen.errors import SupportWarning

QuickFit = Callable[..., Fit]
COLUMNS = ["prior_share", "supported", "reason"]


@pytest.fixture(scope="module")
def tv_fit(quick_fit: QuickFit) -> Fit:
    """Theory G, example 1, with a continuous tv: naturally in [1, 2], its test reaches 0; tv moves web."""
    rng, n, frames = np.random.default_rng(0), 400, []
    for regime in ("obs", "do(tv)", "do(web)"):
        tv = rng.uniform(0 if regime == "do(tv)" else 1, 2, n)
        web = rng.uniform(0, 3, n) if regime == "do(web)" else 0.5 * tv + rng.uniform(0, 2, n)
        y = np.sin(3 * tv) + web + rng.normal(size=n)
        frames.append(pd.DataFrame({"tv": tv, "web": web, "regime": regime, "y": y}))
    return quick_fit(pd.concat(frames), ["tv", "web"], graph=ActionGraph({"web": ["tv"]}), draws=100, tune=100)


def test_every_table_says_it(tv_fit: Fit) -> None:
    low, high = {"tv": 0.1, "web": 1.5}, {"tv": 1.5, "web": 1.5}
    with pytest.warns(SupportWarning, match="tv=0.1 was never seen while web was set"):
        effect = tv_fit.effect(do={"tv": [0.1, 1.5], "web": 1.5}).summary()
    assert effect["supported"].tolist() == [False, True]
    assert list(effect.columns[-3:]) == COLUMNS
    with pytest.warns(SupportWarning):
        tables = {
            "outcome": tv_fit.outcome(do=low).summary(),
            "contrast": tv_fit.contrast(do=low, versus=high).summary(),
            "ratio": tv_fit.contrast(do=low, versus=high, kind="ratio").summary(),
            "hold": tv_fit.effect(do={"tv": 0.1}, rest="hold").summary(),
        }
    for name, table in tables.items():
        assert not table["supported"][0], name
        assert "tv=0.1 was never seen while web was set" in table["reason"][0], name
        assert 0 < table["prior_share"][0] <= 1, name
    curve = tv_fit.response_curve("tv", [0.1, 1.2, 1.5]).summary()
    assert curve["supported"].tolist() == [False, True, True]
    bias = tv_fit.confounding_bias("web").summary()
    assert bias["prior_share"].dropna().between(0, 1).all()
    assert bias["prior_share"].notna().any()
    assert "not supported by the data: tv=0.1" in tv_fit.effect(do=low, extrapolate=True).sentence()
    respond = tv_fit.effect(do={"tv": [0.1, 1.5]}, rest="respond").summary()
    assert respond["supported"].tolist() == [True, True]  # do(tv) alone tells it
    assert respond["prior_share"].between(0, 1).all()


def test_allocations_leave_out_what_is_not_known(tv_fit: Fit) -> None:
    costs = {"tv": 0.0, "web": 1.0}
    found = tv_fit.allocate(
        budget=1.5, costs=costs, bounds={"tv": (0.1, 1.9), "web": (0.1, 2.5)}, steps={"tv": 0.3, "web": 0.6}
    )
    assert found.table["supported"].all()
    assert (found.table["tv"] > 0.4).all()
    assert found.table["prior_share"].between(0, 1).all()


def test_an_answer_of_the_prior_is_flagged(tv_fit: Fit) -> None:
    effects = tv_fit.effects
    queries = tv_fit.queries({"tv": [1.5, 1.6], "web": 1.5})
    assert flags(effects, queries, extrapolate=False)["supported"].all()
    rng = np.random.default_rng(0)
    tau = effects.tau
    assert tau is not None
    blank = rng.normal(size=effects.coefficients.shape)
    blank[..., 1:] *= tau.mean(axis=(0, 1))[tv_fit.design.term_index]
    unread = replace(effects, coefficients=blank * 3, tau=3 * np.broadcast_to(tau.mean(axis=(0, 1)), tau.shape))
    table = flags(unread, queries, extrapolate=False)
    assert not table["supported"].any()
    assert (
        table["reason"]
        .str.match(
            r"the rows hardly tell the functions of the actions there: \d+ % of their prior variance is left, but "
            r"more rows near these values, best of do\(tv,web\), would tell"
        )
        .all()
    )
    nothing = flags(replace(effects, tau=None), queries, extrapolate=False)
    assert nothing["prior_share"].isna().all()
    assert nothing["supported"].all()


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.SupportWarning")
def test_saved_fits_say_the_same(tv_fit: Fit, tmp_path: Path) -> None:
    from bayes_ivgen import load

    tv_fit.save(tmp_path / "fit.nc")
    again = load(tmp_path / "fit.nc")
    asked = {"tv": np.linspace(0, 2, 21), "web": 1.5}
    pd.testing.assert_frame_equal(again.effect(do=asked).summary(), tv_fit.effect(do=asked).summary())
