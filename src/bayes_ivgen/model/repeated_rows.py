"""Weighted rows as rows: for likelihoods with one term a row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.profile import FloatArray
from bayes_ivgen.data.sources import Batch
from bayes_ivgen.errors import SpecError


def repeated(data: RegimeData) -> Iterator[Batch]:
    """Yield all rows without weights, each as often as its weight says.

    Raises
    ------
    SpecError
        If a weight is not a whole number.
    """
    for batch in data.batches():
        if batch.weights is None:
            yield batch
            continue
        times = whole(batch.weights)
        yield Batch(
            batch.regime,
            np.repeat(batch.variables, times, axis=0),
            np.repeat(batch.outcome, times),
            weights=None,
            exposure=None if batch.exposure is None else np.repeat(batch.exposure, times),
            dataset=None if batch.dataset is None else np.repeat(batch.dataset, times),
        )


def whole(weights: FloatArray, instead: str = "model.fit(data)") -> NDArray[np.intp]:
    """Return weights as numbers of rows; the error says to use `instead`.

    Raises
    ------
    SpecError
        If a weight is not a whole number.
    """
    times = np.round(weights).astype(np.intp)
    if not np.array_equal(times, weights):
        wrong = weights[np.argmax(times != weights)]
        raise SpecError(
            f"to_pymc has one likelihood term a row, so that weights must be whole numbers; {wrong:g} is not. Use "
            f"{instead}, which takes any weights, or build the data without weights=."
        )
    return times
