"""Mean and covariance of the coefficients, and what more rows do to them (docs/theory/design_of_experiments.md).

Given all scales beta is Gaussian: beta ~ N(mu, Sigma), Sigma = (H + D)^-1, mu = Sigma h. Over the scales

    M = E[Sigma] + Cov(mu)

is the posterior covariance, here an average over a few draws of the scales. It needs far fewer draws than the
covariance of the draws of beta, has full rank, and its first part alone would be too small by what the scales
leave open. n rows x_i with noise variance v add n X'X / v to its inverse, X'X the mean of x_i x_i':

    M_n = (M^-1 + n X'X / v)^-1,

the variance of the best linear estimate: exact at known scales, else an upper bound of the expected posterior
variance (Hartigan 1969; Goldstein and Wooff 2007).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.conjugate import GibbsProblem

SCALE_DRAWS = 128  # of the scales, over which is averaged


class Scales(NamedTuple):
    """Draws of the scales: tau (S, terms) and sigma (S, noise scales)."""

    tau: FloatArray
    sigma: FloatArray

    def thinned(self, most: int = SCALE_DRAWS) -> Scales:
        """Evenly spaced draws, no more than `most`."""
        if len(self.tau) <= most:
            return self
        kept = np.linspace(0, len(self.tau) - 1, most).astype(int)
        return Scales(self.tau[kept], self.sigma[kept])


@dataclass(frozen=True, eq=False)
class CoefficientMoments:
    """Posterior mean (P,) and covariance (P, P) of the coefficients, in units of the outcome's sd."""

    mean: FloatArray
    covariance: FloatArray = field(repr=False)

    @classmethod
    def of(cls, problem: GibbsProblem, scales: Scales) -> Self:
        """Average the Gaussian moments over draws of the scales."""
        means, inside = [], np.zeros((problem.design.n_coefficients,) * 2)
        prior = np.full(problem.design.n_coefficients, problem.priors.alpha_sd)
        for tau, sigma in zip(*scales, strict=True):
            prior[1:] = tau[problem.design.term_index]
            information, right = problem.information(sigma**-2.0)
            # In units of the prior's sd nothing is large beside the identity that is added.
            scaled = prior[:, None] * information * prior
            scaled[np.diag_indices_from(scaled)] += 1.0
            factor = cho_factor(scaled, lower=True)
            inside += prior[:, None] * cho_solve(factor, np.diag(prior)) / len(scales.tau)
            means.append(prior * cho_solve(factor, prior * right))
        stacked = np.array(means)
        centred = stacked - stacked.mean(axis=0)
        between = centred.T @ centred / max(len(stacked) - 1, 1)
        return cls(stacked.mean(axis=0), (inside + inside.T) / 2 + between)

    @cached_property
    def root(self) -> FloatArray:
        """A matrix R with R R' = M; shape (P, P)."""
        sd = np.sqrt(np.diag(self.covariance))
        values, vectors = np.linalg.eigh(self.covariance / np.outer(sd, sd))
        return np.asarray(sd[:, None] * vectors * np.sqrt(np.maximum(values, 0.0)))

    def variance(self, rows: FloatArray) -> FloatArray:
        """Covariance of linear functions c'beta, one a row of (q, P); shape (q, q)."""
        half = rows @ self.root
        return half @ half.T

    def learn(self, gram: FloatArray, noise: float) -> Learning:
        """Prepare for any number of rows of one kind.

        Parameters
        ----------
        gram : ndarray of shape (P, P)
            Mean of x_i x_i' over rows of the experiment.
        noise : float
            Their noise variance.
        """
        information = self.root.T @ (gram / noise) @ self.root
        values, vectors = np.linalg.eigh((information + information.T) / 2)
        return Learning(self.root @ vectors, np.maximum(values, 0.0))


class Learning(NamedTuple):
    """M_n for every n at once: ``axes @ diag(1 / (1 + n gains)) @ axes'``.

    ``axes`` (P, P) and ``gains`` (P,): the information of one row along them.
    """

    axes: FloatArray
    gains: FloatArray

    def after(self, rows: FloatArray, n: float) -> FloatArray:
        """Covariance of c'beta, c the rows of (q, P), once n rows are in; shape (q, q)."""
        half = rows @ self.axes
        return np.asarray((half / (1.0 + n * self.gains)) @ half.T)

    def learned(self, rows: FloatArray, n: float) -> FloatArray:
        """Covariance of what their posterior means will turn out to be: before less after, without cancellation."""
        half = rows @ self.axes
        return np.asarray((half * (n * self.gains / (1.0 + n * self.gains))) @ half.T)
