"""Values of a parameter of a transform: a number, a list to choose from, nothing, or a prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.parameter_prior import ParameterPrior, is_prior

Choice = float | Sequence[float] | ParameterPrior | None
GRID = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)  # quantiles of a prior among which the place of knots is chosen


def is_fixed(value: Any) -> bool:
    """Whether a parameter is a number."""
    return isinstance(value, float)


def checked_choice(
    of: str,
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> Any:
    """Return a number as float, a list as a sorted tuple of floats, a prior as `ParameterPrior`; None stays.

    Raises
    ------
    SpecError
        If a value is not a number inside its range, a list has fewer than two, or a prior reaches outside the range.
    """
    if is_prior(value):
        return ParameterPrior.from_user(of, name, value, low, high)
    if value is None:
        return None
    if isinstance(value, list | tuple | np.ndarray):
        items = sorted({_number(of, name, item, low, high, low_open, high_open) for item in value})
        if len(items) < 2:
            raise SpecError(
                f"{of}({name}={value!r}): a list to choose from has two values or more; or pass the number."
            )
        return tuple(items)
    return _number(of, name, value, low, high, low_open, high_open)


def options(value: Choice, default: Sequence[float]) -> tuple[float, ...]:
    """Return the numbers among which a parameter is chosen: of a prior, some of its quantiles."""
    if value is None:
        return tuple(default)
    if isinstance(value, ParameterPrior):
        return value.quantiles(*GRID)
    return value if isinstance(value, tuple) else (float(value),)  # type: ignore[arg-type]


def check_alike(of: str, values: Mapping[str, Any]) -> None:
    """Raise a `SpecError` if one parameter is sampled and another would be chosen by marginal likelihood."""
    sampled = any(is_prior(value) for value in values.values())
    if sampled and not all(is_fixed(value) or is_prior(value) for value in values.values()):
        shown = ", ".join(f"{name}={value}" for name, value in values.items())
        raise SpecError(
            f"{of}({shown}): one is sampled and the other would be chosen by marginal likelihood; pass a number or a "
            "Prior for each."
        )


def _number(of: str, name: str, value: Any, low: float, high: float, low_open: bool, high_open: bool) -> float:
    number = not isinstance(value, bool) and isinstance(value, int | float | np.integer | np.floating)
    if number and (value > low if low_open else value >= low) and (value < high if high_open else value <= high):
        return float(value)
    upper = "" if np.isinf(high) else f" and {'below' if high_open else 'at most'} {high:g}"
    raise SpecError(
        f"{of}({name}={value!r}): it must be a number {'above' if low_open else 'of at least'} {low:g}{upper}, for "
        f"example {name}={_inside(low, high)}; a list of them; or None."
    )


def _inside(low: float, high: float, share: float = 0.3) -> str:
    return f"{low + share * ((high if np.isfinite(high) else low + 10.0) - low):g}"
