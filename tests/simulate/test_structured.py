"""Smooth worlds with synergy, a covariate and blocks: the closed forms against the rows themselves."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate import structured

DIALS = {
    "plain": {},
    "synergy": {"synergy": 1.0},
    "covariate": {"covariate": 1.0, "predicts": 0.6},
    "blocks": {"blocks": [["a1", "a3"]], "edge_probability": 1.0},
    "all": {"synergy": 0.5, "covariate": 1.0, "predicts": 0.3, "blocks": [["a1", "a2"]]},
}


@pytest.mark.parametrize("dials", DIALS.values(), ids=list(DIALS))
@pytest.mark.parametrize("regime", ["obs", "do(a1)", "do(a2)", "do(a1,a3)", "do(a1,a2,a3)"])
def test_what_is_left_of_y_is_unrelated_to_the_actions(dials: dict, regime: str) -> None:
    """Y - E[Y | a, x, R] has mean zero given (a, x): no moment with functions of them beyond chance."""
    world = structured(3, seed=5, **dials)
    rows = world.sample(40_000, regime, seed=1)
    values = rows[list(world.actions)]
    known = world.effect_at(values, rows["x"], do=regime) if "x" in rows else world.effect(values, do=regime)
    error = rows["y"].to_numpy() - known
    variables = [rows[name].to_numpy() for name in rows if name != "y"]
    functions = [np.ones(len(rows)), *variables, *(np.sin(v) for v in variables)]
    functions += [first * second for first, second in combinations(variables, 2)]
    z = [np.mean(error * f) / (np.std(error * f) / np.sqrt(len(rows))) for f in functions]
    assert np.abs(z).max() < 4.5


def test_the_average_over_the_law_of_x() -> None:
    world = structured(2, seed=0, covariate=1.0, predicts=0.5)
    points = np.random.default_rng(0).normal(size=(20, 2))
    x = np.random.default_rng(1).normal(0.3, 1.2, 5000)
    direct = np.mean([world.effect_at(points, value) for value in x], axis=0)
    np.testing.assert_allclose(world.averaged_effect(points, x), direct, rtol=1e-10)
    for do in (None, "do(a1)"):
        nodes, weights = np.polynomial.hermite_e.hermegauss(8)
        normal = sum(w * world.effect_at(points, node, do) for node, w in zip(nodes, weights, strict=True))
        np.testing.assert_allclose(world.effect(points, do), normal / weights.sum(), rtol=1e-10)


def test_dials_that_are_off_leave_no_trace() -> None:
    world = structured(3, seed=0)
    assert list(world.sample(2).columns) == ["a1", "a2", "a3", "y"]
    assert not world.product.any()
    assert not world.moved.any()
    assert world.trend == (0.0, 0.0)
    assert world.blocks == [["a1"], ["a2"], ["a3"]]
    assert not structured(2, seed=0, separable=True).mix.any()
    with pytest.raises(
        QueryError, match=r"has no covariate; call effect\(values, do\), or structured\(covariate=1.0\)"
    ):
        world.effect_at([[0, 0, 0]], 1.0)


def test_set_actions_have_their_natural_spread() -> None:
    world = structured(3, seed=1, covariate=1.0, predicts=0.5, blocks=[["a1", "a2"]])
    natural, tested = world.sample(40_000, seed=0), world.sample(40_000, "do(a1,a2,a3)", seed=0)
    for action in world.actions:
        assert tested[action].std() == pytest.approx(natural[action].std(), rel=0.03)


@pytest.mark.parametrize(
    ("bad", "message", "mended"),
    [
        ({"predicts": 0.5}, "needs covariate above zero", {"predicts": 0.5, "covariate": 1.0}),
        ({"predicts": 1.0, "covariate": 1.0}, "must be below 1", {"predicts": 0.9, "covariate": 1.0}),
        ({"blocks": [["a1", "a9"]]}, "blocks names 'a9'", {"blocks": [["a1", "a2"]]}),
        (
            {"blocks": [["a1", "a2"], ["a2"]]},
            "'a2', which is not an action or stands twice",
            {"blocks": [["a1", "a2"]]},
        ),
    ],
)
def test_arguments_are_checked(bad: dict, message: str, mended: dict) -> None:
    with pytest.raises(SpecError, match=message):
        structured(3, **bad)
    structured(3, **mended)
