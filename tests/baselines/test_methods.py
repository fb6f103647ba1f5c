"""Every baseline: exact where it must be, finite, deterministic, blind to what it may not see."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from bayes_ivgen import baselines
from bayes_ivgen.baselines import Experiment, Method, _ridge
from bayes_ivgen.errors import BenchmarkError, DataError

FloatArray = npt.NDArray[np.float64]

ALL: tuple[Method, ...] = (
    baselines.plug_in,
    baselines.observational,
    baselines.pooled,
    baselines.joint_topline,
    baselines.additive_joint_topline,
    baselines.constant,
)
RIDGES = ALL[:-1]
TOPLINES = ALL[3:5]
every_method = pytest.mark.parametrize("method", ALL, ids=lambda method: method.__name__)
every_ridge = pytest.mark.parametrize("method", RIDGES, ids=lambda method: method.__name__)


def causal(a: FloatArray) -> FloatArray:
    """2 + sum_k m_k(a_k), cubic."""
    k = np.arange(1, a.shape[1] + 1)
    return 2.0 + (a * k - 0.5 * a**2 + 0.2 * a**3 / k).sum(axis=1)


def confounding(a: FloatArray, unset: FloatArray) -> FloatArray:
    """sum over unset k of c_k(a_k, a_k-1); its level is not zero."""
    before = np.roll(a, 1, axis=1)
    return ((0.7 + 0.9 * a - 0.4 * before * a) * unset).sum(axis=1)


def make_experiment(
    k: int = 3, n: int = 120, *, confounded: float = 1.0, noise: float = 0.0, seed: int = 0
) -> Experiment:
    """Rows whose outcome is E[Y | a, R] itself, plus noise where asked for; E[Y | do(a)] is `causal`."""
    rng = np.random.default_rng(seed)
    actions = [f"a{i + 1}" for i in range(k)]

    def draw(*targets: int, rows: int = n) -> pd.DataFrame:
        a = rng.normal(size=(rows, k))
        unset = np.array([float(i not in targets) for i in range(k)])
        y = causal(a) + confounded * confounding(a, unset) + noise * rng.normal(size=rows)
        label = f"do({','.join(actions[i] for i in targets)})" if targets else "obs"
        return pd.DataFrame(a, columns=actions).assign(y=y, regime=label)

    rows = pd.concat([draw(), *(draw(i) for i in range(k))], ignore_index=True)
    joint = draw(*range(k), rows=n * (k + 1))
    return Experiment(tuple(actions), "y", rows, joint, rng.normal(size=(40, k)), draw(*range(k), rows=25), seed)


class TestExact:
    """Without noise each method returns the function that its formula names."""

    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_plug_in_recovers_the_joint_effect_under_confounding(self, k: int) -> None:
        experiment = make_experiment(k)
        np.testing.assert_allclose(baselines.plug_in(experiment).mean, causal(experiment.queries), atol=1e-6)

    @pytest.mark.parametrize("method", TOPLINES, ids=lambda method: method.__name__)
    def test_toplines_recover_the_joint_effect(self, method: Method) -> None:
        experiment = make_experiment()
        np.testing.assert_allclose(method(experiment).mean, causal(experiment.queries), atol=1e-6)

    def test_observational_returns_the_seen_mean_and_not_the_effect(self) -> None:
        experiment = make_experiment()
        seen = causal(experiment.queries) + confounding(experiment.queries, np.ones(3))
        mean = baselines.observational(experiment).mean
        np.testing.assert_allclose(mean, seen, atol=1e-6)
        assert np.abs(mean - causal(experiment.queries)).mean() > 0.5

    def test_pooled_is_exact_without_confounding_and_wrong_with_it(self) -> None:
        clean, confounded = make_experiment(confounded=0.0), make_experiment()
        np.testing.assert_allclose(baselines.pooled(clean).mean, causal(clean.queries), atol=1e-6)
        assert np.abs(baselines.pooled(confounded).mean - causal(confounded.queries)).mean() > 0.5

    def test_constant_is_the_mean_of_all_rows(self) -> None:
        experiment = make_experiment()
        assert np.unique(baselines.constant(experiment).mean) == pytest.approx([experiment.rows["y"].mean()])

    def test_degree_one_is_exact_in_linear_data_only(self) -> None:
        experiment = make_experiment()
        linear = experiment.joint_rows.assign(y=experiment.joint_rows[list(experiment.actions)] @ [1.0, -2.0, 0.5])
        straight = baselines.joint_topline(replace(experiment, joint_rows=linear), degree=1)
        np.testing.assert_allclose(straight.mean, experiment.queries @ [1.0, -2.0, 0.5], atol=1e-6)
        bent = baselines.joint_topline(experiment, degree=1)
        assert np.abs(bent.mean - causal(experiment.queries)).mean() > 0.1

    def test_additive_topline_has_no_products(self) -> None:
        experiment = make_experiment()
        product = experiment.joint_rows.assign(y=experiment.joint_rows["a1"] * experiment.joint_rows["a2"])
        experiment = replace(experiment, joint_rows=product)
        truth = experiment.queries[:, 0] * experiment.queries[:, 1]
        np.testing.assert_allclose(baselines.joint_topline(experiment).mean, truth, atol=1e-6)
        assert np.abs(baselines.additive_joint_topline(experiment).mean - truth).mean() > 0.2


class TestFormula:
    """The authors' estimator, from its parts."""

    def test_plug_in_by_hand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_ridge, "ALPHAS", np.array([5.0]))
        experiment = make_experiment(2, noise=1.0)

        def surface(label: str) -> FloatArray:
            rows = experiment.rows[experiment.rows["regime"] == label]

            def monomials(a: FloatArray) -> FloatArray:
                x, z = a.T
                return np.stack([x, z, x**2, x * z, z**2, x**3, x**2 * z, x * z**2, z**3], axis=1)

            raw, y = monomials(rows[["a1", "a2"]].to_numpy()), rows["y"].to_numpy()
            centre, scale = raw.mean(axis=0), raw.std(axis=0)
            x = (raw - centre) / scale
            beta = np.linalg.solve(x.T @ x + 5.0 * np.eye(9), x.T @ (y - y.mean()))
            return y.mean() + (monomials(experiment.queries) - centre) / scale @ beta

        by_hand = surface("do(a1)") + surface("do(a2)") - surface("obs")
        np.testing.assert_allclose(baselines.plug_in(experiment).mean, by_hand, rtol=1e-9)

    def test_the_penalty_is_chosen_by_shuffled_threefold_cross_validation(self) -> None:
        experiment = make_experiment(2, 20, seed=2)
        rows = experiment.joint_rows.sort_values("a1")  # folds of sorted rows would prefer another penalty
        rows["y"] = rows["a1"] ** 5
        x, y = rows[["a1", "a2"]].to_numpy(), rows["y"].to_numpy()

        def authors(folds: KFold) -> FloatArray:
            pipeline = make_pipeline(PolynomialFeatures(3), StandardScaler(), Ridge())
            search = GridSearchCV(pipeline, {"ridge__alpha": np.logspace(-8, -1, 8)}, cv=folds).fit(x, y)
            return search.predict(experiment.queries)

        fitted = _ridge.fit_ridge(experiment, rows, 3).predict(experiment.queries)
        np.testing.assert_allclose(fitted, authors(KFold(3, shuffle=True, random_state=experiment.seed)), rtol=1e-6)
        assert np.abs(fitted - authors(KFold(3))).max() > 0.1

    def test_pooled_thins_what_is_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        experiment = make_experiment(noise=1.0)
        every = baselines.pooled(experiment).mean
        monkeypatch.setattr(import_module("bayes_ivgen.baselines.pooled"), "MOST_ROWS", 200)
        thinned = experiment.rows.sample(200, random_state=experiment.seed)
        few = baselines.pooled(experiment).mean
        np.testing.assert_array_equal(few, baselines.pooled(replace(experiment, rows=thinned)).mean)
        assert not np.allclose(few, every, rtol=1e-3)


