"""The row-space check on bins (theory notes G and I; worlds T10 and T12)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bayes_ivgen import ActionGraph, Regime, RegimeData
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.effects import Support, parse_queries
from bayes_ivgen.effects.bin_support import BinSupport
from bayes_ivgen.model.structure import Structure

JOINT = Regime(("tv", "web"))


def tv_off(n: int = 1000, seed: int = 0, *, low: float = 1.0, extra: str = "") -> RegimeData:
    """Theory G, example 1, with values around the levels: tv naturally in [low, 2] moves web; its test reaches 0."""
    rng = np.random.default_rng(seed)
    frames = []
    for regime in ("obs", "do(tv)", "do(web)", *([extra] if extra else [])):
        tv = rng.uniform(0 if "tv" in regime else low, 2, n)
        web = rng.uniform(0, 3, n) if "web" in regime else 0.5 * tv + rng.uniform(0, 2, n)
        frames.append(pd.DataFrame({"tv": tv, "web": web, "regime": regime, "y": tv + web + rng.normal(size=n)}))
    return RegimeData.from_frame(pd.concat(frames), outcome="y", actions=["tv", "web"])


def clusters(n: int = 1000, seed: int = 0) -> RegimeData:
    """Theory G, example 2, with values around the levels: (a0, a1) naturally in [0, 1]^2 or in [2, 3]^2."""
    rng = np.random.default_rng(seed)
    frames = []
    for regime in ("obs", "do(a0)", "do(a1)", "do(a2)"):
        a0 = rng.uniform(0, 3, n) if regime == "do(a0)" else 2 * rng.integers(0, 2, n) + rng.uniform(0, 1, n)
        a1 = rng.uniform(0, 3, n) if regime == "do(a1)" else 2 * (a0 > 1.5) + rng.uniform(0, 1, n)
        a2 = rng.uniform(0, 6, n) if regime == "do(a2)" else (a0 + a1) / 2 + rng.uniform(0, 3, n)
        frames.append(pd.DataFrame({"a0": a0, "a1": a1, "a2": a2, "regime": regime, "y": rng.normal(size=n)}))
    return RegimeData.from_frame(pd.concat(frames), outcome="y", actions=["a0", "a1", "a2"])


def flags(support: Support, actions: Sequence[str], **question: Mapping[str, object] | str) -> pd.DataFrame:
    return support.check(parse_queries(actions, **question), extrapolate=True)


@pytest.mark.parametrize("n", [300, 3000])
def test_a_range_tested_only_with_the_child_left_alone(n: int) -> None:
    data = tv_off(n)
    support = Support.of(data, graph=ActionGraph({"web": ["tv"]}))
    table = flags(support, data.actions, do={"tv": [0.1, 0.3, 1.1, 1.5, 1.9], "web": 1.5})
    assert table["supported"].tolist() == [False, False, True, True, True]
    assert table["reason"][0] == (
        "tv=0.1 was never seen while web was set, and never occurred by itself, but rows of do(tv,web) near tv=0.1 "
        "would tell, and so would rows in which tv comes near it by itself"
    )
    mixed = flags(support, data.actions, do={"tv": [0.1, 1.5]}, given={"web": 1.5})
    assert mixed["supported"].all()  # the sum of m_tv and c_web is what do(tv) shows
    assert flags(Support.of(data, graph=ActionGraph({})), data.actions, do={"tv": 0.1, "web": 1.5})["supported"].all()


@pytest.mark.parametrize("repaired", [{"extra": "do(tv,web)"}, {"low": 0.0}])
def test_the_experiments_that_the_reason_names_repair_it(repaired: dict) -> None:
    data = tv_off(**repaired)
    support = Support.of(data, graph=ActionGraph({"web": ["tv"]}))
    assert flags(support, data.actions, do={"tv": [0.1, 0.3], "web": 1.5})["supported"].all()


def test_a_lift_test_from_what_is_known_repairs_it() -> None:
    data = tv_off()
    support = Support.of(data, graph=ActionGraph({"web": ["tv"]}))
    for start, helps in ((1.5, True), (0.5, False)):
        frame = pd.DataFrame(
            {"channel": ["tv"], "x": [start], "delta_x": [0.1 - start], "delta_y": [1.0], "sigma": [0.1]}
        )
        tested = support.with_lift_tests(LiftTests.from_frame(frame, data.actions))
        assert flags(tested, data.actions, do={"tv": 0.1, "web": 1.5})["supported"].tolist() == [helps]


def test_contrasts_averages_and_readings_of_what_is_not_known() -> None:
    data = tv_off()
    support = Support.of(data, graph=ActionGraph({"web": ["tv"]}))
    low, high = ({"tv": tv, "web": 1.5} for tv in (0.1, 1.5))
    sides = [parse_queries(data.actions, side) for side in (low, high)]
    assert not support.check(sides[0], extrapolate=True, versus=sides[1])["supported"].any()
    moved = parse_queries(data.actions, {**low, "web": 2.5})
    assert support.check(sides[0], extrapolate=True, versus=moved)["supported"].all()  # m_tv(0.1) cancels
    held = flags(support, data.actions, do={"tv": [0.1, 1.5]}, rest="hold")
    assert held["supported"].tolist() == [False, True]
    assert held["reason"][0].startswith("tv=0.1 was never seen while web was set")


def test_two_clusters_that_never_meet() -> None:
    data = clusters()
    asked = {"a0": [0.5, 2.5, 0.5, 2.7, 0.8], "a1": [0.4, 2.2, 2.5, 0.3, 2.2], "a2": 2.0}
    found = flags(Support.of(data, graph=ActionGraph.full(data.actions)), data.actions, do=asked)
    assert found["supported"].tolist() == [True, True, False, False, False]
    assert found["reason"][2] == (
        "a0=0.5 and a1=2.5 were never seen together while a2 was set, but rows of do(a0,a1,a2) near there would tell"
    )
    dropped = Support.of(data, graph=ActionGraph({"a1": ["a0"], "a2": ["a1"]}))
    assert flags(dropped, data.actions, do=asked)["supported"].all()


def test_seen_values_need_rows_with_both_left_as_asked() -> None:
    data = clusters()
    support = Support.of(data, graph=ActionGraph.full(data.actions))
    found = flags(support, data.actions, do={"a0": 0.1}, given={"a1": [0.5, 2.9], "a2": 1.5})
    assert found["supported"].tolist() == [True, False]
    assert found["reason"][1] == (
        "a0=0.1 and a1=2.9 were never seen together while a1 was left alone, but rows of do(a0) near there would tell"
    )


def test_a_connected_band_is_enough() -> None:
    rng = np.random.default_rng(0)
    frames = []
    for regime in ("obs", "do(a0)", "do(a1)"):
        a0 = rng.uniform(0, 3, 1000)
        a1 = rng.uniform(0, 3, 1000) if regime == "do(a1)" else np.clip(a0 + rng.uniform(-0.4, 0.4, 1000), 0, 3)
        frames.append(pd.DataFrame({"a0": a0, "a1": a1, "regime": regime, "y": rng.normal(size=1000)}))
    data = RegimeData.from_frame(pd.concat(frames), outcome="y", actions=["a0", "a1"])
    support = Support.of(data, graph=ActionGraph({"a1": ["a0"]}))
    box = np.array(list(product(np.linspace(0.1, 2.9, 8), repeat=2)))
    assert flags(support, data.actions, do={"a0": box[:, 0], "a1": box[:, 1]})["supported"].all()


def levels_of(cells: Mapping[str, Sequence[tuple[int, ...]]], actions: Sequence[str]) -> RegimeData:
    parts = [
        pd.DataFrame(np.repeat(np.array(rows, dtype=float), 5, axis=0), columns=list(actions)).assign(regime=label)
        for label, rows in cells.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return RegimeData.from_frame(frame.assign(y=np.arange(len(frame)) % 7), outcome="y", actions=list(actions))


def determined(cells: Mapping[str, Sequence[tuple[int, ...]]], parents: dict, query: tuple, *, synergy: bool) -> bool:
    """Rank of the saturated design of two actions with and without the row of a joint query."""

    def entries(a: tuple[int, ...], set_: Sequence[int]) -> list[tuple]:
        found = [("alpha",), *(("m", k, a[k]) for k in range(2)), *([("s", *a)] if synergy else [])]
        for k in range(2):
            if k not in set_:
                found.append(("c", k, a[k], *(a[j] for j in parents.get(f"a{k}", []))))
        return found

    rows = [entries(a, [k for k in range(2) if f"a{k}" in label]) for label, part in cells.items() for a in part]
    asked = entries(query, (0, 1))
    names = sorted({key for row in [*rows, asked] for key in row}, key=str)
    matrix = np.array([[key in row for key in names] for row in [*rows, asked]], dtype=float)
    return bool(np.linalg.matrix_rank(matrix[:-1]) == np.linalg.matrix_rank(matrix))


@st.composite
def supports(draw: st.DrawFn) -> dict[str, list[tuple[int, ...]]]:
    every = list(product(range(3), repeat=2))
    labels = ["obs", "do(a0)", "do(a1)", *(["do(a0,a1)"] if draw(st.booleans()) else [])]
    return {label: draw(st.lists(st.sampled_from(every), min_size=1, max_size=7, unique=True)) for label in labels}


@pytest.mark.parametrize("synergy", [False, True])
@pytest.mark.parametrize("parents", [{}, {"a1": [0]}])
@settings(max_examples=60, deadline=None)
@given(cells=supports())
def test_levels_agree_with_the_rank_of_the_saturated_design(
    parents: dict[str, list[int]], synergy: bool, cells: dict[str, list[tuple[int, ...]]]
) -> None:
    """T10 and T12 on random supports; a wrong 'supported' would be a miss, a wrong flag a false alarm."""
    actions = ("a0", "a1")
    assume(all(len({a[k] for rows in cells.values() for a in rows}) > 1 for k in range(2)))
    data = levels_of(cells, actions)
    graph = ActionGraph({child: [actions[j] for j in own] for child, own in parents.items()})
    structure = Structure((("a0",), ("a1",)), ((actions,) if synergy else ()))
    bins = BinSupport.of(data, structure, graph)
    known = [np.unique([a[k] for rows in cells.values() for a in rows]) for k in range(2)]
    for query in product(*known):
        found = bins.holds((bins.codes(np.array([query], dtype=float)), Regime(actions)))[0]
        assert found == determined(cells, parents, query, synergy=synergy), query


@pytest.mark.parametrize("separable", [False, True])
def test_saved_support_answers_identically(separable: bool) -> None:
    data = clusters(300)
    support = Support.of(data, graph=ActionGraph.full(data.actions), separable=separable)
    frame = pd.DataFrame({"channel": ["a0"], "x": [0.5], "delta_x": [0.3], "delta_y": [1.0], "sigma": [0.1]})
    support = support.with_lift_tests(LiftTests.from_frame(frame, data.actions))
    again = Support.from_dict(json.loads(json.dumps(support.to_dict())))
    assert again.bins is not None
    assert support.bins is not None
    values = np.random.default_rng(0).uniform(0, 3, (50, 3))
    codes = support.bins.codes(values)
    np.testing.assert_array_equal(again.bins.left((codes, Regime())), support.bins.left((codes, Regime())))
    asked = dict(zip(data.actions, values.T, strict=True))
    pd.testing.assert_frame_equal(flags(again, data.actions, do=asked), flags(support, data.actions, do=asked))
    old = {key: value for key, value in support.to_dict().items() if key != "bins"}
    assert Support.from_dict(old).bins is None


def test_known_levels_need_no_rule() -> None:
    """With levels known to be zero (theory B) do(tv) and do(web) alone determine the joint effect."""
    rng = np.random.default_rng(0)
    frame = pd.concat(
        pd.DataFrame({name: rng.uniform(0, 2, 500) for name in ("tv", "web", "y")}).assign(regime=label)
        for label in ("do(tv)", "do(web)")
    )
    data = RegimeData.from_frame(frame, outcome="y", actions=["tv", "web"])
    for separable in (False, True):
        bins = BinSupport.of(data, None, ActionGraph({}), separable=separable)
        assert bins.holds((bins.codes(np.array([[1.0, 1.5]])), JOINT))[0] == separable


def test_permuting_actions_changes_nothing() -> None:
    data = clusters(300)
    frame = pd.concat(
        [pd.DataFrame(p.sample, columns=[*data.actions, "y"]).assign(regime=r.label) for r, p in data.profiles.items()]
    )
    turned = RegimeData.from_frame(frame, outcome="y", actions=list(data.actions)[::-1])
    values = np.random.default_rng(1).uniform(0, 3, (40, 3))
    graph = ActionGraph.full(data.actions)
    bins, other = (BinSupport.of(one, None, graph) for one in (data, turned))
    joint = Regime(data.actions)
    np.testing.assert_allclose(
        bins.left((bins.codes(values), joint)),
        other.left((other.codes(values[:, ::-1]), Regime(turned.actions))),
        rtol=1e-6,
        atol=1e-9,
    )


def test_ordinary_rows_are_hardly_ever_flagged() -> None:
    """Also with the full graph, and few rows: at most 2 in 100 (0 to 2 seen over 10 worlds of each kind)."""
    import bayes_ivgen as ivg

    for make in (ivg.simulate.polynomial, ivg.simulate.media_mix):
        world = make(4, seed=3) if make is ivg.simulate.media_mix else make(n_actions=4, seed=3)
        frame = world.sample_regimes(world.standard_regimes(200), seed=1)
        data = RegimeData.from_frame(frame, outcome=world.outcome, actions=list(world.actions))
        joint = world.sample(500, Regime(world.actions), seed=2)[list(world.actions)]
        ranges = flags(Support.of(data), data.actions, do=joint)["supported"].to_numpy()
        found = flags(Support.of(data, graph=ActionGraph.full(data.actions)), data.actions, do=joint[ranges])
        assert (~found["supported"]).mean() <= 0.02


def test_the_variance_left_counts_bins() -> None:
    """Proposition (c) of docs/theory/support.md: half a squared step a bin for two functions known as a sum."""
    bins = BinSupport.of(tv_off(5000), None, ActionGraph({"web": ["tv"]}))
    edges = np.array([0.0, *bins.edges[0]])
    unseen = int(np.sum(bins.edges[0] < 1))  # the bin that 1 lies in is seen
    middles = (edges[1 : unseen + 1] + edges[:unseen]) / 2
    left = bins.left((bins.codes(np.column_stack([middles, np.full(unseen, 1.5)])), JOINT))
    np.testing.assert_allclose(left, 0.5 * np.arange(unseen, 0, -1), rtol=0.1)
    assert unseen >= 2
