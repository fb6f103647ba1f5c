"""Shape of the noise in regimes that were never run, from characteristic functions.

Given (a, R) log characteristic functions of the outcome add up as means do, so with the weights w_r
of the identification rule (design 1.2, 1.3)

    log phi_target(t) = sum_r w_r log phi_r(t).

Pooled over a this is exact if the residual law does not depend on a, or if the terms are separable
and the actions have additive noise (theory notes, D); elsewhere it is an approximation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayes_ivgen.basis.base import FloatArray

HALF_WIDTH = 40.0  # of the support of the law, in robust standard deviations
FREQUENCIES = 512
PROBABILITIES = 1024
MAX_ERROR = 0.3  # largest standard error of log phi that is still used
ABSOLUTE_ERROR = 0.05  # of phi, that is still used where phi is small
QUIET = 26  # frequencies: two units of 1 / scale
NORMAL_Z = 4.0


@dataclass(frozen=True, eq=False)
class LogDensity:
    """A log density as a broken line, with exponential tails beyond its last points.

    Attributes
    ----------
    x, log_density : ndarray of shape (m,)
        The broken line.
    slopes : tuple of float
        Of the log density below the first and above the last point; the first is positive, the last negative.
    """

    x: FloatArray = field(repr=False)
    log_density: FloatArray = field(repr=False)
    slopes: tuple[float, float]

    @classmethod
    def of(cls, x: FloatArray, mass: FloatArray) -> Self:
        """Take the part around the mode where `mass` is positive, continue it and normalise it."""
        mode = int(np.argmax(mass))
        zero = np.flatnonzero(mass <= 0)
        first = int(zero[zero < mode].max(initial=-1)) + 1
        last = int(zero[zero > mode].min(initial=len(mass))) - 1
        x, log_mass = x[first : last + 1], np.log(mass[first : last + 1])
        # The fall over the outer tenth of the mass of each side, at least that of a law ten times as wide.
        least = 1.0 / (x[-1] - x[0])
        tail = max(len(x) // 10, 1)
        low = max((log_mass[tail] - log_mass[0]) / (x[tail] - x[0]), least)
        high = min((log_mass[-1] - log_mass[-1 - tail]) / (x[-1] - x[-1 - tail]), -least)
        inside = float(np.sum(np.diff(x) * (np.exp(log_mass[1:]) + np.exp(log_mass[:-1])) / 2))
        total = inside + np.exp(log_mass[0]) / low - np.exp(log_mass[-1]) / high
        return cls(x, log_mass - float(np.log(total)), (float(low), float(high)))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Log density at x, any shape."""
        inner = np.interp(x, self.x, self.log_density)
        return np.asarray(
            inner + self.slopes[0] * np.minimum(x - self.x[0], 0.0) + self.slopes[1] * np.maximum(x - self.x[-1], 0.0)
        )


