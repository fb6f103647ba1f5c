"""Every public name says what it takes, returns and raises, and has an example that runs."""

from __future__ import annotations

import ast
import doctest
import inspect
import os
import re
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from numpydoc.docscrape import NumpyDocString

from public_names import Public, public_names

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
NAMES = {item.name: item for item in public_names()}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
pytestmark = pytest.mark.xdist_group("docstrings")  # one small fit serves all examples


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What docs/reference/README.md says that the examples share."""
    import matplotlib as mpl

    mpl.use("agg")
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", (REFERENCE / "README.md").read_text(), flags=re.S):
        exec(compile(code, "docs/reference/README.md", "exec"), names)
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("examples"))
    yield names
    os.chdir(before)


def sections(found: Public) -> Any:
    """Return the docstring of a name in its sections."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # unknown or doubled sections
        return NumpyDocString(inspect.getdoc(found.obj) or "")


def described(parts: Any, section: str) -> set[str]:
    """Names that a section describes; ``a, b : int`` describes two."""
    return {name.strip().lstrip("*") for item in parts[section] for name in item.name.split(",")}


def raised(function: Any) -> set[str]:
    """Names of the exceptions of the package that the body raises itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def faults(found: Public) -> Iterator[str]:
    """Yield what a docstring lacks."""
    parts = sections(found)
    if not parts["Summary"] and found.kind != "value":
        yield "no summary"
    if found.kind == "function":
        signature = inspect.signature(found.obj)
        wanted = {name for name in signature.parameters if name not in ("self", "cls")}
        for name in sorted(wanted - described(parts, "Parameters")):
            yield f"the parameter {name} is not described"
        for name in sorted(described(parts, "Parameters") - wanted):
            yield f"{name} is described but no parameter"
        if signature.return_annotation not in (None, "None") and not parts["Returns"] and not parts["Yields"]:
            yield "what it returns is not described"
        stated = {item.type for item in parts["Raises"]}
        for name in sorted(raised(found.obj) - stated):
            yield f"it raises {name} and does not say so"
    takes = found.kind == "class" and not issubclass(found.obj, Exception) and inspect.signature(found.obj).parameters
    if takes and not parts["Parameters"] and not parts["Attributes"]:
        yield "neither parameters nor attributes are described"
    if found.kind in ("function", "class") and ">>>" not in "\n".join(parts["Examples"]):
        yield "no example"


def test_every_public_name_is_described() -> None:
    found = [f"{name}: {fault}" for name, item in NAMES.items() for fault in faults(item)]
    assert found == []


def test_every_property_occurs_in_an_example() -> None:
    missing = []
    for name, item in NAMES.items():
        if item.kind == "property":
            owner = item.owner
            texts = [inspect.getdoc(each) or "" for each in (owner, *vars(owner).values(), item.obj)]
            lines = [line for text in texts for line in text.splitlines() if line.lstrip().startswith((">>>", "..."))]
            if not re.search(rf"\.{name.rsplit('.', 1)[1]}\b", "\n".join(lines)):
                missing.append(name)
    assert missing == []


@pytest.mark.parametrize("name", [name for name, item in NAMES.items() if ">>>" in (inspect.getdoc(item.obj) or "")])
def test_the_examples_run(name: str, shared: dict[str, Any]) -> None:
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(NAMES[name].obj) or "", dict(shared), name, None, None)
    failures: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    runner.run(test, out=failures.append)
    import matplotlib.pyplot as plt

    plt.close("all")
    assert failures == [], "".join(failures)


def test_every_public_name_is_in_the_reference() -> None:
    text = "\n".join(page.read_text() for page in REFERENCE.glob("*.md"))
    listed = set(re.findall(r"auto(?:class|function|exception|data):: (\w+)", text))
    assert {name.rsplit(".", 1)[-1] for name, item in NAMES.items() if item.owner is None} - listed == set()


def test_inherited_names_are_in_the_reference() -> None:
    text = "\n".join(page.read_text() for page in REFERENCE.glob("*.md"))
    inheriting = set(re.findall(r"autoclass:: (\w+)\n   :members:\n   :inherited-members:", text))
    public = {item.obj for item in NAMES.values() if item.kind == "class"}
    needed = set()
    for item in NAMES.values():
        if item.owner is not None:
            home = next(cls for cls in item.owner.__mro__ if item.name.rsplit(".", 1)[-1] in vars(cls))
            if home not in public:
                needed.add(item.owner.__name__)
    assert needed - inheriting == set()


def test_the_checks_can_fail() -> None:
    def silent(a: int, b: int = 1) -> int:
        """Add."""
        if a < 0:
            raise ValueError("negative")
        return a + b

    assert list(faults(Public("silent", "function", silent))) == [
        "the parameter a is not described",
        "the parameter b is not described",
        "what it returns is not described",
        "it raises ValueError and does not say so",
        "no example",
    ]
