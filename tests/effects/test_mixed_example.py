"""The example of the three readings runs and lands near the truth."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import pytest

from bayes_ivgen.errors import ConvergenceWarning

EXAMPLE = Path(__file__).parents[2] / "examples" / "mixed_effects.py"


def test_the_three_readings_beside_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("mixed_effects", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        table = module.main(rows=600, draws=150, chains=1)
    assert len(table) == 9
    # An interval of 90 % is 3.3 sd wide: within 4 sd of the middle each.
    off = (table["mean"] - table["truth"]).abs() / ((table["upper"] - table["lower"]) / 3.3)
    assert off.max() < 4
    printed = capsys.readouterr().out
    assert "web, radio, social left to respond is" in printed
    assert "Calibration of do(tv) passed" in printed
