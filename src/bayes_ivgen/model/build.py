"""From a specification and data to a design: levels, knots, centring (design 4.1)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from bayes_ivgen.basis import Basis, BSpline, Categorical, FittedBasis, FittedTensor, Saturated
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data import Regime, RegimeData
from bayes_ivgen.data.datasets import warn_if_unseparable
from bayes_ivgen.data.profile import thinned
from bayes_ivgen.errors import DataWarning, SpecError
from bayes_ivgen.media.transforms import saturation_of
from bayes_ivgen.model.build_tables import parent_tables
from bayes_ivgen.model.components import (
    CausalComponent,
    CommonLevel,
    Component,
    ConfoundingComponent,
    CovariateComponent,
    DatasetOffset,
    InteractionComponent,
    size_of,
)
from bayes_ivgen.model.components.interaction import Role
from bayes_ivgen.model.design import Design
from bayes_ivgen.model.graph import ActionGraph
from bayes_ivgen.model.structure import Structure

INTERACTION_BASIS = 8  # functions of either variable in an interaction that is at work in every regime
# They place, centre and residualise columns; with millions of rows more would cost more than the fit.
ROWS_PER_REGIME = 20_000
FEW_ROWS = 10  # of a regime, below which a warning is due


def build_design(
    data: RegimeData,
    *,
    causal: Basis,
    confounding: Basis,
    graph: ActionGraph,
    separable: bool,
    structure: Structure,
    scale: tuple[float, float] | None = None,
) -> Design:
    """Fix every basis by the data and lay out the coefficients.

    Columns are centred over the observational rows; where there are none, over the rows that leave
    the component's action unset, or over all rows for a causal component. Those of q(x) are centred
    over all rows, whatever their regime: the law over which effects are averaged. `scale` is the
    centre and unit of the predictor, by default mean and standard deviation of the outcome.

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
        *_interactions(data, structure, causal),
        *(
            _confounding(data, unit, _arguments(unit, graph, structure), confounding, has_level=not separable)
            for unit in structure.units
            if data.regimes_leaving(unit[0])
        ),
    ]
    with_level = tuple(c.members[0] for c in components if isinstance(c, ConfoundingComponent) and c.has_level)
    if len(with_level) > 1:
        components.append(CommonLevel(with_level))
    components += [_covariate(data, name, causal) for name in structure.covariates]
    if len(data.datasets) > 1:
        components.append(DatasetOffset(data.datasets))
        weights = {r: p.dataset_weight for r, p in data.profiles.items() if p.dataset_weight is not None}
        warn_if_unseparable(weights, data.actions, data.datasets)
    mean, sd = _outcome_scale(data) if scale is None else scale
    design = Design(data.actions, tuple(components), mean, sd, structure)
    _warn_about_small_regimes(data)
    _warn_about_thin_components(data, design)
    return design


def all_rows(data: RegimeData) -> FloatArray:
    """Return sampled rows of all regimes in the proportions of the data; shape (n, V + 1)."""
    # Samples are capped, so that a large regime would count too little beside a small one.
    share = min(len(profile.sample) / profile.rows for profile in data.profiles.values())
    kept = []
    for profile in data.profiles.values():
        n = min(len(profile.sample), max(1, round(share * profile.rows)))
        kept.append(thinned(profile.sample, n))
    return np.concatenate(kept)


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
    return np.concatenate([thinned(data.profiles[regime].sample[:, k], ROWS_PER_REGIME) for regime in regimes])


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
    saturation = None if data.carried is None else saturation_of(data.carried.transforms.get(action, ()))
    if saturation is not None:
        basis = Saturated(basis, saturation)
    return CausalComponent(action, _fit_basis(basis, data, action, regimes, centring))


def _arguments(unit: tuple[str, ...], graph: ActionGraph, structure: Structure) -> tuple[str, ...]:
    """Return what a confounding component depends on beside its own actions: outside parents, and covariates."""
    parents = [parent for action in unit for parent in graph.parents_of(action) if parent not in unit]
    return tuple(dict.fromkeys([*parents, *structure.covariates_in("confounding", "causal")]))


