"""`allocate` against the same question in Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg
from bayes_ivgen.cli import main

Run = Callable[..., Any]
WORDS = ("allocate", "fit.zarr", "--budget", "1.5", "--bounds", "a=0:1,b=0:1", "--steps", "a=0.25,b=0.25")
ASKED: dict[str, Any] = {"bounds": {"a": (0, 1), "b": (0, 1)}, "steps": {"a": 0.25, "b": 0.25}}


@pytest.fixture
def fitted(workplace: Path) -> ivg.Fit:
    return ivg.load(workplace / "fit.zarr")


def fits_the_screen(text: str) -> bool:
    return max(map(len, text.splitlines()), default=0) <= 80


def test_the_sentence_the_table_and_the_file(run: Run, fitted: ivg.Fit, tmp_path: Path) -> None:
    result = run(*WORDS, "--status-quo", "a=0.5,b=0.5", "--out", "t.csv")
    assert (result.code, result.err) == (0, "")
    assert fits_the_screen(result.out)
    found = fitted.allocate(1.5, **ASKED, status_quo={"a": 0.5, "b": 0.5})
    flat = " ".join(result.out.split())
    assert flat.startswith(found.sentence())
    assert "a b cost mean worst regret" in flat
    assert f"Found by {found.method}." in flat
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "t.csv").drop(columns="reason"),
        found.table.reset_index(drop=True).drop(columns="reason"),
    )


def test_risk_costs_and_frontier(run: Run, fitted: ivg.Fit, tmp_path: Path) -> None:
    result = run(*WORDS, "--risk", "0.2", "--aversion", "0.5", "--costs", "a=1,b=2", "--frontier", "--out", "t.parquet")
    assert (result.code, result.err) == (0, "")
    found = fitted.allocate(1.5, **ASKED, costs={"a": 1, "b": 2}, risk=0.2, aversion=0.5)
    flat = " ".join(result.out.split())
    assert found.sentence() in flat
    assert "worst: mean of the worst 20 % of draws" in flat
    assert "budget a b cost mean worst" in flat
    written = pd.read_parquet(tmp_path / "t.parquet")
    np.testing.assert_allclose(written["budget"], found.frontier["budget"])
    assert fits_the_screen(result.out)


def test_price_lists(run: Run, fitted: ivg.Fit) -> None:
    result = run("allocate", "fit.zarr", "--budget", "3", "--costs", "a:0=0,a:1=2,b=1", "--bounds", "b=0:1")
    assert result.code == 0, result.err
    found = fitted.allocate(3, costs={"a": {0: 0, 1: 2}, "b": 1}, bounds={"b": (0, 1)})
    assert found.sentence() in " ".join(result.out.split())
    mixed = run("allocate", "fit.zarr", "--budget", "3", "--costs", "a=0,a:1=2,b=1")
    assert mixed.code == 2
    assert "--costs gives 'a' a cost of a unit and of single values; keep one of them" in mixed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--budget", "1", "--bounds", "a=1"],
            "--bounds 'a=1' is not action=low:high; write for example --bounds tv=20",
        ),
        (["--budget", "1", "--bounds", "a=0:x"], "--bounds 'a=x' is not action=number"),
        (["--budget", "-9", "--bounds", "a=0:1,b=0:1"], "Pass --budget 0 or more, or allow cheaper values"),
        (
            ["--budget", "1", "--bounds", "a=0:1,b=0:1", "--steps", "a=0.3"],
            "--steps a = 0.3 does not divide the bounds of a (0 to 1): 3 steps lead to 0.9. Pass --bounds a=0:0.9, or "
            "--steps a=0.333333333333.",
        ),
        (["--budget", "1", "--bounds", "a=0:99,b=0:1"], "or pass --extrapolate to accept"),
        (["--budget", "1", "--steps", "c=1"], "--steps names 'c', which is not an action"),
        (
            ["--budget", "1", "--bounds", "a=0:1,b=0:1", "--status-quo", "a=2,b=0"],
            "--status-quo a is 2, outside the bounds of a (0 to 1). Leave --status-quo out, or pass --bounds a=0:2.",
        ),
        (["--budget", "1", "--bounds", "a=0:1,b=0:1", "--aversion", "0.5"], "--aversion 0.5 weighs a risk"),
    ],
)
def test_errors_speak_of_options(run: Run, workplace: Path, words: list[str], message: str) -> None:
    result = run("allocate", "fit.zarr", *words)
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_the_suggested_step_and_bounds_work(run: Run, workplace: Path) -> None:
    start = ("allocate", "fit.zarr", "--budget", "1")
    assert run(*start, "--bounds", "a=0:0.9,b=0:1", "--steps", "a=0.3").code == 0
    assert run(*start, "--bounds", "a=0:99,b=0:1", "--extrapolate").code == 0
    assert run("allocate", "fit.zarr", "--budget", "0", "--bounds", "a=0:1,b=0:1").code == 0


def test_labels(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, frames = np.random.default_rng(0), []
    for regime in ("obs", "do(offer)", "do(price)"):
        offer = rng.choice(["A", "B"], 150)
        frames.append(pd.DataFrame({"offer": offer, "price": rng.uniform(1, 3, 150), "regime": regime}))
    rows = pd.concat(frames, ignore_index=True)
    rows["y"] = 10.0 * (rows["offer"] == "B") - rows["price"] + rng.normal(0, 0.5, len(rows))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    short = ["--draws", "60", "--tune", "60", "--chains", "2", "--cores", "1", "--seed", "0"]
    assert main(["fit", "rows.csv", "--outcome", "y", "--actions", "offer,price", "--out", "fit.zarr", *short]) == 0
    capsys.readouterr()
    words = ["allocate", "fit.zarr", "--budget", "9", "--costs", "offer:A=0,offer:B=5,price=1"]
    assert main([*words, "--status-quo", "offer=A,price=2"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "is largest at offer=B, price=1" in out
    assert "Against the status quo (offer=A, price=2, cost 2)" in out
