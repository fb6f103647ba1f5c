"""The transforms of a model applied to rows, and kept with a fit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.series import Carried, Clock, SeriesNames
from bayes_ivgen.errors import DataWarning, QueryError, SpecError
from bayes_ivgen.media.carry_over import EMPTY, THINNED, carry_over, check_fits
from bayes_ivgen.media.lagged import upper_transforms
from bayes_ivgen.media.lost_regimes import warn_about_lost_regimes
from bayes_ivgen.media.parameter_prior import is_prior
from bayes_ivgen.media.scale_check import check_scales
from bayes_ivgen.media.transforms import (
    Transform,
    any_sampled,
    sampled_adstocks,
    transforms_from_dict,
    transforms_to_dict,
)

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit_core import FitCore
    from bayes_ivgen.interface.intervention_model import InterventionModel


OPEN = ("alpha", "theta", "kappa", "slope", "lam")  # parameters for which None stands for a list


def carried_data(model: InterventionModel, data: RegimeData) -> RegimeData:
    """Apply the transforms of a model; see `InterventionModel.carry_over`."""
    transforms = model.transforms
    if transforms is None:
        return data
    if data.carried is not None:
        if set(data.carried.transforms) != set(transforms):
            raise SpecError(
                f"the data were carried over for {sorted(data.carried.transforms)}, but the model transforms "
                f"{sorted(transforms)}; pass the rows as they were read."
            )
        for action, asked in transforms.items():
            if not _agree(asked, data.carried.transforms[action]):
                raise SpecError(
                    f"the data were carried over with {data.carried.transforms[action]} for {action!r}, but the model "
                    f"transforms it by {asked}; pass the rows as they were read."
                )
        return data
    check_fits(data, transforms)
    check_scales(data, transforms)
    if all(item.fixed for items in transforms.values() for item in items):
        found = carry_over(data, transforms)
        warn_about_lost_regimes(data, found, transforms)
        return found
    if any_sampled(transforms) and model.family.rowwise:
        raise SpecError(
            f"transforms with a prior are sampled with likelihood='normal' only, not {model.likelihood!r}. Fit it so "
            "(fit.transforms has the posterior means), then pass numbers."
        )
    if model.family.rowwise:
        raise SpecError(
            f"parameters of transforms are chosen by the marginal likelihood of the normal model, which likelihood="
            f"{model.likelihood!r} does not have. Choose them with likelihood='normal' (fit.transforms), then pass "
            "them as numbers."
        )
    from bayes_ivgen.inference.carry_over_choice import choose_transforms

    chosen, table = choose_transforms(data, transforms, model.causal)
    judged = upper_transforms(transforms, chosen) if sampled_adstocks(transforms) else None
    found = carry_over(data, chosen, table, judged=judged)
    warn_about_lost_regimes(data, found, chosen)
    return found


def _agree(asked: tuple[Transform, ...], found: tuple[Transform, ...]) -> bool:
    """Whether transforms with numbers are among those that a model asks for."""

    def among(given: Any, number: Any) -> bool:
        return given == number or is_prior(given) or (isinstance(given, tuple) and number in given)

    return [type(item) for item in asked] == [type(item) for item in found] and all(
        among(getattr(a, field.name), getattr(f, field.name)) or (field.name in OPEN and getattr(a, field.name) is None)
        for a, f in zip(asked, found, strict=True)
        for field in fields(a)
        if field.name != "memory"  # says how a prior is sampled, and numbers have none
    )


def check_carried_alike(data: RegimeData, transforms: Mapping[str, Any]) -> None:
    """Raise a `QueryError` unless rows that were carried over were so with the transforms of a fit."""
    assert data.carried is not None
    if dict(data.carried.transforms) == dict(transforms):
        return
    differs = sorted(a for a in {*data.carried.transforms, *transforms}
                     if data.carried.transforms.get(a) != transforms.get(a))  # fmt: skip
    raise QueryError(
        f"the spends of {differs} were not carried over in the data as they are in the fit (fit.transforms); pass the "
        "rows as they were read."
    )


def weeks_share_spends(data: Any) -> bool:
    """Whether rows are weeks of series whose spends carry over from one to the next, none left out in between."""
    carried = data.carried if isinstance(data, RegimeData) else None
    return carried is not None and carried.series is not None and not (carried.rows["became"] == THINNED).any()


def warn_about_dependent_rows(data: Any) -> None:
    """Warn if p-values would take weeks that share spends as independent rows."""
    if not weeks_share_spends(data):
        return
    warnings.warn(
        "p-values take rows as independent, but weeks of a series share the spends that carry over, and demand may "
        "remember: they are too small, also where the fit is right. Pass fit.thinned(data), rows some weeks apart.",
        DataWarning,
        stacklevel=3,
    )


def refuse_sampled(transforms: Mapping[str, Any] | None) -> None:
    """Raise a `SpecError` if transforms have priors: rows would need one set of numbers, of which there is none."""
    if any_sampled(transforms):
        raise SpecError(
            "transforms of this fit were sampled, so that its rows have no one carried-over or saturated spend. "
            "Fit the posterior means as numbers, dataclasses.replace(fit.model, transforms=fit.transforms)"
            ".fit(data), and ask that fit."
        )


def carried_to_dict(carried: Carried | None) -> dict[str, Any] | None:
    """Return what is no array as plain data."""
    if carried is None:
        return None
    names = carried.series
    return {
        "transforms": transforms_to_dict(carried.transforms),
        "rows": carried.rows.to_dict("list"),
        "choice": carried.choice.to_dict("list"),
        "series": None
        if names is None
        else [names.time, names.unit, list(names.units), names.clock.kind, names.clock.origin, names.clock.step],
    }


def history_dataset(carried: Carried) -> xr.Dataset:
    """Return the last weeks of each series, labelled."""
    dims = ("unit", "week", "action")
    return xr.Dataset(
        {
            "spends": (dims, carried.spends),
            "was_set": (dims, carried.was_set.astype(np.int8)),
            "last_step": ("unit", carried.last_step),
        }
    )


def carried_from(content: Mapping[str, Any] | None, history: xr.Dataset | None) -> Carried | None:
    """Restore what `carried_to_dict` and `history_dataset` wrote."""
    if content is None or history is None:
        return None
    names = content["series"]
    return Carried(
        transforms_from_dict(content["transforms"]) or {},
        pd.DataFrame(content["rows"]),
        pd.DataFrame(content["choice"], columns=None if content["choice"] else EMPTY.columns),
        history["spends"].values,
        history["was_set"].values.astype(bool),
        history["last_step"].values,
        None if names is None else SeriesNames(names[0], names[1], tuple(names[2]), Clock(*names[3:])),
    )


def refuse_carried(fit: FitCore) -> None:
    """Raise a `SpecError` if the columns of a fit are those of carried-over spends: what comes later needs history."""
    if fit.carried is not None:
        raise SpecError(
            "the fit has transforms, and rows that come later would need the weeks before them: put all weeks into one "
            "table and fit it again with model.fit(data)."
        )
