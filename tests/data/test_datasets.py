"""Labels of data sets, and which offsets the rows can tell from the levels of the regimes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.datasets import unseparable, warn_if_unseparable
from bayes_ivgen.errors import DataError, DataWarning

NAMES: Any = {"outcome": "y", "actions": ["tv", "web"]}


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"y": rng.normal(size=n), "tv": rng.normal(size=n), "web": rng.normal(size=n)})
    return frame.assign(regime=np.resize(["obs", "do(tv)"], n), wave=np.resize([2024, 2023, 2023], n))


def test_data_sets_are_read_from_a_column_or_a_mapping() -> None:
    frame = table()
    data = RegimeData.from_frame(frame, **NAMES, dataset="wave")
    assert data.datasets == (2023, 2024)
    for batch in data.batches(7):
        assert batch.dataset is not None
        assert set(batch.dataset) <= {0.0, 1.0}
    weights = {regime.label: profile.dataset_weight.tolist() for regime, profile in data.profiles.items()}  # type: ignore[union-attr]
    counts = frame.groupby(["regime", "wave"]).size()
    assert weights == {label: counts[label].tolist() for label in ("obs", "do(tv)")}
    frames = dict(list(frame.drop(columns=["regime", "wave"]).groupby(frame["regime"])))
    by_frame = RegimeData.from_frames(frames, **NAMES, dataset={"obs": "old", Regime(("tv",)): "new"})
    assert by_frame.datasets == ("new", "old")
    assert [set(batch.dataset) for batch in by_frame.batches()] == [{0.0}, {1.0}]  # type: ignore[arg-type]
    column = RegimeData.from_frames(
        {label: frame[frame["regime"] == label] for label in frames}, **NAMES, dataset="wave"
    )
    assert column.datasets == (2023, 2024)
    assert RegimeData.from_frame(frame, **NAMES).datasets == ()


def test_the_sample_knows_its_data_sets() -> None:
    frame = table().assign(n=np.resize([1, 3], 60))
    data = RegimeData.from_frame(frame, **NAMES, dataset="wave", weights="n")
    for regime, profile in data.profiles.items():
        part = frame[frame["regime"] == regime.label]
        assert profile.sample_dataset is not None
        expected = np.repeat((part["wave"] == 2024).to_numpy(dtype=float), part["n"])
        np.testing.assert_array_equal(profile.sample_dataset, expected)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"obs": "old"}, "dataset names the regimes ['obs'], but there are frames of ['do(tv)', 'obs']"),
        ({"obs": "old", "do(tv)": (1, 2)}, "dataset holds (1, 2); labels of data sets must be text"),
        (3, "dataset is a int; pass the name of a column, or a mapping"),
        ("web", "'web' is named twice among actions and dataset"),
    ],
)
def test_what_is_refused(dataset: Any, message: str) -> None:
    frames = dict(list(table().groupby("regime")))
    with pytest.raises(DataError, match=re.escape(message)):
        RegimeData.from_frames(frames, **NAMES, dataset=dataset)
    RegimeData.from_frames(frames, **NAMES, dataset={"obs": "old", "do(tv)": "new"})


def test_two_labels_of_one_regime_point_to_data_sets() -> None:
    frame = table().assign(regime=lambda x: x["regime"] + x["wave"].astype(str))
    labels = {"obs2023": [], "obs2024": [], "do(tv)2023": ["tv"], "do(tv)2024": ["tv"]}
    with pytest.raises(DataError, match=r"name the same regime 'obs'; give these rows one label.*dataset='column of"):
        RegimeData.from_frame(frame, **NAMES, regime_labels=labels)
    assert len(RegimeData.from_frame(table(), **NAMES, dataset="wave").regimes) == 2


OBS, TV, WEB = Regime(), Regime(("tv",)), Regime(("web",))


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({OBS: [9, 9], TV: [9, 0], WEB: [0, 9]}, []),  # obs in both
        ({OBS: [9, 0], TV: [9, 0], WEB: [0, 9]}, [0, 1]),  # web alone in the second
        ({OBS: [9, 0, 0], TV: [9, 9, 0], WEB: [0, 9, 9]}, []),  # a chain of shared regimes
        ({OBS: [9, 0, 9], TV: [9, 0, 9], WEB: [0, 9, 0]}, [0, 1, 2]),  # the mean of all three is not known
        ({TV: [9, 0], WEB: [9, 9]}, []),
        ({OBS: [9]}, []),
        (
            {OBS: [9, 0], TV: [9, 0], WEB: [9, 0], Regime(("tv", "web")): [0, 9]},
            [],
        ),  # its level is known from the others
        ({OBS: [9, 0], TV: [9, 0], WEB: [0, 9], Regime(("tv", "web")): [0, 9]}, [0, 1]),
    ],
)
def test_separable_offsets(weights: dict, expected: list[int]) -> None:
    arrays = {regime: np.array(found, dtype=float) for regime, found in weights.items()}
    assert unseparable(arrays, ["tv", "web"]) == expected


def test_the_warning_names_them_and_its_advice_works() -> None:
    weights = {OBS: np.array([9.0, 0.0]), TV: np.array([9.0, 0.0]), WEB: np.array([0.0, 9.0])}
    with pytest.warns(DataWarning, match=r"'old', 'new' cannot be told .*'old' has obs, do\(tv\); 'new' has do\(web\)"):
        warn_if_unseparable(weights, ["tv", "web"], ["old", "new"])
    weights[OBS][1] = 1.0  # rows of obs in the other data set
    warn_if_unseparable(weights, ["tv", "web"], ["old", "new"])
