"""Planning a study: which regimes to run, and how many rows of each (docs/theory/design_of_experiments.md).

If weights w solve sum_r w_r (1, R^r) = (1, R*), the level of E[Y | a, R*] is a weighted sum of means with variance
sum_r w_r^2 sigma_r^2 / n_r. For a budget B and costs kappa_r of a row it is least at n_r ~ |w_r| sigma_r /
sqrt(kappa_r), where it is (sum_r |w_r| sigma_r sqrt(kappa_r))^2 / B. The best w is the solution of a linear programme
(Elfving 1952).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.data.identification import indicator, level_weights, missing_regimes, units_of
from bayes_ivgen.decisions.costs import positive, read_costs
from bayes_ivgen.decisions.experiments import default_regimes, read_regime
from bayes_ivgen.errors import IdentificationError, QueryError, SpecError
from bayes_ivgen.model.structure import checked_blocks, split_block
from bayes_ivgen.shown import Shown

TINY = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class StudyPlan(Shown):
    """The rows to collect for the level of one effect.

    Attributes
    ----------
    target : Regime
        The regime whose mean outcome is asked for.
    table : DataFrame
        One row a regime that is run: ``weight`` in the sum of means, ``share`` of all rows, whole ``rows``, ``cost``.
    variance : float
        Variance of the level with these rows, in squared units of the noise.
    price : float
        ``sum_r |w_r| sigma_r sqrt(kappa_r)``; with a budget B and rows that need not be whole the variance is
        price^2 / B.
    singles_price : float or None
        The same for obs and singles alone, None where they are not allowed or do not reach the target.

    Examples
    --------
    >>> study = ivg.decisions.study_plan(["tv", "web", "radio"], budget=1000)
    >>> study.table["rows"].to_dict()
    {'obs': 250, 'do(tv,web)': 250, 'do(tv,radio)': 250, 'do(web,radio)': 250}
    >>> round(study.factor_over_singles, 2)
    6.25
    """

    target: Regime
    table: pd.DataFrame
    variance: float
    price: float
    singles_price: float | None

    @property
    def factor_over_singles(self) -> float | None:
        """How many times larger the least variance is from obs and singles alone, at the same budget."""
        return None if self.singles_price is None else (self.singles_price / self.price) ** 2

    def sentence(self) -> str:
        """One or two sentences of prose.

        Returns
        -------
        str

        Examples
        --------
        >>> print(ivg.decisions.study_plan(["tv", "web"], {"obs": 1, "do(tv)": 1, "do(web)": 1}, budget=400).sentence())
        For the level of do(tv,web) collect rows: 133 of obs, 134 of do(tv), 133 of do(web); cost 400, standard error
        0.15.
        """
        parts = [f"{n:,} of {label}" for label, n in self.table["rows"].items()]
        text = (
            f"For the level of {self.target.label} collect rows: {', '.join(parts)}; cost "
            f"{self.table['cost'].sum():,.6g}, standard error {np.sqrt(self.variance):.3g}."
        )
        factor = self.factor_over_singles
        if factor is not None and factor > 1 + 1e-6:
            text += f" Obs and singles alone would have {factor:.3g} times this variance."
        return text

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"rows": self.table}

    def __str__(self) -> str:
        return self.sentence()


class Split(NamedTuple):
    """Shares of the rows of a study with obs and K singles, for the joint level.

    Attributes
    ----------
    observational, single : float
        Shares of the rows, 1 = observational + K single.
    ratio : float
        Rows of one single over the observational ones.
    price : float
        That of `StudyPlan`, at noise 1 and cost 1 of obs.

    Examples
    --------
    >>> ivg.decisions.optimal_split(3).ratio
    0.5
    """

    observational: float
    single: float
    ratio: float
    price: float


def optimal_split(n_actions: int, *, noise: float = 1.0, cost: float = 1.0) -> Split:
    """Best split of the rows over obs and singles as a function of the number of actions (paper, Figure 2b).

    n_obs : n_k = (K - 1) : noise / sqrt(cost), by the weights w_obs = -(K - 1) and w_k = 1.

    Parameters
    ----------
    n_actions : int
        K, two or more: with one action the single is the joint effect.
    noise : float
        Noise standard deviation of rows of the singles, in units of that of the observational ones.
    cost : float
        Cost of such a row, in units of that of an observational one.

    Returns
    -------
    Split

    Raises
    ------
    SpecError
        If K is not a whole number, two or more.
    QueryError
        If `noise` or `cost` is not positive.

    Examples
    --------
    >>> split = ivg.decisions.optimal_split(5)
    >>> round(split.observational, 3), round(split.single, 3), split.price
    (np.float64(0.444), 0.111, 9.0)
    """
    if isinstance(n_actions, bool) or not isinstance(n_actions, int | np.integer) or n_actions < 2:
        raise SpecError(f"n_actions={n_actions!r} must be a whole number, 2 or more.")
    sd, root = positive(noise, "noise"), np.sqrt(positive(cost, "cost"))
    observational, single = n_actions - 1.0, sd / root
    total = observational + n_actions * single
    return Split(
        observational / total,
        float(single / total),
        float(single / observational),
        float(observational + n_actions * sd * root),
    )


def study_plan(
    actions: Sequence[str],
    costs: float | Mapping[str, float] = 1.0,
    *,
    budget: float,
    target: Any = None,
    regimes: Iterable[Any] | None = None,
    noise: float | Mapping[str, float] = 1.0,
    blocks: Sequence[Sequence[str]] | None = None,
    largest: int = 2,
) -> StudyPlan:
    """Choose regimes and rows so that the level of an effect has the least variance for a budget.

    Minimises ``sum_r |w_r| sigma_r sqrt(kappa_r)`` subject to ``sum_r w_r (1, R^r) = (1, R*)``, a linear programme;
    then ``n_r ~ |w_r| sigma_r / sqrt(kappa_r)``.

    Parameters
    ----------
    actions : sequence of str
        Names of the actions.
    costs : float or mapping of str to float
        Cost of a row, one number or by label; a mapping names the regimes that can be run.
    budget : float
        What the study may cost.
    target : str, optional
        Label of the regime whose mean is asked for; by default all actions set.
    regimes : list of str, optional
        Labels of the regimes that can be run; by default those of `costs`, else obs and all sets of up to `largest`
        blocks but the target: where it can be run itself, name it.
    noise : float or mapping of str to float
        Noise standard deviation of the regimes, in any unit.
    blocks : list of lists of str, optional
        Actions that are always set together.
    largest : int
        The most blocks that a regime of the default list sets.

    Returns
    -------
    StudyPlan

    Raises
    ------
    QueryError
        If a label, cost, noise or budget is not valid, or the budget does not pay for a row of each regime that is
        needed.
    IdentificationError
        If the regimes do not identify the level; the message names what is missing.

    Examples
    --------
    >>> cost = {"obs": 0.1, "do(tv)": 1.0, "do(web)": 1.0, "do(tv,web)": 3.0}
    >>> ivg.decisions.study_plan(["tv", "web"], cost, budget=300).table["rows"].to_dict()
    {'do(tv,web)': 100}
    """
    names, units = _checked_actions(actions, blocks)
    heads = [unit[0] for unit in units]
    wanted = Regime(names) if target is None else read_regime(target, names)
    if regimes is None and not isinstance(costs, Mapping):
        _check_largest(largest)
        sets = [regime for regime in default_regimes(units, names, largest) if regime != wanted]
        allowed = [regime for regime in sets if sum(map(regime.sets, heads)) <= largest]
    else:
        allowed = _named(costs if regimes is None else regimes, names)
    _check_whole_blocks((wanted, *allowed), units)
    cost, sd = read_costs(costs, allowed, names, "costs"), read_costs(noise, allowed, names, "noise")
    if level_weights(wanted, allowed, heads) is None:
        missing = " and ".join(r.label for r in missing_regimes(wanted, allowed, names, units=units))
        raise IdentificationError(
            f"the regimes {[r.label for r in allowed]} do not identify the level of {wanted.label}. Missing: "
            f"{missing}. Add it to regimes=[...]{' and costs={...}' if isinstance(costs, Mapping) else ''}."
        )
    price_of = np.array([sd[r] * np.sqrt(cost[r]) for r in allowed])
    weights, price = _least(wanted, allowed, heads, price_of)
    singles = [i for i, r in enumerate(allowed) if sum(map(r.sets, heads)) <= 1]
    few = [allowed[i] for i in singles]
    reached = level_weights(wanted, few, heads) is not None
    singles_price = _least(wanted, few, heads, price_of[singles])[1] if reached else None
    run = np.flatnonzero(np.abs(weights) > TINY)
    table, variance = _whole_rows([allowed[i] for i in run], weights[run], sd, cost, positive(budget, "budget"))
    return StudyPlan(wanted, table, variance, price, singles_price)


def _least(
    target: Regime, regimes: Sequence[Regime], heads: Sequence[str], price: FloatArray
) -> tuple[FloatArray, float]:
    """Weights that reach the target with the least sum of |w_r| price_r, at a vertex: as few regimes as possible."""
    rows = np.array([[1.0, *indicator(regime, heads)] for regime in regimes])
    found = linprog(
        np.concatenate([price, price]),  # w = u - v with u, v >= 0
        A_eq=np.concatenate([rows, -rows]).T,
        b_eq=np.array([1.0, *indicator(target, heads)]),
        method="highs-ds",
    )
    solution = np.asarray(found.x)
    weights = solution[: len(regimes)] - solution[len(regimes) :]
    return weights, float(np.abs(weights) @ price)


def _whole_rows(
    regimes: Sequence[Regime],
    weights: FloatArray,
    sd: Mapping[Regime, float],
    cost: Mapping[Regime, float],
    budget: float,
) -> tuple[pd.DataFrame, float]:
    """Best rows as whole numbers, one at least."""
    noise, per_row = np.array([sd[r] for r in regimes]), np.array([cost[r] for r in regimes])
    if per_row.sum() > budget * (1 + TINY):
        raise QueryError(
            f"budget={budget:.6g} does not pay for one row of each regime that is needed "
            f"({', '.join(r.label for r in regimes)}), which costs {per_row.sum():.6g}. Raise the budget."
        )
    wanted = np.abs(weights) * noise / np.sqrt(per_row)
    rows, left, open_ = np.ones(len(regimes)), budget, np.ones(len(regimes), dtype=bool)
    for i in np.argsort(-per_row, kind="stable"):  # dear rows first: cheap ones take up what rounding leaves
        ideal = left * wanted[i] / (wanted[open_] @ per_row[open_])
        open_[i] = False
        most = np.floor((left - per_row[open_].sum()) / per_row[i] * (1 + TINY))
        rows[i] = np.clip(np.round(ideal), 1, most) if open_.any() else most
        left -= rows[i] * per_row[i]
    whole = rows.astype(int)
    part = weights**2 * noise**2
    table = pd.DataFrame(
        {"weight": weights, "share": whole / whole.sum(), "rows": whole, "cost": whole * per_row},
        index=pd.Index([r.label for r in regimes], name="regime"),
    )
    return table, float((part / whole).sum())


def _checked_actions(actions: Any, blocks: Any) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    wrong = isinstance(actions, str) or not isinstance(actions, Iterable)
    names = () if wrong else tuple(actions)
    if not names or any(not isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise QueryError(f"actions={actions!r} must be a list of different names, for example ['tv', 'web'].")
    checked = checked_blocks(blocks) or ()
    unknown = next((name for block in checked for name in block if name not in names), None)
    if unknown is not None:
        raise QueryError(f"blocks names {unknown!r}, which is not an action. The actions are {list(names)}.")
    return names, units_of(checked, names)


def _check_whole_blocks(regimes: Iterable[Regime], units: Sequence[tuple[str, ...]]) -> None:
    for regime in regimes:
        broken = split_block(regime, tuple(units))
        if broken is not None:
            raise QueryError(
                f"the regime {regime.label!r} sets only part of the block {list(broken)}; set all of it or nothing, or "
                "give finer blocks."
            )


def _check_largest(largest: Any) -> None:
    if isinstance(largest, bool) or not isinstance(largest, int) or largest < 1:
        raise QueryError(f"largest={largest!r} must be a whole number, 1 (singles only) or more.")


def _named(labels: Any, actions: Sequence[str]) -> list[Regime]:
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise QueryError(f"regimes={labels!r} is not a list of labels; pass for example ['obs', 'do({actions[0]})'].")
    found = list(dict.fromkeys(read_regime(label, actions) for label in labels))
    if not found:
        raise QueryError(f"regimes is empty; name what can be run, for example ['obs', 'do({actions[0]})'].")
    return found
