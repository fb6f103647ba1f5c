"""Whether a saturation bends where the spends are: parameters in other units would leave a flat curve unnoticed.

Other packages scale spends to at most one, so that their priors taken over would fix the curve at a step.
"""

from __future__ import annotations

import warnings

import numpy as np

from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataWarning, SpecError
from bayes_ivgen.media.carry_over import typical_spends
from bayes_ivgen.media.saturation import Saturation
from bayes_ivgen.media.transforms import Transforms, saturation_of

SHARES = (0.05, 0.95)  # quantiles of the spends between which a curve should rise
LEAST_RISE = 0.08  # of the largest effect
MOST_FLAT = 0.8  # of the values of a prior, above which a warning is due
NO_RISE = 1e-9


def check_scales(data: RegimeData, transforms: Transforms) -> None:
    """Warn of saturations that hardly rise between the spends of the rows, and refuse those that do not at all.

    Raises
    ------
    SpecError
        If no value of the parameters makes a difference between spends.

    Warns
    -----
    DataWarning
        If (nearly) all values leave less than 8 % of the largest effect between low and high spends.
    """
    typical = typical_spends(data)
    for action, items in transforms.items():
        saturation = saturation_of(items)
        if saturation is None:
            continue
        low, high = spends_of(data, action)
        if low == high:
            continue
        ends = np.array([curve([low, high]) for curve in saturation.candidates(typical[action])])
        rise = ends[:, 1] - ends[:, 0]
        if np.mean(rise < LEAST_RISE) <= MOST_FLAT:
            continue
        middle = ends[np.argsort(rise)[len(rise) // 2]]
        what = (
            f"the saturation of {action!r}, {_shown(saturation)}, goes from {middle[0]:.3g} to {middle[1]:.3g} of its "
            f"largest effect between spends of {low:.4g} and {high:.4g} (5 and 95 % of the rows)"
        )
        half = _half(saturation, typical[action])
        hint = f"Parameters are in units of spend: {half} has half the effect at the mean spend, {typical[action]:.3g}."
        if rise.max() < NO_RISE:
            raise SpecError(f"{what}: no spend makes a difference. {hint}")
        warnings.warn(f"{what}: it hardly bends where spends are. {hint}", DataWarning, stacklevel=5)


def rising(curves: list[Saturation], spends: tuple[float, float]) -> list[Saturation]:
    """Return those of several saturations that tell the two spends apart; all of them if these are the same."""
    return curves if spends[0] == spends[1] else [s for s in curves if np.ptp(s(list(spends))) >= NO_RISE]


def spends_of(data: RegimeData, action: str) -> tuple[float, float]:
    """Return the 5 and 95 % quantiles of the spends of an action above zero."""
    rows = np.concatenate([profile.sample[:, data.index(action)] for profile in data.profiles.values()])
    low, high = np.quantile(rows[rows > 0] if (rows > 0).any() else rows, SHARES)
    return float(low), float(high)


def _shown(saturation: Saturation) -> str:
    values = (f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
              for name, value in saturation.parameters.items())  # fmt: skip
    return f"{saturation.kind} with {', '.join(values)}"


def _half(saturation: Saturation, spend: float) -> str:
    if saturation.kind == "logistic":
        return f"lam={np.log(3.0) / spend:.2g}"
    return f"{'kappa' if saturation.kind == 'hill' else 'lam'}={spend:.3g}"
