"""What every world promises: columns, streams, regimes, effects and messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bayes_ivgen.data.regime import Regime
from bayes_ivgen.errors import DataError, QueryError, SpecError
from bayes_ivgen.simulate import SCM, boolean_example, discrete, linear_lognormal, media_mix, polynomial
from bayes_ivgen.simulate.scm import draw_edges, parents_of

MAX_Z = 4.8  # about 60 moment conditions a world: a right effect exceeds this once in 10,000 runs

WORLDS: dict[str, SCM] = {
    "polynomial": polynomial(n_actions=4, seed=3, edge_probability=0.6),
    "linear_lognormal": linear_lognormal(n_actions=4, seed=3),
    "media_mix": media_mix(),
    "discrete": discrete(n_actions=3, n_levels=3, seed=4),
    "discrete_violated": discrete(n_actions=3, seed=4, shared_confounder=0.7, shared_noise=0.7),
    "example1": boolean_example("example1", world=1),
    "twins": boolean_example("twins", world=1),
}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> SCM:
    return WORLDS[request.param]


def descendants(scm: SCM, action: str) -> set[str]:
    found = {action}
    for _ in scm.actions:
        found |= {child for child, parents in scm.parents.items() if found & set(parents)}
    return found


class TestRows:
    def test_columns_and_length(self, world: SCM) -> None:
        rows = world.sample(7)
        assert list(rows.columns) == [*world.actions, world.outcome]
        assert rows.shape[0] == 7
        assert set(map(str, rows.dtypes)) == {"float64"}
        assert np.isfinite(rows.to_numpy()).all()

    def test_same_seed_same_rows_and_other_seed_other_rows(self, world: SCM) -> None:
        first, again, other = (world.sample(50, f"do({world.actions[0]})", seed=s) for s in (5, 5, 6))
        pd.testing.assert_frame_equal(first, again)
        assert not first.equals(other)

    def test_a_regime_does_not_depend_on_the_others_requested(self, world: SCM) -> None:
        label = f"do({world.actions[1]})"
        every = world.sample_regimes(world.standard_regimes(40), seed=2)
        alone = world.sample_regimes({label: 40}, seed=2)
        part = every[every["regime"] == label].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone)
        pd.testing.assert_frame_equal(alone.drop(columns="regime"), world.sample(40, label, seed=2))

    def test_sample_regimes_layout(self, world: SCM) -> None:
        counts = world.standard_regimes(5)
        assert list(counts) == ["obs", *(f"do({a})" for a in world.actions)]
        rows = world.sample_regimes(counts)
        assert list(rows.columns) == ["regime", *world.actions, world.outcome]
        assert rows["regime"].value_counts().to_dict() == counts
        assert rows.index.equals(pd.RangeIndex(len(rows)))

    def test_regime_objects_and_any_order_of_names_are_the_same_regime(self, world: SCM) -> None:
        a, b = world.actions[:2]
        expected = world.sample(20, f"do({a},{b})")
        pd.testing.assert_frame_equal(world.sample(20, f"do({b}, {a})"), expected)
        pd.testing.assert_frame_equal(world.sample(20, Regime((b, a))), expected)

    def test_regimes_and_worlds_do_not_share_noise(self) -> None:
        one, two = (linear_lognormal(2, seed=seed, edge_probability=0.0) for seed in (1, 2))
        pairs = [
            (one.sample(4000)["y"], two.sample(4000)["y"]),
            (one.sample(4000)["a1"], one.sample(4000, "do(a2)")["a1"]),
        ]
        for x, y in pairs:
            assert abs(stats.spearmanr(x, y).statistic) < 4.5 / np.sqrt(4000)


class TestRegimes:
    def test_only_descendants_of_the_set_action_change_their_law(self, world: SCM) -> None:
        n = 20_000
        observed = world.sample(n, seed=1)
        for action in world.actions:
            rows = world.sample(n, f"do({action})", seed=1)
            for other in set(world.actions) - descendants(world, action):
                assert stats.ks_2samp(observed[other], rows[other]).pvalue > 1e-5, (action, other)

    def test_set_actions_are_independent_of_everything_that_is_no_descendant(self, world: SCM) -> None:
        n = 20_000
        rows = world.sample(n, f"do({','.join(world.actions)})", seed=3)
        correlation = rows[list(world.actions)].corr(method="spearman").to_numpy()
        assert np.abs(correlation - np.eye(len(world.actions))).max() < 4.5 / np.sqrt(n)

    def test_children_react_to_a_set_parent(self) -> None:
        worlds = {"media_mix": ("tv", "web"), "example1": ("a1", "a2")}
        for name, (cause, child) in worlds.items():
            rows = WORLDS[name].sample(5000, f"do({cause})")
            assert stats.spearmanr(rows[cause], rows[child]).statistic > 0.1


class TestEffect:
    def test_joint_effect_agrees_with_joint_rows(
        self, world: SCM, largest_z: Callable[[SCM, str, int, int], float]
    ) -> None:
        assert largest_z(world, f"do({','.join(world.actions)})", 200_000, 11) < MAX_Z

    @pytest.mark.parametrize("name", ["media_mix", "discrete", "discrete_violated", "example1", "twins"])
    def test_mixed_effects_agree_with_rows(self, name: str, largest_z: Callable[[SCM, str, int, int], float]) -> None:
        scm = WORLDS[name]
        labels = [*scm.standard_regimes(1), f"do({','.join(scm.actions[-2:])})"]
        for label in labels:
            assert largest_z(scm, label, 100_000, 12) < MAX_Z, label

    @settings(max_examples=30, deadline=None)
    @given(name=st.sampled_from(sorted(WORLDS)), data=st.data())
    def test_frames_in_any_order_and_rows_in_any_order(self, name: str, data: st.DataObject) -> None:
        scm = WORLDS[name]
        rows = scm.sample(12, f"do({','.join(scm.actions)})")[list(scm.actions)]
        columns = data.draw(st.permutations(list(scm.actions)))
        order = data.draw(st.permutations(range(12)))
        expected = scm.effect(rows.to_numpy())[list(order)]
        np.testing.assert_array_equal(scm.effect(rows[columns].iloc[list(order)]), expected)

    def test_ways_to_say_which_actions_are_set(self) -> None:
        scm = WORLDS["media_mix"]
        rows = scm.sample(5)[list(scm.actions)]
        expected = scm.effect(rows, do="do(tv,web)")
        np.testing.assert_array_equal(scm.effect(rows, do=["web", "tv"]), expected)
        np.testing.assert_array_equal(scm.effect(rows, do=Regime(("tv", "web"))), expected)
        np.testing.assert_array_equal(scm.effect(rows, do=[]), scm.effect(rows, do="obs"))
        np.testing.assert_array_equal(scm.effect(rows, do=scm.actions), scm.effect(rows))


class TestMessages:
    @pytest.mark.parametrize("n", [0, -3, 2.5, True, "10"])
    def test_number_of_rows(self, n: object) -> None:
        scm = WORLDS["twins"]
        with pytest.raises(DataError, match=r"n must be an integer of at least 1\. Got .* pass for example n=1"):
            scm.sample(n)  # type: ignore[arg-type]
        assert len(scm.sample(n=1)) == 1
        with pytest.raises(DataError, match=r"counts\['do\(a1\)'\] must be an integer of at least 1"):
            scm.sample_regimes({"do(a1)": n})  # type: ignore[dict-item]
        with pytest.raises(DataError, match=r"n_per_regime must be an integer"):
            scm.standard_regimes(n)  # type: ignore[arg-type]

    def test_negative_seed(self) -> None:
        with pytest.raises(DataError, match=r"seed must be an integer of at least 0. Got -1"):
            WORLDS["twins"].sample(3, seed=-1)

    def test_unknown_action_in_a_regime(self) -> None:
        scm = WORLDS["twins"]
        with pytest.raises(DataError, match=r"sets 'tv', which is not an action. The actions are \['a1', 'a2'\]"):
            scm.sample(3, "do(tv)")
        with pytest.raises(DataError, match=r"Valid labels are 'obs', 'do\(a1\)'"):
            scm.sample(3, "a1")
        assert len(scm.sample(3, "do(a1)")) == 3
        with pytest.raises(QueryError, match=r"effect\(do=\['tv'\]\): .* not an action"):
            scm.effect([[0, 1]], do=["tv"])

    def test_counts(self) -> None:
        scm = WORLDS["twins"]
        with pytest.raises(DataError, match=r"names no regime; pass for example scm.standard_regimes\(1000\)"):
            scm.sample_regimes({})
        assert len(scm.sample_regimes(scm.standard_regimes(1000))) == 3000
        with pytest.raises(DataError, match=r"'do\(a1,a2\)' twice; add its two numbers"):
            scm.sample_regimes({"do(a1,a2)": 3, "do(a2,a1)": 4})

    def test_columns_of_values(self) -> None:
        scm = WORLDS["media_mix"]
        rows = scm.sample(3)
        with pytest.raises(QueryError, match=r"exactly the columns .*values\[list\(scm.actions\)\]"):
            scm.effect(rows)
        assert scm.effect(rows[list(scm.actions)]).shape == (3,)
        with pytest.raises(QueryError, match=r"exactly the columns"):
            scm.effect(rows[["tv", "web"]])

    def test_shape_and_content_of_values(self) -> None:
        scm = WORLDS["twins"]
        with pytest.raises(QueryError, match=r"shape \(n, 2\).* Got shape \(2,\) .*a list in a list"):
            scm.effect([0, 1])
        assert scm.effect([[0, 1]]).shape == (1,)
        with pytest.raises(QueryError, match=r"values must be finite. Row 1 is \[nan, 0.0\]"):
            scm.effect([[0.0, 1.0], [np.nan, 0.0]])
        with pytest.raises(QueryError, match=r"values must be numbers"):
            scm.effect(np.array([["low", "high"]]))

    @pytest.mark.parametrize("name", ["polynomial", "linear_lognormal"])
    def test_mixed_effects_without_closed_form(self, name: str) -> None:
        scm = WORLDS[name]
        rows = scm.sample(3)[list(scm.actions)]
        with pytest.raises(QueryError, match=r"'do\(a1\)' with \['a2', 'a3', 'a4'\] seen.*without `do`"):
            scm.effect(rows, do=["a1"])
        assert scm.effect(rows).shape == (3,)

    @pytest.mark.parametrize("factory", [polynomial, linear_lognormal, discrete])
    def test_arguments_of_the_suites(self, factory: Callable[..., SCM]) -> None:
        with pytest.raises(SpecError, match=r"n_actions must be an integer of at least 1. Got 0 .* n_actions=1"):
            factory(n_actions=0)
        assert factory(n_actions=1).actions == ("a1",)
        with pytest.raises(SpecError, match=r"edge_probability must be a number from 0 to 1. Got 2"):
            factory(edge_probability=2)
        with pytest.raises(SpecError, match=r"seed must be an integer of at least 0. Got -1"):
            factory(seed=-1)

    @pytest.mark.parametrize(
        ("parents", "message"),
        [
            ({"a1": ()}, "must map every action"),
            ({"a1": (), "a2": ("tv",)}, "must map every action"),
            ({"a1": ("a2",), "a2": ("a1",)}, "has the cycle"),
        ],
    )
    def test_parents(self, parents: dict[str, tuple[str, ...]], message: str) -> None:
        twins = boolean_example("twins")
        with pytest.raises(SpecError, match=message):
            replace(twins, parents=parents)


@settings(max_examples=50, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 1000), probability=st.sampled_from([0.0, 0.4, 1.0]))
def test_edges_point_from_earlier_to_later(n: int, seed: int, probability: float) -> None:
    edges = draw_edges(n, probability, np.random.default_rng(seed))
    names = tuple(f"x{k}" for k in range(n))
    graph = parents_of(names, edges)
    assert list(graph) == list(names)
    assert all(names.index(parent) < names.index(child) for child in graph for parent in graph[child])
    if probability in (0.0, 1.0):
        assert edges.sum() == probability * n * (n - 1) / 2
