"""Options that describe the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from bayes_ivgen.cli.parsing import graph_of, names_of
from bayes_ivgen.errors import SpecError

if TYPE_CHECKING:
    from bayes_ivgen.interface import InterventionModel


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The model that is fitted.

    Parameters
    ----------
    graph : str
        Which actions drive which: learn, full, empty, or child:parent+parent as web:tv,social:web+radio.
    confounding : {"spline", "separable"}
        Form of the confounding; separable assumes that it does not interact with the action.
    synergy : str
        Pairs of actions that interact, as tv*web,tv*radio; all for every pair.
    block : list of str
        Actions that are always set together, tv,radio; may be repeated.
    likelihood : {"normal", "gamma", "negative_binomial", "bernoulli", "student_t"}
        Law of the outcome given its mean; all but normal need --engine nuts.
    link : {"identity", "log", "log_complement"}
        Scale on which contributions add up.
    noise : {"additive", "regime", "constant"}
        One noise scale for each regime (additive, regime) or one for all.
    """

    graph: str = "learn"
    confounding: Literal["spline", "separable"] = "spline"
    synergy: str | None = None
    block: list[str] | None = None
    likelihood: Literal["normal", "gamma", "negative_binomial", "bernoulli", "student_t"] = "normal"
    link: Literal["identity", "log", "log_complement"] = "identity"
    noise: Literal["additive", "regime", "constant"] = "additive"

    def build(
        self, covariates: Mapping[str, str] | None = None, transforms: Mapping[str, Any] | None = None
    ) -> InterventionModel:
        """Return the model, with roles of covariates and transforms of actions from other options.

        Raises
        ------
        SpecError
            If an option cannot be read, or options do not go together.
        """
        options: dict[str, Any] = {"graph": graph_of(self.graph), "noise": self.noise, "link": self.link}
        options |= {"likelihood": self.likelihood, "synergy": synergy_of(self.synergy)}
        options |= {"covariates": covariates, "transforms": transforms}
        if self.confounding == "separable":
            options["confounding"] = "separable"
        if self.block:
            options["blocks"] = [names_of(text) for text in self.block]
        from bayes_ivgen.interface import InterventionModel

        return InterventionModel(**options)


def synergy_of(text: str | None) -> bool | list[tuple[str, str]]:
    """Read ``all`` or ``tv*web,tv*radio``.

    Raises
    ------
    SpecError
        If a part is not a pair.
    """
    if text is None or text == "all":
        return text is not None
    pairs = [tuple(name.strip() for name in part.split("*")) for part in names_of(text)]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise SpecError(f"--synergy {text!r} is not a list of pairs; write for example --synergy tv*web, or all.")
    return [(pair[0], pair[1]) for pair in pairs]
