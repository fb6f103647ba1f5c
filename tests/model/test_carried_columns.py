"""Components as tensors, against their columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest

from bayes_ivgen import ActionGraph, BSpline, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.media import Saturation
from bayes_ivgen.model.carried_columns import random_columns, saturated
from bayes_ivgen.model.components import CausalComponent, ConfoundingComponent, InteractionComponent


@pytest.fixture(scope="module")
def data() -> RegimeData:
    rng = np.random.default_rng(0)
    n = 240
    frame = pd.DataFrame(rng.gamma(2.0, 10.0, (n, 3)), columns=["tv", "web", "radio"])
    frame["shop"] = rng.choice(["a", "b", "c"], n)
    frame["town"] = rng.choice(["x", "y"], n)
    frame["season"] = rng.normal(size=n)
    frame["y"] = rng.normal(size=n)
    frame["regime"] = np.repeat(["obs", "do(tv)", "do(web)", "do(radio)"], n // 4)
    return RegimeData.from_frame(
        frame, outcome="y", actions=["tv", "web", "radio"], covariates=["shop", "town", "season"]
    )


BASES = {
    "learned": BSpline(8),
    "linear": BSpline(6, tail="linear", knots="equidistant"),
    "clip": BSpline(5, degree=2, tail="clip"),
    "line": Polynomial(1),
    "cubic": Polynomial(3),
    "clipped cubic": Polynomial(3, tail="clip"),
}
SATURATIONS = {
    "hill": Saturation("hill", kappa=20.0, slope=1.5),
    "logistic": Saturation("logistic", lam=0.1),
    "michaelis_menten": Saturation("michaelis_menten", lam=15.0),
}


@pytest.mark.parametrize(
    ("basis", "saturation"),
    [*((basis, None) for basis in BASES), *((basis, s) for basis in ("learned", "cubic") for s in SATURATIONS)],
)
def test_components_as_tensors_are_their_columns(data: RegimeData, basis: str, saturation: str | None) -> None:
    """Also beyond the boundary knots; labels stay arrays."""
    model = InterventionModel(
        causal=BASES[basis],
        confounding=BASES[basis],
        graph=ActionGraph({"web": ["tv"], "radio": ["tv", "web"]}),
        synergy=[("tv", "web")],
        covariates={"shop": "causal", "town": "confounding", "season": "confounding"},
        transforms=None if saturation is None else {"tv": SATURATIONS[saturation]},
    )
    design = model.design(data)
    rng = np.random.default_rng(1)
    spends = rng.gamma(2.0, 15.0, (30, 3))
    spends[0], spends[1] = 0.0, 300.0
    values = dict(zip(design.actions, spends.T, strict=True))
    values |= {
        "shop": rng.integers(0, 3, 30) * 1.0,
        "town": rng.integers(0, 2, 30) * 1.0,
        "season": rng.normal(size=30),
    }
    random = {name: pt.as_tensor(x) if name in ("tv", "web") else x for name, x in values.items()}
    kinds = set()
    for component in design.components:
        if not isinstance(component, CausalComponent | InteractionComponent | ConfoundingComponent):
            continue
        if isinstance(component, CausalComponent) and component.action == "radio":
            continue
        size = sum(term.size for term in component.terms)
        found = pt.as_tensor(random_columns(component, random)).eval()
        assert found.shape == (30, size)
        expected = component.columns(values)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
        kinds.add(type(component))
    assert len(kinds) == 3


@pytest.mark.parametrize("kappa", [20.0, 20.1])
def test_parameters_that_are_numbers_have_double_precision(kappa: float) -> None:
    """20.0 is exact in single precision, its logarithm is not."""
    x = np.linspace(1.0, 90.0, 30)
    found = saturated("hill", {"kappa": kappa, "slope": pt.as_tensor(1.5)}, pt.as_tensor(x)).eval()
    np.testing.assert_allclose(found, Saturation("hill", kappa=kappa, slope=1.5)(x), rtol=1e-13)
