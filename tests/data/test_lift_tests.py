"""Frames of lift tests: what is read, what is refused, and that the advice works."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.errors import DataError

ACTIONS = ["tv", "web"]
GOOD: dict[str, list[Any]] = {
    "channel": ["tv", "web", "tv"],
    "x": [10.0, 0.0, 30.0],
    "delta_x": [5.0, 2.0, -10.0],
    "delta_y": [3.0, -1.0, -4.0],
    "sigma": [1.0, 0.5, 2.0],
}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def test_every_kind_of_frame_is_read(kind: Any) -> None:
    tests = LiftTests.from_frame(kind(GOOD), ACTIONS)
    assert tests.actions == ("tv", "web", "tv")
    for name in ("x", "delta_x", "delta_y", "sigma"):
        np.testing.assert_array_equal(getattr(tests, name), GOOD[name])
    assert len(tests) == 3
    again = LiftTests.from_dict(tests.to_dict())
    assert again.to_dict() == tests.to_dict()


def test_the_column_may_be_called_action() -> None:
    frame = pd.DataFrame(GOOD).rename(columns={"channel": "action"})
    assert LiftTests.from_frame(frame, ACTIONS).actions == ("tv", "web", "tv")


def changed(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(GOOD).assign(**columns)


BAD: list[Any] = [
    (GOOD, r"the frame of lift tests is a dict; pass a pandas, polars or pyarrow table with the columns \['channel'"),
    (pd.DataFrame(GOOD).drop(columns="channel"), r"must have one column 'channel' \(or 'action'\).*add it"),
    (changed(action="tv"), r"must have one column 'channel'.*drop one of them"),
    (pd.DataFrame(GOOD).drop(columns="sigma"), r"the frame of lift tests has no column 'sigma'"),
    (changed(date="2024-01-01"), r"has a column 'date', which the model would ignore. It reads \['channel', 'x'"),
    (changed(channel=["tv", "radio", "tv"]), r"names 'radio', which is not an action. The actions are \['tv', 'web'\]"),
    (changed(channel=["tv", None, "tv"]), r"names (None|nan), which is not an action"),
    (changed(sigma=[1.0, 0.0, 1.0]), r"column 'sigma' .* is 0 in row 1; a standard error must be above 0"),
    (changed(sigma=[1.0, 1.0, -2.0]), r"column 'sigma' .* is -2 in row 2; a standard error must be above 0"),
    (changed(delta_x=[1.0, 0.0, 1.0]), r"column 'delta_x' .* is 0 in row 1; a test that changes nothing says nothing"),
    (changed(delta_y=[1.0, np.inf, 1.0]), r"column 'delta_y' of the frame of lift tests is inf in row 1"),
    (changed(x=[1.0, np.nan, 1.0]), r"column 'x' of the frame of lift tests is (missing|nan)"),
    (changed(x=["1", "2", "3"]), r"column 'x' of the frame of lift tests holds strings"),
    (pd.DataFrame(GOOD).iloc[:0], r"has no rows; pass at least one test, or leave lift_tests out"),
]


@pytest.mark.parametrize(("frame", "message"), BAD)
def test_bad_frames_are_refused(frame: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        LiftTests.from_frame(frame, ACTIONS)


def test_ranges_are_merged_where_tests_overlap_or_touch() -> None:
    frame = changed(channel="tv", x=[10.0, 15.0, 40.0], delta_x=[5.0, 3.0, -5.0])
    tests = LiftTests.from_frame(frame, ACTIONS)
    assert tests.ranges("tv") == [(10.0, 18.0), (35.0, 40.0)]
    assert tests.ranges("web") == []
    low, high, far = np.array([10.0]), np.array([18.0]), np.array([36.0])
    assert tests.connect("tv", low, high)
    assert tests.connect("tv", high, low)
    assert tests.connect("tv", far, far)
    assert not tests.connect("tv", high, far)
    assert not tests.connect("tv", np.array([10.0, 10.0]), np.array([12.0, 20.0]))
    assert not tests.connect("web", low, low)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), min_size=1, max_size=6))
def test_two_values_connect_if_a_chain_of_tests_links_them(pairs: list[tuple[int, int]]) -> None:
    frame = pd.DataFrame(pairs, columns=["x", "delta_x"]).assign(channel="tv", delta_y=1.0, sigma=1.0)
    tests = LiftTests.from_frame(frame, ACTIONS)
    covered = {half for x, d in pairs for half in range(2 * x, 2 * (x + d))}  # unit cells of half a unit
    for a, b in [(0.0, 3.0), (2.5, 9.0), (4.0, 4.5), (1.0, 20.0)]:
        expected = all(half in covered for half in range(int(2 * a), int(2 * b)))
        assert tests.connect("tv", np.array([a]), np.array([b])) == expected
