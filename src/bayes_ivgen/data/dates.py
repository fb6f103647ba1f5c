"""Dates as text or whole numbers: ISO dates are read, of others a message says how to convert them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?")
NUMBERED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2\d{4}")
WRITE_ISO = "write dates as 2024-01-29 (year, month, day), or count the weeks: 0, 1, 2, ..."


def iso_days(entries: Sequence[Any]) -> NDArray[np.datetime64] | None:
    """Return days of dates that are written as 2024-01-29, None unless all entries are such texts."""
    if not all(isinstance(entry, str) and ISO.fullmatch(entry) for entry in entries):
        return None
    try:
        return pd.to_datetime(pd.Series(entries), format="ISO8601").to_numpy().astype("datetime64[D]")
    except ValueError:  # no such day
        return None


def odd_one(entries: Sequence[Any]) -> Any:
    """Return the first entry that is not an ISO date."""
    return next((entry for entry in entries if iso_days([entry]) is None), entries[0])


def date_advice(entries: Sequence[Any], code: str) -> str:
    """Say how to turn texts into dates; what is proposed can be run.

    Parameters
    ----------
    entries : sequence
        Of the column; some are no ISO dates.
    code : str
        What the column is called in code, for example ``frame['week']``.
    """
    formats = [text for text in _formats(entries) if _reads(entries, text)]
    if not formats:
        return WRITE_ISO[0].upper() + WRITE_ISO[1:]
    calls = [f'{code} = pandas.to_datetime({code}, format="{text}")' for text in formats]
    if len(calls) == 1:
        return f"Convert it: {calls[0]}."
    return f'Say whether the day comes first, {calls[0]}, or the month, format="{formats[1]}".'


def _formats(entries: Sequence[Any]) -> list[str]:
    """Return formats that the entries may have; two where nothing tells day from month."""
    texts = [str(entry) for entry in entries]
    if all(re.fullmatch(r"\d{8}", text) for text in texts):
        return ["%Y%m%d"]
    found = NUMBERED.fullmatch(texts[0])
    if found is not None:
        mark = found[2]
        return [f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"]
    found = re.fullmatch(r"\d{4}([./])\d{1,2}\1\d{1,2}", texts[0])
    return [] if found is None else [f"%Y{found[1]}%m{found[1]}%d"]


def _reads(entries: Sequence[Any], text: str) -> bool:
    try:
        pd.to_datetime(pd.Series([str(entry) for entry in entries]), format=text)
    except ValueError:
        return False
    return True


def look_like_dates(numbers: NDArray[np.int64]) -> bool:
    """Whether whole numbers are days written as 20240129."""
    distinct = np.unique(numbers)
    if not len(distinct) or distinct[0] < 19_000_101 or distinct[-1] > 21_991_231:
        return False
    return _reads(distinct.tolist(), "%Y%m%d")


def question_of_dates(name: str, first: int) -> str:
    """Ask whether whole numbers that are not equally far apart are days."""
    column = f"frame[{name!r}]"
    return (
        f"{name!r} holds whole numbers such as {first}, which look like days (year, month, day) and are not equally "
        f"far apart as numbers. Are they dates? Then write them as {pd.Timestamp(str(first)).date()}, or convert them: "
        f'{column} = pandas.to_datetime({column}.astype(str), format="%Y%m%d"). Otherwise count the weeks: 0, 1, 2, ...'
    )
