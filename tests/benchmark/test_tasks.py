"""Grids of cells: sizes, ratios, refusals."""

from __future__ import annotations

import pytest

from bayes_ivgen.benchmark import METHODS, TASKS
from bayes_ivgen.benchmark.methods import choose
from bayes_ivgen.benchmark.tasks import RATIOS, TABLES, adapted, find_task, seeds_of
from bayes_ivgen.errors import SpecError

ACTIONS = [f"a{k}" for k in range(1, 6)]


def test_the_tasks_of_the_paper_are_there() -> None:
    assert {"fig2a", "fig2b", "fig2c", "figA", "figB", "workshop", "violations", "smoke"} == set(TASKS)
    assert set(TABLES) == {"example1"}
    assert len(RATIOS) == 12
    assert TASKS["figA"].actions == (2, 3, 4, 5)
    assert TASKS["workshop"].cells("workshop", [0])[0].degree == 1


@pytest.mark.parametrize("name", TASKS)
def test_cells_have_names_of_their_own(name: str) -> None:
    cells = TASKS[name].cells(name, range(2))
    assert len({cell.name for cell in cells}) == len(cells)
    assert len(set(cells)) == len(cells)


def test_equal_data_sets() -> None:
    (cell,) = adapted(TASKS["fig2a"], rows=[1000]).cells("fig2a", [3])
    assert cell.counts(ACTIONS) == {"obs": 1000} | {f"do({action})": 1000 for action in ACTIONS}
    assert (cell.joint_rows, cell.seed) == (1000, 3)


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_total_is_kept_at_every_ratio(ratio: float) -> None:
    (cell,) = adapted(TASKS["fig2b"], ratios=[ratio]).cells("fig2b", [0])
    counts = cell.counts(ACTIONS)
    assert 60_000 - 6 <= sum(counts.values()) <= 60_000
    assert counts["do(a1)"] / counts["obs"] == pytest.approx(ratio, rel=1e-3)
    assert cell.joint_rows == 10_000


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(SpecError, match=r"no task 'fig9'. The tasks are fig2a, .*example1"):
        find_task("fig9")
    with pytest.raises(SpecError, match=r"no method 'best'. The methods are ours, .*constant"):
        choose(["ours", "best"])
    with pytest.raises(SpecError, match=r"no world 'moon'. The worlds are polynomial, "):
        adapted(TASKS["fig2a"], scm="moon")
    with pytest.raises(SpecError, match="discrete worlds only, not in 'polynomial'"):
        adapted(TASKS["violations"], scm="polynomial")
    with pytest.raises(SpecError, match="no method is named; pass some of ours"):
        choose([])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": [0]}, "numbers of rows must be whole, 1 or more. Got 0"),
        ({"rows": [10.5]}, "numbers of rows must be whole"),
        ({"actions": [2, -1]}, "numbers of actions must be whole, 1 or more. Got -1"),
        ({"ratios": [0.0]}, "ratios must be positive numbers. Got 0.0"),
    ],
)
def test_wrong_grids(options: dict[str, list[float]], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        adapted(TASKS["fig2b"], **options)  # type: ignore[arg-type]


def test_seeds() -> None:
    assert list(seeds_of(2, 5)) == [5, 6]
    for bad in ((0, 0), (-1, 0), (True, 0)):
        with pytest.raises(SpecError, match=r"number of seeds must be a whole number, 1 or more"):
            seeds_of(*bad)
    with pytest.raises(SpecError, match=r"first seed must be a whole number, 0 or more. Got -1"):
        seeds_of(1, -1)


def test_a_mapping_may_hold_own_methods_and_names() -> None:
    chosen = choose({"mine": len, "constant": "constant"})  # type: ignore[dict-item]
    assert chosen == {"mine": len, "constant": METHODS["constant"]}
    assert list(choose("constant")) == ["constant"]
    assert "ours_nuts" not in choose(None)
