"""One cell of a benchmark: a world and the rows that are drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Counting = Literal["dataset", "total"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Everything that decides which world and rows the methods see; equal cells see equal rows.

    Parameters
    ----------
    task : str
        Name of the task.
    scm : str
        Family of the world, see `bayes_ivgen.benchmark.worlds.WORLDS`.
    K : int
        Number of actions.
    rows : int
        Number of rows, counted as `per` says.
    per : {"dataset", "total"}
        Whether each regime has `rows` rows, or all K + 1 regimes together.
    ratio : float
        Rows of one single-intervention regime divided by the observational rows.
    joint_rows : int
        Number of jointly randomised rows, which the toplines are trained on.
    dial, dial_value : str, float
        A violation of the assumptions and its strength; ``"none"`` without.
    degree : int
        Degree of the polynomials of the baselines.
    queries, fresh : int
        Number of joint query points, and of those whose noisy outcome is scored.
    seed : int
        Seed of the world and of its rows.

    Examples
    --------
    >>> cell = ivg.benchmark.Cell(task="own", scm="polynomial", K=3, rows=1000, per="dataset", joint_rows=1000, seed=0)
    >>> cell.name
    'polynomial-K3-rows1000-ratio1-seed0'
    """

    task: str
    scm: str
    K: int
    rows: int
    per: Counting
    joint_rows: int
    seed: int
    ratio: float = 1.0
    dial: str = "none"
    dial_value: float = 0.0
    degree: int = 3
    queries: int = 2000
    fresh: int = 1000

    @property
    def name(self) -> str:
        """Name of the cell's file; cells of one folder have different names."""
        parts = [self.scm, f"K{self.K}", f"rows{self.rows}", f"ratio{self.ratio:g}"]
        if self.dial != "none":
            parts.append(f"{self.dial}{self.dial_value:g}")
        return "-".join([*parts, f"seed{self.seed}"])

    def counts(self, actions: Sequence[str]) -> dict[str, int]:
        """Rows of each regime; at a fixed total ``n_obs = total / (1 + K ratio)``, ``n_do = ratio n_obs``.

        Parameters
        ----------
        actions : sequence of str
            Names of the actions.

        Returns
        -------
        dict of str to int

        Examples
        --------
        >>> cell = ivg.benchmark.Cell(task="own", scm="polynomial", K=2, rows=900, per="total", joint_rows=300, seed=0)
        >>> cell.counts(["a1", "a2"])
        {'obs': 300, 'do(a1)': 300, 'do(a2)': 300}
        """
        share = self.rows if self.per == "dataset" else self.rows / (1 + self.K * self.ratio)
        observational, single = (max(1, int(value + 1e-9)) for value in (share, self.ratio * share))
        return {"obs": observational} | {f"do({action})": single for action in actions}

    def columns(self) -> dict[str, Any]:
        """Columns of the table that describe the cell.

        Returns
        -------
        dict of str to Any

        Examples
        --------
        >>> ivg.benchmark.TASKS["smoke"].cells("smoke", [0])[0].columns()["task"]
        'smoke'
        """
        return asdict(self)


GROUP = ("task", "scm", "K", "rows", "per", "ratio", "dial", "dial_value")
"""Columns that name a group of cells which differ in their seed only."""
