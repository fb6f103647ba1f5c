"""Offsets of the data sets, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects.estimate import DEFAULT_PROB, check_prob
from bayes_ivgen.errors import QueryError
from bayes_ivgen.model import Design
from bayes_ivgen.model.components.dataset_offset import DatasetOffset


def dataset_offsets(design: Design, coefficients: FloatArray, prob: float = DEFAULT_PROB) -> pd.DataFrame:
    """Posterior of the offset of each data set, on the scale of the predictor.

    With the identity link that is the unit of the outcome. With ``link="log"`` offsets are added to log E[Y], so
    that exp(offset) is the factor on the mean; with ``"log_complement"`` to -log(1 - E[Y]), and exp(-offset) is the
    factor on 1 - E[Y].

    Parameters
    ----------
    design : Design
        Columns.
    coefficients : ndarray of shape (chain, draw, P)
        Draws, the intercept first.
    prob : float
        Mass of the interval.

    Returns
    -------
    DataFrame
        ``mean``, ``sd``, ``lower`` and ``upper`` for each data set; the offsets of each draw sum to zero.

    Raises
    ------
    QueryError
        If the data had no more than one data set.
    """
    pairs = zip(design.components, design.component_slices, strict=True)
    found = next(((c, columns) for c, columns in pairs if isinstance(c, DatasetOffset)), None)
    if found is None:
        raise QueryError(
            "the data have no more than one data set, so there are no offsets; build them with "
            "RegimeData.from_frame(..., dataset='column of data sets')."
        )
    component, columns = found
    tail = (1 - check_prob(prob)) / 2
    draws = design.outcome_sd * coefficients[..., columns].reshape(-1, columns.stop - columns.start)
    offsets = draws @ component.contrasts.T
    lower, upper = np.quantile(offsets, [tail, 1 - tail], axis=0)
    table = pd.DataFrame(
        {"mean": offsets.mean(axis=0), "sd": offsets.std(axis=0, ddof=1), "lower": lower, "upper": upper},
        index=pd.Index(component.datasets, name="dataset"),
    )
    table.attrs["prob"] = prob
    return table
