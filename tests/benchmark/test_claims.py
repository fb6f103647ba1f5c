"""The paper's own claims at small scale, compared world by world, with tolerances from standard errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.benchmark import run


def log_excess(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Logarithm of the excess, one row a world and one column for each value of `column` and method."""
    assert not table["failed"].any(), table["error"].unique()
    return np.log(table.pivot_table(index="seed", columns=[column, "method"], values="excess"))


def clearly_below(one: pd.Series, other: pd.Series, errors: float = 3.0) -> bool:
    difference = one - other
    return bool(difference.mean() < -errors * difference.sem())


@pytest.fixture(scope="module")
def convergence() -> pd.DataFrame:
    methods = ["plug_in", "pooled", "observational"]
    return log_excess(run("fig2c", methods=methods, seeds=4, rows=[3_000, 30_000], actions=[2], jobs=1), "rows")


@pytest.mark.parametrize("other", ["pooled", "observational"])
def test_the_plug_in_is_better_with_many_rows(convergence: pd.DataFrame, other: str) -> None:
    assert clearly_below(convergence[30_000, "plug_in"], convergence[30_000, other])


def test_its_error_falls_with_the_number_of_rows(convergence: pd.DataFrame) -> None:
    assert clearly_below(convergence[30_000, "plug_in"], convergence[3_000, "plug_in"])
    assert not clearly_below(convergence[30_000, "observational"], convergence[3_000, "observational"])


def test_the_best_ratio_is_below_one() -> None:
    """Per data set, fewer rows of each experiment than of history: optimum 1 / (K - 1), theory J."""
    table = run("fig2b", methods=["plug_in"], seeds=4, rows=[3_000], actions=[4], ratios=[0.3, 4.0], jobs=1)
    found = log_excess(table, "ratio")
    assert clearly_below(found[0.3, "plug_in"], found[4.0, "plug_in"])


@pytest.mark.slow
def test_ours_is_better_than_the_plug_in_and_its_error_falls() -> None:
    table = run("fig2c", methods=["ours", "plug_in"], seeds=6, rows=[3_000, 30_000], actions=[3], jobs=2)
    found = log_excess(table, "rows")
    for rows in (3_000, 30_000):
        assert clearly_below(found[rows, "ours"], found[rows, "plug_in"])
    assert clearly_below(found[30_000, "ours"], found[3_000, "ours"])
    assert table[table["method"] == "ours"]["coverage_90"].mean() > 0.75
