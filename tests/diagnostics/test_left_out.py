"""A regime that is left out: predicted where the others identify it, refused by name where they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from falsification_worlds import finite, fitted

from bayes_ivgen import Fit, RegimeData
from bayes_ivgen.diagnostics import CheckReport, LeftOutResult
from bayes_ivgen.diagnostics.left_out import crps
from bayes_ivgen.errors import DataError, IdentificationError, QueryError
from bayes_ivgen.simulate import boolean_example, media_mix

JOINT = "do(a1,a2)"
QUICK = {"draws": 150, "chains": 2, "tune": 100, "cores": 1, "seed": 0, "progressbar": False}


@pytest.fixture(scope="module")
def valid() -> tuple[Fit, RegimeData]:
    data, graph = finite(1000, 0, JOINT, actions=2)
    return fitted(data, graph=graph), data


@pytest.fixture(scope="module")
def report(valid: tuple[Fit, RegimeData]) -> CheckReport:
    return valid[0].leave_out(valid[1], **QUICK)


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.IvgenWarning")
def test_regimes_that_the_others_identify_are_predicted(report: CheckReport, valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    assert list(report) == [regime.label for regime in data.regimes]
    assert report.passed
    result = report[JOINT]
    assert isinstance(result, LeftOutResult)
    assert result.sentence().startswith(f"{JOINT} left out passed (p = ")
    assert "predicted from obs, do(a1), do(a2) alone" in result.sentence()
    table = result.table
    rows = data.profiles[next(r for r in data.regimes if r.label == JOINT)].sample
    assert len(table) == 9  # the cells of two actions with three levels
    assert table["rows"].sum() == len(rows)
    cell = rows[(rows[:, 0] == 1) & (rows[:, 1] == 2)]
    row = table.set_index("bin").loc["a1=b, a2=c"]
    assert row["observed"] == pytest.approx(cell[:, -1].mean())
    measures = result.measures
    assert measures["coverage_90"] == pytest.approx(0.9, abs=0.05)
    assert measures["coverage_50"] == pytest.approx(0.5, abs=0.08)
    assert measures["crps_in_sample"] <= measures["crps"] * 1.02
    assert measures["supported"] == 1.0
    summary = report.summary()
    assert summary.loc[JOINT, "crps"] == measures["crps"]
    assert fit.regimes == data.regimes  # nothing that was passed has changed


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.IvgenWarning")
def test_the_fit_has_not_seen_the_rows(valid: tuple[Fit, RegimeData]) -> None:
    fit, data = valid
    frame = pd.concat(
        [
            pd.DataFrame(profile.sample, columns=[*data.variables, "y"]).assign(regime=regime.label)
            for regime, profile in data.profiles.items()
        ]
    )
    for name in data.actions:
        frame[name] = np.array(list("abc"))[frame[name].astype(int)]
    frame.loc[frame["regime"] == JOINT, "y"] += 5.0
    moved = RegimeData.from_frame(frame, outcome="y", actions=data.actions)
    before = fit.leave_out(data, [JOINT], **QUICK)[JOINT]
    result = fitted(moved, graph=fit.graph).leave_out(moved, [JOINT], **QUICK)[JOINT]
    assert not result.passed
    np.testing.assert_allclose(result.table["fit"], before.table["fit"], atol=1e-8)
    np.testing.assert_allclose(result.table["observed"], before.table["observed"] + 5.0)
    assert result.measures["coverage_90"] < 0.2
    assert "Do not trust" in result.sentence()


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.IvgenWarning")
def test_a_world_that_is_not_additive_is_found_out() -> None:
    counts = dict.fromkeys(["obs", "do(a1)", "do(a2)", JOINT], 15_000)
    rows = boolean_example("twins", world=1).sample_regimes(counts, seed=0)
    data = RegimeData.from_frame(rows, outcome="y", actions=["a1", "a2"])
    result = fitted(data, graph="empty").leave_out(data, JOINT, **QUICK)[JOINT]
    assert not result.passed
    assert "% of the outcomes in 2,000 rows lie in their" in result.sentence()  # those that were scored, of 15,000
    truth = np.array([[0.5, 0.55], [0.55, 0.6]]).ravel()  # of the additive twin: what the singles say
    np.testing.assert_allclose(result.table["fit"], truth, atol=4 * result.table["sd"].max())


@pytest.mark.filterwarnings("ignore::bayes_ivgen.errors.IvgenWarning")
def test_continuous_actions_fall_into_sixths() -> None:
    world = media_mix(2, seed=1)
    counts = {**world.standard_regimes(300), "do(tv,web)": 300}
    data = RegimeData.from_frame(world.sample_regimes(counts, seed=1), outcome="sales", actions=["tv", "web"])
    report = fitted(data).leave_out(data, ["do(tv,web)"], **QUICK)
    result = report["do(tv,web)"]
    assert result.table["rows"].tolist() == [50] * 6
    assert result.table["fit"].is_monotonic_increasing
    assert isinstance(result, LeftOutResult)

    from matplotlib import pyplot as plt

    ax = result.plot()
    assert ax.get_title().replace("\n", " ") == "do(tv,web) left out: would we have predicted it?"
    assert len(ax.collections[1].get_offsets()) == 6
    plt.close(ax.figure)


def test_what_the_others_do_not_identify_is_named() -> None:
    data, graph = finite(200, 0)
    fit = fitted(data, graph=graph)
    with pytest.raises(IdentificationError, match=r"no regime can be left out: none of those at hand \(obs, do\(a1\)"):
        fit.leave_out(data, **QUICK)
    data, graph = finite(200, 0, JOINT)
    fit = fitted(data, graph=graph)
    with pytest.raises(
        IdentificationError, match=r"do\(a3\) cannot be left out: the other regimes \(obs, .* Leave out obs or do\(a1\)"
    ):
        fit.leave_out(data, ["do(a3)"], **QUICK)
    with pytest.raises(DataError, match=r"the data have no rows of 'do\(a1,a3\)'; their regimes are"):
        fit.leave_out(data, ["do(a1,a3)"], **QUICK)
    with pytest.raises(QueryError, match=r"the data hold \['obs', 'do\(a1\)'\], but the fit is of"):
        fit.leave_out(data.without(["do(a2)", "do(a3)", JOINT]), **QUICK)
    with pytest.raises(QueryError, match="regimes names nothing"):
        fit.leave_out(data, [], **QUICK)


def test_the_score_is_that_of_the_formula() -> None:
    draws, observed = np.random.default_rng(0).normal(size=(40, 3)), np.array([0.0, 1.0, -2.0])
    direct = np.abs(draws - observed).mean(axis=0) - 0.5 * np.abs(draws[:, None] - draws[None]).mean(axis=(0, 1))
    assert crps(draws, observed) == pytest.approx(direct.mean())
