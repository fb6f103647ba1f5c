"""Rows with missing values are refused with counts, or left out with a warning, from every source alike."""

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

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataError, DataWarning

NAMES: Any = {"outcome": "y", "actions": ["tv", "offer"], "covariates": ["x"], "weights": "n"}


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.normal(size=n), "tv": rng.normal(size=n), "x": rng.normal(size=n)})
    return frame.assign(offer=np.resize(["A", "B"], n), n=2.0, regime=np.resize(["obs", "do(tv)", "do(offer)"], n))


def with_gaps() -> pd.DataFrame:
    """Seven gaps in six rows: 3, 10, 11, 20, 30 and 59."""
    frame = table()
    frame.loc[[10, 11], "y"] = np.nan
    frame.loc[[11, 20], "tv"] = np.nan
    frame.loc[3, "offer"] = None
    frame.loc[30, "x"] = np.nan
    frame.loc[59, "n"] = np.nan
    return frame


COUNTS = "6 of 60 rows have missing values ('tv' 2, 'offer' 1, 'x' 1, 'y' 2, 'n' 1)"


def files(frame: pd.DataFrame, folder: Path, ending: str, **options: Any) -> RegimeData:
    for i in range(3):
        part = frame[20 * i : 20 * i + 20]
        path = folder / f"{i}.{ending}"
        part.to_parquet(path) if ending == "parquet" else part.to_csv(path, index=False)
    read = RegimeData.from_parquet if ending == "parquet" else RegimeData.from_csv
    return read(str(folder / f"*.{ending}"), **NAMES, **options)


FORMS: dict[str, Callable[..., RegimeData]] = {
    "pandas": lambda frame, _, **options: RegimeData.from_frame(frame, **NAMES, **options),
    "pandas, nullable": lambda f, _, **options: RegimeData.from_frame(f.convert_dtypes(), **NAMES, **options),
    "polars": lambda frame, _, **options: RegimeData.from_frame(pl.from_pandas(frame), **NAMES, **options),
    "polars, NaN": lambda frame, _, **options: RegimeData.from_frame(
        pl.from_pandas(frame, nan_to_null=False), **NAMES, **options),
    "pyarrow": lambda frame, _, **options: RegimeData.from_frame(pa.Table.from_pandas(frame), **NAMES, **options),
    "parquet": lambda frame, folder, **options: files(frame, folder, "parquet", **options),
    "csv": lambda frame, folder, **options: files(frame.fillna({"offer": ""}), folder, "csv", **options),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_refused_with_counts_and_dropped_on_demand(form: str, tmp_path: Path) -> None:
    frame = with_gaps()
    if form == "csv":  # an empty field of text is an empty text there
        frame = frame.assign(offer=table()["offer"])
        frame.loc[3, "x"] = np.nan
    counts = COUNTS if form != "csv" else "6 of 60 rows have missing values ('tv' 2, 'x' 2, 'y' 2, 'n' 1)"
    with pytest.raises(DataError, match=re.escape(counts)) as caught:
        FORMS[form](frame, tmp_path)
    assert re.search(r"column 'tv' of .* is missing \(NaN\) in row 11; drop or fill", str(caught.value)) or re.search(
        r"column '(offer|x|y)' of .* is missing \(NaN\) in row (3|10);", str(caught.value)
    )
    with pytest.warns(DataWarning, match=re.escape(counts)):
        dropped = FORMS[form](frame, tmp_path, missing="drop")  # as the message says
    expected = RegimeData.from_frame(table().drop(index=[3, 10, 11, 20, 30, 59]), **NAMES)
    assert dropped.n_rows == expected.n_rows == 54
    assert dropped.categories == expected.categories
    for regime, profile in expected.profiles.items():
        np.testing.assert_allclose(dropped.profiles[regime].sample, profile.sample)
    assert sum(len(batch.outcome) for batch in dropped.batches(7)) == 54


@pytest.mark.parametrize("form", ["pandas", "polars", "parquet"])
def test_missing_regime_labels(form: str, tmp_path: Path) -> None:
    frame = table()
    frame.loc[7, "regime"] = None
    message = "the regime column 'regime' of .* is missing in row 7; label every row.* or pass missing='drop'"
    with pytest.raises(DataError, match=message):
        FORMS[form](frame, tmp_path)
    with pytest.warns(DataWarning, match=r"1 of 60 rows has missing values \('regime' 1\)"):
        assert FORMS[form](frame, tmp_path, missing="drop").n_rows == 59


def test_frames_by_regime_are_counted_together() -> None:
    frames = dict(list(with_gaps().drop(columns="regime").groupby(with_gaps()["regime"])))
    with pytest.raises(DataError, match=re.escape("6 of 60 rows have missing values")):
        RegimeData.from_frames(frames, **NAMES)
    with pytest.warns(DataWarning, match="6 of 60 rows"):
        assert RegimeData.from_frames(frames, **NAMES, missing="drop").n_rows == 54


def test_no_warning_where_nothing_is_missing() -> None:
    assert RegimeData.from_frame(table(), **NAMES, missing="drop").n_rows == 60  # warnings are errors here


def test_a_column_without_a_value_leaves_no_row() -> None:
    for kind in (float, object):
        empty = table().assign(tv=pd.Series(np.nan, range(60), dtype=kind))
        with pytest.warns(DataWarning), pytest.raises(DataError, match=r"no row is left: 60 of 60 rows .*'tv' 60"):
            RegimeData.from_frame(empty, **NAMES, missing="drop")


def test_infinite_values_and_unknown_words_are_refused_all_the_same() -> None:
    bad = with_gaps()
    bad.loc[2, "tv"] = np.inf
    with pytest.raises(DataError, match="column 'tv' of the frame is inf in row 2"):
        RegimeData.from_frame(bad, **NAMES, missing="drop")
    with pytest.raises(DataError, match="missing='fill' is not known; valid are 'refuse' and 'drop'"):
        RegimeData.from_frame(table(), **NAMES, missing="fill")  # type: ignore[arg-type]
