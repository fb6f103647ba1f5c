"""Checks of labels and regimes while rows are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bayes_ivgen.data.profile import RegimeProfile
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError

RegimeLabels = Mapping[str, Iterable[str]]


def only(regime_labels: RegimeLabels | None, label: str) -> RegimeLabels | None:
    """Return the entry of one label, to check labels one at a time."""
    return {label: regime_labels[label]} if regime_labels and label in regime_labels else None


def checked_exclude(exclude: Sequence[str], regime_labels: RegimeLabels) -> Sequence[str]:
    """Return the labels whose rows are left out.

    Raises
    ------
    DataError
        If this is a string, or a label is also one of `regime_labels`.
    """
    if isinstance(exclude, str):
        raise DataError(f"exclude is the string {exclude!r}; pass a list of labels such as [{exclude!r}].")
    exclude = tuple(exclude)
    both = next((label for label in exclude if label in regime_labels), None)
    if both is not None:
        raise DataError(f"{both!r} stands in exclude and in regime_labels; take it out of one of them.")
    return exclude


def check_excluded(found: Mapping[str, bool], kept: Sequence[str]) -> None:
    """Raise a `DataError` if a label was not found, or no row is left."""
    unknown = next((label for label, seen in found.items() if not seen), None)
    if unknown is not None:
        raise DataError(
            f"exclude names {unknown!r}, but no row has this label. The other labels in the data are {list(kept)}; "
            "correct or remove the entry."
        )
    if found and not kept:
        raise DataError(f"exclude names every label in the data, {list(found)}; no row is left. Keep at least one.")


def check_unique(regime_of_label: Mapping[str, Regime]) -> None:
    """Raise a `DataError` if two labels name one regime."""
    seen: dict[Regime, str] = {}
    for label, regime in regime_of_label.items():
        if regime in seen:
            raise DataError(
                f"the labels {seen[regime]!r} and {label!r} name the same regime {regime.label!r}; "
                "give these rows one label. If they come from other times or places, tell them apart with "
                "dataset='column of data sets'."
            )
        seen[regime] = label


def ordered(profiles: Mapping[Regime, RegimeProfile], actions: Sequence[str]) -> dict[Regime, RegimeProfile]:
    """Sort the regimes: by the number of actions that were set, then by their positions."""

    def position(regime: Regime) -> tuple[int, tuple[int, ...]]:
        return len(regime.set_actions), tuple(actions.index(name) for name in regime.set_actions)

    return {regime: profiles[regime] for regime in sorted(profiles, key=position)}
