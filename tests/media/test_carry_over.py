"""Rows of carried-over spends and their regimes, against loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen import RegimeData
from bayes_ivgen.errors import DataError, SpecError
from bayes_ivgen.media import Adstock, Saturation
from bayes_ivgen.media.carry_over import carry_over

FIRST, WASH = "left out: first weeks", "left out: wash-in or wash-out"


def table(seed: int = 0, weeks: int = 24, geos: int = 3) -> pd.DataFrame:
    """Weeks of geos of different length; experiments at random, of one action or two."""
    rng = np.random.default_rng(seed)
    parts = []
    for geo in range(geos):
        n = weeks + geo
        label = np.repeat(rng.choice(["obs", "do(tv)", "do(web)", "do(tv,web)"], n // 6 + 1), 6)[:n]
        parts.append(
            pd.DataFrame({"geo": f"g{geo}", "week": np.arange(n) + 3, "tv": rng.uniform(1, 9, n),
                          "web": rng.uniform(1, 5, n), "season": rng.normal(size=n), "y": rng.normal(size=n),
                          "regime": label})
        )  # fmt: skip
    found = pd.concat(parts, ignore_index=True)
    return found.sample(frac=1.0, random_state=seed)


def read(frame: pd.DataFrame, **options: Any) -> RegimeData:
    settings = {"time": "week", "unit": "geo", "covariates": ["season"]} | options
    return RegimeData.from_frame(frame, outcome="y", actions=["tv", "web"], **settings)


def by_loop(frame: pd.DataFrame, adstocks: dict[str, Adstock]) -> pd.DataFrame:
    """The same by plain loops over geos, weeks and lags."""
    rows = []
    for _, series in frame.sort_values("week").groupby("geo"):
        records = series.to_dict("records")
        for t, record in enumerate(records):
            found, was_set, fate = dict(record), [], ""
            for action, adstock in adstocks.items():
                total, share = 0.0, 0.0
                for lag, weight in enumerate(adstock.weights):
                    if t - lag >= 0:
                        total += weight * records[t - lag][action]
                        share += weight * (action in records[t - lag]["regime"])
                    elif adstock.initial is None:
                        fate = FIRST
                    else:
                        total += weight * adstock.initial
                found[action] = total
                if share >= adstock.pure - 1e-9:
                    was_set.append(action)
                elif share > 1 - adstock.pure + 1e-9 and not fate:
                    fate = WASH
            found["regime"] = f"do({','.join(was_set)})" if was_set else "obs"
            rows.append({**found, "fate": fate})
    return pd.DataFrame(rows)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 50),
    alpha=st.floats(0.0, 0.8),
    l_max=st.integers(1, 6),
    initial=st.sampled_from([None, 0.0, 4.0]),
)
def test_rows_and_regimes_are_those_of_a_loop(seed: int, alpha: float, l_max: int, initial: float | None) -> None:
    frame = table(seed)
    adstocks = {"tv": Adstock(alpha=alpha, l_max=l_max, initial=initial), "web": Adstock("delayed", 0.4, 1.0, 3)}
    found = carry_over(read(frame), {a: (item,) for a, item in adstocks.items()})
    expected = by_loop(frame, adstocks)
    kept = expected[expected["fate"] == ""]
    for batch in found.batches():
        rows = kept[kept["regime"] == batch.regime.label].sort_values(["geo", "week"])
        got = np.column_stack([batch.variables, batch.outcome])
        want = rows[["tv", "web", "season", "y"]].to_numpy()
        np.testing.assert_allclose(got[np.argsort(got[:, 3])], want[np.argsort(want[:, 3])], atol=1e-12)
    assert found.n_rows == len(kept)
    assert found.carried is not None
    counts = found.carried.rows.groupby("became")["rows"].sum()
    assert counts.sum() == len(frame)
    assert counts.get(FIRST, 0) == (expected["fate"] == FIRST).sum()
    assert counts.get(WASH, 0) == (expected["fate"] == WASH).sum()


def test_nothing_leaks_from_series_to_series() -> None:
    frame = table(3)
    adstock = {"tv": (Adstock(alpha=0.7, l_max=4, initial=0.0),)}
    alone = [carry_over(read(frame[frame["geo"] == geo]), adstock) for geo in ("g0", "g1", "g2")]
    together = carry_over(read(frame), adstock)
    want = sorted(np.concatenate([b.variables[:, 0] for data in alone for b in data.batches()]))
    np.testing.assert_allclose(sorted(np.concatenate([b.variables[:, 0] for b in together.batches()])), want)


def test_a_steady_spend_is_its_own_carry_over() -> None:
    frame = table(1).assign(tv=lambda t: np.where(t["geo"] == "g0", 7.0, 3.0))
    found = carry_over(read(frame), {"tv": (Adstock(alpha=0.6, l_max=5),)})
    values = np.concatenate([batch.variables[:, 0] for batch in found.batches()])
    assert {round(value, 9) for value in values} == {7.0, 3.0}


def test_weights_on_this_week_alone_change_nothing() -> None:
    data = read(table())
    found = carry_over(data, {"tv": (Adstock(alpha=0.0, l_max=1),), "web": (Adstock(alpha=0.0, l_max=1),)})
    assert found.regimes == data.regimes
    for regime, profile in data.profiles.items():
        np.testing.assert_allclose(found.profiles[regime].mean, profile.mean)
        np.testing.assert_allclose(found.profiles[regime].sd, profile.sd)


def test_washing_rows_may_keep_the_label_of_their_week() -> None:
    frame = table()
    data = read(frame)
    dropped = carry_over(data, {"tv": (Adstock(alpha=0.6, l_max=4, initial=1.0),)})
    kept = carry_over(data, {"tv": (Adstock(alpha=0.6, l_max=4, initial=1.0, wash="label"),)})
    assert dropped.n_rows < kept.n_rows == len(frame)
    assert {r.label: p.rows for r, p in kept.profiles.items()} == frame["regime"].value_counts().to_dict()


def test_rows_that_are_left_out_still_carry_over() -> None:
    frame = table()
    adstock = {"tv": (Adstock(alpha=0.5, l_max=3),)}
    whole = carry_over(read(frame), adstock)
    without = carry_over(read(frame, exclude=["do(web)"]), adstock)
    assert without.n_rows < whole.n_rows
    label = next(r for r in without.regimes if r.label == "do(tv)")
    np.testing.assert_allclose(without.profiles[label].mean, whole.profiles[label].mean)
    # What an unknown label set is not known, nor the regime of the weeks after it.
    renamed = frame.assign(regime=frame["regime"].replace({"do(web)": "closed shops"}))
    unknown = carry_over(read(renamed, exclude=["closed shops"]), adstock)
    assert unknown.n_rows < without.n_rows


def test_labels_of_covariates_keep_their_codes() -> None:
    frame = table().assign(season=lambda t: np.where(t["week"] % 2, "odd", "even"))
    found = carry_over(read(frame), {"tv": (Adstock(alpha=0.5, l_max=3),)})
    assert found.categories == {"season": ("even", "odd")}
    profile = next(iter(found.profiles.values()))
    assert np.isnan(profile.mean[2])
    assert set(profile.sample[:, 2]) == {0.0, 1.0}


def test_saturation_alone_needs_no_time() -> None:
    data = read(table(), time=None, unit=None)
    found = carry_over(data, {"tv": (Saturation("michaelis_menten", lam=3.0),)})
    assert found.profiles == data.profiles
    assert found.carried is not None


@pytest.mark.parametrize(
    ("options", "transforms", "match"),
    [
        ({"time": None, "unit": None}, {"tv": (Adstock(alpha=0.5),)}, r"time='week'"),
        ({}, {"radio": (Adstock(alpha=0.5),)}, "not an action"),
        ({}, {"tv": (Adstock(alpha=0.5, l_max=50),)}, "the longest series has 26 rows"),
        ({}, {"tv": (Adstock(alpha=0.9, l_max=26),)}, "no row is left after carry-over"),
    ],
)
def test_rows_that_cannot_be_carried_over(options: Any, transforms: Any, match: str) -> None:
    with pytest.raises((DataError, SpecError), match=match):
        carry_over(read(table(), **options), transforms)


def test_labels_and_negative_spends_are_refused() -> None:
    frame = table()
    with pytest.raises(SpecError, match="holds labels"):
        carry_over(read(frame.assign(tv=["a", "b"] * (len(frame) // 2) + ["a"])), {"tv": (Adstock(alpha=0.5),)})
    with pytest.raises(SpecError, match="below zero"):
        carry_over(read(frame.assign(tv=-frame["tv"])), {"tv": (Saturation("logistic", lam=1.0),)})
