"""The arguments of a model: checked, copied, written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bayes_ivgen.basis import Basis, BSpline, Polynomial
from bayes_ivgen.basis.specs import spec_from_dict, spec_to_dict
from bayes_ivgen.data import RegimeData
from bayes_ivgen.errors import SpecError
from bayes_ivgen.media.transforms import checked_transforms, free_parameters, transforms_from_dict, transforms_to_dict
from bayes_ivgen.model import ActionGraph, Priors
from bayes_ivgen.model.families import Family, Likelihood, family_of
from bayes_ivgen.model.links import LinkName
from bayes_ivgen.model.monotone_check import check_monotone
from bayes_ivgen.model.structure import Role, Structure, checked_blocks, checked_roles, checked_synergy

Noise = Literal["additive", "regime", "constant"]
GraphChoice = Literal["learn", "full", "empty"]


@dataclass(frozen=True, repr=False)
class ModelSpec:
    """The arguments of an `InterventionModel`, which says what they mean."""

    causal: Basis = field(default_factory=BSpline)
    confounding: Basis | Literal["separable"] = field(default_factory=BSpline)
    graph: GraphChoice | ActionGraph = "learn"
    blocks: Sequence[Sequence[str]] | None = None
    covariates: Mapping[str, Role] | None = None
    synergy: bool | Sequence[tuple[str, str]] = False
    likelihood: Likelihood = "normal"
    link: LinkName = "identity"
    noise: Noise = "additive"
    weights: Literal["variance"] | None = None
    priors: Mapping[str, Any] | None = None
    transforms: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name, basis in (("causal", self.causal), ("confounding", self.confounding)):
            if name == "confounding" and basis == "separable":
                continue
            if not isinstance(basis, BSpline | Polynomial):
                raise SpecError(
                    f"{name}={basis!r} is not a basis; pass BSpline() or Polynomial()"
                    + (", or confounding='separable'." if name == "confounding" else ".")
                )
        if not isinstance(self.graph, ActionGraph) and self.graph not in ("learn", "full", "empty"):
            raise SpecError(
                f"graph={self.graph!r} is not known; pass 'learn', 'full', 'empty' or an ActionGraph such as "
                'ActionGraph({"web": ["tv"]}).'
            )
        # Copies: the specification must not change with a list of the user's.
        object.__setattr__(self, "blocks", checked_blocks(self.blocks))
        object.__setattr__(self, "covariates", checked_roles(self.covariates))
        object.__setattr__(self, "synergy", checked_synergy(self.synergy))
        object.__setattr__(self, "transforms", checked_transforms(self.transforms))
        _only("noise", self.noise, ("additive", "regime", "constant"))
        _only("weights", self.weights, (None, "variance"))
        if self.weights == "variance" and self.noise != "additive":
            raise SpecError(
                f"weights='variance' takes the variance of a row from the additive model, but noise={self.noise!r} "
                "says that rows of a regime have one variance; pass noise='additive', or weights=None."
            )
        check_monotone(self.causal, self.confounding, self.synergy, self.blocks, self.covariates)
        self.family.check_defaults(noise=(self.noise, "additive"), weights=(self.weights, None))
        self.prior_table()

    @property
    def family(self) -> Family:
        """The likelihood with its link and the parameters it has."""
        return family_of(self.likelihood, self.link)

    @property
    def separable(self) -> bool:
        """Whether the levels of the confounding components are taken to be zero."""
        return self.confounding == "separable"

    def prior_table(self) -> Priors:
        """All priors of the model; print it.

        Returns
        -------
        Priors
            ``print`` lists them.

        Examples
        --------
        >>> print("causal_linear" in str(model.prior_table()))
        True
        """
        sampled = {
            f"{variable}[{action}]": prior
            for variable, priors in free_parameters(self.transforms).items()
            for action, prior in priors.items()
        }
        return replace(Priors.from_user(self.priors, self.family.parameters), transforms=sampled)

    def structure(self, data: RegimeData) -> Structure:
        """Resolve synergy, covariates and blocks by the names in `data`.

        Parameters
        ----------
        data : RegimeData
            Rows of one or more regimes.

        Returns
        -------
        Structure

        Raises
        ------
        SpecError
            If a name is unknown, or a regime of the data sets part of a block.

        Examples
        --------
        >>> ivg.InterventionModel(synergy=True).structure(data).synergy
        (('tv', 'web'),)
        """
        return Structure.of(data, blocks=self.blocks, synergy=self.synergy, covariates=self.covariates)

    def sigma_groups(self, regimes: Sequence[str]) -> tuple[NDArray[np.intp], tuple[str, ...]]:
        """Which noise scale each regime has, and the names of the noise scales.

        Parameters
        ----------
        regimes : sequence of str
            Labels of the regimes.

        Returns
        -------
        index : ndarray, shape (R,)
            Noise scale of each regime.
        names : tuple of str
            Names of the noise scales.

        Examples
        --------
        >>> index, names = ivg.InterventionModel(noise="constant").sigma_groups(["obs", "do(tv)"])
        >>> index.tolist(), names
        ([0, 0], ('all',))
        """
        if self.noise == "constant":
            return np.zeros(len(regimes), dtype=np.intp), ("all",)
        return np.arange(len(regimes)), tuple(regimes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for storage.

        Returns
        -------
        dict of str to Any

        Examples
        --------
        >>> model.to_dict()["likelihood"]
        'normal'
        """
        graph = self.graph.to_dict() if isinstance(self.graph, ActionGraph) else self.graph
        return {
            "causal": spec_to_dict(self.causal),
            "confounding": self.confounding if isinstance(self.confounding, str) else spec_to_dict(self.confounding),
            "graph": graph,
            "blocks": self.blocks,
            "covariates": self.covariates,
            "synergy": self.synergy,
            "noise": self.noise,
            "weights": self.weights,
            "likelihood": self.likelihood,
            "link": self.link,
            "transforms": transforms_to_dict(self.transforms),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], priors: Priors) -> Self:
        """Restore a model written by `to_dict`; its priors are stored beside it.

        Parameters
        ----------
        data : mapping
            What `to_dict` returned.
        priors : Priors
            What `prior_table` returned.

        Returns
        -------
        InterventionModel

        Examples
        --------
        >>> ivg.InterventionModel.from_dict(model.to_dict(), model.prior_table()) == model
        True
        """
        graph: Any = data["graph"] if isinstance(data["graph"], str) else ActionGraph(data["graph"])
        default = Priors(has=priors.has)
        usual = {kind.value: prior for kind, prior in default.hyper.items()} | default.spread
        own = {kind.value: prior for kind, prior in priors.hyper.items()} | priors.spread
        changed: dict[str, Any] = {name: prior for name, prior in own.items() if prior != usual[name]}
        if priors.alpha_sd != default.alpha_sd:
            changed["alpha"] = _Named("Normal", {"mu": 0.0, "sigma": priors.alpha_sd})
        if priors.tau_nu != default.tau_nu:
            changed["tau"] = _Named("HalfStudentT", {"nu": priors.tau_nu, "sigma": 1.0})
        return cls(
            causal=spec_from_dict(data["causal"]),
            confounding="separable" if data["confounding"] == "separable" else spec_from_dict(data["confounding"]),
            graph=graph,
            blocks=data["blocks"],
            covariates=data["covariates"],
            synergy=data["synergy"],
            noise=data["noise"],
            weights=data["weights"],
            likelihood=data["likelihood"],
            link=data["link"],
            priors=changed or None,
            transforms=transforms_from_dict(data.get("transforms")),
        )


@dataclass(frozen=True)
class _Named:
    """A prior by name, read like a pymc_extras Prior."""

    distribution: str
    parameters: dict[str, float]


def _only(name: str, value: Any, valid: tuple[Any, ...]) -> None:
    if not any(value is choice or (isinstance(choice, str) and value == choice) for choice in valid):
        shown = ", ".join(repr(choice) for choice in valid)
        raise SpecError(f"{name}={value!r} is not available; valid here: {shown}.")
