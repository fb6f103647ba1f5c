"""From a fit to lift tests for another model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from bayes_ivgen.effects import parse_queries
from bayes_ivgen.errors import QueryError

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit


def lift_tests_of(fit: Fit, action: str, x: Any, delta_x: Any) -> pd.DataFrame:
    """Summarise m_k(x + delta_x) - m_k(x); see `Fit.to_lift_tests`."""
    if action not in fit.actions:
        raise QueryError(f"{action!r} is not an action. The actions are {list(fit.actions)}.")
    if fit.model.link != "identity":
        raise QueryError(
            f"lift tests are changes of the mean outcome; with link={fit.model.link!r} they depend on where the "
            "other actions stand. Ask fit.contrast(do=..., versus=...) with all actions set, or fit with "
            "link='identity'."
        )
    pair = parse_queries(["x", "delta_x"], {"x": x, "delta_x": delta_x}).values
    if (pair[:, 1] == 0).any():
        raise QueryError("delta_x holds a zero: a test that changes nothing says nothing. Drop these entries.")
    before, after = pair[:, 0], pair.sum(axis=1)
    # With everything else set alike on both sides the difference is that of m_k.
    moved = fit.contrast(do={action: after}, versus={action: before}, rest="hold").summary()
    return pd.DataFrame(
        {
            "channel": action,
            "x": before,
            "delta_x": pair[:, 1],
            "delta_y": moved["mean"].to_numpy(),
            "sigma": moved["sd"].to_numpy(),
        }
    )
