"""Tables of pandas as frames of other libraries."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pandas as pd

from bayes_ivgen.errors import QueryError

BACKENDS = ("pandas", "polars", "pyarrow")


def to_backend(table: pd.DataFrame, backend: str) -> Any:
    """Return the columns of a table in a frame of `backend`; ordered categories keep their order.

    Raises
    ------
    QueryError
        If the backend is unknown, or not installed.
    """
    if backend not in BACKENDS:
        raise QueryError(f"backend={backend!r} is not known; valid are 'pandas', 'polars' and 'pyarrow'.")
    if backend == "pandas":
        return table
    if find_spec(backend) is None:
        raise QueryError(
            f"backend={backend!r} needs the package {backend}, which is not installed; install it with: "
            + ("pip install 'bayes-ivgen[polars]'" if backend == "polars" else "pip install bayes-ivgen")
        )
    import pyarrow as pa

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    if backend == "pyarrow":
        return arrow
    import polars as pl

    frame = pl.DataFrame(arrow)
    return frame.with_columns(frame[name].cast(pl.Enum(levels)) for name, levels in _ordered_text(table).items())


def _ordered_text(table: pd.DataFrame) -> dict[str, list[str]]:
    """Levels of the columns that polars can hold as an Enum, in their order."""
    found = {str(name): column.dtype for name, column in table.items()}
    return {
        name: list(dtype.categories)
        for name, dtype in found.items()
        if isinstance(dtype, pd.CategoricalDtype)
        if dtype.ordered and all(isinstance(level, str) for level in dtype.categories)
    }
