"""The regression that all baselines share: polynomial ridge, its penalty chosen by cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import LinAlgWarning

from bayes_ivgen.baselines.contract import Experiment, FloatArray, Prediction
from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import BenchmarkError, DataError

ALPHAS = np.logspace(-8, -1, 8)
FOLDS = 3
LEAST_ROWS = 2 * FOLDS
RESIDUAL_QUANTILES = 1000


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A fitted regression of the outcome on all actions.

    Parameters
    ----------
    predict : callable
        From actions, shape (n, K), to means, shape (n,).
    residuals : numpy.ndarray, shape (rows,)
        Of the training rows.
    """

    predict: Callable[[FloatArray], FloatArray]
    residuals: FloatArray


def regime_rows(experiment: Experiment, *set_actions: str) -> pd.DataFrame:
    """Rows of the regime that sets `set_actions`; of ``obs`` where none is named.

    Raises
    ------
    DataError
        If there are none.
    """
    label = Regime.of(set_actions, experiment.actions).label
    rows = experiment.rows[experiment.rows["regime"] == label]
    if rows.empty:
        found = ", ".join(map(str, experiment.rows["regime"].unique()))
        raise DataError(
            f"this method needs rows of the regime {label!r}; there are rows of {found} only. Add them or leave it out."
        )
    return rows


def fit_ridge(experiment: Experiment, rows: pd.DataFrame, degree: int, *, additive: bool = False) -> RidgeFit:
    """Fit the authors' regression to `rows`.

    Monomials of total degree up to `degree`, standardised, ridge; its penalty is the one of `ALPHAS` with the
    best mean R-squared in 3-fold cross-validation.

    Parameters
    ----------
    experiment : Experiment
        Its seed shuffles the rows into the folds.
    rows : pandas.DataFrame
        Rows to be fitted.
    degree : int
        Degree of the polynomial.
    additive : bool
        Whether to leave out the monomials of more than one action.

    Raises
    ------
    BenchmarkError
        If scikit-learn is not installed.
    DataError
        If there are fewer than two rows a fold.

    Notes
    -----
    The authors' column of ones is left out: the scaler turns it into zeros, so that it changes no prediction.
    They shuffle when they split off test rows; here the folds are shuffled, since rows that lie regime by
    regime would otherwise put whole regimes into one fold.
    """
    try:
        from sklearn.linear_model import Ridge
        from sklearn.model_selection import GridSearchCV, KFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
    except ImportError as error:
        raise BenchmarkError(
            "this method needs scikit-learn; install it with: pip install 'bayes-ivgen[benchmark]'"
        ) from error
    if len(rows) < LEAST_ROWS:
        raise DataError(
            f"{FOLDS}-fold cross-validation needs {LEAST_ROWS} rows or more in each training set. Got {len(rows)} "
            f"of {', '.join(map(str, rows['regime'].unique()))}; add rows."
        )
    powers = FunctionTransformer(_powers, kw_args={"degree": degree})
    features = powers if additive else PolynomialFeatures(degree, include_bias=False)
    pipeline = make_pipeline(features, StandardScaler(copy=False), Ridge(copy_X=False))  # features are fresh: no copies
    folds = KFold(FOLDS, shuffle=True, random_state=experiment.seed)
    search = GridSearchCV(pipeline, {"ridge__alpha": ALPHAS}, cv=folds)
    actions, outcome = rows[list(experiment.actions)].to_numpy(dtype=float), rows[experiment.outcome].to_numpy(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)  # an action of few levels has collinear powers
        search.fit(actions, outcome)
    return RidgeFit(search.predict, outcome - search.predict(actions))


def predict(experiment: Experiment, fits: Sequence[RidgeFit], weights: Sequence[float] = (1.0,)) -> Prediction:
    """Weighted sum of fits; draws of the outcome add quantiles of all their residuals to the mean."""

    def mean(points: FloatArray) -> FloatArray:
        return sum((w * fit.predict(points) for w, fit in zip(weights, fits, strict=True)), np.zeros(len(points)))

    grid = (np.arange(RESIDUAL_QUANTILES) + 0.5) / RESIDUAL_QUANTILES
    spread = np.quantile(np.concatenate([fit.residuals for fit in fits]), grid)
    fresh = experiment.fresh[list(experiment.actions)].to_numpy(dtype=float)
    return Prediction(mean(experiment.queries), outcome_draws=mean(fresh) + spread[:, None])


def _powers(actions: FloatArray, degree: int) -> FloatArray:
    """Every action to the powers 1 to `degree`, without products."""
    return np.hstack([actions**power for power in range(1, degree + 1)])
