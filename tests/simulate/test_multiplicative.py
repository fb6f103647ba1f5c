"""Multiplicative worlds: the exact effects against simulation, in joint and mixed regimes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_ivgen.errors import SpecError
from bayes_ivgen.simulate import multiplicative

ROWS = 200_000


@pytest.mark.parametrize("kind", ["amount", "count", "sale"])
@pytest.mark.parametrize("regime", ["obs", "do(a2)", "do(a1,a2)"])
def test_the_outcome_has_the_stated_mean_in_every_regime(kind: str, regime: str) -> None:
    world = multiplicative(2, seed=3, kind=kind, synergy=0.0 if kind == "sale" else 0.2)
    rows = world.sample(ROWS, regime, seed=1)
    mean = world.effect(rows[["a1", "a2"]], do=regime)
    error = rows["y"].to_numpy() - mean
    # orthogonal to functions of the actions that the mean does not foresee, within Monte-Carlo error
    for weight in (np.ones(ROWS), np.tanh(rows["a1"]), np.tanh(rows["a2"]), np.tanh(rows["a1"] * rows["a2"])):
        moment = error * weight
        assert abs(moment.mean()) < 4.5 * moment.std() / np.sqrt(ROWS)


def test_quadrature_agrees_with_adaptive_integration() -> None:
    for kind in ("amount", "sale"):
        world = multiplicative(1, seed=2, kind=kind)
        for a in (-1.5, 0.2, 2.0):
            total = world.planning[0] ** 2 + world.noise[0] ** 2
            law = stats.norm(world.planning[0] * a / total, world.noise[0] / np.sqrt(total))

            def density(c: float, a: float = a, law: object = law, world: object = world) -> float:
                return float(world._factor(0, np.array(a), np.array(c)) * law.pdf(c))  # type: ignore[attr-defined]

            mean = integrate.quad(density, -12, 12, epsabs=1e-12, epsrel=1e-12)[0]
            expected = world._assemble(np.array([[a]]), np.array([mean]))[0]
            assert world.effect([[a]], do=[])[0] == pytest.approx(expected, rel=1e-9)


def test_counts_are_whole_amounts_positive_sales_binary() -> None:
    counts, amounts, sales = (
        multiplicative(2, seed=1, kind=kind).sample(500)["y"] for kind in ("count", "amount", "sale")
    )
    assert (counts == counts.round()).all()
    assert (amounts > 0).all()
    assert set(sales) == {0.0, 1.0}


def test_the_confounding_is_worth_removing() -> None:
    world = multiplicative(3, seed=1, kind="count")
    points = world.sample(2000, "do(a1,a2,a3)", seed=2)[list(world.actions)]
    gap = world.effect(points, do="obs") - world.effect(points)
    assert np.sqrt(np.mean(gap**2)) > 0.3 * world.effect(points).std()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="kind='poisson' is not known; valid are"):
        multiplicative(2, kind="poisson")  # type: ignore[arg-type]
    multiplicative(2, kind="count")
