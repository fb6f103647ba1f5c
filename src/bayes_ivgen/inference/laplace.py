"""A Gaussian approximation of the likelihood of the coefficients, by Fisher scoring inside Gibbs sampling.

At a predictor eta each cell of n rows has the working response x'b + (ybar - mu) / (dmu/deta) and
the working weight n (dmu/deta)^2 / Var(Y). With them the model is the Gaussian one, whose Gibbs
sampler (`inference.conjugate`) also draws the scales. The predictor of its posterior mean is where
the next approximation is taken; four rounds suffice. The result starts NUTS and whitens its coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import special

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.inference.conjugate import ChainState, GibbsProblem
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.family_rows import CollapsedRows
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.statistics import SufficientStatistics

ROUNDS = 5
ITERATIONS = 60
LEAST_DISPERSION = 0.01
TAIL = 5.0  # degrees of freedom at the start
REACH = 4.0  # units by which the predictor may leave the range of the data


@dataclass(frozen=True, eq=False)
class Laplace:
    """Gaussian approximation exp(-b' H b / 2 + h' b) of the likelihood, and a place to start.

    Attributes
    ----------
    precision : ndarray of shape (P, P)
        H, in units of the coefficients.
    shift : ndarray of shape (P,)
        h.
    log_tau, log_hyper : ndarray
        Posterior means of the log scales under the approximation.
    spread : ndarray of shape (R,)
        Dispersion, or sigma in units of the outcome's standard deviation.
    """

    precision: FloatArray = field(repr=False)
    shift: FloatArray = field(repr=False)
    log_tau: FloatArray
    log_hyper: FloatArray
    spread: FloatArray

    def moments(self, design: Design, priors: Priors) -> tuple[FloatArray, FloatArray]:
        """Mean (P,) and lower factor of the precision (P, P) of the coefficients at these scales."""
        diagonal = np.append(priors.alpha_sd**-2, np.exp(-2 * self.log_tau)[design.term_index])
        factor = np.linalg.cholesky(self.precision + np.diag(diagonal))
        return np.linalg.solve(factor.T, np.linalg.solve(factor, self.shift)), factor


def approximate(
    rows: CollapsedRows,
    design: Design,
    priors: Priors,
    rng: np.random.Generator,
    fixed_spread: FloatArray | None = None,
    known: LinearObservations | None = None,
) -> Laplace:
    """Approximate the likelihood around its posterior mean.

    Parameters
    ----------
    rows : CollapsedRows
        The rows.
    design : Design
        Columns, centre and unit of the predictor.
    priors : Priors
        The priors.
    rng : Generator
        Random numbers of the Gibbs sampler.
    fixed_spread : ndarray of shape (R,), optional
        Spread of the regimes, by default estimated; zeros make a negative binomial law a Poisson law.
    known : LinearObservations, optional
        Lift tests: they are part of the approximation, and exact.
    """
    blocks = rows.blocks(design)
    start = np.full(len(rows.regimes), 1.0 if rows.family.spread == "sigma" else 0.5)
    spread = start if fixed_spread is None else fixed_spread
    eta = _smoothed(rows, design)
    for _ in range(ROUNDS):
        precision, shift = _information(rows, design, blocks, eta, spread, known)
        coefficients, log_tau, log_hyper = _average(design, priors, precision, shift, rng)
        eta = _predictor(design, blocks, coefficients)
        spread = _moments(rows, design, eta) if fixed_spread is None else fixed_spread
    precision, shift = _information(rows, design, blocks, eta, spread, known)
    return Laplace(precision, shift, log_tau, log_hyper, spread)


def _smoothed(rows: CollapsedRows, design: Design) -> FloatArray:
    """Predictor of the outcomes half-way between themselves and their mean: where scoring begins."""
    mean = rows.total / rows.count / np.exp(rows.log_exposure)
    overall = float(rows.link.mean(np.array(design.outcome_mean)))
    half = 0.5 * (mean + overall)
    if rows.link.name == "identity":
        return half
    return np.log(half) if rows.link.name == "log" else -np.log1p(-np.clip(half, 0.0, 0.5 * (1 + overall)))


def _predictor(design: Design, blocks: list[tuple[np.ndarray, FloatArray]], coefficients: FloatArray) -> FloatArray:
    scaled = np.concatenate([x @ coefficients[active] for active, x in blocks])
    return design.outcome_mean + design.outcome_sd * scaled


def _information(
    rows: CollapsedRows,
    design: Design,
    blocks: list[tuple[np.ndarray, FloatArray]],
    eta: FloatArray,
    spread: FloatArray,
    known: LinearObservations | None,
) -> tuple[FloatArray, FloatArray]:
    low, high = np.quantile(eta, [0.001, 0.999])
    eta = np.clip(eta, low - REACH * design.outcome_sd, high + REACH * design.outcome_sd)
    exposure = np.exp(rows.log_exposure)
    mean, slope = exposure * rows.link.mean(eta), exposure * rows.link.slope(eta)
    variance = _variance(rows, design, mean, spread[rows.regime], eta)
    weight = rows.count * slope**2 / variance * design.outcome_sd**2
    response = (eta - design.outcome_mean + (rows.total / rows.count - mean) / slope) / design.outcome_sd
    p = design.n_coefficients
    precision, shift = np.zeros((p, p)), np.zeros(p)
    for r, (active, x) in enumerate(blocks):
        here = rows.regime == r
        weighted = x * weight[here, None]
        precision[np.ix_(active, active)] += weighted.T @ x
        shift[active] += weighted.T @ response[here]
    return (precision, shift) if known is None else (precision + known.gram, shift + known.cross)


def _variance(rows: CollapsedRows, design: Design, mean: FloatArray, spread: FloatArray, eta: FloatArray) -> FloatArray:
    name = rows.family.name
    if name == "gamma":
        return spread * mean**2
    if name == "negative_binomial":
        return mean + spread * mean**2
    if name == "bernoulli":
        return np.maximum(mean * np.exp(-rows.link.hazard(eta, np)), 1e-12)
    z = (rows.total / rows.count - eta) / (design.outcome_sd * spread)  # EM weights of the t law
    return (design.outcome_sd * spread) ** 2 * (TAIL + z**2) / (TAIL + 1)


def _moments(rows: CollapsedRows, design: Design, eta: FloatArray) -> FloatArray:
    """Spread of each regime from the squared residuals of its rows, or their median for the t law."""
    if rows.family.spread is None:
        return np.zeros(len(rows.regimes))
    mean = (np.exp(rows.log_exposure) * rows.link.mean(eta))[rows.cell]
    regime = rows.regime[rows.cell]
    found: list[float] = []
    for r in range(len(rows.regimes)):
        here = regime == r
        y, mu, w = rows.outcome[here], mean[here], rows.weight[here]
        if rows.family.name == "gamma":
            found.append(_gamma_dispersion(y / mu, w))
        elif rows.family.name == "negative_binomial":
            found.append(float(w @ ((y - mu) ** 2 - mu) / (w @ mu**2)))
        else:
            median = np.quantile(np.abs(y - mu), 0.5, weights=w, method="inverted_cdf")
            found.append(float(median) / 0.7 / design.outcome_sd)
    return np.maximum(found, LEAST_DISPERSION)


def _gamma_dispersion(ratio: FloatArray, weight: FloatArray) -> float:
    """Dispersion of a gamma law by its likelihood: log k - digamma(k) = log mean - mean log."""
    mean, mean_log = (np.average(values, weights=weight) for values in (ratio, np.log(ratio)))
    gap = max(float(np.log(mean) - mean_log), 1e-8)
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(5):
        step = np.log(shape) - special.digamma(shape) - gap
        shape = 1 / (1 / shape + step / (shape**2 * (1 / shape - special.polygamma(1, shape))))
    return float(1 / shape)


def _average(
    design: Design, priors: Priors, precision: FloatArray, shift: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Posterior means of coefficients and log scales of the Gaussian model with unit noise."""
    statistics = SufficientStatistics(("all",), np.ones(1, dtype=np.int64), precision[None], shift[None], np.zeros(1))
    problem = GibbsProblem(design, statistics, priors)
    state: ChainState = replace(problem.initial(rng), log_sigma=np.zeros(1))
    kept = []
    for iteration in range(ITERATIONS):
        problem.step(state, rng, sigma_fixed=True)
        if iteration >= ITERATIONS // 2:
            kept.append(replace(state, log_tau=state.log_tau.copy(), log_hyper=state.log_hyper.copy()))
    return tuple(np.mean([getattr(item, name) for item in kept], axis=0) for name in ("beta", "log_tau", "log_hyper"))  # type: ignore[return-value]
