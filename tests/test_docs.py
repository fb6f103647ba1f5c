"""The pages: each example is a notebook in text form without output, and the lists of pages are complete."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.md") if path.name != "README.md")
PAGES = [*EXAMPLES, *sorted((ROOT / "docs").glob("**/*.md"))]
CELL = re.compile(r"```\{code-cell\} ipython3\n(?P<options>(?::[^\n]*\n)*)(?P<code>.*?)```", flags=re.S)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", [*EXAMPLES, ROOT / "docs" / "tutorial.md"], ids=named)
def test_an_example_is_a_notebook_that_parses(page: Path) -> None:
    text = page.read_text()
    assert text.startswith("---\nfile_format: mystnb\nkernelspec:\n  name: python3\n")
    cells = [match["code"] for match in CELL.finditer(text)]
    assert len(cells) == text.count("{code-cell}")
    assert len(cells) > 1
    for code in cells:
        ast.parse(code)
    assert "import bayes_ivgen as ivg" in text or "light_tunnel" in text


def test_the_gallery_lists_every_example() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    listed = re.findall(r"\]\((\w+)\.md\)", text)
    assert sorted(listed) == [path.stem for path in EXAMPLES]
    tree = re.search(r"\{toctree\}\n:hidden:\n\n(.*?)\n```", text, flags=re.S)
    assert tree is not None
    assert tree[1].split() == listed


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.S)
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", prose)
    assert [link for link in links if not (page.parent / link).resolve().exists()] == []
