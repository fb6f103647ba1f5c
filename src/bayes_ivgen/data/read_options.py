"""What all readers of rows have in common: names of columns, labels of regimes, what is left out, the order in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from bayes_ivgen.data.checks import RegimeLabels
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.data.in_order import Order
from bayes_ivgen.data.missing import Missing
from bayes_ivgen.data.reading import RowReader

_COLUMNS = tuple(column.name for column in fields(ColumnNames))


@dataclass(frozen=True)
class ReadOptions:
    """Options of a reader, checked as far as they can be without rows.

    Attributes
    ----------
    columns : ColumnNames
        Names of the columns.
    regime : str or None
        Column of regime labels.
    missing : {"refuse", "drop"}
        What is done with rows in which a value is missing.
    regime_labels : mapping or None
        The user's labels and what they set.
    exclude : sequence of str
        Labels of rows that are left out.
    order : Order
        Which columns say how rows follow each other.
    """

    columns: ColumnNames
    regime: str | None
    missing: Missing
    regime_labels: RegimeLabels | None
    exclude: Sequence[str]
    order: Order

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Self:
        """Read the arguments of a reader by their names, the same in all readers; others are passed over.

        Raises
        ------
        DataError
            If names are not valid, or an order in time does not go with the rest.
        """
        regime, missing = arguments.get("regime"), arguments["missing"]
        columns = ColumnNames.checked(**{name: arguments[name] for name in _COLUMNS}, regime=regime)
        order = Order(arguments.get("time"), arguments.get("unit"), arguments.get("derived"))
        order.check()
        return cls(columns, regime, missing, arguments.get("regime_labels"), arguments.get("exclude", ()), order)

    def reader(self) -> RowReader:
        """Return a reader that has seen no labels yet."""
        in_order = self.order.time is not None
        return RowReader(self.columns, self.regime, self.missing, also=self.order.names, in_order=in_order)
