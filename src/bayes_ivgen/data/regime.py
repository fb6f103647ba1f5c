"""Regimes: which actions the experimenter set, and the labels that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bayes_ivgen.errors import DataError

OBSERVATIONAL_LABEL = "obs"
_DO_LABEL = re.compile(r"do\((?P<names>[^()]*)\)")


@dataclass(frozen=True)
class Regime:
    """The set of actions that were set by the experimenter; all others followed their own causes.

    Parameters
    ----------
    set_actions : tuple of str
        Names of the actions that were set, in the order of the data's actions. Empty for
        observational rows.

    Examples
    --------
    >>> regime = ivg.Regime.parse("do(web, tv)", actions=["tv", "web"])
    >>> regime
    Regime('do(tv,web)')
    >>> regime.label, regime.is_observational
    ('do(tv,web)', False)
    """

    set_actions: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str], actions: Sequence[str], *, label: str | None = None) -> Regime:
        """Regime that sets `names`, checked against the known `actions`.

        Parameters
        ----------
        names : iterable of str
            Actions that are set.
        actions : sequence of str
            All actions, in the order of the data.
        label : str, optional
            How the message calls it.

        Returns
        -------
        Regime

        Raises
        ------
        DataError
            If a name is not an action, or stands twice.

        Examples
        --------
        >>> ivg.Regime.of(["web", "tv"], ["tv", "web"])
        Regime('do(tv,web)')
        """
        given = list(names)
        shown = f"the regime label {label!r}" if label is not None else f"the regime {given!r}"
        unknown = [name for name in given if name not in actions]
        if unknown:
            raise DataError(
                f"{shown} sets {unknown[0]!r}, which is not an action. "
                f"The actions are {list(actions)}; correct the label or add the action."
            )
        if len(set(given)) != len(given):
            raise DataError(f"{shown} names an action twice; name each action once.")
        return cls(tuple(action for action in actions if action in given))

    @classmethod
    def parse(cls, label: str, actions: Sequence[str]) -> Regime:
        """Read ``obs``, ``do(a)`` or ``do(a,b)``.

        Parameters
        ----------
        label : str
            The label.
        actions : sequence of str
            All actions, in the order of the data.

        Returns
        -------
        Regime

        Raises
        ------
        DataError
            If the label cannot be read so, or names something that is not an action.

        Examples
        --------
        >>> ivg.Regime.parse("do(web, tv)", ["tv", "web"]).label
        'do(tv,web)'
        """
        text = label.strip() if isinstance(label, str) else label
        if text == OBSERVATIONAL_LABEL:
            return cls()
        match = _DO_LABEL.fullmatch(text) if isinstance(text, str) else None
        names = [name.strip() for name in match["names"].split(",")] if match else []
        if not names or not all(names):
            raise DataError(
                f"The regime label {label!r} cannot be read. Valid labels are 'obs', "
                f"'do({actions[0] if actions else 'a'})' and so on, with the names separated by commas. "
                "For labels of your own pass regime_labels={'your label': ['action', ...], ...}, "
                "with [] where nothing was set."
            )
        return cls.of(names, actions, label=label)

    @property
    def label(self) -> str:
        """The canonical label: ``obs``, ``do(a)`` or ``do(a,b)``."""
        return f"do({','.join(self.set_actions)})" if self.set_actions else OBSERVATIONAL_LABEL

    @property
    def is_observational(self) -> bool:
        """Whether no action was set."""
        return not self.set_actions

    def sets(self, action: str) -> bool:
        """Whether `action` was set by the experimenter.

        Parameters
        ----------
        action : str
            Name of an action.

        Returns
        -------
        bool

        Examples
        --------
        >>> ivg.Regime(("tv",)).sets("web")
        False
        """
        return action in self.set_actions

    def __str__(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return f"Regime({self.label!r})"


def own_labels(regime_labels: Mapping[str, Iterable[str]] | None) -> dict[str, tuple[str, ...]]:
    """Return the user's own labels with the actions that each one sets.

    Raises
    ------
    DataError
        If this is not a mapping of labels to lists of actions.
    """
    if not isinstance(regime_labels, Mapping | None):
        raise DataError(
            f"regime_labels is a {type(regime_labels).__name__}; pass a mapping of labels to lists of actions, "
            "for example {'spring test': ['tv'], 'history': []}."
        )
    own = {}
    for label, names in (regime_labels or {}).items():
        if isinstance(names, str):
            raise DataError(
                f"regime_labels[{label!r}] is the string {names!r}; it must be a list of actions, "
                f"for example [{names!r}]."
            )
        if not isinstance(names, Iterable):
            raise DataError(
                f"regime_labels[{label!r}] is {names!r}; it must be a list of actions, [] where nothing was set."
            )
        own[label] = tuple(names)
    return own


def resolve_labels(
    labels: Iterable[str],
    actions: Sequence[str],
    regime_labels: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, Regime]:
    """Map every label found in the data to its regime.

    Parameters
    ----------
    labels : iterable of str
        The distinct labels in the data.
    actions : sequence of str
        Names of the actions.
    regime_labels : mapping of str to iterable of str, optional
        The user's own labels and the actions that each one sets. Labels that are missing here are
        read as `Regime.parse` does.

    Raises
    ------
    DataError
        If a label cannot be read, or an entry of `regime_labels` stands for no row.
    """
    found = list(labels)
    own = own_labels(regime_labels)
    unused = [label for label in own if label not in found]
    if unused:
        raise DataError(
            f"regime_labels names {unused[0]!r}, but no row has this label. "
            f"The labels in the data are {found}; correct or remove the entry."
        )
    return {
        label: Regime.of(own[label], actions, label=label) if label in own else Regime.parse(label, actions)
        for label in found
    }
