"""Candidate experiments: which actions are set, to what, and what one row of them would be like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats.qmc import Sobol

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identification import Units
from bayes_ivgen.effects import EffectPosterior, Queries, parse_queries
from bayes_ivgen.effects.queries import Categories, value_text
from bayes_ivgen.errors import DataError, QueryError
from bayes_ivgen.model.structure import split_block

REPLICATES, POINTS = 8, 512  # of the laws of actions that respond; rows drawn for each, a power of two
AS_BEFORE = "as tested before"


@dataclass(frozen=True)
class Experiment:
    """An experiment that could be run next.

    Attributes
    ----------
    regime : Regime
        The actions that it sets.
    setting : str
        To what they are set, in words.
    rows : int
        How many rows it has.
    cost : float
        What they cost together.

    Examples
    --------
    >>> best = fit.next_experiment({"do": plan}, rows=200).best
    >>> best.rows, best.cost, isinstance(best.regime, ivg.Regime)
    (200, 200.0, True)
    """

    regime: Regime
    setting: str
    rows: int
    cost: float

    def __str__(self) -> str:
        where = f" ({self.setting})" if self.setting else ""
        return f"{self.rows:,} rows of {self.regime.label}{where}"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A kind of rows: a regime, and the values that its actions are set to.

    Attributes
    ----------
    regime : Regime
        The actions that are set.
    laws : mapping of str to ndarray or object with ``ppf``
        Levels, each as often, or a law; actions without one are set as they were before.
    joint : ndarray of shape (m, actions of the regime), optional
        Combinations of all of them, each as often.
    setting : str
        The same in words.
    """

    regime: Regime
    laws: Mapping[str, Any] = field(default_factory=dict, repr=False)
    joint: FloatArray | None = field(default=None, repr=False)
    setting: str = ""

    @property
    def plain(self) -> bool:
        """Whether everything is set as it was before."""
        return self.joint is None and not self.laws

    @property
    def name(self) -> str:
        """Regime and setting for a message."""
        return f"{self.regime.label} ({self.setting})" if self.setting else self.regime.label


def read_candidates(given: Any, posterior: EffectPosterior) -> list[Candidate]:
    """Check what the user passed as candidates.

    Parameters
    ----------
    given : None, or a list of labels, regimes, mappings and data frames
        None stands for obs, all singles and pairs of blocks, and the joint regime.

    Raises
    ------
    QueryError
        If an entry cannot be read, names something that is not an action, or sets part of a block.
    """
    units, actions, categories = posterior.design.structure.units, posterior.actions, posterior.support.categories
    if given is None:
        return [Candidate(regime) for regime in default_regimes(units, actions)]
    if isinstance(given, str | Mapping | Regime) or hasattr(given, "columns") or not isinstance(given, Iterable):
        raise QueryError(
            f"candidates={given!r} is not a list; pass for example candidates=['obs', 'do({actions[0]})', "
            f"{{{actions[0]!r}: [0.0, 1.0]}}]: labels of regimes, or mappings of the actions that are set to levels."
        )
    found = [_candidate(item, actions, categories) for item in given]
    if not found:
        raise QueryError("candidates is empty; leave it out for obs, singles, pairs and the joint regime.")
    for candidate in found:
        block = split_block(candidate.regime, units)
        if block is not None:
            raise QueryError(
                f"the candidate {candidate.regime.label!r} sets only part of the block {list(block)}: what its "
                "confounder then does is a function that the model does not have. Set all of it or nothing."
            )
    return found


def default_regimes(units: Units, actions: Sequence[str], largest: int = 2) -> list[Regime]:
    """Obs, every set of up to `largest` blocks, and the joint regime."""
    sets = [chosen for size in range(largest + 1) for chosen in combinations(units, size)] + [units]
    regimes = [Regime(tuple(a for a in actions if any(a in unit for unit in chosen))) for chosen in sets]
    return list(dict.fromkeys(regimes))


def _candidate(item: Any, actions: Sequence[str], categories: Categories) -> Candidate:
    if isinstance(item, Regime):
        return Candidate(read_regime(item.label, actions))
    if isinstance(item, str):
        return Candidate(read_regime(item, actions))
    if hasattr(item, "columns"):
        return _from_frame(item, actions, categories)
    if not isinstance(item, Mapping):
        raise QueryError(
            f"the candidate {item!r} is a {type(item).__name__}; pass a label such as 'do({actions[0]})', a mapping "
            f"such as {{{actions[0]!r}: [0.0, 1.0]}}, or a data frame with one column an action that is set."
        )
    regime = _regime_of(item, actions)
    laws, words = {}, []
    for name in regime.set_actions:
        law = item[name]
        if law is None:
            words.append(f"{name} {AS_BEFORE}")
            continue
        if hasattr(law, "ppf"):
            laws[name] = law
            words.append(f"{name} from {_law_name(law)}")
            continue
        levels = parse_queries([name], {name: law}, categories=categories).values[:, 0]
        shown = [value_text(level, categories.get(name)) for level in levels]
        words.append(f"{name}={shown[0]}" if len(shown) == 1 else f"{name} at {' or '.join(_few(shown))}")
        laws[name] = levels
    return Candidate(regime, laws, None, ", ".join(words) if laws else "")


def _from_frame(frame: Any, actions: Sequence[str], categories: Categories) -> Candidate:
    regime = _regime_of(getattr(frame, "column_names", frame.columns), actions)
    names = regime.set_actions
    if not len(frame) or not names:
        raise QueryError("a candidate is an empty data frame; give it one row a combination of the set actions.")
    joint = parse_queries(names, frame, categories=categories).values
    return Candidate(regime, {}, joint, f"{len(joint)} combinations of {', '.join(names)}")


