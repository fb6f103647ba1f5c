"""Commands run in this process, on real files in a folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from bayes_ivgen.cli import main

SHORT = ("--draws", "60", "--tune", "60", "--chains", "2", "--cores", "1", "--seed", "0")
ROWS = ("--outcome", "y", "--actions", "a,b")


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the words of a command in `tmp_path`, on a screen of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def run_words(*words: str) -> Result:
        code = main(words)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run_words


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, linear_rows: Callable[..., pd.DataFrame]) -> Path:
    """Return a folder with rows.parquet, rows.csv and fit.zarr, made once a process."""
    folder = tmp_path_factory.mktemp("made")
    rows = linear_rows({"obs": 200, "do(a)": 100, "do(b)": 100, "do(a,b)": 40})
    rows.to_parquet(folder / "rows.parquet", index=False)
    rows.to_csv(folder / "rows.csv", index=False)
    out = str(folder / "fit.zarr")
    assert main(["fit", str(folder / "rows.parquet"), *ROWS, "--exclude", "do(a,b)", "--out", out, *SHORT]) == 0
    return folder


@pytest.fixture
def workplace(made: Path, tmp_path: Path) -> Path:
    """Return the working folder of `run`, with copies of what `made` holds."""
    for name in ("rows.parquet", "rows.csv"):
        shutil.copyfile(made / name, tmp_path / name)
    shutil.copytree(made / "fit.zarr", tmp_path / "fit.zarr")
    return tmp_path


def assert_fits_the_screen(text: str) -> None:
    """No line is longer than 80 columns."""
    assert max(map(len, text.splitlines()), default=0) <= 80, text
