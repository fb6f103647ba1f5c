"""Offsets of data sets: found where the rows tell them, zero in queries, an identity without drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg
from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import DataWarning, QueryError
from bayes_ivgen.model.graph_learning import graph_evidence
from bayes_ivgen.simulate import discrete
from bayes_ivgen.statistics import accumulate

DRIFT = {"a": 0.0, "b": 1.5, "c": -1.5}
OPTIONS: Any = {"draws": 300, "chains": 2, "tune": 200, "seed": 0, "cores": 1, "progressbar": False}


def make_rows(n: int = 1500) -> pd.DataFrame:
    """Tests of a1 in data set b and of a2 in c, observational rows in all three."""
    world = discrete(2, 3, seed=4)
    rows = world.sample_regimes(world.standard_regimes(n), seed=1)
    wave = np.select(
        [rows["regime"] == "do(a1)", rows["regime"] == "do(a2)"], ["b", "c"], np.resize([*"abc"], len(rows))
    )
    return rows.assign(wave=wave, y=rows["y"] + pd.Series(wave).map(DRIFT).to_numpy())


def read(rows: pd.DataFrame, **options: Any) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"], **options)


@pytest.fixture(scope="module")
def fit() -> Fit:
    model = InterventionModel(graph=ActionGraph(discrete(2, 3, seed=4).parents))
    return model.fit(read(make_rows(), dataset="wave"), **OPTIONS)


CELLS = pd.DataFrame(np.indices((3, 3)).reshape(2, -1).T.astype(float), columns=["a1", "a2"])


def test_drift_is_taken_out_of_the_effects(fit: Fit) -> None:
    truth = discrete(2, 3, seed=4).effect(CELLS.to_numpy())  # the drifts have mean zero
    table = fit.effect(do=CELLS).summary()
    assert np.abs((table["mean"] - truth) / table["sd"]).max() < 3.5
    assert table["sd"].max() < 0.2
    blind = InterventionModel(graph=fit.graph).fit(read(make_rows()), **OPTIONS).effect(do=CELLS).summary()
    assert np.sqrt(np.mean((table["mean"] - truth) ** 2)) < 0.5 * np.sqrt(np.mean((blind["mean"] - truth) ** 2)) + 0.05


def test_offsets_are_found_and_sum_to_zero(fit: Fit, tmp_path: Path) -> None:
    table = fit.dataset_offsets()
    assert table.index.tolist() == ["a", "b", "c"]
    assert table["mean"].sum() == pytest.approx(0, abs=1e-9)
    for name, offset in DRIFT.items():
        assert abs(table.loc[name, "mean"] - offset) < 4 * table.loc[name, "sd"]
        assert table.loc[name, "sd"] < 0.2
    again = ivg.load(fit.save(tmp_path / "fit.zarr"))
    pd.testing.assert_frame_equal(again.dataset_offsets(), table)
    pd.testing.assert_frame_equal(again.effect(do=CELLS).summary(), fit.effect(do=CELLS).summary())


def test_residuals_and_outcomes_know_the_offsets(fit: Fit) -> None:
    """The noise is that of the world, not of the drift."""
    world = discrete(2, 3, seed=4)
    joint = world.sample(20_000, regime="do(a1,a2)", seed=9)
    cell = joint[(joint["a1"] == 0) & (joint["a2"] == 0)]["y"]
    drawn = fit.outcome(do={"a1": 0, "a2": 0}).summary()["sd"].iloc[0]
    assert drawn == pytest.approx(cell.std(), rel=0.25)


def test_a_model_without_offsets_says_so() -> None:
    plain = InterventionModel(graph="empty").fit(read(make_rows(60)), **{**OPTIONS, "draws": 100})
    with pytest.raises(QueryError, match=r"no more than one data set.*dataset='column of data sets'"):
        plain.dataset_offsets()


def test_statistics_are_those_of_indicator_columns() -> None:
    rows = make_rows(60)
    data = read(rows, dataset="wave")
    design = InterventionModel(graph="empty").design(data)
    columns = design.slices["dataset.offset"]
    gram = accumulate(data, design).gram.sum(axis=0)[columns, columns]
    contrasts = design.components[-1].contrasts  # type: ignore[union-attr]
    indicators = pd.get_dummies(rows["wave"]).to_numpy(dtype=float)
    np.testing.assert_allclose(gram, (indicators @ contrasts).T @ (indicators @ contrasts), atol=1e-9)
    query = design.rows(CELLS.to_numpy(), np.ones((9, 2), dtype=bool))
    assert not query[:, columns].any()


def test_both_engines_have_the_same_rows() -> None:
    rows = make_rows(40)
    data = read(rows, dataset="wave")
    model = InterventionModel(graph="empty")
    design, statistics = model.design(data), accumulate(data, model.design(data))
    built = model.to_pymc(data)["design"].get_value()
    np.testing.assert_allclose(built.T @ built, statistics.gram.sum(axis=0)[1:, 1:], atol=1e-8)
    assert design.n_coefficients == built.shape[1] + 1


def test_a_data_set_that_alone_has_a_regime_is_warned_about() -> None:
    rows = make_rows(60)
    alone = rows[(rows["regime"] != "obs") | (rows["wave"] == "a")]
    with pytest.warns(DataWarning, match=r"offsets of the data sets 'a', 'b', 'c' cannot be told from the levels"):
        InterventionModel(graph="empty").design(read(alone, dataset="wave"))
    InterventionModel(graph="empty").design(read(rows, dataset="wave"))  # obs in all of them


def test_drift_of_the_actions_is_no_edge() -> None:
    """Both actions are larger in the second data set; within each they are independent."""
    rng = np.random.default_rng(0)
    n = 2000
    late = rng.random(n) < 0.5
    rows = pd.DataFrame(
        {"a1": rng.normal(size=n) + 2 * late, "a2": rng.normal(size=n) + 2 * late, "y": rng.normal(size=n)}
    )
    rows = rows.assign(regime=np.resize(["obs", "do(a1)", "do(a2)"], n), wave=np.where(late, "late", "early"))
    assert graph_evidence(read(rows)).loc[("a1", "a2"), "p_value"] < 1e-6
    assert graph_evidence(read(rows, dataset="wave"))["p_value"].min() > 0.01
    assert InterventionModel().action_graph(read(rows, dataset="wave")).edges == ()
