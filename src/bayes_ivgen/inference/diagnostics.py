"""Did the chains mix? Split R-hat and effective draws of effects and scales."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.errors import ConvergenceWarning

MAX_R_HAT = 1.01
CHANCE = 10.0  # times 1 / effective draws: how far above one the largest R-hat of 64 effects falls by chance
MIN_EFFECTIVE_DRAWS = 400
LEAST_USEFUL = 50
MOST_DIVERGENT = 0.01  # of the transitions


def mixing_table(quantities: dict[str, FloatArray]) -> pd.DataFrame:
    """R-hat and effective draws of the worst entry of each quantity.

    Parameters
    ----------
    quantities : dict of str to ndarray of shape (chain, draw, n)
        For example effects at probe points, log scales.

    Returns
    -------
    DataFrame
        Indexed by quantity: ``r_hat`` (largest, missing with fewer than two chains), ``ess_bulk``
        and ``ess_tail`` (smallest).
    """
    from arviz_stats.base import array_stats

    records = []
    for name, values in quantities.items():
        chains, draws, size = values.shape
        if size == 0 or draws < 4:
            continue
        r_hat = array_stats.rhat(values, chain_axis=0, draw_axis=1) if chains > 1 else np.full(size, np.nan)
        bulk = array_stats.ess(values, chain_axis=0, draw_axis=1, method="bulk")
        tail = array_stats.ess(values, chain_axis=0, draw_axis=1, method="tail", prob=0.9)
        records.append(
            {
                "quantity": name,
                "r_hat": float(np.max(r_hat)),
                "ess_bulk": float(np.min(bulk)),
                "ess_tail": float(np.min(tail)),
            }
        )
    columns = ["quantity", "r_hat", "ess_bulk", "ess_tail"]
    return pd.DataFrame.from_records(records, columns=columns).set_index("quantity")


def mixing_verdict(table: pd.DataFrame, n_draws: int) -> tuple[bool, str]:
    """Say whether the effects mixed, and why.

    The bound on effective draws is 400, or with fewer than 4000 draws a tenth of them but at least 50;
    that on R-hat is 1.01, or what chance alone gives the worst of many effects with few draws.
    """
    if "effects" not in table.index:
        return True, "There are too few draws to judge whether the chains mixed."
    row = table.loc["effects"]
    least = min(MIN_EFFECTIVE_DRAWS, max(n_draws / 10, LEAST_USEFUL))
    most = max(MAX_R_HAT, 1 + CHANCE / row["ess_bulk"])
    r_hat, drawn = f"R-hat of the effects is up to {row['r_hat']:.3f}", f"effective draws down to {row['ess_bulk']:.0f}"
    if row["r_hat"] > most or row["ess_bulk"] < least:
        found = f"{r_hat} (aim below {most:.2f}), {drawn} (aim above {least:.0f})"
        return False, f"The chains did not mix well: {found}."
    return True, f"The chains mixed well: {r_hat}, {drawn}."


def warn_if_not_mixed(table: pd.DataFrame, n_draws: int) -> None:
    """Issue a `ConvergenceWarning` if the effects did not mix; see `mixing_verdict`."""
    mixed, verdict = mixing_verdict(table, n_draws)
    if not mixed:
        warnings.warn(
            f"{verdict[0].lower()}{verdict[1:]} "
            "Run longer, for example fit(..., draws=4000, tune=1000); see fit.diagnostics.",
            ConvergenceWarning,
            stacklevel=4,
        )


def warn_if_divergent(record: xr.Dataset) -> None:
    """Issue a `ConvergenceWarning` if more than one of a hundred transitions of NUTS diverged.

    Parameters
    ----------
    record : Dataset
        Sampler's own record; one without ``diverging`` is of another sampler.
    """
    if "diverging" not in record:
        return
    diverged = record["diverging"].values
    if diverged.mean() > MOST_DIVERGENT:
        warnings.warn(
            f"{int(diverged.sum())} of {diverged.size} transitions of NUTS diverged: parts of the posterior are too "
            "narrow for its steps, and draws may leave them out. Pass fit(..., nuts={'target_accept': 0.95}) for "
            "smaller steps, or tighter priors.",
            ConvergenceWarning,
            stacklevel=4,
        )
