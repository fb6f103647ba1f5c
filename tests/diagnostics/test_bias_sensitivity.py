"""The bias under interaction of confounders: exact by enumeration, and what a fit makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from falsification_worlds import finite, fitted

from bayes_ivgen import Fit, Regime, RegimeData
from bayes_ivgen.data.identification import level_weights
from bayes_ivgen.diagnostics import Sensitivity
from bayes_ivgen.diagnostics.sensitivity import kappa, missed
from bayes_ivgen.errors import IdentificationError, NotTestableError, QueryError
from bayes_ivgen.simulate import DiscreteSCM, boolean_example, discrete

ACTIONS = ("a1", "a2", "a3")
SINGLES = ("obs", "do(a1)", "do(a2)", "do(a3)")
PAIRS = ("obs", "do(a1,a2)", "do(a1,a3)", "do(a2,a3)")


def laws(world: DiscreteSCM) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """P_k, and Q_k given all actions: shapes (L,) and (*levels of the actions, L)."""
    n = len(world.actions)
    joint = world.joint_law("obs")
    prior, given = [], []
    for k in range(n):
        others = tuple(axis for axis in range(n) if axis != k)
        prior.append(world.confounder_law.sum(axis=others))
        marginal = joint.sum(axis=tuple(n + axis for axis in others))
        given.append(marginal / marginal.sum(axis=-1, keepdims=True))
    return prior, given


def at_each_cell(world: DiscreteSCM, label: str) -> np.ndarray:
    """E[Y | a, R] by enumeration, NaN nowhere: every cell has positive probability."""
    return world.law(label)["mean"].to_numpy().reshape(world.levels)


def predicted(world: DiscreteSCM, target: Regime, labels: Sequence[str]) -> np.ndarray:
    regimes = [Regime.parse(label, world.actions) for label in labels]
    weights = level_weights(target, regimes, world.actions)
    assert weights is not None
    return np.sum([w * at_each_cell(world, label) for w, label in zip(weights, labels, strict=True)], axis=0)


@pytest.mark.parametrize("labels", [SINGLES, PAIRS])
@pytest.mark.parametrize("target", [Regime(ACTIONS), Regime(("a1", "a2"))])
def test_the_formula_is_exact_for_any_pair_terms(labels: tuple[str, ...], target: Regime) -> None:
    world = discrete(3, 2, seed=5, edge_probability=1.0)
    rng = np.random.default_rng(0)
    prior, given = laws(world)
    mean, bias = world.outcome_mean, np.zeros(world.levels)
    regimes = [Regime.parse(label, ACTIONS) for label in labels]
    for j, k in combinations(range(3), 2):
        shape = [2, 2, 2, 1, 1, 1]
        shape[3 + j] = shape[3 + k] = 2
        term = rng.normal(size=shape)  # g_jk(a, c_j, c_k): it may depend on all actions
        mean = mean + term
        apart = [prior[i] - given[i] for i in (j, k)]
        shift = np.einsum("abcjk,abcj,abck->abc", term.reshape(2, 2, 2, 2, 2), *apart)
        bias += kappa(target, regimes, ACTIONS, (ACTIONS[j], ACTIONS[k])) * shift
    other = replace(world, outcome_mean=mean)
    truth = at_each_cell(other, target.label)
    np.testing.assert_allclose(truth - predicted(other, target, labels), bias, atol=1e-12)
    assert np.abs(bias).max() > (0.01 if target.set_actions == ACTIONS or labels is SINGLES else -1)


def test_regimes_that_set_pairs_leave_half_of_the_bias() -> None:
    singles = [Regime.parse(label, ACTIONS) for label in SINGLES]
    pairs = [Regime.parse(label, ACTIONS) for label in PAIRS]
    for pair in combinations(ACTIONS, 2):
        assert kappa(Regime(ACTIONS), singles, ACTIONS, pair) == pytest.approx(1)
        assert kappa(Regime(ACTIONS), pairs, ACTIONS, pair) == pytest.approx(0.5)
        assert kappa(Regime(pair), pairs, ACTIONS, pair) == pytest.approx(0)
        assert kappa(Regime(("a1",)), singles, ACTIONS, pair) == pytest.approx(0)


def test_rows_of_the_combination_do_not_let_an_additive_fit_off() -> None:
    """What the rows of do(a1,a2) say of both actions has no place in the fit: up to all of it is missed."""
    at_hand = [Regime.parse(label, ACTIONS) for label in (*SINGLES, "do(a1,a2)")]
    pair = ("a1", "a2")
    assert kappa(Regime(ACTIONS), at_hand, ACTIONS, pair) == pytest.approx(0)
    assert missed(Regime(ACTIONS), at_hand, ACTIONS, pair) == 1.0
    assert missed(Regime(pair), at_hand, ACTIONS, pair) == 1.0
    assert missed(Regime(("a1",)), at_hand, ACTIONS, pair) == pytest.approx(-0.25)
    counts = dict.fromkeys(["obs", "do(a1)", "do(a2)", "do(a1,a2)"], 4000)
    world = boolean_example("twins", world=1)
    data = RegimeData.from_frame(world.sample_regimes(counts, seed=0), outcome="y", actions=["a1", "a2"])
    fit = fitted(data, graph="empty")
    means = fit.effect(do={"a1": [0, 0, 1, 1], "a2": [0, 1, 0, 1]}).draws.values.mean(axis=(0, 1))
    truth = at_each_cell(world, "do(a1,a2)").ravel()
    # The interaction that is in the rows: 0.18 on the scale of the outcome; the fit has none.
    contrast = np.array([1, -1, -1, 1])
    assert contrast @ truth == pytest.approx(0.18)
    assert abs(contrast @ means) < 1e-9
    assert fit.sensitivity(do={"a1": 0, "a2": 0}).shifts.std() > 0


def test_terms_of_the_sensitivity_model_cannot_be_seen_in_single_tests() -> None:
    world = discrete(3, 2, seed=6, edge_probability=1.0)
    _, given = laws(world)
    parts = _contributions(world)
    left, biases = [], []
    for k, part in enumerate(parts):  # f_k[a_k, c_k]
        shape = [1, 1, 1, 2]
        shape[k] = 2
        f = part.reshape(shape)
        h = (f * given[k]).sum(axis=-1, keepdims=True)
        left.append(np.broadcast_to(f - h, (2, 2, 2, 2)))
        biases.append((h[..., 0] - (f * laws(world)[0][k]).sum(axis=-1)) * np.ones((2, 2, 2)))
    theta = {(0, 1): 0.7, (0, 2): -1.1, (1, 2): 0.4}
    mean = world.outcome_mean
    for (j, k), size in theta.items():
        term = left[j][..., :, None] * left[k][..., None, :]
        shape = [2, 2, 2, 1, 1, 1]
        shape[3 + j] = shape[3 + k] = 2
        mean = mean + size * term.reshape(shape)
    other = replace(world, outcome_mean=mean)
    for label in SINGLES:
        np.testing.assert_allclose(at_each_cell(other, label), at_each_cell(world, label), atol=1e-12)
    joint = "do(a1,a2,a3)"
    shift = sum(size * biases[j] * biases[k] for (j, k), size in theta.items())
    np.testing.assert_allclose(at_each_cell(other, joint) - at_each_cell(world, joint), shift, atol=1e-12)
    assert np.abs(shift).max() > 0.01


def _contributions(world: DiscreteSCM) -> list[np.ndarray]:
    """f_k up to a constant, from the additive F[a, c]: vary (a_k, c_k), hold the rest at zero."""
    found = []
    for k in range(3):
        index: list[int | slice] = [0] * 6
        index[k] = index[3 + k] = slice(None)
        found.append(world.outcome_mean[tuple(index)])
    return found


def test_the_twin_worlds_are_of_this_kind() -> None:
    # d(a, c) = -(c - E[c | a]), so that 0.5 d d = 200 (f_1 - h_1)(f_2 - h_2) with f_k = 0.05 (c_k - 0.5) + ...
    additive, other = (boolean_example("twins", world=world) for world in (0, 1))
    prior, given = laws(additive)
    bias = [0.05 * (given[k][..., 1] - prior[k][1]) for k in (0, 1)]
    shift = at_each_cell(other, "do(a1,a2)") - at_each_cell(additive, "do(a1,a2)")
    np.testing.assert_allclose(shift, 200 * bias[0] * bias[1], atol=1e-12)
    np.testing.assert_allclose(np.abs(shift), 0.045)


@pytest.fixture(scope="module")
def known() -> tuple[Fit, RegimeData, DiscreteSCM]:
    data, graph = finite(4000, 0, actions=2)
    return fitted(data, graph=graph), data, discrete(2, 3, seed=200, edge_probability=1.0)


def test_the_fit_knows_the_shift(known: tuple[Fit, RegimeData, DiscreteSCM]) -> None:
    fit, _, world = known
    joint, singles = at_each_cell(world, "do(a1,a2)"), [at_each_cell(world, f"do({a})") for a in world.actions]
    # E[Y | a, do(2)] - E[Y | a, do(1,2)] is c_1, and the other way round.
    truth = (singles[1] - joint) * (singles[0] - joint) / fit.design.outcome_sd
    z = []
    for i, j in np.ndindex(3, 3):
        found = fit.sensitivity(do={"a1": "abc"[i], "a2": "abc"[j]})
        assert found.pairs == (("a1", "a2"),)
        z.append((found.shifts.mean() - truth[i, j]) / found.shifts.std())
    assert np.abs(z).max() < 3.5


def test_bands_and_tipping_points(known: tuple[Fit, RegimeData, DiscreteSCM]) -> None:
    fit, _, _ = known
    cells = [{"a1": one, "a2": two} for one in "abc" for two in "abc"]
    query = max(cells, key=lambda cell: fit.sensitivity(do=cell).reach.mean())
    effect = fit.effect(do=query)
    summary = effect.summary(0.9).iloc[0]
    low, high = summary["lower"], summary["upper"]
    found = fit.sensitivity(do=query, threshold=low - 0.05)
    assert isinstance(found, Sensitivity)
    assert found.band(0.0) == pytest.approx((low, high))
    tip = found.tipping_point()
    assert 0 < tip < 10
    assert found.band(tip)[0] == pytest.approx(low - 0.05, abs=1e-3)
    assert f"stays below a strength of {tip:.2g}; the pair a1 x a2 matters most. At a strength of 1" in str(found)
    table = found.summary([0.0, tip * 0.9, tip * 1.1])
    assert table["open"].tolist() == [False, False, True]
    by_mean = found.tipping_point(None)
    assert by_mean == pytest.approx((effect.draws.values.mean() - found.threshold) / found.reach.mean())
    assert by_mean > tip
    assert fit.sensitivity(do=query, threshold=float(summary["mean"])).tipping_point() == 0.0
    below = fit.sensitivity(do=query, threshold=high + 0.05)
    assert below.band(below.tipping_point())[1] == pytest.approx(high + 0.05, abs=1e-3)
    far = fit.sensitivity(do=query, threshold=high + 1e6)
    assert far.tipping_point() == np.inf == far.tipping_point(None)
    assert "does not change that, up to a strength of 10. At a strength of 1 two confounders" in far.sentence()
    assert found.table()["pair"].tolist() == ["a1 x a2"]


def test_contrasts_and_held_actions(known: tuple[Fit, RegimeData, DiscreteSCM]) -> None:
    fit, _, _ = known
    one, two = {"a1": "a", "a2": "b"}, {"a1": "c", "a2": "b"}
    apart = fit.sensitivity(do=one, versus=two)
    np.testing.assert_allclose(apart.draws, fit.contrast(do=one, versus=two).draws.values.ravel())
    np.testing.assert_allclose(apart.shifts, fit.sensitivity(do=one).shifts - fit.sensitivity(do=two).shifts)
    held = fit.sensitivity(do={"a1": "a"}, rest="hold")
    shares = fit.effects.observed[:, 1]
    each = [fit.sensitivity(do={"a1": "a", "a2": label}).shifts for label in "abc"]
    expected = sum(np.mean(shares == code) * shift for code, shift in enumerate(each))
    np.testing.assert_allclose(held.shifts, expected)


def test_the_picture(known: tuple[Fit, RegimeData, DiscreteSCM]) -> None:
    from matplotlib import pyplot as plt

    found = known[0].sensitivity(do={"a1": "a", "a2": "b"}, threshold=-50.0)
    ax = found.plot()
    assert ax.get_xlabel() == "strength of the interaction of confounders"
    plt.close(ax.figure)


def test_what_is_refused(known: tuple[Fit, RegimeData, DiscreteSCM]) -> None:
    fit, data, _ = known
    both = {"a1": "a", "a2": "b"}
    with pytest.raises(NotTestableError, match="does not rest on additivity across confounders"):
        fit.sensitivity(do={"a1": "a"}, given={"a2": "b"})
    with pytest.raises(QueryError, match="one query at a time; these are 2"):
        fit.sensitivity(do={"a1": ["a", "b"], "a2": "b"})
    with pytest.raises(QueryError, match="no formula where actions respond; pass rest='hold'"):
        fit.sensitivity(do={"a1": "a"}, rest="respond")  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="threshold=nan must be a finite number"):
        fit.sensitivity(do=both, threshold=float("nan"))
    with pytest.raises(QueryError, match="strength=-1 must be a finite number, 0 or more"):
        fit.sensitivity(do=both).band(-1)
    few = fitted(data.without(["do(a2)"]), graph=fit.graph)
    with pytest.raises(IdentificationError, match=r"Missing: rows of do\(a2\)"):
        few.sensitivity(do=both)
