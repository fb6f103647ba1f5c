"""Regimes of which carry-over leaves no row."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.series import RowSeries
from bayes_ivgen.errors import DataWarning
from bayes_ivgen.media.carry_over import ROUNDING
from bayes_ivgen.media.transforms import Transforms, adstock_of


def warn_about_lost_regimes(read: RegimeData, found: RegimeData, transforms: Transforms) -> None:
    """Warn of each regime of the rows as they were read that no row of carried-over spends belongs to.

    Warns
    -----
    DataWarning
        With the longest run of its weeks, and how many it takes.
    """
    if read.series is None:
        return
    for regime in read.regimes:
        if regime not in found.regimes:
            action, needed = _longest_need(transforms)
            warnings.warn(
                f"none of the {read.profiles[regime].rows} rows of {regime.label} is left as such after carry-over: "
                "each is among the first weeks of its series, or weeks of another regime are still at work in it. The "
                f"longest run of its weeks is {_longest_run(_is_of(read, read.series, regime), read.series)}; "
                f"{action!r} needs {needed} of one kind. Pass a smaller pure, a smaller l_max or wash='label' to its "
                "Adstock, or run longer experiments.",
                DataWarning,
                stacklevel=5,
            )


def _longest_need(transforms: Transforms) -> tuple[str, int]:
    """Return the action whose carry-over needs the longest run of weeks for a share `pure`, and this number."""
    needs = {}
    for action, items in transforms.items():
        if (adstock := adstock_of(items)) is not None:
            needs[action] = int(np.argmax(np.cumsum(adstock.weights) >= adstock.pure - ROUNDING)) + 1
    action = max(needs, key=lambda name: needs[name])
    return action, needs[action]


def _is_of(data: RegimeData, series: RowSeries, regime: Regime) -> NDArray[np.bool_]:
    codes = [code for code, label in enumerate(series.labels.labels) if data._regime_of_label.get(label) == regime]
    return np.isin(series.labels.codes, codes)


def _longest_run(inside: NDArray[np.bool_], series: RowSeries) -> int:
    longest = run = 0
    for here, rank in zip(inside.tolist(), series.rank.tolist(), strict=True):
        run = (0 if rank == 0 else run) + 1 if here else 0
        longest = max(longest, run)
    return longest
