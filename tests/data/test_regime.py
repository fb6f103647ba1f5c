"""The label grammar, the user's own labels and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_ivgen.data.regime import Regime, own_labels, resolve_labels
from bayes_ivgen.errors import DataError

ACTIONS = ["tv", "web", "radio"]

names = st.text(st.characters(exclude_characters="(),", exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda name: name == name.strip() and name != "obs"
)
action_lists = st.lists(names, min_size=1, max_size=5, unique=True)


@st.composite
def actions_and_set_actions(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """All actions, and some of them in any order."""
    actions = draw(action_lists)
    return actions, draw(st.lists(st.sampled_from(actions), unique=True))


@settings(deadline=None)
@given(actions_and_set_actions())
def test_label_round_trip(case: tuple[list[str], list[str]]) -> None:
    actions, chosen = case
    regime = Regime.of(chosen, actions)
    assert Regime.parse(regime.label, actions) == regime
    assert Regime.parse(str(regime), actions) == regime
    assert repr(regime) == f"Regime({regime.label!r})"
    assert regime.is_observational == (not chosen)
    assert [regime.sets(action) for action in actions] == [action in chosen for action in actions]


@settings(deadline=None)
@given(actions_and_set_actions(), st.sampled_from(["", " ", "\t", "  "]))
def test_order_and_spaces_in_a_label_do_not_matter(case: tuple[list[str], list[str]], space: str) -> None:
    actions, chosen = case
    inside = f"{space},{space}".join(chosen)
    label = f"{space}do({space}{inside}{space}){space}" if chosen else f"{space}obs{space}"
    assert Regime.parse(label, actions) == Regime.of(chosen, actions)


def test_set_actions_stand_in_the_order_of_the_data() -> None:
    regime = Regime.parse("do(radio, tv)", ACTIONS)
    assert regime.set_actions == ("tv", "radio")
    assert regime.label == "do(tv,radio)"


@pytest.mark.parametrize(
    "label",
    [
        "",
        "do()",
        "do( )",
        "do(tv",
        "tv",
        "do(tv))",
        "do(tv,,web)",
        "do(tv,)",
        "OBS",
        "Do(tv)",
        "do (tv)",
        "obs(tv)",
        None,
        3,
    ],
)
def test_label_outside_the_grammar(label: object) -> None:
    with pytest.raises(DataError, match=re.escape(f"The regime label {label!r} cannot be read")) as caught:
        Regime.parse(label, ACTIONS)  # type: ignore[arg-type]
    message = str(caught.value)
    for valid in ("obs", "do(tv)"):  # the labels that the message calls valid are
        assert f"'{valid}'" in message
        Regime.parse(valid, ACTIONS)
    assert resolve_labels([label], ACTIONS, {label: ["tv"]}) == {label: Regime(("tv",))}  # type: ignore[list-item,dict-item]


def test_unknown_action_in_a_label() -> None:
    with pytest.raises(
        DataError, match=r"'do\(tvv\)' sets 'tvv', which is not an action. The actions are \['tv',.*'radio'\]"
    ):
        Regime.parse("do(tvv)", ACTIONS)
    assert Regime.parse("do(tvv)", [*ACTIONS, "tvv"]).set_actions == ("tvv",)


def test_action_twice_in_a_label() -> None:
    with pytest.raises(DataError, match=r"'do\(tv,tv\)' names an action twice; name each action once"):
        Regime.parse("do(tv,tv)", ACTIONS)
    with pytest.raises(DataError, match=r"the regime \['tv', 'tv'\] names an action twice"):
        Regime.of(["tv", "tv"], ACTIONS)


@settings(deadline=None)
@given(actions_and_set_actions(), st.sampled_from(["obs", "do(tv)"]) | st.text(max_size=8))
def test_own_label_means_its_actions_whatever_it_reads_like(case: tuple[list[str], list[str]], label: str) -> None:
    actions, chosen = case
    assert resolve_labels([label], actions, {label: chosen}) == {label: Regime.of(chosen, actions)}


def test_own_labels_mix_with_the_grammar() -> None:
    found = resolve_labels(["history", "spring", "do(web)"], ACTIONS, {"history": [], "spring": {"radio", "tv"}})
    assert found == {"history": Regime(), "spring": Regime(("tv", "radio")), "do(web)": Regime(("web",))}


def test_own_label_of_no_row() -> None:
    with pytest.raises(DataError, match=r"regime_labels names 'sprng', but no row has this label.*\['obs', 'spring'\]"):
        resolve_labels(["obs", "spring"], ACTIONS, {"sprng": ["tv"]})
    resolve_labels(["obs", "spring"], ACTIONS, {"spring": ["tv"]})


def test_own_label_with_an_unknown_action() -> None:
    with pytest.raises(DataError, match=r"the regime label 'spring' sets 'TV', which is not an action"):
        resolve_labels(["spring"], ACTIONS, {"spring": ["TV"]})


def test_own_label_given_as_a_string() -> None:
    with pytest.raises(
        DataError, match=r"regime_labels\['a'\] is the string 'tv'; it must be a list.*for example \['tv'\]"
    ):
        resolve_labels(["a"], ACTIONS, {"a": "tv"})
    assert resolve_labels(["a"], ACTIONS, {"a": ["tv"]}) == {"a": Regime(("tv",))}


def test_own_label_given_as_none() -> None:
    with pytest.raises(
        DataError, match=r"regime_labels\['a'\] is None; it must be a list of actions, \[\] where nothing"
    ):
        resolve_labels(["a"], ACTIONS, {"a": None})  # type: ignore[dict-item]
    assert resolve_labels(["a"], ACTIONS, {"a": []}) == {"a": Regime()}


@pytest.mark.parametrize("wrong", [["a"], "a", [("a", ["tv"])]])
def test_own_labels_that_are_no_mapping(wrong: object) -> None:
    with pytest.raises(DataError, match=f"regime_labels is a {type(wrong).__name__}; pass a mapping"):
        own_labels(wrong)  # type: ignore[arg-type]


def test_own_labels_may_be_iterators() -> None:
    """An iterator can be read once only; its actions must still count every time."""
    own = own_labels({"a": iter(["tv"])})
    assert resolve_labels(["a"], ACTIONS, own) == resolve_labels(["a"], ACTIONS, own) == {"a": Regime(("tv",))}
