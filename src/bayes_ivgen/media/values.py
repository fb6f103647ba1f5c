"""Values of a parameter of a transform: a number, a list to choose from, nothing, or a prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_ivgen.errors import SpecError

Choice = float | Sequence[float] | None


def is_fixed(value: Any) -> bool:
    """Whether a parameter is a number."""
    return isinstance(value, float)


def is_prior(value: Any) -> bool:
    """Whether a parameter has a prior: anything with the interface of pymc_extras `Prior`."""
    return hasattr(value, "distribution") and hasattr(value, "parameters")


def checked_choice(
    of: str, name: str, value: Any, low: float, high: float, *, low_open: bool = False, high_open: bool = False
) -> Any:
    """Return a number as float, a list as a sorted tuple of floats; None stays.

    Raises
    ------
    SpecError
        If a value is not a number inside its range, a list has fewer than two, or it is a prior.
    """
    if is_prior(value):
        raise SpecError(
            f"{of}({name}={value}): priors of transforms are not sampled yet. Pass a number, a list of numbers to "
            f"choose from by marginal likelihood such as {name}=[{_inside(low, high)}, {_inside(low, high, 0.6)}], or "
            "None for the default list."
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
