"""Table of the effects that the regimes at hand identify."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bayes_ivgen.data.identification import Units, level_weights, missing_regimes, units_of
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError


def identified_table(
    regimes: Sequence[Regime], actions: Sequence[str], blocks: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """Which effects are identified, and what is missing for the others; see `RegimeData.identified`."""
    units = units_of(blocks, actions)
    _check_blocks(blocks, units, regimes, actions)
    heads = [unit[0] for unit in units]
    records = []
    for target in _targets(units, actions):
        known = level_weights(target, regimes, heads) is not None
        missing = () if known else missing_regimes(target, regimes, actions, units=units)
        records.append(
            {"effect": target.label, "identified": known, "missing": ", ".join(regime.label for regime in missing)}
        )
    return pd.DataFrame.from_records(records).set_index("effect")


def _check_blocks(
    blocks: Sequence[Sequence[str]], units: Units, regimes: Sequence[Regime], actions: Sequence[str]
) -> None:
    named = [name for block in blocks for name in block]
    wrong = next((name for name in named if name not in actions or named.count(name) > 1), None)
    if wrong is not None:
        raise DataError(
            f"blocks={blocks!r} names {wrong!r}, which is not an action or stands twice. The actions are "
            f"{list(actions)}; name each at most once, as in blocks=[[{actions[0]!r}, ...]]."
        )
    for regime in regimes:
        block = next((unit for unit in units if 0 < sum(map(regime.sets, unit)) < len(unit)), None)
        if block is not None:
            raise DataError(
                f"the regime {regime.label!r} sets only part of the block {list(block)}; leave its rows out with "
                f"exclude=[{regime.label!r}] where the data are read, or give finer blocks."
            )


def _targets(units: Units, actions: Sequence[str]) -> list[Regime]:
    k = len(units)
    if k > 6:
        masks = [0, *(1 << i for i in range(k)), (1 << k) - 1]
    else:
        masks = sorted(range(1 << k), key=lambda mask: (mask.bit_count(), mask))
    chosen = [{a for i, unit in enumerate(units) if mask >> i & 1 for a in unit} for mask in masks]
    return list(dict.fromkeys(Regime(tuple(a for a in actions if a in names)) for names in chosen))
