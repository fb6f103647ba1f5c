"""Refuse what the user passes and a likelihood would ignore."""

from __future__ import annotations

from typing import Any

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.model.families import Family


def check_columns_in_use(data: RegimeData, family: Family, lift_tests: Any = None) -> None:
    """Raise a `SpecError` if the data name a column, or there are lift tests, without a part in the likelihood."""
    idle = {"exposure": "only means on the log link scale with it (likelihood='gamma', for example)"}
    if family.rowwise:
        idle = dict.fromkeys(("weights", "dataset"), f"likelihood={family.name!r} has no use for it yet")
    for part, reason in idle.items():
        name = getattr(data.columns, part)
        if name is not None:
            raise SpecError(f"the data name {part} ({name!r}), but {reason}. Read the data without {part}=.")
    if family.rowwise and lift_tests is not None:
        raise SpecError(
            f"lift_tests are differences of mean outcomes, which likelihood={family.name!r} cannot take. Leave them "
            "out, or fit with likelihood='normal'."
        )
