"""Weighted rows as rows: for likelihoods with one term a row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_ivgen.data import RegimeData
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
        times = np.round(batch.weights).astype(int)
        if not np.array_equal(times, batch.weights):
            wrong = batch.weights[np.argmax(times != batch.weights)]
            raise SpecError(
                f"to_pymc has one likelihood term a row, so that weights must be whole numbers; {wrong:g} is not. Use "
                "model.fit(data), which takes any weights, or build the data without weights=."
            )
        yield Batch(
            batch.regime,
            np.repeat(batch.variables, times, axis=0),
            np.repeat(batch.outcome, times),
            weights=None,
            exposure=None if batch.exposure is None else np.repeat(batch.exposure, times),
            dataset=None if batch.dataset is None else np.repeat(batch.dataset, times),
        )
