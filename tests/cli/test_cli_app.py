"""Help, version, exit codes, and one line for everything that is wrong."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bayes_ivgen.cli import app as application
from bayes_ivgen.cli.messages import in_command_words
from bayes_ivgen.data import Regime
from bayes_ivgen.errors import DataError, DataWarning

Run = Callable[..., Any]

COMMANDS = ("demo", "fit", "effect", "plan", "check", "simulate")
FIT = "fit rows.parquet --outcome y --actions a,b --out new.zarr"
BAD_INPUT = [
    ("frobnicate", "Unknown command"),
    ("fit", "PATHS is missing"),
    ("fit rows.parquet", "--outcome is missing. See: bayes-ivgen fit --help"),
    ("fit rows.parquet --outcome y --actions a,b", "--out is missing"),
    ("effect fit.zarr --do", "--do has no value"),
    ("fit rows.parquet --frob 1", "--frob"),
    (f"{FIT} --draws many", "--draws"),
    (f"{FIT} --noise pink", '"additive"'),
    ("fit nothing.parquet --outcome y --actions a,b --out new.zarr", "there is no file 'nothing.parquet'"),
    ("fit rows.txt --outcome y --actions a,b --out new.zarr", "--format parquet"),
    ("fit rows.parquet --outcome z --actions a,b --out new.zarr", "no column 'z'"),
    ("fit rows.parquet --outcome y --actions a --out new.zarr", "'b', which is not an action"),
    ("fit rows.parquet --outcome y --actions , --out new.zarr", "--actions is empty"),
    ("fit rows.parquet --outcome y --actions a,b --out fit.zarr", "fit.zarr exists already; pass --overwrite"),
    ("fit rows.parquet --outcome y --actions a,b --out no/new.zarr", "the folder no does not exist"),
    (f"{FIT} --draws 0", "--draws 0 must be a whole number"),
    (f"{FIT} --seed -1", "--seed -1 must be a whole number"),
    (f"{FIT} --graph b", "--graph 'b' is none of learn, full, empty"),
    (f"{FIT} --graph b:c", "'c', which is not an action"),
    (f"{FIT} --graph a:b,b:a", "cycle"),
    (f"{FIT} --graph b:a,b:a", "--graph names 'b' twice"),
    (f"{FIT} --graph ,", "--graph is empty"),
    (f"{FIT} --exclude nothing", "--exclude names 'nothing'"),
    (f"{FIT} --label spring", "--label 'spring' is not label=actions"),
    (f"{FIT} --label spring=a", "--label names 'spring', but no row"),
    (f"{FIT} --label spring=a --label spring=b", "--label explains 'spring' twice"),
    ("check rows.parquet --outcome y --actions a,c", "no column 'c'"),
    ("effect nothing.zarr --do a=1", "there is no fit at nothing.zarr"),
    ("effect rows.parquet --do a=1", "the folders that bayes-ivgen fit writes are"),
    ("effect fit.zarr", "neither in --do nor in --given"),
    ("effect fit.zarr --do a", "--do 'a' is not action=value"),
    ("effect fit.zarr --do a=x,b=1", "--do 'a=x' is not action=number"),
    ("effect fit.zarr --do a=1,a=2", "--do gives 'a' twice"),
    ("effect fit.zarr --do a=1", "'b' stands neither in --do nor in --given"),
    ("effect fit.zarr --do a=1,b=1 --given a=1", "stands in --do and in --given"),
    ("effect fit.zarr --do a=1,c=1 --rest hold", "--do names 'c'"),
    ("effect fit.zarr --do a=1 --rest sleep", "--rest 'sleep'"),
    ("effect fit.zarr --do a=999,b=0", "pass --extrapolate"),
    ("effect fit.zarr --do a=1,b=1 --prob 2", "--prob 2.0 must be"),
    ("effect fit.zarr --do a=1,b=1 --ratio", "--versus action=value"),
    ("effect fit.zarr --set a", "--set names columns of --queries"),
    ("effect fit.zarr --queries rows.csv --set c", "--set names 'c'"),
    ("effect fit.zarr --queries rows.csv --do a=1", "'a' has a column in rows.csv and a value"),
    ("effect fit.zarr --queries nothing.csv", "there is no file nothing.csv"),
    ("effect fit.zarr --queries fit.zarr", "must end in .csv or .parquet"),
    ("effect fit.zarr --do a=1,b=1 --out rows.csv", "rows.csv exists already"),
    ("effect fit.zarr --do a=1,b=1 --out table.xls", "must end in .csv or .parquet"),
    ("simulate moon --out new.csv", '"polynomial"'),
    ("simulate twins --actions 3 --out new.csv", "leave --actions out"),
    ("simulate twins --seed 2 --out new.csv", "--seed must be 0 or 1"),
    ("simulate media-mix --actions 9 --out new.csv", "--actions must be an integer from 1 to 8"),
    ("simulate discrete --actions 20 --out new.csv", "--actions 3"),
    ("simulate polynomial --rows 0 --out new.csv", "--rows must be an integer of at least 1"),
    ("simulate polynomial --seed -1 --out new.csv", "pass for example --seed 1"),
    ("simulate polynomial --sample-seed -1 --out new.csv", "--sample-seed -1"),
    ("simulate polynomial --regimes do(b) --out new.csv", "'b', which is not an action"),
    ("simulate polynomial --regimes obs,obs --out new.csv", "--regimes names obs twice"),
    ("simulate polynomial --regimes , --out new.csv", "--regimes is empty"),
    ("simulate polynomial --out rows.csv", "rows.csv exists already"),
    ("simulate polynomial --out new.csv --truth new.csv", "name the same file"),
    ("demo --out .", "not the folder of an earlier demo"),
]


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize(("words", "message"), BAD_INPUT, ids=[words for words, _ in BAD_INPUT])
def test_bad_input_gives_exit_code_2_and_one_line(words: str, message: str, run: Run, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run(*words.split())
    assert result.code == 2
    assert result.out == ""
    assert re.fullmatch(r"bayes-ivgen: error: [^\n]+\n", result.err), result.err
    assert message in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_explains_every_option(command: str, run: Run) -> None:
    result = run(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert max(map(len, result.out.splitlines())) <= 80
    collection = application.app[command].assemble_argument_collection(
        default_parameter=application.app.default_parameter, parse_docstring=True
    )
    options = [argument for argument in collection if argument.parse and not argument.children]
    assert len(options) >= 3
    for argument in options:
        assert argument.parameter.help, argument.name
        for name in argument.names:
            assert name in result.out


def test_help_and_version(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    assert all(command in result.out for command in COMMANDS)
    version = run("--version")
    assert version.code == 0
    assert re.fullmatch(r"bayes-ivgen \d+\.\d+\S*\n", version.out)


def test_the_program_starts_without_heavy_imports() -> None:
    code = (
        "import sys, bayes_ivgen.cli; print([m for m in ('numpy', 'pandas', 'pymc', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_installed_program_refuses_in_one_line(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("bayes-ivgen")
    done = subprocess.run(
        [program, *shlex.split("effect nothing.zarr --do a=1")], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("bayes-ivgen: error: there is no fit at nothing.zarr")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    helped = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert "Usage: bayes-ivgen COMMAND" in helped.stdout


def test_interruption_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bayes_ivgen.simulate.polynomial", interrupted)
    result = run("simulate", "polynomial", "--out", "new.csv")
    assert result == (130, "", "bayes-ivgen: interrupted\n")


def test_a_bug_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bayes_ivgen.simulate.polynomial", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("simulate", "polynomial", "--out", "new.csv")


def test_own_warnings_are_one_line_and_others_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def warn_twice() -> None:
        with application._warnings_in_one_line():
            warnings.warn("two\nlines, pass overwrite=True", DataWarning, stacklevel=1)
            warnings.warn("of others", RuntimeWarning, stacklevel=1)

    with pytest.warns(RuntimeWarning, match="of others") as others:
        warn_twice()
    assert len(others) == 1
    assert capsys.readouterr().err == "bayes-ivgen: warning: two lines, pass --overwrite\n"


def test_messages_speak_of_options() -> None:
    with pytest.raises(DataError) as caught:
        Regime.parse("history", ["tv"])
    assert in_command_words(str(caught.value)).endswith(
        'For labels of your own pass --label "your label=action,action" for each, '
        '--label "your label=" where nothing was set.'
    )
    assert in_command_words("nothing to change") == "nothing to change"


def test_flags_have_no_negative_twin(run: Run) -> None:
    result = run("simulate", "twins", "--out", "new.csv", "--no-joint")
    assert result.code == 2
    assert "Unknown option: --no-joint" in result.err
