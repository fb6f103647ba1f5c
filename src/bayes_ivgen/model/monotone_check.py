"""Where curves can be held from decreasing."""

from __future__ import annotations

from typing import Any

from bayes_ivgen.errors import SpecError


def check_monotone(causal: Any, confounding: Any, synergy: Any, blocks: Any, covariates: Any) -> None:
    """Raise a `SpecError` where ``monotone=True`` would say nothing of the effects, or something else than it seems."""
    if getattr(confounding, "monotone", False):
        raise SpecError(
            "confounding=BSpline(monotone=True): confounding may lean either way, only causal curves can be held from "
            "decreasing. Pass causal=BSpline(monotone=True)."
        )
    if not getattr(causal, "monotone", False):
        return
    interacting = {
        "synergy": synergy,
        "blocks": blocks and any(len(unit) > 1 for unit in blocks),
        "covariates with the role 'causal'": covariates and "causal" in covariates.values(),
    }
    found = next((name for name, given in interacting.items() if given), None)
    if found is not None:
        raise SpecError(
            f"BSpline(monotone=True) does not go with {found}: the effect of an action is then no curve of it alone. "
            "Leave one of them out."
        )
