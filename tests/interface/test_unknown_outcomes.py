"""Weeks whose spends are known and whose outcome is not: history for later weeks, and no rows of a fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, RegimeData
from bayes_ivgen.basis import BSpline
from bayes_ivgen.errors import ConvergenceWarning, DataWarning
from bayes_ivgen.inference.carry_over_choice import ScoredRows, choose_transforms
from bayes_ivgen.media import Adstock, Saturation
from bayes_ivgen.media.carry_over import carry_over
from bayes_ivgen.media.lagged import LaggedRows
from bayes_ivgen.simulate import media_series

SATURATED = {"web": Saturation("michaelis_menten", lam=20.0)}
CARRIED: Any = {"tv": Adstock(alpha=0.6, l_max=4), "web": (Adstock(alpha=0.3, l_max=4), SATURATED["web"])}
DO = {"tv": [20.0, 40.0], "web": [10.0, 25.0]}


@pytest.fixture(scope="module")
def whole() -> pd.DataFrame:
    world = media_series(2, seed=3, alpha=[0.6, 0.3], l_max=4, memory=0.3)
    return world.sample(10, 70, test_weeks=12, rest_weeks=8, hold=3, seed=1).assign(share=1.0)


@pytest.fixture(scope="module")
def gone(whole: pd.DataFrame) -> np.ndarray:
    """Every twentieth row, and five weeks on end."""
    found = np.arange(len(whole)) % 20 == 7
    found[200:205] = True
    return found


@pytest.fixture(scope="module")
def holed(whole: pd.DataFrame, gone: np.ndarray) -> RegimeData:
    """The same rows; every other one of `gone` lacks its outcome, the others their weight."""
    frame = whole.copy()
    at = np.flatnonzero(gone)
    frame.loc[at[::2], "sales"] = np.nan
    frame.loc[at[1::2], "share"] = np.nan
    with pytest.warns(DataWarning, match="left out of the fit, while what was spent in them still carries over"):
        return read(frame, missing="drop")


def read(frame: pd.DataFrame, **options: Any) -> RegimeData:
    given = {"time": "week", "unit": "geo", "weights": "share"} | options
    return RegimeData.from_frame(frame, outcome="sales", actions=["tv", "web"], **given)


def fitted(data: RegimeData, transforms: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = InterventionModel(graph="empty", transforms=transforms)
        return model.fit(data, draws=60, chains=2, tune=60, seed=0, cores=1)


def test_estimates_are_those_of_the_whole_table_without_their_rows(
    whole: pd.DataFrame, gone: np.ndarray, holed: RegimeData
) -> None:
    found = fitted(holed, CARRIED)
    carried = InterventionModel(transforms=CARRIED).carry_over(read(whole))
    rows = pd.concat(
        [pd.DataFrame({"tv": b.variables[:, 0], "web": b.variables[:, 1], "sales": b.outcome, "regime": b.regime.label,
                       "share": b.weights}) for b in carried.batches()]
    )  # fmt: skip
    known = rows[~rows["sales"].isin(whole.loc[gone, "sales"])]
    assert len(known) < len(rows)
    expected = fitted(read(known, time=None, unit=None), SATURATED)
    want = expected.effect(do=DO, extrapolate=True).summary()
    np.testing.assert_allclose(found.effect(do=DO, extrapolate=True).summary()["mean"], want["mean"], rtol=1e-6)
    assert found.carried is not None
    became = found.carried.rows.groupby("became")["rows"].sum()
    assert became["left out: sales missing"] == (gone.sum() + 1) // 2
    assert became["left out: share missing"] == gone.sum() // 2
    assert became.sum() == len(whole)
    assert 0.2 < found.independent_share(holed) <= 1.0
    assert found.thinned(holed, every=4).n_rows > 50


def test_what_a_week_set_is_known_without_its_outcome(whole: pd.DataFrame) -> None:
    frame = whole.copy()
    frame.loc[frame["regime"] == "do(web)", "sales"] = np.nan
    with pytest.warns(DataWarning):
        data = read(frame, missing="drop")
    found, every = (carry_over(item, {"web": (Adstock(alpha=0.3, l_max=4),)}).carried for item in (data, read(whole)))
    assert found is not None
    assert every is not None
    was, now = (item.rows.groupby(["week", "became"])["rows"].sum() for item in (every, found))
    assert now["do(web)"].to_dict() == {"left out: sales missing": (frame["regime"] == "do(web)").sum()}
    assert now["obs"].to_dict() == was["obs"].to_dict()  # wash-out weeks are told as before
    np.testing.assert_array_equal(found.was_set, every.was_set)
    with pytest.warns(DataWarning):
        excluded = carry_over(read(frame, missing="drop", exclude=["do(tv)"]), {"web": (Adstock(alpha=0.3, l_max=4),)})
    assert excluded.carried is not None
    assert excluded.carried.rows.groupby("week")["became"].unique()["do(tv)"].tolist() == ["left out by exclude"]


def test_the_choice_compares_known_outcomes_only(whole: pd.DataFrame, gone: np.ndarray, holed: RegimeData) -> None:
    asked: Any = {"tv": (Adstock(alpha=[0.3, 0.6], l_max=4),), "web": (Adstock(alpha=0.3, l_max=4),)}
    every, found = (ScoredRows.of(data, asked, BSpline()) for data in (read(whole), holed))
    early = whole.sort_values(["geo", "week"]).groupby("geo").cumcount() < 3
    kept = ~gone[early.index[~early]]
    for action in ("tv", "web"):
        np.testing.assert_array_equal(found.spends[action], every.spends[action][kept])
        np.testing.assert_array_equal(found.was_set[action], every.was_set[action][kept])
    assert np.corrcoef(found.outcome, every.outcome[kept])[0, 1] == pytest.approx(1.0)
    chosen, table = choose_transforms(holed, asked, BSpline())
    assert chosen["tv"][0].alpha == 0.6
    assert np.isfinite(table["log_evidence"]).all()


def test_sampled_carry_over_and_memory_see_known_outcomes_only(
    whole: pd.DataFrame, gone: np.ndarray, holed: RegimeData, make_prior: Any
) -> None:
    asked: Any = {
        "tv": (Adstock(alpha=make_prior("Beta", alpha=2, beta=2), l_max=4),),
        "web": (Adstock(alpha=0.3, l_max=4),),
    }
    reference: Any = {"tv": (Adstock(alpha=0.6, l_max=4),), "web": asked["web"]}
    regimes = tuple(read(whole).regimes)
    every, found = (LaggedRows.of(data, asked, reference, regimes) for data in (read(whole), holed))
    assert np.isfinite(found.outcome).all()
    assert np.isfinite(found.weights).all()
    known = ~gone[every.place]
    np.testing.assert_array_equal(found.outcome, every.outcome[known])
    np.testing.assert_array_equal(found.lags["tv"], every.lags["tv"][known])
    assert holed.memory is not None
    assert sum(holed.memory.rows.values()) == (~gone).sum()
    assert all(np.isfinite(item).all() for item in holed.memory.correlation.values())
