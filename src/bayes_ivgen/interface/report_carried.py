"""What the report of a fit says of its transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes_ivgen.data.series import Carried
from bayes_ivgen.inference.carry_over_choice import parameters_text
from bayes_ivgen.media.adstock import Adstock
from bayes_ivgen.media.transforms import Transform, draws_of
from bayes_ivgen.report import CarryOver
from bayes_ivgen.report.blocks import number

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit

LEFT_OUT = "left out"
_KINDS = {"hill": "Hill", "michaelis_menten": "Michaelis-Menten"}


def carried_facts(fit: Fit, prob: float) -> CarryOver | None:
    """Carry-over and saturation of each action with the origin of their numbers; None for a fit without."""
    carried, model = fit.carried, fit.model
    if carried is None:
        return None
    drawn = draws_of(fit.datatree["posterior"].dataset)
    cells = []
    for action, items in carried.transforms.items():
        for item, asked in zip(items, (model.transforms or {})[action], strict=True):
            sampled = {name: drawn[action][name] for name in asked.free}
            numbers = _sampled(item, sampled, prob) if sampled else parameters_text(item)
            cells.append((action, _kind(item), numbers, "sampled" if sampled else _origin(carried, action, item)))
    rows = None
    if carried.series is not None:
        rows = carried.rows.assign(kept=~carried.rows["became"].str.startswith(LEFT_OUT))
        rows = rows.assign(natural=rows["week"] != "obs").sort_values(
            ["natural", "week", "kept", "rows"], ascending=[True, True, False, False], kind="stable"
        )
    return CarryOver(tuple(cells), rows, fit.row_worth)


def _kind(item: Transform) -> str:
    if isinstance(item, Adstock):
        return f"{item.kind} carry-over, {item.l_max} weeks"
    return f"{_KINDS.get(item.kind, item.kind)} saturation"


def _sampled(item: Transform, drawn: dict[str, np.ndarray], prob: float) -> str:
    """Posterior means and equal-tailed intervals of what was sampled, and the numbers of the rest."""
    ends = [(1 - prob) / 2, (1 + prob) / 2]
    said = []
    for name, x in drawn.items():
        low, high = np.quantile(x, ends)
        what = "memory of the confounder" if name == "memory" else name
        said.append(
            f"{what}: mean {number(x.mean(), 3)}, {100 * prob:.3g} % interval {number(low, 3)} to {number(high, 3)}"
        )
    given = [part for part in parameters_text(item).split(", ") if part and part.partition("=")[0] not in drawn]
    return "; ".join([*said, *given])


def _origin(carried: Carried, action: str, item: Transform) -> str:
    """Say whether the numbers of a transform were given, or chosen and by how much."""
    choice = carried.choice
    rows = choice[(choice["action"] == action) & (choice["transform"] == type(item).__name__.lower())]
    if rows.empty:
        return "given"
    others = rows.loc[~rows["chosen"].astype(bool), "log_evidence"]
    if others.empty:
        return "given"
    worse = number(-float(others.max()), 2)
    return f"chosen from {len(rows)}; the next is {worse} log units of marginal likelihood worse"
