"""Single rows of a fit: their densities, their predictive draws, and leave-one-out by ArviZ."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from family_draws import gaussian_draws
from matplotlib import pyplot as plt
from scipy import stats

import bayes_ivgen.inference.family_nuts as family_nuts
import bayes_ivgen.interface.pointwise as module
from bayes_ivgen import ActionGraph, Fit, InterventionModel, Polynomial, RegimeData
from bayes_ivgen.data.sources import Batch
from bayes_ivgen.effects.row_laws import OutcomeLaw
from bayes_ivgen.errors import ConvergenceWarning, EstimandWarning, QueryError, SpecError, StorageError
from bayes_ivgen.inference.residual_law import LogDensity, ResidualLaw
from bayes_ivgen.model.families import FAMILIES
from bayes_ivgen.simulate import linear_lognormal, multiplicative

KINDS = {"gamma": "amount", "negative_binomial": "count", "bernoulli": "sale", "student_t": "amount"}


def by_regime(tree: xr.DataTree, name: str) -> xr.DataArray:
    """Sum the log densities of the rows of each regime."""
    return tree["log_likelihood"].dataset[name].groupby("regime").sum()


def assert_sums_agree(fit: Fit, data: RegimeData, **options: Any) -> None:
    tree = fit.pointwise(data, law="likelihood", **options)
    stored = fit.datatree["log_likelihood"].dataset["outcome"]
    found = by_regime(tree, fit.outcome_name).sel(regime=stored["regime"]).transpose(*stored.dims)
    np.testing.assert_allclose(found.values, stored.values, rtol=1e-8)


class TestLikelihood:
    """Rows one by one against sums of squares, which the fit keeps: an independent route."""

    def test_rows_add_up_to_the_likelihood_of_their_regime(self, fit: Fit, data: RegimeData) -> None:
        assert_sums_agree(fit, data)

    def test_one_noise_scale_for_all(self, rows: pd.DataFrame, data: RegimeData, quick_fit: Any) -> None:
        assert_sums_agree(quick_fit(rows, ["tv", "web"], "sales", noise="constant"), data)

    def test_weights_and_data_sets_count(self, rows: pd.DataFrame) -> None:
        table = rows.assign(w=1.0 + np.arange(len(rows)) % 3, place=np.where(np.arange(len(rows)) % 2, "a", "b"))
        data = RegimeData.from_frame(table, outcome="sales", actions=["tv", "web"], weights="w", dataset="place")
        fit = InterventionModel().fit(data, draws=100, chains=2, seed=0, progressbar=False)
        assert_sums_agree(fit, data)

    @pytest.mark.parametrize("name", sorted(KINDS))
    def test_other_families(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(family_nuts, "run_family_nuts", gaussian_draws)
        world = multiplicative(2, seed=1, kind=KINDS[name])
        table = world.sample_regimes(dict.fromkeys(("obs", "do(a1)", "do(a2)"), 200), seed=4)
        exposure = {} if FAMILIES[name].link != "log" else {"exposure": "days"}
        table["days"] = 1.0 + np.arange(len(table)) % 2
        data = RegimeData.from_frame(table, outcome="y", actions=["a1", "a2"], **exposure)
        model = InterventionModel(
            likelihood=name,  # type: ignore[arg-type]
            link=FAMILIES[name].link,
            graph=ActionGraph({"a2": ["a1"]}),
            causal=Polynomial(2),
            confounding=Polynomial(1),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EstimandWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            fit = model.fit(data, draws=50, chains=2, engine="nuts", seed=0, progressbar=False)
        tree = fit.pointwise(data)
        stored = fit.datatree["log_likelihood"].dataset["outcome"]
        found = by_regime(tree, "y").sel(regime=stored["regime"]).transpose(*stored.dims)
        np.testing.assert_allclose(found.values, stored.values, rtol=1e-7)
        drawn = tree["posterior_predictive"].dataset["y"]
        if name != "student_t":  # whose tails may have no mean
            middle = drawn.mean(("chain", "draw")).groupby("regime").mean()
            seen = tree["observed_data"].dataset["y"].groupby("regime").mean()
            np.testing.assert_allclose(middle, seen.sel(regime=middle["regime"]), rtol=0.25)


@pytest.fixture(scope="module")
def heavy() -> tuple[Fit, RegimeData]:
    """Rows whose noise is not normal."""
    world = linear_lognormal(2, seed=3)
    table = world.sample_regimes(world.standard_regimes(1500), seed=1)
    data = RegimeData.from_frame(table, outcome="y", actions=list(world.actions))
    return InterventionModel().fit(data, draws=100, chains=2, seed=0, progressbar=False), data


class TestOutcomeLaw:
    """The density must be that of the draws."""

    @pytest.mark.parametrize("which", ["normal", "shaped"])
    def test_density_integrates_to_one_and_is_that_of_the_draws(
        self, which: str, fit: Fit, data: RegimeData, heavy: tuple[Fit, RegimeData]
    ) -> None:
        fitted, rows = (fit, data) if which == "normal" else heavy
        if which == "shaped":
            assert not fitted.noise.law.normal
        law = OutcomeLaw(fitted.effects, fitted.noise, slice(None))
        batch = next(iter(rows.batches(1)))
        centre = np.array([[float(batch.outcome[0])]])
        sd = fitted.effects.design.outcome_sd
        grid = np.linspace(-40 * sd, 40 * sd, 200_001) + centre[0, 0]
        same = Batch(batch.regime, np.repeat(batch.variables, len(grid), axis=0), grid)
        density = np.exp(law.log_density(same, np.broadcast_to(centre, (1, len(grid)))))[0]
        assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=2e-3)
        drawn = law.draw(batch, np.repeat(centre, 4000, axis=0), iter([np.random.default_rng(0)]))[:, 0]
        cumulative = np.cumsum(density) * (grid[1] - grid[0])
        # 1.36 / sqrt(n) is the 5 % point; the law of the draws ends at probability 1 / 2048
        assert stats.kstest(drawn, lambda y: np.interp(y, grid, cumulative)).statistic < 1.63 / np.sqrt(4000) + 5e-4

    def test_regimes_have_noise_of_their_own(self, rows: pd.DataFrame, data: RegimeData, quick_fit: Any) -> None:
        fitted = quick_fit(rows, ["tv", "web"], "sales", noise="regime")
        drawn = fitted.pointwise(data)["posterior_predictive"].dataset["sales"]
        spread = drawn.std(("chain", "draw")).groupby("regime").mean()
        sigma = fitted.datatree["posterior"].dataset["sigma"].mean(("chain", "draw")) * fitted.design.outcome_sd
        np.testing.assert_allclose(spread, sigma.rename(noise_scale="regime").sel(regime=spread["regime"]), rtol=0.05)

    def test_log_density_has_tails_that_fall(self) -> None:
        rng = np.random.default_rng(0)
        law = ResidualLaw.of(("obs",), rng.exponential(size=4000), np.zeros(4000, dtype=int))
        density = law.log_density(np.ones(1))
        x = np.array([-50.0, -20.0, 20.0, 50.0])
        values = density(x)
        assert np.all(np.isfinite(values))
        assert values[0] < values[1]
        assert values[3] < values[2]

    def test_broken_line_is_normalised(self) -> None:
        x = np.linspace(-8, 8, 4001)
        density = LogDensity.of(x, 7.0 * np.exp(-0.5 * x**2))
        np.testing.assert_allclose(density(np.array([0.0, 1.0])), stats.norm.logpdf([0.0, 1.0]), atol=1e-4)


@pytest.fixture(scope="module")
def small() -> tuple[InterventionModel, pd.DataFrame]:
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"a": rng.normal(size=90), "regime": np.repeat(["obs", "do(a)"], 45)})
    table["y"] = table["a"] + rng.normal(size=90)
    table.loc[[3, 50], "y"] += 2.5
    return InterventionModel(graph="empty", causal=Polynomial(2), confounding=Polynomial(1)), table


class TestLeaveOneOut:
    """PSIS against fits without the row."""

    @pytest.mark.parametrize("law", ["likelihood", "outcome"])
    def test_density_of_a_row_is_that_of_a_fit_without_it(
        self, small: tuple[InterventionModel, pd.DataFrame], law: Any
    ) -> None:
        model, table = small
        if law == "outcome":
            model = replace(model, noise="regime")  # the additive variance is an estimate that the row takes part in
        read = {"outcome": "y", "actions": ["a"]}
        settings: dict[str, Any] = {"draws": 2000, "chains": 4, "seed": 0, "progressbar": False}
        data = RegimeData.from_frame(table, **read)
        loo = model.fit(data, **settings).loo(data, law=law)
        assert float(loo.pareto_k.max()) < 0.7
        for row in (0, 3, 50, 70):
            without = model.fit(RegimeData.from_frame(table.drop(index=row), **read), **settings)
            density = without.pointwise(data, law=law)["log_likelihood"].dataset["y"].sel(row=row)
            expected = float(np.log(np.exp(density).mean()))
            # 8,000 draws, sd of the density over draws at most 60 % of its mean
            assert float(loo.elpd_i.sel(row=row)) == pytest.approx(expected, abs=0.04), row

    @pytest.mark.filterwarnings("ignore:.*Pareto")
    def test_blocks_give_what_arviz_gives_at_once(
        self, fit: Fit, data: RegimeData, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = az.loo(fit.pointwise(data, law="likelihood"), pointwise=True)
        monkeypatch.setattr(module, "BLOCK_VALUES", 300 * 70)
        blocks = fit.loo(data, law="likelihood")
        np.testing.assert_allclose(blocks.elpd_i, whole.elpd_i, atol=1e-3)
        assert blocks.elpd == pytest.approx(whole.elpd, abs=0.05)
        assert blocks.se == pytest.approx(whole.se, rel=1e-3)
        assert blocks.p == pytest.approx(whole.p, abs=0.05)
        assert blocks.n_data_points == data.n_rows

    def test_compare_finds_the_better_graph_noise_and_basis(self) -> None:
        rng = np.random.default_rng(0)
        n = 1500
        regime = np.repeat(["obs", "do(a)", "do(b)"], n)
        c = rng.normal(size=3 * n)
        a = np.where(regime == "do(a)", rng.normal(size=3 * n), rng.normal(size=3 * n))
        b = np.where(regime == "do(b)", rng.normal(size=3 * n), a + c)
        noise = np.where(regime == "obs", 0.2, 0.6) * rng.normal(size=3 * n)
        table = pd.DataFrame({"a": a, "b": b, "regime": regime, "y": np.sin(2 * a) + b + 2 * c + noise})
        data = RegimeData.from_frame(table, outcome="y", actions=["a", "b"])
        truth = InterventionModel(graph=ActionGraph({"b": ["a"]}), noise="regime")
        settings: dict[str, Any] = {"draws": 200, "chains": 2, "seed": 0, "progressbar": False}

        def loo(model: InterventionModel) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the empty graph is contradicted by the data
                return model.fit(data, **settings).loo(data)

        models = {
            "true": truth,
            "graph": replace(truth, graph="empty"),
            "noise": replace(truth, noise="constant"),
            "basis": replace(truth, causal=Polynomial(1), confounding=Polynomial(1)),
        }
        found = {name: loo(model) for name, model in models.items()}
        table = az.compare(found, round_to="none")
        assert table.index[0] == "true"
        worse = table.drop(index="true")
        assert (worse["elpd_diff"].abs() > 4 * worse["dse"]).all()


@pytest.fixture(scope="module")
def tree(fit: Fit, data: RegimeData) -> xr.DataTree:
    return fit.pointwise(data, rows=200, draws=50, seed=1)


class TestArviz:
    """What the groups are for."""

    @pytest.mark.filterwarnings("ignore:.*Pareto")
    def test_functions_of_arviz_take_it(self, tree: xr.DataTree) -> None:
        assert -az.loo_score(tree).mean < float(tree["observed_data"].dataset["sales"].std())
        assert az.loo(tree).n_data_points == 200
        for plot in (az.plot_ppc_dist, az.plot_loo_pit):
            collection = plot(tree, backend="matplotlib")
            collection.viz["figure"].item().canvas.draw()
            plt.close("all")

    def test_predictive_intervals_hold_their_share(self, fit: Fit, data: RegimeData) -> None:
        tree = fit.pointwise(data)
        drawn, seen = (tree[group].dataset["sales"] for group in ("posterior_predictive", "observed_data"))
        lower, upper = (drawn.quantile(q, ("chain", "draw")) for q in (0.05, 0.95))
        inside = float(((lower <= seen) & (seen <= upper)).mean())
        assert inside == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / data.n_rows) + 0.01)

    def test_rows_keep_number_regime_and_inputs(self, tree: xr.DataTree, rows: pd.DataFrame) -> None:
        ordered = pd.concat([rows[rows["regime"] == r] for r in ("obs", "do(tv)", "do(web)")]).reset_index(drop=True)
        number = tree["observed_data"]["row"].values
        assert len(set(number.tolist())) == 200
        chosen = ordered.loc[number]
        np.testing.assert_array_equal(tree["observed_data"].dataset["sales"], chosen["sales"])
        np.testing.assert_array_equal(tree["constant_data"].dataset["inputs"], chosen[["tv", "web"]])
        assert tree["log_likelihood"]["regime"].values.tolist() == chosen["regime"].tolist()

    def test_models_are_given_the_same_rows(self, tree: xr.DataTree, rows: pd.DataFrame, quick_fit: Any) -> None:
        other = quick_fit(rows, ["tv", "web"], "sales", graph="full")
        again = other.pointwise(
            RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"]), rows=200, draws=50, seed=1
        )
        np.testing.assert_array_equal(again["observed_data"]["row"], tree["observed_data"]["row"])

    def test_files_in_blocks_on_disk_hold_the_same(
        self, fit: Fit, tree: xr.DataTree, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows.to_parquet(tmp_path / "rows.parquet")
        data = RegimeData.from_parquet(tmp_path / "rows.parquet", outcome="sales", actions=["tv", "web"])
        monkeypatch.setattr(module, "BLOCK_VALUES", 100 * 30)
        stored = fit.pointwise(data, rows=200, draws=50, seed=1, path=tmp_path / "pointwise.zarr")
        assert sorted(stored.children) == sorted(tree.children)
        for group in tree.children:
            xr.testing.assert_allclose(stored[group].dataset.load(), tree[group].dataset)
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


class TestBadInput:
    """Messages, and the fixes that they suggest."""

    def test_too_large_for_memory(self, fit: Fit, data: RegimeData, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MOST_BYTES", 16 * 300 * 100)
        with pytest.raises(QueryError, match=r"take .* GiB. Pass rows=\d+ or fewer, fewer draws, or path=") as caught:
            fit.pointwise(data)
        rows = int(re.search(r"rows=(\d+)", str(caught.value))[1])  # type: ignore[index]
        assert fit.pointwise(data, rows=rows)["observed_data"].sizes["row"] == rows

    def test_numbers(self, fit: Fit, data: RegimeData) -> None:
        with pytest.raises(QueryError, match=r"rows=0 must be a whole number, 1 or more"):
            fit.pointwise(data, rows=0)
        with pytest.raises(QueryError, match=r"draws=151 must be a whole number, 1 to 150"):
            fit.loo(data, draws=151)
        with pytest.raises(QueryError, match=r"seed=-1 must be a whole number, 0 or more"):
            fit.pointwise(data, seed=-1)
        with pytest.raises(QueryError, match=r"law='normal' is not known; valid are 'outcome' and 'likelihood'"):
            fit.pointwise(data, law="normal")  # type: ignore[arg-type]

    def test_rows_of_another_regime(self, fit: Fit, rows: pd.DataFrame, data: RegimeData) -> None:
        new = rows.assign(regime=rows["regime"].replace({"do(tv)": "do(tv,web)"}))
        other = RegimeData.from_frame(new, outcome="sales", actions=["tv", "web"])
        with pytest.raises(QueryError, match=r"hold \['do\(tv,web\)'\], of which the fit has seen no row"):
            fit.pointwise(other)
        assert fit.pointwise(other.without(["do(tv,web)"]), rows=10)["observed_data"].sizes["row"] == 10

    def test_path_that_exists(self, fit: Fit, data: RegimeData, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="exists already; choose another path"):
            fit.pointwise(data, rows=10, path=tmp_path)
        fit.pointwise(data, rows=10, path=tmp_path / "new.zarr")
        with pytest.raises(StorageError, match="does not exist; create it first"):
            fit.pointwise(data, rows=10, path=tmp_path / "no" / "new.zarr")

    def test_weights_of_a_first_fit(self, rows: pd.DataFrame, data: RegimeData, quick_fit: Any) -> None:
        weighted = quick_fit(rows, ["tv", "web"], "sales", weights="variance")
        with pytest.raises(SpecError, match="pass law='outcome'"):
            weighted.loo(data, law="likelihood")
        assert np.isfinite(weighted.loo(data, rows=50, law="outcome").elpd)
