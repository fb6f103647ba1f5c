"""Round numbers: steps that people would choose, and bounds that stay on their side when printed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bayes_ivgen.basis.base import FloatArray

DIGITS = 12


def up(value: float) -> str:
    """Six significant digits, rounded up: a budget of so much is enough."""
    return _rounded(value, math.ceil)


def inward(low: float, high: float) -> tuple[str, str]:
    """Six significant digits of both ends, rounded so that they lie inside."""
    return _rounded(low, math.ceil), _rounded(high, math.floor)


def _rounded(value: float, towards: Callable[[float], int]) -> str:
    if value == 0:
        return "0"
    scale = 10.0 ** (5 - exponent(value))
    near = round(value * scale)
    whole = near if abs(near - value * scale) < 1e-7 and near / scale == value else towards(value * scale)
    return f"{whole / scale:.6g}"


def exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def round_number(value: float) -> float:
    """Return the least of 1, 2, 5, 10, ... that is `value` or more."""
    power = 10.0 ** exponent(value)
    return float(next(base for base in (1, 2, 5, 10) if base * power >= value * (1 - 1e-9)) * power)


def ladder(first: float, low: float, high: float, step: float) -> FloatArray:
    """Values from `first` in steps up to `high`, free of the noise of their last digits."""
    count = math.floor((high - first) / step + 1e-9) + 1
    found = first + step * np.arange(max(count, 0))
    return np.clip(np.round(found, DIGITS - 1 - exponent(max(abs(low), abs(high)))), low, high)
