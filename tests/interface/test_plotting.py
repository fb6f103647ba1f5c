"""`fit.plot`: the pictures hold what the fit answers, and refuse what it cannot."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PathCollection, QuadMesh

from bayes_ivgen import ActionGraph, Fit, RegimeData
from bayes_ivgen.errors import IdentificationError, QueryError
from bayes_ivgen.interface import picture_tables as tables


@pytest.fixture(autouse=True)
def no_screen() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_curves_are_the_response_curves(fit: Fit) -> None:
    panels = fit.plot.curves(prob=0.8)
    assert panels.shape == (2,)
    assert panels[0].figure is panels[1].figure
    for action, ax in zip(fit.actions, panels, strict=True):
        table = fit.response_curve(action).summary(0.8)
        np.testing.assert_allclose(ax.lines[0].get_xydata(), table[[action, "mean"]])
        assert ax.get_xlabel() == action
    assert panels[0].get_ylabel() == "mean sales"
    assert panels[0].get_ylim() == panels[1].get_ylim()  # comparable
    drawn = [fit.response_curve(action).summary(0.8) for action in fit.actions]
    assert panels[0].get_ylim()[0] < min(table["lower"].min() for table in drawn)
    assert panels[0].get_ylim()[1] > max(table["upper"].max() for table in drawn)
    assert panels[1].get_legend() is None


def test_a_plain_call_draws_the_curves(fit: Fit) -> None:
    called, curves = fit.plot(prob=0.8), fit.plot.curves(prob=0.8)
    assert called.shape == curves.shape
    for one, other in zip(called, curves, strict=True):
        np.testing.assert_array_equal(one.lines[0].get_xydata(), other.lines[0].get_xydata())
    assert fit.plot("web").get_xlabel() == "web"


def test_a_call_by_the_name_of_another_picture_says_how_to_draw_it(fit: Fit) -> None:
    with pytest.raises(QueryError, match=r"'bias' is not an action: fit\.plot\(\) draws .*'web'\]") as caught:
        fit.plot("bias")
    drawn = str(caught.value).rsplit(": ", 1)[1].rstrip(".").replace("fit.plot.", "").split(", ")
    assert drawn == ["curves", "bias", "surface", "contrasts", "regimes", "outcome", "residuals", "graph"]
    for name in drawn:
        getattr(fit.plot, name)(*(["tv", "web"] if name == "surface" else []))


def test_the_marks_are_values_that_were_set(fit: Fit, rows: pd.DataFrame) -> None:
    marks = fit.plot.curves("tv").lines[1].get_xdata()
    tested = rows.loc[rows["regime"] == "do(tv)", "tv"]
    assert np.isin(np.round(marks, 9), np.round(tested, 9)).all()
    assert (marks[0], marks[-1]) == (tested.min(), tested.max())
    natural = tables.tried_values(fit, "tv", was_set=False)
    assert set(np.round(natural, 9)) == set(np.round(rows.loc[rows["regime"] != "do(tv)", "tv"], 9))


def test_one_action_goes_to_the_axes_given(fit: Fit) -> None:
    _, (left, right) = plt.subplots(1, 2)
    open_before = plt.get_fignums()  # tests that ran before may have left some
    assert fit.plot.curves("web", ax=left) is left
    assert fit.plot.bias(["tv"], ax=right).tolist() == [right]
    assert plt.get_fignums() == open_before
    with pytest.raises(QueryError, match="ax holds 2 axes, but there are 1 actions"):
        fit.plot.curves("tv", ax=[left, right])
    assert fit.plot.curves(["tv", "web"], ax=[left, right]).tolist() == [left, right]


def test_the_bias_is_the_distance_of_the_two_readings(fit: Fit) -> None:
    ax = fit.plot.bias("tv")
    seen = ax.lines[1].get_xydata()
    bias = fit.confounding_bias("tv", seen[:, 0]).summary()["mean"]
    set_ = fit.response_curve("tv", seen[:, 0]).summary()["mean"]
    np.testing.assert_allclose(seen[:, 1] - set_, bias)
    assert np.abs(bias).max() > 0.1  # confounded indeed


def test_the_bias_needs_rows_in_which_the_action_was_left_alone(rows: pd.DataFrame, quick_fit) -> None:  # noqa: ANN001
    always = quick_fit(rows[rows["regime"] == "do(tv)"], ["tv"], "sales")
    assert always.plot.curves("tv").lines
    with pytest.raises(IdentificationError, match="no regime leaves 'tv' alone"):
        always.plot.bias()


def test_a_surface_is_the_joint_effect(fit: Fit) -> None:
    ax = fit.plot.surface("tv", "web", points=5)
    mesh = next(item for item in ax.collections if isinstance(item, QuadMesh))
    table = tables.surface_table(fit, "tv", "web", {}, points=5, prob=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        direct = fit.effect(do=table[["tv", "web"]], extrapolate=True).summary()
    np.testing.assert_allclose(np.asarray(mesh.get_array()).ravel(), direct["mean"])
    spread = fit.plot.surface("tv", "web", points=5, value="sd")
    mesh = next(item for item in spread.collections if isinstance(item, QuadMesh))
    np.testing.assert_allclose(np.asarray(mesh.get_array()).ravel(), direct["sd"])


def test_contrasts_compare_quartiles(fit: Fit, rows: pd.DataFrame) -> None:
    ax = fit.plot.contrasts()
    (points,) = [item for item in ax.collections if isinstance(item, PathCollection)]
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels[2] == "all together"
    low, high = (float(word) for word in labels[0].removeprefix("tv ").split(" to "))
    observed = rows.loc[rows["regime"] == "obs", "tv"].quantile([0.25, 0.75])
    np.testing.assert_allclose([low, high], observed, rtol=0.1)
    found = [
        fit.contrast(do={"tv": high}, versus={"tv": low}, rest="hold").summary()["mean"].iloc[0],
    ]
    np.testing.assert_allclose(points.get_offsets()[:1, 0], found)


def test_regimes_have_the_rows_and_ranges_of_the_data(fit: Fit, data: RegimeData) -> None:
    table = tables.regime_table(fit).set_index(["regime", "variable"])
    expected = data.summary().drop("sales", level="variable")
    for name in ("rows", "was_set", "mean", "low", "high"):
        assert table[name].tolist() == expected[name].tolist()
    assert fit.plot.regimes().get_yticklabels()[1].get_text() == "do(tv)  (300)"


def test_drawn_outcomes_have_the_spread_of_the_rows(fit: Fit, data: RegimeData) -> None:
    for regime in ("obs", "do(tv)"):
        ax = fit.plot.outcome(regime)
        assert ax.get_title() == regime
        found = next(rows for rows in tables.rows_of(fit, None, 200) if rows.regime.label == regime)
        drawn = tables.replicates(fit, found, seed=0)
        assert drawn.shape == (200, 200)
        error = found.outcome.std() / np.sqrt(200)
        assert abs(drawn.mean() - found.outcome.mean()) < 4 * error
        assert drawn.std() == pytest.approx(found.outcome.std(), rel=0.25)
    np.testing.assert_array_equal(  # the rows that the fit kept are those of the data
        np.concatenate([rows.outcome for rows in tables.rows_of(fit, data, 200)]),
        np.concatenate([rows.outcome for rows in tables.rows_of(fit, None, 200)]),
    )


def test_residuals_are_outcomes_minus_their_means(fit: Fit, rows: pd.DataFrame) -> None:
    table = tables.residual_table(fit, None)
    one = rows[rows["regime"] == "do(web)"].iloc[0]
    effect = fit.effect(do={"web": one["web"]}, given={"tv": one["tv"]}, extrapolate=True).summary()["mean"].iloc[0]
    first = table[table["regime"] == "do(web)"].iloc[0]
    assert first["fitted"] == pytest.approx(effect)
    assert first["residual"] == pytest.approx(one["sales"] - effect)
    assert len(fit.plot.residuals().get_yticklabels()) == 3


def test_the_graph_is_drawn_with_all_actions(fit: Fit) -> None:
    assert {"tv", "web"} <= {text.get_text() for text in fit.plot.graph().texts}


def test_units_stand_beside_the_names(fit: Fit) -> None:
    pictures = fit.plot.with_units({"tv": "GRP", "sales": "euro"})
    ax = pictures.curves("tv")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("tv (GRP)", "mean sales (euro)")
    assert pictures.surface("tv", "web", points=3).get_ylabel() == "web"
    assert fit.plot.curves("tv").get_xlabel() == "tv"
    with pytest.raises(QueryError, match="units names 'radio', which is not a column of the fit"):
        fit.plot.with_units({"radio": "GRP"})


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda plot: plot.curves("radio"), "'radio' is not an action"),
        (lambda plot: plot.bias(["tv", "radio"]), "'radio' is not an action"),
        (lambda plot: plot.curves("tv", prob=2), "prob=2 must be"),
        (lambda plot: plot.surface("tv", "radio"), "'radio' is not an action"),
        (lambda plot: plot.surface("tv", "tv"), "a surface needs two actions"),
        (lambda plot: plot.surface("tv", "web", do={"web": 1.0}), "'web' is an axis of the surface"),
        (lambda plot: plot.surface("tv", "web", value="median"), "valid are 'mean' and 'sd'"),
        (lambda plot: plot.outcome("do(tv,web)"), "the regimes are obs, do"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fit: Fit, ask, message: str) -> None:  # noqa: ANN001
    with pytest.raises(QueryError, match=message):
        ask(fit.plot)


def test_rows_of_other_columns_are_refused(fit: Fit, rows: pd.DataFrame, data: RegimeData) -> None:
    other = RegimeData.from_frame(rows, outcome="sales", actions=["web", "tv"])
    with pytest.raises(QueryError, match="the data hold 'sales' given"):
        fit.plot.residuals(data=other)
    assert fit.plot.residuals(data=data) is not None


def test_labels_and_levels_are_drawn(quick_fit) -> None:  # noqa: ANN001
    rng = np.random.default_rng(0)
    parts = []
    for regime in ("obs", "do(offer)", "do(budget)"):
        confounder = rng.normal(size=(2, 150))
        offer = rng.integers(0, 3, 150) if "offer" in regime else np.clip(np.round(1 + confounder[0]), 0, 2).astype(int)
        budget = rng.choice([0.0, 5.0], 150) if "budget" in regime else np.where(confounder[1] > 0, 5.0, 0.0)
        y = offer + 0.2 * budget + confounder.sum(0) + rng.normal(size=150)
        names = np.array(["none", "free", "half"])[offer]
        parts.append(pd.DataFrame({"regime": regime, "offer": names, "budget": budget, "y": y}))
    fitted = quick_fit(pd.concat(parts, ignore_index=True), ["offer", "budget"], graph=ActionGraph.empty())
    curves = fitted.plot.curves()
    assert [text.get_text() for text in curves[0].get_xticklabels()] == ["free", "half", "none"]
    points = next(item for item in curves[0].collections if isinstance(item, PathCollection))
    np.testing.assert_allclose(points.get_offsets()[:, 1], fitted.response_curve("offer").summary()["mean"])
    assert fitted.plot.surface("offer", "budget").get_yticklabels()[1].get_text() == "5"
    assert fitted.plot.bias()[0].lines
    assert len(fitted.plot.contrasts().get_yticklabels()) == 3
    assert fitted.plot.regimes().get_xticklabels()[0].get_text() == "offer\n3 levels"


def test_pictures_of_the_sampler_are_those_of_arviz(fit: Fit) -> None:
    import arviz as az

    drawn = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for draw in (az.plot_trace_dist, az.plot_rank, az.plot_forest):
            drawn[draw.__name__] = draw(fit.datatree, var_names=["alpha", "hyper"], backend="matplotlib").viz
    posterior = fit.datatree["posterior"].dataset
    traces = drawn["plot_trace_dist"]["trace"]["alpha"]
    for chain in posterior["chain"].values:
        np.testing.assert_allclose(traces.sel(chain=chain).item().get_ydata(), posterior["alpha"].sel(chain=chain))
    assert drawn["plot_rank"]["ecdf_lines"]["hyper"].sizes["type"] == posterior.sizes["type"]
    points = drawn["plot_forest"]["point_estimate"]["alpha"].values.ravel()
    np.testing.assert_allclose([point.get_offsets()[0, 0] for point in points], posterior["alpha"].mean("draw"))
