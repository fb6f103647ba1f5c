"""All that is public: the names of the package, its folders and extras, of what they return, and their methods."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import bayes_ivgen as ivg
from bayes_ivgen import diagnostics
from bayes_ivgen.interface.plotting import FitPlots
from bayes_ivgen.sklearn import InterventionRegressor

FURTHER = (  # returned, or imported on their own
    FitPlots,
    diagnostics.CheckReport,
    diagnostics.CheckResult,
    diagnostics.LeftOutResult,
    diagnostics.Sensitivity,
    InterventionRegressor,
)


class Public(NamedTuple):
    """One name with its object; `kind` is class, function (also of a class), property or value."""

    name: str
    kind: str
    obj: Any
    owner: type | None = None


def public_names() -> Iterator[Public]:
    """Yield every public name once; what a class inherits from another one of them belongs to that one."""
    seen: set[int] = set()
    for item in _all_names():
        place = id(item.obj if item.kind == "property" else getattr(item.obj, "__func__", item.obj))
        if item.kind == "value" or place not in seen:
            yield item
        seen.add(place)


def _all_names() -> Iterator[Public]:
    for name in ivg.__all__:
        found = getattr(ivg, name)
        if not inspect.ismodule(found):
            yield from _of(f"ivg.{name}", found)
            continue
        inside = getattr(found, "__all__", None) or [key for key, item in vars(found).items() if inspect.isclass(item)]
        for key in inside:
            yield from _of(f"ivg.{name}.{key}", getattr(found, key))
    for found in FURTHER:
        yield from _of(found.__name__, found)


def _of(name: str, found: Any) -> Iterator[Public]:
    if not inspect.isclass(found):
        yield Public(name, "function" if callable(found) else "value", found)
        return
    yield Public(name, "class", found)
    for key, item in inspect.getmembers_static(found):
        if key.startswith("_") or not _ours(item):
            continue
        if isinstance(item, property) or hasattr(item, "attrname"):  # cached_property has one
            yield Public(f"{name}.{key}", "property", item, found)
        elif callable(getattr(found, key)):
            yield Public(f"{name}.{key}", "function", getattr(found, key), found)


def _ours(item: Any) -> bool:
    function = getattr(item, "fget", None) or getattr(item, "func", None) or getattr(item, "__func__", item)
    return inspect.isfunction(function) and function.__module__.startswith("bayes_ivgen")
