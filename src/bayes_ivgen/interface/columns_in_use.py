"""Refuse what the data name and a likelihood would ignore."""

from __future__ import annotations

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.model.families import Family


def check_columns_in_use(data: RegimeData, family: Family) -> None:
    """Raise a `SpecError` if the data name an exposure and means do not scale with one."""
    name = data.columns.exposure
    if name is not None and family.link != "log":
        raise SpecError(
            f"the data name exposure ({name!r}), but only means on the log link scale with it (likelihood='gamma', for "
            "example). Read the data without exposure=."
        )
