"""Synergy, covariates and blocks resolved against the data, and the components they become."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.interface import InterventionModel
from bayes_ivgen.model import ActionGraph, Design
from bayes_ivgen.model.build import all_rows
from bayes_ivgen.model.components import ConfoundingComponent, InteractionComponent, TermType
from bayes_ivgen.model.structure import Structure
from bayes_ivgen.simulate import structured

ACTIONS = ["a1", "a2", "a3"]


def data_of(*labels: str, n: int = 200, **world: object) -> RegimeData:
    scm = structured(3, seed=1, **world)
    rows = scm.sample_regimes(dict.fromkeys(labels or ("obs", "do(a1)", "do(a2)", "do(a3)"), n), seed=1)
    covariates = ["x"] if "x" in rows else []
    return RegimeData.from_frame(rows, outcome="y", actions=ACTIONS, covariates=covariates)


@pytest.fixture(scope="module")
def singles() -> RegimeData:
    return data_of()


@pytest.fixture(scope="module")
def seasons() -> RegimeData:
    return data_of(covariate=1.0)


@pytest.fixture(scope="module")
def blocks() -> RegimeData:
    return data_of("obs", "do(a1,a3)", "do(a2)")


def names(design: Design) -> list[str]:
    return [term.name for term in design.terms]


def test_nothing_is_asked_nothing_is_added(singles: RegimeData) -> None:
    structure = InterventionModel().structure(singles)
    assert structure == Structure((("a1",), ("a2",), ("a3",)))
    assert structure.heads == ("a1", "a2", "a3")
    assert not any(name.startswith(("synergy", "covariate")) for name in names(InterventionModel().design(singles)))


def test_synergy_of_all_pairs_and_of_some(singles: RegimeData) -> None:
    everything = InterventionModel(synergy=True).structure(singles)
    assert everything.synergy == (("a1", "a2"), ("a1", "a3"), ("a2", "a3"))
    some = InterventionModel(synergy=[("a3", "a1")], graph="empty")
    assert some.structure(singles).synergy == (("a1", "a3"),)
    design = some.design(singles)
    assert [name for name in names(design) if name.startswith("synergy")] == [
        "synergy[a1,a3].linear",
        "synergy[a1,a3].wiggle",
    ]
    sizes = {term.type: term.size for term in design.terms}
    assert sizes[TermType.SYNERGY_LINEAR] == 1
    assert sizes[TermType.SYNERGY_WIGGLE] == 48


@pytest.mark.parametrize("label", ["obs", "do(a1)", "do(a1,a2,a3)"])
def test_synergy_is_at_work_in_every_regime_and_centred(singles: RegimeData, label: str) -> None:
    design = InterventionModel(synergy=True, graph="empty").design(singles)
    regime = Regime.parse(label, ACTIONS)
    columns = np.concatenate([np.arange(*design.slices[n].indices(9999)) for n in design.slices if "synergy" in n])
    assert set(columns) <= set(design.active_columns(regime))
    natural = singles.profiles[Regime()].sample[:, :-1]
    flags = np.array([regime.sets(action) for action in ACTIONS])
    rows = design.rows(natural, flags)[:, columns]
    assert np.abs(rows).max() > 0.1
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=1e-10)


def test_covariates_enter_where_their_role_says(seasons: RegimeData) -> None:
    found = {}
    for role in ("outcome", "confounding", "causal"):
        design = InterventionModel(covariates={"x": role}, graph="empty").design(seasons)
        found[role] = [name for name in names(design) if "x" in name]
        assert design.variables == (*ACTIONS, "x")
    assert found["outcome"] == ["covariate[x].linear", "covariate[x].wiggle"]
    assert "confounding[a1|x].tensor" in found["confounding"]
    assert not any(name.startswith("causal") for name in found["confounding"])
    assert [name for name in found["causal"] if name.startswith("causal")] == [
        f"causal[{action}|x].tensor" for action in ACTIONS
    ]
    default = InterventionModel(graph="empty").design(seasons)
    assert [name for name in names(default) if "x" in name] == found["confounding"]


def test_q_is_centred_over_all_rows_whatever_their_regime() -> None:
    """Summer tests: the experiments saw another x than history, and counts decide the law."""
    rng = np.random.default_rng(0)
    tables = [
        pd.DataFrame({"a": rng.normal(size=n), "x": rng.normal(mean, 1, n), "y": rng.normal(size=n), "regime": label})
        for label, n, mean in (("obs", 300, 0.0), ("do(a)", 900, 2.0))
    ]
    data = RegimeData.from_frame(pd.concat(tables), outcome="y", actions=["a"], covariates=["x"])
    design = InterventionModel().design(data)
    rows = all_rows(data)
    assert len(rows) == 1200
    q = design.rows(rows[:, :-1], np.array([True]))[:, design.columns_of_covariate("x")]
    np.testing.assert_allclose(q.mean(axis=0), 0.0, atol=1e-10)
    history = design.rows(data.profiles[Regime()].sample[:, :-1], np.array([True]))
    assert abs(history[:, design.columns_of_covariate("x")[0]].mean()) > 0.5


def test_samples_of_regimes_count_by_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    data = data_of("obs", "do(a1)", n=100)
    regime = Regime(("a1",))
    large = replace(data.profiles[regime], rows=1000)  # as if its sample had been capped at 100 rows
    data = replace(data, profiles={**data.profiles, regime: large})
    assert len(all_rows(data)) == 10 + 100


def test_a_block_has_one_confounding_component_with_the_outside_parents(blocks: RegimeData) -> None:
    """Interleaved: a1 -> a2 -> a3 with the block {a1, a3}; a2 is its parent and its child."""
    graph = ActionGraph({"a2": ["a1"], "a3": ["a1", "a2"]})
    design = InterventionModel(blocks=[["a3", "a1"]], graph=graph).design(blocks)
    structure = design.structure
    assert structure.units == (("a1", "a3"), ("a2",))
    confounding = [c for c in design.components if isinstance(c, ConfoundingComponent)]
    assert [c.members for c in confounding] == [("a1", "a3"), ("a2",)]
    assert tuple(confounding[0].others) == ("a2",)
    assert tuple(confounding[1].others) == ("a1",)
    assert [c.role for c in design.components if isinstance(c, InteractionComponent)] == ["block"]
    assert [name for name in names(design) if name.startswith("confounding[a1+a3")] == [
        "confounding[a1+a3].level",
        "confounding[a1+a3].a1.linear",
        "confounding[a1+a3].a1.wiggle",
        "confounding[a1+a3].a3.linear",
        "confounding[a1+a3].a3.wiggle",
        "confounding[a1+a3].a1,a3.tensor",
        "confounding[a1+a3|a2].linear",
        "confounding[a1+a3|a2].wiggle",
        "confounding[a1+a3|a2].a1.tensor",
        "confounding[a1+a3|a2].a3.tensor",
    ]


def test_the_gate_of_a_block_and_the_common_level_count_blocks(blocks: RegimeData) -> None:
    design = InterventionModel(blocks=[["a1", "a3"]], graph="full").design(blocks)
    column = design.slices["confounding.level"].start
    level = design.slices["confounding[a1+a3].level"].start
    flags = np.array([[False] * 3, [True, False, True], [False, True, False], [True] * 3])
    rows = design.rows(np.zeros((4, 3)), flags)
    np.testing.assert_array_equal(rows[:, column], [1.0, 0.5, 0.5, 0.0])
    np.testing.assert_array_equal(rows[:, level], [1.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    "model",
    [{"synergy": True}, {"covariates": {"x": "causal"}}, {"blocks": [["a1", "a3"]], "synergy": True}],
    ids=str,
)
def test_designs_and_models_are_restored_exactly(model: dict) -> None:
    spec = InterventionModel(graph="full", **model)
    data = data_of("obs", "do(a1,a3)", "do(a2)", covariate=1.0 if "covariates" in model else 0.0)
    design = spec.design(data)
    restored = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    values = data.profiles[Regime()].sample[:, :-1]
    flags = np.array([False, True, False])
    np.testing.assert_array_equal(restored.rows(values, flags), design.rows(values, flags))
    assert restored.structure == design.structure
    again = InterventionModel.from_dict(json.loads(json.dumps(spec.to_dict())), spec.prior_table())
    assert again.structure(data) == design.structure


def test_rows_of_a_regime_are_the_rows_of_its_active_columns(blocks: RegimeData) -> None:
    design = InterventionModel(blocks=[["a1", "a3"]], synergy=True, graph="full").design(blocks)
    for regime in blocks.regimes:
        values = blocks.profiles[regime].sample[:50, :-1]
        full = design.rows(values, np.array([regime.sets(action) for action in ACTIONS]))
        active = design.active_columns(regime)
        np.testing.assert_allclose(full[:, active], design.regime_rows(values, regime))
        assert not full[:, np.setdiff1d(np.arange(design.n_coefficients), active)].any()


def test_the_model_does_not_follow_a_list_of_the_user(singles: RegimeData) -> None:
    pairs = [("a1", "a2")]
    model = InterventionModel(synergy=pairs)
    pairs.append(("a1", "a3"))
    assert model.structure(singles).synergy == (("a1", "a2"),)


BAD: list[tuple[dict, str, dict]] = [
    ({"synergy": [("a1", "tv")]}, "synergy names 'tv', which is not an action", {"synergy": [("a1", "a2")]}),
    ({"blocks": [["a1", "tv"]]}, "blocks names 'tv', which is not an action", {"blocks": None}),
    ({"covariates": {"x": "causal"}}, r"covariates names 'x', but the covariates of the data are \[\]", {}),
]


@pytest.mark.parametrize(("bad", "message", "mended"), BAD, ids=str)
def test_unknown_names_are_refused(singles: RegimeData, bad: dict, message: str, mended: dict) -> None:
    with pytest.raises(SpecError, match=message):
        InterventionModel(**bad).structure(singles)
    InterventionModel(**mended).structure(singles)


def test_synergy_inside_a_block_is_refused(blocks: RegimeData) -> None:
    message = r"the pair \('a1', 'a3'\), which stands inside one block.*Leave the pair out"
    with pytest.raises(SpecError, match=message):
        InterventionModel(blocks=[["a1", "a3"]], synergy=[("a1", "a3")]).structure(blocks)
    assert InterventionModel(blocks=[["a1", "a3"]], synergy=True).structure(blocks).synergy == (
        ("a1", "a2"),
        ("a2", "a3"),
    )


def test_rows_that_set_part_of_a_block_are_refused_and_the_advice_works() -> None:
    """T5: such a regime has a function of its own, c_B^T."""
    model = InterventionModel(blocks=[["a1", "a3"]])
    scm = structured(3, seed=1)
    rows = scm.sample_regimes(dict.fromkeys(["obs", "do(a1,a3)", "do(a2)", "do(a1)"], 60), seed=1)
    read = {"outcome": "y", "actions": ACTIONS}
    message = (
        r"the regime 'do\(a1\)' sets only part of the block \['a1', 'a3'\].*"
        r"Leave its rows out with exclude=\['do\(a1\)'\] where the data are read, or give finer blocks"
    )
    with pytest.raises(SpecError, match=message):
        model.design(RegimeData.from_frame(rows, **read))
    model.design(RegimeData.from_frame(rows, **read, exclude=["do(a1)"]))
    InterventionModel().design(RegimeData.from_frame(rows, **read))


def test_a_block_that_is_never_set_as_a_whole(linear_data: Callable[..., RegimeData]) -> None:
    message = r"or take \['a', 'b'\] out of blocks if its actions are set one at a time"
    data = linear_data({"obs": 50, "do(a)": 50})
    with pytest.raises(SpecError, match=message):
        InterventionModel(blocks=[["a", "b"]]).design(data)
    InterventionModel().design(data)
