"""The score test: level, degrees of freedom, invariance to the columns that it takes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_ivgen import RegimeData
from bayes_ivgen.diagnostics.scores import Projection, adjustment, holm, score_test


def test_the_level_holds_where_the_variance_depends_on_the_direction() -> None:
    rng = np.random.default_rng(0)
    p = []
    for _ in range(600):
        z, known = rng.normal(size=(80, 2)), np.column_stack([np.ones(80), rng.normal(size=(80, 5))])
        y = known @ rng.normal(size=6) + np.exp(0.8 * z[:, 0]) * rng.normal(size=80)
        projection = Projection.on(known)
        p.append(score_test(projection.residual(y[:, None]), z, projection).p_value)
    rejected = np.mean(np.array(p) < 0.1)
    assert rejected == pytest.approx(0.1, abs=3.5 * np.sqrt(0.1 * 0.9 / 600))
    # An F test, which takes the variance to be constant, rejects far too often.


def test_columns_in_the_span_are_no_degrees_of_freedom() -> None:
    rng = np.random.default_rng(1)
    known = np.column_stack([np.ones(200), rng.normal(size=(200, 3))])
    projection = Projection.on(np.column_stack([known, known[:, 1] + known[:, 2]]))
    assert projection.rank == 4
    y = projection.residual(rng.normal(size=(200, 1)))
    assert score_test(y, known[:, 1:3] @ [[1.0], [2.0]], projection).df == 0
    fresh = rng.normal(size=(200, 2))
    twice = np.column_stack([fresh, fresh[:, 0] - fresh[:, 1], known[:, 2]])
    assert score_test(y, twice, projection).df == 2
    assert score_test(y, twice, projection).statistic == pytest.approx(score_test(y, fresh, projection).statistic)


def test_with_many_rows_it_is_chi_squared() -> None:
    rng = np.random.default_rng(2)
    projection = Projection.on(np.ones((20_000, 1)))
    found = score_test(projection.residual(rng.normal(size=(20_000, 1))), rng.normal(size=(20_000, 3)), projection)
    assert found.df == 3
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 3), rel=0.01)


def test_holm() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


def test_a_regression_has_ten_rows_a_column() -> None:
    """With many rows degree 6 and products of degree 3; with few of them less, so that residuals stay residuals."""
    rng = np.random.default_rng(3)
    names = list("abcde")
    for n, columns in ((1500, 1 + 5 * 6 + 10 * 9), (1200, 1 + 5 * 5 + 10 * 4), (250, 1 + 5 * 3), (120, 1 + 5 * 2)):
        frame = pd.DataFrame(rng.normal(size=(n, 6)), columns=[*names, "y"]).assign(regime="obs")
        data = RegimeData.from_frame(frame, outcome="y", actions=names)
        found = adjustment(data, names, frame[names].to_numpy())
        assert found.shape == (n, columns)
        assert n >= 10 * columns
        assert Projection.on(found).rank == columns
