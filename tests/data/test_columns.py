"""Covariates, weights and exposure are read beside actions and outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.columns import ColumnNames
from bayes_ivgen.errors import DataError

PARTS = {"outcome": "y", "actions": ["tv", "web"], "covariates": ["season"], "weights": "n", "exposure": "days"}


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(40, 4)), columns=["tv", "web", "season", "y"])
    return table.assign(n=1 + rng.integers(1, 4, 40), days=rng.uniform(1, 9, 40), regime=["obs", "do(tv)"] * 20)


@pytest.mark.parametrize("how", ["frame", "parquet", "csv"])
def test_every_part_arrives_in_its_place(frame: pd.DataFrame, how: str, tmp_path: object) -> None:
    if how == "frame":
        data = RegimeData.from_frame(frame, **PARTS)
    else:
        path = f"{tmp_path}/rows.{how}"
        getattr(frame, f"to_{how}")(path, index=False)
        data = getattr(RegimeData, f"from_{how}")(path, **PARTS)
    assert data.variables == ("tv", "web", "season")
    batches = list(data.batches())
    for batch in batches:
        rows = frame[frame.regime == batch.regime.label]
        np.testing.assert_allclose(batch.variables, rows[["tv", "web", "season"]])
        np.testing.assert_allclose(batch.outcome, rows["y"])
        np.testing.assert_allclose(batch.weights, rows["n"])
        np.testing.assert_allclose(batch.exposure, rows["days"])
    assert len(batches) == 2
    assert data.index("season") == 2
    assert "season" in data.summary().loc["obs"].index
    assert "n" not in data.summary().loc["obs"].index


def test_frames_take_the_same_parts(frame: pd.DataFrame) -> None:
    frames = dict(list(frame.groupby("regime")))
    data = RegimeData.from_frames(frames, **PARTS)
    assert data.covariates == ("season",)
    assert next(data.batches()).exposure is not None


@pytest.mark.parametrize("part", ["weights", "exposure"])
def test_weights_and_exposure_must_be_positive(frame: pd.DataFrame, part: str) -> None:
    name = PARTS[part]
    broken = frame.astype({name: float})
    broken.loc[[4, 7], name] = 0.0
    with pytest.raises(
        DataError, match=rf"^the {part} column '{name}' of the frame is 0 in row 4; .* the 2 rows where"
    ):
        RegimeData.from_frame(broken, **PARTS)
    RegimeData.from_frame(broken[broken[name] > 0], **PARTS)


def test_names_are_different() -> None:
    with pytest.raises(DataError, match="'tv' is named twice among actions and covariates; name each column once"):
        ColumnNames.checked(outcome="y", actions=["tv"], covariates=["tv"])
    with pytest.raises(DataError, match=r"covariates is the string 'season'; pass a list of names"):
        ColumnNames.checked(outcome="y", actions=["tv"], covariates="season")
    ColumnNames.checked(outcome="y", actions=["tv"], covariates=["season"])
