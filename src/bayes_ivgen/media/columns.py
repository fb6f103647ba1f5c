"""Season and trend as columns of a table, to be named as covariates (docs/theory/covariates.md has their roles)."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.series import in_frame, time_axis
from bayes_ivgen.errors import DataError

WEEKS_OF_YEAR = 52.1775


def seasonality(times: Any, period: float | None = None, order: int = 2, prefix: str = "season") -> pd.DataFrame:
    """Fourier columns of a season: sin and cos of 1 to `order` cycles a period.

    Parameters
    ----------
    times : series or array, length n
        Whole numbers or dates; a column of the table.
    period : float, optional
        Length of a cycle in steps of `times` (in days, for dates); by default a year: 365.2425 days, or 52.1775 steps.
    order : int
        Number of harmonics.
    prefix : str
        Start of the names of the columns.

    Returns
    -------
    DataFrame
        Columns ``season_sin_1, season_cos_1, ...``, with the index of `times` if it has one.

    Raises
    ------
    DataError
        If times cannot be read, or `period` or `order` is not positive.

    Examples
    --------
    >>> ivg.media.seasonality(weeks["week"], order=1).columns.tolist()
    ['season_sin_1', 'season_cos_1']
    >>> ivg.media.seasonality(np.arange(5), period=4, order=1)["season_sin_1"].round(6).abs().tolist()
    [0.0, 1.0, 0.0, 1.0, 0.0]
    """
    values, is_date = _axis(times)
    length = (365.2425 if is_date else WEEKS_OF_YEAR) if period is None else period
    if not isinstance(length, int | float) or not np.isfinite(length) or length <= 0:
        raise DataError(f"period={period!r} must be a positive number of steps (days, for dates), for example 52.18.")
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 1:
        raise DataError(f"order={order!r} must be a whole number of harmonics, 1 or more.")
    columns = {
        f"{prefix}_{name}_{harmonic}": function(2 * np.pi * harmonic * values / length)
        for harmonic in range(1, order + 1)
        for name, function in (("sin", np.sin), ("cos", np.cos))
    }
    return pd.DataFrame(columns, index=_index(times))


def trend(times: Any, name: str = "trend") -> pd.DataFrame:
    """Column of a trend: time from 0 at the first to 1 at the last, which a spline bends as it needs.

    Parameters
    ----------
    times : series or array, length n
        Whole numbers or dates; a column of the table.
    name : str
        Name of the column.

    Returns
    -------
    DataFrame
        One column, with the index of `times` if it has one.

    Raises
    ------
    DataError
        If times cannot be read, or are all the same.

    Examples
    --------
    >>> ivg.media.trend([10, 11, 12])["trend"].tolist()
    [0.0, 0.5, 1.0]
    """
    values, _ = _axis(times)
    low, high = values.min(), values.max()
    if low == high:
        raise DataError("all times are the same, so there is no trend; pass the times of all rows.")
    return pd.DataFrame({name: (values - low) / (high - low)}, index=_index(times))


def _index(times: Any) -> pd.Index | None:
    return times.index if isinstance(times, pd.Series) else None  # lists and pyarrow have a method of this name


def _axis(times: Any) -> tuple[FloatArray, bool]:
    series = nw.from_native(times if isinstance(times, pd.Series) else pd.Series(times), series_only=True)
    name = None if getattr(times, "name", None) is None else str(times.name)
    moments, kind = time_axis(series, *(("times", "times") if name is None else in_frame(name)))
    return moments.astype(float), kind == "date"
