"""From a specification and data to a design: levels, knots, centring (design 4.1)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from bayes_ivgen.basis import Basis, Categorical, FittedBasis, FittedTensor
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.datasets import warn_if_unseparable
from bayes_ivgen.errors import DataWarning, SpecError
from bayes_ivgen.model.build_tables import parent_tables
from bayes_ivgen.model.components import (
    CausalComponent,
    CommonLevel,
    Component,
    ConfoundingComponent,
    size_of,
)
from bayes_ivgen.model.components_offset import DatasetOffset
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.graph import ActionGraph

FEW_ROWS = 10  # of a regime, below which a warning is due


def build_design(data: RegimeData, *, causal: Basis, confounding: Basis, graph: ActionGraph, separable: bool) -> Design:
    """Fix every basis by the data and lay out the coefficients.

    Columns are centred over the observational rows; where there are none, over the rows that leave
    the component's action unset, or over all rows for a causal component.

    Raises
    ------
    SpecError
        If the outcome does not vary inside a regime.

    Warns
    -----
    DataWarning
        If a regime has fewer than ten rows, a component more columns than rows that can inform it, or the
        rows cannot tell the offset of a data set from the levels of the regimes.
    """
    components: list[Component | DatasetOffset] = [
        *(_causal(data, action, causal) for action in data.actions),
        *(
            _confounding(data, action, graph.parents_of(action), confounding, has_level=not separable)
            for action in data.actions
            if data.regimes_leaving(action)
        ),
    ]
    with_level = tuple(c.action for c in components if isinstance(c, ConfoundingComponent) and c.has_level)
    if len(with_level) > 1:
        components.append(CommonLevel(with_level))
    if len(data.datasets) > 1:
        components.append(DatasetOffset(data.datasets))
        weights = {r: p.dataset_weight for r, p in data.profiles.items() if p.dataset_weight is not None}
        warn_if_unseparable(weights, data.actions, data.datasets)
    mean, sd = _outcome_scale(data)
    design = Design(data.actions, tuple(components), mean, sd)
    _warn_about_small_regimes(data)
    _warn_about_thin_components(data, design)
    return design


def _outcome_scale(data: RegimeData) -> tuple[float, float]:
    rows = np.array([profile.weight for profile in data.profiles.values()])
    means = np.array([profile.mean[-1] for profile in data.profiles.values()])
    variances = np.array([profile.sd[-1] ** 2 for profile in data.profiles.values()])
    for regime, profile in data.profiles.items():
        if profile.rows > 1 and profile.sd[-1] == 0:
            raise SpecError(
                f"the outcome {data.outcome!r} is {profile.mean[-1]:g} in all {profile.rows} rows of regime "
                f"{regime.label!r}; its noise cannot be learned. Check the outcome column, or leave these rows out."
            )
    mean = float(np.average(means, weights=rows))
    total = np.average(variances + (means - mean) ** 2, weights=rows)
    return mean, float(np.sqrt(total))


def _pooled(data: RegimeData, regimes: Sequence[Regime], action: str) -> FloatArray:
    k = data.index(action)
    return np.concatenate([data.profiles[regime].sample[:, k] for regime in regimes])


def _levels(data: RegimeData, regimes: Sequence[Regime], action: str) -> FloatArray | None:
    k = data.index(action)
    found = [data.profiles[regime].levels[k] for regime in regimes]
    return (
        None
        if any(levels is None for levels in found)
        else np.unique(np.concatenate([x for x in found if x is not None]))
    )


def _centring(data: RegimeData, regimes: Sequence[Regime]) -> Sequence[Regime]:
    observational = [regime for regime in data.regimes if regime.is_observational]
    return observational or regimes


def _fit_basis(
    basis: Basis, data: RegimeData, action: str, regimes: Sequence[Regime], centring: Sequence[Regime]
) -> FittedBasis:
    basis = basis_of(data, action, basis)
    return basis.fit(_pooled(data, regimes, action), _pooled(data, centring, action), _levels(data, regimes, action))


def basis_of(data: RegimeData, variable: str, basis: Basis) -> Basis:
    """Return the table of levels for labels, and `basis` for numbers."""
    found = data.label_sets.get(variable)
    return basis if found is None else Categorical(len(found.labels), found.ordered)


def _causal(data: RegimeData, action: str, basis: Basis) -> CausalComponent:
    # An action that was never set keeps a component: its effect is refused by name, the fit goes on.
    regimes = data.regimes_setting(action) or data.regimes
    centring = _centring(data, data.regimes)
    return CausalComponent(action, _fit_basis(basis, data, action, regimes, centring))


def _confounding(
    data: RegimeData, action: str, parents: Sequence[str], basis: Basis, *, has_level: bool
) -> ConfoundingComponent:
    regimes = data.regimes_leaving(action)
    centring = _centring(data, regimes)
    margin = basis.margin()
    margins = {name: _fit_basis(margin, data, name, regimes, centring) for name in (action, *parents)}

    def product(first: str, second: str) -> FittedTensor:
        placed, centred = ((_pooled(data, rows, first), _pooled(data, rows, second)) for rows in (regimes, centring))
        return FittedTensor.fit(margins[first], margins[second], placed, centred)

    arguments = (action, *parents)
    placed, centred = ({name: _pooled(data, rows, name) for name in arguments} for rows in (regimes, centring))
    component = ConfoundingComponent(
        action=action,
        has_level=has_level,
        own=_fit_basis(basis, data, action, regimes, centring),
        others={other: _fit_basis(basis, data, other, regimes, centring) for other in parents},
        tensors={other: product(action, other) for other in parents},
        pairs={pair: product(*pair) for pair in combinations(parents, 2)},
        projection=np.empty((0, 0)),
        tables=parent_tables(data, action, parents, margins, placed, centred),
    )
    return component.with_projection(placed)


def _warn_about_small_regimes(data: RegimeData) -> None:
    small = {r.label: profile.weight for r, profile in data.profiles.items() if profile.weight < FEW_ROWS}
    if small:
        listed = ", ".join(f"{label!r} with {rows:g}" for label, rows in small.items())
        warnings.warn(
            f"too few rows in some regimes ({listed}): fewer than {FEW_ROWS} say next to nothing about noise and "
            "effects, and what they alone identify rests on the prior. Add rows, or leave the regime out with "
            f"exclude=[{next(iter(small))!r}] where the data are read.",
            DataWarning,
            stacklevel=2,
        )


def _warn_about_thin_components(data: RegimeData, design: Design) -> None:
    for component in design.components:
        if isinstance(component, CommonLevel | DatasetOffset):
            continue
        if isinstance(component, CausalComponent):
            regimes = data.regimes_setting(component.action) or data.regimes
            what, where = "causal", "rows that set it"
        else:
            regimes = data.regimes_leaving(component.action)
            what, where = "confounding", "rows that leave it unset"
        rows = sum(data.profiles[regime].weight for regime in regimes)
        columns = size_of(component.terms)
        if rows < columns:
            warnings.warn(
                f"the {what} component of {component.action!r} has {columns} coefficients but only {rows:g} {where}; "
                "the prior will decide most of it. Add rows, or choose a smaller basis such as BSpline(n_basis=6).",
                DataWarning,
                stacklevel=2,
            )
