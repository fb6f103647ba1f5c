"""The model with random carry-over and saturation as a `pymc.Model`, row by row (docs/theory/carry_over.md).

With lags x_k,t-l of the rows as data, the weights w(alpha) of carry-over and v(rho) of the memory of natural spends,

    Y_t ~ N( mu + sd [ alpha + sum_k m_k(w_k' x_k) + sum_k (1 - R_kt) c_k(v_k' x_k, ...) + q(s_t) ], sd sigma_r ),

m_k a function of s_k(w_k' x_k) where the spend saturates. Knots, centres and scales of all columns are those of the
design, which was made at a reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis import FittedSaturated
from bayes_ivgen.basis.base import FloatArray
from bayes_ivgen.data.lift_tests import LiftTests
from bayes_ivgen.media.adstock import Adstock
from bayes_ivgen.media.lagged import LaggedRows
from bayes_ivgen.media.parameter_prior import ParameterPrior
from bayes_ivgen.media.saturation import Saturation
from bayes_ivgen.media.transforms import Transforms, free_parameters, parameter_of, sampled_saturations
from bayes_ivgen.model.carried_columns import random_columns
from bayes_ivgen.model.components import CausalComponent, ConfoundingComponent, InteractionComponent
from bayes_ivgen.model.components.dataset_offset import with_dataset
from bayes_ivgen.model.design import Design, indicators
from bayes_ivgen.model.linear import LinearObservations
from bayes_ivgen.model.priors import Priors
from bayes_ivgen.model.pymc_model import coordinates, observe_changes, scales
from bayes_ivgen.model.repeated_rows import whole

if TYPE_CHECKING:
    import pymc as pm

Variables = Mapping[str, Mapping[str, Any]]  # tensors of what is free, by action and name


@dataclass(frozen=True, eq=False)
class CarriedProblem:
    """Rows with lags and the design whose columns they enter.

    Attributes
    ----------
    rows : LaggedRows
        The rows.
    design : Design
        Made at the reference.
    sigma_index : ndarray of int, shape (R,)
        Which noise scale each regime has.
    sigma_names : tuple of str
        Names of the noise scales.
    transforms : dict of str to tuple
        Transforms of the model, with priors.
    tests : LiftTests or None
        Lift tests beside the rows.
    """

    rows: LaggedRows
    design: Design = field(repr=False)
    sigma_index: NDArray[np.intp]
    sigma_names: tuple[str, ...]
    transforms: Transforms
    tests: LiftTests | None = None

    @cached_property
    def free(self) -> dict[str, dict[str, ParameterPrior]]:
        """Priors of what is sampled, by variable and action: ``{"adstock_alpha": {"tv": prior}}``."""
        return free_parameters(self.transforms)

    @cached_property
    def saturations(self) -> dict[str, Saturation]:
        """The saturations that are sampled, by action."""
        return sampled_saturations(self.transforms)

    @cached_property
    def coords(self) -> dict[str, Any]:
        """Coordinates of all dims but those of rows."""
        places = {f"{variable}_action": list(priors) for variable, priors in self.free.items()}
        regimes = {"regime": [regime.label for regime in self.rows.regimes]}
        return coordinates(self.design, self.sigma_names) | places | regimes

    @cached_property
    def outcome(self) -> FloatArray:
        """Outcome in units of the model."""
        return (self.rows.outcome - self.design.outcome_mean) / self.design.outcome_sd

    @cached_property
    def was_set(self) -> NDArray[np.bool_]:
        """R_k of each row; shape (n, K)."""
        return indicators(self.rows.regimes, self.design.actions)[self.rows.regime]

    @cached_property
    def random(self) -> list[int]:
        """Positions of the components that have an action with random carry-over as an argument, or saturate."""
        return [
            i
            for i, c in enumerate(self.design.components)
            if set(self.rows.lags) & set(_arguments(c))
            or (isinstance(c, CausalComponent) and c.action in self.saturations)
        ]

    @cached_property
    def known_columns(self) -> NDArray[np.intp]:
        """Columns that no transform changes; the intercept is one."""
        random = [np.r_[self.design.component_slices[i]] for i in self.random]
        return np.setdiff1d(np.arange(self.design.n_coefficients), np.concatenate([[], *random]))

    def columns(self, parameters: Mapping[str, Mapping[str, float]]) -> FloatArray:
        """All columns at numbers for what is free, by action and name; shape (n, P)."""
        causal, natural = self.rows.carried(parameters)
        found = self.design_at(parameters).rows(causal, self.was_set, self.rows.dataset)
        of_natural = self.design.rows(natural, self.was_set, self.rows.dataset)
        for i in self.random:
            if isinstance(self.design.components[i], ConfoundingComponent):
                place = self.design.component_slices[i]
                found[:, place] = of_natural[:, place]
        return found

    def design_at(self, parameters: Mapping[str, Mapping[str, float]]) -> Design:
        """Return the design with other saturations: knots, centres and scales stay."""
        components = list(self.design.components)
        for i, c in enumerate(components):
            if isinstance(c, CausalComponent) and c.action in self.saturations:
                assert isinstance(c.basis, FittedSaturated)
                named = {name: parameters[c.action][name] for name in self.saturations[c.action].free}
                basis = FittedSaturated(c.basis.basis, replace(c.basis.saturation, **named))  # type: ignore[arg-type]
                components[i] = replace(c, basis=basis)
        return replace(self.design, components=tuple(components))

    def lift_tests_at(self, parameters: Mapping[str, Mapping[str, float]]) -> LinearObservations | None:
        """Return the lift tests as observations of the coefficients, at numbers for what is free."""
        return None if self.tests is None else LinearObservations.of_lift_tests(self.tests, self.design_at(parameters))

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Which column of the design each of the `random_rows` is."""
        return np.concatenate([self.known_columns, *(np.r_[self.design.component_slices[i]] for i in self.random)])

    def random_rows(self, variables: Variables, spends: Mapping[str, Any], naturals: Mapping[str, Any]) -> Any:
        """All columns as a tensor (n, P), in the order of `order`.

        Parameters
        ----------
        variables : dict of str to dict of str to scalar tensor
            What is free by action and name.
        spends, naturals : dict of str to tensor of shape (n,)
            Carried-over spends, and what natural spends tell of the confounder.
        """
        import pytensor.tensor as pt

        given = self.rows.values, self.rows.dataset
        blocks = [pt.as_tensor(self.design.rows(given[0], self.was_set, given[1])[:, self.known_columns])]
        values = with_dataset(dict(zip(self.design.variables, given[0].T, strict=True)), given[1])
        for i in self.random:
            component, place = self.design.components[i], self.design.component_slices[i]
            factor = np.array([component.at_work(regime) for regime in self.rows.regimes])[self.rows.regime]
            at = np.flatnonzero(factor)
            known = values | dict(naturals if isinstance(component, ConfoundingComponent) else spends)
            here = {name: known[name][at] for name in _arguments(component)}
            part = factor[at][:, None] * random_columns(component, here, self._free(component, variables))
            blocks.append(pt.set_subtensor(pt.zeros((len(factor), place.stop - place.start))[at], part))
        return pt.concatenate(blocks, axis=1)

    def lift_rows(self, variables: Variables) -> Any:
        """Rows of the lift tests as a tensor (tests, P), in the order of `order`: differences of causal columns."""
        import pytensor.tensor as pt

        assert self.tests is not None
        known = LinearObservations.of_lift_tests(self.tests, self.design).rows
        blocks = [pt.as_tensor(known[:, self.known_columns])]
        for i in self.random:
            component, place = self.design.components[i], self.design.component_slices[i]
            free = self._free(component, variables)
            if not free:  # of steady spends, whatever carries over
                blocks.append(pt.as_tensor(known[:, place]))
                continue
            at = np.flatnonzero([name == component.members[0] for name in self.tests.actions])
            before, after = self.tests.x[at], (self.tests.x + self.tests.delta_x)[at]
            first, last = (random_columns(component, {component.members[0]: pt.as_tensor(x)}, free)
                           for x in (before, after))  # fmt: skip
            blocks.append(pt.set_subtensor(pt.zeros((len(known), place.stop - place.start))[at], last - first))
        return pt.concatenate(blocks, axis=1)

    def _free(self, component: Any, variables: Variables) -> Mapping[str, Any]:
        """Return random parameters of the saturation of a component."""
        if not (isinstance(component, CausalComponent) and component.action in self.saturations):
            return {}
        return {name: variables[component.action][name] for name in self.saturations[component.action].free}