def _regime_of(names: Iterable[Any], actions: Sequence[str]) -> Regime:
    try:
        return Regime.of(list(names), actions)
    except DataError as error:
        raise QueryError(f"a candidate cannot be used: {error}") from error


def read_regime(label: Any, actions: Sequence[str]) -> Regime:
    """Read a label; errors are those of a query."""
    try:
        return Regime.parse(label.label if isinstance(label, Regime) else label, actions)
    except DataError as error:
        raise QueryError(str(error)) from error


def _law_name(law: Any) -> str:
    kind = getattr(getattr(law, "dist", None), "name", type(law).__name__)
    return f"{kind}({', '.join(f'{value:.4g}' for value in getattr(law, 'args', ()))})"


def _few(shown: list[str]) -> list[str]:
    return shown if len(shown) <= 4 else [*shown[:2], "...", shown[-1]]


def draw_rows(candidate: Candidate, posterior: EffectPosterior, data: RegimeData) -> FloatArray:
    """Values of all variables in rows of an experiment that was never run, (REPLICATES * POINTS, V).

    Actions that are set take their levels or laws, independently of each other unless a block or a frame ties
    them; those without one the values that they were set to before (else natural ones). The others follow
    their natural laws given their causes, as with ``rest="respond"``; covariates the law over all rows.

    Raises
    ------
    IdentificationError
        If no regime leaves an action alone that the experiment leaves alone.
    QueryError
        If a law does not give finite numbers.
    """
    actions = posterior.actions
    width = 2 * len(actions) + 1
    uniform = np.stack([Sobol(width, seed=b).random(POINTS) for b in range(REPLICATES)])
    values = np.full((REPLICATES, POINTS, len(posterior.design.variables)), np.nan)
    if posterior.covariate_rows is not None:
        values[:, :, len(actions) :] = posterior.covariate_rows[_places(uniform[:, :, -1], posterior.covariate_rows)]
    _set_actions(values, uniform, candidate, posterior, data)
    open_ = tuple(name for name in actions if not candidate.regime.sets(name))
    if open_:
        _respond(values, uniform[:, :, len(actions) :], candidate.regime, open_, posterior)
    return values.reshape(-1, values.shape[2])


def _set_actions(
    values: FloatArray, uniform: FloatArray, candidate: Candidate, posterior: EffectPosterior, data: RegimeData
) -> None:
    actions = posterior.actions
    if candidate.joint is not None:
        columns = [actions.index(name) for name in candidate.regime.set_actions]
        values[:, :, columns] = candidate.joint[_places(uniform[:, :, columns[0]], candidate.joint)]
        return
    for unit in posterior.design.structure.units:
        free = [name for name in unit if candidate.regime.sets(name) and name not in candidate.laws]
        if free:
            columns = [actions.index(name) for name in free]
            before = _before(data, unit)[:, columns]
            values[:, :, columns] = before[_places(uniform[:, :, columns[0]], before)]
    for name, law in candidate.laws.items():
        u = uniform[:, :, actions.index(name)]
        if not hasattr(law, "ppf"):
            values[:, :, actions.index(name)] = law[_places(u, law)]
            continue
        drawn = np.asarray(law.ppf(np.clip(u, 1e-6, 1 - 1e-6)), dtype=float)
        if drawn.shape != u.shape or not np.isfinite(drawn).all():
            raise QueryError(
                f"the law of {name!r} in the candidate {candidate.name} does not give one finite number for each "
                "probability; pass a frozen law such as scipy.stats.uniform(0.0, 2.0), or levels."
            )
        values[:, :, actions.index(name)] = drawn


def _before(data: RegimeData, unit: Sequence[str]) -> FloatArray:
    """Rows in which a block was set, of all such regimes; natural ones if there are none."""
    setting = data.regimes_setting(unit[0]) or data.regimes
    return np.concatenate([data.profiles[regime].sample[:, :-1] for regime in setting])


def _respond(
    values: FloatArray, uniform: FloatArray, regime: Regime, open_: tuple[str, ...], posterior: EffectPosterior
) -> None:
    """Draw the actions that are left alone beside those that are set, in place."""
    responses, actions = posterior.responses, posterior.actions
    covariates, empty = posterior.design.structure.covariates, np.zeros((1, values.shape[2]))
    plan = responses.plan(Queries(actions, regime, empty, (), covariates, open_, posterior.support.categories))
    if plan.roots:
        columns = [actions.index(name) for name in plan.roots]
        index = responses.rows.leaving(plan.roots)
        cumulative = np.cumsum(responses.rows.row_weights(index), axis=1)
        for b, u in enumerate(uniform[:, :, columns[0]]):
            place = np.minimum(np.searchsorted(cumulative[b], u), len(index) - 1)
            values[b][:, columns] = responses.rows.values[np.ix_(index[place], columns)]
    variables = posterior.design.variables
    for name in plan.reacting:
        causes = [variables.index(cause) for cause in responses.causes(name)]
        k = actions.index(name)
        values[:, :, k] = responses.law(name).draw(values[:, :, causes], uniform[:, :, k])


def _places(uniform: FloatArray, items: FloatArray) -> np.ndarray[Any, np.dtype[np.intp]]:
    return np.minimum((uniform * len(items)).astype(np.intp), len(items) - 1)
