"""Carry-over of a spend into later weeks, as a weighted mean of this week's spend and those before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

import numpy as np

from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.parameter_prior import ParameterPrior, is_prior
from bayes_ivgen.media.values import Choice, check_alike, checked_choice, is_fixed, options

AdstockKind = Literal["geometric", "delayed"]
Wash = Literal["drop", "label"]
ALPHAS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
OPEN: Any = {"high_open": True}
UPPER = 0.95  # quantile at which rows are told apart, so that they are set or natural for nearly all draws
MEMORY = ParameterPrior("Beta", (("alpha", 1.0), ("beta", 3.0)))


@dataclass(frozen=True)
class Adstock:
    """What of a spend is still at work in later weeks; a transformation of an action before its basis.

    ::

        x~_t = sum_{l=0}^{l_max-1} w_l x_{t-l},   sum_l w_l = 1
        geometric:  w_l ~ alpha^l                 delayed:  w_l ~ alpha^((l - theta)^2)

    Weights sum to one, so an adstocked spend is in units of a steady spend a week: ``do={"tv": 80}`` asks for 80 a
    week, week after week. Names are those of pymc-marketing's ``geometric_adstock`` and ``delayed_adstock`` with
    ``normalize=True``, after Jin et al. (2017), equations 1 to 3; carry-over does not cross from series to series.

    Parameters
    ----------
    kind : {"geometric", "delayed"}
        Whether the effect is largest at once, or after `theta` weeks.
    alpha : float, list of float, Prior or None
        Retention rate, 0 to below 1. A list: chosen among its values by marginal likelihood; None: among 0, 0.1 to
        0.9 (docs/theory/carry_over.md). A ``Prior`` of pymc_extras: sampled, with ``engine="nuts"``.
    theta : float, list of float, Prior or None
        Delay of the peak in weeks, only with ``kind="delayed"``; None: chosen among 0, 1, ..., l_max // 2.
    l_max : int
        Number of weeks in which a spend is at work, its own included.
    initial : float, optional
        Spend in the weeks before a series begins. Without it the first ``l_max - 1`` rows of each series are left out.
    pure : float
        A row counts as set (natural) if at least this share of the weights lies on weeks in which the action was set
        (was not set); above 0.5 and up to 1.
    wash : {"drop", "label"}
        What happens to rows in between, the wash-in and wash-out of an experiment: left out, or they count as the label
        of their own week says, which is right for wash-in if confounders have no memory.
    memory : float, Prior or None
        Only where `alpha` or `theta` is sampled: rate at which natural spends of earlier weeks tell of this week's
        confounder, 0 to below 1. None: sampled, with prior Beta(1, 3).

    Raises
    ------
    SpecError
        If an argument is not valid.

    Examples
    --------
    >>> ivg.media.Adstock(alpha=0.5, l_max=3).weights.round(2).tolist()
    [0.57, 0.29, 0.14]
    >>> ivg.media.Adstock("delayed", alpha=0.5, theta=1, l_max=3).weights.tolist()
    [0.25, 0.5, 0.25]
    >>> ivg.media.Adstock(alpha=[0.3, 0.6]).fixed, ivg.media.Adstock(alpha=0.3).fixed
    (False, True)
    """

    kind: AdstockKind = "geometric"
    alpha: Choice = None
    theta: Choice = 0.0
    l_max: int = 8
    initial: float | None = None
    pure: float = 0.95
    wash: Wash = "drop"
    memory: float | ParameterPrior | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("geometric", "delayed"):
            raise SpecError(f"Adstock(kind={self.kind!r}): valid are 'geometric' and 'delayed'.")
        if isinstance(self.l_max, bool) or not isinstance(self.l_max, int | np.integer) or self.l_max < 1:
            raise SpecError(f"Adstock(l_max={self.l_max!r}): it must be a whole number of weeks, 1 or more.")
        object.__setattr__(self, "alpha", checked_choice("Adstock", "alpha", self.alpha, 0.0, 1.0, **OPEN))
        top = float(self.l_max - 1)
        object.__setattr__(self, "theta", checked_choice("Adstock", "theta", self.theta, 0.0, top))
        object.__setattr__(self, "memory", checked_choice("Adstock", "memory", self.memory, 0.0, 1.0, **OPEN))
        if self.kind == "geometric" and self.theta != 0.0:
            raise SpecError(
                f"Adstock(theta={self.theta!r}): geometric carry-over has no delay; pass kind='delayed' with it."
            )
        check_alike("Adstock", {"alpha": self.alpha, "theta": self.theta})
        if isinstance(self.memory, tuple):
            raise SpecError(f"Adstock(memory={list(self.memory)}): pass a number, a Prior, or None.")
        if self.memory is not None and not self.sampled:
            raise SpecError(
                f"Adstock(memory={self.memory}) goes with an alpha or theta that has a prior; otherwise confounding is "
                "a function of the carried-over spend. Leave it out."
            )
        if self.kind == "delayed" and self.theta != 0.0 and is_fixed(self.alpha) and self.alpha == 0.0:
            raise SpecError(
                "Adstock(alpha=0.0, kind='delayed'): a delay needs alpha above 0; pass for example alpha=0.3."
            )
        if self.initial is not None and not (isinstance(self.initial, int | float) and np.isfinite(self.initial)):
            raise SpecError(f"Adstock(initial={self.initial!r}): it must be a spend, for example initial=0.0, or None.")
        if not isinstance(self.pure, int | float) or not 0.5 < self.pure <= 1:
            raise SpecError(f"Adstock(pure={self.pure!r}): it must be above 0.5 and at most 1, for example 0.95.")
        if self.wash not in ("drop", "label"):
            raise SpecError(f"Adstock(wash={self.wash!r}): valid are 'drop' and 'label'.")

    @property
    def fixed(self) -> bool:
        """Whether all parameters are numbers."""
        return is_fixed(self.alpha) and is_fixed(self.theta)

    @property
    def sampled(self) -> bool:
        """Whether a parameter has a prior, so that ``engine="nuts"`` samples it.

        Examples
        --------
        >>> ivg.media.Adstock(alpha=[0.3, 0.6]).sampled
        False
        """
        return is_prior(self.alpha) or is_prior(self.theta)

    @property
    def weights(self) -> FloatArray:
        """The weights of this week and those before it, shape (l_max,); they sum to one.

        Raises
        ------
        SpecError
            If a parameter is not a number.
        """
        if not (isinstance(self.alpha, float) and isinstance(self.theta, float)):
            raise SpecError(
                f"{self} has no weights before its parameters are chosen: pass numbers, or see fit.transforms."
            )
        return adstock_weights(self.kind, self.alpha, self.theta, self.l_max)

    def candidates(self, typical: float | None = None) -> list[Adstock]:  # noqa: ARG002
        """All values among which the marginal likelihood chooses, as transforms with numbers.

        Parameters
        ----------
        typical : float, optional
            Not used: retention rates have no unit of spend; `Saturation.candidates` needs it.

        Returns
        -------
        list of Adstock

        Examples
        --------
        >>> [item.alpha for item in ivg.media.Adstock(alpha=[0.3, 0.6]).candidates()]
        [0.3, 0.6]
        >>> len(ivg.media.Adstock().candidates())
        10
        """
        alphas = options(self.alpha, ALPHAS)
        thetas = options(self.theta, tuple(float(week) for week in range(self.l_max // 2 + 1)))
        pairs = [(a, t) for a, t in product(alphas, thetas) if a > 0 or t == 0]
        return [replace(self, alpha=a, theta=t, memory=None) for a, t in pairs]

    @property
    def free(self) -> dict[str, ParameterPrior]:
        """Priors of what is sampled: ``alpha``, ``theta``, and ``memory`` unless it is a number.

        Examples
        --------
        >>> from pymc_extras.prior import Prior
        >>> sorted(ivg.media.Adstock(alpha=Prior("Beta", alpha=2, beta=2)).free), ivg.media.Adstock(alpha=0.5).free
        (['alpha', 'memory'], {})
        """
        if not self.sampled:
            return {}
        memory = MEMORY if self.memory is None else self.memory
        named = {"alpha": self.alpha, "theta": self.theta, "memory": memory}
        return {name: value for name, value in named.items() if isinstance(value, ParameterPrior)}

    def upper(self, chosen: Adstock) -> Adstock:
        """Return `chosen`, with the 95 % quantile of what is sampled: nearly the longest carry-over of the prior.

        Parameters
        ----------
        chosen : Adstock
            With numbers.

        Returns
        -------
        Adstock

        Examples
        --------
        >>> from pymc_extras.prior import Prior
        >>> open_ = ivg.media.Adstock(alpha=Prior("Uniform", lower=0.0, upper=0.8))
        >>> round(open_.upper(ivg.media.Adstock(alpha=0.3)).alpha, 2)
        0.76
        """
        priors = {name: prior for name, prior in self.free.items() if name != "memory"}
        return replace(chosen, **{name: prior.quantiles(UPPER)[0] for name, prior in priors.items()})  # type: ignore[arg-type]

    def start(self) -> Adstock:
        """Numbers from which the choice starts: the middle candidate.

        Returns
        -------
        Adstock

        Examples
        --------
        >>> ivg.media.Adstock().start().alpha
        0.5
        """
        found = self.candidates()
        return found[len(found) // 2]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage.

        Returns
        -------
        dict

        Examples
        --------
        >>> ivg.media.Adstock(alpha=0.5).to_dict()["transform"]
        'adstock'
        """
        from dataclasses import asdict

        return {"transform": "adstock", **asdict(self)}


def adstock_weights(kind: str, alpha: float, theta: float, l_max: int) -> FloatArray:
    """Normalised weights of lags 0 to l_max - 1 (Jin et al. 2017, equations 2 and 3)."""
    lags = np.arange(l_max, dtype=float)
    exponent = lags if kind == "geometric" else (lags - theta) ** 2
    raw = np.power(float(alpha), exponent)
    return np.asarray(raw / raw.sum())
