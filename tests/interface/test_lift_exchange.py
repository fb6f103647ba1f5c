"""Lift tests in the format of pymc-marketing's ``add_lift_test_measurements``, in and out.

Its conditions (``pymc_marketing.mmm.lift_test``): columns ``x``, ``delta_x``, ``delta_y``, ``sigma`` and one column for
each dim of the saturation parameters, at least ``channel``; delta_x * delta_y >= 0; values of ``channel`` are those of
the model.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_ivgen import Fit, InterventionModel, RegimeData
from bayes_ivgen.errors import DataError

REQUIRED = {"channel", "x", "delta_x", "delta_y", "sigma"}


def test_their_tables_can_be_read(data: RegimeData) -> None:
    theirs = pd.DataFrame({"x": [10, 20, 30], "delta_x": [5, 5, -5], "delta_y": [1, 2, -3], "sigma": [0.1, 0.2, 0.3]})
    tests = InterventionModel().read_lift_tests(theirs.assign(channel="tv"), data)
    assert tests is not None
    assert tests.actions == ("tv", "tv", "tv")
    np.testing.assert_array_equal(tests.delta_y, [1.0, 2.0, -3.0])


@pytest.mark.parametrize("dim", ["geo", "date"])
def test_their_further_dims_are_refused_by_name(dim: str, data: RegimeData) -> None:
    theirs = pd.DataFrame({"channel": ["tv"], "x": [10], "delta_x": [5], "delta_y": [1], "sigma": [0.1], dim: ["one"]})
    with pytest.raises(DataError, match=f"has a column '{dim}', which the model would ignore"):
        InterventionModel().read_lift_tests(theirs, data)
    assert InterventionModel().read_lift_tests(theirs.drop(columns=dim), data) is not None


def test_our_tables_meet_their_conditions(fit: Fit) -> None:
    found = pd.concat([fit.to_lift_tests(name, x=[20.0, 60.0], delta_x=[30.0, -30.0]) for name in ("tv", "web")])
    assert set(found.columns) == REQUIRED
    assert set(found["channel"]) == {"tv", "web"}
    assert all(found[name].dtype == np.float64 for name in REQUIRED - {"channel"})
    assert (found["sigma"] > 0).all()
    # A channel that works: more spend more sales, less spend less.
    assert (found["delta_x"] * found["delta_y"] >= 0).all()
    # They come back as they went out.
    again = InterventionModel().read_lift_tests(found, fit.profiles)
    assert again is not None
    np.testing.assert_array_equal(again.delta_y, found["delta_y"])
