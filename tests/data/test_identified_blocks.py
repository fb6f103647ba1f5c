"""What regimes identify where some actions are always set together, and what is still missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataError

ACTIONS = ["a", "b", "c", "d"]


def data_of(*labels: str) -> RegimeData:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(20 * len(labels), 5)), columns=[*ACTIONS, "y"])
    return RegimeData.from_frame(rows.assign(regime=np.repeat(labels, 20)), outcome="y", actions=ACTIONS)


def test_rows_are_whole_blocks() -> None:
    table = data_of("obs", "do(a,c)").identified(blocks=[["c", "a"]])
    assert list(table.index) == [
        "obs",
        "do(a,c)",
        "do(b)",
        "do(d)",
        "do(a,b,c)",
        "do(a,c,d)",
        "do(b,d)",
        "do(a,b,c,d)",
    ]
    assert list(table.index[table["identified"]]) == ["obs", "do(a,c)"]
    assert table.loc["do(a,b,c)", "missing"] == "do(b)"
    assert table.loc["do(a,b,c,d)", "missing"] == "do(b,d)"
    assert data_of("obs", "do(a,c)", "do(b,d)").identified(blocks=[["a", "c"]]).loc["do(a,b,c,d)", "identified"]


def test_pairs_are_among_the_missing_experiments() -> None:
    """obs and do(a): one experiment that sets the other three is enough, three singles are not needed."""
    table = data_of("obs", "do(a)").identified()
    assert table.loc["do(a,b,c,d)", "missing"] == "do(b,c,d)"
    assert table.loc["do(a,b)", "missing"] == "do(b)"
    mended = data_of("obs", "do(a)", "do(b,c,d)").identified()
    assert mended.loc["do(a,b,c,d)", "identified"]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([["a", "z"]], "names 'z', which is not an action"),
        ([["a", "b"], ["b"]], "names 'b', which is not an action or stands twice"),
        ([["a", "b"]], r"the regime 'do\(a\)' sets only part of the block \['a', 'b'\]; leave its rows out"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(blocks: list, message: str) -> None:
    data = data_of("obs", "do(a)")
    with pytest.raises(DataError, match=message):
        data.identified(blocks=blocks)
    data.identified(blocks=[["c", "d"]])
