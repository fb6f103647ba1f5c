"""Transforms by action: carry-over first, then saturation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.adstock import Adstock
from bayes_ivgen.media.parameter_prior import ParameterPrior
from bayes_ivgen.media.saturation import Saturation

Transform = Adstock | Saturation
Transforms = Mapping[str, tuple[Transform, ...]]
FREE = {"adstock": ("alpha", "theta", "memory"), "saturation": ("kappa", "slope", "lam")}  # what may have a prior


def checked_transforms(given: Any) -> dict[str, tuple[Transform, ...]] | None:
    """Return the transforms of each action as a tuple; None for none.

    Raises
    ------
    SpecError
        If this is not a mapping of actions to an `Adstock`, a `Saturation`, or both in this order.
    """
    if given is None:
        return None
    hint = 'pass a mapping such as {"tv": ivg.media.Adstock(alpha=0.5)}.'
    if not isinstance(given, Mapping):
        raise SpecError(f"transforms is a {type(given).__name__}; {hint}")
    if not given:
        raise SpecError(f"transforms is empty; leave it out, or {hint}")
    found: dict[str, tuple[Transform, ...]] = {}
    for action, value in given.items():
        items = tuple(value) if isinstance(value, list | tuple) else (value,)
        kinds = [type(item) for item in items]
        if kinds not in ([Adstock], [Saturation], [Adstock, Saturation]):
            raise SpecError(
                f"transforms[{action!r}] is {value!r}; valid are an Adstock, a Saturation, or (Adstock, Saturation) in "
                "this order: what is carried over saturates."
            )
        found[action] = items
    return found


def adstock_of(items: tuple[Transform, ...]) -> Adstock | None:
    """Return the carry-over among the transforms of an action."""
    return next((item for item in items if isinstance(item, Adstock)), None)


def saturation_of(items: tuple[Transform, ...]) -> Saturation | None:
    """Return the saturation among the transforms of an action."""
    return next((item for item in items if isinstance(item, Saturation)), None)


def sampled_adstocks(transforms: Transforms | None) -> dict[str, Adstock]:
    """Return the carry-over of each action that has a parameter with a prior."""
    found = {action: adstock_of(items) for action, items in (transforms or {}).items()}
    return {action: item for action, item in found.items() if item is not None and item.sampled}


def sampled_saturations(transforms: Transforms | None) -> dict[str, Saturation]:
    """Return the saturation of each action that has a parameter with a prior."""
    found = {action: saturation_of(items) for action, items in (transforms or {}).items()}
    return {action: item for action, item in found.items() if item is not None and item.sampled}


def any_sampled(transforms: Transforms | None) -> bool:
    """Whether a transform has a parameter with a prior."""
    return any(item.sampled for items in (transforms or {}).values() for item in items)


def free_parameters(transforms: Transforms | None) -> dict[str, dict[str, ParameterPrior]]:
    """Return the priors of what is sampled, by variable and action: ``{"adstock_alpha": {"tv": prior}}``."""
    found: dict[str, dict[str, ParameterPrior]] = {}
    for action, items in (transforms or {}).items():
        for item in items:
            for name, prior in item.free.items():
                found.setdefault(f"{type(item).__name__.lower()}_{name}", {})[action] = prior
    order = [f"{kind}_{name}" for kind, names in FREE.items() for name in names]
    return {variable: found[variable] for variable in order if variable in found}


def parameter_of(variable: str) -> str | None:
    """Return the parameter that a variable of a posterior holds, ``alpha`` of ``adstock_alpha``; None of others."""
    kind, _, name = variable.partition("_")
    return name if name in FREE.get(kind, ()) else None


def draws_of(posterior: xr.Dataset) -> dict[str, dict[str, FloatArray]]:
    """Draws of what was sampled, (chain, draw) each, by action and name."""
    found: dict[str, dict[str, FloatArray]] = {}
    for variable in posterior:
        name = parameter_of(str(variable))
        if name is None:
            continue
        for i, action in enumerate(posterior[f"{variable}_action"].values):
            found.setdefault(str(action), {})[name] = posterior[variable].values[..., i]
    return found


def transforms_to_dict(transforms: Transforms | None) -> dict[str, list[dict[str, Any]]] | None:
    """Return plain data for storage."""
    return None if transforms is None else {a: [item.to_dict() for item in items] for a, items in transforms.items()}


def transforms_from_dict(content: Mapping[str, list[dict[str, Any]]] | None) -> dict[str, tuple[Transform, ...]] | None:
    """Restore what `transforms_to_dict` wrote."""
    if content is None:
        return None
    kinds: dict[str, Any] = {"adstock": Adstock, "saturation": Saturation}

    def restored(item: Mapping[str, Any]) -> Transform:
        read = {key: ParameterPrior.from_dict(value) if isinstance(value, Mapping) else value
                for key, value in item.items() if key != "transform"}  # fmt: skip
        made: Transform = kinds[item["transform"]](**read)
        return made

    return {action: tuple(restored(item) for item in items) for action, items in content.items()}