@dataclass(frozen=True, eq=False)
class ResidualLaw:
    """Empirical characteristic functions of the residuals of each regime.

    Attributes
    ----------
    regimes : tuple of str
        Labels of the regimes.
    rows : ndarray of int, shape (R,)
        Number of residuals.
    scale : float
        Robust standard deviation of all residuals; frequencies are in units of 1 / scale.
    phi : ndarray of complex, shape (R, T)
        Characteristic function at the frequencies (1..T) pi / HALF_WIDTH.
    normal : bool
        Whether no regime shows a skewness or kurtosis beyond chance.
    """

    regimes: tuple[str, ...]
    rows: NDArray[np.int64] = field(repr=False)
    scale: float
    phi: NDArray[np.complex128] = field(repr=False)
    normal: bool

    @classmethod
    def of(cls, regimes: tuple[str, ...], error: FloatArray, regime: NDArray[np.intp]) -> Self:
        """Compute the characteristic functions of residuals `error` grouped by `regime`."""
        scale = float(stats.iqr(error) / 1.349) or float(error.std()) or 1.0
        step = np.pi / HALF_WIDTH
        phi, normal = [], True
        for r in range(len(regimes)):
            values = error[regime == r]
            values = (values - values.mean()) / scale
            # Powers of exp(i step x): one exponential a row instead of one a row and frequency.
            base, power = np.exp(1j * step * values), np.ones(len(values), dtype=complex)
            averages = np.empty(FREQUENCIES, dtype=complex)
            for t in range(FREQUENCIES):
                power *= base
                averages[t] = power.mean()
            phi.append(averages)
            normal &= _looks_normal(values)
        return cls(regimes, np.bincount(regime, minlength=len(regimes)), scale, np.array(phi), normal)

    def quantiles(self, weights: FloatArray) -> FloatArray:
        """Quantile function of the residual under a target regime at equidistant probabilities.

        Parameters
        ----------
        weights : ndarray of shape (R,)
            Weights w_r of the target regime.

        Returns
        -------
        ndarray of shape (PROBABILITIES,)
            In units of the residuals, at probabilities (i + 1/2) / PROBABILITIES.
        """
        x, mass = self._density(weights)
        cumulative = np.concatenate([[0.0], np.cumsum((mass[1:] + mass[:-1]) / 2)])
        cumulative /= cumulative[-1]
        probability = (np.arange(PROBABILITIES) + 0.5) / PROBABILITIES
        keep = np.concatenate([[True], np.diff(cumulative) > 0])
        return np.interp(probability, cumulative[keep], x[keep]) * self.scale

    def log_density(self, weights: FloatArray) -> LogDensity:
        """Log density of the residual under a target regime, as a broken line; see `LogDensity`.

        Parameters
        ----------
        weights : ndarray of shape (R,)
            Weights w_r of the target regime.

        Returns
        -------
        LogDensity
            In units of the residuals.
        """
        x, mass = self._density(weights)
        return LogDensity.of(x * self.scale, mass)

    def _density(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points in units of `scale`, and the density there up to a factor, zero beyond its cut."""
        used = np.abs(weights) > 1e-9
        phi, weights, rows = self.phi[used], weights[used], self.rows[used]
        log_phi = np.log(np.abs(phi)) + 1j * np.unwrap(np.angle(phi), axis=1)
        target = weights @ log_phi
        unreliable = _unreliable(phi, weights, rows)
        last = int(np.argmax(unreliable)) if unreliable.any() else FREQUENCIES
        target = _continue(target, max(last, 4))
        phi = np.exp(target)
        x = np.linspace(-HALF_WIDTH, HALF_WIDTH, 8 * FREQUENCIES + 1)
        angle = np.pi / HALF_WIDTH * np.outer(x, np.arange(1, FREQUENCIES + 1))
        density = (0.5 + np.cos(angle) @ phi.real + np.sin(angle) @ phi.imag) / HALF_WIDTH
        mass = np.maximum(density, 0.0)
        # Ripples far out are noise of the estimate: cut where the density has fallen to nothing.
        mass[mass < 1e-4 * mass.max()] = 0.0
        return x, mass

    def to_dataset(self) -> xr.Dataset:
        """Return a labelled dataset for storage."""
        dims = ("regime", "frequency")
        return xr.Dataset(
            {
                "residual_rows": ("regime", self.rows),
                "phi_real": (dims, self.phi.real),
                "phi_imag": (dims, self.phi.imag),
                "residual_scale": self.scale,
                "normal": self.normal,
            },
            coords={"regime": list(self.regimes)},
        )

    @classmethod
    def from_dataset(cls, data: xr.Dataset) -> Self:
        """Restore a law written by `to_dataset`."""
        return cls(
            tuple(str(label) for label in data["regime"].values),
            data["residual_rows"].values,
            float(data["residual_scale"]),
            data["phi_real"].values + 1j * data["phi_imag"].values,
            bool(data["normal"]),
        )


def _looks_normal(values: FloatArray) -> bool:
    n = len(values)
    if n < 20:
        return True
    skewness = stats.skew(values) / np.sqrt(6 / n)
    kurtosis = stats.kurtosis(values) / np.sqrt(24 / n)
    return bool(max(abs(skewness), abs(kurtosis)) < NORMAL_Z)


def _unreliable(phi: NDArray[np.complex128], weights: FloatArray, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Frequencies at which the target's characteristic function is mostly noise.

    Whole weights make it a product of quotients: a numerator may be near zero, as those of flat or two-peaked laws
    are at times, and only a denominator must not. Other weights need the logarithm, and so all to be away from zero.
    """
    size = np.abs(phi)
    near_zero = size < 3 / np.sqrt(rows[:, None])
    relative = np.sqrt((weights[:, None] ** 2 * (1 - size**2) / (2 * rows[:, None] * size**2)).sum(0))
    if not np.allclose(weights, np.round(weights)):
        return np.asarray((relative > MAX_ERROR) | near_zero.any(axis=0))
    product = np.exp(weights @ np.log(size))
    noisy = relative * product > np.maximum(MAX_ERROR * product, ABSOLUTE_ERROR)
    # From here on the product stays small for a while: a zero between two lobes is shorter.
    small = product < 3 / np.sqrt(rows.min())
    ahead = np.lib.stride_tricks.sliding_window_view(np.concatenate([small, np.ones(QUIET - 1, dtype=bool)]), QUIET)
    return np.asarray(noisy | near_zero[weights < 0].any(axis=0) | ahead.all(axis=1))


def _continue(target: NDArray[np.complex128], last: int) -> NDArray[np.complex128]:
    """Replace log phi beyond the reliable frequencies by a straight line that falls."""
    if last >= len(target):
        return target
    known = target[:last]
    tail = max(last // 4, 2)
    slope = (known[-1] - known[-tail]) / (tail - 1)
    falling = min(slope.real, known[-1].real / last, -1e-3) + 1j * slope.imag
    steps = np.arange(1, len(target) - last + 1)
    return np.concatenate([known, known[-1] + falling * steps])
