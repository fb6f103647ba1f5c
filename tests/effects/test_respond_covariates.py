"""The reading "respond" with covariates: laws given the parents and x, averaged over a stated law of x."""

from __future__ import annotations

import re
import warnings
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from covariate_worlds import PAIR, covariate_world, driven_world

from bayes_ivgen import ActionGraph, BSpline, Fit, InterventionModel, RegimeData, load
from bayes_ivgen.effects import NaturalRows, parse_queries
from bayes_ivgen.effects.laws import DiscreteLaw
from bayes_ivgen.errors import ConvergenceWarning, QueryError, SupportWarning
from bayes_ivgen.simulate import DiscreteSCM, StructuredSCM, structured

WORLD = driven_world(55)  # a1 -> a2 -> a3, and x drives all three
ACTIONS = [name for name in WORLD.actions if name != "x"]
SUBSETS = [list(subset) for size in range(3) for subset in combinations(ACTIONS, size)]
LABELS = {0.0: "a", 1.0: "b", 2.0: "c"}


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Levels as labels, so that several parents may act together on the confounder's law."""
    names = [name for name in table.columns if name not in ("regime", "y", "truth")]
    return table.assign(**{name: table[name].map(LABELS) for name in names})


def graph_of(world: DiscreteSCM | StructuredSCM) -> ActionGraph:
    parents = {name: [p for p in found if p != "x"] for name, found in world.parents.items() if name != "x"}
    return ActionGraph(parents)


