"""Questions: what broadcasts, what is refused, and that the refusal's advice works."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data import Regime
from bayes_ivgen.effects import parse_queries
from bayes_ivgen.errors import QueryError

ACTIONS = ("tv", "web", "radio")


@st.composite
def questions(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], int, tuple[str, ...]]:
    """Values of each action, set or seen, as a number or an array of one common length."""
    length = draw(st.integers(1, 5))
    numbers = st.floats(-1e6, 1e6)
    do: dict[str, Any] = {}
    seen: dict[str, Any] = {}
    for action in draw(st.permutations(ACTIONS)):
        target = do if draw(st.booleans()) else seen
        if draw(st.booleans()):
            target[action] = draw(numbers)
        else:
            target[action] = np.array(draw(st.lists(numbers, min_size=length, max_size=length)))
    arrays = [value for value in (do | seen).values() if np.ndim(value)]
    return do, seen, len(arrays[0]) if arrays else 1, ACTIONS


@given(questions())
@settings(max_examples=80, deadline=None)
def test_values_broadcast_to_the_columns_of_their_actions(
    question: tuple[dict[str, Any], dict[str, Any], int, tuple[str, ...]],
) -> None:
    do, seen, length, actions = question
    queries = parse_queries(actions, do, seen)
    assert queries.regime == Regime.of(do, actions)
    assert queries.averaged == ()
    assert queries.stated == actions
    assert len(queries) == length
    for k, action in enumerate(actions):
        expected = np.broadcast_to((do | seen)[action], length)
        np.testing.assert_array_equal(queries.values[:, k], expected)
        np.testing.assert_array_equal(queries.to_frame()[action], expected)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.5],
        (1, 2.5),
        np.array([1.0, 2.5]),
        np.array([1.0, 2.5], dtype=np.float32),
        pd.Series([1.0, 2.5], index=[7, 3]),
        pl.Series([1.0, 2.5]),
        pa.array([1.0, 2.5]),
        xr.DataArray([1.0, 2.5], dims="x"),
    ],
    ids=lambda value: type(value).__module__.split(".")[0] + "." + type(value).__name__,
)
def test_every_kind_of_array_is_read(values: Any) -> None:
    queries = parse_queries(ACTIONS, {"web": values, "tv": np.int8(3)}, {"radio": 0})
    np.testing.assert_array_equal(queries.values, [[3, 1, 0], [3, 2.5, 0]])


@pytest.mark.parametrize(
    "kind", [pd.DataFrame, pl.DataFrame, pa.table, dict], ids=["pandas", "polars", "pyarrow", "dict"]
)
def test_every_kind_of_frame_is_read(kind: Any) -> None:
    columns = {"radio": [1, 2], "tv": [0.5, 0.25]}
    queries = parse_queries(ACTIONS, kind(columns), {"web": 7})
    np.testing.assert_array_equal(queries.values, [[0.5, 7, 1], [0.25, 7, 2]])
    assert queries.regime.label == "do(tv,radio)"
    seen = parse_queries(ACTIONS, {"web": 7}, kind(columns))
    np.testing.assert_array_equal(seen.values, queries.values)
    assert seen.regime.label == "do(web)"


def test_a_missing_value_of_a_nullable_frame_is_refused() -> None:
    for frame in (
        pd.DataFrame({"tv": pd.array([1, None], dtype="Int64")}),
        pl.DataFrame({"tv": [1, None]}),
        pa.table({"tv": [1, None]}),
    ):
        with pytest.raises(QueryError, match=r"do\['tv'\] holds a missing or infinite value"):
            parse_queries(["tv"], frame)


REST = {"web": 1.0, "radio": 2.0}
BAD: list[Any] = [
    pytest.param(
        {"do": {"tvv": 1.0, **REST}},
        r"do names 'tvv', which is not an action. The actions are \['tv', 'web', 'radio'\]",
        {"do": {"tv": 1.0, **REST}},
        id="unknown action",
    ),
    pytest.param(
        {"do": {"tv": 1.0}, "given": {7: 1.0}},
        r"given names 7, which is not an action",
        {"do": {"tv": 1.0}, "given": REST},
        id="name that is not text",
    ),
    pytest.param(
        {"do": {"tv": 1.0, "web": 1.0}, "given": REST},
        r"'web' stands in do and in given; it is either set or seen. Take it out of one",
        {"do": {"tv": 1.0}, "given": REST},
        id="set and seen",
    ),
    pytest.param(
        {"do": {"tv": 1.0}, "given": {"web": 1.0}},
        r"'radio' stands neither in do nor in given.*rest='hold'",
        {"do": {"tv": 1.0}, "given": {"web": 1.0}, "rest": "hold"},
        id="left open",
    ),
    pytest.param({}, r"'tv' stands neither in do nor in given", {"rest": "hold"}, id="nothing"),
    pytest.param(
        {"do": {"tv": [1.0, 2.0], "web": [1.0, 2.0, 3.0]}, "given": {"radio": 1}},
        r"different lengths \{'tv': 2, 'web': 3\}; give one number, or arrays of one length",
        {"do": {"tv": [1.0, 2.0], "web": 1.0}, "given": {"radio": 1}},
        id="lengths differ",
    ),
    pytest.param(
        {"do": {"tv": [1.0, np.nan], **REST}},
        r"do\['tv'\] holds a missing or infinite value; every value must be a finite number",
        {"do": {"tv": [1.0, 0.0], **REST}},
        id="NaN",
    ),
    pytest.param(
        {"do": {"tv": 1.0}, "given": {**REST, "web": np.inf}},
        r"given\['web'\] holds a missing or infinite value",
        {"do": {"tv": 1.0}, "given": REST},
        id="infinite",
    ),
    pytest.param(
        {"do": {"tv": np.ma.array([1.0, 2.0], mask=[False, True]), **REST}},
        r"do\['tv'\] holds a missing",
        {"do": {"tv": np.ma.array([1.0, 2.0], mask=[False, False]), **REST}},
        id="masked",
    ),
    pytest.param(
        {"do": {"tv": "3", **REST}},
        r"do\['tv'\] is '3'; it must be a number or an array of numbers",
        {"do": {"tv": 3, **REST}},
        id="string",
    ),
    pytest.param(
        {"do": {"tv": True, **REST}},
        r"do\['tv'\] is True; it must be a number",
        {"do": {"tv": 1, **REST}},
        id="boolean",
    ),
    pytest.param(
        {"do": {"tv": None, **REST}}, r"do\['tv'\] is None; it must be a number", {"do": {"tv": 1, **REST}}, id="None"
    ),
    pytest.param(
        {"do": {"tv": 1 + 2j, **REST}},
        r"do\['tv'\] is .*; it must be a number",
        {"do": {"tv": 1, **REST}},
        id="complex",
    ),
    pytest.param(
        {"do": {"tv": [[1.0, 2.0]], **REST}},
        r"do\['tv'\] has 2 dimensions; pass a number or a flat array",
        {"do": {"tv": [1.0, 2.0], **REST}},
        id="two dimensions",
    ),
    pytest.param(
        {"do": {"tv": [[1.0], [1.0, 2.0]], **REST}},
        r"do\['tv'\] is \[\[1.0\], \[1.0, 2.0\]\]; pass a number or a flat array",
        {"do": {"tv": [1.0, 2.0], **REST}},
        id="ragged",
    ),
    pytest.param(
        {"do": {"tv": [], **REST}},
        r"there are no queries: the arrays are empty. Give at least one value",
        {"do": {"tv": [1.0], **REST}},
        id="empty array",
    ),
    pytest.param(
        {"do": pd.DataFrame({"tv": [], "web": [], "radio": []}, dtype=float)},
        r"there are no queries",
        {"do": pd.DataFrame({"tv": [1.0], "web": [1.0], "radio": [1.0]})},
        id="empty frame",
    ),
    pytest.param(
        {"do": 3.0},
        r"do is a float; pass a mapping such as do=\{'tv': 1.0\} or a data frame",
        {"do": {"tv": 1.0}, "rest": "hold"},
        id="number for a mapping",
    ),
    pytest.param(
        {"do": {"tv": 1.0}, "given": ["web", "radio"]},
        r"given is a list; pass a mapping such as given=\{'tv': 1.0\}",
        {"given": {"tv": 1.0}, "rest": "hold"},
        id="list for a mapping",
    ),
    pytest.param(
        {"do": pd.Series({"tv": 1.0})},
        r"do is a Series; pass a mapping",
        {"do": {"tv": 1.0}, "rest": "hold"},
        id="series",
    ),
    pytest.param(
        {"do": pd.DataFrame([[1.0, 2.0]], columns=["tv", "tv"]), "given": REST},
        r"do has two columns of one name; drop or rename",
        {"do": pd.DataFrame([[1.0]], columns=["tv"]), "given": REST},
        id="doubled column",
    ),
    pytest.param(
        {"do": {"tv": 1.0}, "rest": "react"},
        r"rest='react' is not known; valid are 'hold' .* and 'respond'",
        {"do": {"tv": 1.0}, "rest": "respond"},
        id="unknown rest",
    ),
]


@pytest.mark.parametrize(("bad", "message", "mended"), BAD)
def test_a_bad_question_is_refused_and_the_advice_works(
    bad: dict[str, Any], message: str, mended: dict[str, Any]
) -> None:
    with pytest.raises(QueryError, match=message):
        parse_queries(ACTIONS, **bad)
    assert len(parse_queries(ACTIONS, **mended)) >= 1


def test_held_actions_are_set_and_have_no_value() -> None:
    queries = parse_queries(ACTIONS, {"web": [1.0, 2.0]}, {"radio": 3.0}, rest="hold")
    assert queries.averaged == ("tv",)
    assert queries.regime.label == "do(tv,web)"
    assert list(queries.to_frame()) == ["web", "radio"]
    assert np.isnan(queries.values[:, 0]).all()


def test_responding_actions_are_not_set_and_have_no_value() -> None:
    queries = parse_queries(ACTIONS, {"web": [1.0, 2.0]}, {"radio": 3.0}, rest="respond")
    assert (queries.averaged, queries.responding, queries.stated) == ((), ("tv",), ("web", "radio"))
    assert queries.regime.label == "do(web)"
    assert list(queries.to_frame()) == ["web", "radio"]
    assert np.isnan(queries.values[:, 0]).all()


def test_hold_with_nothing_open_changes_nothing() -> None:
    stated = parse_queries(ACTIONS, {"tv": 1.0, **REST})
    held = parse_queries(ACTIONS, {"tv": 1.0, **REST}, rest="hold")
    assert held.averaged == ()
    assert held.regime == stated.regime
    np.testing.assert_array_equal(held.values, stated.values)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"do": {"tv": 3, "web": 1}, "given": {"radio": 2}}, "do(tv=3, web=1), radio seen at 2"),
        ({"given": {"tv": 3, "web": 1, "radio": 2}}, "tv seen at 3, web seen at 1, radio seen at 2"),
        ({"do": {"tv": 1 / 3}, "rest": "hold"}, "do(tv=0.333333), web, radio held at observed values"),
        ({"rest": "hold"}, "tv, web, radio held at observed values"),
        ({"do": {"tv": 3}, "rest": "respond"}, "do(tv=3), web, radio left to respond"),
    ],
)
def test_conditions_in_words(question: dict[str, Any], words: str) -> None:
    assert parse_queries(ACTIONS, **question).describe(0) == words


def test_the_message_names_the_action_that_is_open() -> None:
    for action in ACTIONS:
        others = {name: 1.0 for name in ACTIONS if name != action}
        with pytest.raises(QueryError, match=re.escape(f"the action {action!r} stands neither")):
            parse_queries(ACTIONS, others)
