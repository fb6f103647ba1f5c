"""The reading "respond": actions that are neither set nor seen follow their own causes (design 1.8).

With S set and G seen, covariates x are fixed or drawn from all rows, and the other actions from
prod_l p(a_l | a_pa(l), x) in topological order:

- those that no path leads to from S, G or x keep their natural joint law: observed rows, resampled as a whole;
- those that a path leads to are drawn one after the other, each given its causes (`laws`).

Replicate b of a Bayesian bootstrap of the rows gives the average design row dbar_b; draw i of the coefficients
goes with replicate i mod B, so that the spread of the draws holds the uncertainty of both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.stats.qmc import Sobol

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.laws import Law, Rows, fit_law
from bayes_ivgen.effects.natural_rows import NaturalRows
from bayes_ivgen.effects.queries import Categories, Queries
from bayes_ivgen.errors import IdentificationError, QueryError
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.structure import Structure

PARTICLES = 512  # of a Sobol sequence, hence a power of two
AT_ONCE = 8  # replicates whose design rows are made together
CHECKED = 8  # replicates whose particles are held against the rows that were seen
FAR_SHARE = 0.05  # of the particles, above which a query is not supported
WITHIN = 2.0  # times the distance to the next row that all but one of 200 rows keep


class Plan(NamedTuple):
    """Who moves how: `roots` together, as in observed rows; `reacting` one after the other."""

    roots: tuple[str, ...]
    reacting: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Responses:
    """Draws of the actions that respond, from the rows in which they were left alone.

    Attributes
    ----------
    graph : ActionGraph
        Which actions are causes of which.
    rows : NaturalRows
        The rows from which the laws are learned.
    structure : Structure, optional
        Blocks, and the roles of the covariates.
    covariate_rows : ndarray of shape (c, V - K), optional
        The law of the covariates that a query leaves open.
    categories : mapping of str to tuple
        Labels of the variables whose values are codes.
    """

    graph: ActionGraph
    rows: NaturalRows = field(repr=False)
    structure: Structure = field(default_factory=lambda: Structure(()))
    covariate_rows: FloatArray | None = field(default=None, repr=False)
    categories: Categories = field(default_factory=dict, repr=False)

    @cached_property
    def drivers(self) -> tuple[str, ...]:
        """Covariates that move actions: arguments of every law."""
        return self.structure.covariates_in("confounding", "causal")

    @cached_property
    def factors(self) -> ActionGraph:
        """The graph with the chain rule in each block: earlier members and their parents are causes, too."""
        order = self.graph.order(self.rows.actions)
        parents = {action: list(self.graph.parents_of(action)) for action in order}
        for unit in self.structure.units:
            members = [action for action in order if action in unit]
            for i, action in enumerate(members):
                for earlier in members[:i]:
                    parents[action] += [earlier, *self.graph.parents_of(earlier)]
        return ActionGraph(parents)

    def causes(self, action: str) -> tuple[str, ...]:
        """Arguments of the law of an action: actions, then covariates."""
        return (*self.factors.parents_of(action), *self.drivers)

    def plan(self, queries: Queries) -> Plan:
        """Split the responding actions by whether a path leads to them from what has a value, or from x.

        Raises
        ------
        QueryError
            If an action that responds is a cause of one that is seen, or shares its confounder.
        """
        stated = [action for action in queries.stated if action in queries.actions]
        seen = [action for action in stated if not queries.regime.sets(action)]
        for action in seen:
            cause = next((name for name in queries.responding if name in self.factors.ancestors_of(action)), None)
            if cause is not None:
                verb = "drives" if cause in self.graph.ancestors_of(action) else "shares a confounder with"
                raise QueryError(
                    f"{cause!r} is left to respond and {verb} {action!r}, which is seen at a value: seeing {action!r} "
                    f"tells about {cause!r}, and rest='respond' draws an action from its own causes only. Put "
                    f"{cause!r} into given or do, or take {action!r} out of given."
                )
        moved = [a for a in queries.responding if set(self.factors.ancestors_of(a)) & set(stated)]
        roots = tuple(action for action in queries.responding if action not in moved)
        # x moves all of them, and has its own law in every regime; or they were never left alone together.
        if self.drivers or len(self.rows.leaving(roots)) == 0:
            moved, roots = [*moved, *roots], ()
        order = self.factors.order(self.rows.actions)
        return Plan(roots, tuple(action for action in order if action in moved))

    @cached_property
    def _laws(self) -> dict[str, Law]:
        return {}

    def law(self, action: str) -> Law:
        """p(a_l | a_pa(l), x), learned on all rows that leave l alone.

        Raises
        ------
        IdentificationError
            If there are no such rows.
        """
        if action not in self._laws:
            index = self.rows.leaving([action])
            if len(index) == 0:
                raise IdentificationError(
                    f"no regime leaves {action!r} alone, so nothing tells how it responds. Set it (do), hold it "
                    "(rest='hold'), or add rows of a regime that does not set it and fit again."
                )
            causes = self.causes(action)
            labels = tuple(len(self.categories.get(name, ())) for name in causes)
            values = self.rows.columns([action], index)[:, 0]
            columns = self.rows.columns(causes, index)
            rows = Rows(columns, values, self.rows.group[index], self.rows.weights, labels)
            self._laws[action] = fit_law(rows, labelled=action in self.categories)
        return self._laws[action]

    def starts(self, value: FloatArray) -> FloatArray:
        """Rows from which the particles of a query start, each equally likely: NaN where actions respond; (m, V)."""
        if self.covariate_rows is None:
            return value[None]
        rows = np.tile(value, (len(self.covariate_rows), 1))
        fixed = value[len(self.rows.actions) :]
        rows[:, len(self.rows.actions) :] = np.where(np.isnan(fixed), self.covariate_rows, fixed)
        return rows

    def particles(self, queries: Queries, query: int, replicates: int | None = None) -> FloatArray:
        """Values of all variables, shape (replicate, particle, V); those with a value keep it."""
        return self.particles_from(self.starts(queries.values[query]), queries, replicates)

    def particles_from(self, starts: FloatArray, queries: Queries, replicates: int | None = None) -> FloatArray:
        """Draw the actions that respond beside values of the others and of x, which are rows of `starts` (m, V)."""
        plan = self.plan(queries)
        uniform = self._uniform[:replicates]
        # a copy; neighbours in `starts` are alike, so that the last coordinate covers them evenly
        values = starts[(uniform[:, :, -1] * len(starts)).astype(np.intp)]
        columns = [queries.actions.index(name) for name in plan.roots]
        if columns:
            index, cumulative = self._sorted_roots(plan.roots)
            for b, u in enumerate(uniform[:, :, columns[0]]):
                place = np.minimum(np.searchsorted(cumulative[b], u), len(index) - 1)
                values[b][:, columns] = self.rows.values[np.ix_(index[place], columns)]
        for action in plan.reacting:
            causes = [queries.variables.index(name) for name in self.causes(action)]
            k = queries.actions.index(action)
            values[:, :, k] = self.law(action).draw(values[:, :, causes], uniform[:, :, k])
        return values

    @cached_property
    def _uniform(self) -> FloatArray:
        """Scrambled Sobol points, the same for every query: curves are smooth, and saved fits answer alike."""
        n = len(self.rows.actions) + (self.covariate_rows is not None)  # the last one chooses x
        return np.stack([Sobol(n, seed=int(b)).random(PARTICLES) for b in range(len(self.rows.weights))])

    def _sorted_roots(self, roots: tuple[str, ...]) -> tuple[NDArray[np.intp], FloatArray]:
        # Sorted along their main direction: neighbours are alike, so that stratified draws cover the law evenly.
        index = self.rows.leaving(roots)
        values = self.rows.columns(roots, index)
        unit = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), np.finfo(float).tiny)
        direction = np.linalg.eigh(unit.T @ unit)[1][:, -1]
        index = index[np.argsort(unit @ direction, kind="stable")]
        return index, np.cumsum(self.rows.row_weights(index), axis=1)

    def average_rows(self, design: Design, queries: Queries, block: slice) -> FloatArray:
        """Average design row of each replicate and query, shape (replicate, q, P)."""
        plan = self.plan(queries)
        was_set = np.array([queries.regime.sets(action) for action in queries.actions])
        numbers = range(*block.indices(len(queries)))
        averages = np.empty((len(self.rows.weights), len(numbers), design.n_coefficients))
        for i, query in enumerate(numbers):
            if plan.reacting or self.covariate_rows is not None:
                drawn = self.particles(queries, query)
                for start in range(0, len(drawn), AT_ONCE):
                    values = drawn[start : start + AT_ONCE].reshape(-1, drawn.shape[2])
                    rows = design.rows(values, was_set)
                    averages[start : start + AT_ONCE, i] = rows.reshape(-1, PARTICLES, rows.shape[1]).mean(axis=1)
            else:  # no draws are needed: observed rows, weighted
                index = self.rows.leaving(plan.roots)
                values = self.rows.values[index]
                stated = np.isin(queries.actions, queries.stated)
                values = np.where(stated, queries.values[query], values)
                rows = design.rows(values, was_set)
                averages[:, i] = self.rows.row_weights(index) @ rows
        return averages

    def replicate_of(self, chains: int, draws: int) -> NDArray[np.intp]:
        """Which replicate goes with each draw, shape (chain, draw)."""
        return np.arange(chains * draws).reshape(chains, draws) % len(self.rows.weights)

    def project(self, coefficients: FloatArray, rows: FloatArray) -> FloatArray:
        """Draws of the effects from average rows of each replicate; shape (chain, draw, q)."""
        chains, draws, _ = coefficients.shape
        replicate = self.replicate_of(chains, draws)
        projected = np.empty((chains, draws, rows.shape[1]))
        for b, row in enumerate(rows):
            projected[replicate == b] = coefficients[replicate == b] @ row.T
        return projected

    def one_each(self, queries: Queries, query: int, chains: int, draws: int, rng: np.random.Generator) -> FloatArray:
        """One combination of the variables for each posterior draw, for outcome draws; (chain, draw, V)."""
        drawn = self.particles(queries, query)
        return drawn[self.replicate_of(chains, draws), rng.integers(drawn.shape[1], size=(chains, draws))]

    def why_not(self, queries: Queries, query: int) -> str:
        """Reason why the causes of a reacting action leave what was seen, or an empty string."""
        plan = self.plan(queries)
        reasons = []
        if plan.reacting:
            drawn = self.particles(queries, query, CHECKED).reshape(-1, len(queries.variables))
        for action in plan.reacting:
            causes = self.causes(action)
            if not causes:
                continue
            share = self._share_outside(action, drawn[:, [queries.variables.index(name) for name in causes]])
            if share > FAR_SHARE:
                reasons.append(
                    f"{action} would react to values of {', '.join(causes)} that never occurred"
                    f"{' together' if len(causes) > 1 else ''} while {action} was left alone ({100 * share:.0f} % of "
                    "the draws)"
                )
        return "; ".join(reasons)

    def _share_outside(self, action: str, causes: FloatArray) -> float:
        """Share of the drawn causes that are farther from every row than rows are from each other."""
        tree, scale, reach = self._seen(action)
        distance, _ = tree.query(causes / scale)
        return float(np.mean(distance > reach))

    @cached_property
    def _trees(self) -> dict[str, tuple[KDTree, FloatArray, float]]:
        return {}

    def _seen(self, action: str) -> tuple[KDTree, FloatArray, float]:
        if action not in self._trees:
            seen = self.rows.columns(self.causes(action), self.rows.leaving([action]))
            width = np.ptp(seen, axis=0)
            scale = np.where(width > 0, width, 1.0)
            tree = KDTree(seen / scale)
            apart = tree.query(seen / scale, k=2)[0][:, 1] if len(seen) > 1 else np.zeros(1)
            self._trees[action] = (tree, scale, WITHIN * float(np.quantile(apart, 0.995)) + 1e-9)
        return self._trees[action]
