"""A curve in prose: both ends, and where it clearly differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.queries import value_text
from bayes_ivgen.effects.query_blocks import over_blocks
from bayes_ivgen.effects.reasons import shortened

if TYPE_CHECKING:
    from bayes_ivgen.effects.estimate import Estimate

KINDS = ("response_curve", "confounding_bias")
MOST_POINTS = 60
MOST_LEVELS = 4
MOST_RUNS = 3


def moving_action(estimate: Estimate) -> str | None:
    """Return the action along which an estimate is a curve, None where it is none."""
    if estimate.kind not in KINDS:
        return None
    moving = [str(name) for name, column in estimate.queries.items() if len(column.unique()) > 1]
    return moving[0] if len(moving) == 1 else None


def curve_sentence(estimate: Estimate, action: str, prob: float) -> str:
    """Say what a curve is at both ends (or at its levels), and where it clearly differs.

    A response curve is compared with its first point, a bias with the value of no bias; "clearly" means that the
    interval at this point leaves out zero difference. Long curves are read at 60 points.
    """
    column = estimate.queries[action]
    labelled = not pd.api.types.is_float_dtype(column)
    order = np.arange(len(column)) if labelled else np.argsort(column.to_numpy(), kind="stable")
    at = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).round().astype(int))]
    draws = np.stack([part.ravel() for part in over_blocks(estimate.evaluate, [slice(i, i + 1) for i in at])], axis=1)
    points = _Points(action, column.iloc[at].tolist(), labelled, ((1 - prob) / 2, (1 + prob) / 2))
    first = points.told(draws[:, 0], f"{100 * prob:.3g} % interval ")
    text = f"{estimate.name} at {estimate.conditions(int(at[0]))} is {first}"
    if labelled:
        shown = [f"{points.told(draws[:, i])} at {points.name(i)}" for i in range(1, min(len(at), MOST_LEVELS))]
        more = [f"{len(at) - MOST_LEVELS} more levels in its table"] if len(at) > MOST_LEVELS else []
        text = ", ".join([text, *shown, *more])
    else:
        text += f", and {points.told(draws[:, -1])} at {points.name(-1)}"
    if estimate.neutral is None:
        change = draws - draws[:, :1]
        text += "" if labelled else f": a change of {points.told(change[:, -1])}"
        where = points.clear(change, ("lower", "higher"), f"than at {points.name(0)}")
    else:
        where = points.clear(draws - estimate.neutral, ("below", "above"), f"{estimate.neutral:g}")
    return ". ".join([text, where, *_unsupported(estimate)]) + "."


@dataclass(frozen=True)
class _Points:
    """Points of a curve in their order."""

    action: str
    values: Sequence[Any]
    labelled: bool
    tails: tuple[float, float]

    def name(self, i: int) -> str:
        return f"{self.action}={value_text(self.values[i])}"

    def told(self, draws: FloatArray, what: str = "") -> str:
        lower, upper = np.quantile(draws, self.tails)
        return f"{draws.mean():.4g} ({what}{lower:.4g} to {upper:.4g})"

    def clear(self, difference: FloatArray, words: tuple[str, str], versus: str) -> str:
        """Say at which points draws of a difference, shape (draws, points), lie clearly on one side of zero."""
        lower, upper = np.quantile(difference, self.tails, axis=0)
        said = [
            f"clearly {word} {versus} {self._where(clear)}"
            for word, clear in zip(words, (upper < 0, lower > 0), strict=True)
            if clear.any()
        ]
        return f"It is {' and '.join(said)}" if said else f"Nowhere is it clearly {' or '.join(words)} {versus}"

    def _where(self, clear: NDArray[np.bool_]) -> str:
        """Write some of the points: ``from tv=20 to 60 and at tv=90``."""
        if self.labelled:
            return f"at {self.action}={', '.join(value_text(self.values[i]) for i in np.flatnonzero(clear).tolist())}"
        edges = np.flatnonzero(np.diff(clear, prepend=False, append=False)).reshape(-1, 2)
        if len(edges) > MOST_RUNS:
            return f"at {clear.sum()} of {len(clear)} values of {self.action}"
        # The points of a grid: three digits say enough.
        ends = [
            [value_text(float(f"{self.values[i]:.3g}")) for i in (start, stop - 1)] for start, stop in edges.tolist()
        ]
        runs = [f"from {self.action}={a} to {b}" if a != b else f"at {self.action}={a}" for a, b in ends]
        return " and ".join(runs)


def _unsupported(estimate: Estimate) -> list[str]:
    reasons = estimate.support.loc[~estimate.support["supported"], "reason"]
    if reasons.empty:
        return []
    return [f"{len(reasons)} of {len(estimate)} values are not supported by the data: {shortened(reasons.iloc[0])}"]
