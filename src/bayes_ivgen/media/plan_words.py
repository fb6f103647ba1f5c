"""Words for what several units (geos) of a plan have in common."""

from __future__ import annotations

from collections.abc import Sequence


def counted(n: int, of: int, unit: str) -> str:
    """Write how many units: ``3 of 40 units (geo)``."""
    return f"{n} of {of} units ({unit})"


def range_text(values: Sequence[str]) -> str:
    """Write numbers as a range: ``12.6 to 20.1``."""
    low, high = min(values, key=float), max(values, key=float)
    return low if low == high else f"{low} to {high}"
