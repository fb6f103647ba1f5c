"""The demonstration, its data, and the light tunnel."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg
from bayes_ivgen.cli.demo import CHANNELS, COMBINATIONS, errors, naive_sum
from bayes_ivgen.demo_data.make import COUNTS, PATH, load_rows, make_rows, make_world, write_rows

Run = Callable[..., Any]

SHORT = ("--draws", "60", "--tune", "60", "--chains", "2", "--cores", "1")
ROOT = Path(__file__).parents[2]
LIGHT_TUNNEL = ROOT.parent / "shared" / "data" / "light_tunnel" / "light_tunnel.csv"


def test_the_rows_can_be_drawn_again(tmp_path: Path) -> None:
    assert PATH.stat().st_size < 2e6
    shipped = load_rows()
    assert shipped["regime"].value_counts().to_dict() == COUNTS
    # Rounding to 0.01 may fall the other way where another machine's exp differs in the last digit.
    pd.testing.assert_frame_equal(make_rows(), shipped, rtol=0, atol=0.0101)
    import pyarrow.parquet as pq

    again = write_rows(tmp_path / "again.parquet")
    assert b"seed=0" in pq.read_metadata(again).metadata[b"made_by"]
    assert pq.read_metadata(PATH).metadata[b"made_by"] == pq.read_metadata(again).metadata[b"made_by"]


def test_the_observational_reading_is_wrong_at_the_edges_and_right_in_the_middle() -> None:
    world = make_world()
    queries = pd.DataFrame(COMBINATIONS.values(), columns=list(CHANNELS))
    gap = pd.Series(world.effect(queries, do="obs") - world.effect(queries), index=list(COMBINATIONS))
    assert abs(gap["all as usual"]) < 10
    assert gap["all low"] < -50
    assert gap["all high"] > 50


def test_the_naive_sum_is_what_its_description_says() -> None:
    history = load_rows().query("regime == 'obs'")
    query = pd.DataFrame([COMBINATIONS["all high"]], columns=list(CHANNELS))
    mean = history["sales"].mean()
    total = mean
    for channel in CHANNELS:
        nearest = (history[channel] - query[channel][0]).abs().nsmallest(200, keep="first").index
        total += history.loc[nearest, "sales"].mean() - mean
    np.testing.assert_allclose(naive_sum(history, query), [total])


def test_the_demo_writes_its_folder_and_can_be_repeated(run: Run, tmp_path: Path) -> None:
    result = run("demo", *SHORT)
    assert result.code == 0, result.err
    assert all(line.startswith("bayes-ivgen: warning: the chains did not mix") for line in result.err.splitlines())
    assert max(map(len, result.out.splitlines())) <= 80
    folder = tmp_path / "bayes-ivgen-demo"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.txt",
        "effects.csv",
        "effects.png",
        "fit.zarr",
        "report.html",
        "rows.parquet",
    ]
    table = pd.read_csv(folder / "effects.csv")
    assert table["combination"].tolist() == list(COMBINATIONS)
    np.testing.assert_allclose(table["truth"], make_world().effect(table[list(CHANNELS)]))
    mean = ivg.load(folder / "fit.zarr").effect(do=table[list(CHANNELS)]).summary()["mean"]
    np.testing.assert_allclose(table["mean"], mean)
    for name in ("truth", "mean", "regression_on_history", "naive_sum"):
        assert all(f"{value:.0f}" in result.out for value in table[name])
    ours, regression, naive = errors(table)
    assert ours < 0.5 * regression < 0.5 * naive
    assert (folder / "effects.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text()
    assert all(f"{row['mean']:.0f}" in page for row in table.to_dict("records"))
    next_step = shlex.split(result.out.strip().splitlines()[-1])[1:]
    assert run(*next_step).code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "rows.parquet"), load_rows())

    (folder / "notes.md").write_text("mine")
    again = run("demo", *SHORT)
    assert (again.code, again.out) == (0, result.out)
    assert (folder / "notes.md").read_text() == "mine"


def test_the_demo_leaves_other_folders_alone(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.txt").write_text("my own notes")
    result = run("demo", "--out", "other", *SHORT)
    assert result.code == 2
    assert "choose another one with --out" in result.err
    assert [path.name for path in other.iterdir()] == ["README.txt"]
    (tmp_path / "file").write_text("x")
    assert run("demo", "--out", "file", *SHORT).code == 2


@pytest.fixture
def light_tunnel() -> ModuleType:
    spec = importlib.util.spec_from_file_location("light_tunnel", ROOT / "examples" / "light_tunnel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
@pytest.mark.skipif(not LIGHT_TUNNEL.exists(), reason="the measurements lie beside the project")
def test_light_tunnel_by_script_and_commands(
    run: Run, light_tunnel: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    found = light_tunnel.main(str(LIGHT_TUNNEL), draws=150)
    text = capsys.readouterr().out
    assert "the policy is emulated" in text
    ours = found["bayes-ivgen, without joint rows"]
    assert ours <= 115
    assert found["cubic regression on all other rows"] > 400
    assert found["mean of the obs rows"] == pytest.approx(678, abs=1)

    # The docstring's own commands, with fewer draws.
    lines = light_tunnel.__doc__.replace("\\\n", " ").splitlines()
    commands = [shlex.split(line.strip())[1:] for line in lines if line.strip().startswith("bayes-ivgen")]
    assert [words[0] for words in commands] == ["check", "fit", "effect"]
    for words in commands:
        words = [str(LIGHT_TUNNEL) if word == "light_tunnel.csv" else word for word in words]
        result = run(*words, *(["--draws", "150"] if words[0] == "fit" else []))
        assert result.code == 0, result.err
        assert max(map(len, result.out.splitlines())) <= 80
        assert words[0] != "fit" or not re.search(r"do\(red,green\) +1,200", result.out)
    by_commands = light_tunnel.main(str(LIGHT_TUNNEL), predicted="predicted.csv")
    assert by_commands["bayes-ivgen, without joint rows"] == pytest.approx(ours, rel=1e-6)


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
@pytest.mark.skipif(not LIGHT_TUNNEL.exists(), reason="the measurements lie beside the project")
def test_light_tunnel_leaves_every_regime_out(light_tunnel: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    table = light_tunnel.left_out(str(LIGHT_TUNNEL), draws=150)
    assert table["rows"].to_dict() == {"obs": 1055, "do(red)": 1115, "do(green)": 1118, "do(red,green)": 1200}
    assert table["passed"].all()
    assert table.loc["do(red,green)", "error"] == pytest.approx(0.00866, abs=1e-5)
    # Too wide rather than too narrow: the noise is flatter than normal, and has less than 90 % to lose.
    assert table["coverage_90"].between(0.9, 0.97).all()
    assert (table["crps"] < 1.05 * table["crps_in_sample"]).all()
    assert "do(red,green)  1200    True" in capsys.readouterr().out
