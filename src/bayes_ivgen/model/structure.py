"""How the actions hang together beside their graph: synergy, covariates and blocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, Self, cast

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.identification import Units, units_of
from bayes_ivgen.errors import SpecError

Role = Literal["outcome", "confounding", "causal"]
ROLES: tuple[Role, ...] = ("outcome", "confounding", "causal")

Pair = tuple[str, str]


@dataclass(frozen=True)
class Structure:
    """Synergy, covariates and blocks of a model, resolved against the data.

    Attributes
    ----------
    units : tuple of tuple of str
        The blocks: a partition of the actions, most often each on its own.
    synergy : tuple of (str, str)
        Pairs of actions of different blocks with an interaction in every regime.
    roles : tuple of (str, str)
        Each covariate and where it enters: q(x) only (``"outcome"``), the confounding components
        too (``"confounding"``), or also the causal ones (``"causal"``).
    """

    units: Units
    synergy: tuple[Pair, ...] = ()
    roles: tuple[tuple[str, Role], ...] = ()

    @classmethod
    def of(cls, data: RegimeData, *, blocks: Any, synergy: Any, covariates: Any) -> Self:
        """Resolve what the user passed.

        Raises
        ------
        SpecError
            If a name is unknown, an action stands in two blocks, a regime sets part of a block, or
            synergy is asked for inside a block.
        """
        units = units_of(_known_blocks(blocks, data.actions), data.actions)
        for regime in data.regimes:
            broken = split_block(regime, units)
            if broken is not None:
                raise SpecError(_split_message(regime, broken, data.regimes))
        return cls(units, _pairs(synergy, data.actions, units), _roles(covariates, data))

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return tuple(name for name, _ in self.roles)

    def covariates_in(self, *roles: Role) -> tuple[str, ...]:
        """Covariates with one of these roles."""
        return tuple(name for name, role in self.roles if role in roles)

    @property
    def heads(self) -> tuple[str, ...]:
        """One action of each block: where blocks are set as a whole it says whether its block is."""
        return tuple(unit[0] for unit in self.units)

    def unit(self, action: str) -> tuple[str, ...]:
        """Return the block of an action."""
        return next(unit for unit in self.units if action in unit)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage."""
        return {
            "units": [list(unit) for unit in self.units],
            "synergy": [list(pair) for pair in self.synergy],
            "roles": [list(item) for item in self.roles],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `to_dict` wrote."""
        return cls(
            tuple(tuple(unit) for unit in data["units"]),
            tuple((first, second) for first, second in data["synergy"]),
            tuple((name, role) for name, role in data["roles"]),
        )


def split_block(regime: Regime, units: Units) -> tuple[str, ...] | None:
    """Return the first block of which the regime sets a part, or None."""
    return next((unit for unit in units if 0 < sum(map(regime.sets, unit)) < len(unit)), None)


def checked_blocks(blocks: Any) -> tuple[tuple[str, ...], ...] | None:
    """Return blocks as tuples.

    Raises
    ------
    SpecError
        If this is not a list of lists of names, or a name stands twice.
    """
    if blocks is None:
        return None
    if isinstance(blocks, str) or not isinstance(blocks, Collection) or any(_no_list(item) for item in blocks):
        raise SpecError(
            f"blocks={blocks!r} is not a list of lists of actions; pass for example blocks=[['tv', 'radio']]: "
            "tv and radio are always set together. Actions that are not named are blocks of their own."
        )
    found = tuple(tuple(item) for item in blocks)
    names = [name for block in found for name in block]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None or not all(found):
        what = f"names {doubled!r} twice" if doubled is not None else "holds an empty block"
        raise SpecError(f"blocks={blocks!r} {what}; every action belongs to exactly one block. Correct the list.")
    return found


def checked_synergy(synergy: Any) -> bool | tuple[Pair, ...]:
    """Return synergy as a bool or a tuple of pairs.

    Raises
    ------
    SpecError
        If it is neither, or a pair has not two different members.
    """
    if isinstance(synergy, bool):
        return synergy
    wrong = isinstance(synergy, str) or not isinstance(synergy, Collection)
    if wrong or any(_no_list(item) or len(item) != 2 or len(set(item)) != 2 for item in synergy):
        raise SpecError(
            f"synergy={synergy!r} is not known; pass True (all pairs of actions), False (none), or a list of pairs "
            "such as [('tv', 'web')]."
        )
    return tuple(cast("Pair", tuple(item)) for item in synergy)


def checked_roles(covariates: Any) -> Mapping[str, Role] | None:
    """Return covariates as a mapping of names to roles.

    Raises
    ------
    SpecError
        If it is not one, or a role is unknown.
    """
    if covariates is None:
        return None
    if not isinstance(covariates, Mapping):
        raise SpecError(
            f"covariates={covariates!r} is not a mapping. Which columns are covariates is said where the data are "
            "read (covariates=[...]); here pass None, or roles such as {'season': 'causal'}."
        )
    wrong = next((name for name, role in covariates.items() if role not in ROLES), None)
    if wrong is not None:
        raise SpecError(
            f"covariates[{wrong!r}] is {covariates[wrong]!r}; valid are 'outcome' (it moves the outcome only), "
            "'confounding' (it moves actions too; the default) and 'causal' (the effects of actions depend on it, too)."
        )
    return dict(covariates)


def _no_list(item: Any) -> bool:
    return isinstance(item, str) or not isinstance(item, Sequence) or any(not isinstance(name, str) for name in item)


def _known_blocks(blocks: Any, actions: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    found = checked_blocks(blocks) or ()
    unknown = next((name for block in found for name in block if name not in actions), None)
    if unknown is not None:
        raise SpecError(
            f"blocks names {unknown!r}, which is not an action. The actions are {list(actions)}; correct the name."
        )
    return found


def _pairs(synergy: Any, actions: Sequence[str], units: Units) -> tuple[Pair, ...]:
    checked = checked_synergy(synergy)
    inside = {frozenset(pair) for unit in units for pair in combinations(unit, 2)}
    everything = [pair for pair in combinations(actions, 2) if frozenset(pair) not in inside]
    if isinstance(checked, bool):
        return tuple(everything) if checked else ()
    for pair in checked:
        unknown = next((name for name in pair if name not in actions), None)
        if unknown is not None:
            raise SpecError(
                f"synergy names {unknown!r}, which is not an action. The actions are {list(actions)}; correct the name."
            )
        if frozenset(pair) in inside:
            raise SpecError(
                f"synergy names the pair {pair}, which stands inside one block: a block has a free interaction of its "
                "own. Leave the pair out of synergy."
            )
    wanted = {frozenset(pair) for pair in checked}
    return tuple(pair for pair in everything if frozenset(pair) in wanted)


def _roles(covariates: Any, data: RegimeData) -> tuple[tuple[str, Role], ...]:
    given = checked_roles(covariates) or {}
    unknown = next((name for name in given if name not in data.covariates), None)
    if unknown is not None:
        raise SpecError(
            f"covariates names {unknown!r}, but the covariates of the data are {list(data.covariates)}; correct the "
            f"name, or read the column with RegimeData.from_frame(..., covariates=[{unknown!r}])."
        )
    return tuple((name, given.get(name, "confounding")) for name in data.covariates)


def _split_message(regime: Regime, block: tuple[str, ...], regimes: Sequence[Regime]) -> str:
    whole = any(all(other.sets(action) for action in block) for other in regimes)
    finer = "" if whole else f", or take {list(block)} out of blocks if its actions are set one at a time"
    return (
        f"the regime {regime.label!r} sets only part of the block {list(block)}: what its confounder then does is a "
        f"function that no other regime shares. Leave its rows out with exclude=[{regime.label!r}] where the data are "
        f"read{finer}, or give finer blocks."
    )
