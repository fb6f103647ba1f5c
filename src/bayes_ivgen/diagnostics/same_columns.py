"""Rows that a check is given must have the columns of the fit."""

from __future__ import annotations

from typing import Any

from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import QueryError


def require_same_columns(posterior: EffectPosterior, data: Any) -> None:
    """Raise a `QueryError` unless these are rows with the outcome, actions and covariates of the fit, in order."""
    if not isinstance(data, RegimeData):
        raise QueryError(
            f"data is a {type(data).__name__}; pass the RegimeData of the fit, or rows with the same columns, for "
            "example RegimeData.from_frame(frame, outcome=..., actions=[...])."
        )
    variables = posterior.design.variables
    if data.actions != posterior.actions or data.variables != variables or data.outcome != posterior.outcome:
        raise QueryError(
            f"the data hold {data.outcome!r} given {list(data.variables)}, but the fit is of {posterior.outcome!r} "
            f"given {list(variables)}; pass the data of the fit, or rows with the same columns in the same order."
        )
    known = posterior.support.categories
    for name in variables:
        if data.categories.get(name) != (None if name not in known else tuple(known[name])):
            raise QueryError(
                f"column {name!r} holds the labels {data.categories.get(name)} in the data and {known.get(name)} in "
                "the fit; pass the data of the fit, or rows with the same labels."
            )
