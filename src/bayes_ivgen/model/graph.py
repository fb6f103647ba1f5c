"""Which actions may drive which: the arguments of the confounding components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayes_ivgen.errors import SpecError
from bayes_ivgen.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_P = 1e-16  # smaller ones are all the same to a reader


def p_value_text(p: float) -> str:
    """Write ``p = 0.004``, ``p = 3e-07`` or ``p < 1e-16``."""
    if p < LEAST_P:
        return f"p < {LEAST_P:.0e}"
    return f"p = {p:.2g}" if p >= 0.001 else f"p = {p:.0e}"


@dataclass(frozen=True, eq=False)
class ActionGraph(Shown):
    """A directed acyclic graph among the actions.

    Parameters
    ----------
    parents : mapping of str to iterable of str
        For each action the actions that drive it: ``ActionGraph({"web": ["tv"]})`` says that tv is
        a parent of web. Actions without parents may be left out.
    evidence : DataFrame, optional
        What the data say about each ordered pair, once the graph was learned from data or fitted to them.

    Raises
    ------
    SpecError
        If an action is its own ancestor, or a value is a string instead of a list.

    Examples
    --------
    >>> graph = ivg.ActionGraph({"web": ["tv"], "sales_calls": ["tv", "web"]})
    >>> print(graph)
    ActionGraph: tv -> web, tv -> sales_calls, web -> sales_calls
    >>> graph.edges
    (('tv', 'web'), ('tv', 'sales_calls'), ('web', 'sales_calls'))
    """

    parents: Mapping[str, tuple[str, ...]]
    evidence: pd.DataFrame | None = field(default=None, repr=False)

    def __init__(self, parents: Mapping[str, Iterable[str]], evidence: pd.DataFrame | None = None) -> None:
        for child, given in parents.items():
            if isinstance(given, str):
                raise SpecError(
                    f"ActionGraph: the parents of {child!r} are the string {given!r}; pass a list such as [{given!r}]."
                )
        cleaned = {child: tuple(dict.fromkeys(given)) for child, given in parents.items()}
        try:
            list(TopologicalSorter(cleaned).static_order())
        except CycleError as error:
            cycle = " -> ".join(str(name) for name in error.args[1])
            raise SpecError(
                f"ActionGraph: the edges form a cycle ({cycle}); no action can drive itself. Remove one of these edges."
            ) from error
        object.__setattr__(self, "parents", cleaned)
        object.__setattr__(self, "evidence", evidence)

    @classmethod
    def full(cls, actions: Sequence[str]) -> ActionGraph:
        """Let every action drive all later ones, in the order given.

        Parameters
        ----------
        actions : sequence of str
            Causes before what they drive.

        Returns
        -------
        ActionGraph

        Examples
        --------
        >>> ivg.ActionGraph.full(["tv", "web", "radio"]).parents_of("radio")
        ('tv', 'web')
        """
        return cls({action: actions[:k] for k, action in enumerate(actions)})

    @classmethod
    def empty(cls) -> ActionGraph:
        """Let no action drive another one.

        Returns
        -------
        ActionGraph

        Examples
        --------
        >>> ivg.ActionGraph.empty().edges
        ()
        """
        return cls({})

    def parents_of(self, action: str) -> tuple[str, ...]:
        """Direct parents of an action.

        Parameters
        ----------
        action : str
            Name of an action.

        Returns
        -------
        tuple of str

        Examples
        --------
        >>> ivg.ActionGraph({"web": ["tv"]}).parents_of("web")
        ('tv',)
        """
        return self.parents.get(action, ())

    def ancestors_of(self, action: str) -> tuple[str, ...]:
        """All actions from which a directed path leads to `action`.

        Parameters
        ----------
        action : str
            Name of an action.

        Returns
        -------
        tuple of str

        Examples
        --------
        >>> ivg.ActionGraph({"web": ["tv"], "social": ["web"]}).ancestors_of("social")
        ('web', 'tv')
        """
        found: dict[str, None] = {}
        queue = list(self.parents_of(action))
        while queue:
            name = queue.pop()
            if name not in found:
                found[name] = None
                queue.extend(self.parents_of(name))
        return tuple(found)

    def order(self, actions: Sequence[str]) -> tuple[str, ...]:
        """Return the actions with every parent before its children; ties in the order given.

        Parameters
        ----------
        actions : sequence of str
            All actions.

        Returns
        -------
        tuple of str

        Examples
        --------
        >>> ivg.ActionGraph({"tv": ["web"]}).order(["tv", "web", "radio"])
        ('web', 'radio', 'tv')
        """
        sorter: TopologicalSorter[str] = TopologicalSorter({a: self.parents_of(a) for a in actions})
        sorter.prepare()
        ordered: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=list(actions).index)
            ordered.extend(ready)
            sorter.done(*ready)
        return tuple(ordered)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs (parent, child)."""
        return tuple((parent, child) for child, parents in self.parents.items() for parent in parents)

    def check_actions(self, actions: Sequence[str]) -> None:
        """Raise a `SpecError` if the graph names something that is not an action.

        Parameters
        ----------
        actions : sequence of str
            All actions.

        Raises
        ------
        SpecError
            If it does.

        Examples
        --------
        >>> try:
        ...     ivg.ActionGraph({"web": ["tv"]}).check_actions(["web", "radio"])
        ... except ivg.errors.SpecError as error:
        ...     print(error)
        the graph names 'tv', which is not an action. The actions are ['web', 'radio']; correct the name or remove the
        edge.
        """
        named = dict.fromkeys([*self.parents, *(parent for parent, _ in self.edges)])
        unknown = [name for name in named if name not in actions]
        if unknown:
            raise SpecError(
                f"the graph names {unknown[0]!r}, which is not an action. The actions are {list(actions)}; "
                "correct the name or remove the edge."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage.

        Returns
        -------
        dict of str to list of str
            Parents of each action that has any.

        Examples
        --------
        >>> ivg.ActionGraph({"web": ["tv"]}).to_dict()
        {'web': ['tv']}
        """
        return {child: list(parents) for child, parents in self.parents.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ActionGraph) and set(self.edges) == set(other.edges)

    def __hash__(self) -> int:
        return hash(frozenset(self.edges))

    def plot(self, actions: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
        """Draw the graph: causes above what they drive, p-values on the edges where the data were asked.

        Parameters
        ----------
        actions : sequence of str, optional
            All actions, to show those without edges too; by default those that the graph or its
            evidence knows.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        SpecError
            If the graph names something that is not among `actions`.

        Examples
        --------
        >>> ax = fit.graph.plot(fit.actions)
        """
        from bayes_ivgen.plots import plot_graph

        if actions is None:
            actions = self._known_actions()
        self.check_actions(actions)
        p_values = None if self.evidence is None else {edge: self.p_value(edge)[0] for edge in self.edges}
        return plot_graph(actions, self.edges, p_values=p_values, ax=ax)

    def _known_actions(self) -> list[str]:
        named = [] if self.evidence is None else [name for pair in self.evidence.index for name in pair]
        return list(dict.fromkeys([*named, *(name for edge in self.edges for name in edge), *self.parents]))

    def p_value(self, edge: tuple[str, str]) -> tuple[float, str]:
        """Return the smaller p-value of the two kinds of test, not a number without either, and where it is from.

        Parameters
        ----------
        edge : tuple of (str, str)
            Cause and effect.

        Returns
        -------
        p_value : float
        where : str
            The rows that were asked; empty without a test.

        Examples
        --------
        >>> p, where = fit.graph.p_value(("tv", "web"))
        >>> bool(p < 0.01), where
        (True, 'in do(tv)')
        """
        if self.evidence is None or edge not in self.evidence.index:
            return float("nan"), ""
        row: dict[Any, float] = self.evidence.loc[[edge]].to_dict("records")[0]
        tests = [row[name] for name in ("p_value", "p_monotone") if row[name] == row[name]]
        single = min(1.0, 2 * min(tests)) if tests else float("nan")
        pooled = row.get("p_conditional", float("nan"))
        if pooled == pooled and not single <= pooled:  # also where the single test is missing
            return pooled, "on all rows, given its other causes"
        return single, f"in do({edge[0]})"

    def __str__(self) -> str:
        if not self.edges:
            return "ActionGraph: no action drives another one"
        if self.evidence is None:
            return "ActionGraph: " + ", ".join(f"{parent} -> {child}" for parent, child in self.edges)
        names = [f"{parent} -> {child}" for parent, child in self.edges]
        lines = [f"ActionGraph: {len(names)} {'edge' if len(names) == 1 else 'edges'}"]
        for edge, name in zip(self.edges, names, strict=True):
            p, where = self.p_value(edge)
            words = f"{p_value_text(p)} {where}" if p == p else "not tested"
            lines.append(f"  {name:<{max(map(len, names))}}  {words}")
        return "\n".join(lines)
