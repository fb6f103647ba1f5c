"""Posterior distributions for joint interventional effects.

Learn what happens when several actions are set together, from observational rows and from
experiments that set one action at a time (Kekić, Garrido Mejia and Schölkopf, ICML 2025).
"""

from importlib import import_module
from logging import NullHandler, getLogger
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayes_ivgen import benchmark as benchmark
    from bayes_ivgen import decisions, errors, media, simulate
    from bayes_ivgen.basis import BSpline, Polynomial
    from bayes_ivgen.data import Regime, RegimeData
    from bayes_ivgen.effects import Estimate
    from bayes_ivgen.interface import Fit, InterventionModel, RowSummary
    from bayes_ivgen.model import ActionGraph
    from bayes_ivgen.storage import load

__all__ = [
    "ActionGraph",
    "BSpline",
    "Estimate",
    "Fit",
    "InterventionModel",
    "Polynomial",
    "Regime",
    "RegimeData",
    "RowSummary",
    "decisions",
    "errors",
    "load",
    "media",
    "simulate",
]

getLogger(__name__).addHandler(NullHandler())  # whoever wants to read the log says so: docs/ecosystem.md

_HOME = {
    "ActionGraph": "bayes_ivgen.model",
    "BSpline": "bayes_ivgen.basis",
    "Estimate": "bayes_ivgen.effects",
    "Fit": "bayes_ivgen.interface",
    "InterventionModel": "bayes_ivgen.interface",
    "Polynomial": "bayes_ivgen.basis",
    "Regime": "bayes_ivgen.data",
    "RegimeData": "bayes_ivgen.data",
    "RowSummary": "bayes_ivgen.interface",
    "load": "bayes_ivgen.storage",
}


def __getattr__(name: str) -> Any:
    # Names are imported when they are first used: `import bayes_ivgen` and --help stay quick.
    if name == "__version__":
        from importlib.metadata import version

        return version("bayes-ivgen")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in ("benchmark", "decisions", "errors", "media", "simulate"):
        return import_module(f"bayes_ivgen.{name}")
    raise AttributeError(f"module 'bayes_ivgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
