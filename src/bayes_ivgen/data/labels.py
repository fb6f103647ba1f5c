"""Columns of labels: from categories, text and booleans to codes 0..L-1, and back.

Codes are given in the order of first appearance while rows stream by; when all rows were seen the labels
are put in their final order (`Codebook.label_set`), so that the codes of a data set do not depend on the
order of its rows or files: declared order for ordered categories, else sorted.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from bayes_ivgen.data.factors import factorized, plain_label
from bayes_ivgen.data.profile import MAX_LEVELS, FloatArray
from bayes_ivgen.errors import DataError

Label = str | bool | int | float


@dataclass(frozen=True)
class LabelSet:
    """The labels of one column; label l has the code l.

    Attributes
    ----------
    labels : tuple of str, bool, int or float
        Labels that occur, in declared order if they are ordered, else sorted.
    ordered : bool
        Whether neighbours are alike: an ordered categorical of pandas or Arrow, an Enum of polars.
    """

    labels: tuple[Label, ...]
    ordered: bool = False


def listed(labels: Iterable[Label]) -> str:
    """Labels for a message: ``'A', 'B'``."""
    return ", ".join(repr(label) for label in labels)


def holds_labels(series: nw.Series[Any]) -> bool:
    """Whether a column is made of categories, text or booleans."""
    dtype = series.dtype
    if dtype in (nw.Categorical, nw.Enum, nw.String, nw.Boolean):
        return True
    if dtype != nw.Object:
        return False
    # Booleans with gaps are objects in pandas.
    found = [value for value in series.to_list() if not pd.isna(value)] if _is_flat(series) else []
    return bool(found) and all(isinstance(value, bool | np.bool_) for value in found)


def _is_flat(series: nw.Series[Any]) -> bool:
    return all(np.isscalar(value) or value is None or value is pd.NA for value in series.to_list())


class Codebook:
    """Codes of the labels of each column in the order in which they appear."""

    def __init__(self) -> None:
        self._codes: dict[str, dict[Label, int]] = {}
        self._declared: dict[str, tuple[Label, ...]] = {}
        self._is_text: dict[str, bool] = {}
        self._numeric: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._codes

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of labels that were met."""
        return tuple(self._codes)

    def saw_numbers(self, name: str, where: str) -> None:
        """Note a column of numbers.

        Raises
        ------
        DataError
            If it held labels elsewhere.
        """
        self._numeric.setdefault(name, where)
        if name in self._codes:
            self._refuse_both(name, where)

    def _refuse_both(self, name: str, where: str) -> None:
        other = self._numeric.get(name, where)
        raise DataError(
            f"column {name!r} holds numbers in {other} and labels elsewhere; convert it to one of them everywhere."
        )

    def encode(self, series: nw.Series[Any], name: str, where: str) -> FloatArray:
        """Codes of a column of labels, NaN where it is missing; shape (n,).

        Raises
        ------
        DataError
            If a label is not text, a number or a boolean, or orders contradict each other.
        """
        if name in self._numeric:
            self._refuse_both(name, where)
        positions, labels, declared = factorized(series)
        wrong = next((label for label in labels if not isinstance(label, Label)), None)
        if wrong is not None:
            raise DataError(
                f"column {name!r} of {where} holds the label {wrong!r} ({type(wrong).__name__}); labels must be text, "
                "numbers or booleans. Convert them, with .cat.rename_categories(str) in pandas."
            )
        self._declare(name, declared, where)
        plain_text = series.dtype == nw.String
        self._is_text[name] = self._is_text.get(name, True) and plain_text
        known = self._codes.setdefault(name, {})
        codes = np.array([known.setdefault(label, len(known)) for label in labels] + [np.nan])
        return codes[positions]  # position -1 is a missing value

    def code(self, label: Label, name: str) -> float:
        """Code of one label that stands for all rows of a table."""
        known = self._codes.setdefault(name, {})
        return float(known.setdefault(label, len(known)))

    def copy(self) -> Codebook:
        """Return a codebook to which labels can be added without changing this one."""
        return deepcopy(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the codebook exactly."""
        return {
            "labels": {name: list(codes) for name, codes in self._codes.items()},
            "declared": {name: list(labels) for name, labels in self._declared.items()},
            "is_text": dict(self._is_text),
            "numeric": dict(self._numeric),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Codebook:
        """Restore what `to_dict` wrote."""
        book = cls()
        book._codes = {
            name: {label: code for code, label in enumerate(labels)} for name, labels in data["labels"].items()
        }
        book._declared = {name: tuple(labels) for name, labels in data["declared"].items()}
        book._is_text, book._numeric = dict(data["is_text"]), dict(data["numeric"])
        return book

    def absorb(self, other: Codebook) -> dict[str, FloatArray]:
        """Add the labels of another codebook; returns for each of its columns the code here of each code there.

        Raises
        ------
        DataError
            If a column holds labels in one and numbers in the other, or orders contradict each other.
        """
        for name, where in other._numeric.items():
            self.saw_numbers(name, where)
        found = {}
        for name, codes in other._codes.items():
            if name in self._numeric:
                self._refuse_both(name, "other rows")
            self._declare(name, other._declared.get(name), "other rows")
            self._is_text[name] = self._is_text.get(name, True) and other._is_text.get(name, False)
            known = self._codes.setdefault(name, {})
            found[name] = np.array([known.setdefault(label, len(known)) for label in codes], dtype=float)
        return found

    def _declare(self, name: str, declared: tuple[Label, ...] | None, where: str) -> None:
        if declared is None:
            return
        before = self._declared.setdefault(name, declared)
        if before != declared:
            raise DataError(
                f"column {name!r} of {where} is an ordered category {list(declared)}, but {list(before)} in rows "
                "before; declare the same categories in the same order everywhere."
            )

    def label_set(self, name: str, used: FloatArray) -> tuple[LabelSet, FloatArray]:
        """Return the final labels of a column, and the map from codes so far to final ones (NaN: not used).

        Raises
        ------
        DataError
            If the text of a label reads as a number.
        """
        known = list(self._codes[name])
        labels = [known[int(code)] for code in used]
        as_number = next((label for label in labels if _reads_as_number(label)), None)
        if self._is_text.get(name, False) and as_number is not None:
            raise DataError(
                f"column {name!r} holds strings that read as numbers, such as {as_number!r}. Convert it to numbers, "
                "with .astype(float) in pandas or .cast(float) in polars, or, if they are mere labels, to categories."
            )
        declared = self._declared.get(name)
        final = _in_order(labels, declared)
        recode = np.full(len(known), np.nan)
        for position, label in enumerate(final):
            recode[known.index(label)] = position
        return LabelSet(tuple(final), ordered=declared is not None), recode


def _in_order(labels: Sequence[Label], declared: tuple[Label, ...] | None) -> list[Label]:
    if declared is not None:
        return [label for label in declared if label in labels]
    if len({isinstance(label, numbers.Number) for label in labels}) > 1:
        return sorted(labels, key=str)
    return sorted(labels)


def _reads_as_number(label: Label) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def too_many_labels(name: str) -> DataError:
    """Error for a column of labels without end, such as an identifier."""
    return DataError(
        f"column {name!r} holds more than {MAX_LEVELS} different labels, too many for levels of an action or a "
        "covariate. Convert it to numbers if it holds numbers as text, merge rare labels, or leave it out."
    )


def codes_of(value: Any, labels: Sequence[Label]) -> tuple[FloatArray, Any]:
    """Codes of one label or a flat array of labels, and the first one that is unknown (or None)."""
    known = {label: float(code) for code, label in enumerate(labels)}
    items = _flat(value)
    found = [_look_up(known, plain_label(item)) for item in items]
    unknown = next((item for item, code in zip(items, found, strict=True) if code is None), None)
    if unknown is None and None in found:
        unknown = np.nan
    return np.array([np.nan if code is None else code for code in found], dtype=float), unknown


def _look_up(known: dict[Label, float], item: Any) -> float | None:
    try:
        return known.get(item)
    except TypeError:  # not hashable
        return None


def _flat(value: Any) -> list[Any]:
    if isinstance(value, Label) or value is None:
        return [value]
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, pd.Categorical):  # its to_list is deprecated in pandas 2
        return list(value.tolist())
    if hasattr(value, "to_list"):
        return list(value.to_list())
    if hasattr(value, "to_pylist"):
        return list(value.to_pylist())
    array = np.asarray(value)
    if array.ndim > 1:
        return [value]
    return list(np.atleast_1d(array).tolist())
