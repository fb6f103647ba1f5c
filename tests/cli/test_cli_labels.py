"""The commands with actions that hold labels, weights and missing values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg

Run = Callable[..., Any]
READ = ("--outcome", "y", "--actions", "offer,promo")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 360
    frame = pd.DataFrame({"offer": rng.choice(["A", "B", "C d"], n), "promo": rng.random(n) < 0.5})
    frame = frame.assign(
        y=frame["offer"].map({"A": 1.0, "B": 2.0, "C d": 3.0}) + rng.normal(0, 0.2, n),
        regime=np.resize(["obs", "do(offer)", "do(promo)"], n),
        n=rng.integers(1, 3, n),
    )
    frame.to_parquet("rows.parquet")
    return frame


def test_fit_check_and_effect(run: Run, rows: pd.DataFrame) -> None:
    checked = run("check", "rows.parquet", *READ, "--weights", "n")
    assert checked.code == 0, checked.err
    assert "A, B, C d" in checked.out
    assert "False, True" in checked.out
    small = ("--draws", "100", "--chains", "2", "--tune", "100", "--seed", "0")
    made = run("fit", "rows.parquet", *READ, "--weights", "n", "--out", "fit.zarr", *small)
    assert made.code == 0, made.err
    suggestion = made.out.splitlines()[-1].split(maxsplit=2)[2]
    assert "offer=" in suggestion
    assert "promo=" in suggestion
    fitted = ivg.load("fit.zarr")
    for words, question in (
        (["--do", "offer=B,promo=True"], {"offer": "B", "promo": True}),
        (["--do", "offer=C d,promo=false"], {"offer": "C d", "promo": False}),
    ):
        asked = run("effect", "fit.zarr", *words)
        assert asked.code == 0, asked.err
        assert fitted.effect(do=question).sentence() in " ".join(asked.out.split())
    wrong = run("effect", "fit.zarr", "--do", "offer=E,promo=True")
    assert wrong.code != 0
    assert "'E', which is not one of its levels. They are 'A', 'B', 'C d'." in " ".join(wrong.err.split())


def test_a_file_of_queries(run: Run, rows: pd.DataFrame) -> None:
    ivg.InterventionModel().fit(
        ivg.RegimeData.from_frame(rows, outcome="y", actions=["offer", "promo"]),
        draws=150, chains=2, tune=100, seed=0, cores=1, progressbar=False,
    ).save("fit.zarr")  # fmt: skip
    pd.DataFrame({"offer": ["A", "B"], "promo": [True, False], "note": [1, 2]}).to_csv("asked.csv", index=False)
    found = run("effect", "fit.zarr", "--queries", "asked.csv", "--out", "table.csv")
    assert found.code == 0, found.err
    assert found.out.count("True") == 1
    assert pd.read_csv("table.csv")["offer"].tolist() == ["A", "B"]


def test_missing_values(run: Run, rows: pd.DataFrame) -> None:
    rows.loc[[3, 9], "offer"] = None
    rows.loc[9, "y"] = np.nan
    rows.to_parquet("rows.parquet")
    refused = run("check", "rows.parquet", *READ)
    assert refused.code != 0
    text = " ".join(refused.err.split())
    assert "--missing drop" in text
    assert "2 of 360 rows have missing values" in text
    kept = run("check", "rows.parquet", *READ, "--missing", "drop")
    assert kept.code == 0, kept.err
    assert "Rows: 358 in 3 regimes" in kept.out
