"""Progress in words, in the log and on a bar."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Callable

import pandas as pd
import pytest

from bayes_ivgen import InterventionModel, RegimeData
from bayes_ivgen.progress import speed, stages


@pytest.mark.parametrize(
    ("per_second", "expected"),
    [(None, ""), (0.2, ""), (12.4, "12/s"), (999.6, "1000/s"), (840_200, "840k/s"), (2_340_000, "2.3M/s")],
)
def test_speed_is_short(per_second: float | None, expected: str) -> None:
    assert speed(per_second) == expected


def test_stages_are_silent_where_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    with stages(show=True) as stage:
        advance = stage("reading 10 rows", 10)
        advance(4)
        advance(6)
    assert capfd.readouterr() == ("", "")


def test_stages_are_logged_with_seconds_when_they_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bayes_ivgen"), stages(show=False) as stage:
        advance = stage("reading 10 rows", 10)
        advance(4)
        assert not caplog.messages
        advance(6)
        advance(0)
        stage("a stage that tells of no progress", 5)
    assert [re.sub(r"\d+\.\d\d", "#", text) for text in caplog.messages] == [
        "reading 10 rows: # s",
        "a stage that tells of no progress: # s",
    ]


def test_what_failed_is_not_logged_as_done(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> None:
        with stages(show=False) as stage:
            stage("reading 10 rows", 10)
            raise OSError("disk full")

    with caplog.at_level(logging.INFO, "bayes_ivgen"), pytest.raises(OSError, match="disk full"):
        failing()
    assert not caplog.messages


def test_a_bar_names_the_stage(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes standard error for a terminal
    monkeypatch.setenv("TERM", "xterm")
    with stages(show=True) as stage:
        stage("reading 10 rows", 10)(4)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "reading 10 rows" in shown.err
    assert "4/10" in shown.err


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning")
def test_a_fit_says_what_it_does_in_the_log_and_prints_nothing(
    linear_rows: Callable[..., pd.DataFrame], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = linear_rows({"obs": 100, "do(a)": 100, "do(b)": 100})
    with caplog.at_level(logging.INFO, "bayes_ivgen"):
        data = RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])
        InterventionModel().fit(data, draws=100, chains=2, tune=300, seed=0)
    expected = [
        "describing 300 rows of 3 regimes",
        "graph of 2 actions",
        "reading 300 rows",
        "sampling 2 chains of 400",
    ]
    assert len(caplog.messages) == len(expected)
    for message, start in zip(caplog.messages, expected, strict=True):
        assert message.startswith(start)
        assert re.search(r": \d+\.\d\d s$", message)
    assert all(record.levelno == logging.INFO for record in caplog.records)
    assert capfd.readouterr() == ("", "")


def test_the_log_is_silent_unless_somebody_reads_it() -> None:
    code = "import bayes_ivgen, logging; logging.getLogger('bayes_ivgen').warning('nobody asked')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
