"""Options for rows that are weeks: carry-over and saturation of spends (docs/media_mix.md has the grammar)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from bayes_ivgen.cli.parsing import names_of
from bayes_ivgen.errors import SpecError

if TYPE_CHECKING:
    from bayes_ivgen.cli.options import RowOptions
    from bayes_ivgen.media import Adstock, Saturation

CHOOSE = "choose"
EXAMPLES = {
    "--adstock": "--adstock tv=0.5,web=choose or --adstock tv=delayed:0.3+0.6:theta=2:l_max=12",
    "--saturation": "--saturation tv=hill:kappa=40:slope=1.5,web=michaelis_menten:choose",
}
ADSTOCKS = {"geometric": ("alpha",), "delayed": ("alpha", "theta")}
SATURATIONS = {"hill": ("kappa", "slope"), "logistic": ("lam",), "michaelis_menten": ("lam",)}
OTHERS = ("l_max", "initial", "pure", "wash")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MediaOptions:
    """Carry-over and saturation of spends.

    Parameters
    ----------
    adstock : list of str
        Carry-over of spends: tv=0.5 (retention rate), web=0.3+0.6 (one of these), radio=choose; for all: choose.
        A delayed peak and more weeks: tv=delayed:0.5:2:l_max=12.
    saturation : list of str
        Diminishing returns: tv=hill:40:1.5, web=logistic:0.02, radio=michaelis_menten:choose; for all: hill:choose.
    """

    adstock: list[str] | None = None
    saturation: list[str] | None = None

    def transforms(self, actions: Sequence[str]) -> dict[str, tuple[Adstock | Saturation, ...]] | None:
        """Return the transforms of each action, carry-over first; None for none.

        Raises
        ------
        SpecError
            If an option cannot be read, names no action, or an action twice.
        """
        asked = [
            ("--adstock", self.adstock, ADSTOCKS, OTHERS),
            ("--saturation", self.saturation, SATURATIONS, ()),
        ]
        found: dict[str, list[Any]] = {}
        for option, items, kinds, others in asked:
            for action, made in _parts_of(option, items, actions, kinds, others).items():
                found.setdefault(action, []).append(made)
        return {action: tuple(found[action]) for action in actions if action in found} or None


def transforms_of(rows: RowOptions, media: MediaOptions) -> dict[str, tuple[Adstock | Saturation, ...]] | None:
    """Return the transforms of the actions of some rows.

    Raises
    ------
    SpecError
        As `MediaOptions.transforms`; also if spends are carried over without a time.
    """
    if media.adstock is not None and rows.time is None:
        raise SpecError(
            "--adstock carries spends over from week to week; name the column of weeks with --time, and with --unit "
            "that of geos if there are several series."
        )
    return media.transforms(names_of(rows.actions))


def _parts_of(
    option: str,
    items: Sequence[str] | None,
    actions: Sequence[str],
    kinds: Mapping[str, Sequence[str]],
    others: Sequence[str],
) -> dict[str, Any]:
    """Read what an option says of each action that it names; a part without a name speaks of all."""
    found: dict[str, Any] = {}
    parts = [part for item in items or () for part in names_of(item)]
    if items and not parts:
        raise SpecError(f"{option} is empty; write for example {EXAMPLES[option]}.")
    for part in parts:
        action, equals, text = (piece.strip() for piece in part.partition("="))
        for_all = not equals or ":" in action  # tv=0.5 names an action, choose and delayed:choose:theta=2 do not
        if not for_all and action not in actions:
            raise SpecError(f"{option} names {action!r}, which is not an action; the actions are {', '.join(actions)}.")
        made = _made(option, part, part if for_all else text, kinds, others)
        for name in actions if for_all else (action,):
            if name in found:
                raise SpecError(f"{option} speaks of {name!r} twice; keep one of them.")
            found[name] = made
    return found


def _made(option: str, part: str, text: str, kinds: Mapping[str, Sequence[str]], others: Sequence[str]) -> Any:
    """Read ``kind:value:value:name=value``; the kind may be missing."""
    from bayes_ivgen.media import Adstock, Saturation

    words = [word.strip() for word in text.split(":")]
    kind = words.pop(0) if words[0] in kinds else next(iter(kinds))
    named, in_order = {}, list(kinds[kind])
    for word in words:
        name, equals, value = (piece.strip() for piece in word.partition("="))
        if not equals:
            name, value = next((free for free in in_order if free not in named), ""), word
        if name not in (*in_order, *others) or name in named or not value:
            raise SpecError(
                f"{option} {part!r}: {word!r} is not understood; {kind} takes {', '.join((*in_order, *others))}, each "
                f"once. Write for example {EXAMPLES[option]}."
            )
        named[name] = _value(option, part, name, value)
    try:
        return (Adstock if option == "--adstock" else Saturation)(kind, **named)  # type: ignore[arg-type]
    except SpecError as error:
        raise SpecError(f"{option} {part!r}: {error}") from error


def _value(option: str, part: str, name: str, text: str) -> Any:
    if name == "wash":
        return text
    if text == CHOOSE and name not in OTHERS:
        return None
    try:
        if name == "l_max":
            return int(text)
        return float(text)
    except ValueError:
        pass
    several = text.split("+") if name not in OTHERS else []
    try:
        if len(several) > 1:
            return [float(item) for item in several]
    except ValueError:
        pass
    valid = {"l_max": "a whole number of weeks"}.get(
        name, "a number" if name in OTHERS else f"a number, several joined by +, or {CHOOSE}"
    )
    raise SpecError(f"{option} {part!r}: {name} is {text!r}; it must be {valid}. Write for example {EXAMPLES[option]}.")
