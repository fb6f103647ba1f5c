"""Answers about plans by week: differences, totals, and what weeks before the plan leave open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.estimate import DEFAULT_PROB, Estimate
from bayes_ivgen.effects.reasons import joined, merged

TAKEN = "weeks before the plan that were not set are taken as if they had been"


@dataclass(frozen=True, eq=False, repr=False)
class PlanEstimate(Estimate):
    """Posterior of a plan by week, of a difference of two, or of a total.

    `support` has ``carry_in`` beside ``supported`` and ``reason``: the share of the carry-over that comes from weeks
    before the plan in which an action was not set, of the action in which it is largest; its mean over the answers of
    a total.

    Attributes
    ----------
    far : tuple of str
        Why the carried-over spends of each answer are not supported; empty where they are.
    before : tuple of str
        What natural weeks before the plan leave open in each answer; empty where it is less than the fit tolerates.
    carry_in : ndarray of shape (answers,)
        The share.
    noted : bool
        Whether that is a note and no lack of support: in differences on the scale of the sum of effects it cancels
        unless demand changes what a spend does (docs/theory/carry_over.md, Proposition 3).
    """

    far: tuple[str, ...] = field(default=(), repr=False)
    before: tuple[str, ...] = field(default=(), repr=False)
    carry_in: FloatArray = field(default_factory=lambda: np.empty(0), repr=False)
    noted: bool = field(default=False, repr=False)

    @classmethod
    def of(
        cls, answers: Estimate, queries: pd.DataFrame, far: Sequence[str], before: Sequence[str], carry_in: FloatArray
    ) -> PlanEstimate:
        """Turn an estimate of one row a week and unit into one with the answers that were asked for."""
        found = cls(
            kind="plan",
            name=answers.name,
            queries=queries,
            support=answers.support,
            conditions=answers.conditions,
            n_chains=answers.n_chains,
            n_draws=answers.n_draws,
            evaluate=answers.evaluate,
        )
        return found.told(far, before, carry_in)

    def told(
        self, far: Sequence[str], before: Sequence[str], carry_in: FloatArray, *, noted: bool = False
    ) -> PlanEstimate:
        """Return it with these reasons, and with the flags that follow from them."""
        flagged = [f"{TAKEN}: {text}" if text and not noted else "" for text in before]
        reasons = [joined(pair) for pair in zip(far, flagged, strict=True)]
        support = pd.DataFrame(
            {"supported": [not text for text in reasons], "reason": reasons, "carry_in": np.asarray(carry_in)}
        )
        return replace(
            self, support=support, far=tuple(far), before=tuple(before), carry_in=np.asarray(carry_in), noted=noted
        )

    def sentence(self, prob: float = DEFAULT_PROB, query: int | None = None) -> str:
        """Tell about one week or the total, and what weeks before the plan leave open in a difference.

        Parameters
        ----------
        prob : float
            Mass of the interval.
        query : int, optional
            Position of a query, by default the first.

        Returns
        -------
        str

        Examples
        --------
        >>> weekly_fit.plan({"tv": [30], "web": 20}, extrapolate=True).sentence().startswith("E[sales | do(plan)]")
        True
        """
        note = self.note(0 if query is None else query)
        text = super().sentence(prob, query)
        return f"{text} {note}" if note else text

    def note(self, query: int = 0) -> str:
        """Say what weeks before the plan leave open in a difference; nothing where they do not, or it is flagged.

        Parameters
        ----------
        query : int
            Position of a query.

        Returns
        -------
        str

        Examples
        --------
        >>> pulsed, even = ({"tv": [spend], "web": 20} for spend in (40, 30))
        >>> weekly_fit.plan(pulsed, versus=even, extrapolate=True).note().split(" (")[0]
        'Weeks before the plan that were not set are taken as if they had been'
        """
        if not self.noted or not 0 <= query < len(self) or not self.before[query]:
            return ""
        told = f"{TAKEN[0].upper()}{TAKEN[1:]} ({self.before[query]})"
        return f"{told}: that cancels unless demand changes what a spend does."


def difference(first: PlanEstimate, second: PlanEstimate, actions: tuple[str, ...], *, additive: bool) -> PlanEstimate:
    """Difference of two plans of the same weeks; `additive` says whether effects add up on the scale of the answers."""
    far = [joined(pair) for pair in zip(first.far, second.far, strict=True)]
    found = replace(
        first,
        kind="contrast",
        name=f"difference of {first.name}",
        queries=pd.concat([first.queries, second.queries[list(actions)].add_prefix("versus_")], axis=1),
        evaluate=lambda block: first.evaluate(block) - second.evaluate(block),
        neutral=0.0,
    )
    return found.told(far, first.before, first.carry_in, noted=additive)


def summed(weekly: PlanEstimate, actions: tuple[str, ...], time: str, unit: str | None) -> PlanEstimate:
    """Sum over all answers."""
    n = len(weekly)
    spends = [name for name in weekly.queries if name in actions or str(name).startswith("versus_")]
    weeks = weekly.queries[time].nunique()
    units = weekly.queries[unit].nunique() if unit in weekly.queries else 0
    found = replace(
        weekly,
        name=f"total of {weekly.name}",
        queries=weekly.queries[spends].sum(numeric_only=True).to_frame().T.rename_axis("query").assign(weeks=weeks),
        conditions=lambda _: f"{weeks} weeks" + (f" in {units} units ({unit})" if units else ""),
        evaluate=lambda _: weekly.evaluate(slice(0, n)).sum(axis=-1, keepdims=True),
    )
    far, before = (_some(texts, "answers" if units else "weeks") for texts in (weekly.far, weekly.before))
    return found.told([far], [before], np.array([weekly.carry_in.mean()]), noted=weekly.noted)


def _some(texts: Sequence[str], what: str) -> str:
    told = [text for text in texts if text]
    return f"in {len(told)} of {len(texts)} {what}, of which the first: {told[0]}" if told else ""


def far_reasons(reasons: NDArray[np.object_], answer_of: NDArray[np.intp], n: int, unit: str | None) -> list[str]:
    """Why answers are not supported, from the reasons of the rows (units) that each is the mean of."""
    return [merged(reasons[answer_of == i].tolist(), unit) for i in range(n)]
