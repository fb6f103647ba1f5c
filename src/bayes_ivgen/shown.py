"""How results look where they are only named: a few lines in a terminal, a card in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 80
MOST_ROWS = 12
# Colours are the reader's own, in light and in dark; wide tables scroll inside the card.
_CARD = "max-width:60em;overflow-x:auto;border-left:3px solid currentColor;padding:0.1em 0 0.1em 0.8em;"


class Shown:
    """Results whose `str` says them in words; `_tables` are what a notebook shows below."""

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        """Tables of the card by title, none by default."""
        return {}

    def __repr__(self) -> str:
        return wrapped(str(self))

    def _repr_html_(self) -> str:
        return card(type(self).__name__, str(self), self._tables())


def wrapped(text: str) -> str:
    """Break lines at 80 columns; indented and aligned lines stay as they are."""
    lines = text.splitlines()
    options = {"width": WIDTH, "subsequent_indent": "  ", "break_on_hyphens": False, "break_long_words": False}
    return "\n".join(line if line.startswith(" ") else fill(line, **options) for line in lines)  # type: ignore[arg-type]


def card(title: str, text: str, tables: Mapping[str, pd.DataFrame] | None = None) -> str:
    """Return a piece of HTML that needs nothing else; whatever comes from data is escaped.

    Parameters
    ----------
    title : str
        Name of the type.
    text : str
        Some lines of prose; indented lines keep their spaces.
    tables : mapping of str to DataFrame, optional
        Shown below by title; long ones by their first rows.
    """
    parts = [f"<strong>{escape(title)}</strong>", f'<div style="white-space:pre-wrap">{escape(text)}</div>']
    for name, table in (tables or {}).items():
        more = f"<div>first {MOST_ROWS} of {len(table):,} rows</div>" if len(table) > MOST_ROWS else ""
        inner = table.head(MOST_ROWS).to_html(border=0, float_format="{:.4g}".format, escape=True, na_rep="")
        parts.append(f"<details open><summary>{escape(name)}</summary>{inner}{more}</details>")
    return f'<div style="{_CARD}">{"".join(parts)}</div>'
