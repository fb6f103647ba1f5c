"""Columns of labels as whole numbers: no label is looked at more than once."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Factor(NamedTuple):
    """A column of labels.

    Attributes
    ----------
    positions : ndarray of shape (n,)
        Position of the label of each row among `labels`, -1 where it is missing.
    labels : list
        The distinct labels that occur.
    declared : tuple or None
        All labels in their order, if they are ordered: an ordered categorical of pandas or Arrow, an Enum of polars.
    """

    positions: NDArray[np.integer[Any]]
    labels: list[Any]
    declared: tuple[Any, ...] | None = None


def plain_label(value: Any) -> Any:
    """NumPy scalars as Python's own, so that they are found, printed and stored alike."""
    return value.item() if isinstance(value, np.generic) else value


def factorized(series: nw.Series[Any]) -> Factor:
    """Return the distinct labels of a column and where they stand."""
    native = series.to_native()
    if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
        declared = [plain_label(label) for label in native.cat.categories]
        order = tuple(declared) if native.cat.ordered else None
        return _used(native.cat.codes.to_numpy(), declared, order)
    if nw.dependencies.is_pyarrow_chunked_array(native) and (found := _of_arrow(native)) is not None:
        return found
    values = np.empty(len(series), dtype=object)
    values[:] = [None if value is pd.NA else value for value in series.to_list()]
    order = tuple(map(plain_label, series.dtype.categories)) if isinstance(series.dtype, nw.Enum) else None
    try:
        positions, labels = pd.factorize(values)
    except TypeError:  # a label that is not hashable stands for itself, to be refused
        return Factor(np.arange(len(values)), list(values), order)
    return Factor(positions, [plain_label(label) for label in labels], order)


def _of_arrow(column: Any) -> Factor | None:
    """Labels of an Arrow column of text, booleans or categories; None for others."""
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        column = column.unify_dictionaries()
    elif types.is_string(kind) or types.is_large_string(kind) or types.is_boolean(kind):
        column = column.dictionary_encode()
    else:
        return None
    if column.num_chunks == 0:
        return Factor(np.empty(0, dtype=int), [])
    labels = column.chunk(0).dictionary.to_pylist()
    if None in labels or len(set(labels)) < len(labels):  # Arrow allows for both
        return None
    parts = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in column.chunks]
    positions = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return _used(positions, labels, tuple(labels) if getattr(kind, "ordered", False) else None)


def _used(positions: NDArray[np.integer[Any]], labels: list[Any], declared: tuple[Any, ...] | None) -> Factor:
    """Leave out the labels that no row has."""
    used = np.bincount(positions + 1, minlength=len(labels) + 1)[1:] > 0
    if used.all():
        return Factor(positions, labels, declared)
    order = np.append(np.cumsum(used) - 1, -1)  # position -1 stays
    return Factor(order[positions], [label for label, is_used in zip(labels, used, strict=True) if is_used], declared)
