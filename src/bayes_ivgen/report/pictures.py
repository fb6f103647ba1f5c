"""Figures as data URIs that follow the light or dark scheme of the reader."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bayes_ivgen.report.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f2328"
_SCHEME = {
    "ink": ((INK, "#000000", "#333333"), INK, "#e6e8eb"),
    "paper": (("#ffffff",), "#ffffff", "#15181d"),
    "field": (("#ebebeb",), "#ebebeb", "#2a2f37"),
    "rule": (("#cccccc",), "#cccccc", "#4a515c"),
    "blue": (("#0072b2",), "#0072b2", "#56b4e9"),
    "orange": (("#d55e00",), "#d55e00", "#f0883e"),
}
"""Colours of the drawing, what they are on white paper, and on dark ground."""

_STYLE: Any = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.0,
    "text.parse_math": False,  # a dollar sign in a name is one
    "svg.fonttype": "path",  # the same letters everywhere, no fonts to load
    "svg.hashsalt": "bayes-ivgen",
}
WIDTH = 3.9  # inches: legible on a screen of 400 pixels without shrinking
_PIXELS = 96


def picture(draw: Callable[[Axes], object], *, alt: str, caption: str, height: float = 3.0) -> Picture:
    """Draw on a fresh axes and keep it as text.

    Parameters
    ----------
    draw : callable
        Takes the axes.
    alt : str
        What the picture shows, for those who do not see it.
    caption : str
        Text below it.
    height : float
        Inches.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    content = base64.b64encode(_adapting(written.getvalue()).encode()).decode()
    source = f"data:image/svg+xml;base64,{content}"
    return Picture(source, alt, caption, round(WIDTH * _PIXELS), round(height * _PIXELS))


def _adapting(drawing: str) -> str:
    """Let the colours of a drawing depend on the scheme of the reader, and drop what the page does not need."""
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.S)
    name_of = {colour: name for name, (colours, _, _) in _SCHEME.items() for colour in colours}
    drawing = re.sub(
        r"(fill|stroke): (#[0-9a-f]{6})",
        lambda match: f"{match[1]}: var(--{name_of[match[2]]})" if match[2] in name_of else match[0],
        drawing,
    )
    light, dark = ("".join(f"--{name}:{values[side]};" for name, values in _SCHEME.items()) for side in (1, 2))
    style = f"<style>:root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + style, drawing, count=1)
