"""Names of columns with their units, as the pictures of a fit write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit


@dataclass(frozen=True)
class PictureLabels:
    """Names of the columns of a fit, with units where they were given."""

    fit: Fit = field(repr=False)
    units: Mapping[str, str] = field(default_factory=dict)

    def with_units(self, units: Mapping[str, str]) -> Self:
        """Return the same pictures with units: ``fit.plot.with_units({"sales": "thousand euro"}).curves()``.

        Parameters
        ----------
        units : mapping of str to str
            Unit of a column.

        Returns
        -------
        FitPlots

        Raises
        ------
        QueryError
            If a name is not a column of the fit.

        Examples
        --------
        >>> fit.plot.with_units({"tv": "spots"}).label("tv")
        'tv (spots)'
        """
        names = [*self.fit.design.variables, self.fit.outcome_name]
        unknown = [name for name in units if name not in names]
        if unknown:
            raise QueryError(f"units names {unknown[0]!r}, which is not a column of the fit. They are {names}.")
        return replace(self, units=dict(units))

    def label(self, name: str) -> str:
        """Return a column's name with its unit.

        Parameters
        ----------
        name : str
            Name of a column.

        Returns
        -------
        str

        Examples
        --------
        >>> fit.plot.label("tv")
        'tv'
        """
        return f"{name} ({self.units[name]})" if name in self.units else name

    @property
    def mean_label(self) -> str:
        """What curves show, with its unit."""
        return ("location of " if self.fit.model.family.has_tail else "mean ") + self.label(self.fit.outcome_name)
