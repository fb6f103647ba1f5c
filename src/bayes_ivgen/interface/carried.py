"""The transforms of a model applied to rows, and kept with a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.series import Carried, Clock, SeriesNames
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.carry_over import EMPTY, carry_over, check_fits
from bayes_ivgen.media.lagged import upper_transforms
from bayes_ivgen.media.transforms import sampled_adstocks, transforms_from_dict, transforms_to_dict

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit_core import FitCore
    from bayes_ivgen.interface.intervention_model import InterventionModel


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
        return data
    check_fits(data, transforms)
    if all(item.fixed for items in transforms.values() for item in items):
        return carry_over(data, transforms)
    sampled = sampled_adstocks(transforms)
    if sampled and model.family.rowwise:
        raise SpecError(
            f"carry-over with a prior is sampled with likelihood='normal' only, not {model.likelihood!r}. Fit it so "
            "(fit.transforms has the posterior means), then pass numbers."
        )
    if model.family.rowwise:
        raise SpecError(
            f"parameters of transforms are chosen by the marginal likelihood of the normal model, which likelihood="
            f"{model.likelihood!r} does not have. Choose them with likelihood='normal' (fit.transforms), then pass "
            "them as numbers."
        )
    from bayes_ivgen.inference.carry_over_choice import choose_transforms

    chosen, table = choose_transforms(data, transforms, model.causal, quiet=sampled)
    return carry_over(data, chosen, table, upper_transforms(transforms, chosen) if sampled else None)


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
