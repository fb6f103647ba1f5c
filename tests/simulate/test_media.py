"""The media mix: closed forms against numerical integration, and how wrong the observational reading is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from bayes_ivgen.errors import QueryError, SpecError
from bayes_ivgen.simulate import MediaMixSCM, media_mix


def by_integration(scm: MediaMixSCM, spend: np.ndarray, set_actions: tuple[str, ...]) -> float:
    """``E[Y | a, R]`` from the mechanisms: p(c_k | a) as prior times spend density, integrated over c."""
    total = scm.baseline
    for k, action in enumerate(scm.actions):
        centre = scm.log_spend[k]
        for parent in scm.parents[action]:
            j = scm.actions.index(parent)
            centre += scm.reaction[k, j] * (1 - np.exp(-spend[j] / scm.scale[j]))

        def weight(c: float, k: int = k, action: str = action, centre: float = centre) -> float:
            prior = stats.norm.pdf(c)
            if action in set_actions:
                return float(prior)
            return float(prior * stats.norm.pdf(np.log(spend[k]), centre + scm.planning[k] * c, scm.noise[k]))

        def term(c: float, k: int = k) -> float:
            reach = 1 - np.exp(-spend[k] / scm.scale[k])
            return float(scm.lift[k] * reach * np.exp(scm.boost[k] * c - scm.boost[k] ** 2 / 2) + scm.demand[k] * c)

        grid = np.linspace(-9, 9, 1201)
        weights = np.array([weight(c) for c in grid])
        terms = np.array([term(c) for c in grid])
        total += integrate.simpson(weights * terms, x=grid) / integrate.simpson(weights, x=grid)
    return float(total)


@pytest.mark.parametrize("set_actions", [(), ("tv",), ("web", "social"), ("tv", "web", "radio", "social")])
def test_effects_agree_with_numerical_integration(set_actions: tuple[str, ...]) -> None:
    scm = media_mix(seed=3)
    spend = scm.sample(1, seed=8)[list(scm.actions)].to_numpy()
    expected = by_integration(scm, spend[0], set_actions)
    assert scm.effect(spend, do=set_actions)[0] == pytest.approx(expected, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 8), seed=st.integers(0, 500), row=st.integers(0, 99))
def test_channels_add_up(n: int, seed: int, row: int) -> None:
    """Joint effect from obs and singles at the same spends, and its shape: rising, saturating, additive."""
    scm = media_mix(n, seed)
    spend = scm.sample(100, seed=1)[list(scm.actions)].iloc[[row]]
    singles = sum(scm.effect(spend, do=[a]) for a in scm.actions)
    np.testing.assert_allclose(singles - (n - 1) * scm.effect(spend, do="obs"), scm.effect(spend))
    steps = scm.effect(np.outer([0.0, 1.0, 2.0, 3.0], spend.to_numpy()[0]))
    assert steps[0] == pytest.approx(scm.baseline)
    assert (np.diff(steps) > 0).all()
    assert (np.diff(steps, 2) < 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_observational_readings_are_clearly_wrong(seed: int) -> None:
    """At high spends (the 90 % quantiles) both readings overstate what the mix adds to the baseline."""
    scm = media_mix(seed=seed)
    rows = scm.sample(100_000, seed=1)
    spends, sales = rows[list(scm.actions)], rows["sales"]
    query = spends.quantile([0.9])
    naive = sales.mean()
    for action in scm.actions:
        centre = query[action].iloc[0]
        naive += sales[spends[action].between(0.9 * centre, 1.1 * centre)].mean() - sales.mean()
    truth, observed = scm.effect(query)[0], scm.effect(query, do="obs")[0]
    noise = scm.outcome_sd
    assert observed - truth > 3 * noise
    assert naive - truth > 3 * noise


def test_tests_cover_the_natural_spends() -> None:
    scm = media_mix()
    rows = scm.sample(50_000)
    for (low, high), action in zip(scm.set_range, scm.actions, strict=True):
        assert rows[action].between(low, high).mean() > 0.98
        tested = scm.sample(20_000, f"do({action})")[action]
        law = stats.uniform(np.log(low), np.log(high) - np.log(low))
        assert stats.kstest(np.log(tested), law.cdf).pvalue > 1e-4


def test_spends_are_positive_and_the_graph_is_the_documented_one() -> None:
    scm = media_mix()
    assert scm.sample(20_000)[list(scm.actions)].min().min() > 0
    assert dict(scm.parents) == {"tv": (), "web": ("tv",), "radio": (), "social": ("web", "radio")}
    assert media_mix(1).parents == {"tv": ()}


def test_messages() -> None:
    scm = media_mix(2)
    with pytest.raises(QueryError, match=r"a set spend must be at least 0. Got tv=-1.0 in row 1"):
        scm.effect([[1, 1], [-1, 1]])
    assert scm.effect([[1, 1], [0, 1]]).shape == (2,)
    with pytest.raises(QueryError, match=r"seen is always above 0. Got web=0.0 in row 0 .* name 'web' in `do`"):
        scm.effect([[1, 0]], do=["tv"])
    assert scm.effect([[1, 0]], do=["tv", "web"]).shape == (1,)
    with pytest.raises(SpecError, match=r"n_channels must be an integer from 1 to 8. Got 9"):
        media_mix(9)
