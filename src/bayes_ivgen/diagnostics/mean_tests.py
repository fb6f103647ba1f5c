"""Score tests of the mean: whether the rows ask for a function that the decomposition does not have.

Rows of every regime are regressed, weighted by the noise of the regime, on the columns of the fit and on what else
the decomposition allows; extra columns are tested against the residuals (docs/theory/falsification.md, 3 and 4).
Priors play no part: residuals of least squares are orthogonal to all that the fit could have said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.basis.product import product_columns
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.diagnostics.scores import Projection, ScoreTest, score_test, variable_scores
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import NotTestableError

MOST_ROWS, LEAST_ROWS = 20_000, 2000  # of each regime, as many as fit
ENTRIES = 20_000_000  # of the design of all regimes
DEGREE = 2
ROWS_A_COLUMN = 7  # with fewer, checks of fits without a fault fail too often (benchmarks/few_rows.py)

Pair = tuple[str, str]


def require_additive_mean(posterior: EffectPosterior, what: str) -> None:
    """Raise a `NotTestableError` unless the components add up to the mean of the outcome."""
    if posterior.link.name != "identity" or posterior.symbol != "E":
        raise NotTestableError(
            f"{what} cannot be tested in this fit: the check is of means on the identity link, and the fit has "
            f"{'a location' if posterior.symbol != 'E' else f'the link {posterior.link.name!r}'}. Fit with "
            "likelihood='normal' to check the mean."
        )


@dataclass(frozen=True, eq=False)
class MeanRows:
    """Rows of some regimes with all columns that the decomposition allows.

    Attributes
    ----------
    values : ndarray of shape (n, V)
        Actions and covariates.
    outcome : ndarray of shape (n,)
        Outcome.
    which : ndarray of int, shape (n,)
        Position of the regime of each row.
    allowed : ndarray of shape (n, P)
        Columns of the fit and products inside the families of actions that were left alone.
    """

    posterior: EffectPosterior
    data: RegimeData
    regimes: tuple[Regime, ...]
    values: FloatArray = field(repr=False)
    outcome: FloatArray = field(repr=False)
    which: np.ndarray[tuple[int], np.dtype[np.intp]] = field(repr=False)
    allowed: FloatArray = field(repr=False)

    @classmethod
    def of(cls, posterior: EffectPosterior, data: RegimeData, regimes: Sequence[Regime]) -> MeanRows:
        """Take up to 20,000 rows of each regime, fewer where the design is wide."""
        most = ENTRIES // (posterior.design.n_coefficients * len(regimes))
        most = min(max(most, LEAST_ROWS), MOST_ROWS)
        profiles = [data.profiles[regime] for regime in regimes]
        samples = [thinned(profile.sample, most) for profile in profiles]
        rows = np.concatenate(samples)
        codes = [thinned(p.sample_dataset, most) for p in profiles if p.sample_dataset is not None]
        which = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])
        was_set = np.array([[regime.sets(action) for action in posterior.actions] for regime in regimes])[which]
        dataset = np.concatenate(codes) if codes else None
        known = posterior.design.rows(rows[:, :-1], was_set, dataset)
        found = cls(posterior, data, tuple(regimes), rows[:, :-1], rows[:, -1], which, known)
        return cls(
            posterior,
            data,
            tuple(regimes),
            found.values,
            found.outcome,
            which,
            np.concatenate([known, *found._family_products()], axis=1),
        )

    @cached_property
    def scores(self) -> dict[str, FloatArray]:
        """Scores of each variable over all rows."""
        return {
            name: variable_scores(self.data, name, self.values[:, k], DEGREE)
            for k, name in enumerate(self.posterior.design.variables)
        }

    def inside(self, regime: Regime) -> FloatArray:
        """Return the indicator of the rows of a regime; shape (n, 1)."""
        return (self.which == self.regimes.index(regime)).astype(float)[:, None]

    def families(self, regime: Regime) -> Iterator[tuple[str, ...]]:
        """Arguments of each confounding component at work in a regime: a block, its outside parents, covariates."""
        structure = self.posterior.design.structure
        for unit in structure.units:
            if not regime.sets(unit[0]):
                parents = [p for member in unit for p in self.posterior.graph.parents_of(member) if p not in unit]
                covariates = structure.covariates_in("confounding", "causal")
                yield tuple(dict.fromkeys([*unit, *parents, *covariates]))

    def allowed_pairs(self, regime: Regime) -> set[frozenset[str]]:
        """Pairs that may interact in a regime."""
        structure = self.posterior.design.structure
        pairs = {frozenset(pair) for family in self.families(regime) for pair in combinations(family, 2)}
        pairs |= {frozenset(pair) for pair in structure.synergy}
        pairs |= {frozenset(pair) for unit in structure.units for pair in combinations(unit, 2)}
        causal = structure.covariates_in("causal")
        return pairs | {frozenset((action, name)) for action in self.posterior.actions for name in causal}

    def _family_products(self) -> Iterator[FloatArray]:
        """Products of two and three arguments of each confounding component, where it is at work."""
        for unit in self.posterior.design.structure.units:
            at_work = [regime for regime in self.regimes if not regime.sets(unit[0])]
            if not at_work:
                continue
            rows = np.sum([self.inside(regime) for regime in at_work], axis=0)
            (family,) = [found for found in self.families(at_work[0]) if set(unit) <= set(found[: len(unit)])]
            for size in (2, 3):
                for names in combinations(family, size):
                    yield rows * product_columns([self.scores[name] for name in names])

    @cached_property
    def _weighted(self) -> tuple[Projection, FloatArray, FloatArray]:
        """Projection of the weighted columns, weighted residuals (n, 1), and the weights (n, 1)."""
        weight = np.ones((len(self.outcome), 1))
        y = (self.outcome - self.outcome.mean())[:, None]
        for _ in range(2):
            known = Projection.on(weight * self.allowed)
            residual = known.residual(weight * y)
            spread = np.array(
                [np.sqrt(np.mean((residual / weight)[self.which == r] ** 2)) for r in range(len(self.regimes))]
            )
            weight = 1 / np.maximum(spread, 1e-3 * spread.max())[self.which][:, None]
        known = Projection.on(weight * self.allowed)
        return known, known.residual(weight * y), weight

    def require_enough_rows(self, what: str) -> None:
        """Raise a `NotTestableError` if there are too few rows for the columns of the regression."""
        n, rank = len(self.outcome), self._weighted[0].rank
        if n < ROWS_A_COLUMN * rank:
            raise NotTestableError(
                f"{what} cannot be tested: too few rows. The regression on all that the decomposition allows has "
                f"{rank:,} columns for {n:,} rows, and below {ROWS_A_COLUMN} rows a column fits without a fault fail. "
                f"It needs {ROWS_A_COLUMN * rank:,} rows, or a smaller model: fewer covariates that confound, fewer "
                "edges, smaller bases."
            )

    def test(self, columns: FloatArray) -> ScoreTest:
        """Test columns of shape (n, q) for a part in the mean."""
        known, residual, weight = self._weighted
        return score_test(residual, weight * columns, known)

    def test_function(self, regime: Regime, names: Sequence[str]) -> ScoreTest:
        """Test for a function of some variables (a level, if none) that only the rows of one regime have."""
        if not names:
            return self.test(self.inside(regime))
        return self.test(self.inside(regime) * product_columns([self.scores[name] for name in names]))


def part_name(part: tuple[str, ...]) -> str:
    """Return ``level``, ``tv`` or ``tv x web``."""
    return " x ".join(part) if part else "level"
