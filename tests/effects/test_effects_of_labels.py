"""Actions that hold labels: queries, tables, sentences, pictures, flags and storage speak in labels."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bayes_ivgen as ivg
from bayes_ivgen import Fit
from bayes_ivgen.errors import QueryError, SupportWarning

QuickFit = Callable[..., Fit]
SIZES = ["small", "medium", "large"]


def make_rows(n: int = 300) -> pd.DataFrame:
    """Offers A, B and C, of which C was never set; sizes in an order; a promotion; a price; y = 10 for A, 20 for B."""
    rng = np.random.default_rng(0)
    frames = []
    for regime in ("obs", "do(offer)", "do(size)", "do(promo)", "do(price)"):
        offer = rng.choice(["A", "B"] if regime == "do(offer)" else ["A", "B", "C"], n)
        frame = pd.DataFrame({"offer": offer, "size": rng.choice(SIZES, n), "promo": rng.random(n) < 0.5})
        frames.append(frame.assign(price=rng.uniform(1, 3, n), regime=regime))
    rows = pd.concat(frames, ignore_index=True)
    rows["size"] = pd.Categorical(rows["size"], SIZES, ordered=True)
    mean = rows["offer"].map({"A": 10.0, "B": 20.0, "C": 30.0}) + rows["size"].cat.codes + 2.0 * rows["promo"]
    return rows.assign(y=mean - rows["price"] + rng.normal(0, 0.5, len(rows)))


ACTIONS = ["offer", "size", "promo", "price"]
AT: dict[str, Any] = {"offer": "B", "size": "large", "promo": True, "price": 2.0}


@pytest.fixture(scope="module")
def fit(quick_fit: QuickFit) -> Fit:
    return quick_fit(make_rows(), ACTIONS, graph="empty")


def test_labels_are_kept(fit: Fit) -> None:
    assert fit.categories == {"offer": ("A", "B", "C"), "size": tuple(SIZES), "promo": (False, True)}
    estimate = fit.effect(do=AT)
    words = "do(offer=B, size=large, promo=True, price=2)"
    assert estimate.sentence().startswith(f"E[y | do(offer, size, promo, price)] at {words} is 2")
    table = estimate.summary()
    assert table.iloc[0][ACTIONS].tolist() == list(AT.values())
    assert abs(table["mean"].iloc[0] - 22) < 0.5
    assert estimate.draws.coords["offer"].values.tolist() == ["B"]
    seen = fit.effect(do={"offer": "A"}, given={"size": "small", "promo": False, "price": 1.5})
    assert seen.conditions(0) == "do(offer=A), size seen at small, promo seen at False, price seen at 1.5"


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, dict], ids=["pandas", "polars", "mapping"])
def test_many_queries(fit: Fit, kind: Callable[[Any], Any]) -> None:
    columns = {"offer": ["A", "B"], "size": ["small", "large"], "promo": [False, True], "price": [1.5, 2.0]}
    table = fit.effect(do=kind(columns)).summary()
    assert table["offer"].tolist() == ["A", "B"]
    assert table["promo"].tolist() == [False, True]
    one = fit.effect(do=AT).summary()
    assert table["mean"].iloc[1] == pytest.approx(one["mean"].iloc[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offer": "D"}, "do['offer'] is 'D', which is not one of its levels. They are 'A', 'B', 'C'."),
        ({"offer": 1}, "do['offer'] is 1, which is not one of its levels. They are 'A', 'B', 'C'."),
        ({"promo": "yes"}, "do['promo'] is 'yes', which is not one of its levels. They are False, True."),
        ({"size": ["small", None]}, "which is not one of its levels. They are 'small', 'medium', 'large'."),
        ({"price": "B"}, "do['price'] is 'B'; it must be a number"),
    ],
)
def test_unknown_labels_are_refused_with_the_valid_ones(fit: Fit, change: dict, message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        fit.effect(do=AT | change)
    for label in ("A", "B"):
        fit.effect(do=AT | {"offer": label})


def test_a_level_that_was_never_set_is_flagged_not_refused(fit: Fit) -> None:
    with pytest.warns(SupportWarning, match=r"offer='C' was never set \(levels set: 'A', 'B'\)"):
        table = fit.effect(do=AT | {"offer": "C"}).summary()
    assert not table["supported"].iloc[0]
    rest = {name: AT[name] for name in ("size", "promo", "price")}
    assert fit.effect(do=rest, given={"offer": "C"}).summary()["supported"].all()


def test_a_level_that_was_never_seen(quick_fit: QuickFit) -> None:
    rows = make_rows()
    rows = rows[~((rows["size"] == "medium") & (rows["regime"] != "do(size)"))]
    fit = quick_fit(rows, ACTIONS, graph="empty", draws=20, tune=20)
    rest = {name: AT[name] for name in ("offer", "promo", "price")}
    with pytest.warns(SupportWarning, match=r"size='medium' was never seen while it was left alone \(levels seen: 'sm"):
        fit.effect(do=rest, given={"size": "medium"})
    assert fit.effect(do=rest | {"size": "medium"}).summary()["supported"].all()


def test_contrasts_outcomes_and_held_actions(fit: Fit) -> None:
    contrast = fit.contrast(do=AT, versus=AT | {"offer": "A"})
    assert contrast.conditions(0).endswith("versus do(offer=A, size=large, promo=True, price=2)")
    assert abs(contrast.summary()["mean"].iloc[0] - 10) < 0.5
    assert contrast.summary()[["offer", "versus_offer"]].iloc[0].tolist() == ["B", "A"]
    held = fit.effect(do={"offer": "A"}, rest="hold")
    assert "size, promo, price held at observed values" in held.sentence()
    assert fit.outcome(do=AT).summary()["sd"].iloc[0] == pytest.approx(0.5, rel=0.3)
    assert fit.outcome(do={"offer": "B"}, rest="hold").summary()["offer"].tolist() == ["B"]


def test_curves_have_one_value_a_label(fit: Fit) -> None:
    curve = fit.response_curve("offer")
    assert curve.queries["offer"].tolist() == ["A", "B"]  # where it was set
    assert fit.confounding_bias("size").queries["size"].tolist() == SIZES
    chosen = fit.response_curve("size", ["large", "small"])
    assert chosen.queries["size"].tolist() == ["large", "small"]
    with pytest.raises(QueryError, match="They are 'small', 'medium', 'large'"):
        fit.response_curve("size", ["tiny"])


def test_pictures_show_labels(fit: Fit) -> None:
    from matplotlib import pyplot as plt

    ax = fit.confounding_bias("size").plot()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["size=small", "size=medium", "size=large"]
    six = fit.effect(do={**AT, "offer": ["A", "B"] * 3, "size": [label for label in SIZES for _ in range(2)]})
    title = six.plot().get_title().replace("\n", " ")
    assert title.endswith("at promo=True, price=2")
    plt.close("all")


def test_labels_survive_storage(fit: Fit, tmp_path: Path) -> None:
    again = ivg.load(fit.save(tmp_path / "fit.zarr"))
    assert again.categories == fit.categories
    assert [type(label) for label in again.categories["promo"]] == [bool, bool]
    pd.testing.assert_frame_equal(again.effect(do=AT).summary(), fit.effect(do=AT).summary())


def test_tables_are_terms_with_a_scale_each(fit: Fit) -> None:
    names = {term.name: term.size for term in fit.design.terms}
    assert names["causal[offer].table"] == 2
    assert names["confounding[promo].table"] == 1
    assert "causal[offer].linear" not in names
    assert "causal[price].linear" in names
