"""A fit and rows that came later: the posterior of all of them, without the earlier rows."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bayes_ivgen.data import RegimeData
from bayes_ivgen.data.merging import merged_data, recoded_like
from bayes_ivgen.errors import DataWarning, SpecError
from bayes_ivgen.interface.carried import refuse_carried
from bayes_ivgen.interface.fit import Fit
from bayes_ivgen.interface.fitting import Prepared, Sampling, check_data, check_engine, check_numbers, sample_fit
from bayes_ivgen.interface.row_summary import FrozenDesign, RowSummary, check_same_columns
from bayes_ivgen.statistics import SufficientStatistics, accumulate

BEYOND = 1.0  # widths of the range before: as far as a query may reach beyond it


def update_fit(fit: Fit, added: Any, sampling: Sampling) -> Fit:
    """Sample the posterior of all rows; see `Fit.update`."""
    model = fit.model
    fit.refuse_unless_normal("sums of squares to which rows could be added; fit all rows together")
    if model.weights is not None:
        raise SpecError(
            f"a fit with weights={model.weights!r} cannot be updated: the weights of the earlier rows would change. "
            "Fit all rows together, or fit with weights=None."
        )
    refuse_carried(fit)
    check_numbers(
        draws=sampling.draws, chains=sampling.chains, tune=sampling.tune, cores=sampling.cores, seed=sampling.seed
    )
    check_engine(sampling.engine, sampling.nuts)
    before = fit.profiles
    facts, statistics = _read(fit, added, before, sampling.cores)
    _warn_about_rows_beyond(before, facts)
    data = merged_data(before, facts)
    unseen = [regime.label for regime, profile in data.profiles.items() if not len(profile.sample)]
    if unseen:
        raise SpecError(
            f"regime {unseen[0]!r} has rows in the summary only: the noise of a regime is learned from rows, of which "
            "a summary has none. Add some rows of the regime with fit.update(data) first."
        )
    total = fit.statistics + statistics
    prepared = Prepared(model, data, fit.graph, fit.design, model.prior_table(), fit.lift_tests)
    labels = tuple(regime.label for regime in data.regimes)
    found = sample_fit(prepared, total.ordered(labels), sampling, np.random.SeedSequence(sampling.seed))
    return found.with_row_worth(fit.row_worth)  # as far as the earlier rows tell


def _read(fit: Fit, added: Any, before: RegimeData, cores: int | None) -> tuple[RegimeData, SufficientStatistics]:
    if isinstance(added, str | Path):
        added = RowSummary.load(added)
    if isinstance(added, RowSummary):
        check_same_columns(FrozenDesign.of_fit(fit).key, added.key)
        return added.facts, added.statistics
    if not isinstance(added, RegimeData):
        raise SpecError(
            f"added is a {type(added).__name__}; pass RegimeData with the new rows, a RowSummary, or the path of one."
        )
    check_data(added)
    data = recoded_like(added, before)
    return data, accumulate(data, fit.design, cores=cores)


def _warn_about_rows_beyond(before: RegimeData, added: RegimeData) -> None:
    had, came = before.pooled_range(before.regimes), added.pooled_range(added.regimes)
    for k, name in enumerate(before.variables):
        if name in before.label_sets:
            continue
        width = had[1][k] - had[0][k]
        if came[0][k] < had[0][k] - BEYOND * width or came[1][k] > had[1][k] + BEYOND * width:
            warnings.warn(
                f"the added rows reach from {came[0][k]:.6g} to {came[1][k]:.6g} in {name!r}, those before from "
                f"{had[0][k]:.6g} to {had[1][k]:.6g}: knots stay where they were, and beyond them curves are straight. "
                "Fit all rows together to learn their shape there.",
                DataWarning,
                stacklevel=4,
            )
