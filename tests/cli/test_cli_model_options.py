"""Options of `fit` and `effect` for covariates, synergy, blocks, lift tests and other likelihoods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.cli.model_options import ModelOptions, synergy_of
from bayes_ivgen.errors import SpecError
from bayes_ivgen.storage import load

Run = Callable[..., Any]

ROWS = ("--outcome", "y", "--actions", "a,b")
SHORT = ("--draws", "60", "--tune", "60", "--chains", "2", "--cores", "1", "--seed", "0")


def test_covariates_synergy_and_lift_tests_reach_the_fit(run: Run, workplace: Path) -> None:
    rows = pd.read_parquet(workplace / "rows.parquet")
    rows["season"] = np.random.default_rng(1).choice(["dry", "wet"], len(rows))
    rows.to_parquet(workplace / "seasons.parquet")
    tests = pd.DataFrame({"channel": ["a"], "x": [0.0], "delta_x": [1.0], "delta_y": [1.0], "sigma": [0.5]})
    tests.to_csv(workplace / "tests.csv", index=False)
    words = ["--covariates", "season", "--synergy", "a*b", "--lift-tests", "tests.csv", "--out", "full.zarr"]
    done = run("fit", "seasons.parquet", *ROWS, *words, *SHORT)
    assert done.code == 0, done.err
    fitted = load(workplace / "full.zarr")
    assert fitted.design.structure.synergy == (("a", "b"),)
    assert fitted.lift_tests is not None
    asked = run("effect", "full.zarr", "--do", "a=0.5,b=0.5", "--covariates", "season=wet")
    assert asked.code == 0, asked.err
    assert "season=wet" in " ".join(asked.out.split())
    wrong = run("effect", "full.zarr", "--do", "a=0.5,b=0.5", "--covariates", "season=hot")
    assert wrong.code != 0
    assert "'dry', 'wet'" in wrong.err


def test_blocks_are_built_and_refused_where_regimes_split_them(run: Run, workplace: Path) -> None:
    assert ModelOptions(block=["a,b"]).build().blocks == (("a", "b"),)
    done = run("fit", "rows.parquet", *ROWS, "--block", "a,b", "--out", str(workplace / "blocks.zarr"), *SHORT)
    assert done.code != 0
    assert "do(a)" in done.err


def test_likelihoods_that_do_not_go_with_the_engine_are_refused(run: Run, workplace: Path) -> None:
    out = ["--likelihood", "gamma", "--link", "log", "--out", str(workplace / "gamma.zarr")]
    done = run("fit", "rows.parquet", *ROWS, *out, *SHORT)
    assert done.code != 0
    assert "Pass --engine 'nuts'" in " ".join(done.err.split())


@pytest.mark.parametrize("text", ["tv", "tv*web*radio", "tv*", ""])
def test_synergy_needs_pairs(text: str) -> None:
    with pytest.raises(SpecError, match=r"is not a list of pairs; write for example --synergy tv\*web"):
        synergy_of(text)
    assert synergy_of("tv*web") == [("tv", "web")]
    assert synergy_of("all") is True
    assert synergy_of(None) is False
