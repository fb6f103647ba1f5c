"""The code and the commands of the README run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def text() -> str:
    return README.read_text()


def test_the_ten_lines_run(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "E[sales | do(tv, web, radio, social)] at do(tv=70, web=70, radio=25, social=30) is" in printed
    assert "difference of" in printed


def test_every_picture_and_page_exists(text: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(links) > 5
    assert [link for link in links if not (README.parent / link).exists()] == []
