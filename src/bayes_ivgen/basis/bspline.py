"""B-splines written as a straight line plus a penalised part (a P-spline in mixed-model form)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import factorial
from typing import Any, Literal, Self

import numpy as np
from scipy.interpolate import BSpline as SplineFunction

from bayes_ivgen.basis.base import FloatArray, penalised_transform, unit_scale
from bayes_ivgen.errors import SpecError

Knots = Literal["equidistant", "quantile", "mixed"]
SplineTail = Literal["learned", "linear", "clip"]
TAIL_MASS = 0.001


@dataclass(frozen=True)
class BSpline:
    """Cubic B-spline with a second-derivative penalty; one scale says how wiggly it may be.

    Parameters
    ----------
    n_basis : int
        Number of basis functions before the constant and the line are taken out.
    degree : int
        Degree of the pieces.
    knots : {"mixed", "equidistant", "quantile"}
        Inner knots: equidistant over the 0.1 to 99.9 % range, at quantiles, or half-way between.
    tail : {"learned", "linear", "clip"}
        Beyond the boundary knots the function follows its linear part; with ``"learned"`` its slope
        may change there, by an amount shrunk like the wiggle; with ``"clip"`` it stays constant.
    monotone : bool
        Of the causal basis: curves that do not decrease, tails included. Draws are projected onto such curves after
        sampling (docs/theory/monotone.md).

    Raises
    ------
    SpecError
        If an argument is not valid.

    Notes
    -----
    An action that was tried at no more than `n_basis` distinct values gets a function with one
    free value at each of them (linear in between) and the same kind of penalty; it follows its
    linear part beyond the outer ones unless ``tail="clip"``.

    Examples
    --------
    >>> ivg.InterventionModel(causal=ivg.BSpline(n_basis=8, tail="clip")).causal
    BSpline(n_basis=8, degree=3, knots='mixed', tail='clip', monotone=False)
    >>> rising = ivg.InterventionModel(causal=ivg.BSpline(monotone=True))
    >>> curve = rising.fit(data, draws=100, seed=0, progressbar=False).response_curve("tv", [20, 40, 60]).draws
    >>> bool((curve.diff("query") >= -1e-6).all())
    True
    """

    n_basis: int = 12
    degree: int = 3
    knots: Knots = "mixed"
    tail: SplineTail = "learned"
    monotone: bool = False

    def __post_init__(self) -> None:
        if self.degree < 1:
            raise SpecError(f"BSpline(degree={self.degree}): the degree must be at least 1; cubic is 3.")
        if self.n_basis < self.degree + 1 or self.n_basis < 3:
            raise SpecError(
                f"BSpline(n_basis={self.n_basis}): a spline of degree {self.degree} needs at least "
                f"{max(self.degree + 1, 3)} basis functions; raise n_basis."
            )
        if self.knots not in ("mixed", "equidistant", "quantile"):
            raise SpecError(f"BSpline(knots={self.knots!r}): valid are 'mixed', 'equidistant' and 'quantile'.")
        if self.tail not in ("learned", "linear", "clip"):
            raise SpecError(f"BSpline(tail={self.tail!r}): valid are 'learned', 'linear' and 'clip'.")
        if not isinstance(self.monotone, bool):
            raise SpecError(f"BSpline(monotone={self.monotone!r}): valid are True and False.")

    def margin(self) -> BSpline:
        """Return the spline with a line and three more columns that enters products of two actions.

        It is constant beyond the boundary: products of two straight lines would run away.

        Returns
        -------
        BSpline

        Examples
        --------
        >>> ivg.BSpline().margin()
        BSpline(n_basis=5, degree=3, knots='mixed', tail='clip', monotone=False)
        """
        return replace(self, n_basis=min(self.n_basis, max(5, self.degree + 1)), tail="clip")

    def fit(self, placed: FloatArray, centred: FloatArray, levels: FloatArray | None = None) -> FittedBSpline:
        """Place the knots by `placed` and centre every column over `centred`.

        Parameters
        ----------
        placed : ndarray of shape (n,)
            Values where the component is at work; they decide where the knots lie.
        centred : ndarray of shape (m,)
            Values over which every column has mean zero.
        levels : ndarray, optional
            All distinct values, sorted, if they are few.

        Returns
        -------
        FittedBSpline
            ``fitted.columns(values)`` has shape (n, number of columns).

        Examples
        --------
        >>> values = np.linspace(0, 10, 101)
        >>> ivg.BSpline(n_basis=6).fit(values, values).columns(values).shape
        (101, 7)
        """
        if levels is not None and len(levels) <= self.n_basis:
            # Rows lie on the levels only: nothing could teach a change of slope beyond them.
            return _fit_levels(levels, placed, centred, "linear" if self.tail == "learned" else self.tail)
        low, high = np.quantile(placed, [TAIL_MASS, 1 - TAIL_MASS])
        if low == high:  # nearly all rows share one value: fall back to the full range
            low, high = float(placed.min()), float(placed.max())
        unit = (np.clip(placed, low, high) - low) / (high - low)
        inner = self._inner_knots(unit)
        knots = np.concatenate([np.zeros(self.degree + 1), inner, np.ones(self.degree + 1)])
        transform = penalised_transform(_curvature_penalty(knots, self.degree))
        return _finish(knots, self.degree, transform, float(low), float(high), self.tail, placed, centred)

    def _inner_knots(self, unit: FloatArray) -> FloatArray:
        shares = np.linspace(0, 1, self.n_basis - self.degree + 1)[1:-1]
        if self.knots == "equidistant":
            return shares
        quantiles = np.quantile(unit, shares)
        weight = 0.5 if self.knots == "mixed" else 1.0
        inner = weight * quantiles + (1 - weight) * shares
        # Tied quantiles (many equal values) would make columns vanish: keep a least distance.
        return _spread(inner, 1e-3 / self.n_basis)


@dataclass(frozen=True, eq=False)
class FittedBSpline:
    """A B-spline with its knots, centre and scale fixed.

    Attributes
    ----------
    knots : ndarray
        Full knot vector on [0, 1].
    transform : ndarray of shape (n_basis, n_wiggle)
        From basis functions to penalised columns.
    low, high : float
        Boundary knots in the units of the action.
    centre : ndarray of shape (1 + n_wiggle,)
        Means of the raw columns over the centring rows.
    scales : tuple of float
        Scales of the linear column (and of changes of slope) and of the spline's penalised columns.
    """

    knots: FloatArray = field(repr=False)
    degree: int
    transform: FloatArray = field(repr=False)
    low: float
    high: float
    tail: SplineTail
    centre: FloatArray = field(repr=False)
    scales: tuple[float, float]

    @property
    def n_linear(self) -> int:
        """1, or 0 for an action seen at one level only."""
        return int(self.high > self.low)

    @property
    def n_wiggle(self) -> int:
        """Number of penalised columns: those of the spline, and two changes of slope if the tail is learned."""
        return self.transform.shape[1] + (2 if self.tail == "learned" else 0)

    def columns(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Evaluate at `x`, shape (n,); returns (n, n_linear + n_wiggle), the linear column first."""
        from bayes_ivgen.basis.kernels import piecewise

        found = np.empty((len(x), 1 + self.n_wiggle if self.n_linear else 0)) if out is None else out
        if self.n_linear:
            values = np.ascontiguousarray(x, dtype=float)
            piecewise(values, self.low, self.high - self.low, *self.pieces, found)
        return found

    @cached_property
    def pieces(self) -> tuple[FloatArray, FloatArray]:
        """The columns as piecewise polynomials on [0, 1] and beyond: origins and coefficients of `piecewise`.

        Below the boundary, between the knots and above it; there only the line goes on, since slopes
        of the penalised columns are poorly determined.
        """
        breaks = np.unique(self.knots)
        n_spline = self.transform.shape[1]
        coefficients = np.zeros((len(breaks) + 1, self.degree + 1, 1 + self.n_wiggle))
        if n_spline:
            spline = SplineFunction(self.knots, self.transform, self.degree)
            for power in range(self.degree + 1):
                taylor = spline.derivative(power) if power else spline
                coefficients[1:-1, -1 - power, 1 : 1 + n_spline] = taylor(breaks[:-1]) / factorial(power)
            coefficients[0, -1, 1 : 1 + n_spline] = spline(0.0)
            coefficients[-1, -1, 1 : 1 + n_spline] = spline(1.0)
        origins = np.concatenate([[0.0], breaks])  # piece 0 lies below the first break
        coefficients[:, -1, 0] = origins
        coefficients[1:-1, -2, 0] = 1.0
        if self.tail != "clip":
            coefficients[[0, -1], -2, 0] = 1.0
        if self.tail == "learned":  # changes of slope beyond the boundary
            coefficients[0, -2, -2] = coefficients[-1, -2, -1] = 1.0
        coefficients[:, -1] -= self.centre
        return origins, coefficients * self._column_scales

    @property
    def _column_scales(self) -> FloatArray:
        line, wiggle = self.scales
        scales = np.full(1 + self.n_wiggle, wiggle)
        scales[0] = line
        if self.tail == "learned":
            scales[-2:] = line
        return scales

    def to_dict(self) -> dict[str, Any]:
        """Return plain data from which `from_dict` restores the basis exactly."""
        return {
            "kind": "bspline",
            "knots": self.knots.tolist(),
            "degree": self.degree,
            "transform": self.transform.tolist(),
            "low": self.low,
            "high": self.high,
            "tail": self.tail,
            "centre": self.centre.tolist(),
            "scales": list(self.scales),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Restore a basis written by `to_dict`."""
        knots = np.array(data["knots"], dtype=float)
        transform = np.array(data["transform"], dtype=float)
        return cls(
            knots=knots,
            degree=data["degree"],
            transform=transform.reshape(max(len(knots) - data["degree"] - 1, 0), -1 if transform.size else 0),
            low=data["low"],
            high=data["high"],
            tail=data["tail"],
            centre=np.array(data["centre"], dtype=float),
            scales=(data["scales"][0], data["scales"][1]),
        )


def _fit_levels(levels: FloatArray, placed: FloatArray, centred: FloatArray, tail: SplineTail) -> FittedBSpline:
    low, high = float(levels[0]), float(levels[-1])
    if len(levels) == 1:
        empty = np.empty((0, 0))
        return FittedBSpline(np.empty(0), 1, empty, low, high, tail, np.empty(0), (1.0, 1.0))
    unit = (levels - low) / (high - low)
    knots = np.concatenate([[0.0], unit, [1.0]])
    transform = np.empty((2, 0)) if len(levels) == 2 else penalised_transform(_bend_penalty(unit))
    return _finish(knots, 1, transform, low, high, tail, placed, centred)


def _finish(
    knots: FloatArray,
    degree: int,
    transform: FloatArray,
    low: float,
    high: float,
    tail: SplineTail,
    placed: FloatArray,
    centred: FloatArray,
) -> FittedBSpline:
    n_spline = 1 + transform.shape[1]
    n_columns = n_spline + (2 if tail == "learned" else 0)
    draft = FittedBSpline(knots, degree, transform, low, high, tail, np.zeros(n_columns), (1.0, 1.0))
    # Scales come from inside the boundary: a few far-off rows must not shrink the columns.
    raw = draft.columns(np.clip(placed, low, high))
    scales = (unit_scale(raw[:, :1]), unit_scale(raw[:, 1:n_spline]))
    centre = draft.columns(centred).mean(axis=0)
    return FittedBSpline(knots, degree, transform, low, high, tail, centre, scales)


def _curvature_penalty(knots: FloatArray, degree: int) -> FloatArray:
    """Integral of products of second derivatives of the basis functions (O'Sullivan penalty)."""
    n_basis = len(knots) - degree - 1
    if degree == 1:
        return _bend_penalty(knots[1:-1])
    breaks = np.unique(knots)
    nodes, weights = np.polynomial.legendre.leggauss(max(degree, 1))
    half = np.diff(breaks) / 2
    points = (breaks[:-1] + half)[:, None] + half[:, None] * nodes
    values = SplineFunction(knots, np.eye(n_basis), degree).derivative(2)(points.ravel())
    weighted = values * (half[:, None] * weights).ravel()[:, None]
    return weighted.T @ values


def _bend_penalty(nodes: FloatArray) -> FloatArray:
    """Sum of squared changes of slope of the broken line through values at `nodes`."""
    slopes = np.diff(np.eye(len(nodes)), axis=0) / np.diff(nodes)[:, None]
    bends = np.diff(slopes, axis=0)
    return np.asarray(bends.T @ bends)


def _spread(inner: FloatArray, distance: float) -> FloatArray:
    """Keep sorted inner knots at least `distance` apart and away from the boundary knots 0 and 1."""
    steps = distance * np.arange(1, len(inner) + 1)
    low = np.maximum.accumulate(np.maximum(inner, distance) - steps) + steps
    return np.asarray(np.minimum(low, 1.0 - steps[::-1]))
