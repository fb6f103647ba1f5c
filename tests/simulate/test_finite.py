"""Worlds on finite sets: enumeration against brute force, the decomposition, and what breaks it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate import DiscreteSCM, discrete

WORLDS = st.builds(
    discrete,
    n_actions=st.integers(1, 4),
    n_levels=st.just(2),
    seed=st.integers(0, 10_000),
    edge_probability=st.sampled_from([0.0, 0.5, 1.0]),
)


def cells(scm: DiscreteSCM) -> np.ndarray:
    return np.array(list(product(*(range(n) for n in scm.levels))), dtype=float)


def plug_in(scm: DiscreteSCM, set_actions: tuple[str, ...]) -> np.ndarray:
    """``sum_k E[Y | a, do(k)] - (|S| - 1) E[Y | a, obs]`` over k in S, at every cell."""
    grid = cells(scm)
    singles = sum(scm.effect(grid, do=[action]) for action in set_actions)
    return np.asarray(singles - (len(set_actions) - 1) * scm.effect(grid, do="obs"))


def brute_force(scm: DiscreteSCM, set_actions: set[str]) -> tuple[np.ndarray, np.ndarray]:
    """Probability and mean outcome of every cell, one latent state and one set value at a time."""
    probability, total = np.zeros(scm.levels), np.zeros(scm.levels)
    set_index = [k for k, action in enumerate(scm.actions) if action in set_actions]
    set_share = 1.0 / np.prod([scm.levels[k] for k in set_index], initial=1.0)
    for c in np.ndindex(scm.confounder_law.shape):
        for v in np.ndindex(scm.noise_law.shape):
            for chosen in product(*(range(scm.levels[k]) for k in set_index)):
                a = dict(zip(set_index, chosen, strict=True))
                while len(a) < len(scm.actions):
                    for k, action in enumerate(scm.actions):
                        parents = [scm.actions.index(p) for p in scm.parents[action]]
                        if k not in a and all(j in a for j in parents):
                            a[k] = int(scm.mechanisms[k][(*(a[j] for j in parents), c[k], v[k])])
                cell = tuple(a[k] for k in range(len(scm.actions)))
                weight = scm.confounder_law[c] * scm.noise_law[v] * set_share
                probability[cell] += weight
                total[cell] += weight * scm.outcome_mean[cell + c]
    return probability, total / probability


@pytest.mark.parametrize("dials", [{}, {"shared_confounder": 0.6, "shared_noise": 0.4, "synergy": 1.0}])
@pytest.mark.parametrize("set_actions", [set(), {"a2"}, {"a1", "a3"}, {"a1", "a2", "a3"}])
def test_law_agrees_with_brute_force(set_actions: set[str], dials: dict[str, float]) -> None:
    scm = discrete(3, 2, seed=7, edge_probability=1.0, **dials)  # type: ignore[arg-type]
    probability, mean = brute_force(scm, set_actions)
    label = f"do({','.join(sorted(set_actions))})" if set_actions else "obs"
    table = scm.law(label)
    np.testing.assert_allclose(table["probability"], probability.ravel(), atol=1e-12)
    np.testing.assert_allclose(table["mean"], mean.ravel(), atol=1e-12)
    np.testing.assert_array_equal(table[list(scm.actions)], cells(scm))


@settings(max_examples=25, deadline=None)
@given(scm=WORLDS)
def test_every_effect_is_a_sum_of_singles_minus_observational(scm: DiscreteSCM) -> None:
    """Theory A and B: joint and mixed effects from obs and singles, exactly, in every random world."""
    for size in range(2, len(scm.actions) + 1):
        for chosen in combinations(scm.actions, size):
            np.testing.assert_allclose(plug_in(scm, chosen), scm.effect(cells(scm), do=chosen), atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(scm=WORLDS)
def test_every_cell_has_support_in_every_regime(scm: DiscreteSCM) -> None:
    for label in ["obs", *(f"do({action})" for action in scm.actions)]:
        law = scm.joint_law(label)
        assert law.sum() == pytest.approx(1.0)
        assert law.min() > 0  # every cell of the actions with every state of the confounders


@pytest.mark.parametrize("dial", ["shared_confounder", "shared_noise"])
def test_violations_break_the_decomposition(dial: str) -> None:
    worst = []
    for seed in range(5):
        scm = discrete(3, 2, seed=seed, edge_probability=0.5, **{dial: 0.8})  # type: ignore[arg-type]
        worst.append(np.abs(plug_in(scm, scm.actions) - scm.effect(cells(scm))).max())
    assert min(worst) > 0.01


def test_synergy_keeps_the_decomposition_and_breaks_additivity_in_the_actions() -> None:
    plain, scm = (discrete(2, 2, seed=3, synergy=synergy) for synergy in (0.0, 1.0))
    np.testing.assert_allclose(plug_in(scm, scm.actions), scm.effect(cells(scm)), atol=1e-12)
    interaction = np.array([1, -1, -1, 1])
    assert plain.effect(cells(plain)) @ interaction == pytest.approx(0.0, abs=1e-12)
    assert abs(scm.effect(cells(scm)) @ interaction) > 0.1


@pytest.mark.parametrize(("separable", "zero"), [(True, True), (False, False)])
def test_separable_worlds_have_no_level_of_confounding(separable: bool, zero: bool) -> None:
    """Theory A: ``E_obs[E[Y | A, obs] - E[Y | A, do(k)]] = 0`` if ``f_k = m_k(a) + l_k(c)``."""
    scm = discrete(3, 3, seed=2, separable=separable)
    weights = scm.law("obs")["probability"].to_numpy()
    seen = scm.effect(cells(scm), do="obs")
    levels = [weights @ (seen - scm.effect(cells(scm), do=[action])) for action in scm.actions]
    assert (np.abs(levels).max() < 1e-12) == zero
    assert np.abs(seen - scm.effect(cells(scm))).max() > 0.05


@pytest.mark.parametrize("label", ["obs", "do(a2)"])
def test_frequencies_of_rows_agree_with_the_law(label: str) -> None:
    scm, n = discrete(3, 3, seed=5, shared_noise=0.5), 100_000
    rows = scm.sample(n, label, seed=1)
    counts = rows.groupby(list(scm.actions)).size()
    table = scm.law(label).set_index(list(scm.actions))["probability"]
    z = (counts - n * table) / np.sqrt(n * table)
    assert counts.sum() == n
    assert z.abs().max() < 4.5


def test_order_of_causes_is_random() -> None:
    graphs = [discrete(2, 2, seed=seed, edge_probability=1.0).parents for seed in range(10)]
    assert {"a1": (), "a2": ("a1",)} in graphs
    assert {"a1": ("a2",), "a2": ()} in graphs


def test_outcome_noise_has_the_stated_sd() -> None:
    scm = discrete(1, 2, seed=0, outcome_sd=0.0)
    assert set(np.round(scm.sample(500)["y"], 9)) <= set(np.round(scm.outcome_mean.ravel(), 9))
    shift = discrete(1, 2, seed=0, outcome_sd=2.0).sample(20_000)["y"] - scm.sample(20_000)["y"]
    assert shift.std() == pytest.approx(2.0, rel=0.03)


class TestMessages:
    def test_levels_that_do_not_exist(self) -> None:
        scm = discrete(2, 3)
        with pytest.raises(QueryError, match=r"'a2' has the levels 0 to 2. Got 3.0 in row 1 of values"):
            scm.effect([[0, 0], [0, 3]])
        assert scm.effect([[0, 0], [0, 2]]).shape == (2,)
        with pytest.raises(QueryError, match=r"Got 0.5 in row 0"):
            scm.effect([[0.5, 0]])

    def test_too_large(self) -> None:
        with pytest.raises(SpecError, match=r"more than 2000000 cells.*n_actions=3, n_levels=2"):
            discrete(8, 5)
        assert discrete(n_actions=3, n_levels=2).levels == (2, 2, 2)
        with pytest.raises(SpecError, match=r"n_levels must be an integer of at least 2"):
            discrete(2, 1)

    @pytest.mark.parametrize("dial", ["shared_confounder", "shared_noise"])
    def test_dials_are_probabilities(self, dial: str) -> None:
        with pytest.raises(SpecError, match=rf"{dial} must be a number from 0 to 1. Got -0.1.*{dial}=0.5"):
            discrete(**{dial: -0.1})  # type: ignore[arg-type]

    @pytest.mark.parametrize("size", ["outcome_sd", "synergy"])
    def test_sizes_are_not_negative(self, size: str) -> None:
        with pytest.raises(SpecError, match=rf"{size} must be a finite number, 0 or more. Got -1"):
            discrete(**{size: -1})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"outcome_mean": np.zeros((2, 2, 2))}, r"outcome_mean must have shape"),
            ({"confounder_law": np.full((2, 2), 0.3)}, r"confounder_law must have .* sum 1\.2"),
            ({"noise_law": np.array([0.5, 0.5])}, r"noise_law must have one axis an action \(2\)"),
            ({"mechanisms": (np.zeros((2, 2), dtype=int),) * 2}, r"mechanisms\[0\] must have shape \(2, 3\)"),
            ({"outcome_sd": None}, r"must lie in \[0, 1\] for a binary outcome.*pass outcome_sd=1.0"),
        ],
    )
    def test_tables_made_by_hand(self, change: dict[str, object], message: str) -> None:
        scm = discrete(2, 2, edge_probability=0.0)
        with pytest.raises(SpecError, match=message):
            replace(scm, **change)  # type: ignore[arg-type]
        assert replace(scm, outcome_sd=1.0).levels == (2, 2)


def test_support_gap_empties_a_level_outside_its_experiment() -> None:
    scm = discrete(3, 3, seed=4, edge_probability=1.0, support_gap=1.0)
    first = next(action for action, parents in scm.parents.items() if not parents)
    for regime, occurs in (("obs", False), (f"do({first})", True)):
        law = scm.law(regime)
        assert (law.loc[law[first] == 0, "probability"].sum() > 0.1) == occurs
    plain = discrete(3, 3, seed=4, edge_probability=1.0)
    np.testing.assert_allclose(scm.effect(cells(scm)), plain.effect(cells(plain)))
    half = discrete(3, 3, seed=4, edge_probability=1.0, support_gap=0.5).law()
    none = plain.law()
    shares = [table.loc[table[first] == 0, "probability"].sum() for table in (half, none)]
    assert shares[0] == pytest.approx(shares[1] / 2)


def test_soft_experiments_mix_setting_and_leaving_alone() -> None:
    plain, soft = (discrete(2, 3, seed=5, edge_probability=1.0, soft=share) for share in (0.0, 0.4))
    for regime in ("do(a1)", "do(a2)"):
        mixed = 0.6 * plain.joint_law(regime) + 0.4 * plain.joint_law("obs")
        np.testing.assert_allclose(soft.joint_law(regime), mixed, atol=1e-12)
        rows = soft.sample(60_000, regime)
        seen = rows.groupby(list(soft.actions)).size().to_numpy() / len(rows)
        law = soft.law(regime)["probability"].to_numpy()
        assert np.all(np.abs(seen - law) < 5 * np.sqrt(law * (1 - law) / len(rows)))
    np.testing.assert_allclose(soft.joint_law("obs"), plain.joint_law("obs"))
    np.testing.assert_allclose(soft.effect(cells(soft)), plain.effect(cells(plain)))
    with pytest.raises(SpecError, match="soft must be a number from 0 to 1"):
        discrete(2, soft=1.5)
