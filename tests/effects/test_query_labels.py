"""Indexes and categories of questions come back with the answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bayes_ivgen import Fit, InterventionModel
from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects import parse_queries
from bayes_ivgen.effects.estimate import Estimate
from bayes_ivgen.errors import QueryError

CAMPAIGNS = pd.Index(["spring", "autumn", "winter"], name="campaign")
SIZES = {"size": ("small", "medium", "large")}


def estimate_of(frame: pd.DataFrame) -> Estimate:
    """Return an estimate whose draws are 0, 1, 2, ... for the queries."""
    support = pd.DataFrame({"supported": [True] * len(frame), "reason": [""] * len(frame)})

    def evaluate(block: slice) -> np.ndarray:
        return np.broadcast_to(np.arange(len(frame), dtype=float)[block], (2, 5, len(frame[block])))

    return Estimate("effect", "E[y]", frame, support, str, 2, 5, evaluate)


@pytest.fixture(scope="module")
def fit(small_data: RegimeData) -> Fit:
    return InterventionModel().fit(small_data, draws=60, chains=2, tune=400, seed=0, cores=1)


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
def test_answers_keep_the_index_of_the_question(fit: Fit) -> None:
    asked = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [0.0, 0.5, 1.0]}, index=CAMPAIGNS)
    effect = fit.effect(do=asked)
    pd.testing.assert_index_equal(effect.summary().index, CAMPAIGNS)
    assert list(effect.draws["query"].values) == list(CAMPAIGNS)
    assert effect.draws["query"].attrs["long_name"] == "campaign"
    plain = fit.effect(do=asked.reset_index(drop=True)).draws
    np.testing.assert_array_equal(effect.draws.sel(query="autumn"), plain.sel(query=1))
    # one row that stands for all has no say
    seen = fit.effect(do=asked[["a"]], given=pd.DataFrame({"b": [0.5]}, index=["elsewhere"]))
    pd.testing.assert_index_equal(seen.summary().index, CAMPAIGNS)
    versus = fit.contrast(do=asked, versus={"a": 0.0, "b": 0.0})
    pd.testing.assert_index_equal(versus.summary().index, CAMPAIGNS)
    assert list(versus.draws.sel(query="winter")["versus_a"].values.ravel()) == [0.0]


def test_the_index_of_series_is_kept() -> None:
    table = pd.DataFrame({"tv": [1.0, 2.0, 3.0, 4.0]})
    late = table[table["tv"] > 2]
    assert list(parse_queries(["tv"], {"tv": late["tv"]}).to_frame().index) == [2, 3]


def test_labels_that_stand_twice_stay_apart() -> None:
    asked = pd.DataFrame({"tv": [1.0, 2.0]}, index=["spring", "spring"])
    estimate = estimate_of(parse_queries(["tv"], asked).to_frame())
    assert list(estimate.summary()["mean"]) == [0.0, 1.0]
    assert list(estimate.summary().index) == ["spring", "spring"]


def test_levels_of_an_index_become_coordinates() -> None:
    index = pd.MultiIndex.from_tuples([("north", 1), ("south", 2)], names=["region", "week"])
    frame = parse_queries(["tv"], pd.DataFrame({"tv": [1.0, 2.0]}, index=index)).to_frame()
    draws = estimate_of(frame).draws
    assert list(draws["region"].values) == ["north", "south"]
    assert float(draws.set_index(query=["region", "week"]).sel(region="south").mean()) == 1.0
    pd.testing.assert_index_equal(estimate_of(frame).summary().index, index)


@pytest.mark.parametrize(("names", "shown"), [(["region", None], "None"), (["tv", "week"], "'tv'")])
def test_levels_without_a_name_of_their_own_are_refused(names: list[str | None], shown: str) -> None:
    index = pd.MultiIndex.from_tuples([("north", 1), ("south", 2)], names=names)
    asked = pd.DataFrame({"tv": [1.0, 2.0]}, index=index)
    with pytest.raises(QueryError, match=rf"has a level named {shown}.*rename_axis"):
        _ = estimate_of(parse_queries(["tv"], asked).to_frame()).draws
    renamed = asked.rename_axis(["region", "week"])
    assert "week" in estimate_of(parse_queries(["tv"], renamed).to_frame()).draws.coords


def test_different_indexes_are_refused() -> None:
    do = pd.DataFrame({"tv": [1.0, 2.0, 3.0]}, index=CAMPAIGNS)
    seen = pd.DataFrame({"web": [1.0, 2.0, 3.0]}, index=CAMPAIGNS[[0, 2, 1]])
    with pytest.raises(QueryError, match=r"do and given have different indexes: query 1 is 'autumn' .* 'winter'"):
        parse_queries(["tv", "web"], do, seen)
    assert len(parse_queries(["tv", "web"], do, seen.loc[do.index])) == 3
    assert len(parse_queries(["tv", "web"], do, seen.reset_index(drop=True))) == 3


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
def test_sides_of_a_contrast_with_different_indexes_are_refused(fit: Fit) -> None:
    do = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": 0.0}, index=CAMPAIGNS)
    with pytest.raises(QueryError, match="do and versus have different indexes"):
        fit.contrast(do=do, versus=do.iloc[::-1])
    assert len(fit.contrast(do=do, versus=do.iloc[::-1].loc[do.index])) == 3


@pytest.mark.parametrize(
    "asked",
    [
        pd.DataFrame({"size": pd.Categorical(["large", "small"], SIZES["size"], ordered=True)}),
        pl.DataFrame({"size": ["large", "small"]}).with_columns(pl.col("size").cast(pl.Enum(SIZES["size"]))),
        pa.table({"size": pa.DictionaryArray.from_arrays([2, 0], list(SIZES["size"]), ordered=True)}),
        {"size": pd.Categorical(["large", "small"], SIZES["size"], ordered=True)},
    ],
    ids=["pandas", "polars", "pyarrow", "mapping"],
)
def test_categories_come_back_with_their_order(asked: Any) -> None:
    estimate = estimate_of(parse_queries(["size"], asked, categories=SIZES).to_frame())
    column = estimate.summary()["size"]
    assert list(column) == ["large", "small"]
    assert column.dtype == pd.CategoricalDtype(SIZES["size"], ordered=True)
    assert list(estimate.summary().sort_values("size")["mean"]) == [1.0, 0.0]
    assert estimate.to_frame("polars").schema["size"] == pl.Enum(SIZES["size"])
    kept = estimate.to_frame("pyarrow").schema.field("size").type
    assert kept.ordered
    assert pa.types.is_dictionary(kept)


def test_text_stays_text_and_unknown_levels_are_named() -> None:
    frame = parse_queries(["size"], {"size": ["large", "small"]}, categories=SIZES).to_frame()
    assert not isinstance(frame["size"].dtype, pd.CategoricalDtype)
    wrong = pd.DataFrame({"size": pd.Categorical(["huge", "small"], ["small", "huge"])})
    with pytest.raises(
        QueryError, match=r"'huge', which is not one of its levels. They are 'small', 'medium', 'large'"
    ):
        parse_queries(["size"], wrong, categories=SIZES)


def test_frames_without_an_index_get_the_labels_as_a_column() -> None:
    asked = pd.DataFrame({"tv": [1.0, 2.0, 3.0]}, index=CAMPAIGNS)
    estimate = estimate_of(parse_queries(["tv"], asked).to_frame())
    found = estimate.to_frame("polars")
    assert isinstance(found, pl.DataFrame)
    assert found["campaign"].to_list() == list(CAMPAIGNS)
    assert found["mean"].to_list() == [0.0, 1.0, 2.0]
    counted = estimate_of(parse_queries(["tv"], asked.reset_index(drop=True)).to_frame())
    assert counted.to_frame("pyarrow").column_names[0] == "tv"
    pd.testing.assert_frame_equal(estimate.to_frame(), estimate.summary())
    with pytest.raises(QueryError, match="backend='duckdb' is not known; valid are 'pandas', 'polars' and 'pyarrow'"):
        estimate.to_frame("duckdb")


def test_a_backend_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    estimate = estimate_of(parse_queries(["tv"], {"tv": [1.0, 2.0]}).to_frame())
    monkeypatch.setattr("bayes_ivgen.effects.backends.find_spec", lambda name: None)
    with pytest.raises(QueryError, match=r"needs the package polars, .* pip install 'bayes-ivgen\[polars\]'"):
        estimate.to_frame("polars")
