"""Working likelihoods beside the normal one: their log density, their link, their outcomes (docs/theory/links.md).

gamma               Var(Y) = dispersion * mu^2                  log
negative_binomial   Var(Y) = mu + dispersion * mu^2             log
bernoulli           Var(Y) = mu (1 - mu)                        log_complement
student_t           location mu, scale sigma, nu degrees        identity
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

import numpy as np
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.errors import DataError, SpecError
from bayes_ivgen.model.links import LINKS, LinkName

_SHARED = ("abs", "dot", "exp", "expm1", "log", "log1p", "maximum", "take")
NUMPY = SimpleNamespace(**{name: getattr(np, name) for name in _SHARED}, gammaln=special.gammaln)
"""The functions of NumPy and SciPy under the names that pytensor.tensor gives them."""

Likelihood = Literal["normal", "gamma", "negative_binomial", "bernoulli", "student_t"]


@dataclass(frozen=True)
class Family:
    """A law of the outcome given its mean.

    Attributes
    ----------
    name : str
        As in ``InterventionModel(likelihood=...)``.
    link : str
        The one link for which the decomposition is exact with it.
    spread : {"dispersion", "sigma"} or None
        Name of its free parameter of spread, one for each regime.
    has_tail : bool
        Whether it has degrees of freedom ``nu``, shared by all regimes.
    """

    name: Likelihood
    link: LinkName
    spread: Literal["dispersion", "sigma"] | None
    has_tail: bool = False

    @property
    def rowwise(self) -> bool:
        """Whether the rows enter one by one, not through X'X and X'y."""
        return self.name != "normal"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that have a prior beside alpha, tau and the hyper-scales."""
        return tuple(name for name in (self.spread, "nu" if self.has_tail else None) if name is not None)

    def check_defaults(self, **arguments: tuple[Any, Any]) -> None:
        """Raise a `SpecError` if an argument of the normal likelihood, given with its default, was changed."""
        for name, (value, default) in arguments.items():
            if self.rowwise and value != default:
                raise SpecError(
                    f"{name}={value!r} belongs to likelihood='normal'; {self.name!r} has its own law of the spread. "
                    f"Leave it at {name}={default!r}."
                )

    def check(self, outcome: FloatArray, name: str) -> None:
        """Raise a `DataError` with counts if values of the outcome are impossible under the family."""
        problems = {
            "gamma": [("at or below zero", outcome <= 0)],
            "negative_binomial": [("below zero", outcome < 0), ("not whole numbers", outcome != np.round(outcome))],
            "bernoulli": [("outside 0 to 1", (outcome < 0) | (outcome > 1))],
        }.get(self.name, [])
        found = [f"{int(wrong.sum())} of {len(outcome)} values are {what}" for what, wrong in problems if wrong.any()]
        if found:
            raise DataError(
                f"the outcome {name!r} does not fit likelihood={self.name!r}: {', '.join(found)}. {_ADVICE[self.name]}"
            )


_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "gamma": "It takes positive amounts; for whole numbers with zeros use likelihood='negative_binomial', for "
        "values of either sign likelihood='normal' with link='identity'; leave impossible rows out.",
        "negative_binomial": "It takes whole numbers from 0 on; for positive amounts use likelihood='gamma', for rates "
        "pass the counts and their exposure.",
        "bernoulli": "It takes 0 and 1, or shares between them; divide percentages by 100, or use "
        "likelihood='negative_binomial' for counts.",
    }
)
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "normal": Family("normal", "identity", "sigma"),
        "gamma": Family("gamma", "log", "dispersion"),
        "negative_binomial": Family("negative_binomial", "log", "dispersion"),
        "bernoulli": Family("bernoulli", "log_complement", None),
        "student_t": Family("student_t", "identity", "sigma", has_tail=True),
    }
)
_REFUSED = MappingProxyType(
    {
        "poisson": "its intervals are too short: products of confounders make counts vary more than a Poisson law "
        "allows. Use likelihood='negative_binomial', which has it as a limit",
        "lognormal": "it models E[log Y], and effects here are about E[Y]; the two move apart when the spread of "
        "log Y depends on the actions. Use likelihood='gamma' with link='log', which is exact for the mean",
    }
)
_REFUSED_LINKS = MappingProxyType(
    {
        "logit": "no product or sum of mechanisms is additive on the logit scale, so the effects of single actions "
        "do not combine to the joint one. Use link='log_complement' with likelihood='bernoulli' (no success unless "
        "some channel works), or the identity link",
    }
)


