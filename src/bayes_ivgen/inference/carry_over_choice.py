"""Which carry-over and saturation the rows speak for, by marginal likelihood (docs/theory/carry_over.md).

What natural spends tell of demand is told by this week's spend most, whatever the carry-over is. Confounding as a
function of the carried-over spend would make natural rows prefer weights like the memory of the confounder. The model
by which candidates are compared therefore has it as a function of the spend of the week itself,

    y_t = alpha + q(x_t) + u_t + sum_k [ m_k(x~_kt) + (1 - R_kt) (g_k + b_k z_kt + d_k z_kt^2) ],

z the centred spend of the week. All rows with a whole history enter, wash-in and wash-out included, the same for every
candidate.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from bayes_ivgen.basis import Basis, FittedBasis, Saturated
from bayes_ivgen.basis.base import FloatArray, unit_scale
from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import DataError, DataWarning
from bayes_ivgen.inference.evidence import Evidence, maximal_evidence
from bayes_ivgen.media.adstock import Adstock
from bayes_ivgen.media.carry_over import EMPTY, check_fits, lags, rows_as_read, set_by_week, typical_spends
from bayes_ivgen.media.saturation import Saturation
from bayes_ivgen.media.scale_check import rising, spends_of
from bayes_ivgen.media.transforms import Transform, Transforms, adstock_of, saturation_of
from bayes_ivgen.model.build import basis_of

SWEEPS = 6
FLAT_EVIDENCE = 2.0  # log units between the best and the worst candidate, below which a warning is due


class Columns(NamedTuple):
    """Columns of shape (n, p), and the group of each among them, -1 for none."""

    values: FloatArray
    groups: tuple[int, ...]


def choose_transforms(data: RegimeData, transforms: Transforms, basis: Basis) -> tuple[Transforms, pd.DataFrame]:
    """Choose parameters that are not numbers, one transform at a time until nothing changes.

    Parameters
    ----------
    data : RegimeData
        The rows, in order of time where an action has an `Adstock`.
    transforms : dict of str to tuple
        Transforms of the actions.
    basis : Basis
        Of the causal components.

    Returns
    -------
    transforms : dict
        All parameters numbers; of what is sampled a start only, neither warned of nor in the table.
    table : DataFrame
        ``action``, ``transform``, its parameters as text, ``log_evidence`` relative to the best, ``chosen``.

    Warns
    -----
    DataWarning
        If the rows tell next to nothing about a choice.
    """
    check_fits(data, transforms)
    typical = typical_spends(data)
    scored = ScoredRows.of(data, transforms, basis)
    current = {a: tuple(_start(item, typical[a]) for item in items) for a, items in transforms.items()}
    open_ = [(a, i) for a, items in transforms.items() for i, item in enumerate(items) if not item.fixed]
    tables: dict[tuple[str, int], pd.DataFrame] = {}
    for _ in range(SWEEPS):
        before = dict(current)
        for action, i in open_:
            item = transforms[action][i]
            candidates: list[Any] = item.candidates(typical[action])
            if isinstance(item, Saturation):
                candidates = rising(candidates, spends_of(data, action))
            with threadpool_limits(limits=1, user_api="blas"):  # matrices are small
                values = [scored.evidence(_with(current, action, i, candidate)) for candidate in candidates]
            best = int(np.argmax(values))
            current = _with(current, action, i, candidates[best])
            tables[action, i] = _table(action, candidates, np.array(values))
        if current == before:
            break
    told = [table for (action, i), table in tables.items() if not transforms[action][i].sampled]
    for table in told:
        _warn_if_flat(table)
    return current, pd.concat(told, ignore_index=True) if told else EMPTY


def _start(item: Transform, typical: float) -> Transform:
    if item.fixed:
        return item
    return item.start() if isinstance(item, Adstock) else item.start(typical)


def _with(
    current: Mapping[str, tuple[Transform, ...]], action: str, i: int, item: Transform
) -> dict[str, tuple[Transform, ...]]:
    return {**current, action: (*current[action][:i], item, *current[action][i + 1 :])}


def parameters_text(item: Transform) -> str:
    """Write the numbers of a transform: ``alpha=0.5``."""
    names = ("alpha", "theta") if isinstance(item, Adstock) else ("kappa", "slope", "lam")
    shown = {name: getattr(item, name) for name in names if getattr(item, name) is not None}
    if isinstance(item, Adstock) and item.kind == "geometric":
        del shown["theta"]
    return ", ".join(f"{name}={value:.4g}" for name, value in shown.items())


def _table(action: str, candidates: list[Any], values: FloatArray) -> pd.DataFrame:
    best = values.max()
    return pd.DataFrame(
        {
            "action": action,
            "transform": [type(item).__name__.lower() for item in candidates],
            "parameters": [parameters_text(item) for item in candidates],
            "log_evidence": values - best,
            "chosen": values == best,
        }
    )


def _warn_if_flat(table: pd.DataFrame) -> None:
    if table["log_evidence"].min() > -FLAT_EVIDENCE:
        first = table.iloc[0]
        chosen = table.loc[table["chosen"], "parameters"].iloc[0]
        warnings.warn(
            f"the rows tell next to nothing about the {first['transform']} of {first['action']!r}: all {len(table)} "
            f"candidates lie within {-table['log_evidence'].min():.1f} log units, and {chosen} is little better than "
            "the others. Pass numbers, try how answers depend on them, or add weeks in which the action is set and "
            "varies.",
            DataWarning,
            stacklevel=6,
        )


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Rows with a whole history, and the columns of the comparing model that no candidate changes.

    Attributes
    ----------
    spends, was_set : dict of str to ndarray of shape (n, lags)
        Spend of this week and those before, and whether it was set.
    outcome : ndarray of shape (n,)
        Centred and scaled.
    weights : ndarray of shape (n,)
        How many rows each row stands for.
    common : Columns
        Intercept, covariates and confounding.
    """

    basis: Basis
    spends: Mapping[str, FloatArray] = field(repr=False)
    was_set: Mapping[str, FloatArray] = field(repr=False)
    outcome: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    common: Columns = field(repr=False)
    bases: Mapping[str, Basis] = field(repr=False)
    last: dict[str, FloatArray] = field(default_factory=dict, repr=False)
    known: dict[tuple[Any, ...], float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data: RegimeData, transforms: Transforms, basis: Basis) -> ScoredRows:
        """Collect rows whose carry-over is known under every candidate."""
        values, was_set, spends = _history(data, transforms)
        known = ~np.isnan(values).any(axis=1)
        for action in data.actions:
            known &= ~np.isnan(spends[action]).any(axis=1) & ~np.isnan(was_set[action]).any(axis=1)
        if not known.any():
            raise DataError(
                "no row has a whole history of spends, so that nothing tells carry-over; pass a smaller l_max, or "
                "initial=."
            )
        spends = {action: item[known] for action, item in spends.items()}
        was_set = {action: item[known] for action, item in was_set.items()}
        values = values[known]
        columns = data.columns
        y = values[:, len(columns.variables)]
        weights = np.ones(len(y)) if columns.weights is None else values[:, columns.read.index(columns.weights)]
        parts = [Columns(np.ones((len(y), 1)), (-1,))]
        for name in data.covariates:
            x = values[:, data.index(name)]
            parts.append(_basis_columns(basis_of(data, name, basis).fit(x, x, _few(x)), x))
        for action in data.actions:
            parts.append(_confounding(spends[action], was_set[action]))
        bases = {action: basis_of(data, action, basis) for action in data.actions}
        scale = float(np.sqrt(np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)))
        outcome = (y - np.average(y, weights=weights)) / scale
        return cls(basis, spends, was_set, outcome, weights, _joined(parts), bases)

    def evidence(self, transforms: Transforms) -> float:
        """Log evidence of transforms whose parameters are numbers."""
        key = tuple(transforms.items())
        if key not in self.known:
            self.known[key] = self._evidence(transforms)
        return self.known[key]

    def _evidence(self, transforms: Transforms) -> float:
        parts = [self.common, *self._causal(transforms)]
        x = _joined(parts)
        weighted = x.values * self.weights[:, None]
        gram, cross = weighted.T @ x.values, weighted.T @ self.outcome
        squares = float(self.weights @ self.outcome**2)
        groups = np.array(x.groups, dtype=np.intp)
        found: Evidence = maximal_evidence(
            gram, cross, squares, float(self.weights.sum()), groups, self.last.get("scales")
        )
        self.last["scales"] = found.scales  # the next candidate starts here
        return found.value

    def _causal(self, transforms: Transforms) -> Iterator[Columns]:
        for action, spends in self.spends.items():
            items = transforms.get(action, ())
            adstock, saturation = adstock_of(items), saturation_of(items)
            x = spends[:, 0] if adstock is None else spends[:, : adstock.l_max] @ adstock.weights
            basis = self.bases[action]
            if saturation is not None:
                basis = Saturated(basis, saturation)
            here = self.was_set[action][:, 0] > 0
            placed = x[here] if here.any() else x
            yield _basis_columns(basis.fit(placed, x, _few(placed)), x)


