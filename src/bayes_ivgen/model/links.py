"""Links: the scale on which components add up, and the way back to the mean (docs/theory/links.md).

identity         eta = mu              effects add up
log              eta = log(mu)         effects multiply:            Y = U prod_k f_k(A_k, C_k)
log_complement   eta = -log(1 - mu)    failures multiply:       1 - Y = prod_k (1 - f_k(A_k, C_k)) in the mean
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from bayes_ivgen.basis.base import FloatArray

LinkName = Literal["identity", "log", "log_complement"]
LINKS: tuple[str, ...] = get_args(LinkName)
FLOOR = 0.05  # width of the bend of log_complement above zero, in units of the mean predictor
LEAST = -500.0  # of eta / width: keeps exp above zero


@dataclass(frozen=True)
class Link:
    """One link, with the mean as a function of the additive predictor and back.

    Attributes
    ----------
    name : {"identity", "log", "log_complement"}
        The scale on which components add up.
    width : float
        Only for log_complement: -log(1 - mu) = width * log(1 + exp(eta / width)) is positive for
        every eta, and equal to eta but for exp(-eta / width) * width.
    """

    name: LinkName = "identity"
    width: float = 0.0

    @classmethod
    def of(cls, name: LinkName, unit: float) -> Link:
        """Return the link of a model whose predictor has this unit."""
        return cls(name, FLOOR * unit if name == "log_complement" else 0.0)

    @property
    def compares(self) -> Literal["difference", "ratio"] | None:
        """The comparison of two means that is a function of the difference of their predictors alone."""
        if self.name == "identity":
            return "difference"
        return "ratio" if self.name == "log" else None

    def mean(self, eta: FloatArray) -> FloatArray:
        """E[Y] at the predictor eta, any shape."""
        if self.name == "identity":
            return eta
        if self.name == "log":
            return np.exp(eta)
        return -np.expm1(-self.hazard(eta, np))

    def hazard(self, eta: Any, xp: Any) -> Any:
        """-log(1 - mu) at eta, for arrays (`xp` is numpy) and for tensors (`xp` is pytensor.tensor)."""
        scaled = xp.maximum(eta / self.width, LEAST)
        # max(x, 0) + log(1 + exp(-|x|)): no overflow, whatever eta is
        return self.width * (xp.maximum(scaled, 0.0) + xp.log1p(xp.exp(-xp.abs(scaled))))

    def slope(self, eta: FloatArray) -> FloatArray:
        """Return the derivative of the mean by the predictor."""
        if self.name == "identity":
            return np.ones_like(eta)
        if self.name == "log":
            return np.exp(eta)
        scaled = np.maximum(eta / self.width, LEAST)
        return np.exp(-self.hazard(eta, np)) / (1.0 + np.exp(-scaled))

    def factor(self, shift: FloatArray) -> FloatArray:
        """Return what a shift of the predictor adds to the mean, or its factor, or that of 1 - mean."""
        if self.name == "identity":
            return shift
        return np.exp(shift if self.name == "log" else -shift)
