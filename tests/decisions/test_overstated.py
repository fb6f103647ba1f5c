"""What is said of an allocation that was chosen for looking best."""

from __future__ import annotations

import pytest

from bayes_ivgen import Fit
from bayes_ivgen.decisions._sentence import CHOSEN

CHANNELS = ["tv", "web", "radio"]
BOUNDS = {"tv": (20.0, 80.0), "web": (10.0, 40.0), "radio": (5.0, 20.0)}


def test_the_sentence_says_that_a_chosen_figure_is_overstated(fit: Fit) -> None:
    found = fit.allocate(80, bounds=BOUNDS)
    assert CHOSEN in found.sentence()
    assert "a fit to rows that the choice has not seen" in found.sentence()


def test_nothing_was_chosen_where_one_allocation_is_allowed(fit: Fit) -> None:
    only = fit.allocate(80, costs={"tv": {40.0: 40.0}, "web": {20.0: 20.0}, "radio": {10.0: 10.0}})
    assert only.best == {"tv": 40.0, "web": 20.0, "radio": 10.0}
    assert CHOSEN not in only.sentence()


def test_another_fit_restates_the_figure(fit: Fit) -> None:
    """The recipe of docs/allocation.md: the allocation of one fit is a query of any other."""
    found = fit.allocate(80, bounds=BOUNDS, status_quo={"tv": 40.0, "web": 20.0, "radio": 10.0})
    again = fit.contrast(do=found.best, versus={"tv": 40.0, "web": 20.0, "radio": 10.0})
    assert again.draws.values.mean() == pytest.approx(found.gain.draws.values.mean())