def _history(
    data: RegimeData, transforms: Transforms
) -> tuple[FloatArray, dict[str, FloatArray], dict[str, FloatArray]]:
    """Rows, and for each action whether it was set and what was spent, in this week and those before it."""
    series = data.series
    if series is None:  # saturation only: every row is its own history
        values, regimes = rows_as_read(data)
        flags = {a: np.array([[float(regime.sets(a))] for regime in regimes]) for a in data.actions}
        return values, flags, {a: values[:, [data.index(a)]] for a in data.actions}
    weekly = set_by_week(data, series)
    values = series.values.copy()
    read = {label for label, regime in data._regime_of_label.items() if regime in data.profiles}
    values[~np.isin(series.labels.codes, [i for i, label in enumerate(series.labels.labels) if label in read])] = np.nan
    was_set, spends = {}, {}
    for action in data.actions:
        adstock, k = adstock_of(transforms.get(action, ())), data.index(action)
        n_lags = 1 if adstock is None else adstock.l_max
        before = np.nan if adstock is None or adstock.initial is None else adstock.initial
        spends[action] = lags(series, series.values[:, k], n_lags, before)
        was_set[action] = lags(series, weekly[:, k], n_lags, 0.0)
    return values, was_set, spends


def _few(x: FloatArray) -> FloatArray | None:
    levels = np.unique(x)
    return levels if len(levels) <= 64 else None


def _basis_columns(fitted: FittedBasis, x: FloatArray) -> Columns:
    return Columns(fitted.columns(x), (0,) * fitted.n_linear + (1,) * fitted.n_wiggle)


def _confounding(spends: FloatArray, was_set: FloatArray) -> Columns:
    """Return a level, a line and a square of the spend of the week; zero where it was set."""
    natural = 1.0 - was_set[:, :1]
    if not natural.any():
        return Columns(np.empty((len(spends), 0)), ())
    seen = spends[:, :1][natural > 0]
    centred = spends[:, :1] - seen.mean()
    line, square = natural * centred, natural * (centred**2 - seen.var())
    return Columns(np.column_stack([natural, line * unit_scale(line), square * unit_scale(square)]), (0, 1, 2))


def _joined(parts: list[Columns]) -> Columns:
    """Put columns side by side; groups are counted on."""
    groups: list[int] = []
    count = 0
    for part in parts:
        groups += [group if group < 0 else group + count for group in part.groups]
        count += max(part.groups, default=-1) + 1
    return Columns(np.column_stack([part.values for part in parts]), tuple(groups))
