"""The boolean pairs of the paper's Example 1 and of theory L, by enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bayes_ivgen.data import RegimeData
from bayes_ivgen.effects.queries import parse_queries
from bayes_ivgen.effects.support import Support
from bayes_ivgen.model import ActionGraph
from bayes_ivgen.simulate import DiscreteSCM, boolean_example

STANDARD = ("obs", "do(a1)", "do(a2)")
JOINT = "do(a1,a2)"
CONFOUNDER_PROBABILITIES = (0.25, 0.5, 0.75)
GRID = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def example1() -> pd.DataFrame:
    """Enumerate both pairs of worlds, and say what our checks say of the joint effect.

    Returns
    -------
    pandas.DataFrame
        One row a pair (``example``, ``p``), regime and cell (``a1``, ``a2``): ``probability`` of the cell,
        ``mean_0`` and ``mean_1``, which are ``E[Y | a, regime]`` in either world (NaN where the cell never
        occurs), and in the rows of the joint regime also

        - ``plug_in``: ``E[Y | a, do(a1)] + E[Y | a, do(a2)] - E[Y | a, obs]``, the same in both worlds;
        - ``identified``: whether `RegimeData.identified` says that the regimes identify the joint effect;
        - ``supported``: whether the support check of a fit flags the query as supported, range by range;
        - ``seen``: whether the cell occurs in obs, do(a1) and do(a2), which is what additivity needs.

    Examples
    --------
    >>> sorted(ivg.benchmark.example1()["example"].unique())
    ['example1', 'twins']
    """
    pairs = [("example1", p) for p in CONFOUNDER_PROBABILITIES] + [("twins", None)]
    table = pd.DataFrame.from_records([row for which, p in pairs for row in _pair(which, p)])
    return table.astype({"plug_in": float} | dict.fromkeys(("identified", "supported", "seen"), "boolean"))


def _pair(which: Any, p: float | None) -> Iterator[dict[str, Any]]:
    worlds = [boolean_example(which, world, p) for world in (0, 1)]
    verdict = _verdict(worlds[0])
    for regime in (*STANDARD, JOINT):
        first, second = (world.law(regime) for world in worlds)
        for cell, (a1, a2) in enumerate(GRID):
            row = {"example": which, "p": np.nan if p is None else p, "regime": regime, "a1": int(a1), "a2": int(a2)}
            row |= {"probability": first["probability"][cell], "mean_0": first["mean"][cell]}
            row |= {"mean_1": second["mean"][cell]}
            if regime == JOINT:
                row |= {str(name): value for name, value in verdict.iloc[cell].items()}
            yield row


def _verdict(world: DiscreteSCM) -> pd.DataFrame:
    """Say what follows from the three standard regimes for each cell of the joint effect."""
    laws = {regime: world.law(regime) for regime in STANDARD}
    means = {regime: law["mean"] for regime, law in laws.items()}
    data = RegimeData.from_frames(
        {regime: _possible_rows(law) for regime, law in laws.items()},
        outcome=world.outcome,
        actions=list(world.actions),
    )
    queries = parse_queries(world.actions, dict(zip(world.actions, GRID.T, strict=True)))
    checked = Support.of(data, graph=ActionGraph.full(data.actions)).check(queries, extrapolate=False)
    return pd.DataFrame(
        {
            "plug_in": means["do(a1)"] + means["do(a2)"] - means["obs"],
            "identified": bool(data.identified().loc[JOINT, "identified"]),
            "supported": checked["supported"],
            "seen": np.all([law["probability"] > 0 for law in laws.values()], axis=0),
        }
    )


def _possible_rows(law: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell and value of a binary outcome that occurs; support is all that is checked."""
    tables = [law[law["probability"] * share > 0].assign(y=value) for value, share in _shares(law)]
    return pd.concat(tables, ignore_index=True).drop(columns=["probability", "mean"])


def _shares(law: pd.DataFrame) -> list[tuple[float, pd.Series]]:
    return [(0.0, 1.0 - law["mean"].fillna(0.0)), (1.0, law["mean"].fillna(0.0))]
