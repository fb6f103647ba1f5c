"""An allocation in prose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from bayes_ivgen.decisions.result import Allocation

SAME = 1e-9
CHOSEN = (
    "It was chosen for looking best, so that what it brings tends to be overstated; a fit to rows that the choice has "
    "not seen can tell by how much"
)


def sentence_of(found: Allocation, prob: float) -> str:
    """Say what to do, what it brings, how sure that is and what would be as good."""
    grid, request = found.choices.grid, found.request
    values = found.choices.values(found.ranking.items[:1])[0].tolist()
    parts = [
        f"With a budget of {grid.budget:.6g} the {_aim(found)} is largest at {grid.text(values)}, which costs "
        f"{found.cost:.6g}{_ends(found, values)}",
        found.effect.sentence(prob).rstrip("."),
    ]
    if found.present is not None:
        gain = found.gain.draws.values
        lower, upper = np.quantile(gain, [(1 - prob) / 2, (1 + prob) / 2])
        parts.append(
            f"Against the status quo ({grid.text(found.present.tolist())}, cost {request.cost_of(found.present):.6g}) "
            f"it brings {gain.mean():.4g} ({lower:.4g} to {upper:.4g}); the probability that it is better is "
            f"{(gain > 0).mean():.2f}"
        )
    if len(found.ranking.items) > 1:
        parts.append(CHOSEN)
    if not found.exact:
        parts.append(f"This is not proved to be the best: {found.method}")
    return ". ".join([*parts, _flatness(found)]) + "."


def _aim(found: Allocation) -> str:
    objective = found.objective
    if objective.share is None:
        return "expected outcome"
    worst = f"mean of the worst {100 * objective.share:.3g} % of the draws"
    if objective.aversion == 1:
        return worst
    return f"mean less {objective.aversion:.3g} times its distance to the {worst}"


def _ends(found: Allocation, values: list[float]) -> str:
    """Say which actions stand at an end of what is allowed: there the bounds decide, not the curve."""
    said = []
    for action, value, allowed in zip(found.posterior.actions, values, found.choices.grid.values, strict=True):
        if len(allowed) == 1 or action in found.choices.grid.categories:
            continue
        for end, word in ((allowed[0], "least"), (allowed[-1], "largest")):
            if abs(value - end) <= SAME * max(1.0, abs(end)):
                said.append(f"{action} stands at its {word} allowed value")
    return f" ({', '.join(said)})" if said else ""


def _flatness(found: Allocation) -> str:
    """Say which other allocations are as good, and what knowing the curves would add."""
    first = found.table.iloc[0]
    chance = f"it is the very best in {100 * first['probability_best']:.3g} % of the draws"
    if first["regret"] > SAME * max(1.0, abs(first["mean"])):  # less is rounding
        chance += f", and {first['regret']:.3g} short of the best on average"
    tied = found.ties
    if len(tied) == 1:
        return f"No other allowed allocation is as good within Monte-Carlo error; {chance}"
    many = f"{len(tied) - 1}" if len(tied) < len(found.ranking.items) else f"{len(tied) - 1} or more"
    moving = []
    for action in found.posterior.actions:
        values = list(dict.fromkeys(tied[action]))
        if len(values) == 1:
            continue
        if action in found.choices.grid.categories:
            moving.append(f"{action} {' or '.join(map(str, values))}")
        else:
            moving.append(f"{action} from {min(values):.6g} to {max(values):.6g}")
    verb = "other allocation is" if many == "1" else "other allocations are"
    return f"The objective is flat: {many} {verb} as good within Monte-Carlo error ({'; '.join(moving)}); {chance}"
