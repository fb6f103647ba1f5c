"""Values of a parameter of a transform: a number, a list to choose from, nothing, or a prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.parameter_prior import ParameterPrior, is_prior

Choice = float | Sequence[float] | ParameterPrior | None


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
    sampled: bool = False,
) -> Any:
    """Return a number as float, a list as a sorted tuple of floats, a prior as `ParameterPrior`; None stays.

    Raises
    ------
    SpecError
        If a value is not a number inside its range, a list has fewer than two, or it is a prior and the parameter
        cannot be `sampled`, or one that reaches outside the range.
    """
    if is_prior(value) and sampled:
        return ParameterPrior.from_user(of, name, value, low, high)
    if is_prior(value):
        raise SpecError(
            f"{of}({name}={value}): only carry-over is sampled, since a steady spend is the same spend whatever the "
            "carry-over is, but not whatever its saturation. Pass a number, a list of numbers to "
            f"choose from by marginal likelihood such as {name}=[{_inside(low, high)}, {_inside(low, high, 0.6)}], or "
            f"None for the default list; or leave {of} out: a spline saturates as the rows say."
        )
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
