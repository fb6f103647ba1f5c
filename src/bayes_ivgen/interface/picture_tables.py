"""Tables behind the pictures of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.effects import Estimate, Queries, outcome
from bayes_ivgen.effects.families import family_outcome
from bayes_ivgen.effects.queries import value_text
from bayes_ivgen.errors import IdentificationError, QueryError

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit

PREDICTED_ROWS = 200
RESIDUAL_ROWS = 400
REPLICATES = 200
CURVE_POINTS = 60
SURFACE_POINTS = 21
BLOCK = 128  # rows whose draws are in memory at a time


def check_action(fit: Fit, action: str) -> str:
    """Return the name of an action, or raise a `QueryError`."""
    if action not in fit.actions:
        raise QueryError(f"{action!r} is not an action. The actions are {list(fit.actions)}.")
    return action


def tried_values(fit: Fit, action: str, *, was_set: bool) -> FloatArray:
    """Values of an action in rows in which it was set, or was left alone: a sample, its levels, or both ends."""
    k, support = fit.actions.index(action), fit.effects.support
    tried = (support.tested if was_set else support.natural)[action]
    if tried is None or action in support.categories:
        return np.empty(0)
    if tried.levels is not None:
        return np.array(tried.levels)
    found = [np.array([tried.low, tried.high])]
    rows = fit.effects.natural_rows
    if rows is not None:
        found.append(rows.values[rows.was_set[:, k] == was_set, k])
    if was_set and fit.lift_tests is not None and action in fit.lift_tests.actions:
        found.append(fit.lift_tests.ends(action))
    return np.unique(np.concatenate(found))


class Readings(NamedTuple):
    """Two curves along one action: if it is set, and as it is read where it was seen."""

    interventional: pd.DataFrame
    observational: pd.DataFrame


def readings(fit: Fit, action: str, prob: float) -> Readings:
    """Return the response curve, and the same curve off by the confounding bias, each over the values it is known at.

    Raises
    ------
    IdentificationError
        If the response or the bias is not identified.
    """
    bias = fit.confounding_bias(action, usual_range(fit, action))
    curve = fit.response_curve(action)
    seen = fit.response_curve(action, bias.queries[action].to_numpy())
    link = fit.model.link

    def evaluate(block: slice) -> FloatArray:
        mean, shift = seen.evaluate(block), bias.evaluate(block)
        if link == "identity":
            return mean + shift
        return mean * shift if link == "log" else 1 - (1 - mean) * shift

    return Readings(curve.summary(prob), replace(seen, evaluate=evaluate).summary(prob))


def usual_range(fit: Fit, action: str) -> FloatArray | None:
    """Grid over the inner 98 % of the natural values: single extreme rows would stretch the picture."""
    natural = fit.effects.support.natural[action]
    if natural is None or natural.levels is not None:
        return None
    low, high = np.quantile(fit.effects.observed[:, fit.actions.index(action)], [0.01, 0.99])
    return np.linspace(max(low, natural.low), min(high, natural.high), CURVE_POINTS)


def regime_table(fit: Fit) -> pd.DataFrame:
    """Rows of each regime, and the range of each action in it."""
    seen = fit.datatree["observed_data"].dataset
    records = [
        {
            "regime": regime.label,
            "variable": action,
            "rows": int(seen["rows"].values[r]),
            "was_set": regime.sets(action),
            **{name: float(seen[name].values[r, k]) for name in ("mean", "sd", "low", "high")},
        }
        for r, regime in enumerate(fit.regimes)
        for k, action in enumerate(fit.actions)
    ]
    return pd.DataFrame.from_records(records)


def surface_table(fit: Fit, x: str, y: str, do: dict[str, Any], *, points: int, prob: float) -> pd.DataFrame:
    """Joint effect over the values of two actions; those not in `do` are held at their observed values."""
    axes = [_span(fit, check_action(fit, action), points) for action in (x, y)]
    if x == y:
        raise QueryError(f"a surface needs two actions, but both are {x!r}. Name another one, or draw a curve.")
    twice = [name for name in (x, y) if name in do]
    if twice:
        raise QueryError(f"{twice[0]!r} is an axis of the surface and stands in do; take it out of one of them.")
    first, second = (grid.ravel() for grid in np.meshgrid(*axes))
    one = fit.queries(do | {x: _as_asked(fit, x, first), y: _as_asked(fit, y, second)})
    return fit.effects.effect(one, extrapolate=True).summary(prob)


def _span(fit: Fit, action: str, points: int) -> FloatArray:
    """Values over which an action is drawn: all that were set, and nearly all that came about."""
    support = fit.effects.support
    known = [tried for tried in (support.tested[action], support.natural[action]) if tried is not None]
    if all(tried.levels is not None for tried in known):
        return np.unique(np.concatenate([tried.levels or () for tried in known]))
    usual = usual_range(fit, action)
    ends = [
        end for tried in known if tried is support.tested[action] or usual is None for end in (tried.low, tried.high)
    ]
    both = np.array(ends) if usual is None else np.concatenate([ends, usual[[0, -1]]])
    return np.linspace(both.min(), both.max(), points)


def _as_asked(fit: Fit, action: str, values: FloatArray) -> Any:
    labels = fit.categories.get(action)
    return values if labels is None else [labels[int(code)] for code in values]


def as_questions(queries: Any) -> pd.DataFrame:
    """Values of actions that are set, one row a question, from a mapping or a frame.

    Raises
    ------
    QueryError
        If it is neither, or empty.
    """
    if not isinstance(queries, Mapping | pd.DataFrame) or not len(queries):
        raise QueryError(
            f"queries is a {type(queries).__name__} without questions; pass an estimate such as fit.effect(...), "
            "several as {'title': estimate}, or a frame with one row a question and one column an action."
        )
    if isinstance(queries, pd.DataFrame):
        return queries
    scalars = all(np.ndim(value) == 0 for value in queries.values())
    return pd.DataFrame(queries, index=[0] if scalars else None)


class Contrast(NamedTuple):
    """A comparison in words with its estimate, or the reason why there is none."""

    label: str
    estimate: Estimate | None
    reason: str = ""
    words: str = ""


def usual_contrasts(fit: Fit) -> list[Contrast]:
    """Each action from its lower to its upper quartile, the others held; then all of them together."""
    ends = {action: _quartiles(fit, action) for action in fit.actions}
    moves = [(action,) for action in fit.actions] + ([fit.actions] if len(fit.actions) > 1 else [])
    return [_contrast(fit, names, ends) for names in moves]


def _contrast(fit: Fit, names: tuple[str, ...], ends: dict[str, tuple[Any, Any]]) -> Contrast:
    shown = [f"{name} {value_text(ends[name][0])} to {value_text(ends[name][1])}" for name in names]
    label = shown[0] if len(names) == 1 else "all together"
    first, second = ({name: ends[name][side] for name in names} for side in (1, 0))
    words = " and ".join(f"{name} from {value_text(ends[name][0])} to {value_text(ends[name][1])}" for name in names)
    try:
        both = fit.queries(first), fit.queries(second)
        return Contrast(label, fit.effects.contrast(*both, kind="difference", extrapolate=True), "", words)
    except IdentificationError as error:
        return Contrast(label, None, str(error), words)


def _quartiles(fit: Fit, action: str) -> tuple[Any, Any]:
    """Lower and upper quartile of the natural values inside the tested range; of levels, the nearest ones."""
    labels, k = fit.categories.get(action), fit.actions.index(action)
    tried = fit.effects.support.tested[action] or fit.effects.support.natural[action]
    assert tried is not None  # an action is set or left alone
    if labels is not None:
        levels = tried.levels or (0.0, len(labels) - 1.0)
        return labels[int(levels[0])], labels[int(levels[-1])]
    low, high = np.clip(np.quantile(fit.effects.observed[:, k], [0.25, 0.75]), tried.low, tried.high)
    if tried.levels is not None:
        places = np.array(tried.levels)
        low, high = (places[np.argmin(np.abs(places - at))] for at in (low, high))
    if low == high:
        low, high = tried.low, tried.high
    near = rounded(low, high)
    return near if tried.levels is None and tried.low <= near[0] < near[1] <= tried.high else (float(low), float(high))


def rounded(low: float, high: float) -> tuple[float, float]:
    """Two numbers to two digits of their distance: easier to read, and as good to ask about."""
    digits = 1 - int(np.floor(np.log10(high - low))) if high > low else 6
    return round(float(low), digits), round(float(high), digits)


class RegimeRows(NamedTuple):
    """Some rows of a regime: values (n, V), outcomes (n,)."""

    regime: Regime
    values: FloatArray
    outcome: FloatArray


def check_columns(fit: Fit, data: RegimeData) -> None:
    """Raise a `QueryError` unless the data have the columns of the fit."""
    if data.variables != fit.design.variables or data.outcome != fit.outcome_name:
        raise QueryError(
            f"the data hold {data.outcome!r} given {list(data.variables)}, but the fit is of {fit.outcome_name!r} "
            f"given {list(fit.design.variables)}; pass the data of the fit, or rows with the same columns in the same "
            "order."
        )


def rows_of(fit: Fit, data: RegimeData | None, most: int) -> list[RegimeRows]:
    """Up to `most` evenly spaced rows of each regime, from the data or from what the fit kept.

    Raises
    ------
    QueryError
        If the fit kept none and no data are given, the data have other columns or regimes, or rows have exposures.
    """
    if data is None:
        if fit.model.family.rowwise:
            raise QueryError(
                f"a fit with likelihood={fit.model.likelihood!r} keeps no rows; pass the data of the fit as data=..."
            )
        data = fit.profiles
    data = fit.as_fitted(data)
    check_columns(fit, data)
    if data.columns.exposure is not None:
        raise QueryError(
            "rows with an exposure are not kept one by one; compare fit.outcome(..., exposure=...) with rows yourself."
        )
    samples = {regime: thinned(profile.sample, most) for regime, profile in data.profiles.items()}
    return [RegimeRows(regime, rows[:, :-1], rows[:, -1]) for regime, rows in samples.items()]


def _queries_at(fit: Fit, rows: RegimeRows) -> Queries:
    covariates = fit.design.structure.covariates
    return Queries(fit.actions, rows.regime, rows.values, covariates=covariates, categories=fit.categories)


def replicates(fit: Fit, rows: RegimeRows, *, seed: int) -> FloatArray:
    """Outcomes of some rows drawn from the posterior predictive law, up to 200 data sets; (draws, n)."""
    queries = _queries_at(fit, rows)
    if fit.model.family.rowwise:
        drawn = family_outcome(fit.effects, fit.spread, queries, exposure=None, extrapolate=True, seed=seed)
    else:
        drawn = outcome(fit.effects, fit.noise, queries, extrapolate=True, seed=seed)
    flat = drawn.n_chains * drawn.n_draws
    chosen = np.linspace(0, flat - 1, min(flat, REPLICATES)).astype(int)
    blocks = (slice(start, min(start + BLOCK, len(drawn))) for start in range(0, len(drawn), BLOCK))
    return np.concatenate([drawn.evaluate(block).reshape(flat, -1)[chosen] for block in blocks], axis=1)


def residual_table(fit: Fit, data: RegimeData | None) -> pd.DataFrame:
    """Outcome minus posterior mean of E[Y | a, R] in up to 400 rows of each regime."""
    parts = []
    for rows in rows_of(fit, data, RESIDUAL_ROWS):
        effect = fit.effects.effect(_queries_at(fit, rows), extrapolate=True)
        blocks = (slice(start, min(start + BLOCK, len(effect))) for start in range(0, len(effect), BLOCK))
        fitted = np.concatenate([effect.evaluate(block).mean(axis=(0, 1)) for block in blocks])
        parts.append(pd.DataFrame({"regime": rows.regime.label, "fitted": fitted, "residual": rows.outcome - fitted}))
    return pd.concat(parts, ignore_index=True)