class TestContract:
    """What the benchmark relies on."""

    @every_method
    @pytest.mark.parametrize("k", [1, 3])
    def test_finite_and_of_the_promised_shape(self, method: Method, k: int) -> None:
        prediction = method(make_experiment(k, noise=0.5))
        assert prediction.mean.shape == (40,)
        assert np.isfinite(prediction.mean).all()
        assert prediction.effect_draws is None
        assert prediction.edges is None
        if prediction.outcome_draws is not None:
            assert prediction.outcome_draws.shape == (1000, 25)
            assert np.isfinite(prediction.outcome_draws).all()

    @every_method
    def test_deterministic(self, method: Method) -> None:
        first, again = (method(make_experiment(2, noise=0.5)) for _ in range(2))
        np.testing.assert_array_equal(first.mean, again.mean)

    @every_method
    def test_rows_are_left_as_they_were(self, method: Method) -> None:
        experiment, twin = make_experiment(2), make_experiment(2)
        method(experiment)
        for name in ("rows", "joint_rows", "fresh"):
            pd.testing.assert_frame_equal(getattr(experiment, name), getattr(twin, name))
        np.testing.assert_array_equal(experiment.queries, twin.queries)

    @every_method
    def test_sees_only_its_own_rows(self, method: Method) -> None:
        experiment = make_experiment(2, noise=0.5)
        hidden = "rows" if method in TOPLINES else "joint_rows"
        blind = replace(
            experiment,
            **{hidden: getattr(experiment, hidden).iloc[:0]},
            fresh=experiment.fresh[["a2", "a1"]],  # no outcome, other order
        )
        one, two = method(experiment), method(blind)
        np.testing.assert_array_equal(one.mean, two.mean)
        np.testing.assert_array_equal(one.outcome_draws, two.outcome_draws)

    @every_ridge
    def test_does_not_depend_on_the_order_of_actions(self, method: Method) -> None:
        experiment = make_experiment(noise=0.5)
        turned = replace(experiment, actions=("a3", "a1", "a2"), queries=experiment.queries[:, [2, 0, 1]])
        np.testing.assert_allclose(method(turned).mean, method(experiment).mean, rtol=1e-8)

    @every_ridge
    def test_actions_of_two_levels(self, method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_ridge, "ALPHAS", np.array([1e-14]))  # as small beside few rows as 1e-8 beside 10^8
        experiment = make_experiment(2, noise=0.5)

        def on_off(rows: pd.DataFrame) -> pd.DataFrame:
            return rows.assign(a1=(rows["a1"] > 0).astype(int), y=rows["y"] + 3.0 * (rows["a1"] > 0))

        experiment = replace(
            experiment,
            rows=on_off(experiment.rows),
            joint_rows=on_off(experiment.joint_rows),
            queries=np.array([[0.0, 0.3], [1.0, 0.3]]),
        )
        assert np.isfinite(method(experiment).mean).all()

    @pytest.mark.parametrize("method", TOPLINES, ids=lambda method: method.__name__)
    def test_draws_of_the_outcome_have_its_spread(self, method: Method) -> None:
        experiment = make_experiment(2, 2000, noise=0.7)
        draws = method(experiment).outcome_draws
        assert draws is not None
        np.testing.assert_allclose(draws.std(axis=0), 0.7, rtol=0.05)
        centred = draws.mean(axis=0) - causal(experiment.fresh[["a1", "a2"]].to_numpy())
        assert np.sqrt(np.mean(centred**2)) < 0.1