def _covariate(data: RegimeData, name: str, basis: Basis) -> CovariateComponent:
    k = data.index(name)
    rows = all_rows(data)
    return CovariateComponent(
        name, basis_of(data, name, basis).fit(rows[:, k], rows[:, k], _levels(data, data.regimes, name))
    )


def _interactions(data: RegimeData, structure: Structure, basis: Basis) -> Iterator[InteractionComponent]:
    margin, centring = _margin(basis), _centring(data, data.regimes)

    def product(role: Role, first: str, second: str, regimes: Sequence[Regime]) -> InteractionComponent:
        margins = [_fit_basis(margin, data, name, regimes, centring) for name in (first, second)]
        return InteractionComponent(role, first, second, _product(data, margins, (first, second), regimes, centring))

    for unit in structure.units:
        for pair in combinations(unit, 2):
            yield product("block", *pair, data.regimes_setting(unit[0]) or data.regimes)
    for name in structure.covariates_in("causal"):
        for action in data.actions:
            yield product("covariate", action, name, data.regimes_setting(action) or data.regimes)
    for pair in structure.synergy:
        yield product("synergy", *pair, data.regimes)


def _margin(basis: Basis) -> Basis:
    # Finer than the margins of c_k: these interactions are part of the joint effect itself, and with five
    # functions a curve that saturates, such as tanh, is off by a twelfth of its standard deviation.
    margin = basis.margin()
    if isinstance(basis, BSpline) and isinstance(margin, BSpline):
        return replace(margin, n_basis=min(basis.n_basis, max(INTERACTION_BASIS, basis.degree + 1)))
    return margin


def _product(
    data: RegimeData,
    margins: Sequence[FittedBasis],
    names: tuple[str, str],
    regimes: Sequence[Regime],
    centring: Sequence[Regime],
) -> FittedTensor:
    placed, centred = ((_pooled(data, rows, names[0]), _pooled(data, rows, names[1])) for rows in (regimes, centring))
    return FittedTensor.fit(margins[0], margins[1], placed, centred)


def _confounding(
    data: RegimeData, members: tuple[str, ...], others: Sequence[str], basis: Basis, *, has_level: bool
) -> ConfoundingComponent:
    regimes = data.regimes_leaving(members[0])
    centring = _centring(data, regimes)
    margins = {name: _fit_basis(basis.margin(), data, name, regimes, centring) for name in (*members, *others)}

    def product(*names: str) -> FittedTensor:
        first, second = names
        return _product(data, [margins[first], margins[second]], (first, second), regimes, centring)

    arguments = (*members, *others)
    placed, centred = ({name: _pooled(data, rows, name) for name in arguments} for rows in (regimes, centring))
    component = ConfoundingComponent(
        members=members,
        has_level=has_level,
        own={member: _fit_basis(basis, data, member, regimes, centring) for member in members},
        inside={pair: product(*pair) for pair in combinations(members, 2)},
        others={other: _fit_basis(basis, data, other, regimes, centring) for other in others},
        tensors={(member, other): product(member, other) for other in others for member in members},
        pairs={pair: product(*pair) for pair in combinations(others, 2)},
        projection=np.empty((0, 0)),
        tables=parent_tables(data, members, others, margins, placed, centred),
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
        if isinstance(component, CausalComponent):
            regimes = data.regimes_setting(component.action) or data.regimes
            what, where, name = "causal", "rows that set it", component.action
        elif isinstance(component, ConfoundingComponent):
            regimes = data.regimes_leaving(component.members[0])
            what, where, name = "confounding", "rows that leave it unset", component.action
        else:
            continue
        rows = sum(data.profiles[regime].weight for regime in regimes)
        columns = size_of(component.terms)
        if rows < columns:
            warnings.warn(
                f"the {what} component of {name!r} has {columns} coefficients but only {rows:g} {where}; "
                "the prior will decide most of it. Add rows, or choose a smaller basis such as BSpline(n_basis=6).",
                DataWarning,
                stacklevel=2,
            )
