"""Means, standard errors and medians over worlds."""

from __future__ import annotations

import pandas as pd

from bayes_ivgen.benchmark.cells import GROUP
from bayes_ivgen.benchmark.metrics import METRICS

KEYS = [*GROUP, "method"]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise the results of a task over its worlds.

    Parameters
    ----------
    table : pandas.DataFrame
        What `run` returns.

    Returns
    -------
    pandas.DataFrame
        One row for each group of cells, method and metric that was scored: the columns of the group,
        ``method``, ``metric``, ``worlds`` (with a score), ``failed``, ``mean``, ``sem`` (NaN of one world)
        and ``median``.

    Examples
    --------
    >>> table = ivg.benchmark.run("smoke", methods=["constant"], seeds=1, jobs=1)
    >>> sorted(ivg.benchmark.summarise(table)["metric"].unique())[:2]
    ['excess', 'rmse']
    """
    long = table.melt(id_vars=[*KEYS, "failed"], value_vars=list(METRICS), var_name="metric")
    groups = long.groupby([*KEYS, "metric"], sort=False)
    summary = groups["value"].agg(worlds="count", mean="mean", sem="sem", median="median")
    summary.insert(1, "failed", groups["failed"].sum())
    kept = summary[(summary["worlds"] > 0) | (summary.index.get_level_values("metric") == "excess")]
    return kept.reset_index()


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """Methods that failed: how often, and their first error."""
    failed = table[table["failed"]]
    return failed.groupby("method", sort=False).agg(cells=("failed", "sum"), error=("error", "first")).reset_index()
