"""How a specification looks: what differs from the defaults in a terminal, everything in a notebook."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from bayes_ivgen.shown import WIDTH, Shown

if TYPE_CHECKING:
    from bayes_ivgen.interface.intervention_model import InterventionModel


class SpecShown(Shown):
    """Text and tables of an `InterventionModel`."""

    def _tables(self) -> dict[str, pd.DataFrame]:
        """All arguments and all priors."""
        model = cast("InterventionModel", self)
        arguments = pd.DataFrame(
            {"value": {item.name: repr(getattr(model, item.name)) for item in fields(model)}}
        ).rename_axis("argument")
        lines = [line.partition(" ~ ") for line in str(model.prior_table()).splitlines() if " ~ " in line]
        priors = pd.DataFrame({"law": {name: law for name, _, law in lines}}).rename_axis("prior")
        return {"arguments": arguments, "priors": priors}

    def __str__(self) -> str:
        model = cast("InterventionModel", self)
        changed = [(item.name, getattr(model, item.name)) for item in fields(model)]
        shown = [
            f"{name}={value!r}"
            for (name, value), item in zip(changed, fields(model), strict=True)
            if value != _default(item)
        ]
        line = f"InterventionModel({', '.join(shown)})"
        return line if len(line) <= WIDTH else "\n".join(["InterventionModel(", *(f"    {a}," for a in shown), ")"])


def _default(item: Field[Any]) -> Any:
    return item.default if item.default is not MISSING else cast("Any", item.default_factory)()
