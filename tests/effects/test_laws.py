"""Conditional laws against the laws that made the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_ivgen.effects.laws import DiscreteLaw, LocationScaleLaw, MixedLaw, Rows, fit_law
from bayes_ivgen.effects.natural_rows import MAX_GROUPS, REPLICATES, NaturalRows

FloatArray = np.ndarray


def rows_of(causes: FloatArray, values: FloatArray) -> Rows:
    n = len(values)
    natural = NaturalRows(("x",), values[:, None], np.zeros((n, 1), dtype=bool))
    return Rows(causes, values, natural.group, natural.weights)


def drawn(law: object, at: list[float], m: int = 2000) -> FloatArray:
    """Draws of every replicate at one value of the causes, (replicate, m)."""
    causes = np.broadcast_to(np.array(at, dtype=float), (REPLICATES, m, len(at)))
    uniform = np.broadcast_to((np.arange(m) + 0.5) / m, (REPLICATES, m))
    return law.draw(causes, uniform)  # type: ignore[attr-defined]


def test_a_table_of_few_levels_is_learned() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    causes = rng.integers(0, [3, 2], size=(n, 2)).astype(float)
    truth = rng.dirichlet(np.ones(3), size=(3, 2))  # no additive structure
    values = np.array([rng.choice([-1.0, 0.5, 4.0], p=truth[int(a), int(b)]) for a, b in causes])
    law = fit_law(rows_of(causes, values))
    assert isinstance(law, DiscreteLaw)
    for a in range(3):
        for b in range(2):
            p = law.probabilities(np.full((REPLICATES, 1, 2), [a, b]))[:, 0]
            spread = np.sqrt(truth[a, b] * (1 - truth[a, b]) / (n / 6))
            assert (np.abs(p.mean(axis=0) - truth[a, b]) < 4 * spread + 1e-3).all()
            # the replicates vary as much as the estimate is uncertain: 32 of them, so within a factor of two
            ratio = p.std(axis=0, ddof=1) / spread
            assert (ratio > 0.5).all()
            assert (ratio < 2).all()
            shares = [(drawn(law, [a, b]) == level).mean() for level in (-1.0, 0.5, 4.0)]
            np.testing.assert_allclose(shares, p.mean(axis=0), atol=1e-3)


def test_a_cell_without_rows_takes_what_the_causes_say_one_by_one() -> None:
    rng = np.random.default_rng(1)
    causes = rng.integers(0, 2, size=(4000, 2)).astype(float)
    causes = causes[~(causes == 1).all(axis=1)]  # never both
    values = (rng.random(len(causes)) < 0.1 + 0.4 * causes[:, 0] + 0.3 * causes[:, 1]).astype(float)
    law = fit_law(rows_of(causes, values))
    assert isinstance(law, DiscreteLaw)
    p = law.probabilities(np.ones((REPLICATES, 1, 2)))[:, 0, 1]
    assert abs(p.mean() - 0.8) < 0.1  # 0.5 if only the overall share were known


def test_causes_and_actions_with_many_labels_are_tables() -> None:
    """Codes of 20 shops are no scale: no line or spline over them, and no value between them."""
    rng = np.random.default_rng(3)
    n, shops = 20_000, 20
    level = rng.permutation(np.linspace(-3.0, 3.0, shops))
    shop, other = rng.integers(0, shops, n).astype(float), rng.normal(size=n)
    values = level[shop.astype(int)] + other + 0.5 * rng.normal(size=n)
    rows = replace(rows_of(np.column_stack([shop, other]), values), labels=(shops, 0))
    law = fit_law(rows)
    assert isinstance(law, LocationScaleLaw)
    means = [drawn(law, [k, 0.5]).mean() for k in range(shops)]
    np.testing.assert_allclose(means, level + 0.5, atol=5 * 0.5 / np.sqrt(n / shops))
    spline = fit_law(replace(rows, labels=()))
    assert max(abs(drawn(spline, [k, 0.5]).mean() - level[k] - 0.5) for k in range(shops)) > 0.5
    # and as the action itself: it copies its cause in half of the rows
    copied = np.where(rng.random(n) < 0.5, shop, rng.integers(0, shops, n))
    law = fit_law(replace(rows_of(shop[:, None], copied), labels=(shops,)), labelled=True)
    assert isinstance(law, DiscreteLaw)
    for k in (0.0, 7.0):
        found = drawn(law, [k])
        assert np.isin(found, np.arange(shops)).all()
        assert abs((found == k).mean() - 0.525) < 5 * 0.5 / np.sqrt(n / shops)


def test_few_rows_shrink_a_cell() -> None:
    causes = np.array([[0.0]] * 50 + [[1.0]])
    values = np.array([0.0, 1.0] * 25 + [1.0])
    law = fit_law(rows_of(causes, values))
    assert isinstance(law, DiscreteLaw)
    p = law.probabilities(np.ones((REPLICATES, 1, 1)))[:, 0, 1]
    assert (p < 1).all()
    assert (p > 0.4).all()


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_location_and_scale_are_learned(kind: str) -> None:
    rng = np.random.default_rng(2)
    n = 8000
    x = rng.uniform(0, 2, size=(n, 2))

    def centre(at: FloatArray) -> FloatArray:
        return 1 + np.sin(2 * at[..., 0]) + at[..., 1] ** 2

    noise = rng.gamma(4.0, 0.25, size=n)  # mean 1, sd 1/2, skewed
    values = centre(x) * noise if kind == "multiplicative" else centre(x) + noise - 1
    law = fit_law(rows_of(x, values))
    assert isinstance(law, LocationScaleLaw)
    for at in ([0.5, 0.5], [1.5, 1.0], [1.0, 1.8]):
        sd = 0.5 * (centre(np.array(at)) if kind == "multiplicative" else 1.0)
        found = drawn(law, at)
        # the error of a smooth fit at one point is that of some hundred rows around it
        assert abs(found.mean() - centre(np.array(at))) < 4 * sd / np.sqrt(n / 40)
        assert abs(found.std(axis=1).mean() / sd - 1) < 0.1
        skewness = ((found - found.mean()) ** 3).mean() / found.std() ** 3
        assert 0.7 < skewness < 1.3  # of a gamma law with shape 4: 1


def test_the_law_of_an_action_without_causes_is_its_bootstrap() -> None:
    values = np.random.default_rng(3).lognormal(size=300)
    law = fit_law(rows_of(np.empty((300, 0)), values))
    means = drawn(law, []).mean(axis=1)
    assert abs(means.mean() - values.mean()) < 4 * values.std() / np.sqrt(300 * REPLICATES)
    assert 0.7 < means.std(ddof=1) / (values.std() / np.sqrt(300)) < 1.4
    assert np.isin(drawn(law, [], m=50)[0].round(6), values.round(6)).mean() < 1  # weighted means move them a little
    assert drawn(law, []).min() >= values.min()


def test_a_frequent_value_keeps_its_probability() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 1, size=(6000, 1))
    off = rng.random(6000) < 0.2 + 0.6 * x[:, 0]
    values = np.where(off, 0.0, 5 + x[:, 0] + rng.normal(0, 0.5, 6000))
    law = fit_law(rows_of(x, values))
    assert isinstance(law, MixedLaw)
    for at in (0.2, 0.5, 0.8):
        found = drawn(law, [at])
        assert abs((found == 0).mean() - (0.2 + 0.6 * at)) < 0.05
        assert abs(found[found != 0].mean() - (5 + at)) < 0.05


def test_beyond_the_causes_seen_the_law_stays_as_at_the_boundary() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 1, size=(1000, 1))
    law = fit_law(rows_of(x, 3 * x[:, 0] + rng.normal(0, 0.1, 1000)))
    np.testing.assert_allclose(drawn(law, [1.01]), drawn(law, [50.0]))
    assert drawn(law, [50.0]).max() <= (3 * x[:, 0]).max() + 0.5


def test_an_action_that_its_cause_determines() -> None:
    x = np.random.default_rng(6).uniform(0, 1, size=(500, 1))
    law = fit_law(rows_of(x, 2 * x[:, 0]))
    np.testing.assert_allclose(drawn(law, [0.4]), 0.8, atol=1e-2)


def test_blocks_are_rows_until_there_are_many() -> None:
    few = NaturalRows(("x",), np.zeros((50, 1)), np.zeros((50, 1), dtype=bool))
    np.testing.assert_array_equal(few.group, np.arange(50))
    many = NaturalRows(("x",), np.zeros((5000, 1)), np.zeros((5000, 1), dtype=bool))
    sizes = np.bincount(many.group)
    assert len(sizes) == MAX_GROUPS
    assert sizes.max() - sizes.min() <= 1
    assert many.weights.shape == (REPLICATES, MAX_GROUPS)
    np.testing.assert_allclose(many.row_weights(np.arange(10)).sum(axis=1), 1)
