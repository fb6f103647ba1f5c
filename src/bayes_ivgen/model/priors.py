"""Priors by name, as data: read from pymc-extras `Prior` objects, used by both engines.

In units of the standard deviation of the outcome::

    alpha      ~ Normal(0, 5)
    A_type     ~ HalfCauchy(0.1)       one for each kind of term
    tau_term   ~ HalfStudentT_4(A_type)   one for each term
    beta       ~ Normal(0, tau_term)
    sigma_r    ~ HalfStudentT_4(1)     one for each regime
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.errors import SpecError
from bayes_ivgen.model.components import TermType
from bayes_ivgen.shown import Shown

LogDensity = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class PositivePrior:
    """A distribution on the positive numbers, named and parametrised as in PyMC.

    Attributes
    ----------
    distribution : str
        Name of the PyMC distribution.
    parameters : tuple of (str, float)
        Its parameters.
    """

    distribution: str
    parameters: tuple[tuple[str, float], ...]

    def log_density(self, x: FloatArray) -> FloatArray:
        """Log density at x > 0, up to a constant."""
        return _LOG_DENSITIES[self.distribution](np.asarray(x, dtype=float), **dict(self.parameters))

    @property
    def log_normaliser(self) -> float:
        """The constant that `log_density` leaves out."""
        return float(_LOG_NORMALISERS[self.distribution](**dict(self.parameters)))

    @property
    def code(self) -> tuple[float, float, float]:
        """Position of the distribution among those known, and its parameters, as `inference.kernels` reads them."""
        given = dict(self.parameters)
        first, second, *_ = [*(given[name] for name in _PARAMETERS[self.distribution]), 0.0, 0.0]
        return float(list(_LOG_DENSITIES).index(self.distribution)), first, second

    def __str__(self) -> str:
        inside = ", ".join(f"{name}={value:g}" for name, value in self.parameters)
        return f"{self.distribution}({inside})"


def _half_student(x: FloatArray, nu: float, sigma: float) -> FloatArray:
    return -(nu + 1) / 2 * np.log1p((x / sigma) ** 2 / nu)


def _half_cauchy(x: FloatArray, beta: float) -> FloatArray:
    return -np.log1p((x / beta) ** 2)


def _half_normal(x: FloatArray, sigma: float) -> FloatArray:
    return -0.5 * (x / sigma) ** 2


def _exponential(x: FloatArray, lam: float) -> FloatArray:
    return -lam * x


def _gamma(x: FloatArray, alpha: float, beta: float) -> FloatArray:
    return special.xlogy(alpha - 1, x) - beta * x


def _inverse_gamma(x: FloatArray, alpha: float, beta: float) -> FloatArray:
    return -(alpha + 1) * np.log(x) - beta / x


def _log_normal(x: FloatArray, mu: float, sigma: float) -> FloatArray:
    return -np.log(x) - 0.5 * ((np.log(x) - mu) / sigma) ** 2


_LOG_DENSITIES: Mapping[str, Callable[..., FloatArray]] = MappingProxyType(
    {
        "HalfStudentT": _half_student,
        "HalfCauchy": _half_cauchy,
        "HalfNormal": _half_normal,
        "Exponential": _exponential,
        "Gamma": _gamma,
        "InverseGamma": _inverse_gamma,
        "LogNormal": _log_normal,
    }
)
_LOG_NORMALISERS: Mapping[str, Callable[..., float]] = MappingProxyType(
    {
        "HalfStudentT": lambda nu, sigma: (
            np.log(2 / sigma) + special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        ),
        "HalfCauchy": lambda beta: np.log(2 / (np.pi * beta)),
        "HalfNormal": lambda sigma: 0.5 * np.log(2 / np.pi) - np.log(sigma),
        "Exponential": lambda lam: np.log(lam),
        "Gamma": lambda alpha, beta: alpha * np.log(beta) - special.gammaln(alpha),
        "InverseGamma": lambda alpha, beta: alpha * np.log(beta) - special.gammaln(alpha),
        "LogNormal": lambda mu, sigma: -np.log(sigma) - 0.5 * np.log(2 * np.pi),  # noqa: ARG005
    }
)
_PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "HalfStudentT": ("nu", "sigma"),
        "HalfCauchy": ("beta",),
        "HalfNormal": ("sigma",),
        "Exponential": ("lam",),
        "Gamma": ("alpha", "beta"),
        "InverseGamma": ("alpha", "beta"),
        "LogNormal": ("mu", "sigma"),
    }
)

_DEFAULT_HYPER = MappingProxyType(dict.fromkeys(TermType, PositivePrior("HalfCauchy", (("beta", 0.1),))))
_DEFAULT_SIGMA = PositivePrior("HalfStudentT", (("nu", 4.0), ("sigma", 1.0)))
_DEFAULT_NU = PositivePrior("Gamma", (("alpha", 2.0), ("beta", 0.1)))  # Juárez and Steel (2010)


@dataclass(frozen=True, repr=False)
class Priors(Shown):
    """All priors of the model, in units of the standard deviation of the outcome.

    Attributes
    ----------
    alpha_sd : float
        Scale of the normal prior of the intercept, which has mean zero.
    tau_nu : float
        Degrees of freedom of the half-t prior of the scale of a term, given its hyper-scale.
    hyper : mapping of TermType to PositivePrior
        Prior of the hyper-scale of each kind of term.
    sigma : PositivePrior
        Prior of the noise scale of a regime.
    dispersion : PositivePrior
        Prior of the dispersion of a regime under the gamma and negative binomial likelihoods.
    nu : PositivePrior
        Prior of the degrees of freedom of the t likelihood.
    has : tuple of str
        Which of the last three the likelihood has.
    transforms : mapping of str to prior
        Priors of sampled carry-over by name, such as ``adstock_alpha[tv]``; stored with the transforms.
    """

    alpha_sd: float = 5.0
    tau_nu: float = 4.0
    hyper: Mapping[TermType, PositivePrior] = field(default_factory=lambda: _DEFAULT_HYPER)
    sigma: PositivePrior = _DEFAULT_SIGMA
    dispersion: PositivePrior = _DEFAULT_SIGMA
    nu: PositivePrior = _DEFAULT_NU
    has: tuple[str, ...] = ("sigma",)
    transforms: Any = field(default_factory=dict)

    @classmethod
    def from_user(cls, priors: Mapping[str, Any] | None, spread: Sequence[str] = ("sigma",)) -> Priors:
        """Read what the user passed: names to `Prior` objects (anything with that interface).

        Parameters
        ----------
        priors : mapping, optional
            ``"alpha"`` (Normal with mu=0), ``"tau"`` (HalfStudentT with sigma=1: the shape of the
            prior of a term's scale relative to its hyper-scale), ``"sigma"`` and the kinds of
            terms, for example ``{"level": Prior("HalfNormal", sigma=0.05)}``.
        spread : sequence of str
            The parameters of spread that the likelihood has: ``sigma``, ``dispersion``, ``nu``.

        Raises
        ------
        SpecError
            If a name or a distribution is unknown, or a parameter is missing or not a number.
        """
        default = cls()
        given = dict(priors or {})
        valid = ["alpha", "tau", *spread, *(kind.value for kind in TermType)]
        unknown = [name for name in given if name not in valid]
        if unknown:
            raise SpecError(f"priors names {unknown[0]!r}, which the model does not have. Valid names are {valid}.")
        hyper = {
            kind: _positive(kind.value, given[kind.value]) if kind.value in given else default.hyper[kind]
            for kind in TermType
        }
        return cls(
            alpha_sd=_alpha_sd(given["alpha"]) if "alpha" in given else default.alpha_sd,
            tau_nu=_tau_nu(given["tau"]) if "tau" in given else default.tau_nu,
            hyper=MappingProxyType(hyper),
            **{name: _positive(name, given[name]) for name in spread if name in given},
            has=tuple(spread),
        )

    def log_hyper(self, types: tuple[TermType, ...]) -> LogDensity:
        """Log density of the hyper-scales of `types`, elementwise on an array of that length."""

        def log_density(x: FloatArray) -> FloatArray:
            return np.array([float(self.hyper[kind].log_density(x[i])) for i, kind in enumerate(types)])

        priors = {self.hyper[kind] for kind in types}
        return next(iter(priors)).log_density if len(priors) == 1 else log_density

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return {
            "alpha_sd": self.alpha_sd,
            "tau_nu": self.tau_nu,
            "hyper": {kind.value: [p.distribution, dict(p.parameters)] for kind, p in self.hyper.items()},
            **{name: [prior.distribution, dict(prior.parameters)] for name, prior in self.spread.items()},
            "has": list(self.has),
        }

    @property
    def spread(self) -> dict[str, PositivePrior]:
        """Priors of the parameters of spread that the likelihood has, by name."""
        return {name: getattr(self, name) for name in self.has}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Priors:
        """Restore priors written by `to_dict`."""

        def restore(item: list[Any]) -> PositivePrior:
            return PositivePrior(item[0], tuple((name, float(value)) for name, value in item[1].items()))

        return cls(
            alpha_sd=data["alpha_sd"],
            tau_nu=data["tau_nu"],
            hyper=MappingProxyType({TermType(kind): restore(item) for kind, item in data["hyper"].items()}),
            **{name: restore(data[name]) for name in data.get("has", ("sigma",))},
            has=tuple(data.get("has", ("sigma",))),
        )

    def __str__(self) -> str:
        lines = [f"alpha ~ Normal(mu=0, sigma={self.alpha_sd:g})"]
        lines += [f"hyper[{kind.value}] ~ {prior}" for kind, prior in self.hyper.items()]
        lines += [
            f"tau[term] ~ HalfStudentT(nu={self.tau_nu:g}, sigma=hyper[type of term])",
            "beta[term] ~ Normal(mu=0, sigma=tau[term])",
            *(f"{name}{'' if name == 'nu' else '[regime]'} ~ {prior}" for name, prior in self.spread.items()),
            *(f"{name} ~ {prior}" for name, prior in self.transforms.items()),
        ]
        scale = "standard deviation of the outcome" if "sigma" in self.has else "linear predictor"
        return "\n".join([*lines, f"(in units of the {scale})"])


def _read(name: str, prior: Any) -> tuple[str, dict[str, float]]:
    try:
        distribution, parameters = str(prior.distribution), dict(prior.parameters)
    except AttributeError as error:
        raise SpecError(
            f"priors[{name!r}] is a {type(prior).__name__}; pass a Prior of pymc_extras.prior, "
            'for example Prior("HalfNormal", sigma=0.1).'
        ) from error
    shaped = [key for key in ("dims", "transform") if getattr(prior, key, None)]
    if shaped:
        raise SpecError(f"priors[{name!r}] has {shaped[0]}, which the model sets itself; leave it out of the Prior.")
    for key, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise SpecError(f"priors[{name!r}]: the parameter {key} is {value!r}; it must be a finite number.")
    return distribution, {key: float(value) for key, value in parameters.items()}


def _positive(name: str, prior: Any) -> PositivePrior:
    if isinstance(prior, PositivePrior):
        return prior
    distribution, parameters = _read(name, prior)
    if distribution not in _PARAMETERS:
        raise SpecError(
            f"priors[{name!r}] is a {distribution}; a scale needs a distribution on the positive numbers: "
            f"{sorted(_PARAMETERS)}."
        )
    wanted = _PARAMETERS[distribution]
    if set(parameters) != set(wanted):
        raise SpecError(
            f"priors[{name!r}]: {distribution} takes the parameters {list(wanted)}, but came with "
            f"{sorted(parameters)}; give exactly these."
        )
    wrong = [key for key in wanted if key != "mu" and parameters[key] <= 0]
    if wrong:
        raise SpecError(f"priors[{name!r}]: {wrong[0]} is {parameters[wrong[0]]:g}; it must be above zero.")
    return PositivePrior(distribution, tuple((key, parameters[key]) for key in wanted))


def _alpha_sd(prior: Any) -> float:
    distribution, parameters = _read("alpha", prior)
    known = set(parameters) <= {"mu", "sigma"} and parameters.get("mu", 0.0) == 0.0
    if distribution != "Normal" or not known or not parameters.get("sigma", 1.0) > 0:
        raise SpecError(
            f"priors['alpha'] is {distribution}({parameters}); the intercept takes a Normal with mu=0 and sigma > 0."
        )
    return parameters.get("sigma", 1.0)


def _tau_nu(prior: Any) -> float:
    distribution, parameters = _read("tau", prior)
    known = set(parameters) <= {"nu", "sigma"} and parameters.get("sigma", 1.0) == 1.0
    if distribution != "HalfStudentT" or not known or not parameters.get("nu", 0.0) > 0:
        raise SpecError(
            f"priors['tau'] is {distribution}({parameters}); it takes a HalfStudentT with nu > 0 and sigma=1 "
            "(its scale is the hyper-scale of the kind of term)."
        )
    return parameters["nu"]
