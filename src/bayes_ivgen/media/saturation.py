"""Diminishing returns: a monotone map of a spend before the basis of its causal component."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.parameter_prior import ParameterPrior, is_prior
from bayes_ivgen.media.values import Choice, check_alike, checked_choice, is_fixed, options

SaturationKind = Literal["hill", "logistic", "michaelis_menten"]
HALVES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a typical spend
SLOPES = (0.7, 1.0, 1.5, 2.0, 3.0)
PARAMETERS = {"hill": ("kappa", "slope"), "logistic": ("lam",), "michaelis_menten": ("lam",)}


@dataclass(frozen=True)
class Saturation:
    """Share of the largest possible effect that a steady spend x has; the basis of m_k sees it instead of x.

    ::

        hill:              x^slope / (kappa^slope + x^slope)        half of it at x = kappa
        logistic:          (1 - exp(-lam x)) / (1 + exp(-lam x))    half of it at x = log(3) / lam
        michaelis_menten:  x / (lam + x)                            half of it at x = lam

    Names are those of pymc-marketing's ``hill_function``, ``logistic_saturation`` and ``michaelis_menten`` (whose
    factor alpha is a coefficient here); Hill after Jin et al. (2017), equation 5. With ``causal=Polynomial(1)`` the
    causal curve is the classic one, a multiple of s(x); with a spline knots are equidistant in s(x). Queries stay
    in units of spend, and confounding components see the spend itself. Spends below zero count as zero.

    Parameters
    ----------
    kind : {"hill", "logistic", "michaelis_menten"}
        The curve.
    kappa, slope : float, list of float, Prior or None
        Of Hill: the spend of half the effect, and the steepness. None and lists are chosen by marginal likelihood; a
        ``Prior`` of pymc_extras is sampled, with ``engine="nuts"`` (docs/theory/carry_over.md).
    lam : float, list of float, Prior or None
        Of the others: a rate in one over spend (logistic), or the spend of half the effect (Michaelis-Menten).

    Raises
    ------
    SpecError
        If an argument is not valid, or belongs to another kind.

    Examples
    --------
    >>> half = ivg.media.Saturation("hill", kappa=40.0, slope=2.0)
    >>> half([0.0, 40.0, 80.0]).tolist(), half.fixed
    ([0.0, 0.5, 0.8], True)
    >>> both = {"tv": (ivg.media.Adstock(alpha=0.5), half)}  # carried over first, then saturated
    >>> classic = ivg.InterventionModel(causal=ivg.Polynomial(1), transforms=both)
    """

    kind: SaturationKind = "hill"
    kappa: Choice = None
    slope: Choice = None
    lam: Choice = None

    def __post_init__(self) -> None:
        if self.kind not in PARAMETERS:
            raise SpecError(
                f"Saturation(kind={self.kind!r}): valid are {', '.join(repr(kind) for kind in PARAMETERS)}."
            )
        for name in ("kappa", "slope", "lam"):
            value = getattr(self, name)
            if value is not None and name not in PARAMETERS[self.kind]:
                raise SpecError(
                    f"Saturation(kind={self.kind!r}) has no {name}; it takes {' and '.join(PARAMETERS[self.kind])}."
                )
            checked = checked_choice("Saturation", name, value, 0.0, np.inf, low_open=True)
            object.__setattr__(self, name, checked)
        check_alike("Saturation", self.parameters)

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the kind by name, as they were given.

        Examples
        --------
        >>> ivg.media.Saturation("logistic", lam=0.1).parameters
        {'lam': 0.1}
        """
        return {name: getattr(self, name) for name in PARAMETERS[self.kind]}

    @property
    def fixed(self) -> bool:
        """Whether all parameters are numbers."""
        return all(is_fixed(value) for value in self.parameters.values())

    @property
    def free(self) -> dict[str, ParameterPrior]:
        """Priors of what is sampled.

        Examples
        --------
        >>> from pymc_extras.prior import Prior
        >>> list(ivg.media.Saturation("hill", kappa=Prior("LogNormal", mu=3.7, sigma=0.5), slope=1.0).free)
        ['kappa']
        """
        return {name: value for name, value in self.parameters.items() if isinstance(value, ParameterPrior)}

    @property
    def sampled(self) -> bool:
        """Whether a parameter has a prior, so that ``engine="nuts"`` samples it.

        Examples
        --------
        >>> ivg.media.Saturation("hill").sampled
        False
        """
        return any(is_prior(value) for value in self.parameters.values())

    def __call__(self, x: Any) -> FloatArray:
        """Evaluate at spends of any shape.

        Raises
        ------
        SpecError
            If a parameter is not a number.
        """
        if not self.fixed:
            raise SpecError(
                f"{self} has no values before its parameters are chosen: pass numbers, or see fit.transforms."
            )
        return saturation_values(self.kind, self.parameters, x)

    def inverse(self, share: Any) -> FloatArray:
        """Spend that has a share of the largest effect.

        Parameters
        ----------
        share : array of any shape
            Above 0 and below 1.

        Returns
        -------
        ndarray
            Of the same shape, in units of spend.

        Raises
        ------
        SpecError
            If a parameter is not a number.

        Examples
        --------
        >>> float(ivg.media.Saturation("michaelis_menten", lam=20.0).inverse(0.5))
        20.0
        """
        self(0.0)  # parameters are numbers
        s = np.asarray(share, dtype=float)
        if self.kind == "logistic":
            return np.asarray(2.0 * np.arctanh(s) / self._number("lam"))
        odds = s / (1.0 - s)
        if self.kind == "michaelis_menten":
            return np.asarray(self._number("lam") * odds)
        return np.asarray(self._number("kappa") * odds ** (1.0 / self._number("slope")))

    def candidates(self, typical: float) -> list[Saturation]:
        """All values among which the marginal likelihood chooses; default lists are multiples of a typical spend.

        Parameters
        ----------
        typical : float
            A typical spend.

        Returns
        -------
        list of Saturation
            All parameters are numbers.

        Examples
        --------
        >>> [item.lam for item in ivg.media.Saturation("michaelis_menten").candidates(40.0)]
        [10.0, 20.0, 40.0, 80.0, 160.0]
        """
        if self.kind == "hill":
            halves = options(self.kappa, [share * typical for share in HALVES])
            return [replace(self, kappa=k, slope=s) for k, s in product(halves, options(self.slope, SLOPES))]
        unit = [np.log(3.0) / (share * typical) for share in HALVES]
        default = unit if self.kind == "logistic" else [share * typical for share in HALVES]
        return [replace(self, lam=value) for value in options(self.lam, default)]

    def start(self, typical: float) -> Saturation:
        """Numbers from which the choice starts: the middle candidate.

        Parameters
        ----------
        typical : float
            A typical spend.

        Returns
        -------
        Saturation

        Examples
        --------
        >>> ivg.media.Saturation("michaelis_menten").start(40.0).lam
        40.0
        """
        found = self.candidates(typical)
        return found[len(found) // 2]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage.

        Returns
        -------
        dict

        Examples
        --------
        >>> ivg.media.Saturation("logistic", lam=0.1).to_dict()["transform"]
        'saturation'
        """
        from dataclasses import asdict

        return {"transform": "saturation", **asdict(self)}

    def _number(self, name: str) -> float:
        return float(getattr(self, name))


def saturation_values(kind: str, parameters: Mapping[str, Any], x: Any) -> FloatArray:
    """Evaluate at spends; parameters are numbers, or arrays that broadcast with `x`."""
    spend = np.maximum(np.asarray(x, dtype=float), 0.0)
    if kind == "logistic":
        return np.asarray(np.tanh(parameters["lam"] * spend / 2))
    if kind == "michaelis_menten":
        return np.asarray(spend / (parameters["lam"] + spend))
    # Of the inverse ratio: no infinity over infinity at large spends.
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(1.0 / (1.0 + (parameters["kappa"] / spend) ** parameters["slope"]))
