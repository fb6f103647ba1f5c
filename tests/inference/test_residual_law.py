"""The noise law of a regime that was never run, from the regimes that were."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bayes_ivgen.inference.residual_law import PROBABILITIES, ResidualLaw

WEIGHTS = np.array([-1.0, 1.0, 1.0])
N = 8_000


def _terms(rng: np.random.Generator, n: int, heavy: bool) -> dict[str, np.ndarray]:
    draw = (lambda scale: rng.gamma(1.0, scale, n) - scale) if heavy else (lambda scale: rng.normal(0.0, scale, n))
    return {
        "noise": rng.normal(0.0, 0.3, n),
        "int_1": draw(1.0),
        "int_2": draw(0.7),
        "obs_1": draw(0.4),
        "obs_2": draw(0.3),
    }


def _law(seed: int, *, heavy: bool, n: int = N) -> ResidualLaw:
    """Residuals of obs, do(1) and do(2), each a sum of independent terms as in design 1.3."""
    rng = np.random.default_rng(seed)
    errors = []
    for first, second in (("obs_1", "obs_2"), ("int_1", "obs_2"), ("obs_1", "int_2")):
        terms = _terms(rng, n, heavy)
        errors.append(terms["noise"] + terms[first] + terms[second])
    return ResidualLaw.of(("obs", "do(1)", "do(2)"), np.concatenate(errors), np.repeat(np.arange(3), n))


@pytest.mark.parametrize("heavy", [False, True])
def test_the_joint_law_is_that_of_the_sum_of_the_set_terms(*, heavy: bool) -> None:
    quantiles = _law(0, heavy=heavy).quantiles(WEIGHTS)
    terms = _terms(np.random.default_rng(1), 200_000, heavy)
    truth = terms["noise"] + terms["int_1"] + terms["int_2"]
    probability = (np.arange(PROBABILITIES) + 0.5) / PROBABILITIES
    expected = np.quantile(truth, probability)
    inner = (probability > 0.02) & (probability < 0.98)
    assert np.max(np.abs(quantiles - expected)[inner]) < 0.1 * truth.std()
    assert np.all(np.diff(quantiles) >= 0)
    wrong = np.sqrt(0.3**2 + 1.0 + 0.3**2) / truth.std()  # the spread of do(1) is not that of the joint regime
    assert abs(np.std(quantiles) / truth.std() - 1) < 0.03 < abs(wrong - 1)


def test_a_regime_at_hand_gives_back_its_own_residuals() -> None:
    rng = np.random.default_rng(2)
    values = rng.gamma(2.0, 1.0, N) - 2.0
    law = ResidualLaw.of(("obs",), values, np.zeros(N, dtype=int))
    inner = slice(PROBABILITIES // 50, -PROBABILITIES // 50)
    probability = (np.arange(PROBABILITIES) + 0.5) / PROBABILITIES
    expected = np.quantile(values, probability)
    np.testing.assert_allclose(law.quantiles(np.ones(1))[inner], expected[inner], atol=0.06)


def test_normal_residuals_are_called_normal_and_skewed_ones_are_not() -> None:
    assert sum(_law(seed, heavy=False, n=500).normal for seed in range(20)) >= 19
    assert not any(_law(seed, heavy=True, n=500).normal for seed in range(20))


def test_small_regimes_give_a_finite_law() -> None:
    law = _law(0, heavy=True, n=40)
    quantiles = law.quantiles(WEIGHTS)
    assert np.isfinite(quantiles).all()
    assert stats.iqr(quantiles) > 0


def test_storage_is_exact() -> None:
    law = _law(0, heavy=True, n=300)
    again = ResidualLaw.from_dataset(law.to_dataset())
    np.testing.assert_array_equal(again.quantiles(WEIGHTS), law.quantiles(WEIGHTS))
    assert (again.regimes, again.normal, again.scale) == (law.regimes, law.normal, law.scale)


def test_a_flat_law_keeps_its_shape_through_the_zeros_of_its_characteristic_function() -> None:
    # Setting the first action bares a flat confounder: its characteristic function changes sign at pi / width.
    n, width = 4_000, 3.0
    rng = np.random.default_rng(0)
    noise = [rng.normal(0.0, 0.3, n) for _ in range(3)]
    flat = rng.uniform(-width, width, n)
    errors = np.concatenate([noise[0], noise[1] + flat, noise[2] + rng.normal(0.0, 0.3, n)])
    law = ResidualLaw.of(("obs", "do(1)", "do(2)"), errors, np.repeat(np.arange(3), n))
    quantiles = law.quantiles(WEIGHTS)
    probability = (np.arange(PROBABILITIES) + 0.5) / PROBABILITIES
    many = np.random.default_rng(1)
    truth = many.uniform(-width, width, 400_000) + many.normal(0.0, np.hypot(0.3, 0.3), 400_000)
    inside = (probability > 0.03) & (probability < 0.97)
    # 0.13 here; 0.7 where the zero of the numerator ends what is used.
    np.testing.assert_allclose(quantiles[inside], np.quantile(truth, probability)[inside], atol=0.25)
