"""The scikit-learn regressor: scikit-learn's own checks, and what these do not know of: regimes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from bayes_ivgen import InterventionModel, Polynomial, RegimeData
from bayes_ivgen.errors import ConvergenceWarning, DataError, IdentificationError, SpecError
from bayes_ivgen.sklearn import InterventionRegressor

SMALL: dict[str, Any] = {
    "causal": Polynomial(1),
    "confounding": Polynomial(1),
    "draws": 100,
    "chains": 2,
    "tune": 100,
    "random_state": 0,
}
# Few draws of straight lines are enough for what is checked here.
pytestmark = [
    pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.DataWarning"),
    pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.SupportWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


CANNOT_APPLY = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weighted and repeated rows are summed in another order: predictions near zero agree to 1e-8 of the "
        "outcome's unit, as test_weights_are_repeated_rows checks, not to seven digits"
    ),
}
ESTIMATOR = InterventionRegressor(unlabelled="joint", extrapolate=True, **SMALL | {"draws": 50, "tune": 50})
# A list: pytest 9 warns of the generator that parametrize_with_checks of scikit-learn 1.6 hands on.
CHECKS = list(estimator_checks_generator(ESTIMATOR, mark="xfail", expected_failed_checks=CANNOT_APPLY))


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_the_checks_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows without structure, on purpose
        check(estimator)


@pytest.fixture(scope="module")
def rows(linear_rows: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    return linear_rows({"obs": 200, "do(a)": 200, "do(b)": 200}, seed=1)


@pytest.fixture(scope="module")
def fitted(rows: pd.DataFrame) -> InterventionRegressor:
    return InterventionRegressor(**SMALL).fit(rows[["regime", "a", "b"]], rows["y"])


def test_predictions_are_the_effects_of_the_fit(fitted: InterventionRegressor, rows: pd.DataFrame) -> None:
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    data = RegimeData.from_frame(rows, outcome="y", actions=["a", "b"])
    model = InterventionModel(causal=Polynomial(1), confounding=Polynomial(1))
    fit = model.fit(data, draws=100, chains=2, tune=100, seed=seed)
    plans = pd.DataFrame({"a": [0.0, 1.0], "b": [0.5, -0.5]}, index=["low", "high"])
    expected = fit.effect(do=plans).summary()
    mean, sd = fitted.predict(plans, return_std=True)
    np.testing.assert_allclose(mean, expected["mean"], rtol=1e-12)
    np.testing.assert_allclose(sd, expected["sd"], rtol=1e-12)
    assert fitted.fit_.outcome_name == "y"
    # what is seen and not set tells of its confounder
    seen = fit.effect(do=plans[["a"]], given=plans[["b"]]).summary()["mean"]
    np.testing.assert_allclose(fitted.predict(plans, regime="do(a)"), seen, rtol=1e-12)
    assert np.abs(seen - expected["mean"]).max() > 0.1


def test_each_row_is_predicted_in_its_own_regime(fitted: InterventionRegressor, rows: pd.DataFrame) -> None:
    X = rows[["regime", "a", "b"]].sample(60, random_state=0)
    found = fitted.predict(X)
    for label, part in X.groupby("regime"):
        alone = fitted.predict(part.drop(columns="regime"), regime=label)
        np.testing.assert_allclose(found[(X["regime"] == label).to_numpy()], alone, rtol=1e-12)
    beside = fitted.predict(X.drop(columns="regime"), regime=X["regime"])
    np.testing.assert_array_equal(found, beside)
    # R squared of the truth is about 0.5 here; joint effects say less about rows that were only watched.
    score = fitted.score(rows[["regime", "a", "b"]], rows["y"])
    assert score > fitted.score(rows[["a", "b"]], rows["y"], regime="joint") + 0.02
    assert 0.3 < score < 0.8


def test_arrays_with_labels_beside_them(fitted: InterventionRegressor, rows: pd.DataFrame) -> None:
    labels = rows["regime"].str.replace("a", "x0").str.replace("b)", "x1)", regex=False)
    regressor = InterventionRegressor(**SMALL).fit(rows[["a", "b"]].to_numpy(), rows["y"], regime=labels)
    plans = np.array([[0.0, 0.5], [1.0, -0.5]])
    expected = fitted.predict(pd.DataFrame(plans, columns=["a", "b"]))
    np.testing.assert_allclose(regressor.predict(plans), expected, rtol=1e-9)


def test_rows_without_labels_are_refused_until_somebody_says_what_they_are(rows: pd.DataFrame) -> None:
    X, y = rows[["a", "b"]], rows["y"]
    with pytest.raises(DataError, match=r"X has no column 'regime' .*unlabelled='obs' .* or unlabelled='joint'"):
        InterventionRegressor(**SMALL).fit(X, y)
    watched = InterventionRegressor(unlabelled="obs", **SMALL).fit(X, y)
    with pytest.raises(IdentificationError, match=r"Missing: rows of do\(a\) and do\(b\)|Missing: rows of"):
        watched.predict(X)
    assert watched.predict(X, regime="obs").shape == (600,)
    randomised = InterventionRegressor(unlabelled="joint", **SMALL).fit(X, y)
    assert randomised.predict(X).shape == (600,)
    with pytest.raises(SpecError, match="unlabelled='do' is not known; valid are None, 'obs' and 'joint'"):
        InterventionRegressor(unlabelled="do").fit(X, y)


def test_labels_and_columns_are_not_ignored(fitted: InterventionRegressor, rows: pd.DataFrame) -> None:
    X, y = rows[["regime", "a", "b"]], rows["y"]
    with pytest.raises(DataError, match="X has a column 'regime', and regime= is given too"):
        fitted.predict(X, regime="joint")
    assert fitted.predict(X.drop(columns="regime"), regime="joint").shape == (600,)
    with pytest.raises(DataError, match="X has a column 'b' that is neither in actions nor in covariates"):
        InterventionRegressor(actions=["a"], **SMALL).fit(X, y)
    with pytest.raises(DataError, match=r"X has no column 'c'; its features are \['a', 'b'\]"):
        InterventionRegressor(actions=["a", "c"], **SMALL).fit(X, y)


def test_weights_are_repeated_rows(rows: pd.DataFrame) -> None:
    some = rows.groupby("regime").head(60).reset_index(drop=True)
    weights = np.random.default_rng(0).integers(0, 4, len(some))
    X, y = some[["regime", "a", "b"]], some["y"]
    weighted = InterventionRegressor(**SMALL).fit(X, y, sample_weight=weights)
    index = np.repeat(np.arange(len(some)), weights)
    repeated = InterventionRegressor(**SMALL).fit(X.iloc[index], y.iloc[index])
    plans = pd.DataFrame({"a": [0.0, 1.0], "b": [0.5, -0.5]})
    np.testing.assert_allclose(weighted.predict(plans), repeated.predict(plans), atol=1e-7)


def test_labels_of_categories_covariates_and_polars(rows: pd.DataFrame) -> None:
    table = rows.assign(
        size=np.select([rows["a"] < -0.7, rows["a"] < 0.7], ["small", "medium"], "large"),
        x=np.random.default_rng(0).normal(size=len(rows)),
    )
    table["regime"] = table["regime"].replace({"do(a)": "spring", "do(b)": "do(b)"})
    X = pl.DataFrame(table[["regime", "size", "b", "x"]].to_dict("list")).with_columns(
        pl.col("size").cast(pl.Enum(["small", "medium", "large"]))
    )
    regressor = InterventionRegressor(covariates=["x"], regime_labels={"spring": ["size"]}, **SMALL)
    regressor.fit(X, pl.Series("y", rows["y"].to_list()))
    assert regressor.actions_ == ("size", "b")
    assert regressor.fit_.categories == {"size": ("small", "medium", "large")}
    found = regressor.predict(X[:5])
    expected = [
        regressor.fit_.effect(
            do={"size": row["size"]} if row["regime"] == "spring" else {},
            given={"b": row["b"]} | ({} if row["regime"] == "spring" else {"size": row["size"]}),
            covariates={"x": row["x"]},
        ).summary()["mean"][0]
        for row in X[:5].to_dicts()
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_parameters_clones_pipelines_and_grids(rows: pd.DataFrame) -> None:
    regressor = InterventionRegressor(**SMALL)
    assert clone(regressor).get_params()["causal"] == Polynomial(1)
    assert regressor.set_params(graph="empty").graph == "empty"
    X, y = rows[["regime", "a", "b"]], rows["y"]
    scaler = make_column_transformer(
        (StandardScaler(), ["a", "b"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipe = make_pipeline(scaler, InterventionRegressor(**SMALL))
    grid = {"interventionregressor__confounding": [Polynomial(1), "separable"]}
    search = GridSearchCV(pipe, grid, cv=KFold(2, shuffle=True, random_state=0)).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]
    plain = InterventionRegressor(**SMALL | {"confounding": search.best_params_[next(iter(grid))]}).fit(X, y)
    # Units make no difference, scaling included.
    np.testing.assert_allclose(search.predict(X), plain.predict(X), atol=0.05)


def test_a_missing_package_is_named_with_its_extra() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "try:\n    import bayes_ivgen.sklearn\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingPackageError bayes_ivgen.sklearn needs scikit-learn")
    assert "pip install 'bayes-ivgen[sklearn]'" in done.stdout


def test_warnings_of_few_draws_reach_the_user(rows: pd.DataFrame) -> None:
    with pytest.warns(ConvergenceWarning):
        InterventionRegressor(**SMALL | {"draws": 4, "tune": 0}).fit(rows[["regime", "a", "b"]], rows["y"])
