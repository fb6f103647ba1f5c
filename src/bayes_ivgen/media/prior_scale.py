"""Whether the prior of a saturation is in the units of the spends that saturate."""

from __future__ import annotations

import warnings

import numpy as np

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataWarning
from bayes_ivgen.media.carry_over import typical_spends
from bayes_ivgen.media.saturation import Saturation
from bayes_ivgen.media.transforms import Transforms, sampled_saturations

LOW, HIGH = 0.05, 0.95  # quantiles of the prior
FAR = 5.0  # times below a typical spend, or above the largest one: nearly a step, or nearly a line


def warn_about_prior_scales(data: RegimeData, transforms: Transforms) -> None:
    """Warn where nearly all of a prior has half the effect far below a typical spend, or far above the largest.

    Other packages scale spends to at most one, so that their priors taken over would fix the curve at a step.
    """
    typical = typical_spends(data)
    for action, saturation in sampled_saturations(transforms).items():
        halves = spends_of_half(saturation)
        largest = float(data.pooled_range(data.regimes)[1][data.index(action)])
        if halves is None or (typical[action] / FAR <= halves[1] and halves[0] <= FAR * largest):
            continue
        name = "kappa" if saturation.kind == "hill" else "lam"
        warnings.warn(
            f"the prior of {name} of {action!r}, {saturation.free[name]}, has half the effect between spends of "
            f"{halves[0]:.3g} and {halves[1]:.3g} (90 %), but a typical spend in the data is {typical[action]:.3g} and "
            f"the largest {largest:.3g}: the curve is nearly a {'step' if halves[1] < typical[action] else 'line'}. "
            "Priors are in units of the spends as they are, not of scaled ones; pass for example "
            f"{_example(saturation, typical[action])}.",
            DataWarning,
            stacklevel=5,
        )


def spends_of_half(saturation: Saturation) -> tuple[float, float] | None:
    """Return the central 90 % of the spend of half the effect under its prior; None if that is a number."""
    name = "kappa" if saturation.kind == "hill" else "lam"
    prior = saturation.free.get(name)
    if prior is None:
        return None
    low, high = prior.quantiles(LOW, HIGH)
    if saturation.kind == "logistic":
        low, high = np.log(3.0) / high, np.log(3.0) / low
    return float(low), float(high)


def _example(saturation: Saturation, typical: float) -> str:
    centre = np.log(np.log(3.0) / typical if saturation.kind == "logistic" else typical)
    return f'Prior("LogNormal", mu={centre:.2g}, sigma=1.0)'
