"""Arguments of the readers: the same names everywhere, and none that `ReadOptions` would pass over."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from bayes_ivgen import RegimeData
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.in_order import Order
from bayes_ivgen.data.read_options import ReadOptions
from bayes_ivgen.errors import DataError

READERS = ("from_frame", "from_frames", "from_parquet", "from_csv", "from_dask")
TAKEN = {
    *(column.name for column in fields(ColumnNames)),
    "regime",
    "missing",
    "regime_labels",
    "exclude",
    "time",
    "unit",
}
BASE: dict[str, Any] = {
    "outcome": "y", "actions": ["a"], "covariates": [], "weights": None, "exposure": None, "dataset": None,
    "missing": "refuse",
}  # fmt: skip


def options_of(reader: str) -> dict[str, inspect.Parameter]:
    found = inspect.signature(getattr(RegimeData, reader)).parameters
    return {name: item for name, item in found.items() if item.kind is inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("reader", READERS)
def test_every_argument_of_a_reader_is_one_that_is_taken(reader: str) -> None:
    given = options_of(reader)
    assert set(given) - TAKEN <= {"checkpoint"}
    shared = options_of("from_frame")
    assert {name: item.default for name, item in given.items() if name != "checkpoint"} == {
        name: shared[name].default for name in given if name != "checkpoint"
    }


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("outcome", "z", "columns.outcome"),
        ("actions", ("b", "c"), "columns.actions"),
        ("covariates", ("x",), "columns.covariates"),
        ("weights", "w", "columns.weights"),
        ("exposure", "e", "columns.exposure"),
        ("dataset", "d", "columns.dataset"),
        ("regime", "phase", "regime"),
        ("missing", "drop", "missing"),
        ("regime_labels", {"test": ["a"]}, "regime_labels"),
        ("exclude", ["do(a)"], "exclude"),
        ("time", "week", "order.time"),
    ],
)
def test_every_argument_arrives(name: str, value: Any, place: str) -> None:
    found: Any = ReadOptions.of({**BASE, name: value, "cls": RegimeData, "path": "elsewhere"})
    for part in place.split("."):
        found = getattr(found, part)
    assert found == value


def test_what_is_common_to_all_readers_is_checked() -> None:
    assert ReadOptions.of({**BASE, "time": "week", "unit": "geo"}).order == Order("week", "geo")
    assert ReadOptions.of({**BASE, "time": "week", "unit": "geo"}).reader().also == ("week", "geo")
    with pytest.raises(DataError, match="pass both"):
        ReadOptions.of({**BASE, "unit": "geo"})
    with pytest.raises(DataError, match="regime column 'y' is also"):
        ReadOptions.of({**BASE, "regime": "y"})
    with pytest.raises(KeyError):
        ReadOptions.of({name: value for name, value in BASE.items() if name != "weights"})