def family_of(likelihood: str, link: str) -> Family:
    """Return the family, checked against its link.

    Raises
    ------
    SpecError
        If the likelihood or the link is refused or unknown, or the two do not go together.
    """
    for name, value, refused, valid in (
        ("likelihood", likelihood, _REFUSED, list(FAMILIES)),
        ("link", link, _REFUSED_LINKS, list(LINKS)),
    ):
        if isinstance(value, str) and value in refused:
            raise SpecError(f"{name}={value!r} is refused: {refused[value]}.")
        if value not in valid:
            raise SpecError(f"{name}={value!r} is not available; valid here: {', '.join(map(repr, valid))}.")
    family = FAMILIES[likelihood]
    if family.link != link:
        partners = [name for name, other in FAMILIES.items() if other.link == link]
        raise SpecError(
            f"likelihood={likelihood!r} does not go with link={link!r}: pass link={family.link!r} with it, or with "
            f"this link likelihood={' or '.join(map(repr, partners))}."
        )
    return family


def log_likelihood(family: Family, rows: Any, predictor: Any, spread: Any, tail: Any, ops: Any) -> tuple[Any, Any]:
    """Log density of the rows: a part for each cell and a part for each regime.

    Parameters
    ----------
    family : Family
        Not the normal one.
    rows : CollapsedRows
        The rows; cells hold rows of equal predictor.
    predictor : array or tensor of shape (..., G)
        Additive predictor of the cells, exposure left out.
    spread : array or tensor of shape (..., R), or None
        Dispersion or sigma of each regime.
    tail : array or tensor of shape (...), or None
        nu.
    ops : namespace
        `NUMPY` or ``pytensor.tensor``.

    Returns
    -------
    cells : shape (..., G)
    regimes : shape (..., R)
    """
    n, s = rows.count, rows.total
    nothing = np.zeros(len(rows.regimes))
    if family.name == "bernoulli":
        hazard = rows.link.hazard(predictor, ops)
        return s * ops.log(-ops.expm1(-hazard)) - (n - s) * hazard, nothing
    if family.name == "student_t":
        scale, nu = ops.take(spread, rows.regime, axis=-1), tail[..., None]
        z = (s / n - predictor) / scale  # rows of a cell have one outcome
        constant = ops.gammaln((nu + 1) / 2) - ops.gammaln(nu / 2) - 0.5 * ops.log(nu * np.pi)
        return n * (constant - ops.log(scale) - (nu + 1) / 2 * ops.log1p(z**2 / nu)), nothing
    log_mean, shape = predictor + rows.log_exposure, 1.0 / spread
    of_cell = ops.take(shape, rows.regime, axis=-1)
    if family.name == "gamma":
        free = rows.regime_rows * (shape * ops.log(shape) - ops.gammaln(shape))
        return -of_cell * (n * log_mean + s * ops.exp(-log_mean)), free + (shape - 1.0) * rows.log_sum
    cells = s * (log_mean - ops.log(of_cell)) - (s + n * of_cell) * ops.log1p(ops.exp(log_mean) / of_cell)
    values = rows.values
    rising = values.number * ops.gammaln(values.value + ops.take(shape, values.regime, axis=-1))
    return cells, ops.dot(rising, values.of_regime) - rows.regime_rows * ops.gammaln(shape) - rows.log_factorial
