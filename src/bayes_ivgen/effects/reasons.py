"""Reasons why the data do not support an answer, short enough for a sentence."""

from __future__ import annotations

SHOWN = 2


def shortened(reason: str) -> str:
    """Return the first two of several reasons, and where the others are."""
    parts = reason.split("; ")
    return reason if len(parts) <= SHOWN else f"{'; '.join(parts[:SHOWN])}; and more in the column 'reason'"
