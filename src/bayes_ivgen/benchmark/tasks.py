"""The experiments: grids of cells, with the sizes of the paper as defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from bayes_ivgen.benchmark.cells import Cell, Counting
from bayes_ivgen.benchmark.worlds import DIALS, WORLDS
from bayes_ivgen.errors import SpecError

RATIOS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 2.0, 5.0, 10.0)
"""The authors' twelve ratios of single-intervention to observational rows."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A grid of cells: worlds x numbers of actions x numbers of rows x ratios x dials.

    Parameters
    ----------
    about : str
        What it shows.
    scm : str
        Family of the worlds.
    actions, rows, ratios : tuple
        Values of K, `Cell.rows` and `Cell.ratio`.
    per, joint : {"dataset", "total"}
        How `rows` are counted, and how many joint rows the toplines get: those of one data set of equal
        size, or the total.
    dials : tuple of (str, float)
        Violations and their strengths.
    degree : int
        Degree of the baselines' polynomials.
    seeds : int
        Default number of worlds.
    queries, fresh : int
        As in `Cell`.

    Examples
    --------
    >>> task = ivg.benchmark.Task(about="three sizes", actions=(2,), rows=(100, 200, 400), seeds=1)
    >>> len(task.cells("own", [0]))
    3
    """

    about: str
    scm: str = "polynomial"
    actions: tuple[int, ...] = (5,)
    rows: tuple[int, ...] = (10_000,)
    ratios: tuple[float, ...] = (1.0,)
    per: Counting = "total"
    joint: Counting = "total"
    dials: tuple[tuple[str, float], ...] = (("none", 0.0),)
    degree: int = 3
    seeds: int = 30
    queries: int = 2000
    fresh: int = 1000

    def settings(self) -> dict[str, Any]:
        """Return what two runs into one folder must share: everything but the seeds.

        Returns
        -------
        dict of str to Any

        Examples
        --------
        >>> "seeds" in ivg.benchmark.TASKS["fig2a"].settings()
        False
        """
        content = asdict(self)
        for name in ("about", "seeds"):
            del content[name]
        return content

    def cells(self, name: str, seeds: Sequence[int]) -> list[Cell]:
        """All cells, those of one seed next to each other.

        Parameters
        ----------
        name : str
            Name of the task, as it stands in the table.
        seeds : sequence of int
            Seeds of the worlds.

        Returns
        -------
        list of Cell

        Examples
        --------
        >>> len(ivg.benchmark.TASKS["smoke"].cells("smoke", [0, 1]))
        4
        """
        grid = product(seeds, self.actions, self.rows, self.ratios, self.dials)
        return [self._cell(name, seed, k, rows, ratio, dial) for seed, k, rows, ratio, dial in grid]

    def _cell(self, name: str, seed: int, k: int, rows: int, ratio: float, dial: tuple[str, float]) -> Cell:
        joint = rows
        if self.per != self.joint:
            joint = rows * (k + 1) if self.joint == "total" else rows // (k + 1)
        return Cell(
            task=name,
            scm=self.scm,
            K=k,
            rows=rows,
            per=self.per,
            joint_rows=max(1, joint),
            seed=seed,
            ratio=ratio,
            dial=dial[0],
            dial_value=dial[1],
            degree=self.degree,
            queries=self.queries,
            fresh=self.fresh,
        )


_VIOLATIONS = (
    ("none", 0.0),
    *(("synergy", value) for value in (0.25, 0.5, 1.0, 2.0)),
    *((dial, value) for dial in DIALS if dial != "synergy" for value in (0.25, 0.5, 0.75, 1.0)),
)

TASKS: Mapping[str, Task] = {
    "fig2a": Task(about="all regimes of equal size", rows=(1_000, 10_000), per="dataset", joint="dataset"),
    "fig2b": Task(
        about="ratio of single-intervention to observational rows", rows=(60_000,), ratios=RATIOS, joint="dataset"
    ),
    "fig2c": Task(about="convergence in the total number of rows", rows=(1_000, 10_000, 100_000)),
    "figA": Task(about="convergence for K = 2 to 5", actions=(2, 3, 4, 5), rows=(1_000, 10_000, 100_000)),
    "figB": Task(
        about="ratios x totals x K",
        actions=(2, 3, 4, 5),
        rows=(6_000, 60_000),
        ratios=RATIOS,
        joint="dataset",
        seeds=10,
    ),
    "workshop": Task(
        about="linear worlds with lognormal noise, baselines of degree 1",
        scm="lognormal",
        rows=(1_000, 10_000),
        per="dataset",
        joint="dataset",
        degree=1,
    ),
    "violations": Task(
        about="discrete worlds that break an assumption more and more",
        scm="discrete",
        actions=(3,),
        rows=(4_000,),
        per="dataset",
        joint="dataset",
        dials=_VIOLATIONS,
        seeds=20,
    ),
    "smoke": Task(about="everything once, small", actions=(2,), rows=(300, 3_000), seeds=2, queries=300, fresh=200),
}

TABLES: Mapping[str, str] = {"example1": "the boolean pairs that only a joint experiment tells apart, by enumeration"}
"""Tasks that are one deterministic table, without seeds and methods."""


def find_task(name: str) -> Task:
    """Look a task up.

    Raises
    ------
    SpecError
        If there is none; the message lists those that there are.
    """
    if name not in TASKS:
        raise SpecError(f"there is no task {name!r}. The tasks are {', '.join([*TASKS, *TABLES])}; choose one of them.")
    return TASKS[name]


def adapted(
    task: Task,
    *,
    scm: str | None = None,
    actions: Sequence[int] | None = None,
    rows: Sequence[int] | None = None,
    ratios: Sequence[float] | None = None,
) -> Task:
    """Replace parts of a task's grid; what is None or empty stays.

    Raises
    ------
    SpecError
        If a value is not valid.
    """
    if scm is not None and scm not in WORLDS:
        raise SpecError(f"there is no world {scm!r}. The worlds are {', '.join(WORLDS)}; choose one of them.")
    changes: dict[str, Any] = {} if scm is None else {"scm": scm}
    for name, values in (("actions", actions), ("rows", rows)):
        if values:
            wrong = next(
                (value for value in values if isinstance(value, bool) or int(value) != value or value < 1), None
            )
            if wrong is not None:
                raise SpecError(f"the numbers of {name} must be whole, 1 or more. Got {wrong!r}; correct it.")
            changes[name] = tuple(dict.fromkeys(int(value) for value in values))
    if ratios:
        bad = next((value for value in ratios if not 0 < value < float("inf")), None)
        if bad is not None:
            raise SpecError(f"ratios must be positive numbers. Got {bad!r}; correct it.")
        changes["ratios"] = tuple(dict.fromkeys(float(value) for value in ratios))
    made = replace(task, **changes)
    if made.scm != "discrete" and any(dial != "none" for dial, _ in made.dials):
        raise SpecError(f"the dials of this task exist in discrete worlds only, not in {scm!r}; leave the world out.")
    return made


def seeds_of(seeds: int, first_seed: int = 0) -> range:
    """Check and list the seeds.

    Raises
    ------
    SpecError
        If there is no seed, or the first is negative.
    """
    for what, value, least in (("number of seeds", seeds, 1), ("first seed", first_seed, 0)):
        if isinstance(value, bool) or int(value) != value or value < least:
            raise SpecError(f"the {what} must be a whole number, {least} or more. Got {value!r}; pass for example 3.")
    return range(int(first_seed), int(first_seed) + int(seeds))
