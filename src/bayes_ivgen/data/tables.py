"""Tables that describe rows."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np
import pandas as pd

from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.profile import RegimeProfile
from bayes_ivgen.data.regime import Regime


def summary_table(
    profiles: Mapping[Regime, RegimeProfile], columns: ColumnNames, labelled: Container[str]
) -> pd.DataFrame:
    """Rows and ranges of every variable in every regime; see `RegimeData.summary`."""
    records = []
    for regime, profile in profiles.items():
        for k, name in enumerate(columns.described):
            levels = profile.levels[k] if k < len(columns.variables) else None
            records.append(
                {
                    "regime": regime.label,
                    "variable": name,
                    "rows": profile.rows,
                    **({} if columns.weights is None else {"weight": profile.weight}),
                    "was_set": regime.sets(name),
                    "mean": profile.mean[k],
                    "sd": profile.sd[k],
                    "low": np.nan if name in labelled else profile.low[k],
                    "high": np.nan if name in labelled else profile.high[k],
                    "levels": pd.NA if levels is None else len(levels),
                }
            )
    table = pd.DataFrame.from_records(records).astype({"levels": "Int64"})
    return table.set_index(["regime", "variable"])
