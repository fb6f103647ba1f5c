"""The example of the three readings lands near the truth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "mixed_effects.md"


def test_the_three_readings_beside_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    mpl.use("agg")
    names: dict[str, Any] = {}
    for code in re.findall(r"```\{code-cell\} ipython3\n(.*?)```", EXAMPLE.read_text(), flags=re.S):
        exec(compile(code, EXAMPLE.name, "exec"), names)
    table = names["result"]
    assert len(table) == 9
    # An interval of 90 % is 3.3 sd wide: within 4 sd of the middle each.
    off = (table["mean"] - table["truth"]).abs() / ((table["upper"] - table["lower"]) / 3.3)
    assert off.max() < 4
    printed = capsys.readouterr().out
    assert "web, radio, social left to respond is" in printed
    assert "Calibration of do(tv) passed" in printed
