"""Data without some of their regimes: the same as if their rows had never been read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Regime, RegimeData
from bayes_ivgen.data.selecting import read_regimes
from bayes_ivgen.errors import DataError

COUNTS = {"obs": 40, "do(a)": 30, "do(b)": 20, "do(a,b)": 10}


def rows_by_regime(data: RegimeData) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for batch in data.batches(7):
        found.setdefault(batch.regime.label, []).append(np.column_stack([batch.variables, batch.outcome]))
    return {label: np.concatenate(parts) for label, parts in found.items()}


@pytest.mark.parametrize("kind", ["frame", "parquet"])
def test_it_is_as_if_the_rows_had_never_been_there(kind: str, linear_rows: Any, tmp_path: Path) -> None:
    frame = linear_rows(COUNTS)
    kept = frame[~frame["regime"].isin(["do(b)", "do(a,b)"])]
    columns: dict[str, Any] = {"outcome": "y", "actions": ["a", "b"]}
    if kind == "frame":
        data, expected = RegimeData.from_frame(frame, **columns), RegimeData.from_frame(kept, **columns)
    else:
        for name, table in (("all", frame), ("kept", kept)):
            table.to_parquet(tmp_path / f"{name}.parquet", row_group_size=16)
        data = RegimeData.from_parquet(tmp_path / "all.parquet", **columns)
        expected = RegimeData.from_parquet(tmp_path / "kept.parquet", **columns)
    without = data.without(["do(b)", Regime(("a", "b"))])
    assert without.regimes == expected.regimes
    assert without.n_rows == 70
    pd.testing.assert_frame_equal(without.summary(), expected.summary())
    left, right = rows_by_regime(without), rows_by_regime(expected)
    assert left.keys() == right.keys()
    for label, rows in left.items():
        np.testing.assert_array_equal(rows, right[label])
        np.testing.assert_array_equal(without.profiles[Regime.parse(label, ["a", "b"])].sample, rows)
    assert data.n_rows == 100  # unchanged
    assert sum(len(batch.outcome) for part in without.parts(32) for batch in part.batches()) == 70


def test_labels_of_ones_own(linear_rows: Any) -> None:
    frame = linear_rows(COUNTS).replace({"regime": {"do(a)": "spring", "do(a,b)": "both"}})
    labels = {"spring": ["a"], "both": ["a", "b"]}
    data = RegimeData.from_frame(frame, outcome="y", actions=["a", "b"], regime_labels=labels)
    assert data.without("spring").regimes == data.without(["do(a)"]).regimes
    assert [regime.label for regime in data.without("spring").regimes] == ["obs", "do(b)", "do(a,b)"]
    assert rows_by_regime(data.without("spring")).keys() == {"obs", "do(b)", "do(a,b)"}
    assert read_regimes(data, ["spring", "do(a)"]) == (Regime(("a",)),)


def test_what_is_refused(linear_data: Any) -> None:
    data = linear_data({"obs": 30, "do(a)": 20})
    with pytest.raises(DataError, match=r"no rows of 'do\(b\)'; their regimes are \['obs', 'do\(a\)'\]"):
        data.without(["do(b)"])
    with pytest.raises(DataError, match=r"The regime label 'spring' cannot be read"):
        data.without(["spring"])
    with pytest.raises(DataError, match=r"no regime is left without \['obs', 'do\(a\)'\]"):
        data.without(data.regimes)
    assert data.without([]).regimes == data.regimes


def test_an_action_that_never_varies_in_the_rest() -> None:
    frame = pd.DataFrame({"a": [0.0, 0.0, 1.0, 2.0], "y": [1.0, 2.0, 3.0, 5.0], "regime": ["obs"] * 2 + ["do(a)"] * 2})
    data = RegimeData.from_frame(frame, outcome="y", actions=["a"])
    with pytest.raises(DataError, match="action 'a' is 0 in every row of every regime"):
        data.without("do(a)")
