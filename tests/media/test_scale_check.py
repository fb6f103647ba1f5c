"""Saturations whose parameters are in other units than the spends."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from pymc_extras.prior import Prior

from bayes_ivgen import InterventionModel, Polynomial, RegimeData
from bayes_ivgen.errors import DataWarning, SpecError
from bayes_ivgen.inference.carry_over_choice import choose_transforms
from bayes_ivgen.media import Saturation
from bayes_ivgen.media.scale_check import check_scales


@pytest.fixture(scope="module")
def data() -> RegimeData:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"tv": rng.uniform(14.0, 92.0, 400), "web": rng.uniform(0, 9, 400), "regime": "obs"})
    frame.loc[200:, "regime"] = "do(tv)"
    frame["sales"] = 100 * frame["tv"] / (40 + frame["tv"]) + rng.normal(size=400)
    return RegimeData.from_frame(frame, outcome="sales", actions=["tv", "web"])


FAR = [
    Saturation("hill", kappa=0.03, slope=1.0),
    Saturation("hill", kappa=3e4, slope=1.0),
    Saturation("logistic", lam=0.5),
    Saturation("hill", kappa=Prior("LogNormal", mu=-3.5, sigma=0.5), slope=1.0),
    Saturation("michaelis_menten", lam=[0.01, 0.02]),
    # Priors for spends of at most one, as in pymc-marketing.
    Saturation("michaelis_menten", lam=Prior("HalfNormal", sigma=1.0)),
    Saturation("logistic", lam=Prior("Gamma", alpha=3.0, beta=1.0)),
    Saturation("hill", kappa=Prior("LogNormal", mu=9.0, sigma=0.5), slope=1.0),
]


@pytest.mark.parametrize("saturation", FAR, ids=str)
def test_a_scale_far_from_the_spends_is_told_with_one_that_is_not(data: RegimeData, saturation: Saturation) -> None:
    with pytest.warns(DataWarning, match=r"'tv'.*hardly bends where spends are\. Parameters are in units") as caught:
        check_scales(data, {"tv": (saturation,)})
    found = re.search(r"units of spend: (\w+)=([\d.]+) has half", str(caught[0].message))
    assert found is not None
    mended = {"hill": {"slope": 1.0}}.get(saturation.kind, {}) | {found[1]: float(found[2])}
    check_scales(data, {"tv": (Saturation(saturation.kind, **mended),)})  # no warning


@pytest.mark.parametrize(
    "saturation",
    [
        Saturation(),
        Saturation("hill", kappa=Prior("LogNormal", mu=3.5, sigma=1.5), slope=Prior("Gamma", alpha=2, beta=1)),
        Saturation("hill", kappa=40.0, slope=8.0),
        Saturation("michaelis_menten", lam=[1e-4, 40.0]),
    ],
    ids=str,
)
def test_scales_that_reach_the_spends_pass(data: RegimeData, saturation: Saturation) -> None:
    check_scales(data, {"tv": (saturation,)})


@pytest.mark.parametrize("causal", [Polynomial(1), None], ids=["line", "spline"])
def test_no_difference_between_spends_is_an_error(data: RegimeData, causal: Polynomial | None) -> None:
    options = {} if causal is None else {"causal": causal}
    model = InterventionModel(transforms={"tv": Saturation("logistic", lam=30.0)}, graph="empty", **options)
    with pytest.raises(SpecError, match=r"logistic with lam=30.*no spend makes a difference.*lam=0\.02"):
        model.fit(data)


def test_candidates_that_tell_no_spends_apart_are_left_out(data: RegimeData) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        chosen, table = choose_transforms(data, {"tv": (Saturation("logistic", lam=[0.05, 50.0]),)}, Polynomial(1))
    assert len(table) == 1
    assert chosen["tv"][0].lam == 0.05  # type: ignore[union-attr]
