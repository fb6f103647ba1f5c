"""What the next experiment should tell: effects and contrasts as linear functions of the coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime
from bayes_ivgen.effects import EffectPosterior, Queries, parse_queries
from bayes_ivgen.effects.comparison import same_length
from bayes_ivgen.errors import IdentificationError, QueryError

KEYS = ("do", "given", "rest", "covariates", "versus", "versus_given", "versus_covariates")


@dataclass(frozen=True, eq=False)
class Question:
    """An effect, or with `versus` a difference of two, at one or many queries."""

    queries: Queries
    versus: Queries | None = None

    def __len__(self) -> int:
        return len(self.queries)

    def names(self, posterior: EffectPosterior) -> list[str]:
        """Say in words what each query asks."""
        name = posterior.name(self.queries)
        if self.versus is None:
            return [f"{name} at {self.queries.describe(i)}" for i in range(len(self))]
        return [f"{name} at {self.queries.describe_versus(self.versus, i)}" for i in range(len(self))]

    def rows(self, posterior: EffectPosterior) -> FloatArray:
        """Coefficients of each query, shape (q, P); where actions respond, averaged over their laws."""

        def of(queries: Queries) -> FloatArray:
            rows = posterior.rows(queries, slice(None))
            return rows.mean(axis=0) if rows.ndim == 3 else rows

        return of(self.queries) if self.versus is None else of(self.queries) - of(self.versus)

    def identified(self, posterior: EffectPosterior, regimes: Sequence[Regime]) -> bool:
        """Whether rows of these regimes would identify it."""
        known = replace(posterior, regimes=tuple(regimes))
        try:
            if self.versus is None:
                known.require_level(self.queries.regime)
            else:
                known.require_contrast(self.queries, self.versus)
        except IdentificationError:
            return False
        return True


def read_questions(given: Any, posterior: EffectPosterior) -> list[Question]:
    """Check what the user passed as questions: a mapping of arguments of `effect` and `contrast`, or a list of them.

    Raises
    ------
    QueryError
        If it is neither, an argument is unknown, or the question is not well formed.
    """
    items = [given] if isinstance(given, Mapping) else given
    if isinstance(items, str) or not isinstance(items, Iterable) or not (items := list(items)):
        raise QueryError(
            f"questions={given!r} asks nothing that is known; pass the arguments of fit.effect or fit.contrast as a "
            f"mapping, {{'do': {_example(posterior)}}}, or a list of such mappings."
        )
    return [_question(item, posterior) for item in items]


def _question(item: Any, posterior: EffectPosterior) -> Question:
    if not isinstance(item, Mapping):
        raise QueryError(
            f"the question {item!r} is a {type(item).__name__}; pass a mapping with arguments of fit.effect or "
            f"fit.contrast, for example {{'do': {_example(posterior)}}}."
        )
    unknown = [key for key in item if key not in KEYS]
    if unknown:
        raise QueryError(
            f"the question has the key {unknown[0]!r}; valid are {', '.join(KEYS)}. Values of actions stand in 'do' "
            f"or 'given': {{'do': {_example(posterior)}}}."
        )
    first = _parse(item, posterior, "")
    if not any(key.startswith("versus") for key in item):
        posterior.require_whole_blocks(first.regime)
        return Question(first)
    # Where one side says nothing of its own it is that of the other, as in fit.contrast.
    other = {key: item.get(f"versus_{key}", item.get(key)) for key in ("given", "covariates")}
    only_conditions = item.get("versus") is None and item.get("versus_given") is None
    other |= {"do": item.get("do") if only_conditions else item.get("versus"), "rest": item.get("rest")}
    first, second = same_length(first, _parse(other, posterior, "versus"))
    for queries in (first, second):
        posterior.require_whole_blocks(queries.regime)
    return Question(first, second)


def _parse(item: Mapping[str, Any], posterior: EffectPosterior, side: str) -> Queries:
    names = posterior.design.structure.covariates
    try:
        return parse_queries(
            posterior.actions,
            item.get("do"),
            item.get("given"),
            item.get("rest"),
            posterior.support.categories,
            covariates=item.get("covariates"),
            covariate_names=names,
        )
    except QueryError as error:
        raise QueryError(f"{side}: {error}" if side else str(error)) from error


def _example(posterior: EffectPosterior) -> str:
    middle = np.median(posterior.observed, axis=0)
    values = {}
    for k, name in enumerate(posterior.actions):
        labels = posterior.support.categories.get(name)
        values[name] = labels[int(middle[k])] if labels is not None else float(f"{middle[k]:.3g}")
    return repr(values)
