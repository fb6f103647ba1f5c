"""Rows and truth of cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.benchmark import TASKS, Task
from bayes_ivgen.benchmark.tasks import adapted
from bayes_ivgen.benchmark.worlds import WORLDS, make_stage


@pytest.mark.parametrize("scm", WORLDS)
def test_every_world_makes_a_stage(scm: str) -> None:
    task = Task(about="", scm=scm, actions=(2,), rows=(30,), queries=20, fresh=10)
    stage = make_stage(task.cells("own", [4])[0])
    again = make_stage(task.cells("own", [4])[0])
    pd.testing.assert_frame_equal(stage.experiment.rows, again.experiment.rows)
    assert stage.truth.shape == (20,)
    assert set(stage.experiment.rows["regime"]) == {"obs", *(f"do({name})" for name in stage.experiment.actions)}
    assert set(stage.experiment.joint_rows["regime"]) == {f"do({','.join(stage.experiment.actions)})"}


def test_violations_change_the_rows_and_soft_ones_not_the_joint_rows() -> None:
    cells = {(cell.dial, cell.dial_value): cell for cell in TASKS["violations"].cells("violations", [0])}
    plain, soft = (make_stage(cells[key]) for key in (("none", 0.0), ("soft", 1.0)))
    np.testing.assert_array_equal(plain.truth, soft.truth)
    pd.testing.assert_frame_equal(plain.experiment.joint_rows, soft.experiment.joint_rows)
    assert not plain.experiment.rows.equals(soft.experiment.rows)
    gap = make_stage(cells["support_gap", 1.0]).experiment.rows
    observed = gap[gap["regime"] == "obs"]
    assert any((observed[name] > 0).all() for name in ("a1", "a2", "a3"))


def test_one_action() -> None:
    (cell,) = adapted(TASKS["fig2c"], actions=[1], rows=[10]).cells("fig2c", [0])
    assert make_stage(cell).experiment.rows["regime"].value_counts().to_dict() == {"obs": 5, "do(a1)": 5}