def _arguments(component: Any) -> tuple[str, ...]:
    """Return names of the variables of a component of actions; none for others."""
    if isinstance(component, CausalComponent):
        return (component.action,)
    if isinstance(component, InteractionComponent):
        return (component.first, component.second)
    if isinstance(component, ConfoundingComponent):
        return (*component.own, *component.others)
    return ()


def transform_variables(problem: CarriedProblem) -> dict[str, dict[str, Any]]:
    """Return variables of what is free by action and name, inside a model context."""
    import pymc as pm
    import pytensor.tensor as pt

    found: dict[str, dict[str, Any]] = {}
    for variable, priors in problem.free.items():
        drawn = {action: prior.variable(f"{variable}[{action}]") for action, prior in priors.items()}
        for action, item in drawn.items():
            found.setdefault(action, {})[str(parameter_of(variable))] = item
        pm.Deterministic(variable, pt.stack(list(drawn.values())), dims=f"{variable}_action")
    return found


def carried_spends(problem: CarriedProblem, variables: Variables) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return random carried-over spends and memories of natural spends, inside a model context."""
    import pymc as pm
    import pytensor.tensor as pt

    spends, naturals = {}, {}
    for action, adstock in problem.rows.adstocks.items():
        lagged = pm.Data(f"lags[{action}]", problem.rows.lags[action], dims=("row", f"lag[{action}]"))
        own, memory = _weights(adstock, variables[action])
        spends[action], naturals[action] = pt.dot(lagged, own), pt.dot(lagged, memory)
    return spends, naturals


def _weights(adstock: Adstock, variables: Mapping[str, Any]) -> tuple[Any, Any]:
    import pytensor.tensor as pt

    alpha, theta, memory = (variables.get(name, getattr(adstock, name)) for name in ("alpha", "theta", "memory"))
    lags = np.arange(adstock.l_max, dtype=float)
    exponent = lags if adstock.kind == "geometric" else (lags - theta) ** 2

    def normalised(rate: Any, power: Any) -> Any:
        raw = pt.as_tensor(rate) ** power
        return raw / pt.sum(raw)

    return normalised(alpha, exponent), normalised(memory, lags)


def carried_model(problem: CarriedProblem, priors: Priors) -> pm.Model:
    """Build the generative model; see `rowwise_model` for units and names.

    Raises
    ------
    SpecError
        If a weight is not a whole number.
    """
    import pymc as pm
    import pytensor.tensor as pt

    times = whole(problem.rows.weights, "model.fit(data, engine='nuts')")
    problem = replace(problem, rows=problem.rows.repeated(times))
    design = problem.design
    with pm.Model(coords=problem.coords) as model:
        index = pm.Data("sigma_index", problem.sigma_index[problem.rows.regime], dims="row")
        variables = transform_variables(problem)
        columns = problem.random_rows(variables, *carried_spends(problem, variables))
        alpha = pm.Normal("alpha", 0.0, priors.alpha_sd)
        _, tau, sigma = scales(design, priors)
        z = pm.Normal("z", 0.0, 1.0, dims="coefficient")
        beta = pm.Deterministic("beta", z * tau[design.term_index], dims="coefficient")
        coefficients = pt.concatenate([alpha[None], beta])[problem.order]
        mean = design.outcome_mean + design.outcome_sd * pt.dot(columns, coefficients)
        pm.Normal("outcome", mean, design.outcome_sd * sigma[index], observed=problem.rows.outcome, dims="row")
        if problem.tests is not None:
            known = LinearObservations.of_lift_tests(problem.tests, design)
            observe_changes(known, pt.dot(problem.lift_rows(variables), coefficients), design.outcome_sd)
    return model
