"""The pieces of a page: paragraphs, tables, pictures, sections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Paragraph:
    """Prose; a verdict is set apart as good or bad news."""

    text: str
    verdict: Literal["", "good", "bad"] = ""
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the rows, numbers are aligned to the right."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: frozenset[int] = frozenset()
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI, with its text alternative and size in CSS pixels."""

    source: str
    alt: str
    caption: str
    width: int
    height: int
    kind: Literal["picture"] = "picture"


@dataclass(frozen=True)
class Gallery:
    """Pictures beside each other where the page is wide enough."""

    pictures: tuple[Picture, ...]
    kind: Literal["gallery"] = "gallery"


@dataclass(frozen=True)
class Terms:
    """Statements with what belongs to each."""

    items: tuple[tuple[str, str], ...]
    kind: Literal["terms"] = "terms"


Block = Paragraph | Table | Picture | Gallery | Terms


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    name: str
    title: str
    blocks: tuple[Block, ...]


def number(value: Any, digits: int = 4) -> str:
    """Write a number with `digits` significant digits and thousands apart; a dash where there is none."""
    value = float(value)
    if not math.isfinite(value):
        return "-"
    if 10**digits <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def interval(mean: float, lower: float, upper: float) -> tuple[str, str, str]:
    """Write three numbers with decimals that show two digits of the width."""
    width = upper - lower
    if not (math.isfinite(width) and width > 0) or max(map(abs, (mean, lower, upper))) >= 1e9:
        return number(mean), number(lower), number(upper)
    decimals = min(6, max(0, 1 - math.floor(math.log10(width))))
    written: Sequence[str] = [f"{value:,.{decimals}f}" for value in (mean, lower, upper)]
    return written[0], written[1], written[2]


def p_value(value: float) -> str:
    """Write a p-value; a dash where there is none."""
    if not math.isfinite(value):
        return "not tested"
    if value < 1e-16:
        return "< 1e-16"
    return f"{value:.2g}" if value >= 0.001 else f"{value:.0e}"
