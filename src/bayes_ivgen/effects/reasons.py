"""Reasons why the data do not support an answer, short enough for a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bayes_ivgen.media.plan_words import counted, range_text

SHOWN = 2
VALUE = re.compile(r"(?<==)-?\d[\d.]*(?:e[-+]?\d+)?")


def shortened(reason: str) -> str:
    """Return the first two of several reasons, and where the others are."""
    parts = reason.split("; ")
    return reason if len(parts) <= SHOWN else f"{'; '.join(parts[:SHOWN])}; and more in the column 'reason'"


def joined(reasons: Iterable[str]) -> str:
    """Put reasons side by side, each once."""
    return "; ".join(dict.fromkeys(part for text in reasons for part in text.split("; ") if part))


def merged(reasons: Sequence[str], unit: str | None = None) -> str:
    """Put the reasons of several rows into one, those that differ only in values as their range.

    Parameters
    ----------
    reasons : sequence of str
        Of each row, empty where there is none.
    unit : str, optional
        What a row is, if there are several.

    Returns
    -------
    str
    """
    alike: dict[str, list[tuple[str, ...]]] = {}
    for text in reasons:
        for part in dict.fromkeys(filter(None, text.split("; "))):
            alike.setdefault(VALUE.sub("{}", part), []).append(tuple(VALUE.findall(part)))
    told = []
    for pattern, values in alike.items():
        shown = pattern
        for column in zip(*values, strict=True):
            shown = shown.replace("{}", range_text(column), 1)
        few = unit is not None and len(values) < len(reasons)
        told.append(f"{shown}, in {counted(len(values), len(reasons), str(unit))}" if few else shown)
    return "; ".join(told)
