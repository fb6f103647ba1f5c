"""Rows whose carry-over or saturation is not known yet: this week's spends and those before, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.adstock import Adstock, adstock_weights
from bayes_ivgen.media.carry_over import carried_rows, lags, rows_as_read, set_by_week
from bayes_ivgen.media.transforms import Transforms, adstock_of, sampled_adstocks

MOST_ROWS = 50_000  # each is visited in every step of the sampler


@dataclass(frozen=True, eq=False)
class LaggedRows:
    """Rows with a whole history, sorted by regime.

    Attributes
    ----------
    actions : tuple of str
        The first columns of `values`.
    values : ndarray of shape (n, V)
        Variables; spends whose carry-over is sampled are those of the reference.
    lags : dict of str to ndarray of shape (n, l_max)
        Spends of this week and those before, of each action whose carry-over is sampled.
    adstocks : dict of str to Adstock
        The specification of the same actions.
    outcome, weights : ndarray of shape (n,)
        Outcome in its own units, and how many rows each row counts for.
    dataset : ndarray of shape (n,) or None
        Codes of the data sets.
    regimes : tuple of Regime
        The R regimes.
    regime : ndarray of int, shape (n,)
        Position of the regime of each row.
    place : ndarray of int, shape (n,)
        Position of each row in the series of the data; in the data themselves, where nothing is carried over.
    """

    actions: tuple[str, ...]
    values: FloatArray = field(repr=False)
    lags: Mapping[str, FloatArray] = field(repr=False)
    adstocks: Mapping[str, Adstock]
    outcome: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    dataset: FloatArray | None = field(repr=False)
    regimes: tuple[Regime, ...]
    regime: NDArray[np.intp] = field(repr=False)
    place: NDArray[np.intp] = field(repr=False)

    @classmethod
    def of(
        cls, data: RegimeData, transforms: Transforms, reference: Transforms, regimes: tuple[Regime, ...]
    ) -> LaggedRows:
        """Collect the rows that a fit uses.

        Parameters
        ----------
        data : RegimeData
            The rows as they were read.
        transforms : dict of str to tuple
            With priors.
        reference : dict of str to tuple
            The same with numbers.
        regimes : tuple of Regime
            Regimes of the rows when they are carried over.

        Raises
        ------
        SpecError
            If the rows are carried over already, or too many.
        """
        values, regime_of, kept = _rows(data, transforms, reference)
        _check_count(len(kept))
        position = {regime: i for i, regime in enumerate(regimes)}
        regime = np.array([position[regime_of[i]] for i in kept], dtype=np.intp)
        order = np.argsort(regime, kind="stable")
        kept, regime = kept[order], regime[order]
        columns, table = data.columns, values[kept]
        named = {name: i for i, name in enumerate(columns.read)}
        spends = {}
        for action, adstock in sampled_adstocks(transforms).items():
            series = data.series
            assert series is not None  # _rows
            before = np.nan if adstock.initial is None else adstock.initial
            spends[action] = lags(series, series.values[:, data.index(action)], adstock.l_max, before)[kept]
        return cls(
            actions=data.actions,
            values=table[:, : len(columns.variables)],
            lags=spends,
            adstocks=sampled_adstocks(transforms),
            outcome=table[:, named[columns.outcome]],
            weights=np.ones(len(kept)) if columns.weights is None else table[:, named[columns.weights]],
            dataset=None if columns.dataset is None else table[:, named[columns.dataset]],
            regimes=regimes,
            regime=regime,
            place=kept,
        )

    def repeated(self, times: NDArray[np.intp]) -> LaggedRows:
        """Return each row as often as `times` says, with weight one."""
        return replace(
            self,
            values=np.repeat(self.values, times, axis=0),
            lags={action: np.repeat(item, times, axis=0) for action, item in self.lags.items()},
            outcome=np.repeat(self.outcome, times),
            weights=np.ones(times.sum()),
            dataset=None if self.dataset is None else np.repeat(self.dataset, times),
            regime=np.repeat(self.regime, times),
            place=np.repeat(self.place, times),
        )

    def carried(self, parameters: Mapping[str, Mapping[str, float]]) -> tuple[FloatArray, FloatArray]:
        """Values with spends carried over, and with what natural spends tell of the confounder; (n, V) each.

        `parameters` are numbers for what is free in each adstock, by action and name.
        """
        causal, natural = self.values.copy(), self.values.copy()
        for action, adstock in self.adstocks.items():
            k = self.actions.index(action)
            own, memory = weights_at(adstock, parameters.get(action, {}))
            causal[:, k] = self.lags[action] @ own
            natural[:, k] = self.lags[action] @ memory
        return causal, natural


def check_row_count(data: RegimeData, transforms: Transforms) -> None:
    """Raise a `SpecError` if there are too many rows, before any is read; where spends carry over some may drop out."""
    if not any(adstock_of(items) for items in transforms.values()):
        _check_count(data.n_rows)


def _check_count(rows: int) -> None:
    if rows > MOST_ROWS:
        raise SpecError(
            f"transforms with a prior are sampled row by row, and there are {rows:,} rows; up to {MOST_ROWS:,} are "
            "within reach. Pass numbers, lists to choose from, or None in Adstock and Saturation, or sum the rows of "
            "small units."
        )


def _rows(
    data: RegimeData, transforms: Transforms, reference: Transforms
) -> tuple[FloatArray, list[Regime], NDArray[np.intp]]:
    """All rows carried over by the reference, the regime of each, and which of them a fit uses."""
    series = data.series
    if any(adstock_of(items) for items in transforms.values()):
        if series is None:
            raise SpecError(
                "transforms of the model are sampled, which takes the spends of every week, but the data hold "
                "carried-over ones; pass the rows as they were read."
            )
        weekly, judged = set_by_week(data, series), upper_transforms(transforms, reference)
        values, regime_of, fate = carried_rows(data, series, reference, weekly, judged)
        return values, regime_of, np.flatnonzero(fate == "")
    values, regime_of = rows_as_read(data)
    return values, regime_of, np.flatnonzero([regime in data.profiles for regime in regime_of])


def weights_at(adstock: Adstock, values: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Weights of the carry-over and of the memory of natural spends, at numbers for what is free."""
    number = {name: values.get(name, getattr(adstock, name)) for name in ("alpha", "theta", "memory")}
    own = adstock_weights(adstock.kind, number["alpha"], number["theta"], adstock.l_max)
    return own, adstock_weights("geometric", number["memory"], 0.0, adstock.l_max)


def upper_transforms(transforms: Transforms, reference: Transforms) -> Transforms:
    """Return the reference with the longest carry-over that the priors leave likely."""
    found = dict(reference)
    for action, adstock in sampled_adstocks(transforms).items():
        chosen = adstock_of(reference[action])
        assert chosen is not None  # the reference has the same transforms
        found[action] = (adstock.upper(chosen), *reference[action][1:])
    return found


def at_values(reference: Transforms, values: Mapping[str, Mapping[str, float]]) -> Transforms:
    """Return the reference with other numbers for what is sampled."""
    found = dict(reference)
    for action, named in values.items():
        items = []
        for item in reference[action]:
            names = {field.name for field in fields(item)} - {"memory"}
            items.append(replace(item, **{name: x for name, x in named.items() if name in names}))  # type: ignore[arg-type]
        found[action] = tuple(items)
    return found
