"""Plans by week under draws of carry-over: each draw carries spends over by its own weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.effects import EffectPosterior
from bayes_ivgen.effects.queries import Queries
from bayes_ivgen.media.lagged import weights_at
from bayes_ivgen.media.plans import PlanRows
from bayes_ivgen.media.transforms import draws_of, sampled_adstocks

if TYPE_CHECKING:
    from bayes_ivgen.interface.intervention_model import InterventionModel

ROWS_AT_ONCE = 20_000


def drawn_plan(
    effects: EffectPosterior, model: InterventionModel, posterior: xr.Dataset, rows: PlanRows, queries: Queries
) -> Callable[[slice], FloatArray]:
    """Return a function of a block of the rows of a plan: draws of their effects, (chain, draw, row)."""
    drawn = draws_of(posterior)
    weights: dict[int, FloatArray] = {}  # of each action, (draws, lags)
    for action, adstock in sampled_adstocks(model.transforms).items():
        named = {name: x.ravel() for name, x in drawn[action].items()}
        each = [weights_at(adstock, {name: float(x[i]) for name, x in named.items()})[0]
                for i in range(posterior["alpha"].size)]  # fmt: skip
        weights[effects.actions.index(action)] = np.array(each)
    chains, draws, size = effects.coefficients.shape
    coefficients = effects.coefficients.reshape(-1, size)

    def evaluate(block: slice) -> FloatArray:
        windows, given = rows.windows[block], queries.values[block]
        n = len(given)
        found = np.empty((len(coefficients), n))
        step = max(1, ROWS_AT_ONCE // max(n, 1))
        for start in range(0, len(coefficients), step):
            here = slice(start, min(start + step, len(coefficients)))
            values = np.repeat(given[None], here.stop - here.start, axis=0)  # (draws, n, V)
            for k, of_draw in weights.items():
                values[:, :, k] = of_draw[here] @ windows[:, k, : of_draw.shape[1]].T
            x = _rows(effects, queries, values.reshape(-1, given.shape[1]))
            found[here] = np.einsum("dnp,dp->dn", x.reshape(-1, n, size), coefficients[here])
        mean = effects.design.outcome_mean + effects.design.outcome_sd * found
        return mean.reshape(chains, draws, n)

    return evaluate


def _rows(effects: EffectPosterior, queries: Queries, values: FloatArray) -> FloatArray:
    """Design rows of spends; covariates that the plan leaves out are averaged over."""
    asked = replace(queries, values=values)
    matter = set(effects.design.structure.covariates_in("causal")) & set(queries.averaged)
    if not queries.averaged or matter or effects.covariate_rows is None:
        return effects.rows(asked, slice(None))
    # Their own function has mean zero, and nothing else that is at work depends on them.
    known = np.where(np.isnan(values), np.append(np.zeros(len(effects.actions)), effects.covariate_rows[0]), values)
    x = effects.design.rows(known, np.ones(len(effects.actions), dtype=bool))
    for name in queries.averaged:
        x[:, effects.design.columns_of_covariate(name)] = 0.0
    return x
