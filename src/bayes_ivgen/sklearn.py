"""The model as a scikit-learn regressor (extra ``sklearn``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd

from bayes_ivgen.basis import BSpline
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.regime import own_labels
from bayes_ivgen.errors import DataError, MissingPackageError, SpecError
from bayes_ivgen.interface import InterventionModel

try:
    from joblib import effective_n_jobs
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.metrics import r2_score
    from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError as _error:
    raise MissingPackageError(
        f"bayes_ivgen.sklearn needs scikit-learn 1.6 or later ({_error}); install it with: "
        "pip install 'bayes-ivgen[sklearn]'"
    ) from _error

JOINT = "joint"
UNLABELLED = (None, "obs", JOINT)


class InterventionRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """E[Y | a, R] as a scikit-learn regressor: features are actions and covariates, and one column says the regime.

    Parameters
    ----------
    actions : list of str, optional
        Names of the features that are actions; by default all that are not covariates. Columns of arrays are
        named ``x0``, ``x1`` and so on.
    regime : str
        Name of the column of X that says what was set in each row: ``obs``, ``do(tv)``, ``do(tv,web)``. It is no
        feature. Labels may also be passed beside X, ``fit(X, y, regime=labels)``.
    unlabelled : {None, "obs", "joint"}
        What rows without any label are when the model is fitted: an error; only watched; or rows in which all
        actions were set, as in a randomised experiment. Nothing in the rows tells which.
    covariates : list of str or mapping of str to role, optional
        Features that are covariates; as a mapping, with the roles of `InterventionModel`.
    regime_labels : mapping of str to list of str, optional
        Your own labels, as in `RegimeData.from_frame`.
    causal, confounding, graph, blocks, synergy, likelihood, link, noise, weights, priors
        As in `InterventionModel`; None for `causal` and `confounding` is its default, `BSpline`.
    draws, chains, tune, engine
        As in `InterventionModel.fit`.
    extrapolate : bool
        Predict far outside the values that were tried, without a warning.
    random_state : int, RandomState or None
        Seed of the draws.
    n_jobs : int or None
        Chains that run at the same time, and threads that sum rows; None is 1, -1 all cores.

    Attributes
    ----------
    fit_ : Fit
        The posterior, for all that one number a row does not say.
    actions_, covariates_ : tuple of str
        Features by their role.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn; the regime is not among them.

    Raises
    ------
    MissingPackageError
        At ``import bayes_ivgen.sklearn``, if scikit-learn is not installed.

    Examples
    --------
    >>> from bayes_ivgen.sklearn import InterventionRegressor
    >>> regressor = InterventionRegressor(draws=200, chains=2, random_state=0)
    >>> regressor.fit(rows[["regime", "tv", "web"]], rows["sales"]).actions_
    ('tv', 'web')
    >>> wishes = pd.DataFrame({"tv": [40, 60], "web": [30, 40]})
    >>> regressor.predict(wishes).shape  # E[sales | do(tv, web)]
    (2,)
    >>> regressor.fit_.contrast(do=plan, versus=now).neutral
    0.0
    """

    def __init__(
        self,
        actions: Sequence[str] | None = None,
        regime: str = "regime",
        *,
        unlabelled: str | None = None,
        covariates: Sequence[str] | Mapping[str, Any] | None = None,
        regime_labels: Mapping[str, Sequence[str]] | None = None,
        causal: Any = None,
        confounding: Any = None,
        graph: Any = "learn",
        blocks: Any = None,
        synergy: Any = False,
        likelihood: Any = "normal",
        link: Any = "identity",
        noise: Any = "additive",
        weights: Any = None,
        priors: Mapping[str, Any] | None = None,
        draws: int = 1000,
        chains: int = 4,
        tune: int = 200,
        engine: Any = "conjugate",
        extrapolate: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.actions = actions
        self.regime = regime
        self.unlabelled = unlabelled
        self.covariates = covariates
        self.regime_labels = regime_labels
        self.causal = causal
        self.confounding = confounding
        self.graph = graph
        self.blocks = blocks
        self.synergy = synergy
        self.likelihood = likelihood
        self.link = link
        self.noise = noise
        self.weights = weights
        self.priors = priors
        self.draws = draws
        self.chains = chains
        self.tune = tune
        self.engine = engine
        self.extrapolate = extrapolate
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, regime: Any = None, sample_weight: Any = None) -> Self:  # noqa: N803
        """Sample the posterior.

        Parameters
        ----------
        X : data frame or array of shape (n, features)
            Pandas, polars or pyarrow, with labels as in `RegimeData.from_frame`; or an array of numbers.
        y : array of shape (n,)
            The outcome.
        regime : str or array of shape (n,), optional
            Labels of the rows, if X has no column of them.
        sample_weight : array of shape (n,), optional
            How many rows like this one there are; rows of weight zero are left out.

        Returns
        -------
        InterventionRegressor
            Itself.

        Raises
        ------
        DataError
            If rows have no labels and `unlabelled` does not say what they are, have them twice, or cannot be read.
        SpecError
            If an argument of the model is not valid.

        Examples
        --------
        >>> from bayes_ivgen.sklearn import InterventionRegressor
        >>> regressor = InterventionRegressor(draws=100, chains=2, random_state=0)
        >>> regressor.fit(rows[["tv", "web"]], rows["sales"], regime=rows["regime"]).n_features_in_
        2
        """
        if self.unlabelled not in UNLABELLED:
            raise SpecError(f"unlabelled={self.unlabelled!r} is not known; valid are None, 'obs' and 'joint'.")
        table, labels = self._features(X, regime, reset=True)
        outcome = _outcome(y, len(table))
        if len(table) < 2:
            raise DataError(f"n_samples={len(table)} is too few to learn from; pass two rows or more.")
        self.covariates_ = tuple(self.covariates or ())
        self.actions_ = _checked_actions(table, self.actions, self.covariates_)
        if labels is None:
            labels = np.full(len(table), self._label_of_unlabelled())
        name, regime_name, weight_name = _free_names(table, [_name_of(y), self.regime, "sample_weight"])
        table = table.assign(**{name: outcome, regime_name: labels})
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, outcome, ensure_non_negative=True)
            table = table.assign(**{weight_name: sample_weight})[sample_weight > 0]
        data = RegimeData.from_frame(
            table,
            outcome=name,
            actions=self.actions_,
            covariates=self.covariates_,
            regime=regime_name,
            weights=None if sample_weight is None else weight_name,
            regime_labels=self.regime_labels,
        )
        self.fit_ = self._model().fit(
            data,
            draws=self.draws,
            chains=self.chains,
            tune=self.tune,
            engine=self.engine,
            seed=int(check_random_state(self.random_state).randint(2**31 - 1)),
            cores=effective_n_jobs(self.n_jobs),
            progressbar=False,
        )
        return self

    def predict(self, X: Any, regime: Any = None, return_std: bool = False) -> Any:  # noqa: N803
        """Posterior mean of E[Y | a, R] in each row.

        Parameters
        ----------
        X : data frame or array of shape (n, features)
            As in `fit`.
        regime : str or array of shape (n,), optional
            What is set in the rows that are asked about: a label for all, labels, or ``"joint"`` for all actions. By
            default the column of X, so that predictions are comparable with the outcomes of these rows, and without
            one ``"joint"``: E[Y | do(all actions)].
        return_std : bool
            Return also the posterior standard deviation of E[Y | a, R]: that of the mean, not of single outcomes.

        Returns
        -------
        ndarray of shape (n,), or two of them

        Raises
        ------
        IdentificationError
            If the rows of `fit` do not identify the effect; the message names the experiment that is missing.
        SupportError
            If a value lies far outside those that were tried.

        Warns
        -----
        SupportWarning
            If rows leave the region that the data support.

        Examples
        --------
        >>> from bayes_ivgen.sklearn import InterventionRegressor
        >>> regressor = InterventionRegressor(draws=200, chains=2, random_state=0)
        >>> wishes = pd.DataFrame({"tv": [40, 60], "web": [30, 40]})
        >>> mean, sd = regressor.fit(rows[["regime", "tv", "web"]], rows["sales"]).predict(wishes, return_std=True)
        >>> bool((regressor.predict(wishes, regime="obs") > mean).all())  # demand moves spends and sales
        True
        """
        check_is_fitted(self)
        table, labels = self._features(X, regime, reset=False)
        labels = np.full(len(table), JOINT, dtype=object) if labels is None else np.asarray(labels, dtype=object)
        found = np.empty((len(table), 2))
        for label in dict.fromkeys(labels.tolist()):
            rows = labels == label
            found[rows] = self._answers(table[rows], self._regime_of(label))
        return (found[:, 0], found[:, 1]) if return_std else found[:, 0]

    def score(self, X: Any, y: Any, sample_weight: Any = None, regime: Any = None) -> float:  # noqa: N803
        """R squared of `predict`, for rows of the regimes that X or `regime` says (``"joint"`` if neither does).

        Parameters
        ----------
        X : data frame or array of shape (n, features)
            As in `fit`.
        y : array of shape (n,)
            The outcome.
        sample_weight : array of shape (n,), optional
            How many rows like this one there are.
        regime : str or array of shape (n,), optional
            As in `predict`.

        Returns
        -------
        float

        Examples
        --------
        >>> from bayes_ivgen.sklearn import InterventionRegressor
        >>> features = rows[["regime", "tv", "web"]]
        >>> regressor = InterventionRegressor(draws=100, chains=2, random_state=0).fit(features, rows["sales"])
        >>> 0.2 < regressor.score(features, rows["sales"]) < 1
        True
        """
        return float(r2_score(y, self.predict(X, regime=regime), sample_weight=sample_weight))

    def _model(self) -> InterventionModel:
        return InterventionModel(
            causal=BSpline() if self.causal is None else self.causal,
            confounding=BSpline() if self.confounding is None else self.confounding,
            graph=self.graph,
            blocks=self.blocks,
            covariates=self.covariates if isinstance(self.covariates, Mapping) else None,
            synergy=self.synergy,
            likelihood=self.likelihood,
            link=self.link,
            noise=self.noise,
            weights=self.weights,
            priors=self.priors,
        )

    def _features(self, X: Any, regime: Any, *, reset: bool) -> tuple[pd.DataFrame, Any]:  # noqa: N803
        """Features as a table, and labels of the rows, None if there are none."""
        frame = nw.from_native(X, eager_only=True, pass_through=True)
        if isinstance(frame, nw.DataFrame):
            table = _as_pandas(frame)
            labels = table.pop(self.regime).to_numpy() if self.regime in table.columns else None
            validate_data(self, table, reset=reset, skip_check_array=True)
            table = table.reset_index(drop=True)
            if not any(isinstance(name, str) for name in table.columns):  # as scikit-learn: they are positions
                table.columns = _numbered(table)
        else:
            values = validate_data(self, X, reset=reset, dtype=np.float64)
            table, labels = pd.DataFrame(values, columns=_numbered(values)), None
        if regime is None:
            return table, labels
        if labels is not None:
            raise DataError(
                f"X has a column {self.regime!r}, and regime= is given too. Leave out one of them: drop the column, "
                "or pass regime=None."
            )
        labels = np.full(len(table), regime, dtype=object) if isinstance(regime, str) else column_or_1d(regime)
        check_consistent_length(table, labels)
        return table, labels

    def _label_of_unlabelled(self) -> str:
        if self.unlabelled is None:
            raise DataError(
                f"X has no column {self.regime!r} that says what was set in each row. Pass labels with "
                "fit(X, y, regime=labels), or say what all rows are: unlabelled='obs' (only watched) or "
                "unlabelled='joint' (all actions were set by the experimenter)."
            )
        return Regime(self.actions_).label if self.unlabelled == JOINT else Regime().label

    def _regime_of(self, label: Any) -> Regime:
        own = own_labels(self.regime_labels)
        if label in own:
            return Regime.of(own[label], self.actions_, label=label)
        return Regime(self.actions_) if label == JOINT else Regime.parse(label, self.actions_)

    def _answers(self, rows: pd.DataFrame, regime: Regime) -> Any:
        do, seen, fixed = (
            {name: rows[name].to_numpy() for name in names} or None
            for names in (
                regime.set_actions,
                [name for name in self.actions_ if not regime.sets(name)],
                self.covariates_,
            )
        )
        estimate = self.fit_.effect(do=do, given=seen, covariates=fixed, extrapolate=self.extrapolate)
        return estimate.summary()[["mean", "sd"]].to_numpy()


def _outcome(y: Any, n: int) -> Any:
    if y is None:
        raise DataError(
            "InterventionRegressor requires y to be passed, but the target y is None; pass one outcome a row."
        )
    outcome = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(outcome, np.empty(n))
    return outcome


def _checked_actions(table: pd.DataFrame, actions: Sequence[str] | None, covariates: Sequence[str]) -> tuple[str, ...]:
    names = [name for name in table.columns if name not in covariates]
    actions = tuple(names) if actions is None else tuple(actions)
    missing = next((name for name in (*actions, *covariates) if name not in table.columns), None)
    if missing is not None:
        raise DataError(
            f"X has no column {missing!r}; its features are {list(table.columns)}. Correct actions= or covariates=."
        )
    idle = next((name for name in names if name not in actions), None)
    if idle is not None:
        raise DataError(
            f"X has a column {idle!r} that is neither in actions nor in covariates; drop it, or add it to one of them."
        )
    return actions


def _as_pandas(frame: nw.DataFrame[Any]) -> pd.DataFrame:
    """Return a copy as pandas; an Enum of polars keeps its order."""
    table = frame.to_pandas().copy()
    if frame.implementation.is_polars():
        for name, dtype in frame.schema.items():
            if isinstance(dtype, nw.Enum):
                table[name] = pd.Categorical(frame[name].to_list(), list(dtype.categories), ordered=True)
    return table


def _numbered(table: Any) -> pd.Index:
    return pd.Index([f"x{k}" for k in range(table.shape[1])])


def _name_of(y: Any) -> str:
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else "y"


def _free_names(table: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """Names for further columns, each with underscores behind it until it is free."""
    taken = set(table.columns)
    found = []
    for name in wanted:
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(name)
    return found