def fit_to(rows: pd.DataFrame, actions: list[str], *, known: tuple[str, ...] = ("x",), **model: object) -> Fit:
    data = RegimeData.from_frame(rows, outcome="y", actions=actions, covariates=known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return InterventionModel(**model).fit(data, draws=300, chains=2, tune=150, cores=1, seed=0, progressbar=False)


def seasonal(world: DiscreteSCM, n: int, seed: int, shares: dict[str, float] | None = None) -> pd.DataFrame:
    """Rows of all standard regimes, in each of which x = 1 has another share: tests run in another season."""
    actions = [name for name in world.actions if name != "x"]
    shares = {"obs": 0.3, **{f"do({a})": share for a, share in zip(actions, (0.8, 0.5, 0.7), strict=False)}}
    tables = []
    for i, (regime, share) in enumerate(shares.items()):
        drawn = world.sample(12 * n, regime, seed=seed)
        wanted = {1.0: round(share * n), 0.0: n - round(share * n)}
        parts = [drawn[drawn["x"] == x].head(count) for x, count in wanted.items()]
        assert [len(part) for part in parts] == list(wanted.values())
        tables.append(pd.concat(parts).sample(frac=1.0, random_state=i).assign(regime=regime))
    return pd.concat(tables, ignore_index=True)


def given_x(world: DiscreteSCM, subset: list[str]) -> pd.DataFrame:
    """E[Y | do(a_S), x] by enumeration of the rows of that regime: columns of S, ``x`` and ``truth``."""
    cells = world.law(f"do({','.join(subset)})" if subset else "obs")
    cells["total"] = cells["probability"] * cells["mean"].fillna(0.0)
    sums = cells.groupby([*subset, "x"])[["probability", "total"]].sum()
    return (sums["total"] / sums["probability"]).rename("truth").reset_index()


def over_rows(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Average the column ``truth`` over the law of x in all rows."""
    weight = table["x"].map(rows["x"].value_counts(normalize=True))
    keys = [name for name in table.columns if name not in ("x", "truth")]
    table = table.assign(truth=weight * table["truth"]).drop(columns="x")
    return table.groupby(keys)["truth"].sum().reset_index() if keys else table.sum().to_frame().T


def by_the_formula(world: DiscreteSCM, subset: list[str], *, with_x: bool = True) -> pd.DataFrame:
    """Mixed effects times prod_l p(a_l | a_pa(l), x) of the observational rows, or wrongly without x."""
    cells = world.law("obs")
    weight = np.ones(len(cells))
    for action in world.actions:
        if action not in (*subset, "x"):
            causes = [name for name in world.parents[action] if name != "x"] + ["x"] * with_x
            both = cells.groupby([*causes, action])["probability"].transform("sum")
            weight *= both / (cells.groupby(causes)["probability"].transform("sum") if causes else 1.0)
    cells["truth"] = weight * world.effect(cells[list(world.actions)], do=subset)
    return cells.groupby([*subset, "x"])["truth"].sum().reset_index()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("chosen", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)], ids=str)
def test_the_formula_holds_exactly_at_every_x(seed: int, chosen: tuple[int, ...]) -> None:
    world = driven_world(seed)
    subset = [[name for name in world.actions if name != "x"][k] for k in chosen]
    pd.testing.assert_frame_equal(by_the_formula(world, subset), given_x(world, subset), rtol=1e-9, atol=1e-12)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return labelled(seasonal(WORLD, 3000, seed=2))


@pytest.fixture(scope="module")
def fit(rows: pd.DataFrame) -> Fit:
    return fit_to(rows, ACTIONS, graph=graph_of(WORLD))


@pytest.mark.parametrize("subset", SUBSETS, ids=lambda subset: "".join(subset) or "obs")
def test_effects_at_fixed_covariates_and_over_all_rows_are_found(
    rows: pd.DataFrame, fit: Fit, subset: list[str]
) -> None:
    exact = labelled(given_x(WORLD, subset))
    mean = over_rows(exact, rows)
    fixed = fit.effect(do=exact[subset] if subset else {}, rest="respond", covariates=exact[["x"]]).summary()
    averaged = fit.effect(do=mean[subset] if subset else {}, rest="respond").summary()
    for table, truth in ((fixed, exact["truth"]), (averaged, mean["truth"])):
        z = (table["mean"] - truth) / table["sd"]
        assert z.abs().max() < 4
        assert np.sqrt((z**2).mean()) < 2.2
        assert table["supported"].all()
        assert table["sd"].max() < 0.15


def test_ignoring_x_would_be_wrong(rows: pd.DataFrame, fit: Fit) -> None:
    """Drawn without x, what responds goes with the wrong x, however exact all other parts are."""
    right, wrong = (labelled(by_the_formula(WORLD, ["a2"], with_x=flag)) for flag in (True, False))
    table = fit.effect(do=right[["a2"]], covariates=right[["x"]], rest="respond").summary()
    assert (abs(table["mean"] - right["truth"]) < 4 * table["sd"]).all()
    assert (abs(table["mean"] - wrong["truth"]) > 5 * table["sd"]).any()
    exact, ignored = over_rows(right, rows), over_rows(wrong, rows)["truth"]
    table = fit.effect(do=exact[["a2"]], rest="respond").summary()
    assert (abs(table["mean"] - exact["truth"]) < 3 * table["sd"]).all()
    assert (abs(table["mean"] - ignored) > 3 * table["sd"]).any()
    bare = fit_to(rows, ACTIONS, known=(), graph=graph_of(WORLD))
    exact = over_rows(labelled(given_x(WORLD, ["a1"])), rows)
    without = bare.effect(do=exact[["a1"]], rest="respond").summary()
    assert (abs(without["mean"] - exact["truth"]) > 5 * without["sd"]).any()


def test_an_average_over_x_is_the_average_of_fixed_ones(rows: pd.DataFrame, fit: Fit) -> None:
    share = (rows["x"] == "b").mean()
    low, high = (fit.effect(do={"a1": "b"}, rest="respond", covariates={"x": x}).draws for x in ("a", "b"))
    mixed = fit.effect(do={"a1": "b"}, rest="respond")
    # draw by draw, up to the 512 quasi-random points
    np.testing.assert_allclose(mixed.draws, (1 - share) * low + share * high, atol=0.03)
    assert abs(low.mean() - high.mean()) > 0.3
    assert "a2, a3 left to respond, averaged over x in all rows" in mixed.sentence()
    # q(x) has mean zero over all rows: it drops out without error of the draws
    q = fit.effects.design.columns_of_covariate("x")
    question = {"do": {"a1": 1.0}, "rest": "respond", "covariate_names": ["x"]}
    averaged, fixed = (parse_queries(ACTIONS, **question, covariates=x) for x in (None, {"x": 1.0}))
    assert (fit.effects.rows(averaged, slice(0, 1))[..., q] == 0).all()
    assert (fit.effects.rows(fixed, slice(0, 1))[..., q] != 0).all()


def test_the_law_of_x_is_that_of_all_rows(rows: pd.DataFrame, fit: Fit) -> None:
    responses = fit.effects.responses
    queries = parse_queries(ACTIONS, {"a1": 1.0}, rest="respond", covariate_names=["x"])
    drawn = responses.particles(queries, 0)
    assert drawn.shape == (32, 512, 4)
    assert (drawn[..., 0] == 1).all()
    share = (rows["x"] == "b").mean()
    assert abs(drawn[..., 3].mean() - share) < 2 / 512
    assert abs(share - (rows.loc[rows["regime"] == "obs", "x"] == "b").mean()) > 0.1
    # x drives roots as well: no observed row can be taken whole
    assert responses.plan(parse_queries(ACTIONS, {"a3": 1.0}, rest="respond", covariate_names=["x"])).roots == ()
    cells = WORLD.law("obs")
    for action in ACTIONS:
        causes = [*responses.causes(action)]
        assert causes[-1] == "x"
        sums = cells.assign(one=cells["probability"] * cells[action]).groupby(causes)[["probability", "one"]].sum()
        points = np.array([np.atleast_1d(key) for key in sums.index], dtype=float)
        law = responses.law(action)
        assert isinstance(law, DiscreteLaw)
        p = law.probabilities(np.broadcast_to(points, (32, *points.shape)))[..., 1].mean(axis=0)
        assert np.abs(p - sums["one"] / sums["probability"]).max() < 0.08  # cells hold 300 rows and more


def test_a_contrast_of_covariates_moves_what_responds(fit: Fit) -> None:
    exact = given_x(WORLD, ["a1"]).set_index(["a1", "x"])["truth"]
    season = fit.contrast(do={"a1": "b"}, covariates={"x": "b"}, versus_covariates={"x": "a"}, rest="respond")
    table = season.summary().iloc[0]
    assert abs(table["mean"] - (exact[1, 1] - exact[1, 0])) < 4 * table["sd"]
    step = fit.contrast(do={"a1": "b"}, versus={"a1": "a"}, rest="respond")
    sides = [fit.effect(do={"a1": a}, rest="respond").draws for a in "ba"]
    np.testing.assert_allclose(step.draws, sides[0] - sides[1], atol=1e-9)


def test_seen_actions_and_covariates_together(fit: Fit) -> None:
    cells = WORLD.law("do(a1)")
    chosen = cells[(cells["a1"] == 1) & (cells["a2"] == 0) & (cells["x"] == 1)]
    truth = float(np.average(chosen["mean"], weights=chosen["probability"]))
    question = {"do": {"a1": "b"}, "covariates": {"x": "b"}, "rest": "respond"}
    table = fit.effect(**question, given={"a2": "a"}).summary().iloc[0]
    assert abs(table["mean"] - truth) < 4 * table["sd"]
    with pytest.raises(QueryError, match="'a2' is left to respond and drives 'a3', which is seen"):
        fit.effect(**question, given={"a3": "a"})


def test_outcome_draws_hold_the_spread_of_x(rows: pd.DataFrame, fit: Fit) -> None:
    question = {"do": {"a1": ["a", "b"]}, "rest": "respond"}
    for covariates in (None, {"x": "b"}):
        drawn = fit.outcome(**question, covariates=covariates).draws
        effect = fit.effect(**question, covariates=covariates).draws
        error = drawn.std(("chain", "draw")) / np.sqrt(600)
        assert (abs(drawn.mean(("chain", "draw")) - effect.mean(("chain", "draw"))) < 4 * error).all()
        tests = rows[rows["regime"] == "do(a1)"]
        tests = tests if covariates is None else tests[tests["x"] == "b"]
        spread = tests.groupby("a1")["y"].std().to_numpy()
        # 600 draws give a standard deviation to 3 %; x has another law in these rows
        np.testing.assert_allclose(drawn.std(("chain", "draw")), spread, rtol=0.12)


def test_saved_fits_answer_alike(fit: Fit, tmp_path: Path) -> None:
    loaded = load(fit.save(tmp_path / "fit.zarr"))
    for covariates in (None, {"x": "b"}):
        question = {"do": {"a1": ["a", "b"]}, "rest": "respond", "covariates": covariates}
        np.testing.assert_array_equal(fit.effect(**question).draws, loaded.effect(**question).draws)
    kept = loaded.effects.natural_rows
    assert kept is not None
    assert kept.variables == (*ACTIONS, "x")
    assert kept.values.shape == (12_000, 4)
    np.testing.assert_array_equal(kept.columns(["x"], np.arange(5))[:, 0], kept.values[:5, 3])


def test_calibration_compares_at_the_x_of_the_rows(rows: pd.DataFrame, fit: Fit) -> None:
    data = RegimeData.from_frame(rows, outcome="y", actions=ACTIONS, covariates=["x"])
    for action in ACTIONS:
        result = fit.check_calibration(data, action)
        assert result.passed
        y = rows[rows["regime"] == f"do({action})"].groupby(action)["y"].mean()
        np.testing.assert_allclose(result.table["observed"], y)
    # over the law of x in all rows instead, the same fit is off
    averaged = fit.effect(do={"a1": ["a", "b"]}, rest="respond").summary()["mean"]
    table = fit.check_calibration(data, "a1").table
    assert (abs(averaged - table["observed"]) > 4 * table["sd"]).any()
    without = RegimeData.from_frame(rows, outcome="y", actions=ACTIONS)
    with pytest.raises(QueryError, match=r"given \['a1', 'a2', 'a3'\], but the fit is of 'y' given .*'x'\]; pass"):
        fit.check_calibration(without, "a1")


def test_a_covariate_that_predicts_the_confounders() -> None:
    world = covariate_world("correlated", 3, edge=True)
    rows = labelled(seasonal(world, 2000, seed=1))
    fit = fit_to(rows, PAIR, graph=ActionGraph({"a2": ["a1"]}), covariates={"x": "causal"})
    for subset in (["a1"], ["a2"], []):
        exact = labelled(given_x(world, subset))
        mean = over_rows(exact, rows)
        fixed = fit.effect(do=exact[subset] if subset else {}, rest="respond", covariates=exact[["x"]]).summary()
        averaged = fit.effect(do=mean[subset] if subset else {}, rest="respond").summary()
        for table, truth in ((fixed, exact["truth"]), (averaged, mean["truth"])):
            assert (abs(table["mean"] - truth) < 4 * table["sd"]).all()
            assert table["sd"].max() < 0.15


@pytest.fixture(scope="module")
def smooth() -> tuple[StructuredSCM, pd.DataFrame, Fit]:
    """Continuous: a1 drives a2 and a3, and x moves all of them, predicts their confounders, and the outcome."""
    world = structured(3, seed=2, covariate=1.5, predicts=0.4, edge_probability=1.0)
    rows = world.sample_regimes(world.standard_regimes(1500), seed=3)
    bases = {"causal": BSpline(7), "confounding": BSpline(5)}
    fit = fit_to(rows, list(world.actions), graph=graph_of(world), covariates={"x": "causal"}, **bases)
    return world, rows, fit


def by_simulation(world: StructuredSCM, do: dict[str, float], x: np.ndarray) -> tuple[float, float]:
    """Mean outcome at values of x, the other actions by their mechanisms, with its standard error."""
    latents = world._draw_latents(len(x), np.random.default_rng(0))
    latents.confounders[:, :-1] += world.rho * (x - latents.confounders[:, -1])[:, None]
    latents.confounders[:, -1] = x
    values = np.zeros((len(x), len(world.actions)))
    for k in world._causal_order:
        action = world.actions[k]
        values[:, k] = do[action] if action in do else world._mechanism(k, values, latents)
    y = world._outcome(values, latents)
    return float(y.mean()), float(y.std() / np.sqrt(len(x)))


@pytest.mark.parametrize("do", [{"a1": 1.0}, {"a1": -1.0, "a2": 1.0}, {"a3": 0.5}, {}], ids=str)
@pytest.mark.parametrize("x", [1.0, None])
def test_continuous_actions_and_covariates(
    smooth: tuple[StructuredSCM, pd.DataFrame, Fit], do: dict[str, float], x: float | None
) -> None:
    world, rows, fit = smooth
    many = np.resize(rows["x"].to_numpy(), 200_000) if x is None else np.full(200_000, x)
    truth, error = by_simulation(world, do, many)
    table = fit.effect(do=do, rest="respond", covariates=None if x is None else {"x": x}).summary().iloc[0]
    assert abs(table["mean"] - truth) < 4 * np.hypot(table["sd"], error)
    assert table["supported"]
    assert table["sd"] < 0.25


def test_outcome_draws_follow_what_responds(smooth: tuple[StructuredSCM, pd.DataFrame, Fit]) -> None:
    fit = smooth[2]
    question = {"do": {"a1": [-2.0, 2.0]}, "rest": "respond"}
    drawn = np.stack([fit.outcome(**question, seed=seed).draws for seed in range(6)])
    effect = fit.effect(**question).draws.mean(("chain", "draw"))
    error = drawn.std(axis=(0, 1, 2)) / np.sqrt(drawn.size / 2)
    assert (abs(drawn.mean(axis=(0, 1, 2)) - effect) < 4 * error).all()
    # the natural values of the others, whatever a1 is, give another mean
    effects = fit.effects
    for i, value in enumerate((-2.0, 2.0)):
        rows = effects.spread(np.array([value, np.nan, np.nan, np.nan]))
        other = effects.coefficients @ effects.design.rows(rows, np.array([True, False, False])).mean(axis=0)
        assert abs(effects.design.outcome_mean + effects.design.outcome_sd * other.mean() - effect[i]) > 6 * error[i]


def test_support_is_that_of_the_parents_with_x() -> None:
    """High values of a were tested where x was low only; b then reacts to an unknown combination elsewhere."""
    rng = np.random.default_rng(0)
    tables = []
    for label in ("obs", "do(a)", "do(b)"):
        x = rng.uniform(-1, 0 if label == "do(a)" else 1, 400)
        a = rng.uniform(0, 4 if label == "do(a)" else 1, 400)
        b = rng.uniform(0, 5, 400) if label == "do(b)" else a + x + rng.normal(0, 0.3, 400)
        tables.append(pd.DataFrame({"regime": label, "a": a, "b": b, "x": x, "y": a + b + x + rng.normal(size=400)}))
    fit = fit_to(pd.concat(tables, ignore_index=True), ["a", "b"], graph=ActionGraph({"b": ["a"]}))
    assert fit.effect(do={"a": 3.5}, covariates={"x": -0.5}, rest="respond").summary()["supported"].all()
    reason = (
        r"b would react to values of a, x that never occurred together while b was left alone \((\d+) % of the draws\)"
    )
    with pytest.warns(SupportWarning, match=reason):
        table = fit.effect(do={"a": [3.5, 0.5]}, covariates={"x": 0.8}, rest="respond").summary()
    assert table["supported"].tolist() == [False, True]
    with pytest.warns(SupportWarning, match=reason) as caught:  # a part of the rows only
        fit.effect(do={"a": 3.5}, rest="respond")
    found = re.search(reason, str(caught[0].message))
    assert found is not None
    assert 20 < float(found[1]) < 45  # a third of all rows have x above zero


def test_a_covariate_of_the_outcome_only_leaves_the_laws_alone(rows: pd.DataFrame) -> None:
    """The user says that x moves no action: observed rows stay whole, and x is drawn beside them."""
    rng = np.random.default_rng(0)
    rows = rows.assign(x=rng.normal(size=len(rows)))
    rows["y"] = rows["y"] + 2.0 * rows["x"]
    fit = fit_to(rows, ACTIONS, graph=graph_of(WORLD), covariates={"x": "outcome"})
    responses = fit.effects.responses
    queries = parse_queries(ACTIONS, {"a3": 1.0}, rest="respond", covariate_names=["x"])
    assert responses.plan(queries).roots == ("a1", "a2")
    assert responses.causes("a3") == ("a2",)
    drawn = responses.particles(queries, 0)
    natural = responses.rows
    index = natural.leaving(["a1", "a2"])
    share = natural.row_weights(index) @ (natural.columns(["a1", "a2"], index) == 1).all(axis=1)
    np.testing.assert_allclose((drawn[..., [0, 1]] == 1).all(axis=-1).mean(axis=1), share, atol=0.01)
    mixed = fit.effect(do={"a3": "b"}, rest="respond").draws
    at_mean = fit.effect(do={"a3": "b"}, rest="respond", covariates={"x": float(rows["x"].mean())}).draws
    assert abs(float((mixed - at_mean).mean())) < 0.02
    step = fit.contrast(do={"a3": "b"}, covariates={"x": 1}, versus_covariates={"x": 0}, rest="respond")
    table = step.summary().iloc[0]
    assert abs(table["mean"] - 2.0) < 4 * table["sd"]
    assert table["sd"] < 0.1


def test_members_of_a_block_are_drawn_given_each_other() -> None:
    """What a block shares must not get lost where x moves it, and no observed row can be taken whole."""
    rng = np.random.default_rng(1)
    tables = []
    for label in ("obs", "do(a,b)", "do(c)"):
        x, c, shared = rng.normal(size=2000), rng.normal(size=2000), rng.normal(size=2000)
        a = rng.normal(size=2000) if "a" in label else shared + 0.5 * x + 0.3 * rng.normal(size=2000)
        b = rng.normal(size=2000) if "a" in label else shared - 0.5 * x + 0.3 * rng.normal(size=2000)
        y = a * b + 0.5 * c + rng.normal(size=2000)
        tables.append(pd.DataFrame({"regime": label, "a": a, "b": b, "c": c, "x": x, "y": y}))
    rows = pd.concat(tables, ignore_index=True)
    fit = fit_to(rows, ["a", "b", "c"], graph="empty", blocks=[["a", "b"]])
    assert fit.effects.responses.causes("b") == ("a", "x")
    # E[ab | x] = 1 - x^2 / 4: the covariance given x is that of the shared confounder
    for x, truth in ((0.0, 1.0), (1.0, 0.75), (None, 0.75)):
        table = fit.effect(do={"c": 0}, rest="respond", covariates=None if x is None else {"x": x}).summary().iloc[0]
        assert abs(table["mean"] - truth) < 4 * table["sd"]
        assert table["sd"] < 0.1
    with pytest.raises(QueryError, match=r"'a' is left to respond and shares a confounder with 'b', which is seen"):
        fit.effect(do={"c": 0}, given={"b": 1}, rest="respond")
    assert len(fit.effect(do={"c": 0}, given={"a": 1, "b": 1})) == 1
    table = fit.effect(do={"c": 0}, given={"a": 1}, covariates={"x": 0}, rest="respond").summary().iloc[0]
    assert abs(table["mean"] - 1 / 1.09) < 4 * table["sd"]  # E[b | a = 1, x = 0]


def test_rows_keep_the_covariates_and_survive_storage(rows: pd.DataFrame) -> None:
    data = RegimeData.from_frame(rows, outcome="y", actions=ACTIONS, covariates=["x"])
    kept = NaturalRows.of(data, rows_per_regime=500)
    assert kept.values.shape == (2000, 4)
    assert kept.was_set.shape == (2000, 3)
    shares = [kept.columns(["x"], kept.leaving([a])).mean() for a in ACTIONS]
    np.testing.assert_allclose(shares, [0.5, 0.6, 1.6 / 3], atol=0.05)
    again = NaturalRows.from_dataset(kept.to_dataset())
    assert (again.actions, again.covariates) == (kept.actions, ("x",))
    np.testing.assert_array_equal(again.values, kept.values)
    np.testing.assert_array_equal(again.was_set, kept.was_set)
