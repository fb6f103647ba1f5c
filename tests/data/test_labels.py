"""Columns of labels: the same codes from every source, their order, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.labels import codes_of
from bayes_ivgen.errors import DataError

ACTIONS = ["offer", "size", "promo", "price"]
SIZES = ["small", "medium", "large"]


def table(n: int = 120, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "offer": np.resize(["B", "none", "A"], n),
            "size": pd.Categorical(np.resize(["large", "small", "medium", "small"], n), [*SIZES, "huge"], ordered=True),
            "promo": rng.random(n) < 0.4,
            "price": rng.choice([1.0, 1.5, 2.0], n),
            "y": rng.normal(size=n),
            "regime": np.resize(["obs", "do(offer)"], n),
        }
    )


def read(frame: Any, **options: Any) -> RegimeData:
    return RegimeData.from_frame(frame, outcome="y", actions=ACTIONS, **options)


def parquet(frame: pd.DataFrame, folder: Path) -> RegimeData:
    frame.to_parquet(folder / "rows.parquet", row_group_size=7)
    return RegimeData.from_parquet(folder / "rows.parquet", outcome="y", actions=ACTIONS)


def parts(frame: pd.DataFrame, folder: Path) -> RegimeData:
    for i in range(4):  # the first files lack some labels
        frame.sort_values("offer", ascending=False)[30 * i : 30 * i + 30].to_parquet(folder / f"{i}.parquet")
    return RegimeData.from_parquet(folder / "*.parquet", outcome="y", actions=ACTIONS)


def in_polars(frame: pd.DataFrame) -> pl.DataFrame:
    converted = pl.from_pandas(frame.astype({"size": str}))
    return converted.with_columns(pl.col("size").cast(pl.Enum(SIZES)), pl.col("offer").cast(pl.Categorical))


FORMS: dict[str, Callable[[pd.DataFrame, Path], RegimeData]] = {
    "pandas": lambda frame, _: read(frame),
    "pandas, object": lambda frame, _: read(frame.astype({"offer": object, "promo": object})),
    "pandas, categories": lambda frame, _: read(frame.astype({"offer": "category", "promo": "category"})),
    "polars": lambda frame, _: read(in_polars(frame)),
    "polars, lazy": lambda frame, _: read(in_polars(frame).lazy()),
    "pyarrow": lambda frame, _: read(pa.Table.from_pandas(frame)),
    "frames": lambda frame, _: RegimeData.from_frames(
        dict(list(frame.groupby("regime"))), outcome="y", actions=ACTIONS),
    "parquet": parquet,
    "many files": parts,
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_source_gives_the_same_codes(form: str, tmp_path: Path) -> None:
    frame = table()
    data = FORMS[form](frame, tmp_path)
    assert data.categories == {"offer": ("A", "B", "none"), "size": tuple(SIZES), "promo": (False, True)}
    assert [data.label_sets[name].ordered for name in data.categories] == [False, True, False]
    rows = np.concatenate([np.column_stack([batch.variables, batch.outcome]) for batch in data.batches(11)])
    rows = rows[np.argsort(rows[:, -1])]
    expected = frame.sort_values("y")
    for k, name in enumerate(data.categories):
        labels = np.array(data.categories[name], dtype=object)
        assert labels[rows[:, k].astype(int)].tolist() == expected[name].tolist()
    np.testing.assert_array_equal(rows[:, 3], expected["price"])
    for regime, profile in data.profiles.items():
        assert [len(profile.levels[k]) for k in range(4)] == [3, len(profile.levels[1]), 2, 3]  # type: ignore[arg-type]
        own = np.concatenate([batch.variables for batch in data.batches() if batch.regime == regime])
        np.testing.assert_array_equal(np.sort(profile.sample[:, 0]), np.sort(own[:, 0]))


def test_labels_in_a_csv_file(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "rows.csv", index=False)
    data = RegimeData.from_csv(tmp_path / "rows.csv", outcome="y", actions=ACTIONS)
    assert data.categories["offer"] == ("A", "B", "none")
    assert data.categories["promo"] == (False, True)
    assert data.categories["size"] == ("large", "medium", "small")  # a CSV file knows no order


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    frame = table()
    one, two = read(frame), read(frame.sample(frac=1, random_state=seed))
    assert one.categories == two.categories
    for regime, profile in one.profiles.items():
        np.testing.assert_array_equal(np.sort(profile.sample, axis=0), np.sort(two.profiles[regime].sample, axis=0))


def test_numbers_stay_numbers_and_categories_of_numbers_are_labels() -> None:
    frame = table()
    assert "price" not in read(frame).categories
    assert read(frame.astype({"price": "category"})).categories["price"] == (1.0, 1.5, 2.0)
    whole = read(frame.assign(price=pd.Categorical(frame["price"] * 2))).categories["price"]
    assert whole == (2.0, 3.0, 4.0)


def test_summary_has_no_moments_of_labels() -> None:
    found = read(table()).summary().loc["obs"]
    assert found.loc[["offer", "size", "promo"], ["mean", "sd", "low", "high"]].isna().all(axis=None)
    assert found.loc["price", ["mean", "low"]].notna().all()
    assert found["levels"].tolist()[:4] == [3, 2, 2, 3]


def test_labels_of_rows_that_are_left_out_do_not_count() -> None:
    frame = table()
    frame.loc[frame["regime"] == "do(offer)", "offer"] = "C"
    frame.loc[0, "regime"] = "do(price)"
    assert read(frame).categories["offer"] == ("A", "B", "C", "none")
    kept = read(frame, exclude=["do(offer)"])
    assert kept.categories["offer"] == ("A", "B", "none")
    assert sum(len(batch.outcome) for batch in kept.batches(5)) == kept.n_rows


def wrong_type(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(offer=pd.cut(frame["price"], [0, 1.2, 3]))


REFUSED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "intervals": (
        wrong_type,
        r"holds the label Interval\(.*labels must be text, numbers or booleans\. Convert them, with .cat.rename_cat",
        lambda bad: bad.assign(offer=bad["offer"].cat.rename_categories(str)),
    ),
    "numbers as text": (
        lambda frame: frame.assign(offer=frame["price"].astype(str)),
        r"column 'offer' holds strings that read as numbers, such as '1.\d'. Convert it to numbers, with .astype",
        lambda bad: bad.astype({"offer": float}),
    ),
    "numbers as text, meant as labels": (
        lambda frame: frame.assign(offer=np.where(frame["price"] > 1, "1", frame["offer"])),
        "or, if they are mere labels, to categories",
        lambda bad: bad.astype({"offer": "category"}),
    ),
    "too many": (
        lambda frame: frame.assign(offer=[f"user {i}" for i in range(len(frame))]),
        "column 'offer' holds more than 64 different labels.* merge rare labels",
        lambda bad: bad.assign(offer=bad["offer"].str[:6]),
    ),
    "one label": (
        lambda frame: frame.assign(offer="A"),
        "action 'offer' is 'A' in every row of every regime; nothing can be learned about it",
        lambda bad: bad.assign(offer=np.resize(["A", "B"], len(bad))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_labels_that_are_refused_until_they_are_mended(case: str) -> None:
    spoil, message, mend = REFUSED[case]
    bad = spoil(table())
    with pytest.raises(DataError, match=message):
        read(bad)
    assert read(mend(bad)).n_rows == len(bad)


def test_orders_that_contradict_each_other() -> None:
    frames = {"obs": table(), "do(offer)": table(seed=1)}
    frames["do(offer)"]["size"] = frames["do(offer)"]["size"].cat.reorder_categories(
        ["large", "small", "huge", "medium"], ordered=True
    )
    options: Any = {"outcome": "y", "actions": ACTIONS}
    message = re.escape("an ordered category ['large', 'small', 'huge', 'medium'], but ['small', 'medium', 'large', ")
    with pytest.raises(DataError, match=message):
        RegimeData.from_frames(frames, **options)
    frames["do(offer)"]["size"] = frames["do(offer)"]["size"].cat.reorder_categories([*SIZES, "huge"], ordered=True)
    assert RegimeData.from_frames(frames, **options).categories["size"] == tuple(SIZES)


@pytest.mark.parametrize("numbers_first", [True, False])
def test_numbers_in_one_frame_and_labels_in_another(numbers_first: bool) -> None:
    frames = [table(), table().assign(offer=lambda x: x["price"])]
    bad = dict(zip(["obs", "do(offer)"], frames[::-1] if numbers_first else frames, strict=True))
    options: Any = {"outcome": "y", "actions": ACTIONS}
    with pytest.raises(DataError, match=r"column 'offer' holds numbers in the frame of regime .* and labels elsewhere"):
        RegimeData.from_frames(bad, **options)
    mended = {label: frame.assign(offer=frame["offer"].astype(str).astype("category")) for label, frame in bad.items()}
    assert len(RegimeData.from_frames(mended, **options).categories["offer"]) == 6


def test_files_that_change_after_they_were_read(tmp_path: Path) -> None:
    path, options = tmp_path / "rows.csv", {"outcome": "y", "actions": ACTIONS}
    table().to_csv(path, index=False)
    data = RegimeData.from_csv(path, **options)
    table().assign(offer=lambda x: x["offer"].replace("A", "new")).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"rows.csv has changed since the data were built: .* build the data again"):
        list(data.batches())
    assert RegimeData.from_csv(path, **options).categories["offer"] == ("B", "new", "none")


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("B", [1]),
        (np.str_("B"), [1]),
        (["A", "B"], [0, 1]),
        (np.array(["B", "A"]), [1, 0]),
        (pd.Series(["B"]), [1]),
        (pl.Series(["A"]), [0]),
        (pa.array(["A"]), [0]),
        (pd.Categorical(["B"]), [1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_codes_of_anything_flat(value: Any, codes: list[float]) -> None:
    found, unknown = codes_of(value, ("A", "B"))
    assert found.tolist() == codes
    assert unknown is None


@pytest.mark.parametrize("value", ["C", 0, True, None, np.nan, ["A", "C"], [["A"]]], ids=repr)
def test_unknown_labels(value: Any) -> None:
    _, unknown = codes_of(value, ("A", "B"))
    assert unknown is not None
