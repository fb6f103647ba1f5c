"""Gaussian observations of linear functions of the coefficients, with known noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.model.components import CausalComponent
from bayes_ivgen.model.design import Design


@dataclass(frozen=True, eq=False)
class LinearObservations:
    """``values ~ Normal(rows @ beta, sd)``, in units of the outcome's standard deviation.

    They add ``gram`` to the information H and ``cross`` to its right-hand side h (docs/theory/lift_tests.md).

    Attributes
    ----------
    rows : ndarray of shape (n, P)
        Linear functions of the coefficients.
    values, sd : ndarray of shape (n,)
        What was observed, and its known standard error.
    """

    rows: FloatArray = field(repr=False)
    values: FloatArray = field(repr=False)
    sd: FloatArray = field(repr=False)

    @classmethod
    def of_lift_tests(cls, tests: LiftTests, design: Design) -> Self:
        """Differences of causal columns: m_k(x + delta_x) - m_k(x)."""
        rows = np.zeros((len(tests), design.n_coefficients))
        for component, columns in zip(design.components, design.component_slices, strict=True):
            if not isinstance(component, CausalComponent) or component.action not in tests.actions:
                continue
            chosen = np.flatnonzero([name == component.action for name in tests.actions])
            before, after = tests.x[chosen], (tests.x + tests.delta_x)[chosen]
            rows[chosen, columns] = component.columns({component.action: after}) - component.columns(
                {component.action: before}
            )
        return cls(rows, tests.delta_y / design.outcome_sd, tests.sigma / design.outcome_sd)

    @cached_property
    def gram(self) -> FloatArray:
        """Sum of x x' / sd^2; shape (P, P)."""
        scaled = self.rows / self.sd[:, None]
        return scaled.T @ scaled

    @cached_property
    def cross(self) -> FloatArray:
        """Sum of x y / sd^2; shape (P,)."""
        return self.rows.T @ (self.values / self.sd**2)

    def log_density(self, beta: FloatArray, scale: float) -> FloatArray:
        """Log density of each observation at draws of the coefficients (..., P), in original units; (..., n)."""
        z = (self.values - beta @ self.rows.T) / self.sd
        return -0.5 * z**2 - np.log(scale * self.sd) - 0.5 * np.log(2 * np.pi)
