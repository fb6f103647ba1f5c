"""The competitors by name. A new one is a file with one function, and one line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module

from bayes_ivgen.baselines import Method
from bayes_ivgen.errors import SpecError

METHODS: Mapping[str, str] = {
    "ours": "bayes_ivgen.benchmark.ours:ours",
    "ours_nuts": "bayes_ivgen.benchmark.ours:ours_nuts",
    "plug_in": "bayes_ivgen.baselines:plug_in",
    "observational": "bayes_ivgen.baselines:observational",
    "pooled": "bayes_ivgen.baselines:pooled",
    "joint_topline": "bayes_ivgen.baselines:joint_topline",
    "additive_joint_topline": "bayes_ivgen.baselines:additive_joint_topline",
    "constant": "bayes_ivgen.baselines:constant",
}
"""Where each method is: ``module:function``; it is imported in the process that runs it."""

DEFAULTS = tuple(name for name in METHODS if name != "ours_nuts")

Chosen = Mapping[str, "str | Method"]


def choose(methods: Iterable[str] | Mapping[str, Method] | None) -> dict[str, str | Method]:
    """Read what a user asks for: names, or a mapping that also holds callables of the user's own.

    Raises
    ------
    SpecError
        If a name is unknown, or a value is neither a callable nor the name of a method.
    """
    if methods is None:
        return {name: METHODS[name] for name in DEFAULTS}
    if isinstance(methods, str):
        methods = [methods]
    if isinstance(methods, Mapping):
        return {str(name): _target(value) for name, value in methods.items()}
    chosen = {name: _target(name) for name in methods}
    if not chosen:
        raise SpecError(f"no method is named; pass some of {', '.join(METHODS)}.")
    return chosen


def _target(value: str | Method) -> str | Method:
    if callable(value):
        return value
    if value in METHODS:
        return METHODS[value]
    raise SpecError(
        f"there is no method {value!r}. The methods are {', '.join(METHODS)}; choose some of them, or pass a "
        "mapping of names to callables of your own."
    )


def resolve(target: str | Method, degree: int) -> Method:
    """Import a method; one with an argument `degree` gets that of the task."""
    method: Callable[..., object] = target if callable(target) else _imported(target)
    if "degree" in inspect.signature(method).parameters:
        return partial(method, degree=degree)  # type: ignore[return-value]
    return method  # type: ignore[return-value]


def _imported(place: str) -> Method:
    module, _, name = place.partition(":")
    found: Method = getattr(import_module(module), name)
    return found
