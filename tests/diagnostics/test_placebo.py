"""A placebo: labels at random, in which a fit must find nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from falsification_worlds import finite, fitted

from bayes_ivgen import Fit, Regime, RegimeData
from bayes_ivgen.diagnostics import CheckResult
from bayes_ivgen.diagnostics.placebo import placebo_result
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.errors import QueryError

QUICK: dict[str, Any] = {"draws": 150, "chains": 2, "tune": 100, "cores": 1, "progressbar": False}
pytestmark = pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.IvgenWarning")


@pytest.fixture(scope="module")
def valid() -> tuple[Fit, RegimeData]:
    data, graph = finite(600, 0, actions=2)
    return fitted(data, graph=graph), data


def test_nothing_is_found_where_there_is_nothing(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    found = [fit.placebo(data, action, seed=seed, **QUICK) for action in fit.actions for seed in range(3)]
    assert all(result.passed for result in found)
    assert len({result.statistic for result in found}) == 6  # other labels, other numbers
    assert found[0].table["a1"].tolist() == ["a", "b", "c"]
    assert "half of the 600 rows of obs, chosen at random, were labelled as a test of a1" in found[0].sentence()
    assert "rows of do(a1)" in fit.placebo(data, "a2", "do(a1)", **QUICK).finding


def test_halves_are_drawn_by_the_seed(valid: tuple[Fit, RegimeData], monkeypatch: pytest.MonkeyPatch) -> None:
    from bayes_ivgen.interface import placebo

    fit, data = valid
    halves = []

    def kept(posterior: EffectPosterior, *rest: Any) -> CheckResult:
        halves.append(np.sort(posterior.observed @ [3.0, 1.0]))
        assert [regime.label for regime in posterior.regimes] == ["obs", "do(a1)"]
        return placebo_result(posterior, *rest)

    monkeypatch.setattr(placebo, "placebo_result", kept)
    first, other, again = (fit.placebo(data, "a1", seed=seed, **QUICK) for seed in (0, 1, 0))
    assert len(halves[0]) == 300
    assert not np.array_equal(halves[0], halves[1])
    assert np.array_equal(halves[0], halves[2])
    assert first.statistic == again.statistic != other.statistic


def test_too_few_rows() -> None:
    rng = np.random.default_rng(0)
    base = pd.DataFrame({"a": rng.integers(0, 2, 30).astype(float), "b": rng.normal(size=30), "y": rng.normal(size=30)})
    rows = pd.concat([base.assign(regime="obs"), base.assign(regime="do(a)")])
    data = RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])
    fit = fitted(data, graph="empty")
    with pytest.raises(QueryError, match=r"no regime leaves 'a' alone in 40 rows or more"):
        fit.placebo(data, "a", **QUICK)


def test_what_is_refused(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    with pytest.raises(QueryError, match=r"'a9' is not an action. The actions are \['a1', 'a2'\]"):
        fit.placebo(data, "a9", **QUICK)
    with pytest.raises(QueryError, match=r"do\(a1\) sets 'a1' or has fewer .* Valid are \['obs', 'do\(a2\)'\]"):
        fit.placebo(data, "a1", "do(a1)", **QUICK)


def test_an_effect_of_the_label_is_found(valid: tuple[Fit, RegimeData]) -> None:
    # The same comparison with a real test in the place of the random half must fail: it has power.
    fit, _ = valid
    result = placebo_result(fit.effects, "a1", Regime(), 600)
    assert not result.passed
    assert "failed" in result.sentence()
