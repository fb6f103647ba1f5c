"""Marginal likelihood against dense matrices and differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from bayes_ivgen.inference.evidence import FLAT, PRIOR_SCALE, log_evidence, maximal_evidence


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 5))])
    y = x @ np.array([0.3, 1.0, -0.5, 0.0, 0.1, 0.0]) + 0.4 * rng.normal(size=40)
    return x, y, np.array([-1, 0, 0, 1, 1, 1])


def test_it_is_the_density_of_a_normal_vector(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, groups = rows
    scales = np.log([0.7, 0.2, 0.5])
    variance = np.append(np.exp(2 * scales[:-1]), 1 / FLAT)[groups]
    dense = x @ np.diag(variance) @ x.T + np.exp(2 * scales[-1]) * np.eye(len(y))
    value, _ = log_evidence(x.T @ x, x.T @ y, y @ y, len(y), groups, scales)
    assert value == pytest.approx(multivariate_normal(np.zeros(len(y)), dense).logpdf(y), rel=1e-9)


def test_its_gradient_is_that_of_differences(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, groups = rows
    at = np.log([0.3, 0.1, 0.6])

    def value(scales: np.ndarray) -> float:
        return log_evidence(x.T @ x, x.T @ y, y @ y, len(y), groups, scales)[0]

    _, gradient = log_evidence(x.T @ x, x.T @ y, y @ y, len(y), groups, at)
    np.testing.assert_allclose(gradient, approx_fprime(at, value, 1e-6), rtol=1e-4, atol=1e-4)


def test_the_maximum_is_one(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    x, y, groups = rows
    found = maximal_evidence(x.T @ x, x.T @ y, y @ y, len(y), groups)

    def total(scales: np.ndarray) -> float:
        prior = np.sum(scales[:-1] - np.log1p(np.exp(2 * (scales[:-1] - np.log(PRIOR_SCALE)))))
        return log_evidence(x.T @ x, x.T @ y, y @ y, len(y), groups, scales)[0] + float(prior)

    assert found.value == pytest.approx(total(found.scales))
    rng = np.random.default_rng(1)
    assert all(total(found.scales + 0.3 * rng.normal(size=3)) <= found.value for _ in range(50))
    again = maximal_evidence(x.T @ x, x.T @ y, y @ y, len(y), groups, start=found.scales + 0.5)
    assert again.value == pytest.approx(found.value, abs=1e-3)
