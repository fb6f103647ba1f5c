"""Rows that come later, and rows that stay on another machine, give the posterior of all rows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg
from bayes_ivgen import Fit, InterventionModel, RegimeData, RowSummary
from bayes_ivgen.errors import DataError, DataWarning, SpecError, StorageError
from bayes_ivgen.simulate import media_mix
from bayes_ivgen.statistics import accumulate

QUICK: dict[str, Any] = {"draws": 150, "chains": 2, "tune": 100, "cores": 1, "seed": 3, "progressbar": False}
WORLD = media_mix(2, seed=1)


def read(rows: pd.DataFrame, **options: Any) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"], **options)


def fitted(data: RegimeData, model: InterventionModel | None = None, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (model or InterventionModel()).fit(data, **{**QUICK, **options})


def updated(fit: Fit, added: Any, **options: Any) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ivg.errors.ConvergenceWarning)
        warnings.filterwarnings("always", "the added rows reach")
        return fit.update(added, **{**QUICK, **options})


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return WORLD.sample_regimes(WORLD.standard_regimes(400), seed=1).sample(frac=1.0, random_state=0)


@pytest.fixture(scope="module")
def halves(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return rows.iloc[:700], rows.iloc[700:]


@pytest.fixture(scope="module")
def first(halves: tuple[pd.DataFrame, pd.DataFrame]) -> Fit:
    return fitted(read(halves[0]))


@pytest.fixture(scope="module")
def both(first: Fit, halves: tuple[pd.DataFrame, pd.DataFrame]) -> Fit:
    return updated(first, read(halves[1]))


def test_the_sums_are_those_of_all_rows(first: Fit, both: Fit, rows: pd.DataFrame) -> None:
    expected = accumulate(read(rows), first.design)
    assert both.statistics.regimes == expected.regimes
    for name in ("rows", "gram", "cross", "squares"):
        found, whole = getattr(both.statistics, name), getattr(expected, name)
        np.testing.assert_allclose(found, whole, rtol=1e-10, atol=1e-10 * np.abs(whole).max())
    assert first.statistics.rows.sum() == 700


def test_what_is_no_sum_is_that_of_all_rows_too(both: Fit, rows: pd.DataFrame) -> None:
    whole = read(rows)
    for regime, profile in both.profiles.profiles.items():
        expected = whole.profiles[regime]
        assert profile.rows == expected.rows
        for name in ("mean", "sd", "low", "high"):
            np.testing.assert_allclose(getattr(profile, name), getattr(expected, name), rtol=1e-12)
        np.testing.assert_array_equal(np.sort(profile.sample, axis=0), np.sort(expected.sample, axis=0))
    assert int(both.datatree["observed_data"]["rows"].sum()) == len(rows)


def test_the_posterior_is_that_of_one_fit(first: Fit, both: Fit, rows: pd.DataFrame) -> None:
    do = {"tv": [20.0, 40.0, 80.0], "web": [20.0, 30.0, 50.0]}
    one = fitted(read(rows), draws=600).effect(do=do).summary(0.9)
    two = updated(first, read(rows.iloc[700:]), draws=600).effect(do=do).summary(0.9)
    # The two have their own knots, from 700 and from 1200 rows: same posterior up to the basis.
    np.testing.assert_allclose(two["mean"], one["mean"], atol=0.35 * one["sd"].max())
    np.testing.assert_allclose(two["sd"], one["sd"], rtol=0.3)
    assert two["sd"].mean() < first.effect(do=do).summary(0.9)["sd"].mean()


def test_a_loaded_fit_is_updated_to_the_same_draws(
    first: Fit, both: Fit, halves: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    again = updated(ivg.load(first.save(tmp_path / "first.zarr")), read(halves[1]))
    np.testing.assert_array_equal(again.datatree["posterior"]["beta"], both.datatree["posterior"]["beta"])


def test_a_regime_that_was_not_there_before_joins(first: Fit) -> None:
    joint = WORLD.sample_regimes({"do(tv,web)": 300}, seed=5)
    data = read(pd.concat([joint, WORLD.sample_regimes({"obs": 50}, seed=6)]))
    fit = updated(first, data)
    assert [regime.label for regime in fit.regimes] == ["obs", "do(tv)", "do(web)", "do(tv,web)"]
    assert fit.statistics.rows[3] == 300
    assert fit.effect(do={"tv": 20.0, "web": 20.0}).summary()["supported"].all()


def test_rows_stay_where_they_are(
    first: Fit, both: Fit, halves: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    design = first.save_design(tmp_path / "design.json")
    summary = RowSummary.of(read(halves[1]), design)  # on the machine that holds the rows
    path = summary.save(tmp_path / "summary.zarr")
    assert "500 rows" in repr(summary)
    assert sum(len(profile.sample) for profile in RowSummary.load(path).facts.profiles.values()) == 0
    fit = updated(first, path)
    np.testing.assert_array_equal(fit.statistics.gram, both.statistics.gram)
    assert int(fit.datatree["observed_data"]["rows"].sum()) == 1200
    np.testing.assert_array_equal(fit.datatree["posterior"]["beta"], both.datatree["posterior"]["beta"])


def test_summaries_add_up(first: Fit, halves: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    pieces = [RowSummary.of(read(part), first) for part in (halves[1].iloc[:250], halves[1].iloc[250:])]
    whole = RowSummary.of(read(halves[1]), first)
    total = pieces[0] + pieces[1]
    assert total.n_rows == 500
    np.testing.assert_allclose(total.statistics.gram, whole.statistics.gram, rtol=1e-9, atol=1e-9)


def labelled(seed: int, levels: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"regime": np.repeat(["obs", "do(a)", "do(b)"], 80)})
    frame["a"], frame["b"] = rng.choice(levels, 240), rng.normal(size=240)
    frame["y"] = frame["b"] + (frame["a"] == "hot") + rng.normal(size=240)
    return frame


def test_labels_keep_the_codes_of_the_fit() -> None:
    def table(seed: int, levels: list[str]) -> tuple[pd.DataFrame, RegimeData]:
        frame = labelled(seed, levels)
        return frame, RegimeData.from_frame(frame, outcome="y", actions=["a", "b"])

    (one, before), (two, added) = table(0, ["cold", "hot", "mild"]), table(1, ["hot", "mild"])
    fit = fitted(before)
    whole = RegimeData.from_frame(pd.concat([one, two]), outcome="y", actions=["a", "b"])
    found, expected = updated(fit, added).statistics, accumulate(whole, fit.design)
    np.testing.assert_allclose(found.gram, expected.gram, rtol=1e-9, atol=1e-9)
    with pytest.raises(DataError, match=r"label 'warm', which no row had before .*fit all\s+rows together"):
        fit.update(table(2, ["hot", "warm"])[1], **QUICK)


def test_other_columns_are_refused(first: Fit, rows: pd.DataFrame) -> None:
    renamed = rows.rename(columns={"sales": "visits"})
    other = RegimeData.from_frame(renamed, outcome="visits", actions=["tv", "web"])
    with pytest.raises(DataError, match=r"outcome=visits, those before outcome=sales.*same names"):
        first.update(other, **QUICK)
    swapped = RegimeData.from_frame(rows, outcome="sales", actions=["web", "tv"])
    with pytest.raises(DataError, match="in the order \\['web', 'tv'\\], before in \\['tv', 'web'\\]"):
        first.update(swapped, **QUICK)
    with pytest.raises(SpecError, match="added is a DataFrame; pass RegimeData"):
        first.update(rows, **QUICK)


def test_a_summary_in_other_columns_is_refused_and_the_advice_works(
    first: Fit, halves: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    other = fitted(read(halves[1]))
    with pytest.raises(SpecError, match=r"columns of another fit.*fit.save_design\(path\)"):
        other.update(RowSummary.of(read(halves[0]), first), **QUICK)
    right = RowSummary.of(read(halves[0]), other.save_design(tmp_path / "other.json"))
    assert updated(other, right).statistics.rows.sum() == 1200
    with pytest.raises(SpecError, match="columns of another fit"):
        _ = right + RowSummary.of(read(halves[0]), first)


def test_a_regime_known_by_sums_only_is_refused(first: Fit) -> None:
    joint = read(
        pd.concat([WORLD.sample_regimes({"do(tv,web)": 60}, seed=5), WORLD.sample_regimes({"obs": 20}, seed=6)])
    )
    with pytest.raises(SpecError, match=r"'do\(tv,web\)' has rows in the summary only.*fit.update\(data\) first"):
        first.update(RowSummary.of(joint, first), **QUICK)
    assert updated(updated(first, joint), RowSummary.of(joint, first)).statistics.rows[3] == 120


def test_what_has_no_sums_is_refused(rows: pd.DataFrame) -> None:
    weighted = fitted(read(rows), InterventionModel(weights="variance"))
    with pytest.raises(SpecError, match=r"weights='variance' cannot be updated.*weights=None"):
        weighted.update(read(rows), **QUICK)


def test_rows_far_beyond_are_told(first: Fit, rows: pd.DataFrame) -> None:
    far = rows.assign(tv=rows["tv"] * 3)
    with pytest.warns(DataWarning, match="'tv', those before from .* beyond them curves are straight"):
        updated(first, read(far))


def test_files_that_are_something_else_are_refused(first: Fit, rows: pd.DataFrame, tmp_path: Path) -> None:
    data = read(rows)
    with pytest.raises(StorageError, match=r"there is no file .*fit.save_design\(path\)"):
        RowSummary.of(data, tmp_path / "none.json")
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(StorageError, match="is not a design of bayes_ivgen"):
        RowSummary.of(data, wrong)
    with pytest.raises(StorageError, match=r"there is no summary at .*summary.save\(path\)"):
        RowSummary.load(tmp_path / "none.zarr")
    with pytest.raises(StorageError, match="is not a summary of rows"):
        RowSummary.load(first.save(tmp_path / "fit.zarr"))
    with pytest.raises(SpecError, match="design is a int; pass a fit"):
        RowSummary.of(data, 3)  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="cannot be written"):
        first.save_design(tmp_path / "no" / "folder.json")
    assert not (tmp_path / "no").exists()


def test_fits_of_earlier_versions_say_what_they_lack(first: Fit) -> None:
    tree = first.datatree.copy()
    del tree["profiles"]
    with pytest.raises(StorageError, match=r"earlier version.*fit the rows again"):
        _ = Fit(tree).profiles
