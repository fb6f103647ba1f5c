"""Some of the regimes of a data set, as data of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.data.sources import MemorySource, RowSource, SelectedSource
from bayes_ivgen.errors import DataError

if TYPE_CHECKING:
    from bayes_ivgen.data.regime_data import RegimeData


def read_regimes(data: RegimeData, regimes: Iterable[Regime | str]) -> tuple[Regime, ...]:
    """Read regimes or their labels, and check that the data hold them.

    Raises
    ------
    DataError
        If a label cannot be read, or the data have no rows of it.
    """
    if isinstance(regimes, str | Regime):
        regimes = [regimes]
    found = []
    for item in regimes:
        regime = _regime_of(data, item)
        if regime not in data.profiles:
            raise DataError(
                f"the data have no rows of {regime.label!r}; their regimes are "
                f"{[known.label for known in data.regimes]}. Name one of these."
            )
        found.append(regime)
    return tuple(dict.fromkeys(found))


def _regime_of(data: RegimeData, item: Regime | str) -> Regime:
    if isinstance(item, Regime):
        return Regime.of(item.set_actions, data.actions)
    own = data._regime_of_label.get(item)  # a label of the user's own
    return Regime.parse(item, data.actions) if own is None else own


def without_regimes(data: RegimeData, regimes: Iterable[Regime | str]) -> RegimeData:
    """Return the data without the rows of some regimes; see `RegimeData.without`."""
    left_out = read_regimes(data, regimes)
    kept = {regime: profile for regime, profile in data.profiles.items() if regime not in left_out}
    if not kept:
        raise DataError(f"no regime is left without {[regime.label for regime in left_out]}; leave out fewer of them.")
    labels = frozenset(label for label, regime in data._regime_of_label.items() if regime in left_out)
    source: RowSource = data._source
    source = source.without(labels) if isinstance(source, MemorySource) else SelectedSource(source, labels)
    by_label = {label: regime for label, regime in data._regime_of_label.items() if label not in labels}
    return replace(data, profiles=kept, _source=source, _regime_of_label=by_label)
