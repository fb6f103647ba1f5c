"""Fitting: arguments, seeds, what it leaves alone, and what ArviZ makes of the result."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
from pymc_extras.prior import Prior

from bayes_ivgen import ActionGraph, Fit, InterventionModel, RegimeData
from bayes_ivgen.data.profile_store import profiles_to_dataset
from bayes_ivgen.errors import ConvergenceWarning, SpecError
from bayes_ivgen.inference.chains import run_chains

QuickFit = Callable[..., Fit]
EDGE = ActionGraph({"web": ["tv"]})  # true here: the empty graph would be warned about
FEW: dict[str, Any] = {"draws": 3, "chains": 1, "tune": 0, "cores": 1, "seed": 0}

BAD: list[Any] = [
    ({"draws": 0}, "draws=0 must be a whole number, 1 or more", {"draws": 2}),
    ({"draws": -5}, "draws=-5 must be a whole number", {"draws": 3}),
    ({"draws": "many"}, "draws='many' must be a whole number", {"draws": 3}),
    ({"draws": True}, "draws=True must be a whole number", {"draws": 2}),
    ({"chains": 1.5}, "chains=1.5 must be a whole number, 1 or more", {"chains": 2}),
    ({"chains": 0}, "chains=0 must be a whole number, 1 or more", {"chains": 1}),
    ({"tune": -1}, "tune=-1 must be a whole number, 0 or more", {"tune": 0}),
    ({"cores": 0}, "cores=0 must be a whole number, 1 or more", {"cores": 1}),
    ({"seed": -1}, "seed=-1 must be a whole number, 0 or more", {"seed": 1}),
    ({"seed": 1.5}, "seed=1.5 must be a whole number, 0 or more", {"seed": None}),
    ({"seed": "x"}, "seed='x' must be a whole number, 0 or more", {"seed": 0}),
    ({"engine": "stan"}, "engine='stan' is not known; valid are 'conjugate' and 'nuts'", {"engine": "conjugate"}),
    ({"nuts": {"target_accept": 0.9}}, "pass engine='nuts' with it, or leave it out", {"nuts": None}),
    ({"engine": "nuts", "nuts": 0.9}, "nuts=0.9 must be a mapping of options, for example", {"nuts": None}),
]


@pytest.mark.parametrize(("bad", "message", "mended"), BAD, ids=lambda item: str(item)[:30])
def test_a_bad_argument_is_refused_and_the_advice_works(
    data: RegimeData, bad: dict, message: str, mended: dict
) -> None:
    with pytest.raises(SpecError, match=message):
        InterventionModel(graph=EDGE).fit(data, **{**FEW, **bad})
    InterventionModel(graph=EDGE).fit(data, **{**FEW, **mended})


@pytest.mark.parametrize("name", ["draws", "tune", "seed", "chains"])
def test_numbers_may_be_numpy_numbers(data: RegimeData, name: str) -> None:
    fit = InterventionModel(graph=EDGE).fit(data, **{**FEW, name: np.int64(2)})
    assert fit.datatree["posterior"].sizes["chain"] == (2 if name == "chains" else 1)


def test_a_single_draw_is_enough(data: RegimeData) -> None:
    fit = InterventionModel(graph=EDGE).fit(data, **{**FEW, "draws": 1})
    assert np.isfinite(fit.outcome(do={"tv": 40.0, "web": 20.0}).draws).all()


def test_data_must_be_regime_data(rows: pd.DataFrame) -> None:
    with pytest.raises(SpecError, match=r"data is a DataFrame; build it first, .*RegimeData.from_frame"):
        InterventionModel().fit(rows, **FEW)  # type: ignore[arg-type]
    data = RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"])
    InterventionModel().fit(data, **FEW)


@pytest.mark.parametrize("name", ["mean", "draw", "query", "supported", "versus_web"])
def test_actions_cannot_have_the_names_of_results(rows: pd.DataFrame, name: str) -> None:
    renamed = rows.rename(columns={"tv": name}).assign(regime=rows["regime"].str.replace("tv", name))
    data = RegimeData.from_frame(renamed, outcome="sales", actions=[name, "web"])
    with pytest.raises(SpecError, match=f"the action '{name}' has the name of a column.*; rename the column"):
        InterventionModel().fit(data, **FEW)


def test_fitting_leaves_everything_alone(rows: pd.DataFrame) -> None:
    frame = rows.copy()
    graph = {"web": ["tv"]}
    priors = {"level": Prior("HalfNormal", sigma=0.05)}
    kept = copy.deepcopy((graph, priors))
    data = RegimeData.from_frame(frame, outcome="sales", actions=["tv", "web"])
    profiles = {regime: profile.sample.copy() for regime, profile in data.profiles.items()}
    model = InterventionModel(graph=ActionGraph(graph), priors=priors)
    printed = repr(model)
    fit = model.fit(data, **FEW)
    fit.effect(do={"tv": 40}, rest="hold").summary()
    pd.testing.assert_frame_equal(frame, rows)
    assert (graph, priors) == kept
    assert repr(model) == printed
    for regime, sample in profiles.items():
        np.testing.assert_array_equal(data.profiles[regime].sample, sample)


def test_questions_change_nothing(fit: Fit) -> None:
    frame = pd.DataFrame({"tv": [40.0, 50.0], "web": [20.0, 10.0]})
    kept, draws = frame.copy(), fit.datatree["posterior"]["beta"].values.copy()
    table = fit.effect(do=frame).summary()
    table["tv"] = 0.0
    fit.effect(do=frame).draws[:] = 0.0
    pd.testing.assert_frame_equal(frame, kept)
    np.testing.assert_array_equal(fit.datatree["posterior"]["beta"], draws)
    assert (fit.effect(do=frame).draws != 0).all()


def test_seeds_are_reproducible(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    few = {"draws": 10, "tune": 5, "graph": EDGE}
    one, two, other = (quick_fit(rows, ["tv", "web"], "sales", seed=seed, **few) for seed in (1, 1, 2))
    for name in ("alpha", "beta", "tau", "hyper", "sigma"):
        values = [fit.datatree["posterior"][name].values for fit in (one, two, other)]
        np.testing.assert_array_equal(values[0], values[1])
        assert (values[0] != values[2]).any()
        assert (values[0][0] != values[0][1]).any()  # chains differ
    unseeded = [quick_fit(rows, ["tv", "web"], "sales", seed=None, **few) for _ in range(2)]
    assert (unseeded[0].datatree["posterior"]["alpha"] != unseeded[1].datatree["posterior"]["alpha"]).any()


def test_the_default_number_of_cores_gives_the_same_draws(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    few = {"draws": 10, "tune": 5, "graph": EDGE}
    one = quick_fit(rows, ["tv", "web"], "sales", **few)
    default = quick_fit(rows, ["tv", "web"], "sales", cores=None, **few)
    np.testing.assert_array_equal(one.datatree["posterior"]["beta"], default.datatree["posterior"]["beta"])


def test_chains_that_did_not_mix_are_reported(data: RegimeData, monkeypatch: pytest.MonkeyPatch) -> None:
    model, settings = InterventionModel(graph=EDGE), {"draws": 200, "chains": 2, "tune": 100, "cores": 1, "seed": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(data, **{**settings, "draws": 800})

    def stuck(*args: Any, **options: Any) -> dict[str, np.ndarray]:
        sampled = run_chains(*args, **options)
        sampled["coefficients"][1, :, 0] += 1.0  # the intercept of the second chain, in standard deviations
        return sampled

    monkeypatch.setattr("bayes_ivgen.interface.fitting.run_chains", stuck)
    with pytest.warns(ConvergenceWarning, match=r"the chains did not mix well.*fit\(..., draws=4000, tune=1000\)"):
        model.fit(data, **settings)


def test_groups_and_dims(fit: Fit) -> None:
    tree = fit.datatree
    densities = {"log_prior", "log_likelihood"}
    others = {"posterior", "sample_stats", "observed_data", "constant_data", "natural_rows", "statistics", "noise"}
    assert set(tree.children) == densities | others | {"profiles"}
    posterior = tree["posterior"].dataset
    assert set(posterior.data_vars) == {"alpha", "beta", "tau", "hyper", "sigma"}
    assert posterior["alpha"].dims == ("chain", "draw")
    assert posterior["beta"].dims == ("chain", "draw", "coefficient")
    assert posterior["tau"].dims == ("chain", "draw", "term")
    assert posterior["hyper"].dims == ("chain", "draw", "type")
    assert posterior["sigma"].dims == ("chain", "draw", "noise_scale")
    assert list(posterior["noise_scale"].values) == ["obs", "do(tv)", "do(web)"]
    assert tuple(posterior["coefficient"].values) == fit.design.coefficient_names
    assert (posterior["tau"] > 0).all()
    assert (posterior["sigma"] > 0).all()
    lp = tree["sample_stats"]["lp"]
    assert lp.dims == ("chain", "draw")
    assert np.isfinite(lp).all()


def test_observed_data_are_summaries_and_one_group_holds_a_bounded_sample(fit: Fit, rows: pd.DataFrame) -> None:
    observed = fit.datatree["observed_data"].dataset
    assert set(observed.sizes) == {"regime", "variable"}
    assert observed.sizes == {"regime": 3, "variable": 3}
    labels = ["obs", "do(tv)", "do(web)"]
    assert list(observed["regime"].values) == labels
    for label in labels:
        part = rows.loc[rows["regime"] == label, ["tv", "web", "sales"]]
        here = observed.sel(regime=label)
        assert int(here["rows"]) == len(part)
        np.testing.assert_allclose(here["mean"], part.mean(), rtol=1e-10)
        np.testing.assert_allclose(here["sd"], part.std(ddof=0), rtol=1e-10)
        np.testing.assert_array_equal(here["low"], part.min())
        np.testing.assert_array_equal(here["high"], part.max())
    # One group holds outcomes, a bounded sample: what fit.update learns the noise from.
    profiles = fit.datatree["profiles"].dataset
    assert set(profiles["sample"].values[:, 2]) <= set(rows["sales"])
    assert (
        len(profiles_to_dataset(RegimeData.from_frame(rows, outcome="sales", actions=["tv", "web"]), 50)["row"]) == 150
    )
    outcomes = set(rows["sales"])
    extremes = set(observed["low"].values.ravel()) | set(observed["high"].values.ravel())
    for name, group in fit.datatree.children.items():
        if name == "profiles":
            continue
        for values in group.dataset.data_vars.values():
            assert not (set(np.ravel(values.values)) & outcomes) - extremes


def test_arviz_reads_the_fit(fit: Fit) -> None:
    table = az.summary(fit.datatree, var_names=["alpha", "sigma"])
    assert list(table.index) == ["alpha", "sigma[obs]", "sigma[do(tv)]", "sigma[do(web)]"]
    posterior = fit.datatree["posterior"].dataset
    assert float(table.loc["alpha", "mean"]) == pytest.approx(float(posterior["alpha"].mean()), abs=0.01)
    for diagnostic in (az.ess, az.rhat):
        values = diagnostic(fit.datatree)
        assert set(values["posterior"].data_vars if "posterior" in values else values.data_vars) >= {"alpha", "tau"}


def test_arviz_draws_the_fit(fit: Fit) -> None:
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")
    assert az.plot_trace_dist(fit.datatree, var_names=["alpha", "sigma"]) is not None
    plt.close("all")


def test_arviz_knows_the_draws_of_an_effect(fit: Fit) -> None:
    estimate = fit.effect(do={"tv": [30.0, 40.0], "web": 20.0})
    ess = az.ess(estimate.draws.to_dataset())
    assert (ess["effect"] > 20).all()
    assert (
        fit.diagnostics.loc["effects", "ess_bulk"]
        <= float(az.ess(fit.datatree["posterior"].dataset)["sigma"].max()) * 10
    )


def test_a_fit_knows_its_parts(fit: Fit, data: RegimeData) -> None:
    assert fit.model == InterventionModel()
    assert fit.outcome_name == "sales"
    assert fit.actions == ("tv", "web")
    assert fit.regimes == data.regimes
    assert fit.graph.evidence is not None
    assert list(fit.graph.evidence.index) == [("tv", "web"), ("web", "tv")]
    assert fit.graph == InterventionModel().action_graph(data)
    assert fit.statistics.rows.tolist() == [300, 300, 300]
    assert list(fit.diagnostics.index) == ["effects", "tau", "hyper", "sigma"]
    assert list(fit.diagnostics) == ["r_hat", "ess_bulk", "ess_tail"]
    text = repr(fit)
    assert text.startswith("Fit of 'sales' given ['tv', 'web']: 2 chains of 150 draws,")
    assert text.endswith("regimes obs, do(tv), do(web)")


def test_the_log_density_of_the_draws(rows: pd.DataFrame, quick_fit: QuickFit) -> None:
    """``lp`` against the row-wise definition, written with scipy, up to one constant."""
    from scipy import stats

    fit = quick_fit(rows, ["tv", "web"], "sales", graph=EDGE, draws=20, tune=20)
    design, posterior = fit.design, fit.datatree["posterior"].dataset
    totals = []
    for chain in range(2):
        for draw in range(20):
            at = posterior.isel(chain=chain, draw=draw)
            beta, tau, hyper = (at[name].values for name in ("beta", "tau", "hyper"))
            total = stats.norm.logpdf(float(at["alpha"]), 0, 5)
            total += stats.norm.logpdf(beta, 0, tau[design.term_index]).sum()
            total += stats.t.logpdf(tau / hyper[design.type_index], 4).sum() - np.log(hyper[design.type_index]).sum()
            total += stats.halfcauchy.logpdf(hyper, scale=0.1).sum()
            total += stats.t.logpdf(at["sigma"].values, 4).sum()
            for regime, sigma in zip(fit.regimes, at["sigma"].values, strict=True):
                part = rows[rows["regime"] == regime.label]
                values = part[["tv", "web"]].to_numpy()
                was_set = np.broadcast_to([regime.sets(name) for name in ("tv", "web")], values.shape)
                mean = design.rows(values, was_set) @ np.append(float(at["alpha"]), beta)
                y = (part["sales"] - design.outcome_mean) / design.outcome_sd
                total += stats.norm.logpdf(y, mean, sigma).sum()
            totals.append(total)
    difference = np.array(totals) - fit.datatree["sample_stats"]["lp"].values.ravel()
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-6)
