"""Validators of arguments that several worlds share; each returns the normalised value."""

from __future__ import annotations

import math
from numbers import Integral, Real

from bayes_ivgen.errors import IvgenError, SpecError


def check_integer(
    value: object,
    name: str,
    *,
    least: int,
    most: int | None = None,
    error: type[IvgenError] = SpecError,
) -> int:
    """Return `value` as an int between `least` and `most`, or raise `error`."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if number >= least and (most is None or number <= most):
            return number
    wanted = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
    raise error(f"{name} must be {wanted}. Got {value!r} instead; pass for example {name}={max(least, 1)}.")


def check_fraction(value: object, name: str) -> float:
    """Return `value` as a float in [0, 1], or raise `SpecError`."""
    if isinstance(value, Real) and not isinstance(value, bool) and 0.0 <= float(value) <= 1.0:
        return float(value)
    raise SpecError(f"{name} must be a number from 0 to 1. Got {value!r}; pass for example {name}=0.5.")


def check_nonnegative(value: object, name: str) -> float:
    """Return `value` as a finite float of at least 0, or raise `SpecError`."""
    if isinstance(value, Real) and not isinstance(value, bool) and 0.0 <= float(value) < math.inf:
        return float(value)
    raise SpecError(f"{name} must be a finite number, 0 or more. Got {value!r}; pass for example {name}=0.5.")


def check_range(value: object, name: str) -> tuple[float, float]:
    """Return `value` as two finite floats, the first not above the second, or raise `SpecError`."""
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(item, Real) for item in value):
        low, high = float(value[0]), float(value[1])
        if -math.inf < low <= high < math.inf:
            return low, high
    raise SpecError(f"{name} must be two numbers, the lower first. Got {value!r}; pass for example {name}=(-0.5, 0.5).")
