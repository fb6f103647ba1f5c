"""Priors of parameters of carry-over and saturation, as data: read from pymc-extras `Prior` objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from scipy import stats

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import SpecError

Law = Callable[..., Any]


def is_prior(value: Any) -> bool:
    """Whether a parameter has a prior: anything with the interface of pymc_extras `Prior`."""
    return hasattr(value, "distribution") and hasattr(value, "parameters")


@dataclass(frozen=True, repr=False)
class ParameterPrior:
    """A distribution on an interval, named and parametrised as in PyMC.

    Attributes
    ----------
    distribution : {"Beta", "Uniform", "TruncatedNormal", "LogNormal", "Gamma", "HalfNormal"}
        Name of the PyMC distribution.
    parameters : tuple of (str, float)
        Its parameters.
    """

    distribution: str
    parameters: tuple[tuple[str, float], ...]

    @classmethod
    def from_user(cls, of: str, name: str, prior: Any, low: float, high: float) -> Self:
        """Read a `Prior` (anything with that interface) of a parameter that lies between `low` and `high`.

        Raises
        ------
        SpecError
            If the distribution is unknown, or reaches outside; a parameter is missing, or not a number.
        """
        if isinstance(prior, cls):
            return prior
        where = f"{of}({name}=Prior({prior.distribution!r}))"
        example = f'for example Prior("Uniform", lower={low:g}, upper={high:g})'
        if np.isinf(high):
            example = 'for example Prior("LogNormal", mu=3.0, sigma=0.5)'
        if prior.distribution not in _LAWS:
            inside = [law for law in _LAWS if np.isinf(high) or law not in _POSITIVE]
            raise SpecError(f"{where}: valid are {', '.join(inside)}, {example}.")
        shaped = next((key for key in ("dims", "transform") if getattr(prior, key, None)), None)
        if shaped is not None:
            raise SpecError(f"{where} has {shaped}, which the model sets itself; leave it out of the Prior.")
        given = dict(prior.parameters)
        wanted = _PARAMETERS[prior.distribution]
        if set(given) != set(wanted):
            raise SpecError(
                f"{where} takes the parameters {list(wanted)}, but came with {sorted(given)}; give exactly these."
            )
        for key, value in given.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                raise SpecError(f"{where}: the parameter {key} is {value!r}; it must be a finite number.")
        found = cls(prior.distribution, tuple((key, float(given[key])) for key in wanted))
        wrong = next((key for key in ("alpha", "beta", "sigma") if given.get(key, 1.0) <= 0), None)
        if wrong is not None:
            raise SpecError(f"{where}: {wrong} is {given[wrong]:g}; it must be above zero.")
        lower, upper = given.get("lower", 0.0), given.get("upper", np.inf if prior.distribution in _POSITIVE else 1.0)
        if not low <= lower < upper <= high:
            raise SpecError(
                f"{where} lies between {lower:g} and {upper:g}, but {name} between {low:g} and {high:g}; {example}."
            )
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `dataclasses.asdict` made of it."""
        return cls(data["distribution"], tuple((name, float(value)) for name, value in data["parameters"]))

    @property
    def law(self) -> Any:
        """The distribution of SciPy."""
        return _LAWS[self.distribution](**dict(self.parameters))

    def quantiles(self, *shares: float) -> tuple[float, ...]:
        """Quantiles, as numbers."""
        return tuple(float(value) for value in self.law.ppf(shares))

    def log_density(self, x: FloatArray) -> FloatArray:
        """Log density, elementwise."""
        return np.asarray(self.law.logpdf(x))

    def variable(self, name: str) -> Any:
        """Return a PyMC variable with this prior, inside a model context."""
        import pymc as pm

        return getattr(pm, self.distribution)(name, **dict(self.parameters))

    def __repr__(self) -> str:
        return f"{self.distribution}({', '.join(f'{name}={value:g}' for name, value in self.parameters)})"


_LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "Beta": lambda alpha, beta: stats.beta(alpha, beta),
        "Uniform": lambda lower, upper: stats.uniform(lower, upper - lower),
        "TruncatedNormal": lambda mu, sigma, lower, upper: stats.truncnorm(
            (lower - mu) / sigma, (upper - mu) / sigma, loc=mu, scale=sigma
        ),
        "LogNormal": lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu)),
        "Gamma": lambda alpha, beta: stats.gamma(alpha, scale=1 / beta),
        "HalfNormal": lambda sigma: stats.halfnorm(scale=sigma),
    }
)
_PARAMETERS = MappingProxyType(
    {
        "Beta": ("alpha", "beta"),
        "Uniform": ("lower", "upper"),
        "TruncatedNormal": ("mu", "sigma", "lower", "upper"),
        "LogNormal": ("mu", "sigma"),
        "Gamma": ("alpha", "beta"),
        "HalfNormal": ("sigma",),
    }
)
_POSITIVE = ("LogNormal", "Gamma", "HalfNormal")  # on all numbers above zero
