"""The code and the commands of the README run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_ivgen.cli.demo import errors, read

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text()


def test_the_ten_lines_run(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "E[sales | do(tv, web, radio, social)] at do(tv=70, web=70, radio=25, social=30) is" in printed
    assert "difference of" in printed
    shown = re.search(r"```text\n(E\[sales .*?)\n```", text, flags=re.S)
    assert shown is not None
    numbers = r"\d+(?:\.\d+)?"
    said = next(line for line in printed.splitlines() if line.startswith("E[sales"))
    assert re.sub(numbers, "#", shown[1]) == re.sub(numbers, "#", said)
    # Another machine's linear algebra may lead to other draws: the Monte-Carlo error of an end of the interval is 0.5.
    np.testing.assert_allclose(_numbers(shown[1]), _numbers(said), atol=2)
    truth = re.search(r"the simulator's truth is ([\d.]+)", text)
    assert truth is not None
    assert f"{names['world'].effect(names['effect'].queries)[0]:.1f}" == truth[1]
    assert all(f"\n{row} " in printed for row in ("mean", "sd", "lower", "upper"))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_the_errors_below_the_picture(text: str) -> None:
    found = re.search(r"typical error is (\d+) .*?against (\d+) .*?and (\d+) for", text, flags=re.S)
    assert found is not None
    readings = read(seed=0, draws=1000, chains=4, tune=200, cores=1)
    # Draws may differ between machines: each mean by some tenths.
    np.testing.assert_allclose([float(error) for error in found.groups()], errors(readings.table), atol=1)


def test_every_picture_and_page_exists(text: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(links) > 5
    assert [link for link in links if not (README.parent / link).exists()] == []
