"""A plan of spends by week, carried over from the weeks before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.data.frames import numeric_column, to_narwhals
from bayes_ivgen.data.labels import Label, codes_of, listed
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.series import Carried, SeriesNames
from bayes_ivgen.errors import DataError, QueryError
from bayes_ivgen.media.adstock import Adstock
from bayes_ivgen.media.plan_words import counted, range_text
from bayes_ivgen.media.transforms import adstock_of

MOST_SHOWN = 6


@dataclass(frozen=True, eq=False)
class PlanRows:
    """One row a unit and week of a plan, sorted by week; what was asked for once for all units stands for each.

    Attributes
    ----------
    values : ndarray of shape (n, K)
        Carried-over spends.
    covariates : dict of str to ndarray of shape (n,)
        Covariates that stand in the plan.
    shown : DataFrame
        One row an answer: time, unit if the plan names it, and the planned spends.
    answer_of : ndarray of shape (n,)
        The answer that each row belongs to: those of all units where the plan names none. Sorted.
    windows : ndarray of shape (n, K, lags)
        Planned and earlier spends of the weeks whose weighted sums `values` are, this week first.
    before : list of str
        For each answer what natural weeks before the plan leave open, or an empty string.
    carry_in : ndarray of shape (answers,)
        Largest share of the carry-over, over actions and units, that comes from natural weeks before the plan.
    summed : bool
        Whether answers are sums over units, and not their means.
    of_units : str
        What answers are about: the average unit, or the sum of all; empty where the plan names units or there are none.
    """

    values: FloatArray
    covariates: Mapping[str, FloatArray] = field(repr=False)
    shown: pd.DataFrame
    answer_of: NDArray[np.intp] = field(repr=False)
    windows: FloatArray = field(repr=False)
    before: list[str] = field(repr=False)
    carry_in: FloatArray = field(repr=False)
    summed: bool = False
    of_units: str = ""


def plan_rows(
    plan: Any,
    carried: Carried,
    names: SeriesNames,
    actions: tuple[str, ...],
    covariates: Mapping[str, Sequence[Label] | None],
    start: Any,
    *,
    labels: Mapping[str, Sequence[Label]] = MappingProxyType({}),
    sum_units: bool = False,
) -> PlanRows:
    """Carry the spends of a plan over, from the last weeks of the fitted rows on.

    Parameters
    ----------
    plan : data frame or mapping
        A frame with the column of times (and of units, for a plan that differs between them) and one of each action;
        or a mapping of actions to spends by week.
    carried : Carried
        Transforms and history.
    names : SeriesNames
        Columns of time and unit, and the clock.
    actions : tuple of str
        Those of the model.
    covariates : dict of str to labels or None
        Those of the model, with their labels if they have some; they are read where the plan has them.
    start : time, optional
        First week of a mapping; it must be the week after the last fitted one, which is the default.
    labels : dict of str to labels, optional
        Of actions that do not hold numbers.
    sum_units : bool
        Sum over all units, where the plan names none, instead of the mean.

    Raises
    ------
    QueryError
        If an action is missing, names are unknown, weeks are missing, or the plan does not begin right after the
        history of a unit.
    """
    frame = _as_frame(plan, carried, names, actions, {**covariates, **labels}, start)
    steps = _steps_of(frame[names.time].to_numpy(), f"{names.time!r} of the plan", f"plan[{names.time!r}]", names)
    units = _units_of(frame, names)
    of_units = _of_units(names, units, sum_units)
    if units is None:
        _check_same_end(carried, names)
    table = {name: frame[name].to_numpy(dtype=float) for name in (*actions, *covariates) if name in frame}
    rows: list[pd.DataFrame] = []
    windows: list[FloatArray] = []
    for unit in dict.fromkeys(units) if units is not None else names.units:
        chosen = np.flatnonzero([item == unit for item in units]) if units is not None else np.arange(len(steps))
        chosen = chosen[np.argsort(steps[chosen], kind="stable")]
        position = names.units.index(unit)
        _check_weeks(steps[chosen], int(carried.last_step[position]), names, None if units is None else unit)
        spends = np.column_stack([table[action][chosen] for action in actions])
        carried_on, natural = _carried_on(spends, carried, position, actions, names)
        found = pd.DataFrame({"answer": chosen, "step": steps[chosen], "position": position})
        found[list(actions)] = carried_on
        found[[f"natural_{action}" for action in actions]] = natural
        rows.append(found.assign(**{name: table[name][chosen] for name in covariates if name in table}))
        windows.append(_windows(spends, carried.spends[position]))
    everything = pd.concat(rows, ignore_index=True)
    for name in labels:
        frame[name] = [labels[name][int(code)] for code in table[name]]
    answers = _collected(everything, np.concatenate(windows), frame, names, actions, covariates, carried)
    return replace(answers, summed=sum_units, of_units=of_units)


def _windows(spends: FloatArray, history: FloatArray) -> FloatArray:
    """Return spends of each week and those before it, (weeks, K, lags), as far back as any action carries over."""
    every = np.concatenate([history, spends])
    return np.lib.stride_tricks.sliding_window_view(every, len(history) + 1, axis=0)[:, :, ::-1]


def _collected(
    rows: pd.DataFrame,
    windows: FloatArray,
    frame: pd.DataFrame,
    names: SeriesNames,
    actions: tuple[str, ...],
    covariates: Iterable[str],
    carried: Carried,
) -> PlanRows:
    by = ["step", "position"] if names.unit in frame else ["step", "answer"]
    rows = rows.sort_values(by, kind="stable")
    order = list(dict.fromkeys(rows["answer"]))
    place = {answer: i for i, answer in enumerate(order)}
    columns = [names.time, *([names.unit] if names.unit is not None and names.unit in frame else []), *actions]
    shown = frame.iloc[order][columns].reset_index(drop=True).rename_axis("query")
    natural = [f"natural_{action}" for action in actions]
    parts = [rows.loc[rows["answer"] == answer, natural].to_numpy() for answer in order]
    return PlanRows(
        rows[list(actions)].to_numpy(dtype=float),
        {name: rows[name].to_numpy(dtype=float) for name in covariates if name in rows},
        shown,
        np.array([place[answer] for answer in rows["answer"]], dtype=np.intp),
        windows[rows.index],
        [_left_open(shares, carried, actions, names.unit) for shares in parts],
        np.array([shares.max() for shares in parts]),
    )


def _left_open(shares: FloatArray, carried: Carried, actions: tuple[str, ...], unit: str | None) -> str:
    """Say how much of the carry-over comes from natural weeks before the plan; shares of shape (units, K)."""
    told: list[str] = []
    for k, action in enumerate(actions):
        adstock = adstock_of(carried.transforms.get(action, ()))
        much = shares[:, k][shares[:, k] > 1 - (1.0 if adstock is None else adstock.pure) + 1e-12]
        if adstock is None or not len(much):
            continue
        what = "that" if told else "the carry-over"
        text = f"{range_text([f'{100 * share:.0f}' for share in much])} % of {what} of {action}"
        few = unit is not None and len(much) < len(shares)
        told.append(f"{text} in {counted(len(much), len(shares), str(unit))}" if few else text)
    return ", ".join(told)


def _carried_on(
    spends: FloatArray, carried: Carried, unit: int, actions: tuple[str, ...], names: SeriesNames
) -> tuple[FloatArray, FloatArray]:
    """Carried-over spends of the weeks of a plan, and the share of natural weeks before it; (weeks, K) each."""
    history, was_set = carried.spends[unit], carried.was_set[unit]
    depth = len(history)
    steady, natural = np.empty_like(spends), np.zeros_like(spends)
    for k, action in enumerate(actions):
        adstock = adstock_of(carried.transforms.get(action, ())) or Adstock(alpha=0.0, l_max=1)
        weights = adstock.weights
        reach = len(weights) - 1
        before = history[depth - reach :, k] if reach else np.empty(0)
        if np.isnan(before).any():
            raise QueryError(
                f"the fitted rows{_of_unit(names, names.units[unit])} end after fewer weeks than {action!r} carries "
                f"over ({len(weights)}). Fit with initial= in its Adstock, the spend before that"
                f"{'' if names.unit is None else f'; or pass a frame with the column {names.unit!r} and other units'}."
            )
        steady[:, k] = np.convolve(np.concatenate([before, spends[:, k]]), weights, mode="valid")
        unset = ~was_set[depth - reach :, k] if reach else np.empty(0, dtype=bool)
        flags = np.concatenate([unset.astype(float), np.zeros(len(spends))])
        natural[:, k] = np.convolve(flags, weights, mode="valid")
    return steady, natural


def _as_frame(
    plan: Any,
    carried: Carried,
    names: SeriesNames,
    actions: tuple[str, ...],
    labels: Mapping[str, Sequence[Label] | None],
    start: Any,
) -> pd.DataFrame:
    if isinstance(plan, Mapping):
        lengths = {name: len(np.atleast_1d(value)) for name, value in plan.items()}
        n = max(lengths.values(), default=0)
        wrong = next((name for name, length in lengths.items() if length not in (1, n)), None)
        if wrong is not None or n == 0:
            raise QueryError(
                f"the plan has columns of different lengths {lengths}; give one spend a week for each action."
            )
        first = int(carried.last_step.max()) + 1
        if start is not None:
            first = int(_steps_of(np.atleast_1d(start), f"start={start!r}", "start", names)[0])
        times = names.clock.times(first + np.arange(n))
        columns = {name: np.broadcast_to(np.atleast_1d(value), n) for name, value in plan.items()}
        frame = pd.DataFrame({names.time: times, **columns})
    else:
        if start is not None:
            raise QueryError(f"start={start!r} is for a plan given as a mapping; a frame has its own {names.time!r}.")
        frame = _read_frame(plan, names)
    known = [names.time, *([] if names.unit is None else [names.unit]), *dict.fromkeys([*actions, *labels])]
    unknown = [str(name) for name in frame.columns if name not in known]
    if unknown:
        raise QueryError(f"the plan names {unknown[0]!r}, which the fit does not know; valid columns are {known}.")
    missing = [name for name in actions if name not in frame]
    if missing:
        raise QueryError(f"the plan says nothing of {missing[0]!r}; give spends by week of all of {list(actions)}.")
    if frame.empty:
        raise QueryError("the plan has no weeks; give one at least.")
    wrapped = nw.from_native(frame, eager_only=True)
    for name in dict.fromkeys([*actions, *(c for c in labels if c in frame)]):
        frame[name] = _column(wrapped[name], name, labels.get(name))
    return frame


def _column(column: nw.Series[Any], name: str, labels: Sequence[Label] | None) -> FloatArray:
    """Return numbers, or the codes of labels."""
    if labels is None:
        try:
            return numeric_column(column, name, "the plan")
        except DataError as error:
            raise QueryError(str(error)) from error
    codes, unknown = codes_of(column.to_list(), labels)
    if unknown is not None:
        raise QueryError(f"{name!r} of the plan is {unknown!r}, which is not one of its levels: {listed(labels)}.")
    return codes


def _steps_of(times: Any, where: str, code: str, names: SeriesNames) -> NDArray[np.int64]:
    try:
        return names.clock.steps_of(times, where, code)
    except DataError as error:
        raise QueryError(str(error)) from error


def _of_units(names: SeriesNames, units: list[Any] | None, sum_units: bool) -> str:
    """Say what answers are about, where one plan stands for several units."""
    if sum_units and (units is not None or names.unit is None):
        raise QueryError(
            f"the plan names each {names.unit} by itself; leave out sum_units=, total=True sums over weeks and units."
            if names.unit is not None
            else "the fitted rows are a single series, so that there are no units to sum over; leave out sum_units=."
        )
    if units is not None or len(names.units) == 1:
        return ""
    return f" summed over {len(names.units)} units ({names.unit})" if sum_units else f" for one average {names.unit}"


def _check_same_end(carried: Carried, names: SeriesNames) -> None:
    """Raise a `QueryError` if one plan for all units cannot follow on the rows of each."""
    last = carried.last_step
    if last.min() == last.max():
        return
    early = names.units[int(np.argmin(last))]
    raise QueryError(
        f"the fitted rows of {names.unit}={early} end at {names.time}={names.clock.text(int(last.min()))}, those of "
        f"others at {names.clock.text(int(last.max()))}, so that no plan follows on all of them. Pass a frame with the "
        f"column {names.unit!r}, in which each unit begins right after its own last row."
    )


def _of_unit(names: SeriesNames, unit: Any) -> str:
    return "" if names.unit is None or unit is None else f" of {names.unit}={unit}"


def _read_frame(plan: Any, names: SeriesNames) -> pd.DataFrame:
    try:
        columns = list(nw.from_native(plan).collect_schema().names())
        frame: pd.DataFrame = to_narwhals(plan, columns, "the plan").to_pandas().reset_index(drop=True)
    except TypeError as error:
        raise QueryError(
            f"the plan is a {type(plan).__name__}; pass a data frame with the column {names.time!r} and one column an "
            "action, or a mapping of actions to spends by week."
        ) from error
    if names.time not in frame:
        raise QueryError(f"the plan has no column {names.time!r}; its columns are {columns}. Add the weeks.")
    return frame


def _units_of(frame: pd.DataFrame, names: SeriesNames) -> list[Any] | None:
    if names.unit is None or names.unit not in frame:
        return [None] * len(frame) if names.unit is None else None
    units = frame[names.unit].tolist()
    unknown = next((unit for unit in units if unit not in names.units), None)
    if unknown is not None:
        raise QueryError(
            f"the plan is for {names.unit}={unknown!r}, which has no fitted rows; units are {list(names.units[:6])}"
            f"{' and others' if len(names.units) > 6 else ''}."
        )
    return units


def _check_weeks(steps: NDArray[np.int64], last: int, names: SeriesNames, unit: Any) -> None:
    of_unit = _of_unit(names, unit)
    if steps[0] != last + 1:
        raise QueryError(
            f"the plan{of_unit} begins at {names.time}={names.clock.text(int(steps[0]))}, but the fitted rows end at "
            f"{names.clock.text(last)}: spends right before it carry over. Begin at {names.clock.text(last + 1)}"
            f"{', with the weeks in between as you expect them' if steps[0] > last else ''}."
        )
    if (np.diff(steps) == 0).any():
        step = int(steps[np.argmax(np.diff(steps) == 0)])
        apart = f", or tell units apart in a column {names.unit!r}" if names.unit is not None and unit is None else ""
        raise QueryError(
            f"the plan{of_unit} has {int((steps == step).sum())} rows at {names.time}={names.clock.text(step)}; give "
            f"each week once{apart}."
        )
    missing = np.setdiff1d(np.arange(last + 1, steps[-1]), steps)
    if len(missing):
        shown = ", ".join(names.clock.text(int(step)) for step in missing[:MOST_SHOWN])
        raise QueryError(
            f"the plan{of_unit} has no row at {names.time}={shown}{' and others' if len(missing) > MOST_SHOWN else ''} "
            f"but goes on to {names.clock.text(int(steps[-1]))}; give each week once, without gaps."
        )
