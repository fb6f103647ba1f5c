"""What a first user runs into: narrow tables, names with spaces, labels and files of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_ivgen as ivg
from bayes_ivgen.cli import app as commands
from bayes_ivgen.cli.messages import in_command_words
from bayes_ivgen.cli.output import show_table, table_width

Run = Callable[..., Any]

ACTIONS = ("tv_spend", "online ads", "flyers €")
LABELS = {"control": [], "tv test": ["tv_spend"], "ads test": ["online ads"], "flyer test": ["flyers €"]}
READ = ("--outcome", "revenue", "--actions", ",".join(ACTIONS))
OWN = tuple(word for label, sets in LABELS.items() for word in ("--label", f"{label}={','.join(sets)}"))
COSTS = ("--costs", "tv_spend=1.0,online ads=1,flyers €=0.05")


@pytest.fixture(scope="session")
def shops() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 480
    frame = pd.DataFrame(rng.uniform(1, 9, (n, 3)), columns=list(ACTIONS))
    frame["flyers €"] = (100 * frame["flyers €"]).round().astype(int)
    return frame.assign(
        revenue=200 + 3 * frame["tv_spend"] + frame["online ads"] + frame["flyers €"] / 50 + rng.normal(0, 30, n),
        test=np.resize(list(LABELS), n),
    )


@pytest.fixture(scope="session")
def saved(shops: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = ivg.RegimeData.from_frame(
        shops, outcome="revenue", actions=list(ACTIONS), regime="test", regime_labels=LABELS
    )
    path = tmp_path_factory.mktemp("shops") / "fit.zarr"
    ivg.InterventionModel(graph="empty").fit(
        data, draws=150, chains=2, tune=100, seed=0, cores=1, progressbar=False
    ).save(path)
    return path


@pytest.fixture
def rows(shops: pd.DataFrame, run: Run) -> pd.DataFrame:
    shops.to_csv("shops.csv", index=False)  # in the folder of `run`
    return shops


@pytest.mark.parametrize("width", ["80", "50"])
def test_numbers_in_a_table_are_never_cut(
    width: str, run: Run, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    asked = pd.DataFrame({"tv_spend": [2.0, 8.0], "online ads": [1.5, 3.0], "flyers €": [200, 800]})
    asked.to_csv(tmp_path / "asked.csv", index=False)
    found = run("effect", str(saved), "--queries", "asked.csv")
    assert found.code == 0, found.err
    table = ivg.load(saved).effect(do=asked).summary()
    for name in ("mean", "lower", "upper"):
        assert all(f" {value:,.1f} " in found.out or f" {value:,.2f} " in found.out for value in table[name])
    assert "supported" in found.out
    if width == "80":
        assert max(map(len, found.out.splitlines())) <= 80


def test_the_width_of_a_table_is_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    headings, cells = ["name", "first", "2"], [["ünï", "1,234.5", "-"]]
    show_table(headings, cells)
    assert max(map(len, capsys.readouterr().out.splitlines())) == table_width(headings, cells)
    many = [f"number {i}" for i in range(12)]
    show_table(["a long name", *many], [["word " * 5, *["1,234.5"] * 12]])
    printed = capsys.readouterr().out
    assert printed.count("1,234.5") == 12
    assert all(name in printed for name in many)


def test_a_name_with_a_space_asks_for_quotes(run: Run, saved: Path) -> None:
    found = run("effect", str(saved), "--do", "tv_spend=2,online", "ads=3")
    assert found.code == 2
    assert "'ads=3' belongs to no option; put quotes around values with spaces. See:" in found.err
    assert run("effect", str(saved), "--do", "tv_spend=2,online ads=3", "--rest", "hold").code == 0


def test_a_misspelt_option_is_answered_with_one_mark(run: Run) -> None:
    assert "Did you mean --rest? See: bayes-ivgen effect --help" in run("effect", "fit.zarr", "--rst", "hold").err


@pytest.mark.usefixtures("rows")
def test_the_way_to_labels_of_ones_own(run: Run) -> None:
    first = run("check", "shops.csv", *READ)
    assert "pass its name as --regime." in first.err
    second = run("check", "shops.csv", *READ, "--regime", "test")
    assert '--label "your label=" where nothing was set' in second.err
    third = run("check", "shops.csv", *READ, "--regime", "test", *OWN)
    assert third.code == 0, third.err
    assert "Does the first drive the second?" in third.out


def test_a_single_action_has_no_pairs(run: Run, rows: pd.DataFrame) -> None:
    rows[rows["test"].isin(["control", "tv test"])].to_csv("one.csv", index=False)
    own = OWN[:4]
    found = run("check", "one.csv", "--outcome", "revenue", "--actions", "tv_spend", "--regime", "test", *own)
    assert found.code == 0, found.err
    assert "Identified: the joint effect do(tv_spend).\n" in found.out
    assert "P-values" not in found.out


def test_files_of_a_spreadsheet(run: Run, rows: pd.DataFrame) -> None:
    rows.to_csv("semicolons.csv", index=False, sep=";")
    found = run("check", "semicolons.csv", *READ, "--regime", "test", *OWN)
    assert "The header is separated by ';': save the file separated by commas." in found.err
    rows.to_csv("windows.csv", index=False, encoding="cp1252")
    found = run("check", "windows.csv", *READ, "--regime", "test", *OWN)
    assert "not in UTF-8: save it again as CSV UTF-8." in found.err
    assert run("check", "shops.csv", *READ, "--regime", "test", *OWN).code == 0


def test_costs_that_are_taken_for_granted_are_said(run: Run, saved: Path) -> None:
    granted = "A unit of every action counts as a cost of 1"
    assert granted in run("allocate", str(saved), "--budget", "500").out
    some = run("allocate", str(saved), "--budget", "500", "--costs", "flyers €=0.05")
    assert '--costs "tv_spend=1.0,..."' in some.err
    said = run("allocate", str(saved), "--budget", "50", *COSTS)
    assert said.code == 0, said.err
    assert granted not in said.out


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ("(a). See the column 'reason' of .summary(), or pass extrapolate=True to", "(a). Pass --extrapolate to"),
        ("rest='hold' (x) or rest='respond' (y)", "--rest hold (x) or --rest respond (y)"),
        ("is missing (NaN) in row 17; drop", "is missing (NaN) in row 17 (counted from 0, without the header); drop"),
        (
            "or leave the regime out with exclude=['do(tv)'] where the data are read.",
            'or leave the regime out with --exclude "do(tv)".',
        ),
        ("covariates['promo'] is 'Z'", "--covariates promo is 'Z'"),
    ],
)
def test_words_of_python_become_options(python: str, command: str) -> None:
    assert in_command_words(python) == command


@pytest.mark.parametrize("command", ["demo", "fit", "effect", "plan", "report", "allocate", "check", "simulate"])
def test_prose_of_the_help_is_not_broken_twice(command: str) -> None:
    prose = (inspect.getdoc(getattr(commands, command)) or "").partition("Parameters\n")[0].splitlines()[1:]
    assert [line for line in prose if len(line) > 80 and not line.startswith("Example: ")] == []
