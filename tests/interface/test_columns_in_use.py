"""Columns that the data name are used by the model, or refused: none is silently ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import InterventionModel, RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.model.families import FAMILIES
from bayes_ivgen.model.family_rows import read_rows

SHORT = {"draws": 200, "tune": 100, "chains": 2, "cores": 1, "seed": 0, "progressbar": False}


@pytest.fixture
def rows(linear_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    table = linear_rows({"obs": 60, "do(a)": 60, "do(b)": 60})
    rng = np.random.default_rng(5)
    return table.assign(y=rng.poisson(3, len(table)), days=rng.uniform(1, 5, len(table)), n=2, wave=["x", "y"] * 90)


def read(rows: pd.DataFrame, **parts: str) -> RegimeData:
    return RegimeData.from_frame(rows, outcome="y", actions=["a", "b"], **parts)


def test_an_exposure_reaches_the_likelihood(rows: pd.DataFrame) -> None:
    parts = read_rows(read(rows, exposure="days"), FAMILIES["negative_binomial"])
    np.testing.assert_allclose(np.concatenate([part.exposure for part in parts]), rows["days"])


def test_an_exposure_without_the_log_link_is_refused(rows: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match=r"exposure \('days'\), but only means on the log link.*without exposure="):
        InterventionModel().fit(read(rows, exposure="days"), **SHORT)
    InterventionModel(graph="full").fit(read(rows), **SHORT)


@pytest.mark.parametrize(("likelihood", "link"), [("bernoulli", "log_complement"), ("student_t", "identity")])
def test_an_exposure_is_refused_by_families_without_rates(rows: pd.DataFrame, likelihood: Any, link: Any) -> None:
    model = InterventionModel(graph="full", likelihood=likelihood, link=link)
    sold = rows.assign(y=np.minimum(rows["y"], 1))
    with pytest.raises(SpecError, match=r"exposure \('days'\), but only means on the log link.*without exposure="):
        model.fit(read(sold, exposure="days"), engine="nuts", **SHORT)
    model.to_pymc(read(sold))


def test_labelled_covariates_keep_their_labels(rows: pd.DataFrame) -> None:
    data = read(rows, covariates=["wave"])
    fit = InterventionModel(graph="full").fit(data, **SHORT)
    estimate = fit.effect(do={"a": 0.0, "b": 0.0}, covariates={"wave": ["x", "y"]})
    assert list(estimate.summary()["wave"]) == ["x", "y"]
    assert "wave=y" in estimate.sentence(query=1)


def test_to_pymc_refuses_what_fit_refuses(rows: pd.DataFrame) -> None:
    normal = InterventionModel(graph="full")
    counts = InterventionModel(graph="full", likelihood="negative_binomial", link="log")
    with pytest.raises(SpecError, match=r"exposure \('days'\), but only means on the log link"):
        normal.to_pymc(read(rows, exposure="days"))
    tests = pd.DataFrame({"channel": ["a"], "x": [0.0], "delta_x": [1.0], "delta_y": [1.0], "sigma": [0.5]})
    for ask in (counts.to_pymc, lambda data, **given: counts.fit(data, engine="nuts", **given, **SHORT)):
        with pytest.raises(SpecError, match=r"with link='log'.*E\[Y\] by a factor.*depends on all other actions"):
            ask(read(rows), lift_tests=tests)
    counts.to_pymc(read(rows))
    assert "lift_tests" in normal.to_pymc(read(rows), lift_tests=tests).named_vars
