"""A test that never took place: rows of one regime with labels at random, in which a fit must find nothing."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.selecting import read_regimes
from bayes_ivgen.diagnostics.placebo import placebo_result
from bayes_ivgen.diagnostics.result import CheckResult
from bayes_ivgen.diagnostics.same_columns import require_same_columns
from bayes_ivgen.errors import GraphWarning, QueryError

if TYPE_CHECKING:
    from bayes_ivgen.interface.fit import Fit

LEAST_ROWS = 40


def placebo_check(
    fit: Fit, data: RegimeData, action: str, regime: Regime | str | None, seed: int, options: dict[str, Any]
) -> CheckResult:
    """Label half of the rows of a regime as a test of `action`, fit both halves; see `Fit.placebo`."""
    require_same_columns(fit.effects, data)
    if action not in fit.actions:
        raise QueryError(f"{action!r} is not an action. The actions are {list(fit.actions)}.")
    unit = fit.design.structure.unit(action)
    source = _source(data, unit, regime)
    label = Regime.of([*source.set_actions, *unit], fit.actions)
    rows = data.profiles[source].sample
    chosen = np.random.default_rng(seed).permutation(len(rows)) < len(rows) // 2
    frame = pd.DataFrame(rows, columns=[*data.variables, data.outcome])
    for name, labels in data.label_sets.items():
        if name in data.variables:
            values = [labels.labels[int(code)] for code in frame[name]]
            frame[name] = pd.Categorical(values, list(labels.labels), ordered=True) if labels.ordered else values
    halves = {source: frame[~chosen], label: frame[chosen]}
    made = RegimeData.from_frames(
        {key.label: half for key, half in halves.items()},
        outcome=data.outcome,
        actions=list(data.actions),
        covariates=list(data.covariates),
    )
    made = replace(made, carried=data.carried)  # the rows hold carried-over spends already
    with warnings.catch_warnings():
        # In the half that was labelled as a test the action follows its causes: the graph is no news.
        warnings.simplefilter("ignore", GraphWarning)
        again = replace(fit.model, graph=fit.graph).fit(made, seed=seed, **options)
    return placebo_result(again.effects, action, source, len(rows))


def _source(data: RegimeData, unit: tuple[str, ...], regime: Regime | str | None) -> Regime:
    """Regime whose rows are split: the one that was named, or the largest that leaves the action alone."""
    leaving = [found for found in data.regimes_leaving(unit[0]) if data.profiles[found].rows >= LEAST_ROWS]
    if regime is None:
        if not leaving:
            raise QueryError(
                f"no regime leaves {unit[0]!r} alone in {LEAST_ROWS} rows or more; a placebo needs such rows. Pick "
                "another action."
            )
        return max(leaving, key=lambda found: data.profiles[found].rows)
    (named,) = read_regimes(data, [regime])
    if named not in leaving:
        raise QueryError(
            f"{named.label} sets {unit[0]!r} or has fewer than {LEAST_ROWS} rows; a placebo needs rows that leave it "
            f"alone. Valid are {[found.label for found in leaving]}."
        )
    return named
