"""Formulas as MathML, written when the site is built: pages need neither scripts nor the network to show them."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def _mathml(node: nodes.Element, display: str) -> str:
    formula = re.sub(r"\s*\\tag\{[^}]*\}", "", node.astext())
    formula = re.sub(r"\\[bB]ig[lr]?(?=\\[{}])", "", formula)  # the converter sizes no braces
    try:
        # Commands inside \texttt and \text are left as they stand.
        found = convert(formula, display=display).replace(r"\_", "_")
    except Exception as error:
        LOGGER.warning("formula %r: %r", formula, error, location=node, type="mathml")
        return f"<code>{formula}</code>"
    shown = re.sub(r"<[^>]*>", "", found)
    if "\\" in shown:
        LOGGER.warning("formula %r has a command that is not known", formula, location=node, type="mathml")
    return found


def _inline(self: Any, node: nodes.Element) -> None:
    self.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def _block(self: Any, node: nodes.Element) -> None:
    tag = re.search(r"\\tag\{([^}]*)\}", node.astext())
    number = f'<span class="equation-number">({tag[1]})</span>' if tag else ""
    self.body.append(f'<div class="math-block">{_mathml(node, "block")}{number}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
