"""From any data frame to checked float arrays: pandas, polars and pyarrow alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.data.factors import factorized
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import DataError


def check_columns(names: Sequence[Any], needed: Sequence[str], where: str) -> None:
    """Raise a `DataError` unless every needed column stands exactly once among `names`."""
    counts = Counter(names)
    for name in needed:
        if counts[name] == 0:
            raise DataError(
                f"{where} has no column {name!r}. Its columns are {list(counts)}; "
                f"correct the name or rename the column.{_hint(name, list(counts))}"
            )
        if counts[name] > 1:
            raise DataError(f"{where} has {counts[name]} columns named {name!r}; rename or drop all but one of them.")


def _hint(missing: str, names: Sequence[Any]) -> str:
    """Say what else may be wrong: another separator than commas, labels in a column of another name."""
    marks = [mark for mark in (";", "\t", "|") if len(names) == 1 and mark in str(names[0])]
    if marks:
        return f" The header is separated by {marks[0]!r}: save the file separated by commas."
    # The default of every reader, so that nobody need have typed it.
    return " If another column says what was set in each row, pass its name as regime=." if missing == "regime" else ""


def to_narwhals(frame: Any, needed: Sequence[str], where: str) -> nw.DataFrame[Any]:
    """Wrap a native frame (eager or lazy) and keep the needed columns.

    Raises
    ------
    DataError
        If the object is not a data frame, or a column is missing, or stands twice.
    """
    native = nw.to_native(frame, pass_through=True)
    # pandas and pyarrow allow doubled names, narwhals does not: look at them, and drop what is not needed, first.
    if nw.dependencies.is_pandas_like_dataframe(native):
        check_columns(list(native.columns), needed, where)
        native = native.loc[:, list(needed)]
    elif nw.dependencies.is_pyarrow_table(native):
        check_columns(native.column_names, needed, where)
        native = native.select(list(needed))
    try:
        wrapped = nw.from_native(native)
    except TypeError as error:
        raise DataError(
            f"{where} is a {type(frame).__name__}, which is not a data frame. "
            "Pass a pandas, polars or pyarrow table, or use RegimeData.from_parquet for files."
        ) from error
    check_columns(wrapped.collect_schema().names(), needed, where)
    selected = wrapped.select(needed)
    return selected.collect() if isinstance(selected, nw.LazyFrame) else selected


def numeric_columns(frame: nw.DataFrame[Any], names: Sequence[str], where: str, first_row: int = 0) -> FloatArray:
    """Return the named columns as a float array of shape (n, len(names)).

    Raises
    ------
    DataError
        If a column is not made of real numbers, or holds a missing or infinite value.
    """
    columns = [numeric_column(frame[name], name, where, first_row) for name in names]
    return np.ascontiguousarray(np.column_stack(columns)) if columns else np.empty((len(frame), 0))


def numeric_column(
    series: nw.Series[Any], name: str, where: str, first_row: int = 0, *, missing_ok: bool = False
) -> FloatArray:
    """Return one column as floats of shape (n,), to be read only; missing values are NaN if `missing_ok`.

    Raises
    ------
    DataError
        As `numeric_columns` does.
    """
    if not series.dtype.is_numeric():
        raw = str(getattr(series.to_native(), "dtype", series.dtype))
        raise DataError(
            f"column {name!r} of {where} holds {_kind(series.dtype, raw)} (dtype {raw}); it must hold real "
            f"numbers. {_advice(series.dtype, raw)}"
        )
    if not missing_ok and series.is_null().any():
        row = first_row + int(series.is_null().to_numpy().argmax())
        raise DataError(
            f"column {name!r} of {where} is missing (NaN) in row {row}; "
            "drop or fill the rows with missing values first."
        )
    values = _as_numpy(series)
    if np.iscomplexobj(values):
        raise DataError(
            f"column {name!r} of {where} holds complex numbers; it must hold real numbers. "
            "Pass the real part or the modulus."
        )
    values = values.astype(np.float64, copy=False)
    finite = np.isfinite(values)
    if missing_ok and not finite.all():
        finite |= np.isnan(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(
            f"column {name!r} of {where} is {values[row]} in row {first_row + row}; "
            "drop or fill the rows with NaN or infinite values first."
        )
    return values


def _as_numpy(series: nw.Series[Any]) -> np.ndarray[Any, Any]:
    native = series.to_native()
    if nw.dependencies.is_pyarrow_chunked_array(native) and native.num_chunks == 1:
        return np.asarray(native.chunk(0).to_numpy(zero_copy_only=False))  # not copied where nothing is missing
    return np.asarray(series.to_numpy())


_CONVERT = "Convert it to numbers, with .astype(float) in pandas or .cast(float) in polars"


def _kind(dtype: nw.dtypes.DType, raw: str) -> str:
    if dtype == nw.Boolean:
        return "booleans"
    if isinstance(dtype, nw.Datetime | nw.Date | nw.Duration | nw.Time):
        return "dates or times"
    if "complex" in raw:
        return "complex numbers"
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return "categories"
    if dtype == nw.String:
        return "strings"
    return "objects that are not numbers"


def _advice(dtype: nw.dtypes.DType, raw: str) -> str:
    if dtype == nw.Boolean:
        return f"{_CONVERT}, if 0 and 1 are meant."
    if isinstance(dtype, nw.Datetime | nw.Date | nw.Duration | nw.Time):
        return "Convert it to a number of days or seconds."
    if "complex" in raw:
        return "Pass the real part or the modulus."
    return f"{_CONVERT}."


class RowLabels(NamedTuple):
    """Labels of rows: codes of shape (n,), -1 where the label is missing, and the label of each code."""

    codes: NDArray[np.integer[Any]]
    labels: list[str]


def label_column(frame: nw.DataFrame[Any], name: str, where: str) -> RowLabels:
    """Return the regime labels.

    Raises
    ------
    DataError
        If a label is not text.
    """
    series = frame[name]
    codes, labels, _ = factorized(series.cast(nw.String) if series.dtype.is_numeric() else series)
    wrong = next((label for label in labels if not isinstance(label, str)), None)
    if wrong is not None:
        raise DataError(
            f"the regime column {name!r} of {where} holds {wrong!r}; labels must be text such as 'obs' or 'do(tv)'."
        )
    return RowLabels(codes, labels)
