"""Orthogonal polynomials: a line plus higher powers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.polynomial import legendre

from bayes_ivgen.basis.base import FloatArray, Tail, unit_scale, written
from bayes_ivgen.basis.bspline import TAIL_MASS
from bayes_ivgen.errors import SpecError


@dataclass(frozen=True)
class Polynomial:
    """Legendre polynomials up to a degree; the powers above one share one scale.

    Parameters
    ----------
    degree : int
        Highest power.
    tail : {"linear", "clip"}
        Beyond the 0.1 to 99.9 % range of the data the function follows its linear part, or stays
        constant.

    Raises
    ------
    SpecError
        If an argument is not valid.

    Examples
    --------
    >>> ivg.InterventionModel(causal=ivg.Polynomial(2)).causal
    Polynomial(degree=2, tail='linear')
    """

    degree: int = 3
    tail: Tail = "linear"

    def __post_init__(self) -> None:
        if self.degree < 1:
            raise SpecError(f"Polynomial(degree={self.degree}): the degree must be at least 1.")
        if self.tail not in ("linear", "clip"):
            raise SpecError(f"Polynomial(tail={self.tail!r}): valid are 'linear' and 'clip'.")

    def margin(self) -> Polynomial:
        """Return the cubic that enters products of two actions.

        Returns
        -------
        Polynomial

        Examples
        --------
        >>> ivg.Polynomial(5).margin()
        Polynomial(degree=3, tail='clip')
        """
        return replace(self, degree=min(self.degree, 3), tail="clip")

    def fit(self, placed: FloatArray, centred: FloatArray, levels: FloatArray | None = None) -> FittedPolynomial:
        """Fix range, centre and scale; the degree is cut to one less than the number of levels.

        Parameters
        ----------
        placed : ndarray, shape (n,)
            Values that place knots and boundaries.
        centred : ndarray, shape (m,)
            Values over which the columns have mean zero.
        levels : ndarray, optional
            Distinct values, if the action was tried at few.

        Returns
        -------
        FittedPolynomial

        Examples
        --------
        >>> values = np.linspace(0, 10, 101)
        >>> ivg.Polynomial(3).fit(values, values).columns(values).shape
        (101, 3)
        """
        if levels is None:
            low, high = np.quantile(placed, [TAIL_MASS, 1 - TAIL_MASS])
            degree = self.degree
        else:
            low, high = levels[0], levels[-1]
            degree = min(self.degree, len(levels) - 1)
        if low == high and degree > 0:
            low, high = placed.min(), placed.max()
        draft = FittedPolynomial(degree, float(low), float(high), self.tail, np.zeros(degree), (1.0, 1.0))
        if degree == 0:
            return draft
        raw = draft.columns(np.clip(placed, low, high))
        scales = (unit_scale(raw[:, :1]), unit_scale(raw[:, 1:]))
        centre = draft.columns(centred).mean(axis=0)
        return FittedPolynomial(degree, float(low), float(high), self.tail, centre, scales)


@dataclass(frozen=True, eq=False)
class FittedPolynomial:
    """A polynomial with its range, centre and scale fixed."""

    degree: int
    low: float
    high: float
    tail: Tail
    centre: FloatArray = field(repr=False)
    scales: tuple[float, float]

    @property
    def n_linear(self) -> int:
        """1, or 0 for an action seen at one level only."""
        return min(self.degree, 1)

    @property
    def n_wiggle(self) -> int:
        """Number of columns above the line."""
        return max(self.degree - 1, 0)

    def columns(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Evaluate at `x`, shape (n,); returns (n, degree), the linear column first."""
        if self.degree == 0:
            return np.empty((len(x), 0))
        unit = 2 * (np.asarray(x, dtype=float) - self.low) / (self.high - self.low) - 1
        inside = np.clip(unit, -1.0, 1.0)
        raw = legendre.legvander(inside, self.degree)[:, 1:]
        if self.tail == "linear":
            raw[:, 0] = unit
        scales = np.concatenate([[self.scales[0]], np.full(self.n_wiggle, self.scales[1])])
        return written((raw - self.centre) * scales, out)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the basis exactly."""
        return {
            "kind": "polynomial",
            "degree": self.degree,
            "low": self.low,
            "high": self.high,
            "tail": self.tail,
            "centre": self.centre.tolist(),
            "scales": list(self.scales),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore a basis written by `to_dict`."""
        return cls(
            degree=data["degree"],
            low=data["low"],
            high=data["high"],
            tail=data["tail"],
            centre=np.array(data["centre"], dtype=float),
            scales=(data["scales"][0], data["scales"][1]),
        )
