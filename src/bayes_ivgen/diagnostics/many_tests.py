"""One result of many score tests: the smallest p-value, adjusted for their number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.scores import ScoreTest, holm

THRESHOLD = 0.01


def entry(test: ScoreTest, rows: int, **where: str) -> dict[str, Any]:
    """One row of a table of tests."""
    return {**where, "rows": rows, "statistic": test.statistic, "df": test.df, "p_value": test.p_value}


def worst_of(
    name: str, found: Sequence[Mapping[str, Any]], finding: Callable[[Mapping[str, Any], int], str], advice: str
) -> CheckResult:
    """Judge tests by the smallest p-value, adjusted after Holm; `finding` says it of its row and their number."""
    table = pd.DataFrame(found)
    table = table.assign(p_adjusted=holm(table["p_value"].tolist()))
    position = int(np.argmin(table["p_value"].to_numpy()))
    worst = {str(key): value for key, value in table.iloc[[position]].to_dict("records")[0].items()}
    return CheckResult(
        name=name,
        passed=worst["p_adjusted"] >= THRESHOLD,
        statistic=worst["statistic"],
        p_value=worst["p_adjusted"],
        threshold=THRESHOLD,
        table=table,
        finding=finding(worst, len(table)),
        advice=advice,
    )