class TestErrors:
    """What is missing is named."""

    @pytest.mark.parametrize("label", ["obs", "do(a2)"])
    def test_a_missing_regime(self, label: str) -> None:
        experiment = make_experiment(2)
        short = replace(experiment, rows=experiment.rows[experiment.rows["regime"] != label])
        with pytest.raises(DataError, match=f"regime '{label}'".replace("(", r"\(").replace(")", r"\)")):
            baselines.plug_in(short)

    def test_one_action_needs_no_observational_rows(self) -> None:
        experiment = make_experiment(1)
        only = replace(experiment, rows=experiment.rows[experiment.rows["regime"] == "do(a1)"])
        np.testing.assert_allclose(baselines.plug_in(only).mean, causal(experiment.queries), atol=1e-6)

    def test_too_few_rows(self) -> None:
        experiment = make_experiment(2)
        with pytest.raises(DataError, match=r"6 rows or more.*Got 5 of obs"):
            baselines.observational(replace(experiment, rows=experiment.rows.head(5)))

    @every_ridge
    def test_without_scikit_learn_says_what_to_install(self, method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
        with pytest.raises(BenchmarkError, match=r"pip install 'bayes-ivgen\[benchmark\]'"):
            method(make_experiment(2))

    def test_scikit_learn_is_imported_when_a_method_runs(self) -> None:
        code = "import sys, bayes_ivgen.baselines; sys.exit('sklearn' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
