"""From the text of an option to what the Python interface takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from bayes_ivgen.errors import DataError, QueryError, SpecError

if TYPE_CHECKING:
    from bayes_ivgen.data.labels import Label
    from bayes_ivgen.model import ActionGraph

NAMED_GRAPHS = ("learn", "full", "empty")


def names_of(text: str) -> list[str]:
    """Split ``tv,web,radio``."""
    return [name.strip() for name in text.split(",") if name.strip()]


def numbers_of(text: str, option: str) -> list[float]:
    """Read ``1000,1e4``; whole numbers are ints.

    Raises
    ------
    QueryError
        If a part is not a number, or there is none.
    """
    found = [_number(part) for part in names_of(text)]
    if not found or any(value is None for value in found):
        raise QueryError(f"{option} {text!r} is not a list of numbers; write for example {option} 2,3.")
    return [int(value) if value == int(value) else value for value in found if value is not None]


def assignments_of(items: Sequence[str] | None, option: str) -> dict[str, str]:
    """Split ``tv=3,offer=B``, given once or in several items; `values_of` reads the values.

    Raises
    ------
    QueryError
        If a part is not of the form action=value, or an action stands twice.
    """
    found: dict[str, str] = {}
    for part in (part for item in items or () for part in item.split(",") if part.strip()):
        name, equals, value = (piece.strip() for piece in part.rpartition("="))
        if not equals or not name or not value:
            raise QueryError(f"{option} {part.strip()!r} is not action=value; write for example {option} tv=3,web=1.")
        if name in found:
            raise QueryError(f"{option} gives {name!r} twice ({found[name]} and {value}); give one value.")
        found[name] = value
    return found


def values_of(
    assignments: Mapping[str, str], categories: Mapping[str, Sequence[Label]], option: str
) -> dict[str, Label]:
    """Read the values of `assignments_of`: labels of the actions in `categories`, else numbers.

    Raises
    ------
    QueryError
        If a value is neither.
    """
    found: dict[str, Label] = {}
    for name, text in assignments.items():
        if name in categories:
            # An unknown label goes on as it is: the query refuses it with those that are valid.
            same = (label for label in categories[name] if str(label).lower() == text.lower())
            found[name] = next((label for label in categories[name] if str(label) == text), next(same, text))
            continue
        value = _number(text)
        if value is None:
            raise QueryError(f"{option} '{name}={text}' is not action=number; write for example {option} tv=3,web=1.")
        found[name] = value
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def labels_of(items: Sequence[str] | None) -> dict[str, list[str]]:
    """Read ``spring test=tv,web`` (what the label sets) and ``history=`` (nothing was set).

    Raises
    ------
    DataError
        If an item has no equals sign, or a label stands twice.
    """
    found: dict[str, list[str]] = {}
    for item in items or ():
        label, equals, actions = item.rpartition("=")
        if not equals or not label:
            raise DataError(
                f"--label {item!r} is not label=actions; write for example --label 'spring test=tv', "
                "or --label 'history=' where nothing was set."
            )
        if label in found:
            raise DataError(f"--label explains {label!r} twice; keep one of them.")
        found[label] = names_of(actions)
    return found


def graph_of(text: str) -> Literal["learn", "full", "empty"] | ActionGraph:
    """Read ``learn``, ``full``, ``empty`` or ``web:tv,social:web+radio`` (child:parents).

    Raises
    ------
    SpecError
        If a part is not of the form child:parent+parent, or a child stands twice.
    """
    if text in NAMED_GRAPHS:
        return text  # type: ignore[return-value]
    parents: dict[str, list[str]] = {}
    for part in (part.strip() for part in re.split("[,;]", text) if part.strip()):
        child, colon, given = (piece.strip() for piece in part.partition(":"))
        names = [name.strip() for name in given.split("+")]
        if not colon or not child or not all(names):
            raise SpecError(
                f"--graph {part!r} is none of {', '.join(NAMED_GRAPHS)} and not child:parent+parent; write for "
                "example --graph web:tv,social:web+radio (tv drives web; web and radio drive social)."
            )
        if child in parents:
            raise SpecError(f"--graph names {child!r} twice as a child; join its parents with +.")
        parents[child] = names
    if not parents:
        raise SpecError("--graph is empty; write learn, full, empty or for example web:tv,social:web+radio.")
    from bayes_ivgen.model import ActionGraph

    return ActionGraph(parents)


def units_of(items: Sequence[str] | None) -> dict[str, str]:
    """Read ``sales=thousand euro``, given once or in several items.

    Raises
    ------
    QueryError
        If an item has no equals sign, or a column stands twice.
    """
    found: dict[str, str] = {}
    for item in items or ():
        name, equals, unit = (piece.strip() for piece in item.rpartition("="))
        if not equals or not name or not unit:
            raise QueryError(f"--unit {item!r} is not column=unit; write for example --unit 'sales=thousand euro'.")
        if name in found:
            raise QueryError(f"--unit names {name!r} twice; keep one of them.")
        found[name] = unit
    return found


def regimes_of(text: str) -> list[str]:
    """Split ``obs,do(a1),do(a1,a2)`` at the commas outside brackets."""
    return [label.strip() for label in re.split(r",(?![^(]*\))", text) if label.strip()]


def shown(assignments: Iterable[tuple[str, Label]]) -> str:
    """Write values back as ``tv=3,offer=B``."""
    return ",".join(
        f"{name}={value}" if isinstance(value, str | bool) else f"{name}={value:g}" for name, value in assignments
    )
