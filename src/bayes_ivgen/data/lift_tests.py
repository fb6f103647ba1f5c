"""Summaries of experiments: by how much the outcome changed when one action was moved from x to x + delta_x.

The columns are those of pymc-marketing's ``add_lift_test_measurements``: ``channel`` (or ``action``), ``x``,
``delta_x``, ``delta_y``, ``sigma``, all in original units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import narwhals as nw
import numpy as np

from bayes_ivgen.data.frames import numeric_columns, to_narwhals
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import DataError

NUMBERS = ("x", "delta_x", "delta_y", "sigma")
NAMES = ("channel", "action")
WHERE = "the frame of lift tests"


@dataclass(frozen=True, eq=False)
class LiftTests:
    """Results of n lift tests, delta_y ~ Normal(m_k(x + delta_x) - m_k(x), sigma).

    Attributes
    ----------
    actions : tuple of str, length n
        The action that each test moved.
    x, delta_x, delta_y, sigma : ndarray of shape (n,)
        Value before, its change, the change of the mean outcome (signed like the change of the action's value:
        cutting a spend that works has both negative), and its standard error; in units of action and outcome.
    """

    actions: tuple[str, ...]
    x: FloatArray = field(repr=False)
    delta_x: FloatArray = field(repr=False)
    delta_y: FloatArray = field(repr=False)
    sigma: FloatArray = field(repr=False)

    @classmethod
    def from_frame(cls, frame: Any, actions: Sequence[str]) -> Self:
        """Read and check a table (pandas, polars or pyarrow).

        Raises
        ------
        DataError
            If a column is missing, unknown or not made of finite numbers, there is no row, a channel is not one of
            `actions`, a standard error is not positive, or a test changes nothing.
        """
        try:
            given = [str(name) for name in nw.from_native(frame).collect_schema().names()]
        except TypeError as error:
            raise DataError(
                f"{WHERE} is a {type(frame).__name__}; pass a pandas, polars or pyarrow table with the columns "
                f"{['channel', *NUMBERS]}."
            ) from error
        names = [name for name in NAMES if name in given]
        if len(names) != 1:
            raise DataError(
                f"{WHERE} must have one column 'channel' (or 'action') that says what was moved. Got the columns "
                f"{given}; {'drop one of them' if names else 'add it'}."
            )
        extra = [name for name in given if name not in (*names, *NUMBERS)]
        if extra:
            raise DataError(
                f"{WHERE} has a column {extra[0]!r}, which the model would ignore. It reads {[*names, *NUMBERS]}; drop "
                "the others, for tests of single regions or dates once you know that they hold for all rows."
            )
        table = to_narwhals(frame, [*names, *NUMBERS], WHERE)
        if len(table) == 0:
            raise DataError(f"{WHERE} has no rows; pass at least one test, or leave lift_tests out.")
        channels = table[names[0]].to_list()
        unknown = next((name for name in channels if name not in actions), None)
        if unknown is not None or None in channels:
            raise DataError(
                f"{WHERE} names {unknown!r}, which is not an action. The actions are {list(actions)}; correct the name "
                "or drop the row."
            )
        values = numeric_columns(table, NUMBERS, WHERE)
        for column, wrong, rule in (
            (3, values[:, 3] <= 0, "a standard error must be above 0"),
            (1, values[:, 1] == 0, "a test that changes nothing says nothing"),
        ):
            if wrong.any():
                row = int(np.argmax(wrong))
                raise DataError(
                    f"column {NUMBERS[column]!r} of {WHERE} is {values[row, column]:g} in row {row}; {rule}. Correct "
                    "or drop the row."
                )
        return cls(tuple(channels), *values.T.copy())

    def __len__(self) -> int:
        return len(self.actions)

    def ends(self, action: str) -> FloatArray:
        """Lower and upper end of each test of an action, shape (tests, 2)."""
        chosen = np.array([name == action for name in self.actions])
        return np.sort(np.column_stack([self.x, self.x + self.delta_x])[chosen], axis=1)

    def ranges(self, action: str) -> list[tuple[float, float]]:
        """Ranges inside which tests of an action hang together: overlapping or touching intervals, merged."""
        merged: list[tuple[float, float]] = []
        for low, high in sorted(map(tuple, self.ends(action).tolist())):
            if merged and low <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], high))
            else:
                merged.append((low, high))
        return merged

    def connect(self, action: str, first: FloatArray, second: FloatArray) -> bool:
        """Whether every pair of values lies inside one of the `ranges`."""
        inside = [
            (np.minimum(first, second) >= low) & (np.maximum(first, second) <= high)
            for low, high in self.ranges(action)
        ]
        return bool(inside) and bool(np.any(inside, axis=0).all())

    def to_dict(self) -> dict[str, list[Any]]:
        """Return plain data for storage."""
        return {"actions": list(self.actions), **{name: getattr(self, name).tolist() for name in NUMBERS}}

    @classmethod
    def from_dict(cls, data: dict[str, list[Any]]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(tuple(data["actions"]), *(np.array(data[name], dtype=float) for name in NUMBERS))
